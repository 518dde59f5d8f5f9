"""Jobs that one of several workers does: who is at it, and when it was done last."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from .engine import Database, wait_turn
from .schema import events

JOB = "job "  # beside the senders' ids


class Rota:
    """The notes of jobs in the table of events, where `Changes.prune` leaves them. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, job: str, *, now: datetime, every: timedelta, patience: timedelta) -> bool:
        """Take `job` upon oneself; False if it was done less than `every` ago, or if somebody began it less than
        `patience` ago and neither ended nor gave it up."""
        with self._database.write() as connection:
            wait_turn(connection, f"{JOB}{job}")
            done_at, begun_at = _at(connection, _done(job)), _at(connection, _begun(job))
            if (done_at and now - done_at < every) or (begun_at and now - begun_at < patience):
                return False
            note(connection, _begun(job), now)
        return True

    def give_up(self, job: str) -> None:
        """Leave the job to whoever is next."""
        with self._database.write() as connection:
            connection.execute(delete(events).where(events.c.id == _begun(job)))

    def done(self, job: str, *, now: datetime) -> None:
        """Write that the job was done at this moment."""
        with self._database.write() as connection:
            wait_turn(connection, f"{JOB}{job}")
            note(connection, _done(job), now)
            connection.execute(delete(events).where(events.c.id == _begun(job)))

    def done_at(self, job: str) -> datetime | None:
        """Return when the job was done last; None if it never was."""
        with self._database.read() as connection:
            return _at(connection, _done(job))


def _done(job: str) -> str:
    return f"{JOB}{job}"


def _begun(job: str) -> str:
    return f"{JOB}{job} begun"


def _at(connection: Connection, name: str) -> datetime | None:
    return connection.execute(select(events.c.received_at).where(events.c.id == name)).scalar()


def note(connection: Connection, name: str, now: datetime) -> None:
    """Write the note `name`, of this moment, in the place of an earlier one."""
    connection.execute(delete(events).where(events.c.id == name))
    connection.execute(insert(events).values(id=name, received_at=now))
