"""Looking at an object that somebody else put into the bucket: what it is, and what becomes of its row."""

import hashlib
from dataclasses import replace
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

import structlog

from . import images
from .catalog import Catalog
from .catalog.records import State, Thumbnail, Upload
from .decoding import DecoderPool
from .errors import BadImage, Refused
from .settings import Settings
from .store.base import ObjectStore, StoredObject
from .undrawn import Undrawn
from .uploads import Uploads

log = structlog.get_logger()

_MIB = 1024 * 1024
_UNTOLD = ("", "application/octet-stream", "binary/octet-stream")  # what SDKs say who were told nothing


class Inspection:
    """The use case over one catalog and one store."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        store: ObjectStore,
        decoders: DecoderPool,
        uploads: Uploads,
        undrawn: Undrawn | None = None,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._store = store
        self._decoders = decoders
        self._uploads = uploads
        self._undrawn = undrawn
        self._deletions = uploads.deletions

    def look_at(self, row: Upload) -> bool:
        """Settle one row that is `found`; False if it was another by the end, so that somebody has to look again.

        The object is inspected as an upload is, and becomes one; what is not an image that browsers show stays in the
        bucket, unseen and untouched; where nothing is, the row becomes a tombstone. The metadata of another client's
        object stays in it: whoever has a key to the bucket put it there on purpose.
        Raises Unavailable if store, edge or decoders do not answer; the row stays as it is. Costs class B.
        """
        looked_at = self._uploads.clock()
        with SpooledTemporaryFile(_MIB, dir=self._settings.data_dir / "spool") as spooled:
            file = cast(BinaryIO, spooled)
            try:
                stored = self._store.fetch(row.key, file, max_bytes=self._settings.largest_bytes)
            except ValueError as e:
                log.info("not an upload", key=row.key, error=str(e))
                return self._catalog.changes.admit(replace(row, state=State.REFUSED))
            if stored is None:
                return self._bury(row, looked_at)
            seen = replace(
                row,
                state=State.REFUSED,
                size=stored.size,
                version_id=stored.version_id,
                confirmed_at=stored.modified_at,
            )
            has_thumbnail = row.thumbnail is Thumbnail.MADE and not row.sha256
            try:
                seen = self._inspected(seen, stored, file)
                if has_thumbnail:
                    seen = self._drawn(seen, file)
                elif self._undrawn:
                    self._undrawn.keep(row.key, file)
            except Refused as e:
                log.info("not an upload", key=row.key, error=str(e))
        if seen.state is State.LIVE:
            log.info("found", key=row.key, size=seen.size, type=seen.content_type)
        self._deletions.forget(row)
        is_admitted = self._catalog.changes.admit(seen, is_drawn=has_thumbnail)
        if self._undrawn and not is_admitted:
            self._undrawn.drop(row.key)
        return is_admitted

    def _bury(self, row: Upload, at: datetime) -> bool:
        """Leave a tombstone where nothing was at that moment. Of what was an upload the versions that are hidden go:
        anyone may read those by their ids. What never was one its owner may want back."""
        if row.sha256:
            self._store.delete_hidden(row.key)
        self._deletions.forget(row)
        return self._catalog.changes.bury(row, at=at)

    def _inspected(self, row: Upload, stored: StoredObject, file: BinaryIO) -> Upload:
        """Return the row as the bytes say it is; raise Refused if they are not an image that is shown."""
        limit = self._settings.largest_bytes
        if stored.size > limit:
            raise Refused(f"it has {stored.size:,} bytes; at most {limit:,} are taken")
        image = images.inspect(file, self._settings.bounds)
        if image.converts_to:
            raise Refused(f"browsers do not show {image.content_type}")
        if (told := _content_type(stored)) not in (image.content_type, *_UNTOLD):
            raise Refused(f"it is {image.content_type}, but would be served as {told}")
        if image.needs_decoder_check or self._settings.verify == "decode":
            self._decoders.verify(file, image.content_type)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return replace(
            row,
            state=State.LIVE,
            content_type=image.content_type,
            width=image.width,
            height=image.height,
            sha256=sha256,
        )

    def _drawn(self, row: Upload, file: BinaryIO) -> Upload:
        """Return the row with what is shown until its thumbnail is there; the thumbnail itself is in the bucket."""
        with SpooledTemporaryFile(_MIB, dir=self._settings.data_dir / "spool") as unused:
            try:
                drawn = self._decoders.draw(file, cast(BinaryIO, unused), row.content_type)
            except BadImage as e:
                return replace(row, problem=str(e)[:200])
        return replace(row, blurhash=drawn.blurhash, color=drawn.color, problem=drawn.damage)


def _content_type(stored: StoredObject) -> str:
    return (stored.content_type or "").partition(";")[0].strip().lower()
