"""How many transactions the bucket was asked for, by day (UTC) and class."""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import func, select

from .engine import Database, conflict_insert
from .schema import transactions


class Transactions:
    """The table of transactions. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, counts: Mapping[str, int], *, day: date) -> None:
        """Count these transactions, by class, to those of `day`."""
        rows = [{"day": day, "kind": kind, "count": count} for kind, count in counts.items()]
        with self._database.write() as connection:
            statement = conflict_insert(connection, transactions)
            summed = {"count": transactions.c.count + statement.excluded.count}
            connection.execute(statement.on_conflict_do_update(index_elements=["day", "kind"], set_=summed), rows)

    def since(self, day: date) -> dict[date, dict[str, int]]:
        """Return the transactions of every day from `day` on, by class."""
        found: dict[date, dict[str, int]] = {}
        with self._database.read() as connection:
            for row in connection.execute(select(transactions).where(transactions.c.day >= day)):
                found.setdefault(row.day, {})[row.kind] = row.count
        return found

    def totals(self) -> dict[str, int]:
        """Return the transactions that were ever made, by class."""
        statement = select(transactions.c.kind, func.sum(transactions.c.count)).group_by(transactions.c.kind)
        with self._database.read() as connection:
            return {kind: int(count) for kind, count in connection.execute(statement)}
