"""`bowerbird doctor`."""

import json
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from types import FrameType

import click

from .. import settings
from ..doctor import Finding, examine
from ..errors import SettingsError

_MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL", "skip": "-   "}
_WIDTH = 24  # of the longest name of a check
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command()
@click.option(
    "--json", "as_json", is_flag=True, help="Print a JSON list: check, level (ok, warn, fail, skip), seen, advice."
)
@click.option(
    "--public-only", is_flag=True, help="Check the bucket and the public address, and nothing of this machine."
)
def doctor(as_json: bool, public_only: bool) -> None:
    """Check the whole chain with a real image, which is removed again: settings, catalog, worker, bucket, signing
    proxy, webhook, and what viewers get at the public address. Exit 1 if anything is wrong.

    Costs about fifteen class B transactions, and two purges where a purge token is set.

    \b
    Example:
      bowerbird doctor --json
    """
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    found: list[Finding] = []
    with closing(_findings(public_only)) as findings:
        for one in findings:
            found.append(one)
            if not as_json:
                click.echo(_line(one))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
    count = Counter(one.level for one in found)
    click.echo(
        f"{count['ok']} ok, {count['warn']} to look at, {count['fail']} wrong, {count['skip']} not checked", err=True
    )
    if count["fail"]:
        sys.exit(1)


def _findings(public_only: bool) -> Iterator[Finding]:
    try:
        chosen = settings.load()
        yield from examine(chosen, only_public=public_only)
    except SettingsError as e:
        for problem in e.problems:
            yield Finding(
                "settings", problem, "correct it in the environment or in .env; nothing else was checked", "fail"
            )


def _line(one: Finding) -> str:
    line = f"{_MARKS[one.level]}  {one.check.ljust(_WIDTH)}  {one.seen}"
    return f"{line}\n      {' ' * _WIDTH}  > {one.advice}" if one.advice else line


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """End the visit, once: whoever asks again does not keep it from removing what it has put there."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    click.echo("stopped; what was put there is removed first", err=True)
    raise KeyboardInterrupt
