"""`bowerbird upload`."""

import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ..amounts import expiry
from ..client import config
from ..client.api import Api
from ..client.clipboard import read_image
from ..client.download import from_url
from ..client.parallel import Running
from ..client.retry import Patience
from ..client.sending import Sending, Wishes
from ..client.sources import Source, expand
from ..errors import BadRequest
from .login import warn_of
from .printing import FORMS, Printer
from .progress import Lines, listener

STDIN = "-"


def _expires(_: click.Context, __: click.Parameter, value: str) -> str:
    try:
        expiry(value, datetime.now(UTC))
    except BadRequest as e:
        raise click.BadParameter(str(e)) from e
    return value


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("-r", "--recursive", "is_recursive", is_flag=True, help="The pictures in folders, and in theirs.")
@click.option("--name", metavar="NAME", help="What the file on standard input (-) is called.")
@click.option("--url", "urls", multiple=True, metavar="URL", help="What is there, fetched by this machine.")
@click.option("--clipboard", "is_clipboard", is_flag=True, help="The image on the clipboard.")
@click.option(
    "--watch", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Each picture that appears there, once."
)
@click.option("--existing", "with_existing", is_flag=True, help="With --watch: what is there already, too.")
@click.option(
    "--expires", default="", callback=_expires, metavar="WHEN", help="A span (1h, 7d), an ISO date, or never."
)
@click.option("--title", default="", help="A title for each.")
@click.option("--tag", "tags", multiple=True, help="A tag for each; may be given several times.")
@click.option("--keep-metadata", is_flag=True, help="Leave EXIF and the like in the images.")
@click.option("--jobs", type=click.IntRange(1, 16), default=4, show_default=True, help="So many at a time.")
@click.option("--format", "form", type=click.Choice(list(FORMS)), default="url", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each, for machines.")
@click.option("--copy", "to_copy", is_flag=True, help="Put the addresses on the clipboard, too.")
@click.option("--qr", "to_draw", is_flag=True, help="Draw each address as a QR code, on standard error.")
@click.option("--profile", metavar="NAME", help="Which server, of those that `bowerbird login` keeps.")
def upload(files: tuple[str, ...], folder: Path | None, profile: str | None, jobs: int, **given: Any) -> None:
    """Upload each FILE to a server and print the addresses, one a line, in the order they were given.

    A FILE may be a pattern ('shots/*.png'), a folder (with -r), or - for standard input. What is refused is told, and
    the others go on; exit 1 then. What fails in a way that may pass is tried again, and is there once all the same.
    Files over 8 MB go in parts: interrupted and run again, it goes on where it was.

    \b
    Example:
      bowerbird upload screenshot.png
      bowerbird upload -r holiday --tag sea --expires 30d
      bowerbird upload --watch ~/Pictures/Screenshots --copy
    """
    server = config.choose(profile, os.environ)
    warn_of(server)
    api = Api(server, connections=jobs)
    wishes = Wishes(given["expires"], given["title"], given["tags"], given["keep_metadata"])
    printer = Printer(given["form"], as_json=given["as_json"], to_copy=given["to_copy"], to_draw=given["to_draw"])
    with _stopping() as stop:
        sources = list(_sources(files, stop, **given))
        if bool(folder) == bool(sources):
            raise click.UsageError("give files to upload, or --url, --clipboard, or a folder to --watch alone")
        if folder:
            _watch(folder, api, wishes, Patience(stop), printer, jobs=jobs, **given)
        else:
            _upload(sources, api, wishes, Patience(stop), printer, jobs=jobs)


def _sources(
    files: tuple[str, ...],
    stop: threading.Event,
    *,
    is_recursive: bool,
    name: str | None,
    urls: tuple[str, ...],
    is_clipboard: bool,
    **_: Any,
) -> Iterator[Source]:
    if files.count(STDIN) > 1:
        raise click.UsageError("standard input (-) is there only once")
    if name and STDIN not in files:
        raise click.UsageError("--name is for what comes on standard input: give - too")
    for file in files:
        if file == STDIN:
            yield Source(name or "standard input", name or "stdin", load=_read_stdin)
        else:
            yield from expand([file], is_recursive=is_recursive)
    for url in urls:
        yield from_url(url, stop.wait)
    if is_clipboard:
        yield Source("clipboard", "clipboard.png", load=read_image)


def _read_stdin(into: Path) -> None:
    with into.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)


def _upload(
    sources: Sequence[Source], api: Api, wishes: Wishes, patience: Patience, printer: Printer, *, jobs: int
) -> None:
    with listener(len(sources)) as told:
        sending = Sending(api, wishes, patience, told, jobs=jobs)
        outcomes = iter(Running(sending.send, sources, jobs, patience.stop))
        if sys.stdout.isatty():  # where bars are drawn until the last one is there
            outcomes = iter(list(outcomes))
        else:
            for outcome in outcomes:
                printer.print(outcome)
    for outcome in outcomes:
        printer.print(outcome)
    printer.copy()
    if patience.stop.is_set():
        click.echo(f"bowerbird: stopped; {printer.uploaded} of {len(sources)} are there", err=True)
    if printer.uploaded < len(sources):
        sys.exit(1)


def _watch(
    root: Path,
    api: Api,
    wishes: Wishes,
    patience: Patience,
    printer: Printer,
    *,
    jobs: int,
    is_recursive: bool,
    with_existing: bool,
    **_: Any,
) -> None:
    from ..client.once import Once, follow  # noqa: PLC0415 what listens to folders is slow to import
    from ..client.state import Sent  # noqa: PLC0415
    from ..client.watch import Folder  # noqa: PLC0415

    sending = Sending(api, wishes, patience, Lines(), jobs=jobs)
    once = Once(sending, Sent(api.url), wishes)
    folder = Folder(root, is_recursive=is_recursive, with_existing=with_existing)
    click.echo(f"watching {root}; Ctrl-C ends it", err=True)
    try:
        for outcome in follow(folder, sending, once, patience.stop, jobs=jobs):
            printer.print(outcome)
            if outcome.told:
                printer.copy(last=1)
    finally:
        folder.close()
    click.echo(f"no longer watching; {printer.uploaded} uploaded", err=True)


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Set the event on the first Ctrl-C or SIGTERM; the second one ends the program at once."""
    stop = threading.Event()

    def heed(_number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, heed) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, heeding in before.items():
            signal.signal(number, heeding)
