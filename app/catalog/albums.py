"""Albums: uploads that are shown together, and perhaps shared under an address that nobody guesses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from ..errors import BadRequest, NameTaken, NotFound
from .engine import Database, Taken, conflict_insert
from .schema import LIVE, album_uploads, albums, uploads

MOST = 1000
COUNTED = 1000  # further than this nobody counts for a list of albums


@dataclass(frozen=True, slots=True)
class Album:
    """An album; shared under `share_key` until `shared_until` (UTC; None: for good) where it has one."""

    id: int
    name: str
    created_at: datetime
    share_key: str | None = None
    shared_until: datetime | None = None


class Albums:
    """The tables of albums and of what is in them. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(self, name: str, *, now: datetime) -> Album:
        """Make an empty album; raise NameTaken if there is one of this name, BadRequest if there are MOST already."""
        try:
            with self._database.write() as connection:
                if connection.execute(select(func.count()).select_from(albums)).scalar_one() >= MOST:
                    raise BadRequest(f"there are {MOST:,} albums, the most there may be; remove one first")
                row = connection.execute(insert(albums).values(name=name, created_at=now).returning(albums)).one()
        except Taken as e:
            raise NameTaken(f"there is an album called {name[:60]!r} already") from e
        return _album(row)

    def get(self, album_id: int) -> Album | None:
        """Return an album, or None."""
        return self._one(albums.c.id == album_id)

    def named(self, name: str) -> Album | None:
        """Return the album of this name, or None."""
        return self._one(albums.c.name == name)

    def shared(self, share_key: str, *, now: datetime) -> Album | None:
        """Return the album that is shared under `share_key` at this moment, or None."""
        is_running = or_(albums.c.shared_until.is_(None), albums.c.shared_until > now)
        return self._one((albums.c.share_key == share_key) & is_running)

    def all(self) -> list[Album]:
        """Return every album, by name."""
        with self._database.read() as connection:
            return [_album(row) for row in connection.execute(select(albums).order_by(albums.c.name).limit(MOST))]

    def count(self, album_id: int) -> int:
        """Return how many uploads are in an album, counted as far as COUNTED + 1; those that are just being deleted or
        looked at are among them, for their rows are not asked: of a thousand albums that would take many seconds."""
        some = select(album_uploads.c.key).where(album_uploads.c.album_id == album_id)
        with self._database.read() as connection:
            few = some.limit(COUNTED + 1).subquery()
            return int(connection.execute(select(func.count()).select_from(few)).scalar_one())

    def of(self, key: str) -> list[Album]:
        """Return the albums that an upload is in, by name."""
        statement = select(albums).join(album_uploads, album_uploads.c.album_id == albums.c.id)
        statement = statement.where(album_uploads.c.key == key).order_by(albums.c.name).limit(MOST)
        with self._database.read() as connection:
            return [_album(row) for row in connection.execute(statement)]

    def rename(self, album_id: int, name: str) -> Album:
        """Give an album another name; raise NotFound, or NameTaken."""
        return self._change(album_id, {"name": name})

    def share(self, album_id: int, share_key: str, *, until: datetime | None) -> Album:
        """Share an album under `share_key`, which replaces what it was shared under before; raise NotFound."""
        return self._change(album_id, {"share_key": share_key, "shared_until": until})

    def unshare(self, album_id: int) -> Album:
        """Share an album no longer; raise NotFound."""
        return self._change(album_id, {"share_key": None, "shared_until": None})

    def remove(self, album_id: int) -> bool:
        """Remove an album; its uploads stay. Return whether there was one."""
        with self._database.write() as connection:
            connection.execute(delete(album_uploads).where(album_uploads.c.album_id == album_id))
            return connection.execute(delete(albums).where(albums.c.id == album_id)).rowcount == 1

    def put_in(self, album_id: int, keys: Sequence[str]) -> int:
        """Put those of `keys` that are live uploads into an album, and return how many those are; raise NotFound."""
        if self.get(album_id) is None:
            raise NotFound("there is no such album")
        with self._database.write() as connection:
            found = connection.execute(
                select(uploads.c.key, uploads.c.created_at).where(uploads.c.key.in_(keys), LIVE)
            ).all()
            rows = [{"album_id": album_id, "created_at": row.created_at, "key": row.key} for row in found]
            if rows:
                connection.execute(conflict_insert(connection, album_uploads).on_conflict_do_nothing(), rows)
        return len(rows)

    def take_out(self, album_id: int, keys: Sequence[str]) -> int:
        """Take uploads out of an album; return how many that were."""
        are = (album_uploads.c.album_id == album_id) & album_uploads.c.key.in_(keys)
        with self._database.write() as connection:
            return connection.execute(delete(album_uploads).where(are)).rowcount

    def _one(self, condition: Any) -> Album | None:
        with self._database.read() as connection:
            row = connection.execute(select(albums).where(condition)).first()
        return _album(row) if row else None

    def _change(self, album_id: int, values: dict[str, Any]) -> Album:
        statement = update(albums).where(albums.c.id == album_id).values(values).returning(albums)
        try:
            with self._database.write() as connection:
                row = connection.execute(statement).first()
        except Taken as e:
            raise NameTaken(f"there is an album called {str(values.get('name'))[:60]!r} already") from e
        if row is None:
            raise NotFound("there is no such album")
        return _album(row)


def put_in_named(connection: Connection, names: Sequence[str], key: str, *, now: datetime) -> None:
    """Put a live upload into the albums of these names, in the transaction of `connection`; missing ones are made."""
    for name in sorted(set(names)):  # in the same order everywhere, so that no two wait for each other
        connection.execute(
            conflict_insert(connection, albums).values(name=name, created_at=now).on_conflict_do_nothing()
        )
        both = albums.join(uploads, uploads.c.key == key)
        inside = select(albums.c.id, uploads.c.created_at, uploads.c.key).select_from(both)
        inside = inside.where(albums.c.name == name, LIVE)
        statement = conflict_insert(connection, album_uploads).from_select(["album_id", "created_at", "key"], inside)
        connection.execute(statement.on_conflict_do_nothing())


def _album(row: Row[Any]) -> Album:
    return Album(row.id, row.name, row.created_at, row.share_key, row.shared_until)
