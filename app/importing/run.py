"""Taking what a source hands over: each image once, in the way of every upload, several at a time."""

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from ..catalog import Catalog
from ..catalog.records import Origin, State, Upload
from ..errors import Busy, KeyTaken, NameTaken, Refused, StoreFull, UnsupportedType
from ..settings import Settings
from ..tokens import Token, digest, new_token
from ..uploads import Options, Uploads
from .incoming import Incoming, Passed, Sink, Source

TOKEN = "import"  # noqa: S105 the name of one, not one
BUSY_S = (1.0, 5.0, 15.0)  # pauses when the catalog or the decoders have too much to do

_BATCH = 100
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)  # earlier dates are none: no image was uploaded then


class Deed(StrEnum):
    """What became of one image of a source."""

    TAKEN = "imported"
    KNOWN = "already there"
    PASSED = "left out"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the image at `old`: `key` is its key here, `why` says what was against it."""

    deed: Deed
    old: str
    key: str | None = None
    why: str = ""


class Importing:
    """Takes from sources over one catalog and one store; `is_again` takes also what was taken and is deleted since."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        uploads: Uploads,
        *,
        jobs: int = 2,
        is_again: bool = False,
        keep_metadata: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings, self._catalog, self._uploads = settings, catalog, uploads
        self._jobs, self._is_again, self._keep_metadata, self._sleep = jobs, is_again, keep_metadata, sleep

    def run(self, source: Source, *, is_trial: bool = False) -> Iterator[Outcome]:
        """Yield what becomes of each image, about in the order of the source; `is_trial` looks only, and takes nothing.

        Raises Unavailable as soon as the store or the catalog does not answer. What was taken by then, or when the
        program dies, is not taken again by the next run.
        """
        token = None if is_trial else import_token(self._catalog, now=self._uploads.clock())
        with closing(_Workers(self._jobs)) as workers:
            items = iter(source)
            while batch := list(itertools.islice(items, _BATCH)):
                known = self._known(source, [one for one in batch if isinstance(one, Incoming)])
                for one in batch:
                    if isinstance(one, Passed):
                        yield Outcome(Deed.PASSED, one.old, why=one.why)
                    elif key := known.get(_place(source, one)):
                        yield Outcome(Deed.KNOWN, one.old, key)
                    elif token is None:
                        yield Outcome(Deed.TAKEN, one.old)
                    else:
                        yield from workers.do(self._take, source, one, token)
            yield from workers.rest()

    def _known(self, source: Source, images: list[Incoming]) -> dict[tuple[str, str], str]:
        """Return the keys of those that are not to be taken, by their place."""
        found: dict[tuple[str, str], str] = {}
        for name in {_place(source, one)[0] for one in images}:
            ids = [one.source_id for one in images if _place(source, one)[0] == name]
            found |= {(name, key): value for key, value in self._catalog.imports.known(name, ids).items()}
        if self._is_again:
            found = {place: key for place, key in found.items() if self._uploads.find(key)}
        for one in images:  # what was exported here, and is here
            if one.key and (row := self._catalog.uploads.get(one.key)) and _is_same(row, one):
                found.setdefault(_place(source, one), row.key)
        return found

    def _take(self, source: Source, one: Incoming, token: Token) -> Outcome:
        try:
            row = self._patiently(source, one, token)
        except UnsupportedType as e:
            return Outcome(Deed.REFUSED if one.is_image else Deed.PASSED, one.old, why=str(e))
        except (Refused, KeyTaken) as e:
            return Outcome(Deed.REFUSED, one.old, why=str(e))
        except OSError as e:
            raise StoreFull("the server's disk does not take what is spooled") from e
        return Outcome(Deed.TAKEN, one.old, row.key)

    def _patiently(self, source: Source, one: Incoming, token: Token) -> Upload:
        for pause_s in BUSY_S:
            try:
                return self._accept(source, one, token)
            except Busy:
                self._sleep(pause_s)
        return self._accept(source, one, token)

    def _accept(self, source: Source, one: Incoming, token: Token) -> Upload:
        settings, now = self._settings, self._uploads.clock()
        with closing(Sink(one.name, settings.data_dir / "spool", settings.largest_bytes)) as sink:
            dated = one.load(sink)
            received = sink.received()
            if one.sha256 and received.sha256 != one.sha256:
                raise Refused("its bytes are not those that the JSON beside it tells of; without the JSON it is taken")
            created_at = one.created_at or dated
            if one.expires_at and one.expires_at <= now:
                raise Refused("its time is over")
            place, source_id = _place(source, one)
            created_at = min(max(created_at, _FIRST), now) if created_at else None
            origin = Origin(place, source_id, created_at, one.key, one.is_favourite, one.albums)
            keep_metadata = one.keep_metadata or self._keep_metadata
            options = Options(expires_at=one.expires_at, keep_metadata=keep_metadata, title=one.title, tags=one.tags)
            most = settings.largest_bytes
            return self._uploads.accept([received], options, token_id=token.id, origin=origin, max_bytes=most)[0]


class _Workers:
    """Threads that take few images ahead, so that little is held in memory or on the disk."""

    def __init__(self, jobs: int) -> None:
        self._pool = ThreadPoolExecutor(jobs, thread_name_prefix="import")
        self._most = 2 * jobs
        self._waiting: deque[Future[Outcome]] = deque()

    def do(self, work: Callable[..., Outcome], *arguments: object) -> Iterator[Outcome]:
        """Have it done, and yield what was done meanwhile."""
        self._waiting.append(self._pool.submit(work, *arguments))
        while len(self._waiting) > self._most:
            yield self._waiting.popleft().result()

    def rest(self) -> Iterator[Outcome]:
        """Yield what is still to come."""
        while self._waiting:
            yield self._waiting.popleft().result()

    def close(self) -> None:
        """Begin nothing more, and wait for what was begun."""
        self._pool.shutdown(cancel_futures=True)


def import_token(catalog: Catalog, *, now: datetime) -> Token:
    """Return the token that imported uploads belong to: it has no scope, and nobody knows its secret."""
    while True:
        for token in catalog.tokens.list():
            if token.name == TOKEN and token.revoked_at is None:
                return token
        try:
            return catalog.tokens.add(TOKEN, digest(new_token()), frozenset(), created_at=now)
        except NameTaken:
            continue  # another import was faster


def _place(source: Source, one: Incoming) -> tuple[str, str]:
    return one.source or source.name, one.source_id


def _is_same(row: Upload, one: Incoming) -> bool:
    return row.state is State.LIVE and row.sha256 == one.sha256
