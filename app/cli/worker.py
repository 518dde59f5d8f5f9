"""`bowerbird worker`."""

import os
import select
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import click
import structlog

from .. import logs, settings
from ..errors import BowerbirdError
from ..heartbeat import Heartbeat
from ..jobs import Record
from ..metrics.counts import Counts
from ..rounds import Job, run_due
from ..settings import Settings
from ..upkeep import GRACE_S
from .upkeep import doubt
from .wiring import Jobs, open_catalog, open_jobs

ROUND_S = 60
EXPIRE_S = 10  # an image whose time is over is gone within a minute, from the edge too
DRAW_S = 0.5  # between two looks for thumbnails that are due, each a question to an index that is mostly empty
LOOK_S = 2  # between two looks for what is to inspect or to delete: questions to an index that is mostly empty
INSPECTED = 100  # objects between two looks at the clock, for upkeep must not wait for a very full bucket
DAY_S = 24 * 3600  # between two lists of the bucket: class C, one for a thousand objects


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
    try:
        _work(with_parent, counted_in)
    except BowerbirdError as e:
        if not with_parent:
            raise
        # What `serve` says is a log, and this is part of it.
        structlog.get_logger().error("the worker cannot start", why=str(e))
        sys.exit(1)


def _work(with_parent: bool, counted_in: Path | None) -> None:
    logs.configure()  # until it is known how
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

    def compare() -> None:
        compared = inventory.compare(grace_s=GRACE_S)
        if compared.refused:
            structlog.get_logger().warning("uploads have no object", why=doubt(compared))

    jobs = [
        Job("upkeep", ROUND_S, tidy),
        Job("inspection", LOOK_S, lambda: inventory.inspect(limit=INSPECTED)),
    ]
    if chosen.store == "s3":
        jobs.append(Job("comparison", DAY_S, compare))
    return jobs
