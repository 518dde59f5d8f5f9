"""`bowerbird jobs`."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

import click

from .. import jobs, settings
from ..heartbeat import Heartbeat
from ..jobs import JobState, show_count
from .wiring import open_catalog

SHOWN = 20  # images that no decoder reads


@click.command("jobs")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
def jobs_command(as_json: bool) -> None:
    """Print the repeated jobs: what waits for each, when it was done last, and what it fails of; and the images of
    which no thumbnail can be made.

    \b
    Example:
      bowerbird jobs
    """
    chosen, now = settings.load(), datetime.now(UTC)
    catalog = open_catalog(chosen)
    found = jobs.collect(catalog, Heartbeat(chosen.data_dir), now=now)
    damaged = catalog.thumbnails.failures(limit=SHOWN)
    if as_json:
        told = asdict(found) | {"damaged": {upload.key: upload.problem for upload in damaged}}
        click.echo(json.dumps(told, default=lambda moment: moment.isoformat()))
        return
    click.echo(f"worker        {worker_line(found)}")
    for one in found.jobs:
        click.echo(f"{one.name:<12}  {_line(one)}")
    for upload in damaged:
        click.echo(f"  {upload.key}: {upload.problem}")


def worker_line(found: jobs.Report) -> str:
    """Return whether a worker lives, in words."""
    if found.worker_age_s is not None:
        return f"lives, and began its last turn {found.worker_age_s:.0f} seconds ago"
    return "none on this server; one elsewhere works" if found.is_worked else "none works: bowerbird worker"


def _line(one: JobState) -> str:
    words = [f"{show_count(one.queued)} waiting"] if one.queued is not None else []
    if one.failed:
        words.append(f"{show_count(one.failed)} given up")
    words.append(f"last done {one.succeeded_at:%Y-%m-%d %H:%M} UTC" if one.succeeded_at else "never done yet")
    if not one.is_well:
        words.append(f"failed {one.failures} times in a row: {one.problem}")
    return ", ".join(words)
