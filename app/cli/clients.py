"""`bowerbird sxcu`."""

from datetime import UTC, datetime

import click

from .. import clients, settings
from ..errors import SettingsError
from .wiring import open_catalog


@click.command()
@click.option("--name", default="ShareX", show_default=True, help="What the token is called, for `token revoke`.")
@click.option("--view-page", "to_view_page", is_flag=True, help="Link to the image's page (BOWERBIRD_VIEW_PAGES).")
def sxcu(name: str, to_view_page: bool) -> None:
    """Print a ShareX configuration with a fresh token in it, which may only upload.

    \b
    Example:
      bowerbird sxcu > bowerbird.sxcu
    """
    chosen = settings.load()
    if to_view_page and not chosen.view_pages:
        raise SettingsError([f"{settings.PREFIX}VIEW_PAGES: there are no pages to link to; set it to true"])
    secret, called = clients.new_client(open_catalog(chosen), name, now=datetime.now(UTC))
    click.echo(clients.sxcu(chosen.base_url, secret, to_view_page=to_view_page), nl=False)
    click.echo(f"the token is called {called!r}", err=True)
