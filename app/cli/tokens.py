"""`bowerbird token add|list|set|revoke`."""

from datetime import UTC, datetime

import click

from .. import issuing, settings
from ..amounts import show_size, show_span
from ..tokens import SCOPES, Token
from .wiring import open_catalog

_MOMENT = "A span (1h, 30d), an ISO date, or never."
_LIFE = "Uploads that ask for nothing else expire after this span; or never."
_QUOTA = "How much its uploads may have in all, such as 5GB; or none."


@click.group()
def token() -> None:
    """Add, list, change and revoke the tokens of clients.

    \b
    Example:
      bowerbird token add "work laptop"
    """


@token.command()
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="May be given twice.  [default: upload]"
)
@click.option("--expires", default="never", metavar="WHEN", show_default=True, help=_MOMENT)
@click.option("--uploads-expire", default="never", metavar="SPAN", show_default=True, help=_LIFE)
@click.option("--quota", default="none", metavar="SIZE", show_default=True, help=_QUOTA)
def add(name: str, scopes: tuple[str, ...], expires: str, uploads_expire: str, quota: str) -> None:
    """Make a token called NAME and print it, this once.

    \b
    Example:
      bowerbird token add "build server" --expires 90d --quota 5GB --uploads-expire 30d
    """
    now = datetime.now(UTC)
    terms = issuing.read_terms(now, expires=expires, uploads_expire=uploads_expire, quota=quota)
    click.echo(issuing.issue(open_catalog(settings.load()), name, scopes, terms, now=now))


@token.command("list")
def list_() -> None:
    """Print one line for each token: its name, scopes, state, last use, what its uploads hold, and its terms.

    \b
    Example:
      bowerbird token list
    """
    now, catalog = datetime.now(UTC), open_catalog(settings.load())
    held = {one.name: one.size for one in catalog.tallies.by_holder()}
    for one in catalog.tokens.list():
        state = "revoked" if one.revoked_at else "in use" if one.is_usable(now) else "expired"
        used = f"last used {one.last_used_at:%Y-%m-%d %H:%M} UTC" if one.last_used_at else "never used"
        words = [one.name, "+".join(sorted(one.scopes)), state, used, *_terms(one, held.get(str(one.id), 0))]
        click.echo("\t".join(words))


@token.command("set")
@click.argument("name")
@click.option("--expires", metavar="WHEN", help=_MOMENT)
@click.option("--uploads-expire", metavar="SPAN", help=_LIFE)
@click.option("--quota", metavar="SIZE", help=_QUOTA)
def set_(name: str, expires: str | None, uploads_expire: str | None, quota: str | None) -> None:
    """Change the terms of the token called NAME. What it has uploaded stays as it is.

    \b
    Example:
      bowerbird token set "build server" --quota 10GB --uploads-expire never
    """
    terms = issuing.read_terms(datetime.now(UTC), expires=expires, uploads_expire=uploads_expire, quota=quota)
    issuing.change(open_catalog(settings.load()), name, terms)
    click.echo(f"changed {name}", err=True)


@token.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Revoke the token called NAME, and end the sessions it started.

    \b
    Example:
      bowerbird token revoke "work laptop"
    """
    issuing.revoke(open_catalog(settings.load()), name, now=datetime.now(UTC))
    click.echo(f"revoked {name}", err=True)


def _terms(one: Token, held: int) -> list[str]:
    words = [f"holds {show_size(held)}" + (f" of {show_size(one.quota_bytes)}" if one.quota_bytes is not None else "")]
    if one.upload_life_s:
        words.append(f"uploads expire after {show_span(one.upload_life_s)}")
    if one.expires_at:
        words.append(f"expires {one.expires_at:%Y-%m-%d %H:%M} UTC")
    return words
