"""The rows of tokens: names, scopes and digests, never a secret."""

from datetime import datetime, timedelta
from typing import Any, TypedDict, Unpack

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from ..errors import NameTaken, QuotaExceeded
from ..tokens import Token
from .engine import Database, Taken, wait_turn
from .prepared import Prepared
from .schema import sessions, tokens
from .tallies import held

USED_EVERY = timedelta(minutes=1)  # the last use is kept to the minute: a write for each request would cost more
MOST = 10_000

_BY_DIGEST = Prepared(select(tokens).where(tokens.c.digest == bindparam("digest")))
_QUOTA = Prepared(select(tokens.c.quota_bytes).where(tokens.c.id == bindparam("id")))


class Terms(TypedDict, total=False):
    """What of a token may be changed: when it ends, how long its uploads live, and how much they may hold in all."""

    expires_at: datetime | None
    upload_life_s: int | None
    quota_bytes: int | None


class Tokens:
    """The table of tokens. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        name: str,
        digest: str,
        scopes: frozenset[str],
        *,
        created_at: datetime,
        **terms: Unpack[Terms],
    ) -> Token:
        """Add a token; raise NameTaken if one of this name is in use."""
        try:
            with self._database.write() as connection:
                return _add(connection, name, digest, scopes, created_at, **terms)
        except Taken as e:
            raise NameTaken(f"there is a token named {name!r} already; revoke it or take another name") from e

    def add_first(self, name: str, digest: str, scopes: frozenset[str], *, created_at: datetime) -> bool:
        """Add a token if there never was one, and return whether it was added; of several servers, one does."""
        try:
            with self._database.write() as connection:
                wait_turn(connection, "the first token")
                if connection.execute(select(tokens.c.id).limit(1)).first():
                    return False
                _add(connection, name, digest, scopes, created_at)
        except Taken:
            return False
        return True

    def by_digest(self, digest: str) -> Token | None:
        """Return the token whose secret has this digest, be it revoked or expired."""
        with self._database.read() as connection:
            row = _BY_DIGEST.first(connection, {"digest": digest})
        return read_token(row) if row else None

    def used(self, token: Token, *, now: datetime) -> None:
        """Remember that a token was used, unless its last use was less than a minute ago."""
        if token.last_used_at and now - token.last_used_at < USED_EVERY:  # a write would wait for other writers
            return
        is_due = (tokens.c.last_used_at.is_(None)) | (tokens.c.last_used_at <= now - USED_EVERY)
        with self._database.write() as connection:
            connection.execute(update(tokens).where(tokens.c.id == token.id, is_due).values(last_used_at=now))

    def list(self) -> list[Token]:
        """Return every token there ever was, the oldest first."""
        with self._database.read() as connection:
            return [read_token(row) for row in connection.execute(select(tokens).order_by(tokens.c.id).limit(MOST))]

    def change(self, name: str, **terms: Unpack[Terms]) -> bool:
        """Give the token of this name other terms, those that are named here; return whether there was one in use."""
        is_named = (tokens.c.name == name) & tokens.c.revoked_at.is_(None)
        with self._database.write() as connection:
            return connection.execute(update(tokens).where(is_named).values(**terms)).rowcount == 1

    def check_quota(self, token_id: int, size: int) -> None:
        """Raise QuotaExceeded if `size` more bytes are more than the token's uploads may have at this moment."""
        with self._database.write() as connection:
            check_quota(connection, token_id, size)

    def revoke(self, name: str, *, now: datetime) -> bool:
        """Revoke the token of this name and end its sessions; return whether there was one in use."""
        is_named = (tokens.c.name == name) & tokens.c.revoked_at.is_(None)
        with self._database.write() as connection:
            ids = connection.execute(update(tokens).where(is_named).values(revoked_at=now).returning(tokens.c.id))
            found = [row.id for row in ids]
            connection.execute(delete(sessions).where(sessions.c.token_id.in_(found)))
        return bool(found)


def read_token(row: Any) -> Token:
    """Return the token that a row of the table is."""
    return Token(
        id=row.id,
        name=row.name,
        scopes=frozenset(row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        upload_life_s=row.upload_life_s,
        quota_bytes=row.quota_bytes,
    )


def check_quota(connection: Connection, token_id: int, size: int) -> None:
    """Raise QuotaExceeded if `size` more bytes are more than a token's uploads may have; else whoever asks next for the
    same token waits for the end of this transaction. No bytes, as of a copy of what is stored, are never too many."""
    if not size:
        return
    row = _QUOTA.first(connection, {"id": token_id})
    if row is None or (quota := row.quota_bytes) is None:
        return
    wait_turn(connection, f"quota {token_id}")
    if (has := held(connection, token_id)) + size > quota:
        raise QuotaExceeded(f"the upload has {size:,} bytes, and its token holds {has:,} of the {quota:,} it may hold")


def _add(
    connection: Connection,
    name: str,
    digest: str,
    scopes: frozenset[str],
    created_at: datetime,
    **terms: Unpack[Terms],
) -> Token:
    values = {"name": name, "digest": digest, "scopes": sorted(scopes), "created_at": created_at, **terms}
    return read_token(connection.execute(insert(tokens).values(values).returning(tokens)).one())
