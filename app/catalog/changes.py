"""The uploads as the bucket changes under them: events, each taken once, and rows that somebody has to look at."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, func, insert, select, update

from ..errors import Busy
from ..keys import is_probe, thumbnail_key
from ..webhooks import Event, Kind
from .engine import Database, Taken, conflict_insert, wait_turn
from .records import State, Upload
from .rota import JOB, note
from .rows import UNDRAWN_AGAIN, columns, tombstone, upload
from .schema import FOUND, events, uploads

_SEEN = ("state", "content_type", "size", "width", "height", "sha256", "version_id", "confirmed_at")
_DRAWN = ("blurhash", "color", "problem")
# Beside the senders' ids: what the doctor asks for.
_PROBE, _REFUSED = "probe ", "refused"
_REBASED = 1000  # rows at a time
_REFUSALS = timedelta(seconds=1)  # anybody can send a wrong signature: it is written down no oftener than this

# Somebody has to look, and what others saw before this is not to be written.
AGAIN: dict[str, Any] = {"state": State.FOUND.value, "deleted_at": None, "changes": uploads.c.changes + 1}


class Changes:
    """The table of uploads and that of the events that were taken. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, given: Sequence[Event], make_row: Callable[[Event], Upload], *, now: datetime) -> int:
        """Apply those of `given` that are new and return how many that were.

        Nothing an event says of an object is believed but that its key changed: an object that our own rows do not
        explain is `found`, which hides it until somebody has looked into the bucket. So events that come late, twice
        or in another order end in what the bucket holds. `make_row` gives the row of an object that had none.
        Raises Busy if somebody else adds that row at the same moment; none of `given` was taken then.
        """
        count = 0
        try:
            with self._database.write() as connection:
                wait_turn(connection, "events")
                for event in given:
                    if _is_new(connection, event.id, now):
                        _apply(connection, event, make_row, now)
                        count += 1
        except Taken as e:
            raise Busy("another change of the same object is being written; send the notification again") from e
        return count

    def found(self, *, limit: int, after: str = "") -> list[Upload]:
        """Return up to `limit` rows that nobody has looked at yet, by key, those behind `after`."""
        statement = select(uploads).where(FOUND, uploads.c.key > after)
        with self._database.read() as connection:
            return [upload(row) for row in connection.execute(statement.order_by(uploads.c.key).limit(limit))]

    def admit(self, seen: Upload, *, is_drawn: bool = False) -> bool:
        """Write what was seen of a found object, its new state included; False if its row is `found` no more, or if the
        bucket has changed since the row was read. Its thumbnail is due, unless it `is_drawn`."""
        written = (*_SEEN, *_DRAWN) if is_drawn else _SEEN
        values = {name: value for name, value in columns(seen).items() if name in written}
        return self._turn(seen, State.FOUND, values if is_drawn else values | UNDRAWN_AGAIN)

    def count(self, state: State) -> int:
        """Return how many rows are in `state`."""
        statement = select(func.count()).select_from(uploads).where(uploads.c.state == state.value)
        with self._database.read() as connection:
            return connection.execute(statement).scalar_one()

    def bury(self, row: Upload, *, at: datetime) -> bool:
        """Make the found `row`, under which nothing was at that moment, a tombstone; False as with `admit`."""
        return self._turn(row, State.FOUND, tombstone(at) | {"is_foreign": True})

    def look_again(self, row: Upload) -> bool:
        """Make `row` found, so that somebody looks; False if it is another by now."""
        return self._turn(row, row.state, AGAIN | {"is_foreign": True})

    def bring_back(self, row: Upload) -> bool:
        """Make the tombstone `row`, or its deletion, a deletion that begins anew; False if it is another by now."""
        return self._turn(row, row.state, {"state": State.DELETING.value, "deleted_at": None, "purged_at": None})

    def name_version(self, row: Upload, version_id: str) -> bool:
        """Write which version a live `row` is; False if it is another by now."""
        return self._turn(row, State.LIVE, {"version_id": version_id})

    def rebase(self, versions: Mapping[str, str | None], *, now: datetime) -> int:
        """Make all live rows those of another store: `versions` has its version ids by key; return how many rows.

        All of it is written, or nothing. Tombstones keep no version.
        """
        values = {"version_id": bindparam("version"), "thumbnail_version_id": bindparam("drawn"), "confirmed_at": now}
        statement = update(uploads).where(uploads.c.key == bindparam("of")).values(values)
        count, after = 0, ""
        with self._database.write() as connection:
            while batch := connection.execute(_live_keys(after)).scalars().all():
                after = batch[-1]
                count += len(batch)
                rows = [
                    {"of": key, "version": versions.get(key), "drawn": versions.get(thumbnail_key(key))}
                    for key in batch
                ]
                connection.execute(statement, rows)
        return count

    def add(self, row: Upload) -> bool:
        """Add a row that is `found`; False if the key has one."""
        try:
            with self._database.write() as connection:
                connection.execute(insert(uploads).values(columns(row)))
        except Taken:
            return False
        return True

    def add_all(self, rows: Sequence[Upload]) -> int:
        """Add rows that are `found`, but for those whose key has one; return how many that were."""
        if not rows:
            return 0
        with self._database.write() as connection:
            statement = conflict_insert(connection, uploads).on_conflict_do_nothing(index_elements=["key"])
            return connection.execute(statement, [columns(row) for row in rows]).rowcount

    def listing(self, *, limit: int, after: str = "") -> list[Upload]:
        """Return up to `limit` rows in any state, in the order of their keys' bytes, those behind `after`."""
        statement = select(uploads).where(uploads.c.key > after).order_by(uploads.c.key).limit(limit)
        with self._database.read() as connection:
            return [upload(row) for row in connection.execute(statement)]

    def hear(self, key: str, *, now: datetime) -> None:
        """Keep that an event told of the probe `key`, until `unhear` or `prune`."""
        self._note(_PROBE + key, now)

    def has_heard(self, key: str) -> bool:
        """Whether an event told of the probe `key`."""
        return self._noted(_PROBE + key) is not None

    def unhear(self, key: str) -> None:
        """Forget that an event told of the probe `key`."""
        with self._database.write() as connection:
            connection.execute(delete(events).where(events.c.id == _PROBE + key))

    def refuse(self, *, now: datetime) -> None:
        """Keep when the last notification came that was not signed with our secret, to the second."""
        last = self.refused_at()
        if last is None or not timedelta(0) <= now - last < _REFUSALS:
            self._note(_REFUSED, now)

    def refused_at(self) -> datetime | None:
        """Return when the last notification came that was not signed with our secret; None if none did lately."""
        return self._noted(_REFUSED)

    def take_once(self, name: str, *, now: datetime) -> bool:
        """Take what may be taken once, and return whether this was the first time; remembered until `prune`."""
        with self._database.write() as connection:
            wait_turn(connection, "events")
            return _is_new(connection, name, now)

    def prune(self, *, before: datetime, limit: int) -> int:
        """Forget up to `limit` events that were taken before then; return how many."""
        is_event = events.c.id.not_like(f"{JOB}%")
        old = select(events.c.id).where(events.c.received_at < before, is_event).limit(limit)
        with self._database.write() as connection:
            return connection.execute(delete(events).where(events.c.id.in_(old))).rowcount

    def _note(self, name: str, now: datetime) -> None:
        with self._database.write() as connection:
            wait_turn(connection, "events")
            note(connection, name, now)

    def _noted(self, name: str) -> datetime | None:
        with self._database.read() as connection:
            return connection.execute(select(events.c.received_at).where(events.c.id == name)).scalar()

    def _turn(self, row: Upload, state: State, values: dict[str, Any]) -> bool:
        """Change `row` if it is in `state` and the bucket has not changed under it since it was read."""
        is_it = (uploads.c.key == row.key) & (uploads.c.state == state.value) & (uploads.c.changes == row.changes)
        with self._database.write() as connection:
            return connection.execute(update(uploads).where(is_it).values(values)).rowcount == 1


def _live_keys(after: str) -> Select[Any]:
    are = (uploads.c.state == State.LIVE.value) & (uploads.c.key > after)
    return select(uploads.c.key).where(are).order_by(uploads.c.key).limit(_REBASED)


def _is_new(connection: Connection, event_id: str, now: datetime) -> bool:
    if connection.execute(select(events.c.id).where(events.c.id == event_id)).first():
        return False
    connection.execute(insert(events).values(id=event_id, received_at=now))
    return True


def _apply(connection: Connection, event: Event, make_row: Callable[[Event], Upload], now: datetime) -> None:
    if is_probe(event.key):
        if event.kind is Kind.CREATED:
            note(connection, _PROBE + event.key, now)
        return
    is_it = uploads.c.key == event.key
    row = connection.execute(select(uploads).where(is_it).with_for_update()).first()  # a deletion may come between
    if row is None:
        if event.kind is Kind.CREATED:
            connection.execute(insert(uploads).values(columns(make_row(event))))
        return
    values = _after(event, row)
    if values:
        connection.execute(update(uploads).where(is_it).values(values))


def _after(event: Event, row: Row[Any]) -> dict[str, Any]:
    """Return what an event changes of the row that there is. A deletion that is under way ends as it would.

    A removal is no proof that nothing is there: another version may be, or a later put. So it is never believed, it
    only makes somebody look.
    """
    is_same = row.version_id is None or event.version_id is None or row.version_id == event.version_id
    if event.kind is Kind.REMOVED:
        # Whoever looks at this moment may have seen what this removed, whichever version the row names.
        is_concerned = row.state == State.FOUND or (row.state in (State.LIVE, State.REFUSED) and is_same)
        return AGAIN if is_concerned else {}
    if event.kind is not Kind.CREATED or row.state == State.DELETING:
        return {}
    if row.state in (State.PENDING, State.LIVE) and is_same:
        return {"confirmed_at": event.at}
    return {} if row.state == State.PENDING else AGAIN | {"is_foreign": True}
