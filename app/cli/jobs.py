"""`bowerbird jobs`."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

import click

from .. import jobs, settings
from ..heartbeat import Heartbeat
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
    click.echo(f"worker        {jobs.worker_line(found)}")
    for one in found.jobs:
        click.echo(f"{one.name:<12}  {jobs.state_line(one)}")
    for upload in damaged:
        click.echo(f"  {upload.key}: {upload.problem}")
