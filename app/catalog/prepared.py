"""Statements that every upload waits for: put together and compiled once, and run by the driver itself.

SQLAlchemy's own way of running one costs ten times what the statement costs SQLite; see docs/performance.md. What a
statement means stays SQLAlchemy's affair: the same types turn the same values, in the same transaction.
"""

from collections import namedtuple
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError


class Prepared:
    """A statement whose values are given by name at each run; `statement` is one of SQLAlchemy's, or what returns the
    one for a connection, where each dialect has its own."""

    def __init__(self, statement: Any) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Run the statement, and return how many rows it has changed."""
        return self._for(connection).execute(connection, values)[1]

    def first(self, connection: Connection, values: Mapping[str, Any]) -> Any | None:
        """Run the statement, and return its first row, which has each column as an attribute and at its place; None if
        there is none."""
        return self._for(connection).execute(connection, values)[0]

    def _for(self, connection: Connection) -> "_Compiled":
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            statement = self._statement(connection) if callable(self._statement) else self._statement
            self._compiled[dialect.name] = _Compiled(statement, dialect)
        return self._compiled[dialect.name]


class _Compiled:
    """A statement as the driver of one database takes it."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._text = str(compiled)
        self._is_positional = compiled.positiontup is not None
        kinds = {name: kind.type.dialect_impl(dialect) for name, kind in compiled.binds.items()}
        names = compiled.positiontup or list(compiled.params)
        self._places = [(name, compiled.params[name], kinds[name].bind_processor(dialect)) for name in names]
        self._columns = [(column.key, column.type.dialect_impl(dialect)) for column in statement.exported_columns]
        self._row: Any = namedtuple("_row", [name for name, _ in self._columns])
        read = [kind.result_processor(dialect, None) for _, kind in self._columns]
        self._turns = [(place, turn) for place, turn in enumerate(read) if turn]

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> tuple[Any | None, int]:
        """Return the first row, and how many rows were found or changed; raise what SQLAlchemy raises."""
        turned = []
        for name, constant, turn in self._places:
            value = values[name] if constant is None else constant
            turned.append(turn(value) if turn else value)
        pooled, dialect = connection.connection, connection.dialect
        try:
            cursor = pooled.cursor()
            cursor.execute(self._text, turned if self._is_positional else self._by_name(turned))
            row, count = cursor.fetchone() if self._columns else None, cursor.rowcount
        except dialect.loaded_dbapi.Error as e:
            if dialect.is_disconnect(e, pooled, None):  # type: ignore[arg-type]
                connection.invalidate(e)
            raise DBAPIError.instance(self._text, None, e, dialect.loaded_dbapi.Error, hide_parameters=True) from e
        except BaseException as e:
            if not isinstance(e, Exception):  # it came while an answer did: the rest of it is still to come
                connection.invalidate(e)
            raise
        cursor.close()
        return None if row is None else self._read(row), count

    def _by_name(self, turned: list[Any]) -> dict[str, Any]:
        return {name: value for (name, _, _), value in zip(self._places, turned, strict=True)}

    def _read(self, row: tuple[Any, ...]) -> Any:
        """Return a row of the driver's with its values as SQLAlchemy gives them."""
        values = list(row)
        for place, turn in self._turns:
            values[place] = turn(values[place])
        return self._row(*values)
