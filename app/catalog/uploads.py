"""The rows of uploads, and the claims that let a repeated request have the first answer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, insert, select, tuple_, update

from ..errors import BadRequest, Busy, KeyTaken
from .copies import add_copy, are_taken_back
from .engine import Database, Taken, conflict_insert, wait_turn
from .imports import note_import
from .prepared import Prepared
from .records import Claim, Claimed, Origin, State, Upload
from .rows import IS_UPLOAD, columns, lock, tombstone, upload
from .schema import UNSETTLED, claims, uploads
from .tokens import check_quota

# A claim whose request still runs is kept this long; reconcile voids it before, if the request died.
_RUNNING = timedelta(days=1)
BYTES = "sha256:"  # begins the name of a claim that is known by the bytes that were sent alone

_IS_CLAIM = (claims.c.token_id == bindparam("token")) & (claims.c.name == bindparam("called"))
_IS_PENDING = (uploads.c.key == bindparam("of")) & (uploads.c.state == State.PENDING.value)
_LIVE = {"state": State.LIVE.value, "version_id": bindparam("version")}

_CLAIM = Prepared(select(claims).where(_IS_CLAIM))
_TAKE = Prepared(lambda connection: conflict_insert(connection, claims).on_conflict_do_nothing())
_ADD = Prepared(insert(uploads))
_GO_LIVE = Prepared(update(uploads).where(_IS_PENDING).values(_LIVE).returning(uploads))
_ANSWERED = Prepared(update(claims).where(_IS_CLAIM).values(expires_at=bindparam("until"), numbers=bindparam("as")))


class UploadRows:
    """The table of uploads. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, rows: Sequence[Upload], claim: Claim, *, now: datetime) -> Claimed | None:
        """Add `rows` as pending and take the claim; return None, or the earlier claim that holds (nothing is added).

        Where there are none, all that the claim names being copies of uploads that are live, it is finished at once,
        and returned itself.

        Raises KeyTaken if one of the keys was ever given out, QuotaExceeded if the token's uploads would have more
        bytes than they may; nothing is added then.
        """
        try:
            with self._database.write() as connection:
                if held := _take(connection, claim, now):
                    return held
                check_quota(connection, claim.token_id, sum(row.size for row in rows))
                for row in rows:
                    _ADD.run(connection, columns(row))
                if not rows:
                    return Claimed(claim.fingerprint, _finish(connection, claim, {}, now), is_ready=True)
        except Taken as e:
            raise KeyTaken(f"one of the keys {', '.join(claim.keys)} was given out before; draw another") from e
        return None

    def claimed(self, token_id: int, name: str, *, now: datetime) -> Claimed | None:
        """Return the claim of this name if it holds: its uploads are pending, or live and it is not over yet."""
        with self._database.read() as connection:
            claimed = _claimed(connection, token_id, name, now)
        if claimed and claimed.is_ready:  # who answers with it promises that it stays
            self._database.sync()
        return claimed

    def finish(self, claim: Claim, versions: Mapping[str, str | None], *, now: datetime) -> tuple[Upload, ...]:
        """Make all rows of the claim live, with the store's version ids, count its copies, write down an import, and
        return the uploads; raise Busy, and change nothing, if one of them is no longer pending, or somebody else
        imports the same now."""
        try:
            with self._database.write() as connection:
                return _finish(connection, claim, versions, now)
        except Taken as e:
            raise Busy("the same image is being imported elsewhere; try again") from e

    def get(self, key: str) -> Upload | None:
        """Return the row of `key`, whatever its state; any text may be asked for."""
        try:
            with self._database.read() as connection:
                row = connection.execute(select(uploads).where(uploads.c.key == key)).first()
        except BadRequest:  # a text that no database can hold is the key of nothing
            return None
        return upload(row) if row else None

    def retire(self, keys: Sequence[str], *, states: Sequence[State]) -> list[Upload]:
        """Turn those rows of `keys` that are in one of `states` into deleting, and return them."""
        are = uploads.c.key.in_(keys) & uploads.c.state.in_([state.value for state in states])
        with self._database.write() as connection:
            lock(connection, are)
            statement = update(uploads).where(are).values(state=State.DELETING.value).returning(uploads)
            return [upload(row) for row in connection.execute(statement)]

    def retire_uploads(self, keys: Sequence[str]) -> list[Upload]:
        """Turn those rows of `keys` that are uploads (Upload.is_upload) into deleting, and return them."""
        are = uploads.c.key.in_(keys) & IS_UPLOAD
        with self._database.write() as connection:
            lock(connection, are)
            statement = update(uploads).where(are).values(state=State.DELETING.value).returning(uploads)
            return [upload(row) for row in connection.execute(statement)]

    def purged(self, keys: Sequence[str], *, now: datetime) -> None:
        """Write that the edge was told to forget these deleting rows."""
        with self._database.write() as connection:
            lock(connection, _deleting(keys))
            connection.execute(update(uploads).where(_deleting(keys)).values(purged_at=now))

    def bury(self, keys: Sequence[str], *, now: datetime) -> int:
        """Turn deleting rows into their tombstones, which keep the keys from being given out again and little else;
        return how many that were."""
        with self._database.write() as connection:
            lock(connection, _deleting(keys))
            return connection.execute(update(uploads).where(_deleting(keys)).values(tombstone(now))).rowcount

    def unsettled(self, *, limit: int, after: str = "") -> list[Upload]:
        """Return up to `limit` pending and deleting rows by key, those behind `after`."""
        are = and_(UNSETTLED, uploads.c.key > after)
        with self._database.read() as connection:
            found = connection.execute(select(uploads).where(are).order_by(uploads.c.key).limit(limit))
            rows = [upload(row) for row in found]
        if rows:  # an object that goes because of a row does not come back with it
            self._database.sync()
        return rows

    def expired(self, *, now: datetime, limit: int) -> list[Upload]:
        """Return up to `limit` uploads whose time is over, the oldest first."""
        are = IS_UPLOAD & (uploads.c.expires_at <= now)
        with self._database.read() as connection:
            found = connection.execute(select(uploads).where(are).order_by(uploads.c.expires_at).limit(limit))
            return [upload(row) for row in found]

    def prune(self, *, now: datetime, limit: int) -> int:
        """Forget up to `limit` claims that are over; return how many."""
        is_over = claims.c.expires_at <= now
        name = (claims.c.token_id, claims.c.name)
        over = select(*name).where(is_over).limit(limit)
        with self._database.write() as connection:  # asked twice, for one may be taken anew in between
            return connection.execute(delete(claims).where(tuple_(*name).in_(over), is_over)).rowcount


def _deleting(keys: Sequence[str]) -> Any:
    return uploads.c.key.in_(keys) & (uploads.c.state == State.DELETING.value)


def _is(token_id: int, name: str) -> Any:
    return (claims.c.token_id == token_id) & (claims.c.name == name)


def _take(connection: Connection, claim: Claim, now: datetime) -> Claimed | None:
    """Take the claim, and return None, or the earlier one that holds."""
    values = {
        "token_id": claim.token_id,
        "name": claim.name,
        "fingerprint": claim.fingerprint,
        "keys": list(claim.keys),
        "numbers": [0 if key in claim.copied else 1 for key in claim.keys] if claim.copied else None,
        "expires_at": now + _RUNNING,
    }
    while not _TAKE.run(connection, values):  # there was one: it holds, or goes
        wait_turn(connection, f"claim {claim.token_id} {claim.name}")
        if held := _claimed(connection, claim.token_id, claim.name, now):
            return held
        connection.execute(delete(claims).where(_is(claim.token_id, claim.name)))
    return None


def _claimed(connection: Connection, token_id: int, name: str, now: datetime) -> Claimed | None:
    claim = _CLAIM.first(connection, {"token": token_id, "called": name})
    if claim is None:
        return None
    found = connection.execute(select(uploads).where(uploads.c.key.in_(claim.keys)))
    by_key = {row.key: upload(row) for row in found}
    numbers = claim.numbers or [1] * len(claim.keys)
    rows = tuple(
        replace(by_key[key], copy=number) for key, number in zip(claim.keys, numbers, strict=True) if key in by_key
    )
    if claim.numbers and are_taken_back(connection, set(zip(claim.keys, numbers, strict=True))):
        return None
    if len(rows) < len(claim.keys) or any(row.state not in (State.PENDING, State.LIVE) for row in rows):
        return None
    if name.startswith(BYTES) and any(row.is_foreign for row in rows):  # another image is in the place of one
        return None
    is_ready = all(row.state is State.LIVE and row.copy for row in rows)
    return None if is_ready and claim.expires_at <= now else Claimed(claim.fingerprint, rows, is_ready)


def _finish(
    connection: Connection, claim: Claim, versions: Mapping[str, str | None], now: datetime
) -> tuple[Upload, ...]:
    rows: dict[int, Upload] = {}
    # In the order of the keys: another claim may be of the same copies.
    for place, key in sorted(enumerate(claim.keys), key=lambda one: one[1]):
        if key in claim.copied:
            rows[place] = _copied(connection, key, claim, now)
        else:
            rows[place] = _go_live(connection, key, claim.origin, versions[key], now)
    found = tuple(rows[place] for place in range(len(claim.keys)))
    numbers = [row.copy for row in found] if claim.copied else None
    ends = {"token": claim.token_id, "called": claim.name, "until": now + timedelta(seconds=claim.ttl_s)}
    _ANSWERED.run(connection, ends | {"as": numbers})
    return found


def _copied(connection: Connection, key: str, claim: Claim, now: datetime) -> Upload:
    number = add_copy(connection, key, claim, now)
    if number is None:
        raise Busy("the image was deleted while it was sent again; send it once more")
    row = connection.execute(select(uploads).where(uploads.c.key == key)).one()
    return replace(upload(row), copy=number)


def _go_live(connection: Connection, key: str, origin: Origin | None, version: str | None, now: datetime) -> Upload:
    if origin:
        is_pending = (uploads.c.key == key) & (uploads.c.state == State.PENDING.value)
        connection.execute(update(uploads).where(is_pending).values(_imported(origin, now)))
    row = _GO_LIVE.first(connection, {"of": key, "version": version})
    if row is None:
        raise Busy("the upload took too long and was given up; send it again")
    if origin:
        note_import(connection, origin, key, now)
    return upload(row)


def _imported(origin: Origin, now: datetime) -> dict[str, Any]:
    """Return what an import's row gets when it goes live. Until then its age is that of any pending row; its object is
    as young as ever, and its thumbnail is not made before those of new uploads."""
    dated = {"created_at": origin.created_at} if origin.created_at else {}
    return {"confirmed_at": now, "thumbnail_due_at": now, "is_favourite": origin.is_favourite} | dated
