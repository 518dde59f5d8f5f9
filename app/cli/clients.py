"""`bowerbird sxcu`."""

from datetime import UTC, datetime

import click

from .. import clients, settings
from .wiring import open_catalog


@click.command()
@click.option("--name", default="ShareX", show_default=True, help="What the token is called, for `token revoke`.")
def sxcu(name: str) -> None:
    """Print a ShareX configuration with a fresh token in it, which may only upload.

    \b
    Example:
      bowerbird sxcu > bowerbird.sxcu
    """
    chosen = settings.load()
    secret, called = clients.new_client(open_catalog(chosen), name, now=datetime.now(UTC))
    click.echo(clients.sxcu(chosen.base_url, secret), nl=False)
    click.echo(f"the token is called {called!r}", err=True)
