"""Thumbnails of uploads: made after the answer, stored beside the image, gone with it."""

from datetime import timedelta
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

import structlog

from .catalog import Catalog
from .catalog.records import Thumbnail, Upload
from .decoding import DecoderPool
from .errors import BadImage, KeyTaken, TooComplex, Unavailable
from .keys import is_key, thumbnail_key
from .settings import Settings
from .spool import on_our_disk
from .store.base import ObjectStore
from .undrawn import Undrawn
from .uploads import Uploads

log = structlog.get_logger()

CONTENT_TYPE = "image/webp"
TRIES = 3  # of an image whose decoding takes too long: the machine may have been busy
_FIRST_PAUSE = timedelta(minutes=2)  # longer than a try takes: a worker that died with it leaves it to another
_LONGEST_PAUSE = timedelta(hours=1)
_BATCH = 20
_MIB = 1024 * 1024


class Thumbnails:
    """The use cases over one catalog and one store; any number of workers may run them at the same time."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        store: ObjectStore,
        decoders: DecoderPool,
        uploads: Uploads,
        undrawn: Undrawn,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._store = store
        self._decoders = decoders
        self._uploads = uploads
        self._undrawn = undrawn

    def make(self, *, limit: int = _BATCH) -> int:
        """Make up to `limit` thumbnails that are due and return how many; raise Unavailable, once all had their turn,
        if the store or the edge did not answer for some: those come again, after a pause."""
        count, failed = 0, None
        for row in self._catalog.thumbnails.due(now=self._uploads.clock(), limit=limit):
            if not is_key(row.key):  # two such names may differ in their endings alone, or be too long for a third
                self._catalog.thumbnails.failed(row, "another S3 client chose its name: no thumbnail", is_over=True)
                continue
            pause = min(_FIRST_PAUSE * 2 ** min(row.thumbnail_tries, 10), _LONGEST_PAUSE)
            if not self._catalog.thumbnails.begin(row, until=self._uploads.clock() + pause):
                continue
            try:
                with on_our_disk():
                    count += self._make(row)
            except BadImage as e:
                is_over = not isinstance(e, TooComplex) or row.thumbnail_tries + 1 >= TRIES
                log.warning("no thumbnail", key=row.key, error=str(e), is_over=is_over)
                self._catalog.thumbnails.failed(row, str(e), is_over=is_over)
            except Unavailable as e:
                failed = e
                self._catalog.thumbnails.failed(row, str(e), is_over=False)
        if failed:
            raise failed
        return count

    def again(self, *, is_every: bool) -> int:
        """Make the thumbnails due that failed, or every one, and return how many."""
        states = list(Thumbnail) if is_every else [Thumbnail.FAILED]
        return self._catalog.thumbnails.again(states=states, now=self._uploads.clock())

    def sweep(self) -> None:
        """Forget copies of images that have waited for too long."""
        self._undrawn.sweep()

    def _make(self, row: Upload) -> bool:
        key = thumbnail_key(row.key)
        spool_dir = self._settings.data_dir / "spool"
        with SpooledTemporaryFile(_MIB, dir=spool_dir) as image, SpooledTemporaryFile(_MIB, dir=spool_dir) as webp:
            source, target = cast(BinaryIO, image), cast(BinaryIO, webp)
            is_there = self._undrawn.take(row.key, source, row.size)
            if not is_there and not self._store.fetch(row.key, source, max_bytes=row.size):
                return False  # deleted meanwhile, or lost: reconcile finds out
            if row.thumbnail_tries:  # what there was of it may show another image, and would outlive this one
                self._store.delete(key)
            try:
                drawn = self._decoders.draw(source, target, row.content_type)
            except BadImage:
                if row.thumbnail_tries:
                    self._uploads.deletions.forget(row)
                raise
            target.seek(0)
            try:
                version_id = self._store.put(key, target, content_type=CONTENT_TYPE)
            except KeyTaken:  # in the folder there is one of a catalog that was lost
                self._store.delete(key)
                version_id = self._store.put(key, target, content_type=CONTENT_TYPE)
            # A put that had to be repeated may have left a version beside this one, which is paid for.
            version_id = version_id or self._store.keep_one(key)
        is_made = self._catalog.thumbnails.made(
            row, version_id=version_id, blurhash=drawn.blurhash, color=drawn.color, problem=drawn.damage
        )
        self._undrawn.drop(row.key)
        if not is_made:
            self._store.delete(key, version_id)
        elif row.thumbnail_tries:
            self._uploads.deletions.forget(row)
        return is_made
