"""The rows of the catalog as the floors above see them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MAX_TITLE, MAX_TAG, MAX_TAGS, MAX_ALBUM = 200, 50, 20, 100  # characters, and how many tags an upload has


class State(StrEnum):
    """The life of an upload. A row is never removed: a key is not given out twice."""

    PENDING = "pending"  # the row is there, the object may be: nobody was told the key
    LIVE = "live"  # row and object are there: the client has its answer, or will get it
    DELETING = "deleting"  # gone for everyone; the object may still have to be removed
    DELETED = "deleted"  # row without object, on purpose
    FOUND = "found"  # the bucket has changed under this key, and nobody has looked yet: not to be seen
    REFUSED = "refused"  # another S3 client's, and not an image that is taken: left alone, not to be seen


class Thumbnail(StrEnum):
    """Whether an upload has its thumbnail."""

    DUE = "due"  # from `thumbnail_due_at` on: at once, or later where it was tried already
    MADE = "made"
    FAILED = "failed"  # no decoder can read the image: it is kept as it is


@dataclass(frozen=True, slots=True)
class Upload:
    """The record of an object. `size` and `sha256` (hex) are those of the stored bytes; times are UTC."""

    key: str
    content_type: str
    size: int
    width: int
    height: int
    sha256: str
    created_at: datetime
    deletion_digest: str  # SHA-256 of the deletion token, hex
    token_id: int | None = None  # of the token that sent it
    writer: str = ""  # the server that writes it, so that reconcile can tell whether it lives
    state: State = State.PENDING
    version_id: str | None = None  # the store's
    expires_at: datetime | None = None
    converted_from: str | None = None  # the content type that was sent, where a conversion was needed
    file_name: str | None = None  # the sender's, for display only
    title: str | None = None
    tags: tuple[str, ...] = ()
    deleted_at: datetime | None = None
    purged_at: datetime | None = None  # of a deletion: its object is gone, and the edge was told so for the first time
    confirmed_at: datetime | None = None  # when the bucket said that the object is there
    is_foreign: bool = False  # another S3 client wrote or removed it too: all versions go when it is deleted
    changes: int = 0  # grows with each change of the bucket: what was seen before the last one is not written
    thumbnail: Thumbnail = Thumbnail.DUE
    thumbnail_due_at: datetime | None = None  # None: at once
    thumbnail_tries: int = 0
    thumbnail_version_id: str | None = None
    blurhash: str | None = None
    color: str | None = None  # the most frequent one, as #rrggbb
    problem: str | None = None  # why there is no thumbnail, or why frames behind the first are damaged
    is_favourite: bool = False
    copy: int = 1  # which of the uploads of the same bytes this is; no column (see catalog/copies.py)

    @property
    def is_upload(self) -> bool:
        """Whether there is something of an upload to delete; a refused object is one if it has replaced an upload."""
        return self.state in (State.LIVE, State.FOUND) or (self.state is State.REFUSED and bool(self.sha256))

    @property
    def is_video(self) -> bool:
        """Whether it moves and has sound; an animated image is none."""
        return self.content_type.startswith("video/")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an imported image comes from, so that it is taken once: `source_id` is unique in `source`."""

    source: str
    source_id: str
    created_at: datetime | None = None  # when the source got it; None: the time of the import
    key: str | None = None  # the one that it had in another catalog, kept if it is free
    is_favourite: bool = False
    albums: tuple[str, ...] = ()  # by name, of at most 100 characters; made where there are none


@dataclass(frozen=True, slots=True)
class Claim:
    """That one request, known by `name`, is being or was answered, so that its repeat gets the same answer.

    `name` is `key:…` for an Idempotency-Key or `sha256:…` for the bytes themselves; it belongs to one token.
    `fingerprint` is a digest of all that was sent: a repeat with another one is a different request.
    """

    token_id: int
    name: str
    fingerprint: str
    keys: tuple[str, ...]  # of its uploads, in the order they were sent
    ttl_s: int  # how long the answer is repeated, from the moment it was ready
    origin: Origin | None = None  # of an import: written down when its row goes live
    copied: frozenset[str] = frozenset()  # those of `keys` that are live already, and are uploaded once more
    expires_at: datetime | None = None  # what the copies ask for


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim that holds. `is_ready` once all of its uploads, in the order they were sent, are live."""

    fingerprint: str
    uploads: tuple[Upload, ...]
    is_ready: bool
