"""The pages of a list: what stands behind the last row of the page before, in the list's order."""

from typing import Any

from sqlalchemy import Select, tuple_

from ..paging import Cursor
from ..search import Sort

Order = tuple[Any, Any]  # the column that a list is sorted by, and the key


def ordered(statement: Select[Any], sort: Sort, order: Order) -> Select[Any]:
    """Return the statement with its rows in this order."""
    return statement.order_by(*(column.desc() if sort.is_falling else column.asc() for column in order))


def paged(statement: Select[Any], sort: Sort, order: Order, after: Cursor | None) -> Select[Any]:
    """Return the statement with its rows in this order, those behind `after`."""
    if after:
        place, end = tuple_(*order), (after.value, after.key)
        statement = statement.where(place < end if sort.is_falling else place > end)
    return ordered(statement, sort, order)
