"""Tokens as their owner asks for them, in words: made, changed and revoked."""

from collections.abc import Collection
from datetime import datetime, timedelta

from . import tokens
from .amounts import exact_size, expiry, show_span, size, span
from .catalog import Catalog
from .catalog.tokens import Terms
from .errors import BadRequest, NotFound
from .tokens import SCOPES, UPLOAD, Token

MAX_LIFE = timedelta(days=365 * 50)  # of uploads by default


def read_terms(
    now: datetime, *, expires: str | None = None, uploads_expire: str | None = None, quota: str | None = None
) -> Terms:
    """Return the terms that the words name, without those that are None; `never`, `none` or nothing take a term off.

    `expires` is a span or an ISO date, `uploads_expire` a span, `quota` a number of bytes such as 5GB.
    Raises BadRequest.
    """
    terms: Terms = {}
    if expires is not None:
        terms["expires_at"] = None if _is_none(expires) else expiry(expires, now)
    if uploads_expire is not None:
        terms["upload_life_s"] = None if _is_none(uploads_expire) else _life(uploads_expire)
    if quota is not None:
        terms["quota_bytes"] = None if _is_none(quota) else size(quota)
    return terms


def show_terms(token: Token) -> dict[str, str]:
    """Return a token's terms in the words that `read_terms` reads."""
    return {
        "expires": f"{token.expires_at:%Y-%m-%d %H:%M}" if token.expires_at else "never",
        "uploads_expire": show_span(token.upload_life_s) if token.upload_life_s else "never",
        "quota": "none" if token.quota_bytes is None else exact_size(token.quota_bytes),
    }


def issue(catalog: Catalog, name: str, scopes: Collection[str], terms: Terms, *, now: datetime) -> str:
    """Make a token called `name`, which may only upload where no scope is named, and return its secret.

    Raises BadRequest for a name or scope that makes no sense, NameTaken if a token of this name is in use.
    """
    name = name.strip()
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise BadRequest("a token's name has 1 to 100 printable characters")
    if unknown := set(scopes) - set(SCOPES):
        raise BadRequest(f"there is no scope {min(unknown)[:40]!r}; there are {', '.join(SCOPES)}")
    secret = tokens.new_token()
    catalog.tokens.add(name, tokens.digest(secret), frozenset(scopes or (UPLOAD,)), created_at=now, **terms)
    return secret


def change(catalog: Catalog, name: str, terms: Terms) -> None:
    """Give the token of this name other terms; raise NotFound if none is in use, BadRequest if there are no terms."""
    if not terms:
        raise BadRequest("say what is to change: when the token expires, its uploads, or its quota")
    if not catalog.tokens.change(name, **terms):
        raise NotFound(f"there is no token named {name[:60]!r} in use")


def revoke(catalog: Catalog, name: str, *, now: datetime) -> None:
    """Revoke the token of this name and end the sessions it started; raise NotFound if none is in use."""
    if not catalog.tokens.revoke(name, now=now):
        raise NotFound(f"there is no token named {name[:60]!r} in use")


def _is_none(words: str) -> bool:
    return words.strip().lower() in ("", "never", "none")


def _life(words: str) -> int:
    life = span(words)
    if not life or life > MAX_LIFE:
        raise BadRequest(f"uploads expire after {words[:40]!r}; give a span such as 12h or 30d, fifty years at most")
    return int(life.total_seconds())
