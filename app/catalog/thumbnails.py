"""The thumbnails of uploads: whose is due, and what came of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select, update

from .engine import Database
from .records import State, Thumbnail, Upload
from .rows import UNDRAWN_AGAIN, upload
from .schema import FOUND, PROBLEM, UNDRAWN, uploads


class Thumbnails:
    """The columns of the table of uploads that are about thumbnails. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, *, now: datetime, limit: int) -> list[Upload]:
        """Return up to `limit` uploads whose thumbnail is due: the new ones first, each kind the oldest first."""
        when = uploads.c.thumbnail_due_at
        new = select(uploads).where(UNDRAWN, when.is_(None)).order_by(uploads.c.created_at)
        again = select(uploads).where(UNDRAWN, when <= now).order_by(when)
        with self._database.read() as connection:
            found = connection.execute(new.limit(limit)).all()
            found += connection.execute(again.limit(limit - len(found))).all()
            return [upload(row) for row in found]

    def begin(self, row: Upload, *, until: datetime) -> bool:
        """Take the thumbnail of `row` upon oneself, so that nobody else tries before `until`; False if somebody else
        was faster, or it is no longer due."""
        is_it = and_(UNDRAWN, _is(row), uploads.c.thumbnail_tries == row.thumbnail_tries)
        values = {"thumbnail_tries": row.thumbnail_tries + 1, "thumbnail_due_at": until}
        with self._database.write() as connection:
            return connection.execute(update(uploads).where(is_it).values(values)).rowcount == 1

    def made(self, row: Upload, *, version_id: str | None, blurhash: str, color: str, problem: str | None) -> bool:
        """Write that the thumbnail of `row` is stored; False, and nothing is written, if the upload is another by now,
        or gone."""
        values = {"thumbnail_version_id": version_id, "blurhash": blurhash, "color": color, "problem": problem}
        return self._turn(row, values | {"thumbnail": Thumbnail.MADE.value, "thumbnail_due_at": None})

    def failed(self, row: Upload, problem: str, *, is_over: bool) -> None:
        """Write why there is no thumbnail of `row`; with `is_over` there never will be."""
        over = {"thumbnail": Thumbnail.FAILED.value, "thumbnail_due_at": None} if is_over else {}
        self._turn(row, {"problem": problem[:200]} | over)

    def are_there(self, keys: Sequence[str]) -> None:
        """Write that the bucket holds the thumbnails of these, as far as nobody has looked at their objects yet."""
        are = and_(FOUND, uploads.c.key.in_(keys), uploads.c.sha256 == "")
        with self._database.write() as connection:
            connection.execute(update(uploads).where(are).values(thumbnail=Thumbnail.MADE.value, thumbnail_tries=1))

    def again(self, *, states: Sequence[Thumbnail], now: datetime) -> int:
        """Make the thumbnails due of all live uploads that are in one of `states`; return how many."""
        are = (uploads.c.state == State.LIVE.value) & uploads.c.thumbnail.in_([one.value for one in states])
        values = UNDRAWN_AGAIN | {"thumbnail_due_at": now}
        with self._database.write() as connection:
            return connection.execute(update(uploads).where(are).values(values)).rowcount

    def failures(self, *, limit: int) -> list[Upload]:
        """Return up to `limit` uploads of which something cannot be decoded, by key: `problem` says what."""
        are = and_(PROBLEM, uploads.c.thumbnail != Thumbnail.DUE.value)
        with self._database.read() as connection:
            found = connection.execute(select(uploads).where(are).order_by(uploads.c.key).limit(limit))
            return [upload(row) for row in found]

    def _turn(self, row: Upload, values: dict[str, Any]) -> bool:
        with self._database.write() as connection:
            return connection.execute(update(uploads).where(_is(row)).values(values)).rowcount == 1


def _is(row: Upload) -> Any:
    """Whether an upload is still the one that was read, with the bytes it had."""
    return (uploads.c.key == row.key) & (uploads.c.state == State.LIVE.value) & (uploads.c.changes == row.changes)
