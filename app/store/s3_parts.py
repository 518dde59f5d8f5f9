"""Large objects: what is over one part goes up as a multipart upload of S3, all of it or nothing."""

import base64
import hashlib
import io
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

from ..blocking import run_blocking
from ..edge.headers import CACHE_CONTROL
from ..errors import StoreUnavailable, Unavailable
from .base import StoredObject
from .s3_errors import Failure, Missing

PART_BYTES = 32 * 1024 * 1024  # B2 wants 5 MB at least, Cloudflare passes 100 MB; a repeat costs as much again

_LOUD_BYTES = 256 * 1024  # a read of so much is worth a thread of its own: nothing else is served meanwhile
_MD5 = re.compile(r"[0-9a-f]{32}")


class InParts:
    """The multipart uploads of one bucket. `call` sends one operation, `persist` repeats what fails in a way that may
    pass (and says whether nothing before it can have had an effect), `head` looks for an object: those of S3Store."""

    def __init__(
        self,
        call: Callable[..., Any],
        persist: Callable[[Callable[[], Any]], tuple[Any, bool]],
        head: Callable[[str], StoredObject | None],
    ) -> None:
        self._call = call
        self._persist = persist
        self._head = head

    def put(self, key: str, body: BinaryIO, size: int, *, content_type: str) -> str | None:
        """See ObjectStore.put; None also where the version is not known. Nothing is seen under `key` before the end.

        On any error the upload is given up at the store. Where that fails too, or this process dies, its parts stay
        there, unseen, until the bucket's lifecycle rule for unfinished large files takes them.
        """
        named = {"Key": key, "ContentType": content_type, "CacheControl": CACHE_CONTROL}
        begun = self._persist(lambda: self._call("create_multipart_upload", **named))[0]
        upload = {"Key": key, "UploadId": begun["UploadId"]}
        try:
            starts = range(0, size, PART_BYTES)
            parts = [self._part(upload, number, body, start, size) for number, start in enumerate(starts, 1)]
            return self._complete(upload, parts, size)
        except Missing as e:
            raise StoreUnavailable("the store has lost what was sent; send it again") from e
        except BaseException:
            with suppress(Failure, Missing, Unavailable):
                self._call("abort_multipart_upload", **upload)
            raise

    def _part(self, upload: dict[str, str], number: int, body: BinaryIO, start: int, size: int) -> dict[str, Any]:
        window = Window(body, start, min(start + PART_BYTES, size))
        md5 = run_blocking(window.md5)

        def attempt() -> str:
            window.seek(0)
            # Signed like every header, this holds the body to its bytes: over TLS boto3 then does not hash it again.
            sent = {"PartNumber": number, "Body": window, "ContentMD5": base64.b64encode(md5).decode()}
            etag: str = self._call("upload_part", **upload, **sent).get("ETag", "")
            if not etag or (_MD5.fullmatch(etag.strip('"')) and etag.strip('"') != md5.hex()):
                raise Failure("the answer to a part was not that of a store")
            return etag

        return {"PartNumber": number, "ETag": self._persist(attempt)[0]}

    def _complete(self, upload: dict[str, str], parts: list[dict[str, Any]], size: int) -> str | None:
        tries = 0

        def attempt() -> str | None:
            nonlocal tries
            tries += 1
            try:
                answer = self._call("complete_multipart_upload", **upload, MultipartUpload={"Parts": parts})
            except Missing:
                # An attempt whose answer was lost may have been the one that completed it.
                found = self._head(upload["Key"]) if tries > 1 else None
                if found is None or found.size != size:
                    raise
                return found.version_id
            if not answer.get("ETag"):
                raise Failure("the answer to a put was not that of a store")
            version_id: str | None = answer.get("VersionId")
            return version_id

        version_id: str | None = self._persist(attempt)[0]
        return version_id


class Window(io.RawIOBase):
    """The bytes `start` to `end` of a file, to be read as if they were all of it."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        super().__init__()
        self._file, self._start, self._end, self._at = file, start, end, start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place of the window, and return it."""
        origin = {io.SEEK_SET: self._start, io.SEEK_CUR: self._at, io.SEEK_END: self._end}[whence]
        self._at = max(self._start, origin + offset)
        return self.tell()

    def tell(self) -> int:
        return self._at - self._start

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer`, and return with how many bytes; 0 at the end."""
        view = memoryview(buffer)
        return run_blocking(self._fill, view) if len(view) >= _LOUD_BYTES else self._fill(view)

    def md5(self) -> bytes:
        """Return the MD5 of all of it; to be run in a thread of its own."""
        self.seek(0)
        digest, buffer = hashlib.md5(usedforsecurity=False), memoryview(bytearray(_LOUD_BYTES))
        while count := self._fill(buffer):
            digest.update(buffer[:count])
        return digest.digest()

    def _fill(self, view: memoryview) -> int:
        self._file.seek(self._at)
        data = self._file.read(max(0, min(len(view), self._end - self._at)))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
