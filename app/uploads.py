"""What is done with uploads: accept them, delete them."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from . import images, tokens
from .catalog import Catalog
from .catalog.records import Claim, Origin, State, Upload
from .catalog.uploads import BYTES
from .decoding import DecoderPool
from .deletions import Deletions
from .edge.purge import Purge
from .errors import Busy, Conflict, KeyTaken, StoreUnavailable, Unavailable
from .keys import is_key, new_key
from .preparing import Prepared, prepare
from .receiving import SPOOL_BYTES, Received
from .settings import Settings
from .store.base import ObjectStore
from .undrawn import Undrawn
from .writers import Writers

REPEAT_S = 60  # ShareX repeats a failed upload after one second; a person who clicks twice takes longer
IDEMPOTENCY_S = 24 * 3600
WAIT_S = 20  # how long a repeat waits for the first request to end
_POLL_S = 0.1
_DELETED_AT_ONCE = 30
_NO_DIGEST = "0" * 64  # of no token that is known: looking for what is not there takes the same work
_KEY_DRAWS = 10  # keys clash once in a hundred million draws


@dataclass(frozen=True, slots=True)
class Options:
    """What the sender asked for beside the upload itself."""

    expires_at: datetime | None = None
    expires: str | None = None  # the words for `expires_at`, where there are any: a repeat has them too
    keep_metadata: bool = False
    title: str | None = None
    tags: tuple[str, ...] = ()


class Uploads:
    """The use cases over one catalog and one store."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        store: ObjectStore,
        decoders: DecoderPool,
        writers: Writers,
        *,
        purge: Purge | None,
        undrawn: Undrawn | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.clock = clock
        self.deletions = Deletions(catalog, store, purge, clock=clock)
        self._settings = settings
        self._catalog = catalog
        self._store = store
        self._decoders = decoders
        self._writers = writers
        self._undrawn = undrawn
        self._sleep = sleep
        self._secret = settings.signing_secret()
        self._spool_dir = settings.data_dir / "spool"
        self._spool_dir.mkdir(parents=True, exist_ok=True)

    def accept(
        self,
        files: Sequence[Received],
        options: Options,
        *,
        token_id: int,
        idempotency_key: str | None = None,
        origin: Origin | None = None,
        max_bytes: int | None = None,
    ) -> list[Upload]:
        """Check and store `files`, all of them or none, and return their live rows in the same order.

        A repeat of the same token (the same `idempotency_key` within 24 h, or the same bytes and options within 60 s)
        returns the rows of the first request; while that one still runs, the repeat waits for it. With an `origin`
        the one file is an import: that it was taken is written down together with its row, for ever. `max_bytes` is how
        large an image may be, where it did not come in one request.
        Raises UnsupportedType, BadImage, TooLarge, QuotaExceeded, Conflict (the key belongs to other bytes, or the
        first request is still running after 20 s) and Unavailable; nothing is kept then.
        """
        fingerprint = _fingerprint(files, options)
        name = f"key:{tokens.digest(idempotency_key)}" if idempotency_key else f"{BYTES}{fingerprint}"
        if origin:
            name = f"import:{tokens.digest(f'{origin.source} {origin.source_id}')}"
        ttl_s = IDEMPOTENCY_S if idempotency_key or origin else REPEAT_S
        # A repeat that is known by its bytes alone is looked for where it would be written: nearly all are none.
        if (idempotency_key or origin) and (first := self._first_answer(token_id, name, fingerprint)):
            return first
        with ExitStack() as stack:
            prepared = [self._prepare(received, options, stack, max_bytes) for received in files]
            me = stack.enter_context(self._writers.one_upload())
            for draw in range(_KEY_DRAWS):
                wanted = origin.key if origin and not draw else None
                rows = [self._same(one, origin) or self._row(one, options, token_id, wanted, me) for one in prepared]
                copied = frozenset(row.key for row in rows if row.state is State.LIVE)
                keys = tuple(row.key for row in rows)
                claim = Claim(token_id, name, fingerprint, keys, ttl_s, origin, copied, options.expires_at)
                new = [(row, image) for row, image in zip(rows, prepared, strict=True) if row.key not in copied]
                try:
                    earlier = self._catalog.uploads.begin([row for row, _ in new], claim, now=self.clock())
                except KeyTaken:
                    continue
                if earlier is None:
                    return list(self._put(new, claim))
                if earlier.is_ready and tokens.equal(earlier.fingerprint, fingerprint):
                    return list(earlier.uploads)  # or it is our own, if all of them are copies
                if first := self._first_answer(token_id, name, fingerprint):
                    return first
        raise Busy("no free key was found; try again")

    def find(self, key: str) -> Upload | None:
        """Return the live upload `key`, or None if it never was, is gone or has expired."""
        upload = self._catalog.uploads.get(key)
        if upload is None or upload.state is not State.LIVE:
            return None
        return None if upload.expires_at and upload.expires_at <= self.clock() else upload

    def find_deletable(self, key: str, token: str) -> Upload | None:
        """Return the upload `key`, in any state, if `token` is the one of its deletion URL, or of that of a copy."""
        upload = self._catalog.uploads.get(key)
        number = tokens.copy_of(token)
        first = upload.deletion_digest if upload else _NO_DIGEST
        expected = first if number == 1 else tokens.digest(self.deletion_token(key, number))
        if not tokens.equal(tokens.digest(token), expected) or upload is None:
            return None
        is_there = self._catalog.copies.is_there(key, number)
        return replace(upload, copy=number, state=upload.state if is_there else State.DELETED)

    def take_back(self, key: str, number: int | None = None) -> int:
        """Take back the upload `number` of `key`, any one of them if it is None, and return how many are left of its
        bytes: with the last of them the image is deleted as by `delete`."""
        rows, left = self._catalog.copies.take_back(key, number, now=self.clock())
        with suppress(Unavailable):
            self.deletions.end(rows, is_waited_for=True)
        return left

    def delete(self, key: str) -> None:
        """Make the upload `key` gone for everyone, at once; deleting what is gone already is no error.

        If the store or the edge does not answer, the worker goes on until they have forgotten it too.
        """
        self.delete_all([key])

    def delete_all(self, keys: Sequence[str]) -> None:
        """The same for many; the edge is told of all of them at once. Of very many the most are left to the worker, for
        each is some requests to the store, and somebody waits."""
        rows = self._catalog.uploads.retire_uploads(keys)
        with suppress(Unavailable):
            self.deletions.end(rows[:_DELETED_AT_ONCE], is_waited_for=True)

    def deletion_token(self, key: str, number: int = 1) -> str:
        """Return the secret part of the deletion URL of `key`, or of that of its copy `number`."""
        return tokens.deletion_token(self._secret, key, number)

    def _first_answer(self, token_id: int, name: str, fingerprint: str) -> list[Upload] | None:
        """Return what the first request of this name was answered, waiting for it if it still runs."""
        for _ in range(int(WAIT_S / _POLL_S)):
            claimed = self._catalog.uploads.claimed(token_id, name, now=self.clock())
            if claimed is None:
                return None
            if not tokens.equal(claimed.fingerprint, fingerprint):
                raise Conflict("this Idempotency-Key was used for another upload; take a new one")
            if claimed.is_ready:
                return list(claimed.uploads)
            pending = [upload for upload in claimed.uploads if upload.state is State.PENDING]
            if any(self._writers.is_alive(upload.writer) is False for upload in pending):
                self._catalog.uploads.retire([upload.key for upload in pending], states=(State.PENDING,))
                continue  # the first request died with its server: nobody got an answer, so this one is the first
            self._sleep(_POLL_S)
        raise Conflict("the same upload is still being stored; ask again in a few seconds")

    def _same(self, image: Prepared, origin: Origin | None) -> Upload | None:
        """Return the upload that these bytes are once more, where that is not to be a new one."""
        if self._settings.duplicates == "new" or origin:
            return None
        return self._catalog.copies.same(image.sha256, image.content_type, now=self.clock())

    def _prepare(self, received: Received, options: Options, stack: ExitStack, max_bytes: int | None) -> Prepared:
        return prepare(
            received,
            cast(BinaryIO, stack.enter_context(SpooledTemporaryFile(SPOOL_BYTES, dir=self._spool_dir))),
            settings=self._settings,
            decoders=self._decoders,
            keep_metadata=options.keep_metadata,
            max_bytes=max_bytes,
        )

    def _row(self, image: Prepared, options: Options, token_id: int, wanted: str | None, writer: str) -> Upload:
        extension = images.EXTENSIONS[image.content_type]
        is_fit = wanted is not None and is_key(wanted) and wanted.endswith(f".{extension}")
        key = wanted if wanted and is_fit else new_key(extension, self._settings.key_length)
        return Upload(
            key=key,
            content_type=image.content_type,
            size=image.size,
            width=image.width,
            height=image.height,
            sha256=image.sha256,
            created_at=self.clock().replace(microsecond=0),
            deletion_digest=tokens.digest(self.deletion_token(key)),
            token_id=token_id,
            writer=writer,
            expires_at=options.expires_at,
            converted_from=image.converted_from,
            file_name=image.name,
            title=options.title,
            tags=options.tags,
        )

    def _put(self, new: Sequence[tuple[Upload, Prepared]], claim: Claim) -> tuple[Upload, ...]:
        """Store the objects of rows that are pending, make the rows live, and return them and the claim's copies; on
        any error take all of it back."""
        try:
            versions = {
                row.key: self._store.put(row.key, image.file, content_type=row.content_type, sha256=row.sha256)
                for row, image in new
            }
            if self._undrawn:
                for row, image in new:
                    self._undrawn.keep(row.key, image.file)
            return self._catalog.uploads.finish(claim, versions, now=self.clock())
        except BaseException as e:
            with suppress(Unavailable):  # what cannot be taken back now is settled by reconcile
                self.deletions.give_up(claim.keys, may_come=isinstance(e, StoreUnavailable))
            raise


def _fingerprint(files: Sequence[Received], options: Options) -> str:
    """Return a digest of all that was sent, names excepted: ShareX gives a repeat the same one, a person may not."""
    asked = asdict(options) | ({} if options.expires is None else {"expires_at": None})
    text = json.dumps([[file.mark for file in files], asked], default=str, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
