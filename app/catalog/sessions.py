"""The rows of browser sessions: digests of their ids, each tied to the token that signed in."""

from datetime import datetime

from sqlalchemy import delete, insert, select

from ..tokens import Token
from .engine import Database
from .schema import sessions, tokens
from .tokens import read_token


class Sessions:
    """The table of sessions. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, digest: str, token_id: int, *, created_at: datetime, expires_at: datetime) -> None:
        """Add a session; `digest` is that of its id."""
        values = {"digest": digest, "token_id": token_id, "created_at": created_at, "expires_at": expires_at}
        with self._database.write() as connection:
            connection.execute(insert(sessions).values(values))

    def token_of(self, digest: str, *, now: datetime) -> Token | None:
        """Return the token of a session, or None if the session is over or its token no longer usable."""
        is_running = (sessions.c.digest == digest) & (sessions.c.expires_at > now)
        with self._database.read() as connection:
            row = connection.execute(select(tokens).join(sessions).where(is_running)).first()
        token = read_token(row) if row else None
        return token if token and token.is_usable(now) else None

    def end(self, digest: str) -> None:
        """End a session; one that is not there is no error."""
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.digest == digest))

    def prune(self, *, now: datetime, limit: int) -> int:
        """Forget up to `limit` sessions that are over; return how many."""
        over = select(sessions.c.digest).where(sessions.c.expires_at <= now).limit(limit)
        with self._database.write() as connection:
            return connection.execute(delete(sessions).where(sessions.c.digest.in_(over))).rowcount
