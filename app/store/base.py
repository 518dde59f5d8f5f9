"""The protocol of an object store, which one contract test runs over every implementation."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in a store. `size` in bytes, `etag` quoted and strong, `modified_at` in UTC.

    `version_id` is None where a store has no versions, and in a list, which does not say; `content_type` is what the
    object was stored as, None where the store does not say.
    """

    key: str
    size: int
    etag: str
    modified_at: datetime
    version_id: str | None = None
    content_type: str | None = None


class ObjectStore(Protocol):
    """A bucket. Keys are those of keys.py, and what else a bucket that others write to as well holds; a name that the
    store cannot hold raises ValueError before anything is touched.

    Every method raises StoreUnavailable, StoreMisconfigured or StoreFull, and no error of a library.
    `late_put_s` is how long after its writer's death a put may still take effect, in seconds.
    """

    late_put_s: float

    def put(
        self, key: str, body: BinaryIO, *, content_type: str, is_foreign: bool = False, sha256: str | None = None
    ) -> str | None:
        """Store all of the seekable `body` under `key` and return the version id (None where a store has no versions).

        On return the object is durable. On any error nothing is to be seen under `key`, though an orphan version may be
        there: `delete(key)` removes it. `is_foreign` allows a name that another S3 client has chosen; `sha256` is the
        body's hex digest, where it is known already.
        """

    def replace(self, key: str, body: BinaryIO, *, content_type: str) -> str | None:
        """Store all of the seekable `body` in place of what is under `key`, of which no version stays, and return the
        version id. On any error it is the one or the other. Costs a class C transaction."""

    def delete(self, key: str, version_id: str | None = None) -> None:
        """Remove the version `version_id` of `key`, or every version if it is None. What is not there is no error."""

    def delete_hidden(self, key: str) -> None:
        """Remove what a hide marker hides, and the marker; nothing where the object is there, or comes meanwhile."""

    def keep_one(self, key: str) -> str | None:
        """Remove the versions of `key` that a repeated put has left beside the latest, which has the same bytes; return
        the version id of that one, None where there is none or a store has no versions. Costs a class C transaction."""

    def head(self, key: str) -> StoredObject | None:
        """Return what is stored under `key`, or None. Not for the way of an upload: it costs a class B transaction."""

    def fetch(self, key: str, into: BinaryIO, *, max_bytes: int) -> StoredObject | None:
        """Write the object to `into` and return what it is, or None if there is none; one of more than `max_bytes` is
        returned but not written. Costs a class B transaction."""

    def list_objects(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield every object whose key begins with `prefix` and that is not hidden, in the order of the keys' bytes.
        Class C, one per thousand."""

    def list_versions(self) -> Iterator[tuple[str, str | None]]:
        """Yield the key of every object that is not hidden, with its version id; None where there is more than one
        version, or a store has none. Class C, one per thousand."""

    def ping(self) -> None:
        """Return if the store answers and takes our credentials; else raise. Costs no class C transaction."""

    def sweep(self, is_alive: Callable[[str], bool]) -> int:
        """Remove what writers that no longer live left half-written, and return how much that was."""
