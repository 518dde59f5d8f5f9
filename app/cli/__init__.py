"""The `bowerbird` command: result on stdout, talk on stderr, exit 0, 1 (refused or failed) or 2 (usage, settings)."""

import sys

import click

from .. import __version__, logs
from ..errors import BowerbirdError, SettingsError
from .backup import backup, restore
from .clients import clients_command, sxcu
from .doctor import doctor
from .export import export
from .importing import import_
from .jobs import jobs_command
from .library import delete, list_
from .move import move
from .rebuild import rebuild
from .server import serve, worker
from .setup import setup
from .stats import stats_command
from .thumbnails import thumbnails_command
from .tokens import token
from .upkeep import db, reconcile


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bowerbird")
def cli() -> None:
    """Bowerbird, a personal image host.

    \b
    Example:
      bowerbird serve
    """
    logs.configure()


for _command in (
    *(serve, worker, token, sxcu, clients_command, setup, doctor, jobs_command, stats_command, thumbnails_command),
    *(reconcile, rebuild, backup, restore, db, import_, export, move, list_, delete),
):
    cli.add_command(_command)


def main() -> None:
    """Run the command line and exit."""
    try:
        cli.main(prog_name="bowerbird")
    except SettingsError as e:
        for problem in e.problems:
            click.echo(f"bowerbird: {problem}", err=True)
        sys.exit(2)
    except BowerbirdError as e:
        click.echo(f"bowerbird: {e}", err=True)
        sys.exit(1)
