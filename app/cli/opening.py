"""What is done once before a server's first web worker: tables, the owner's token, the greeting.

Nothing that asks the store: a bucket that does not answer, or much to delete, would keep people from their pages. What
a crash left is settled by the worker, which begins with it.
"""

import sys
from contextlib import closing, suppress
from datetime import UTC, datetime

import click

from .. import clients, settings, tokens
from ..catalog import Catalog
from ..settings import Settings
from ..tokens import SCOPES
from .wiring import open_catalog


def open_server() -> None:
    """Do all of it; raise a BowerbirdError where nothing can be served."""
    chosen = settings.load()
    with closing(open_catalog(chosen)) as catalog:
        secret = _first_token(catalog, chosen)
    _greet(chosen, secret)


def _first_token(catalog: Catalog, chosen: Settings) -> str | None:
    """Make the owner's token if there never was one, and return it if the owner does not know it yet."""
    given = chosen.bootstrap_token.get_secret_value()
    secret = given or tokens.new_token()
    is_new = catalog.tokens.add_first("owner", tokens.digest(secret), frozenset(SCOPES), created_at=datetime.now(UTC))
    return secret if is_new and not given else None


def _greet(chosen: Settings, secret: str | None) -> None:
    """Say where everything is; the token is shown this once."""
    lines = [f"Bowerbird is at {chosen.base_url}"]
    if secret:
        lines += ["", f"Your token (shown this once, keep it): {secret}"]
    lines += [
        "",
        "Upload a picture:",
        f"  {clients.curl_line(chosen.base_url, secret or 'TOKEN')}",
        "",
        f"Set up ShareX: sign in and download the .sxcu at {chosen.base_url}/clients",
        "           or: bowerbird sxcu > bowerbird.sxcu",
        "",
    ]
    with suppress(BrokenPipeError):
        click.echo("\n".join(lines))
        sys.stdout.flush()
