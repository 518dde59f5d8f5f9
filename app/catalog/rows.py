"""Rows of the table of uploads: as the table takes them, as the floors above see them, and what is asked of them."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select

from .records import State, Thumbnail, Upload
from .schema import uploads

# What makes the thumbnail of a row due, whatever there was of it.
UNDRAWN_AGAIN = {
    "thumbnail": Thumbnail.DUE.value,
    "thumbnail_due_at": None,
    "blurhash": None,
    "color": None,
    "problem": None,
}
IS_UPLOAD = uploads.c.state.in_([State.LIVE.value, State.FOUND.value]) | (
    (uploads.c.state == State.REFUSED.value) & (uploads.c.sha256 != "")
)

# Where the fields of an Upload stand in a row of the table: a page of a list makes some fifty of them.
_FIELDS = [one.name for one in fields(Upload) if one.name != "copy"]
_PLACES = [list(uploads.c.keys()).index(name) for name in _FIELDS]
_STATE, _THUMBNAIL, _TAGS = (_FIELDS.index(name) for name in ("state", "thumbnail", "tags"))


def tombstone(at: datetime) -> dict[str, Any]:
    """Return the values that make a row the tombstone of what was deleted then."""
    gone = {"state": State.DELETED.value, "deleted_at": at, "expires_at": None, "purged_at": None}
    gone |= {"file_name": None, "title": None, "tags": [], "version_id": None, "is_favourite": False}
    return gone | UNDRAWN_AGAIN


def columns(row: Upload) -> dict[str, Any]:
    """Return the values of a row as the table takes them."""
    values = {name: getattr(row, name) for name in _FIELDS}
    return values | {"state": row.state.value, "thumbnail": row.thumbnail.value, "tags": list(row.tags)}


def upload(row: Any) -> Upload:
    """Return a row of the table, with all of its columns, as the floors above see it."""
    values: list[Any] = [row[place] for place in _PLACES]
    values[_STATE] = State(values[_STATE])
    values[_THUMBNAIL] = Thumbnail(values[_THUMBNAIL])
    values[_TAGS] = tuple(values[_TAGS])
    return Upload(*values)


def lock(connection: Connection, condition: ColumnElement[bool]) -> None:
    """Lock the rows of uploads of which `condition` holds, in the order of their keys: of two that change many of the
    same rows, one waits, and not each for the other. On SQLite one writes at a time anyway."""
    if connection.dialect.name == "postgresql":
        rows = select(uploads.c.key).where(condition).order_by(uploads.c.key)
        connection.execute(rows.with_for_update(key_share=True)).all()


def is_running(now: datetime) -> ColumnElement[bool]:
    """Return the condition that an upload's time is not over."""
    return or_(uploads.c.expires_at.is_(None), uploads.c.expires_at > now.astimezone(UTC))
