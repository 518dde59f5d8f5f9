"""Another image in the place of an upload: the same key and address, other bytes."""

from dataclasses import replace
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

import structlog

from .catalog import Catalog
from .catalog.records import State, Thumbnail, Upload
from .decoding import DecoderPool
from .errors import Busy, NotFound, UnsupportedType
from .keys import thumbnail_key
from .preparing import Prepared, prepare
from .receiving import SPOOL_BYTES, Received
from .settings import Settings
from .store.base import ObjectStore
from .undrawn import Undrawn
from .uploads import Uploads

log = structlog.get_logger()


class Replacing:
    """The use case over one catalog and one store."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        store: ObjectStore,
        decoders: DecoderPool,
        uploads: Uploads,
        undrawn: Undrawn | None,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._store = store
        self._decoders = decoders
        self._uploads = uploads
        self._undrawn = undrawn

    def replace(self, key: str, received: Received, *, keep_metadata: bool = False) -> Upload:
        """Store `received` under `key` in place of what is there, make the edge forget that, and return the row as it
        is then; title, tags, albums and expiry stay.

        Browsers that have seen the image keep it, for its answer said that it never changes. While it is replaced the
        row is `found`: whatever happens in between, the worker looks into the bucket and writes what is there.
        Raises NotFound (also where it is deleted meanwhile, and stays so), UnsupportedType (it is not of the type that
        the address ends in), BadImage, TooLarge, QuotaExceeded (the token that sent the first would hold too much), and
        Unavailable, after which it is the old or the new image.
        """
        row = self._uploads.find(key)
        if row is None:
            raise NotFound("there is no such upload")
        with SpooledTemporaryFile(SPOOL_BYTES, dir=self._settings.data_dir / "spool") as spooled:
            target = cast(BinaryIO, spooled)
            image = prepare(
                received, target, settings=self._settings, decoders=self._decoders, keep_metadata=keep_metadata
            )
            if image.content_type != row.content_type:
                raise UnsupportedType(
                    f"this is {image.content_type}, and the address is that of {row.content_type}", image.content_type
                )
            if row.token_id and image.size > row.size:
                self._catalog.tokens.check_quota(row.token_id, image.size - row.size)
            if not self._catalog.changes.look_again(row):
                raise Busy("the image is being changed at this moment; try again")
            is_written = False
            try:
                changed = self._put(row, image)
                is_written = self._catalog.changes.admit(changed)
            finally:
                is_there = is_written or self._settle(key)
        if not is_there:
            raise NotFound("the upload was deleted while it was replaced")
        return changed

    def _put(self, row: Upload, image: Prepared) -> Upload:
        """Store the image and return its row; the thumbnail of the one before is gone too, for what is drawn next may
        be nothing."""
        version_id = self._store.replace(row.key, image.file, content_type=row.content_type)
        if self._undrawn:
            self._undrawn.keep(row.key, image.file)
        if row.thumbnail_tries:
            self._store.delete(thumbnail_key(row.key))
        self._uploads.deletions.forget(row)
        return replace(
            row,
            state=State.LIVE,
            size=image.size,
            width=image.width,
            height=image.height,
            sha256=image.sha256,
            version_id=version_id,
            confirmed_at=self._uploads.clock(),
            changes=row.changes + 1,
            thumbnail=Thumbnail.DUE,
            blurhash=None,
            color=None,
            problem=None,
        )

    def _settle(self, key: str) -> bool:
        """Leave to the worker what is there now, and return whether that is an upload.

        Somebody came in between: who looked may have seen the image before, and who deleted it removed only that.
        """
        if self._undrawn:
            self._undrawn.drop(key)
        while row := self._catalog.uploads.get(key):
            if row.state not in (State.DELETING, State.DELETED):
                if self._catalog.changes.look_again(row):
                    log.info("left to inspection", key=key)
                    return True
            elif self._catalog.changes.bring_back(row):
                self._uploads.deletions.end([replace(row, state=State.DELETING, purged_at=None)])
                return False
        return False
