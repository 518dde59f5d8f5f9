"""How many uploads there are, and their bytes, by day, type, token and tag: sums that the database keeps by itself."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, func, select

from .engine import Database
from .schema import tallies


@dataclass(frozen=True, slots=True)
class Tally:
    """`count` uploads of `size` bytes in all; `name` is the day, content type, token id or tag."""

    name: str
    count: int
    size: int


class Tallies:
    """The table of tallies. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def stored(self) -> Tally:
        """Return how many objects the catalog knows to be stored, and their bytes."""
        found = self._sums("stored")
        return found[0] if found else Tally("", 0, 0)

    def by_type(self) -> list[Tally]:
        """Return the live uploads by content type, the most frequent first."""
        return sorted(self._sums("type"), key=lambda one: -one.count)

    def by_token(self) -> list[Tally]:
        """Return the live uploads by the id of the token that sent them ('' where none did)."""
        return sorted(self._sums("token"), key=lambda one: -one.count)

    def by_holder(self) -> list[Tally]:
        """Return what each token, by its id, holds: what counts towards its quota."""
        return self._sums("held")

    def by_day(self, first: date, last: date) -> list[Tally]:
        """Return the live uploads of each day (UTC) from `first` to `last`, days without any too."""
        days = (last - first).days + 1
        found = {one.name: one for one in self._sums("day", first.isoformat(), last.isoformat())}
        names = [(first + timedelta(days=number)).isoformat() for number in range(days)]
        return [found.get(name, Tally(name, 0, 0)) for name in names]

    def tags(self, *, limit: int) -> list[Tally]:
        """Return up to `limit` tags, the most used first."""
        count = func.sum(tallies.c.count)
        statement = select(tallies.c.name, count, func.sum(tallies.c.size)).where(tallies.c.kind == "tag")
        statement = statement.group_by(tallies.c.name).having(count > 0).order_by(count.desc(), tallies.c.name)
        with self._database.read() as connection:
            return [_tally(row) for row in connection.execute(statement.limit(limit))]

    def sum_up(self) -> None:
        """Make one row of what PostgreSQL has in many; on SQLite there is never more than one."""
        with self._database.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.tallies_sum_up(0)))

    def _sums(self, kind: str, first: str = "", last: str | None = None) -> list[Tally]:
        are = (tallies.c.kind == kind) & (tallies.c.name >= first)
        if last is not None:
            are &= tallies.c.name <= last
        count = func.sum(tallies.c.count)
        statement = select(tallies.c.name, count, func.sum(tallies.c.size)).where(are)
        statement = statement.group_by(tallies.c.name).having(count > 0).order_by(tallies.c.name)
        with self._database.read() as connection:
            return [_tally(row) for row in connection.execute(statement)]


def held(connection: Connection, token_id: int) -> int:
    """Return how many bytes the uploads of a token have, those that are just being stored too."""
    are = (tallies.c.kind == "held") & (tallies.c.name == str(token_id))
    return int(connection.execute(select(func.coalesce(func.sum(tallies.c.size), 0)).where(are)).scalar_one())


def tagged(connection: Connection, tag: str) -> int:
    """Return how many live uploads have a tag."""
    are = (tallies.c.kind == "tag") & (tallies.c.name == tag)
    return int(connection.execute(select(func.coalesce(func.sum(tallies.c.count), 0)).where(are)).scalar_one())


def _tally(row: tuple[str, int, int]) -> Tally:
    return Tally(row[0], int(row[1]), int(row[2]))
