"""The `bowerbird` command: result on stdout, talk on stderr, exit 0, 1 (refused or failed) or 2 (usage, settings)."""

import sys
from collections.abc import Callable
from functools import partial

import click

from .. import __version__
from ..errors import BowerbirdError, SettingsError
from .lazy import Lazy


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bowerbird")
def cli() -> None:
    """Bowerbird, a personal image host.

    \b
    Example:
      bowerbird upload screenshot.png
      bowerbird serve
    """


for _name, _where, _line in (
    ("upload", "upload:upload", "Upload files to a server, and print their addresses."),
    ("login", "login:login", "Keep a server's address and a token for it."),
    ("logout", "login:logout", "Forget a server and its token."),
):
    cli.add_command(Lazy(_name, _where, _line, needs_server=False))
for _name, _where, _line in (
    ("serve", "server:serve", "Start the server, and beside it the worker."),
    ("worker", "worker:worker", "Do the repeated jobs."),
    ("token", "tokens:token", "Add, list, change and revoke the tokens of clients."),
    ("clients", "clients:clients_command", "List the clients, or set one up."),
    ("sxcu", "clients:sxcu", "Print a ShareX configuration with a fresh token in it."),
    ("setup", "setup:setup", "Set up the two clouds, and write the settings file."),
    ("doctor", "doctor:doctor", "Check the whole chain with a real image."),
    ("jobs", "jobs:jobs_command", "Print what waits for the worker, and what it fails of."),
    ("stats", "stats:stats_command", "Print what is stored, and what the month will cost."),
    ("thumbnails", "thumbnails:thumbnails_command", "Have thumbnails made anew: those that failed, or all."),
    ("reconcile", "upkeep:reconcile", "Settle what a crash or a lost notification left."),
    ("rebuild", "rebuild:rebuild", "Make a lost catalog anew from the bucket."),
    ("backup", "backup:backup", "Put an encrypted backup of the catalog into the bucket."),
    ("restore", "backup:restore", "Bring the catalog back from a backup."),
    ("db", "upkeep:db", "Look after the catalog's tables."),
    ("import", "importing:import_", "Take over images: a folder, a list, another host's."),
    ("export", "export:export", "Write the images to a folder or a zip file."),
    ("move", "move:move", "Copy everything to another store."),
    ("list", "library:list_", "List and search the uploads."),
    ("delete", "library:delete", "Delete uploads for good."),
):
    cli.add_command(Lazy(_name, _where, _line))


def main() -> None:
    """Run the command line and exit."""
    sys.exit(told(partial(cli.main, prog_name="bowerbird")))


def told(run: Callable[[], object]) -> int:
    """Run it, tell on stderr what we refuse and why, and return the exit status."""
    try:
        run()
    except SettingsError as e:
        for problem in e.problems:
            click.echo(f"bowerbird: {problem}", err=True)
        return 2
    except BowerbirdError as e:
        click.echo(f"bowerbird: {e}", err=True)
        return 1
    return 0
