"""The connection to the database, and a library's errors made ours."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, DateTime, QueuePool, Table, TypeDecorator, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ..errors import BadRequest, BowerbirdError, SettingsError, StoreFull, StoreMisconfigured
from ..settings import PREFIX
from .sqlite_file import WAIT_S, SqliteFile, busy


class Taken(BowerbirdError):
    """A unique key of a table is in use; the caller says which one."""


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
    """Transactions on one database. `path` is the file of an SQLite one, else None. Nothing is opened yet.

    `used` is told of each connection that is taken (1) or given back (-1); with SQLite of the one that writes: those
    that read keep nobody waiting. Raises SettingsError for a URL that names neither SQLite nor PostgreSQL.
    """

    def __init__(self, url: str, used: Callable[[int], None] = lambda change: None) -> None:
        parsed = _parse(url)
        # gevent switches inside a lock and a socket, never inside SQLite: a pool serves threads and greenlets alike.
        # The one used last is taken first: it knows its statements, and of SQLite's pages those that did not change.
        pool = {"poolclass": QueuePool, "pool_timeout": WAIT_S, "pool_use_lifo": True}
        self.path: Path | None = None
        self._file: SqliteFile | None = None
        if parsed.drivername == "sqlite":
            self._file = SqliteFile(parsed, used, **pool)
            self.path, self._engine = self._file.path, self._file.reading
            self._read, self._begin = self._file.read, self._file.begin
        else:
            patience = {} if "connect_timeout" in parsed.query else {"connect_timeout": int(WAIT_S)}
            # An error tells no values: the address of a shared album is one, and errors are logged.
            more: dict[str, Any] = {"connect_args": patience, "pool_pre_ping": True, "hide_parameters": True}
            self._engine = create_engine(parsed, **pool, **more)
            self._read, self._begin = self._engine.connect, self._engine.begin
            event.listen(self._engine, "connect", _set_postgresql)
            event.listen(self._engine, "checkout", lambda *_: used(1))
            event.listen(self._engine, "checkin", lambda *_: used(-1))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection for reading."""
        with _ours(), self._read() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Yield a connection that sees the database as it is at its first question, whatever is written meanwhile."""
        with _ours(), self._engine.connect() as connection:
            if not self.path:  # a read transaction of SQLite is one already, and keeps no writer waiting
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection in a transaction that is on the disk when the block has ended, or undone if it raises."""
        with _ours(), self._begin() as connection:
            yield connection

    def sync(self) -> None:
        """Return when all that can be read is on the disk."""
        if self._file:
            with _ours():
                self._file.sync()

    def close(self) -> None:
        """Close every connection."""
        if self._file:
            self._file.close()
        self._engine.dispose()


def conflict_insert(connection: Connection, table: Table) -> Any:
    """Return an INSERT into `table` that can say what to do ON CONFLICT: each dialect has its own."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def wait_turn(connection: Connection, name: str) -> None:
    """Let transactions that name the same thing follow one another; on SQLite all writers do so anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


def wait_long(connection: Connection) -> None:
    """Let this transaction wait for the locks of others as long as it takes."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = 0"))


def check_writable(connection: Connection) -> None:
    """Raise StoreMisconfigured unless this transaction may write; on SQLite it would not have begun."""
    if connection.dialect.name == "postgresql" and connection.scalar(text("SHOW transaction_read_only")) == "on":
        raise _read_only()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as e:  # `e` may hold the password
        raise SettingsError([f"{PREFIX}DATABASE_URL: this is not the URL of a database"]) from e
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return parsed.set(drivername="sqlite", database=str(Path(parsed.database or "catalog.sqlite3").absolute()))
    if backend in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    raise SettingsError([f"{PREFIX}DATABASE_URL: give sqlite:///path or postgresql://…, not {backend}"])


def _set_postgresql(connection: Any, _record: Any) -> None:
    # Not by `options` in the URL: poolers such as PgBouncer refuse those.
    connection.execute(f"SET lock_timeout = {int(WAIT_S * 1000)}")
    connection.commit()


@contextmanager
def _ours() -> Iterator[None]:
    """Turn the libraries' errors into ours, by what they mean; their text goes no further."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as e:
        raise _meaning(e) from e
    except PoolTimeout as e:
        raise busy() from e
    except (OverflowError, UnicodeEncodeError) as e:
        raise _unfit() from e


def _meaning(error: Exception) -> BowerbirdError:
    cause = getattr(error, "orig", error)
    # https://www.sqlite.org/rescode.html, https://www.postgresql.org/docs/current/errcodes-appendix.html
    code = getattr(cause, "sqlite_errorcode", 0)
    state = getattr(cause, "sqlstate", None) or ""
    if state == "23505" or code in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY):
        return Taken("the key is in use")
    if state == "53100" or code & 0xFF == sqlite3.SQLITE_FULL:
        return StoreFull("the disk of the catalog is full")
    if state == "25006" or code & 0xFF == sqlite3.SQLITE_READONLY:
        return _read_only()
    unfit = (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG)
    if str(cause).startswith("fts5: "):  # letters that are none in the Unicode of this SQLite split a word in two
        return _unfit()
    if isinstance(error, DataError) or state[:2] == "23" or code & 0xFF in unfit:
        return _unfit()
    return busy()


def _read_only() -> StoreMisconfigured:
    return StoreMisconfigured("the server may not write to its catalog")


def _unfit() -> BadRequest:
    return BadRequest("a value is too large, is not valid text or names what does not exist")
