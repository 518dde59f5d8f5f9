"""The catalog as the floors above use it: its tables, and bringing them up to date."""

import fcntl
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, text

from ..errors import BadRequest, Conflict, SettingsError
from ..settings import PREFIX
from .albums import Albums
from .changes import Changes
from .copies import Copies
from .engine import Database, check_writable, wait_long, wait_turn
from .imports import Imports
from .jobs import Jobs
from .library import Library
from .presence import Presence
from .revisions import applied_revision, known_revisions
from .rota import Rota
from .sessions import Sessions
from .snapshots import Snapshots
from .tallies import Tallies
from .thumbnails import Thumbnails
from .tokens import Tokens
from .transactions import Transactions
from .uploads import UploadRows


@dataclass(frozen=True, slots=True)
class Condition:
    """How a catalog stands. `revision` is that of its tables (None: there are none yet), `head` the one this version
    works with, `is_newer` whether only a newer version knows the tables; `journal` is SQLite's, else None."""

    revision: str | None
    head: str
    is_newer: bool
    journal: str | None


class Catalog:
    """The tables behind `url` (`sqlite:///path` or `postgresql://…`). Nothing is opened before the first use.

    Every method raises Busy where the database does not answer or stays locked, StoreFull where its disk is full,
    BadRequest for a value that no database holds, and never an error of a library. `used` is told of each connection
    that is taken (1) or given back (-1).
    """

    def __init__(self, url: str, used: Callable[[int], None] = lambda change: None) -> None:
        self._database = Database(url, used)
        self.uploads = UploadRows(self._database)
        self.changes = Changes(self._database)
        self.tokens = Tokens(self._database)
        self.sessions = Sessions(self._database)
        self.transactions = Transactions(self._database)
        self.thumbnails = Thumbnails(self._database)
        self.copies = Copies(self._database)
        self.library = Library(self._database)
        self.albums = Albums(self._database)
        self.tallies = Tallies(self._database)
        self.imports = Imports(self._database)
        self.jobs = Jobs(self._database)
        self.rota = Rota(self._database)
        self.snapshots = Snapshots(self._database)
        self.presence = None if self._database.path else Presence(self._database)

    def upgrade(self, revision: str = "head") -> None:
        """Bring the tables up to date, or to `revision`; several servers may do so at once, one of them then does it.

        Makes the folder of an SQLite database. Raises SettingsError if the folder cannot be written, or if a newer
        version made the tables; if it is interrupted, the tables stay as they were.
        """
        with self._alone() as connection:
            if revision == "head" and applied_revision(connection) == known_revisions()[0]:
                return
            from . import migrating  # noqa: PLC0415 most starts find tables that are up to date

            migrating.upgrade(connection, revision)

    def downgrade(self, revision: str, *, may_lose: bool = False) -> None:
        """Make the tables those of an earlier `revision`, for an older version; what both hold stays.

        Raises BadRequest for a revision that is none, or later than the tables', and Conflict where something would be
        lost and it is not `may_lose`; the tables then stay as they were, as they do if it is interrupted.
        """
        from . import migrating  # noqa: PLC0415 as above

        with self._alone() as connection:
            current, known = applied_revision(connection), self.revisions()
            earlier = known[known.index(current) :] if current in known else []
            if revision not in earlier:
                there = ", ".join(reversed(earlier)) or "none"
                raise BadRequest(f"{revision!r} is no revision that the tables can go back to: {there}")
            lost = migrating.losses(connection, earlier[: earlier.index(revision)])
            if lost and not may_lose:
                raise Conflict(f"this would lose {'; and '.join(lost)}")
            migrating.downgrade(connection, revision)

    def exists(self) -> bool:
        """Whether there is a database; of a server it is not asked. Opening an SQLite one would make it."""
        return self._database.path is None or self._database.path.exists()

    def revisions(self) -> list[str]:
        """Return the revisions of the tables that this version knows, the one it works with first."""
        return list(known_revisions())

    def condition(self) -> Condition:
        """Return how the catalog stands; nothing is changed."""
        known = self.revisions()
        with self._database.read() as connection:
            revision = applied_revision(connection)
            journal = connection.execute(text("PRAGMA journal_mode")).scalar() if self._database.path else None
        is_newer = revision is not None and revision not in known
        return Condition(revision, known[0], is_newer, journal)

    def try_writing(self, *, now: datetime) -> None:
        """Write a row and remove it again; raise StoreMisconfigured where this may not be."""
        name = f"trial {secrets.token_hex(8)}"
        self.changes.hear(name, now=now)
        self.changes.unhear(name)

    def is_current(self) -> bool:
        """Whether the tables are those this version works with."""
        with self._database.read() as connection:
            return applied_revision(connection) == self.revisions()[0]

    def ping(self) -> None:
        """Return if the database answers and would be written to; nothing is written. Raises Busy while another program
        holds it locked, StoreMisconfigured where it takes reads alone."""
        with self._database.write() as connection:
            check_writable(connection)

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """Yield a connection in a transaction that no other upgrade runs beside."""
        path = self._database.path
        if path is None:
            with self._database.write() as connection:
                wait_long(connection)
                wait_turn(connection, "upgrade")
                yield connection
            return
        with _open_lock(path) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            with self._database.write() as connection:
                yield connection


def _open_lock(path: Path) -> BinaryIO:
    """Open the file next to the database that an upgrade locks."""
    lock = path.with_name(path.name + ".lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        return lock.open("wb")
    except OSError as e:
        raise SettingsError([f"{PREFIX}DATABASE_URL: cannot write {lock}: {e.strerror}"]) from e
