"""`bowerbird rebuild`."""

import sys

import click

from .. import settings
from ..catalog.records import State
from ..costs import FREE_A_DAY, price
from ..errors import Unavailable
from ..rebuild import PAGE, Rebuild
from .upkeep import warn
from .wiring import open_catalog, open_jobs


@click.command()
@click.option("--yes", "is_agreed", is_flag=True, help="Do not ask; asked is only who sits at a terminal.")
def rebuild(is_agreed: bool) -> None:
    """Make the catalog anew from the bucket after it was lost: each image is listed and looked at.

    Stopped, it goes on where it was when it is run again; the server may run meanwhile. Titles, tags, tokens and expiry
    dates are in no bucket: `bowerbird restore` brings them back from a backup, and rebuild what came after it.

    \b
    Example:
      bowerbird rebuild --yes
    """
    chosen = settings.load()
    is_paid = chosen.store == "s3"
    if is_paid:
        click.echo(
            f"This costs one class C transaction for {PAGE:,} objects (${price('C', FREE_A_DAY + 1000):.3f} for 1,000),"
            f" and one class B for each image (${price('B', FREE_A_DAY + 10_000):.3f} for 10,000); of each,"
            f" {FREE_A_DAY:,} a day are free.",
            err=True,
        )
        if not is_agreed and sys.stdin.isatty():
            click.confirm("List the bucket and look at every image?", abort=True, err=True)
    catalog = open_catalog(chosen)
    jobs = open_jobs(chosen, catalog)
    work = Rebuild(catalog, jobs.inventory, jobs.thumbnails)
    try:
        compared = work.list(lambda count: click.echo(f"listed {count:,} objects", err=True))
        found = catalog.changes.count(State.FOUND)
        cost = f": {found:,} class B transactions, about ${price('B', found):.2f}" if is_paid else ""
        click.echo(f"{found:,} to look at{cost}", err=True)
        rebuilt = work.inspect(lambda count: click.echo(f"looked at {count:,} of {found:,}", err=True))
    except Unavailable:
        click.echo("what was done stands; run it again to do the rest", err=True)
        raise
    click.echo(f"{rebuilt.live:,} uploads are in the catalog, {rebuilt.refused:,} objects are no images that are shown")
    if rebuilt.left:
        click.echo(f"{rebuilt.left:,} changed meanwhile: the worker looks at them, or run it again", err=True)
    if warn(compared):
        raise SystemExit(1)
