"""Uploads of the same bytes that share one object: how many there are of it, and which were taken back."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from .engine import Database, wait_turn
from .records import Claim, State, Upload
from .rows import IS_UPLOAD, is_running, upload
from .schema import LIVE, copies, uploads


class Copies:
    """The table of copies. Once there is a second upload of the same bytes it has a row for each, from number 1 on.
    Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def same(self, sha256: str, content_type: str, *, now: datetime) -> Upload | None:
        """Return the oldest live upload of these bytes, or None."""
        is_same = (uploads.c.sha256 == sha256) & (uploads.c.content_type == content_type)
        statement = select(uploads).where(is_same, LIVE, is_running(now)).order_by(uploads.c.created_at).limit(1)
        with self._database.read() as connection:
            row = connection.execute(statement).first()
        return upload(row) if row else None

    def count(self, key: str) -> int:
        """Return how many uploads share the object `key`."""
        with self._database.read() as connection:
            return max(1, len(_left(connection, key)))

    def is_there(self, key: str, number: int) -> bool:
        """Whether the upload `number` of `key`, which was made, was not taken back.

        Nothing is known of those that a restored catalog is too old for: they are there.
        """
        are = (copies.c.key == key) & (copies.c.number == number)
        with self._database.read() as connection:
            row = connection.execute(select(copies.c.deleted_at).where(are)).first()
        return row is None or row.deleted_at is None

    def take_back(self, key: str, number: int | None, *, now: datetime) -> tuple[list[Upload], int]:
        """Take the upload `number` of `key` back, any one if it is None; with the last of them the row, if it is an
        upload, becomes deleting. Return that row, if so, and how many are left. What was taken back is so already."""
        with self._database.write() as connection:
            wait_turn(connection, f"copies {key}")
            are = (uploads.c.key == key) & IS_UPLOAD
            if connection.execute(select(uploads.c.key).where(are)).first() is None:
                return [], 0
            left = _left(connection, key)
            if left:
                number = max(left) if number is None else number
                is_it = (copies.c.key == key) & (copies.c.number == number) & copies.c.deleted_at.is_(None)
                connection.execute(update(copies).where(is_it).values(deleted_at=now))
                left.discard(number)
            if left:
                return [], len(left)
            statement = update(uploads).where(are).values(state=State.DELETING.value).returning(uploads)
            return [upload(row) for row in connection.execute(statement)], 0


def add_copy(connection: Connection, key: str, claim: Claim, now: datetime) -> int | None:
    """Count one more upload of `key`, which lives as long as the longest of them; return its number, or None if there
    is no such upload any more."""
    wait_turn(connection, f"copies {key}")
    are = (uploads.c.key == key) & LIVE & is_running(now)
    row = connection.execute(select(uploads).where(are).with_for_update()).first()
    if row is None:
        return None
    last = connection.execute(select(func.max(copies.c.number)).where(copies.c.key == key)).scalar()
    rows = [{"number": (last or 1) + 1, "token_id": claim.token_id, "created_at": now}]
    if last is None:
        rows.insert(0, {"number": 1, "token_id": row.token_id, "created_at": row.created_at})
    connection.execute(insert(copies), [{"key": key, **one} for one in rows])
    if row.expires_at and (claim.expires_at is None or claim.expires_at > row.expires_at):
        connection.execute(update(uploads).where(uploads.c.key == key).values(expires_at=claim.expires_at))
    return (last or 1) + 1


def are_taken_back(connection: Connection, numbers: Collection[tuple[str, int]]) -> bool:
    """Whether one of these uploads, each a key and a number, was taken back."""
    are = copies.c.key.in_([key for key, _ in numbers]) & copies.c.deleted_at.is_not(None)
    found = connection.execute(select(copies.c.key, copies.c.number).where(are))
    return any((row.key, row.number) in numbers for row in found)


def _left(connection: Connection, key: str) -> set[int]:
    are = (copies.c.key == key) & copies.c.deleted_at.is_(None)
    return set(connection.execute(select(copies.c.number).where(are)).scalars())
