"""An SQLite catalog as one process has it: any number of readers, one connection that writes, and the log of SQLite's
that makes what was written last."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine, event
from sqlalchemy.engine import URL

from ..blocking import Lane
from ..errors import Busy, StoreUnavailable

WAIT_S = 5.0  # for a lock, for a connection: longer than any honest transaction, shorter than a client's patience
_LOG = "WAL"
_READERS = 4  # that are kept
_MOVED_EVERY = 32  # syncs of the log, after which it is moved into the database
_MOST_PAGES = 10_000  # of the log, at which whoever commits moves it: a long transaction, or many processes
_POLL_S = 0.001  # between two looks at the lock: no transaction of another process waits for the disk while it has it


class SqliteFile:
    """The file that `url` names; `pool` is how connections for reading are kept, those of the engine `reading`.

    `used` is told when the one that writes is taken (1) or given back (-1).
    """

    def __init__(self, url: URL, used: Callable[[int], None], **pool: Any) -> None:
        self._used = used
        self.path = Path(url.database or "")
        common = {"connect_args": {"check_same_thread": False}, "hide_parameters": True}
        self.reading = create_engine(url, **common, **pool)
        self._writing = create_engine(url, **common, poolclass=NullPool)
        event.listen(self.reading, "connect", _set_up)
        event.listen(self.reading, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        event.listen(self._writing, "connect", _set_up_writing)
        self._readers: list[Connection] = []
        self._turn = threading.Lock()  # SQLite's own queue is a sleep, and unfair
        self._kept: Connection | None = None
        self._log = _Log(self.path)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection for reading; what is read by one statement is read at one moment."""
        try:
            connection = self._readers.pop()
        except IndexError:  # asking first would be a race of threads
            connection = self.reading.connect()
        try:
            yield connection
            if connection.in_transaction():
                connection.rollback()
        except BaseException:
            connection.close()
            raise
        if len(self._readers) < _READERS:
            self._readers.append(connection)
        else:
            connection.close()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Yield the connection that writes, in a transaction that is on the disk when the block has ended, or undone if
        that raises; and so is all that it has read, which another may have written just now.

        Raises Busy where others write for too long, StoreUnavailable where it is not known whether the disk took it.
        """
        if not self._turn.acquire(timeout=WAIT_S):
            raise busy()
        self._used(1)
        try:
            if self._kept is None:
                self._kept = self._writing.connect()
                # One of SQLAlchemy's that has no end: to begin and end those costs as much as SQLite's own.
                self._kept.begin()
            driver: Any = self._kept.connection.driver_connection
            _begin_writing(driver)
            yield self._kept
            driver.execute("COMMIT")
        except BaseException:
            self._forget()  # in whatever state it is
            raise
        finally:
            self._used(-1)
            self._turn.release()
        self._log.sync()

    def sync(self) -> None:
        """Return when all that can be read is on the disk, also what another process has just written."""
        self._log.sync()

    def close(self) -> None:
        """Close every connection but those in the pool of `reading`."""
        with self._turn:
            self._forget()
        while self._readers:
            self._readers.pop().close()
        self._log.close()

    def _forget(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()


class _Log:
    """The write-ahead log beside an SQLite file. SQLite could sync it at the end of each transaction, which would keep
    all others waiting, of this process and of every other; so it is told not to, and one sync here serves all of this
    process that wait for one, and keeps nobody else (https://www.sqlite.org/pragma.html#pragma_synchronous, NORMAL)."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._path = Path(f"{os.path.realpath(database)}-wal")  # SQLite has it beside what a link leads to
        self._turn, self._lane = threading.Lock(), Lane()
        self._begun = self._done = 0  # syncs, by number
        self._is_doubtful = False
        # It stays open: of an error of the disk only those hear who had the file open then.
        self._open: int | None = None

    def sync(self) -> None:
        """Return when all that was committed before is on the disk; raise StoreUnavailable if that is not known."""
        wanted = self._begun + 1  # one that has begun already may have missed the end of what was written
        with self._turn:
            if self._done < wanted:
                self._begun += 1
                self._lane.run(self._sync)
                self._done = self._begun

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        with self._turn:
            self._let_go()

    def _sync(self) -> None:
        try:
            if self._is_doubtful:
                self._empty()
            if (descriptor := self._find()) is None:
                return  # all of it has moved into the database, and was synced there
            os.fdatasync(descriptor)
        except OSError as e:
            self._is_doubtful = True
            raise StoreUnavailable("it is not known whether the server's disk has kept it; ask again") from e
        if self._begun % _MOVED_EVERY == 0:
            try:
                self._move("PASSIVE")
            except sqlite3.Error:  # what is in the log alone is as safe, if it is there
                self._is_doubtful = True

    def _find(self) -> int | None:
        """Return the descriptor of the log that there is now; None if there is none."""
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return None
        if self._open is None or not os.path.samestat(there, os.fstat(self._open)):
            self._let_go()
            self._open = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        return self._open

    def _let_go(self) -> None:
        descriptor, self._open = self._open, None
        if descriptor is not None:
            os.close(descriptor)

    def _empty(self) -> None:
        """Move all of the log into the database: after a sync that failed, the kernel may say of what it has lost that
        it is on the disk (https://wiki.postgresql.org/wiki/Fsync_Errors)."""
        if not self._move("TRUNCATE"):
            raise busy()
        self._is_doubtful = False

    def _move(self, how: str) -> bool:
        """Move the log into the database, as far as nobody needs it, and return whether that is all of it. SQLite would
        do it at the end of a transaction, where it holds up whoever shares the thread."""
        with closing(sqlite3.connect(self._database, timeout=WAIT_S)) as connection:
            is_busy, *_ = connection.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
        return not is_busy


def busy() -> Busy:
    """Return the error for a database that others hold, or that does not answer."""
    return Busy("the catalog is busy or does not answer; try again in a moment")


def _set_up(connection: Any, _record: Any) -> str:
    """Set a new connection up, and return what its log is."""
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    connection.execute(f"PRAGMA busy_timeout = {int(WAIT_S * 1000)}")
    (mode,) = connection.execute(f"PRAGMA journal_mode = {_LOG}").fetchone()
    # Where there can be no such log there is none to sync.
    connection.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_MOST_PAGES}")
    connection.execute("PRAGMA foreign_keys = ON")
    return str(mode)


def _set_up_writing(connection: Any, record: Any) -> None:
    if _set_up(connection, record) == "wal":  # else a commit waits for those who read
        connection.execute("PRAGMA busy_timeout = 0")


def _begin_writing(driver: sqlite3.Connection) -> None:
    """Begin once no other process writes, waiting here and not inside SQLite, where a wait would hold up every greenlet
    of the process. A read that became a write would never wait, so a write says at its start what it is."""
    ends_at = time.monotonic() + WAIT_S
    while True:
        try:
            driver.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as e:
            if e.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= ends_at:
                raise
        time.sleep(_POLL_S)
