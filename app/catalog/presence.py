"""Signs of life of the writers on other hosts, by the clock of the database that they share."""

from sqlalchemy import delete, func, insert, select

from .engine import Database
from .schema import events

_WRITER = "writer "  # beside the senders' ids; old ones go with the events


class Presence:
    """The notes of writers in the table of events. Only for PostgreSQL: hosts cannot share an SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, writer: str) -> None:
        """Note that `writer` lives."""
        with self._database.write() as connection:
            connection.execute(delete(events).where(events.c.id == _WRITER + writer))
            connection.execute(insert(events).values(id=_WRITER + writer, received_at=func.now()))

    def silent_s(self, writer: str) -> float | None:
        """Return for how many seconds nothing was heard of `writer`; None if nothing ever was."""
        age = func.extract("epoch", func.now() - events.c.received_at)
        with self._database.read() as connection:
            found = connection.execute(select(age).where(events.c.id == _WRITER + writer)).scalar()
        return None if found is None else float(found)
