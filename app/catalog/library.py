"""The uploads as their owner looks through them: pages of a list, found by words and filters, and what is edited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, Table, select, update

from ..errors import BadRequest
from ..paging import Cursor
from ..search import Query
from . import fulltext
from .engine import Database
from .keyset import Order, paged
from .records import Upload
from .rows import is_running, lock, upload
from .schema import FAVOURITE, LIVE, album_uploads, upload_tags, uploads
from .tallies import tagged

EDITABLE = frozenset({"title", "tags", "expires_at", "is_favourite"})


@dataclass(frozen=True, slots=True)
class Page:
    """Some uploads in the order that was asked for, and where the next page begins; None at the end."""

    uploads: list[Upload]
    next: Cursor | None


class Library:
    """The live rows of the table of uploads. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, query: Query, *, now: datetime, limit: int, after: Cursor | None = None) -> Page:
        """Return up to `limit` uploads behind `after`, in a time that does not grow with the number of rows.

        Raises BadRequest for a cursor of a list that is sorted otherwise.
        """
        if after and isinstance(after.value, int) != query.sort.is_by_size:
            raise BadRequest("the cursor belongs to a list in another order; start without one")
        with self._database.read() as connection:
            if len(query.tags) > 1:  # the rarest has the fewest rows to go through
                query = replace(query, tags=tuple(sorted(query.tags, key=lambda tag: tagged(connection, tag))))
            found = [upload(row) for row in _rows(connection, query, now, limit + 1, after)]
        if len(found) <= limit:
            return Page(found, None)
        last = found[limit - 1]
        return Page(found[:limit], Cursor(last.size if query.sort.is_by_size else last.created_at, last.key))

    def edit(self, key: str, values: Mapping[str, Any]) -> Upload | None:
        """Write `values` (of EDITABLE) of a live upload and return it; None if there is none."""
        written = {name: list(value) if name == "tags" else value for name, value in values.items() if name in EDITABLE}
        is_it = (uploads.c.key == key) & LIVE
        with self._database.write() as connection:
            row = connection.execute(update(uploads).where(is_it).values(written).returning(uploads)).first()
        return upload(row) if row else None

    def tag(self, keys: Sequence[str], *, add: Sequence[str], remove: Sequence[str], most: int) -> int:
        """Add and remove tags of many live uploads, all or none; return how many there were.

        Raises BadRequest if one of them would have more than `most` tags.
        """
        are = uploads.c.key.in_(keys) & LIVE
        with self._database.write() as connection:
            lock(connection, are)
            found = connection.execute(select(uploads.c.key, uploads.c.tags).where(are)).all()
            for row in found:
                tags = [tag for tag in dict.fromkeys([*row.tags, *add]) if tag not in remove]
                if len(tags) > most:
                    raise BadRequest(f"{row.key[:80]} would have {len(tags)} tags; at most {most} are taken")
                if tags != row.tags:
                    connection.execute(update(uploads).where(uploads.c.key == row.key).values(tags=tags))
        return len(found)

    def favour(self, keys: Sequence[str], *, is_favourite: bool) -> int:
        """Make many live uploads favourites, or none; return how many there were."""
        are = uploads.c.key.in_(keys) & LIVE
        with self._database.write() as connection:
            lock(connection, are)
            return connection.execute(update(uploads).where(are).values(is_favourite=is_favourite)).rowcount

    def get_all(self, keys: Sequence[str], *, now: datetime) -> list[Upload]:
        """Return those of `keys` that are live, in the order of `keys`."""
        are = uploads.c.key.in_(keys) & LIVE & is_running(now)
        with self._database.read() as connection:
            found = {row.key: upload(row) for row in connection.execute(select(uploads).where(are))}
        return [found[key] for key in dict.fromkeys(keys) if key in found]


def _rows(connection: Connection, query: Query, now: datetime, limit: int, after: Cursor | None) -> Sequence[Any]:
    if query.words:
        return fulltext.rows(connection, query, _conditions(query, now), limit, after)
    source, conditions, order = _source(query)
    statement = select(uploads).select_from(source).where(*conditions, *_conditions(query, now))
    return connection.execute(paged(statement, query.sort, order, after).limit(limit)).all()


def _source(query: Query) -> tuple[FromClause, list[ColumnElement[bool]], Order]:
    """Return what has the rows in their order: an index of uploads, or the table of an album or of tags."""
    if query.sort.is_by_size:
        return uploads, _narrow(query), (uploads.c.size, uploads.c.key)
    if query.album_id is not None:
        table, first = album_uploads, album_uploads.c.album_id == query.album_id
    elif query.tags:
        table, first = upload_tags, upload_tags.c.tag == query.tags[0]
    else:
        return uploads, [], (uploads.c.created_at, uploads.c.key)
    joined = table.join(uploads, table.c.key == uploads.c.key)
    conditions = [first, *fulltext.within(query, table.c.created_at), *_narrow(query, table)]
    return joined, conditions, (table.c.created_at, table.c.key)


def _narrow(query: Query, source: Table = uploads) -> list[ColumnElement[bool]]:
    """Return the conditions of tags and album that the order of the rows, that of `source`, does not already hold."""
    conditions: list[ColumnElement[bool]] = []
    tags = query.tags[1:] if source is upload_tags else query.tags
    for tag in tags:
        one = upload_tags.alias()
        same = (one.c.tag == tag) & (one.c.created_at == source.c.created_at) & (one.c.key == source.c.key)
        conditions.append(_is_found(select(one.c.tag).where(same)))
    if query.album_id is not None and source is not album_uploads:
        same = (album_uploads.c.album_id == query.album_id) & (album_uploads.c.key == uploads.c.key)
        conditions.append(_is_found(select(album_uploads.c.album_id).where(same)))
    return conditions


def _is_found(one: Select[Any]) -> ColumnElement[bool]:
    """Return the condition that `one`, of at most one row, has that row. PostgreSQL would join an EXISTS as a whole,
    both lists to their ends, where some fifty rows are wanted."""
    return one.scalar_subquery().is_not(None)


def _conditions(query: Query, now: datetime) -> list[ColumnElement[bool]]:
    """Return what has to hold of the row itself."""
    conditions: list[Any] = [FAVOURITE if query.is_favourite else LIVE, is_running(now)]
    if query.types:
        is_one = uploads.c.content_type == query.types[0]
        conditions.append(is_one if len(query.types) == 1 else uploads.c.content_type.in_(query.types))
    conditions += fulltext.within(query, uploads.c.created_at)
    if query.min_size is not None:
        conditions.append(uploads.c.size >= query.min_size)
    if query.max_size is not None:
        conditions.append(uploads.c.size <= query.max_size)
    if query.words:
        conditions += _narrow(query)
    return conditions
