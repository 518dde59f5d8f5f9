"""Lossless removal of EXIF, XMP, IPTC and text: an image is copied part by part, and no pixel is decoded."""

from collections.abc import Callable
from typing import BinaryIO

from .containers import bmp, gif, inplace, jpeg, png, tiff, webp
from .containers.base import Container, Range

_CUT = ("image/png", "image/gif")  # what is removed is cut out, and nothing is written in its place
_REWRITE: dict[str, Callable[..., None]] = {
    "image/png": png.rewrite,
    "image/jpeg": jpeg.rewrite,
    "image/gif": gif.rewrite,
    "image/webp": webp.rewrite,
    "image/avif": inplace.rewrite,
    "image/heic": inplace.rewrite,
    "image/tiff": tiff.rewrite,
    "image/bmp": bmp.rewrite,
    "video/mp4": inplace.rewrite,
    "video/webm": inplace.rewrite,
}


def strip(source: BinaryIO, target: BinaryIO, container: Container, *, keep_metadata: bool = False) -> None:
    """Append the image in `source` to `target` without EXIF, XMP, IPTC, comments and whatever stands behind its end.

    Every pixel, and every sample of a video, stays bit for bit as it was, and so do the orientation and the colour
    profile: without them the picture would look different. `keep_metadata` keeps all but what stands behind the end.
    `container` is what the walk of this very file gave.
    Source: https://www.w3.org/TR/png-3/#11Chunks, ITU-T T.81 annex B, RFC 9649, ISO/IEC 23008-12, ISO/IEC 14496-12,
    RFC 9559.
    """
    _REWRITE[container.content_type](source, target, container, keep_metadata=keep_metadata)


def is_bare(container: Container, size: int, *, keep_metadata: bool = False) -> bool:
    """Whether `strip` would write these very `size` bytes; False also where that is not known before."""
    whole = [Range(0, size)] if not keep_metadata else container.ranges
    return (
        container.content_type in _CUT and container.ranges == whole and not container.broken and container.end == size
    )
