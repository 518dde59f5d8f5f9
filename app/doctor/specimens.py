"""The objects of one visit of the doctor: put where uploads are, and gone again when it ends, however it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..answers import Answer
from ..errors import Unavailable
from .picture import CONTENT_TYPE

if TYPE_CHECKING:
    from ..store.s3_raw import RawBucket

# What other S3 clients and Backblaze's own tools write, and what therefore must not reach viewers.
METADATA = {
    "src_last_modified_millis": "1764000000000",
    "mtime": "1764000000.0",
    "md5chksum": "none",
    "s3cmd-attrs": "none",
    "sha256": "none",
}
_ATTEMPTS = "x-bowerbird-attempts"


class Specimens:
    """What lies in `bucket` because of the doctor."""

    def __init__(self, bucket: RawBucket) -> None:
        self._bucket = bucket
        self._versions: dict[str, str | None] = {}
        self.put_keys: list[str] = []  # of this visit, removed or not
        self.shown: list[str] = []  # what the edge may still keep

    def put(self, key: str, body: bytes) -> Answer:
        """Store `body` under `key`; from now on `clean` will remove it, unless the answer is a refusal."""
        self._versions[key] = None
        self.put_keys.append(key)
        self.shown.append(key)
        answer = self._bucket.put(key, body, content_type=CONTENT_TYPE, metadata=METADATA)
        if 400 <= answer.status < 500:  # nothing was stored; of a 5xx nobody knows
            del self._versions[key]
            self.shown.remove(key)
        # A put that had to be repeated may have left another version.
        if answer.status == 200 and _ATTEMPTS not in answer.headers:
            self._versions[key] = answer.headers.get("x-amz-version-id")
        return answer

    def remove(self, key: str) -> Answer:
        """Remove the one version of `key` that was put, as the app does it."""
        answer = self._bucket.delete(key, self._versions.get(key))
        if answer.status == 204 and self._versions.get(key):
            del self._versions[key]
        return answer

    def clean(self) -> tuple[list[str], list[str]]:
        """Remove all that is left; return the names that could only be hidden, and those that are still to be seen."""
        hidden, left = [], []
        for key in list(self._versions):
            if self._is_removed(key):
                del self._versions[key]
            else:
                (hidden if self._is_hidden(key) else left).append(key)
        return hidden, left

    def _is_removed(self, key: str) -> bool:
        version = self._versions[key]
        try:
            return (version and self._bucket.delete(key, version).status == 204) or self._bucket.wipe(key)
        except Unavailable:
            return False

    def _is_hidden(self, key: str) -> bool:
        try:
            return self._bucket.delete(key, None).status == 204
        except Unavailable:
            return False
