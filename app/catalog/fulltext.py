"""Search by words: FTS5 on SQLite, a GIN index on PostgreSQL; migration 0005 has their tables and triggers."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, column, func, literal_column, select, table, text
from sqlalchemy.types import DateTime

from ..paging import Cursor
from ..search import Query
from .keyset import ordered, paged
from .schema import KEY, uploads

# Rows that are looked through one after the other before the index is asked: a frequent word is found among the newest
# at once, and the index would first collect all of its rows.
_NEAR = 2000
_SECOND_BITS = 28  # of a text's id, below its second

_TEXTS = table("upload_texts", column("id"), column("key", KEY), column("created_at", DateTime(timezone=True)))
_WORDS = table("upload_words", column("rowid"))
_BY_DATE, _BY_SIZE = (_TEXTS.c.created_at, _TEXTS.c.key), (uploads.c.size, uploads.c.key)


def rows(
    connection: Connection, query: Query, conditions: list[ColumnElement[bool]], limit: int, after: Cursor | None
) -> Sequence[Row[Any]]:
    """Return up to `limit` rows behind `after` that have words beginning with each of the query's, and of which
    `conditions` hold, in the query's order."""
    if connection.dialect.name == "sqlite":
        return connection.execute(_sqlite(query, conditions, after).limit(limit)).all()
    if not query.sort.is_by_size:
        near = connection.execute(_near(query, conditions, after).limit(limit)).all()
        if len(near) == limit:
            return near
    return connection.execute(_postgresql(query, conditions, after).limit(limit)).all()


def within(query: Query, created_at: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    """Return the conditions that the moment of an upload, in whichever table it stands, is one that is asked for; of
    the table that has the rows in their order they spare us to go through all that are newer."""
    conditions = [created_at >= query.since] if query.since else []
    return [*conditions, created_at < query.until] if query.until else conditions


def _sqlite(query: Query, conditions: list[ColumnElement[bool]], after: Cursor | None) -> Select[Any]:
    is_falling = query.sort.is_falling
    match = " ".join(f'"{word}"*' for word in query.words)  # letters and digits: nothing is syntax
    joined = _WORDS.join(_TEXTS, _TEXTS.c.id == _WORDS.c.rowid).join(uploads, uploads.c.key == _TEXTS.c.key)
    statement = select(uploads).select_from(joined).where(text("upload_words MATCH :match"), *conditions)
    statement = statement.params(match=match)
    for moment, is_first in ((query.since, True), (query.until, False)):
        if moment:
            begin = int(moment.timestamp()) << _SECOND_BITS
            statement = statement.where(_WORDS.c.rowid >= begin if is_first else _WORDS.c.rowid < begin)
    if query.sort.is_by_size:
        return paged(statement, query.sort, _BY_SIZE, after)
    if after:
        second = int(after.value.timestamp()) if not isinstance(after.value, int) else 0
        # The row may be gone by now: then its whole second is gone through again.
        near = (second + 1 if is_falling else second) << _SECOND_BITS
        place = func.coalesce(select(_TEXTS.c.id).where(_TEXTS.c.key == after.key).scalar_subquery(), near)
        sign = "<" if is_falling else ">"
        statement = statement.where(_WORDS.c.rowid.op(sign)(place))
    return statement.order_by(_WORDS.c.rowid.desc() if is_falling else _WORDS.c.rowid.asc())


def _near(query: Query, conditions: list[ColumnElement[bool]], after: Cursor | None) -> Select[Any]:
    """Return the search among the next few rows alone."""
    few = select(_TEXTS.c.key, _TEXTS.c.created_at, literal_column("words").label("words"))
    few = few.where(*within(query, _TEXTS.c.created_at))
    near = paged(few, query.sort, _BY_DATE, after).limit(_NEAR).subquery()
    statement = select(uploads).select_from(near.join(uploads, uploads.c.key == near.c.key))
    statement = statement.where(_matches(near.c.words, query), *conditions)
    return ordered(statement, query.sort, (near.c.created_at, near.c.key))


def _postgresql(query: Query, conditions: list[ColumnElement[bool]], after: Cursor | None) -> Select[Any]:
    joined = _TEXTS.join(uploads, uploads.c.key == _TEXTS.c.key)
    statement = select(uploads).select_from(joined).where(_matches(literal_column("words"), query), *conditions)
    statement = statement.where(*within(query, _TEXTS.c.created_at))
    return paged(statement, query.sort, _BY_SIZE if query.sort.is_by_size else _BY_DATE, after)


def _matches(words: Any, query: Query) -> Any:
    asked = " & ".join(f"'{word}':*" for word in query.words)
    return words.op("@@")(text("CAST(:asked AS tsquery)").bindparams(asked=asked))
