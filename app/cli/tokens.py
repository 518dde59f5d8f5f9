"""`bowerbird token add|list|revoke`."""

from datetime import UTC, datetime

import click

from .. import settings, tokens
from ..errors import BadRequest, NotFound
from ..tokens import SCOPES, UPLOAD
from ..web.options import expiry
from .wiring import open_catalog


@click.group()
def token() -> None:
    """Add, list and revoke the tokens of clients.

    \b
    Example:
      bowerbird token add "work laptop"
    """


@token.command()
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="May be given twice.  [default: upload]"
)
@click.option("--expires", default="never", metavar="WHEN", show_default=True, help="A span (1h, 30d) or an ISO date.")
def add(name: str, scopes: tuple[str, ...], expires: str) -> None:
    """Make a token called NAME and print it, this once.

    \b
    Example:
      bowerbird token add "build server" --scope upload --expires 90d
    """
    now = datetime.now(UTC)
    name = name.strip()
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise BadRequest("a token's name has 1 to 100 printable characters")
    expires_at = expiry(expires, now)
    secret = tokens.new_token()
    catalog = open_catalog(settings.load())
    catalog.tokens.add(
        name, tokens.digest(secret), frozenset(scopes or (UPLOAD,)), created_at=now, expires_at=expires_at
    )
    click.echo(secret)


@token.command("list")
def list_() -> None:
    """Print one line for each token: its name, scopes, state and when it was last used.

    \b
    Example:
      bowerbird token list
    """
    now = datetime.now(UTC)
    for one in open_catalog(settings.load()).tokens.list():
        state = "revoked" if one.revoked_at else "in use" if one.is_usable(now) else "expired"
        used = f"last used {one.last_used_at:%Y-%m-%d %H:%M} UTC" if one.last_used_at else "never used"
        click.echo(f"{one.name}\t{'+'.join(sorted(one.scopes))}\t{state}\t{used}")


@token.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Revoke the token called NAME, and end the sessions it started.

    \b
    Example:
      bowerbird token revoke "work laptop"
    """
    if not open_catalog(settings.load()).tokens.revoke(name, now=datetime.now(UTC)):
        raise NotFound(f"there is no token named {name!r} in use")
    click.echo(f"revoked {name}", err=True)
