"""Resumable uploads: begun, continued over any number of requests, and accepted as any upload once they are whole."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from .blocking import run_blocking
from .catalog import Catalog
from .catalog.records import Upload
from .errors import Conflict, EmptyFile, Gone, Locked, RateLimited, Refused, StoreFull, TooLarge
from .partial import Held, Partial
from .partials import Partials
from .receiving import Received, clean_name
from .settings import Settings
from .uploads import Options, Uploads

log = structlog.get_logger()

MOST_UNFINISHED = 100  # of one token: the page sends three at once
WAIT_S = 10.0  # until another request lets go of an upload
COPIES = 3  # on our disk while an upload is stored: itself, without its metadata, and as an object
SPARE_BYTES = 256 * 1024 * 1024  # of the disk are left to others
SWEEP_S = 60


class Resumable:
    """The use cases over the partial uploads of one data folder."""

    def __init__(
        self, settings: Settings, catalog: Catalog, uploads: Uploads, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._uploads = uploads
        self._partials = Partials(settings.data_dir, sleep=sleep)
        self._swept_at = time.monotonic()

    def create(self, token_id: int, length: int, metadata: str) -> Partial:
        """Begin an upload of `length` bytes; `metadata` is kept as it is.

        Raises EmptyFile, TooLarge, RateLimited (too many unfinished ones of this token), QuotaExceeded and StoreFull.
        """
        if time.monotonic() - self._swept_at >= SWEEP_S:
            self.sweep()
        if not length:
            raise EmptyFile("the file is empty")
        if length > (most := self._settings.max_resumable_bytes):
            raise TooLarge(f"the upload has {length:,} bytes; at most {most:,} are taken")
        if sum(1 for _ in self._partials.unfinished(token_id)) >= MOST_UNFINISHED:
            raise RateLimited(
                f"this token has {MOST_UNFINISHED} unfinished uploads; end or delete some of them", SWEEP_S
            )
        self._catalog.tokens.check_quota(token_id, length)
        awaited = sum(COPIES * one.length - one.offset for one in self._partials.unfinished())
        if self._partials.free_bytes() < COPIES * length + awaited + SPARE_BYTES:
            raise StoreFull(f"the server's disk has no room for an upload of {length:,} bytes")
        return self._partials.create(token_id, length, metadata)

    def find(self, token_id: int, id_: str) -> Partial:
        """Return an upload of this token; raise NotFound, or Gone if it has expired."""
        partial = self._partials.find(token_id, id_)
        if self.expires_at(partial) <= self._uploads.clock():
            raise Gone("the upload has expired; begin anew")
        return partial

    def expires_at(self, partial: Partial) -> datetime:
        """Return when it will be forgotten unless more of it comes, in UTC."""
        return partial.touched_at + self._settings.resumable_life

    @contextmanager
    def hold(self, partial: Partial, *, is_waiting: bool = True) -> Iterator[Held]:
        """See Partials.hold."""
        with self._partials.hold(partial, wait_s=WAIT_S if is_waiting else 0) as held:
            yield held

    def remove(self, partial: Partial) -> None:
        """Forget the upload, which the caller holds unless it is settled; the image that it became stays."""
        self._partials.remove(partial)

    def finish(self, held: Held, options: Callable[[], Options], name: str | None) -> Upload:
        """Accept the upload, which is whole, and return its row; once, whatever ended an attempt before this one.

        `options` says what was asked for, or why that makes no sense by now. Raises what Uploads.accept raises. A
        refusal is written down, and the bytes go; after Unavailable, and Locked where another attempt still runs, all
        stays as it is for the next attempt.
        """
        partial, mark = held.partial, f"tus:{held.partial.id}"
        with held.open() as file:
            try:
                [row] = self._uploads.accept(
                    [Received(file, partial.length, mark, clean_name(name))],
                    options(),
                    token_id=partial.token_id,
                    idempotency_key=mark,
                    max_bytes=self._settings.max_resumable_bytes,
                )
            except Conflict as e:
                raise Locked("the upload is being stored by another request; ask again in a moment") from e
            except Refused as e:
                held.partial = self._partials.settle(partial, refusal=(e.code, str(e)))
                raise
        held.partial = self._partials.settle(partial, key=row.key, copy=row.copy)
        return row

    def result(self, partial: Partial) -> Upload:
        """Return the upload that a settled one became; raise its refusal, or Gone if the image is deleted since."""
        if partial.refusal:
            raise refusal(*partial.refusal)
        row = self._uploads.find(partial.key or "")
        if row is None:
            raise Gone("the image was deleted since, or has expired")
        return replace(row, copy=partial.copy)

    def sweep(self) -> int:
        """Remove what has expired, and return how many unfinished uploads it was."""
        self._swept_at = time.monotonic()
        count = run_blocking(self._partials.sweep, self._uploads.clock() - self._settings.resumable_life)
        if count:
            log.info("resumable uploads expired", count=count)
        return count


def refusal(code: str, message: str) -> Refused:
    """Return the refusal of this code once more.

    >>> refusal("too_many_pixels", "the image has 9 x 9 pixels")
    TooManyPixels('the image has 9 x 9 pixels')
    """
    return next((kind(message) for kind in _kinds(Refused) if kind.code == code), Refused(message))


def _kinds(kind: Any) -> Iterator[Any]:
    yield kind
    for one in kind.__subclasses__():
        yield from _kinds(one)
