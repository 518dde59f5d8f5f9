"""How the repeated jobs went, and how much waits for them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, select

from .engine import Database, conflict_insert
from .records import State, Thumbnail
from .schema import FOUND, PROBLEM, UNDRAWN, UNSETTLED, jobs, uploads

MOST = 10_000  # rows of a kind that are counted: nobody waits for the number of a million


@dataclass(frozen=True, slots=True)
class JobRun:
    """How a job went last, on whichever server: `failures` in a row, the last of them at `failed_at` of `problem`."""

    name: str
    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    failures: int = 0
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """How many rows wait for a job; each number is MOST at most."""

    undrawn: int  # thumbnails that are due
    undrawable: int  # images that no decoder reads
    deletions: int
    found: int  # objects that nobody has looked at
    pending: int  # uploads that are just being stored, or were left behind by a crash
    overdue: int  # uploads whose time is over and that are still there


class Jobs:
    """The table of jobs, and the rows of uploads that wait for one. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def succeeded(self, name: str, *, now: datetime) -> None:
        """Write that the job of this name was done; what it failed of last stays to be read."""
        self._write(name, {"succeeded_at": now, "failures": 0})

    def failed(self, name: str, problem: str, *, now: datetime) -> None:
        """Write that the job of this name failed once more, and of what."""
        values = {"failed_at": now, "problem": problem[:200], "failures": jobs.c.failures + 1}
        self._write(name, values, first={"failures": 1})

    def list(self) -> list[JobRun]:
        """Return every job that ever ran, by name."""
        with self._database.read() as connection:
            return [JobRun(**row._mapping) for row in connection.execute(select(jobs).order_by(jobs.c.name))]

    def queued(self, *, now: datetime) -> Queued:
        """Return how much waits. Each is counted by an index that has little else in it."""
        conditions = {
            "undrawn": UNDRAWN,
            "undrawable": and_(PROBLEM, uploads.c.thumbnail == Thumbnail.FAILED.value),
            "deletions": _waiting(),
            "found": FOUND,
            "pending": and_(UNSETTLED, uploads.c.state == State.PENDING.value),
            "overdue": (uploads.c.expires_at <= now) & (uploads.c.state == State.LIVE.value),
        }
        with self._database.read() as connection:
            counts = {
                name: connection.execute(
                    select(func.count()).select_from(
                        select(literal(1)).select_from(uploads).where(are).limit(MOST).subquery()
                    )
                ).scalar_one()
                for name, are in conditions.items()
            }
        return Queued(**counts)

    def _write(self, name: str, values: dict[str, Any], first: dict[str, Any] | None = None) -> None:
        with self._database.write() as connection:
            statement = conflict_insert(connection, jobs).values({"name": name} | values | (first or {}))
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


def _waiting() -> ColumnElement[bool]:
    """Deletions that wait for the store, or for the edge to be told for the first time."""
    return and_(UNSETTLED, uploads.c.state == State.DELETING.value, uploads.c.purged_at.is_(None))
