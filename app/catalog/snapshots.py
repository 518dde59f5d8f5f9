"""The whole catalog as lines of JSON, the same from every database, and the way back from them.

The first line names the revision of the tables; then, for each table, a line with its name and columns and one line for
each row, in an order in which a row follows those that it names; the last line says how many rows there were.
"""

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import chain, groupby, islice
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Date,
    LargeBinary,
    Table,
    column,
    delete,
    func,
    insert,
    inspect,
    select,
    table,
    text,
    update,
)
from sqlalchemy.exc import NoSuchTableError

from ..errors import BadBackup, Conflict
from .changes import AGAIN
from .engine import Database, UtcDateTime, wait_turn
from .records import State
from .revisions import applied_revision
from .schema import DERIVED, metadata, uploads

_BATCH = 1000  # rows between two looks at the disk: so few are in memory at a time

# How a value is written where JSON has no such type, and how it is read again.
_WRITE: dict[str, Callable[[Any], Any]] = {
    "moment": datetime.isoformat,
    "day": date.isoformat,
    "bytes": lambda value: base64.b64encode(value).decode(),
}
_READ: dict[str, Callable[[Any], Any]] = {
    "moment": datetime.fromisoformat,
    "day": date.fromisoformat,
    "bytes": base64.b64decode,
}


class Snapshots:
    """Every table of the schema. Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def dump(self) -> Iterator[bytes]:
        """Yield the lines of a snapshot, all of the same moment; writers are not kept waiting."""
        with self._database.snapshot() as connection:
            count = 0
            yield _line({"revision": applied_revision(connection)})
            for one in _saved():
                kinds = {found.name: _kind(found) for found in one.columns if found.computed is None}
                yield _line({"table": one.name, "columns": kinds})
                writers = [_WRITE.get(kind) for kind in kinds.values()]
                rows = select(*(one.c[name] for name in kinds)).order_by(*one.primary_key)
                for row in connection.execute(rows, execution_options={"yield_per": _BATCH}):
                    yield _line(list(map(_turned, writers, row)))
                    count += 1
            yield _line({"rows": count})

    def load(
        self, lines: Iterable[bytes], *, is_replacing: bool = False, last: Callable[[], object] = lambda: None
    ) -> dict[str, int]:
        """Make the catalog what the snapshot `lines` hold, of the revision that its tables have; return how many rows
        each table got. `last` is called when only the commit is left to do.

        Raises Conflict if there are uploads and it is not `is_replacing`, and BadBackup for lines that are no snapshot.
        Whatever is raised, the catalog is as it was.
        """
        with self._database.write() as connection:
            _shut_out_others(connection)
            if not is_replacing and connection.execute(select(uploads.c.key).limit(1)).first():
                raise Conflict("the catalog holds uploads already; --replace puts the backup in their place")
            derived = [one for one in metadata.sorted_tables if one.name in DERIVED]
            for one in [*reversed(_saved()), *derived]:  # which are empty by now, or tell of nothing
                connection.execute(delete(one))
            counts = _fill(connection, lines)
            _look_at_pending(connection)
            _number_on(connection)
            last()
        return counts

    def fill(self, lines: Iterable[bytes]) -> None:
        """Write the rows into empty tables of any revision that has them."""
        with self._database.write() as connection:
            _fill(connection, lines)


def revision_of(lines: Iterable[bytes]) -> tuple[str, Iterator[bytes]]:
    """Return the revision of the tables of a snapshot, and all of its lines."""
    rest = iter(lines)
    first = next(rest, b"")
    head = _parsed(first)
    revision = head.get("revision") if isinstance(head, dict) else None
    if not isinstance(revision, str):
        raise BadBackup("the backup does not say which version of the tables it holds")
    return revision, chain([first], rest)


def _saved() -> Sequence[Table]:
    return [one for one in metadata.sorted_tables if one.name not in DERIVED]


def _shut_out_others(connection: Connection) -> None:
    """Let no other server write meanwhile; on SQLite none can."""
    wait_turn(connection, "upgrade")
    if connection.dialect.name == "postgresql":
        names = ", ".join(connection.dialect.identifier_preparer.format_table(one) for one in _saved())
        connection.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))


def _fill(connection: Connection, lines: Iterable[bytes]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    told: int | None = None
    target: _Target | None = None
    for kind, found in groupby(map(_parsed, lines), type):
        if kind is dict:
            for head in found:
                told = head.get("rows", told)
                target = _Target(connection, head["table"], head["columns"]) if "table" in head else None
        elif target is None:
            raise BadBackup("the backup holds rows of no table")
        else:
            while batch := list(islice(found, _BATCH)):
                target.insert(batch)
                counts[target.name] += len(batch)
    if told != counts.total():
        raise BadBackup(f"the backup should hold {told} rows, and holds {counts.total()}")
    return dict(counts)


class _Target:
    """A table as it is in the database, whose revision may be an older one than that of the schema."""

    def __init__(self, connection: Connection, name: str, kinds: dict[str, str]) -> None:
        self.name = name
        self._connection = connection
        self._names = list(kinds)
        self._readers = [_READ.get(kind) for kind in kinds.values()]
        try:
            types = {one["name"]: one["type"] for one in inspect(connection).get_columns(name)}
            columns = [column(one, types[one]) for one in kinds]
        except (NoSuchTableError, KeyError) as e:
            raise BadBackup(f"the backup holds a table {name[:40]!r} that is not like that of this version") from e
        for one in columns:
            if isinstance(one.type, JSON):
                one.type.none_as_null = True
        # What returns something is sent as one statement for many rows; triggers run once for all of these.
        self._insert = insert(table(name, *columns)).returning(columns[0])

    def insert(self, rows: list[list[Any]]) -> None:
        try:
            values = [dict(zip(self._names, map(_turned, self._readers, row), strict=True)) for row in rows]
        except (ValueError, TypeError) as e:
            raise BadBackup(f"a row of the table {self.name} is not like the others") from e
        self._connection.execute(self._insert, values)


def _look_at_pending(connection: Connection) -> None:
    """Have the worker look for the objects of uploads that were under way at the moment of the snapshot: they may have
    been answered since, and settling them as never answered would delete them."""
    pending = uploads.c.state == State.PENDING.value
    connection.execute(update(uploads).where(pending).values(AGAIN | {"is_foreign": True}))


def _number_on(connection: Connection) -> None:
    """Let PostgreSQL number new rows behind those that came with their numbers; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for one in _saved():
        if (numbered := one.autoincrement_column) is not None:
            sequence = func.pg_get_serial_sequence(one.name, numbered.name)
            connection.execute(select(func.setval(sequence, func.coalesce(func.max(numbered), 0) + 1, False)))


def _kind(found: Column[Any]) -> str:
    if isinstance(found.type, UtcDateTime):
        return "moment"
    if isinstance(found.type, Date):
        return "day"
    return "bytes" if isinstance(found.type, LargeBinary) else "plain"


def _turned(turn: Callable[[Any], Any] | None, value: Any) -> Any:
    return turn(value) if turn and value is not None else value


def _line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError as e:
        raise BadBackup("a line of the backup is not JSON") from e
