"""The connection to the database: how SQLite has to be set, and a library's errors made ours."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, DateTime, Engine, TypeDecorator, create_engine, event, text
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ..errors import BadRequest, Busy

BUSY_TIMEOUT_MS = 5000


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware and in UTC on our side; SQLite keeps it without its zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn any aware moment into UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """Transactions on one database. `path` is the file of an SQLite one, else None."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.path: Path | None = None
        if parsed.get_backend_name() == "sqlite":
            self.path = Path(parsed.database or "catalog.sqlite3").absolute()
        else:
            parsed = parsed.set(drivername="postgresql+psycopg")
        self._url = parsed
        self._engine: Engine | None = None
        # Writers of one process queue here: SQLite's own queue is a sleep, and unfair.
        self._turn = threading.Lock() if self.path else nullcontext()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection for reading."""
        with _ours(), self._open().connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection in a transaction that ends with the block, undone if the block raises."""
        with _ours(), self._turn, self._open().connect() as connection:
            connection.info["is_writing"] = True
            try:
                with connection.begin():
                    yield connection
            finally:
                connection.info["is_writing"] = False

    def close(self) -> None:
        """Close every connection."""
        if self._engine:
            self._engine.dispose()
            self._engine = None

    def _open(self) -> Engine:
        if self._engine is None:
            if self.path:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._engine = create_engine(self._url, connect_args={"check_same_thread": False}, pool_timeout=5)
                event.listen(self._engine, "connect", _set_sqlite)
                event.listen(self._engine, "begin", _begin_sqlite)
            else:
                self._engine = create_engine(self._url, pool_pre_ping=True, pool_timeout=5)
        return self._engine


def wait_turn(connection: Connection, name: str) -> None:
    """Let transactions that name the same thing follow one another; on SQLite all writers do so anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


def _set_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where _begin_sqlite says, not where the driver guesses
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",  # NORMAL loses the last commits when the power goes; FULL costs 0.2 ms
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A read that becomes a write never waits (SQLITE_BUSY at once), so a write says at its start what it is.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.info.get("is_writing") else "BEGIN")


@contextmanager
def _ours() -> Iterator[None]:
    """Turn the libraries' errors into ours; IntegrityError is for the caller, who knows what it means."""
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, PoolTimeout, sqlite3.Error) as e:
        raise Busy("the catalog is busy or does not answer; try again in a moment") from e
    except (OverflowError, UnicodeEncodeError) as e:
        raise BadRequest("a value is too large or is not valid text") from e
