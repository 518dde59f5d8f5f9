"""`bowerbird thumbnails`."""

from contextlib import closing

import click

from .. import settings
from .wiring import open_catalog, open_jobs


@click.command("thumbnails")
@click.option("--all", "is_every", is_flag=True, help="Make every one anew, not only those that failed.")
def thumbnails_command(is_every: bool) -> None:
    """Have thumbnails made anew: those that failed, or all. The worker makes them, after those of new uploads.

    Each is a download from the bucket: one class B transaction.

    \b
    Example:
      bowerbird thumbnails --all
    """
    chosen = settings.load()
    with closing(open_jobs(chosen, open_catalog(chosen))) as opened:
        count = opened.thumbnails.again(is_every=is_every)
    click.echo(f"{count:,} are to be made")
