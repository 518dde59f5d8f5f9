"""`bowerbird serve` and `bowerbird worker`."""

import os
import select
import socket
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click
import structlog

from .. import clients, logs, settings, tokens
from ..catalog import Catalog
from ..connections import allow_files
from ..errors import SettingsError
from ..heartbeat import Heartbeat
from ..jobs import Record
from ..metrics.counts import Counts
from ..rounds import Job, run_due
from ..settings import Settings
from ..tokens import SCOPES
from ..upkeep import GRACE_S
from .upkeep import warn
from .wiring import Jobs, open_catalog, open_jobs

ROUND_S = 60
EXPIRE_S = 10  # an image whose time is over is gone within a minute, from the edge too
DRAW_S = 0.5  # between two looks for thumbnails that are due, each a question to an index that is mostly empty
LOOK_S = 2  # between two looks for what is to inspect or to delete: questions to an index that is mostly empty
INSPECTED = 100  # objects between two looks at the clock, for upkeep must not wait for a very full bucket
DAY_S = 24 * 3600  # between two lists of the bucket: class C, one for a thousand objects


@click.command()
@click.option("--no-worker", is_flag=True, help="Leave the repeated jobs to a `bowerbird worker` started elsewhere.")
def serve(no_worker: bool) -> None:
    """Start the server: the web workers and the worker for the repeated jobs.

    \b
    Example:
      BOWERBIRD_BIND=127.0.0.1:8080 bowerbird serve
    """
    chosen = settings.load()
    _check_port(chosen.bind)
    chosen.signing_secret()
    catalog = open_catalog(chosen)
    open_jobs(chosen, catalog).upkeep.reconcile()
    secret = _first_token(catalog, chosen)
    catalog.close()
    _greet(chosen, secret)
    _allow_files(chosen)
    # A process of its own: gevent has to patch sockets before anything else is imported.
    arguments = ["-m", "app.master", chosen.bind, str(chosen.web_workers), f"--log={chosen.log_format}"]
    arguments += ["--no-worker"] if no_worker else []
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606


@click.command()
@click.option("--with-parent", is_flag=True, help="End when standard input ends, as `serve` needs it.")
@click.option("--counted-in", type=click.Path(path_type=Path), hidden=True, help="The metrics of the `serve` it is of.")
def worker(with_parent: bool, counted_in: Path | None) -> None:
    """Do the repeated jobs. Twice a second: make the thumbnails that are due. Every two seconds: inspect what other S3
    clients put into the bucket, end deletions that store or edge did not take at once. Every ten: expire uploads. Once
    a minute: settle what a crash left, forget old sessions and unfinished uploads. Once a day: hold the bucket's list
    against the catalog, and put a backup into it where a passphrase is set. A job that fails pauses, up to a minute.

    `bowerbird serve` starts one by itself.

    \b
    Example:
      bowerbird worker
    """
    chosen = settings.load()
    logs.configure(chosen.log_format)
    logs.take_all()
    catalog = open_catalog(chosen)
    opened, record = open_jobs(chosen, catalog, counts=Counts(counted_in, role="worker")), Record(catalog)
    jobs, heart = _jobs(chosen, opened), Heartbeat(chosen.data_dir)
    drawing = [Job("thumbnails", DRAW_S, opened.thumbnails.make), Job("copies", ROUND_S, opened.thumbnails.sweep)]
    ending = [Job("expiry", EXPIRE_S, opened.upkeep.expire), Job("deletions", LOOK_S, opened.upkeep.end_deletions)]
    groups = [drawing, ending]
    if chosen.backup_passphrase.get_secret_value():
        groups.append([Job("backup", ROUND_S, opened.backups.make_if_due)])
    # Of their own, whatever else takes long: a thumbnail has to be there within two seconds, and what expires gone
    # within a minute.
    for group in groups:
        threading.Thread(target=_repeat, args=(group, record), daemon=True).start()
    with suppress(KeyboardInterrupt):
        _go_on(jobs, record, heart, with_parent)


def _repeat(jobs: list[Job], record: Record) -> None:
    try:
        while True:
            time.sleep(run_due(jobs, time.monotonic, _complain, record.note))
    except BaseException as e:  # noqa: BLE001 one that nobody has foreseen
        logs.uncaught(e)
        os._exit(1)  # a worker that does half of its work is none: whoever started it starts it anew


def _complain(line: str) -> None:
    structlog.get_logger().warning("a job failed", why=line)


def _go_on(jobs: list[Job], record: Record, heart: Heartbeat, with_parent: bool) -> None:
    while True:
        heart.beat()
        wait_s = run_due(jobs, time.monotonic, _complain, record.note)
        if not with_parent:
            time.sleep(wait_s)
        elif select.select([sys.stdin], [], [], wait_s)[0]:
            return


def _jobs(chosen: Settings, opened: Jobs) -> list[Job]:
    inventory = opened.inventory

    def tidy() -> None:
        opened.upkeep.reconcile()
        opened.upkeep.prune()
        opened.resumable.sweep()
        inventory.prune()

    jobs = [
        Job("upkeep", ROUND_S, tidy),
        Job("inspection", LOOK_S, lambda: inventory.inspect(limit=INSPECTED)),
    ]
    if chosen.store == "s3":
        jobs.append(Job("comparison", DAY_S, lambda: warn(inventory.compare(grace_s=GRACE_S))))
    return jobs


def _allow_files(chosen: Settings) -> None:
    """Raise this process's limit of open files, which the web workers inherit, and say so where it is too low."""
    if (most := allow_files(chosen.max_connections)) < chosen.max_connections:
        click.echo(
            f"Only {most:,} connections of each web process can be held, not {chosen.max_connections:,} "
            f"({settings.PREFIX}MAX_CONNECTIONS): the system lets a process open too few files. Raise its hard limit "
            "(ulimit -Hn, LimitNOFILE=, docker run --ulimit nofile=).",
            err=True,
        )


def _check_port(bind: str) -> None:
    """Raise SettingsError if nobody can listen there, in one line instead of gunicorn's five attempts."""
    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, int(port)))
    except OSError as e:
        raise SettingsError(
            [f"{settings.PREFIX}BIND: cannot listen on {bind}: {(e.strerror or str(e)).lower()}"]
        ) from e


def _first_token(catalog: Catalog, chosen: Settings) -> str | None:
    """Make the owner's token if there never was one, and return it if the owner does not know it yet."""
    given = chosen.bootstrap_token.get_secret_value()
    secret = given or tokens.new_token()
    is_new = catalog.tokens.add_first("owner", tokens.digest(secret), frozenset(SCOPES), created_at=datetime.now(UTC))
    return secret if is_new and not given else None


def _greet(chosen: Settings, secret: str | None) -> None:
    """Say where everything is; the token is shown this once."""
    lines = [f"Bowerbird is at {chosen.base_url}"]
    if secret:
        lines += ["", f"Your token (shown this once, keep it): {secret}"]
    lines += [
        "",
        "Upload a picture:",
        f"  {clients.curl_line(chosen.base_url, secret or 'TOKEN')}",
        "",
        f"Set up ShareX: sign in and download the .sxcu at {chosen.base_url}/clients",
        "           or: bowerbird sxcu > bowerbird.sxcu",
        "",
    ]
    with suppress(BrokenPipeError):
        click.echo("\n".join(lines))
        sys.stdout.flush()
