"""Signs of life of other hosts, by the clock of the database that they share."""

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from .engine import Database
from .schema import events

_HOST = "host "  # beside the senders' ids; old ones go with the events


class Presence:
    """The notes of hosts in the table of events. Only for PostgreSQL: hosts cannot share an SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, host: str) -> None:
        """Note that `host` lives."""
        with self._database.write() as connection:
            note = insert(events).values(id=_HOST + host, received_at=func.now())
            again = {"received_at": func.now()}
            connection.execute(note.on_conflict_do_update(index_elements=["id"], set_=again))

    def silent_s(self, host: str) -> float | None:
        """Return for how many seconds nothing was heard of `host`; None if nothing ever was."""
        age = func.extract("epoch", func.now() - events.c.received_at)
        with self._database.read() as connection:
            found = connection.execute(select(age).where(events.c.id == _HOST + host)).scalar()
        return None if found is None else float(found)
