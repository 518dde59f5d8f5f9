"""`bowerbird reconcile`, `bowerbird db upgrade` and `bowerbird db downgrade`."""

from contextlib import closing

import click

from .. import settings
from ..catalog import Catalog
from ..errors import Conflict
from ..inventory import Compared
from ..upkeep import GRACE_S
from .wiring import open_catalog, open_jobs


@click.command()
@click.option(
    "--grace",
    "grace_s",
    type=click.IntRange(min=0),
    default=GRACE_S,
    show_default=True,
    help="Seconds an upload of a server elsewhere may be under way.",
)
@click.option("--accept-missing", is_flag=True, help="Believe the bucket even if many uploads are not in it.")
def reconcile(grace_s: int, accept_missing: bool) -> None:
    """Settle what a crash left half-way, and what a lost notification left: uploads that were never answered, deletions
    that did not end, objects that no upload knows, uploads whose object is gone.

    Lists the bucket: one class C transaction for a thousand objects.

    \b
    Example:
      bowerbird reconcile
    """
    chosen = settings.load()
    with closing(open_jobs(chosen, open_catalog(chosen))) as jobs:
        settled = jobs.upkeep.reconcile(grace_s=grace_s)
        compared = jobs.inventory.compare(grace_s=grace_s, accept_missing=accept_missing)
        click.echo(
            f"abandoned {settled.abandoned}, deleted {settled.deleted}, left for later {settled.left};"
            f" found {compared.found}, orphans {compared.orphans}, without an object {compared.dangling}"
        )
        click.echo(f"inspected {jobs.inventory.inspect()}")
    if warn(compared):
        raise SystemExit(1)


def warn(compared: Compared) -> bool:
    """Say so if so many uploads have no object that none of them was touched."""
    if compared.refused:
        click.echo(f"bowerbird: {doubt(compared)}", err=True)
    return compared.refused


def doubt(compared: Compared) -> str:
    """Return why none of the uploads without an object was touched, and what to do."""
    return (
        f"{compared.dangling:,} of {compared.live:,} uploads have no object: is it the right bucket?"
        " If so: bowerbird reconcile --accept-missing"
    )


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


@db.command()
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Lose what the older version has no place for.")
def downgrade(revision: str, yes: bool) -> None:
    """Make the catalog's tables those of an older version, once every server is stopped: `serve` of this version would
    bring them up to date again. What would be lost is told first, and then nothing is changed. Take a backup.

    \b
    Example:
      bowerbird db downgrade 0005
    """
    chosen = settings.load()
    catalog = Catalog(chosen.database_url.get_secret_value())
    try:
        catalog.downgrade(revision, may_lose=yes)
    except Conflict as e:
        raise Conflict(f"{e}. If so: bowerbird db downgrade {revision} --yes") from e
    click.echo(f"the catalog is that of revision {revision}", err=True)
