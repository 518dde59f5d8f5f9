"""Statements that every upload waits for: put together and compiled once, and run by the driver itself.

SQLAlchemy's own way of running one costs ten times what the statement costs SQLite; see docs/performance.md. What a
statement means stays SQLAlchemy's affair: the same types turn the same values, in the same transaction.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError

_Turn = Callable[[Any], Any]


class Prepared:
    """A statement whose values are given by name at each run; `statement` is one of SQLAlchemy's, or what returns the
    one for a connection, where each dialect has its own."""

    def __init__(self, statement: Any) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Run the statement, and return how many rows it has changed."""
        compiled = self._for(connection)
        return int(compiled.execute(connection, values).rowcount)

    def first(self, connection: Connection, values: Mapping[str, Any]) -> Any | None:
        """Run the statement, and return its first row, which has each column as an attribute and at its place; None if
        there is none."""
        compiled = self._for(connection)
        row = compiled.execute(connection, values).fetchone()
        return None if row is None else compiled.read(row)

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
        self._names = list(compiled.positiontup or compiled.params)
        self._is_positional = compiled.positiontup is not None
        kinds = {name: kind.type.dialect_impl(dialect) for name, kind in compiled.binds.items()}
        self._turns: dict[str, _Turn | None] = {name: kinds[name].bind_processor(dialect) for name in self._names}
        self._given = {name: value for name, value in compiled.params.items() if value is not None}
        columns = list(statement.exported_columns)
        self._row: Any = namedtuple("_row", [column.key for column in columns])
        read = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._read = [(place, turn) for place, turn in enumerate(read) if turn]

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Return the driver's cursor after the statement; raise what SQLAlchemy raises."""
        given = self._given | values
        turned = {name: turn(given[name]) if turn else given[name] for name, turn in self._turns.items()}
        pooled = connection.connection
        cursor = pooled.cursor()
        try:
            cursor.execute(self._text, [turned[name] for name in self._names] if self._is_positional else turned)
        except connection.dialect.loaded_dbapi.Error as e:
            if connection.dialect.is_disconnect(e, pooled, cursor):  # type: ignore[arg-type]
                connection.invalidate(e)
            base = connection.dialect.loaded_dbapi.Error
            raise DBAPIError.instance(self._text, None, e, base, hide_parameters=True) from e
        except BaseException as e:
            if not isinstance(e, Exception):  # it came while an answer did: the rest of it is still to come
                connection.invalidate(e)
            raise
        return cursor

    def read(self, row: tuple[Any, ...]) -> Any:
        """Return a row of the driver's with its values as SQLAlchemy gives them."""
        values = list(row)
        for place, turn in self._read:
            values[place] = turn(values[place])
        return self._row(*values)
