"""An image or video made ready to be stored: inspected, freed of its metadata, converted if browsers do not show it."""

import hashlib
from dataclasses import dataclass, replace
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from . import images, metadata
from .blocking import run_blocking
from .containers.base import Bounds
from .decoding import DecoderPool
from .errors import TooLarge
from .receiving import Received
from .settings import Settings
from .spool import on_our_disk

_MIB = 1024 * 1024
_QUICK_BYTES = 256 * 1024  # the walk through so many, made to be slow, takes half a second: others wait for it


@dataclass(frozen=True, slots=True)
class Prepared:
    """An image ready to be stored; `file` is at its first byte."""

    file: BinaryIO
    name: str | None
    content_type: str
    width: int
    height: int
    size: int
    sha256: str
    converted_from: str | None


@on_our_disk()
def prepare(
    received: Received,
    target: BinaryIO,
    *,
    settings: Settings,
    decoders: DecoderPool,
    keep_metadata: bool,
    max_bytes: int | None = None,
) -> Prepared:
    """Return what is to be stored of `received`: those very bytes, or what is written to `target`, which is empty.

    It may have `max_bytes`, or as many as one request may bring. Raises UnsupportedType, BadImage, TooLarge and Busy;
    StoreFull or another Unavailable where our disk does not take it.
    """
    examine = (_examine, received, target, settings.bounds, keep_metadata)
    image, stored, sha256 = run_blocking(*examine) if received.size > _QUICK_BYTES else _examine(*examine[1:])
    content_type, width, height, converted_from = image.content_type, image.width, image.height, None
    if image.converts_to:
        converted_from, content_type = content_type, image.converts_to
    if image.content_type == "video/quicktime":
        width, height = _remux(received, target, settings, decoders)
    elif converted_from:
        width, height = decoders.convert(received.file, target, converted_from, content_type)
    elif image.needs_decoder_check or settings.verify == "decode":
        decoders.verify(stored, content_type)
    size, most = stored.seek(0, 2), max_bytes or settings.max_upload_bytes
    if size > most:
        raise TooLarge(f"as {content_type} the image has {size:,} bytes; at most {most:,} are taken")
    if converted_from:
        sha256 = run_blocking(_sha256, stored)
    stored.seek(0)
    return Prepared(stored, received.name, content_type, width, height, size, sha256, converted_from)


def _remux(received: Received, target: BinaryIO, settings: Settings, decoders: DecoderPool) -> tuple[int, int]:
    """Write a QuickTime movie as an MP4 that is checked and freed of metadata as any other; return its size."""
    with SpooledTemporaryFile(_MIB, dir=settings.data_dir / "spool") as spooled:
        movie = cast(BinaryIO, spooled)
        decoders.convert(received.file, movie, "video/quicktime", "video/mp4")
        made = replace(received, file=movie, size=movie.seek(0, 2))
        video, _, _ = run_blocking(_examine, made, target, settings.bounds, False)
    decoders.verify(target, video.content_type)
    return video.width, video.height


def _examine(
    received: Received, target: BinaryIO, bounds: Bounds, keep_metadata: bool
) -> tuple[images.Inspection, BinaryIO, str]:
    """Inspect an image and, where it stays the format it is, write it to `target` without its metadata; return also
    the file to be stored, which is its own where that has none, and its SHA-256 (hex)."""
    image, hashed = images.inspect(received.file, bounds), _Hashed(target)
    if received.sha256 and metadata.is_bare(image.container, received.size, keep_metadata=keep_metadata):
        return image, received.file, received.sha256
    if not image.converts_to:
        metadata.strip(received.file, cast(BinaryIO, hashed), image.container, keep_metadata=keep_metadata)
    return image, target, hashed.sha256.hexdigest()


class _Hashed:
    """A file that is hashed as it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def write(self, chunk: bytes) -> int:
        self.sha256.update(chunk)
        return self._file.write(chunk)


def _sha256(file: BinaryIO) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()
