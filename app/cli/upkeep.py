"""`bowerbird reconcile` and `bowerbird db upgrade`."""

import click

from .. import settings
from ..upkeep import GRACE_S
from .wiring import open_catalog, open_upkeep


@click.command()
@click.option(
    "--grace",
    "grace_s",
    type=click.IntRange(min=0),
    default=GRACE_S,
    show_default=True,
    help="Seconds an upload of a server elsewhere may be under way.",
)
def reconcile(grace_s: int) -> None:
    """Settle what a crash left half-way: uploads that were never answered, deletions that did not end.

    \b
    Example:
      bowerbird reconcile
    """
    chosen = settings.load()
    settled = open_upkeep(chosen, open_catalog(chosen)).reconcile(grace_s=grace_s)
    click.echo(f"abandoned {settled.abandoned}, deleted {settled.deleted}, left for later {settled.left}")


@click.group()
def db() -> None:
    """Look after the catalog's tables.

    \b
    Example:
      bowerbird db upgrade
    """


@db.command()
def upgrade() -> None:
    """Bring the catalog's tables up to date; `serve` does it by itself.

    \b
    Example:
      bowerbird db upgrade
    """
    open_catalog(settings.load())
    click.echo("the catalog is up to date", err=True)
