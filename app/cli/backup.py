"""`bowerbird backup` and `bowerbird restore`."""

from pathlib import Path

import click

from .. import settings
from ..backups import Backups
from ..catalog import Catalog
from ..keys import is_backup
from ..restore import Restore, Restored, find
from ..settings import PREFIX, Settings
from ..store.base import ObjectStore
from .wiring import open_catalog, open_counted_store

LATEST = "latest"


@click.command()
@click.option(
    "--to",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it into a file, and not into the bucket.",
)
def backup(path: Path | None) -> None:
    """Put a backup of the catalog into the bucket, encrypted with BOWERBIRD_BACKUP_PASSPHRASE, and print its name.

    All of it is of one moment, and nobody has to wait meanwhile. The last BOWERBIRD_BACKUP_KEEP stay in the bucket. The
    worker does this by itself, every BOWERBIRD_BACKUP_EVERY.

    \b
    Example:
      bowerbird backup --to catalog.bbk
    """
    chosen, catalog, store = _open()
    backups = Backups(chosen, catalog, store)
    if path:
        size = backups.write(path)
        click.echo(path)
        click.echo(f"{size:,} bytes", err=True)
        return
    made = backups.make()
    click.echo(made.name)
    click.echo(f"{made.size:,} bytes; {made.removed} older ones removed", err=True)


@click.command()
@click.option(
    "--from",
    "source",
    default=LATEST,
    show_default=True,
    metavar="NAME|FILE",
    help="A backup in the bucket, or a file that `backup --to` wrote.",
)
@click.option("--replace", "is_replacing", is_flag=True, help="Put it in the place of the catalog and secret key here.")
@click.option("--list", "is_list", is_flag=True, help="Print the backups that are in the bucket, and change nothing.")
def restore(source: str, is_replacing: bool, is_list: bool) -> None:
    """Bring the catalog back from a backup: all of it, or nothing if anything is wrong with it.

    Stop the server first. Without --replace the catalog must hold no uploads. The key that signs deletion links comes
    back too, unless there is one.

    \b
    Example:
      bowerbird restore --from latest
    """
    chosen, catalog, store = _open()
    backups = Backups(chosen, catalog, store)
    if is_list:
        for one in backups.listed():
            lacking = "" if one.is_whole else f"\tlacks {one.count - len(one.pieces)} of {one.count} pieces"
            click.echo(f"{one.name}\t{one.made_at:%Y-%m-%d %H:%M} UTC\t{one.size:,} bytes{lacking}")
        return
    work = Restore(chosen, catalog, store)
    if source == LATEST or is_backup(source):
        found = find(backups, source)
        click.echo(f"restoring {found.name}, {found.size:,} bytes", err=True)
        _tell(work.from_bucket(found, is_replacing=is_replacing))
    else:
        _tell(work.from_file(Path(source), is_replacing=is_replacing))


def _open() -> tuple[Settings, Catalog, ObjectStore]:
    chosen = settings.load()
    catalog = open_catalog(chosen)
    return chosen, catalog, open_counted_store(chosen, catalog)[0]


def _tell(restored: Restored) -> None:
    click.echo(f"restored {restored.uploads:,} uploads as of {restored.made_at:%Y-%m-%d %H:%M} UTC")
    click.echo("what was uploaded since: bowerbird rebuild", err=True)
    if not restored.is_secret_same:
        click.echo(
            f"{PREFIX}SECRET_KEY, or else the secret_key in the data folder, is not that of the backup: deletion links"
            " that were handed out still work, those shown from now on for the restored uploads do not",
            err=True,
        )
