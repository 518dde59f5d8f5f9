"""What the bytes are: libmagic, our own walk of the container and Pillow have to agree; nothing is decoded here."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

# isort: off
import pylibmagic  # noqa: F401 it comes first: it makes the libmagic of its wheel the one that python-magic finds
import magic

# isort: on
from PIL import Image

from . import metadata
from .containers import bmff, bmp, gif, jpeg, movie, png, tiff, webm, webp
from .containers.base import Bounds, Container
from .errors import BadImage, EmptyFile, UnsupportedType

EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/avif": "avif",
    "video/mp4": "mp4",
    "video/webm": "webm",
}

_MAGIC_BYTES = 4 * 1024  # an image shows itself at once; of 64 KiB of empty lines libmagic takes a second to think
_WHOLE_BYTES = 4 * 1024 * 1024  # Pillow reads a WebP or AVIF whole; larger ones are for the decoders


@dataclass(frozen=True, slots=True)
class _Format:
    """How one kind of image or video is known and read. `names` are what the versions of libmagic call it, `pillow`
    what Pillow does where it has to agree."""

    signature: Callable[[bytes], bool]
    names: frozenset[str]
    walk: Callable[[BinaryIO, Bounds], Container]
    pillow: str | None = None
    is_video: bool = False


def _starts(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda start: start.startswith(signatures)


def _is_bmff(start: bytes) -> bool:
    return start[4:8] == b"ftyp" and start[8:12] in _BRANDS


def _is_movie(start: bytes) -> bool:
    return start[4:8] == b"ftyp" and (start[8:12] in movie.BRANDS or start[8:12] == movie.QUICKTIME)


def _is_bmp(start: bytes) -> bool:
    # "BM" alone begins many a text: the size of the header that follows has to be a known one.
    return start[:2] == b"BM" and start[14:18] in _BMP_HEADERS


_BMP_HEADERS = frozenset(size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124))
_BRANDS = frozenset(b"avif avis heic heix heim heis hevc hevx hevm hevs mif1 msf1".split())
_BMFF_NAMES = "image/avif image/avif-sequence image/heic image/heif image/heic-sequence image/heif-sequence"

_FORMATS = (
    _Format(_starts(png.SIGNATURE), frozenset({"image/png", "image/apng", "image/vnd.mozilla.apng"}), png.walk, "PNG"),
    _Format(_starts(b"\xff\xd8\xff"), frozenset({"image/jpeg"}), jpeg.walk, "JPEG"),
    _Format(_starts(b"GIF87a", b"GIF89a"), frozenset({"image/gif"}), gif.walk, "GIF"),
    _Format(lambda s: s[:4] == b"RIFF" and s[8:12] == b"WEBP", frozenset({"image/webp"}), webp.walk, "WEBP"),
    _Format(_is_bmff, frozenset(_BMFF_NAMES.split()), bmff.walk, "AVIF"),
    _Format(_starts(*tiff.SIGNATURES), frozenset({"image/tiff"}), tiff.walk),
    _Format(_is_bmp, frozenset({"image/bmp", "image/x-ms-bmp", "image/x-bmp"}), bmp.walk),
    _Format(_is_movie, frozenset({"video/mp4", "video/quicktime", "video/x-m4v"}), movie.walk, is_video=True),
    _Format(_starts(webm.SIGNATURE), frozenset({"video/webm", "video/x-matroska"}), webm.walk, is_video=True),
)
# What browsers show instead of what they do not show.
_CONVERTS_TO = {
    "image/heic": "image/jpeg",
    "image/tiff": "image/png",
    "image/bmp": "image/png",
    "video/quicktime": "video/mp4",
}
_HEADS = {"PNG": png.head, "JPEG": jpeg.head, "GIF": gif.head}
_UNSURE = frozenset({"application/octet-stream", "text/plain", "data"})


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an image is. `width` and `height` are those that are seen, the orientation applied.

    `converts_to` is the content type browsers show instead, where they do not show this one.
    `needs_decoder_check`: too large to be read here in one piece, or a video, so a decoder has to confirm it.
    """

    content_type: str
    width: int
    height: int
    container: Container
    converts_to: str | None = None
    needs_decoder_check: bool = False


def looks_like_image(start: bytes) -> bool:
    """Whether the first bytes of a file are the signature of an image or a video.

    >>> looks_like_image(b"GIF89a..."), looks_like_image(b"a=b&c=d")
    (True, False)
    """
    return any(one.signature(start) for one in _FORMATS)


def inspect(file: BinaryIO, bounds: Bounds) -> Inspection:
    """Return what the image in the seekable `file` is; the sender's name and content type play no part.

    Raises EmptyFile, UnsupportedType (with the type that was found), or BadImage and its kinds: broken, cut off, or
    over one of the bounds, all of which is known before a pixel is decoded.
    """
    file.seek(0)
    start = file.read(_MAGIC_BYTES)
    if not start:
        raise EmptyFile("the file is empty")
    found = _libmagic(start)
    known = next((one for one in _FORMATS if one.signature(start)), None)
    if known is None and any(found in one.names for one in _FORMATS):
        raise BadImage(f"libmagic finds {found} in the file, but it does not begin like one")
    if known is None or (found not in known.names and found not in _UNSURE):
        raise UnsupportedType(f"{found} is not taken; send {_sent(bounds)}", found)
    if known.is_video and not bounds.max_video_s:
        raise UnsupportedType(f"video is not taken here, and this is {found}; send {_sent(bounds)}", found)
    container = known.walk(file, bounds)
    if found not in known.names:
        raise BadImage(f"the file begins like an image, but libmagic finds {found} in it")
    converts_to = _CONVERTS_TO.get(container.content_type)
    needs_decoder_check = known.is_video
    if known.pillow and not converts_to:
        needs_decoder_check = not _pillow_agrees(file, container, known.pillow)
    width, height = container.width, container.height
    if container.orientation >= 5:
        width, height = height, width
    return Inspection(container.content_type, width, height, container, converts_to, needs_decoder_check)


def _sent(bounds: Bounds) -> str:
    return f"PNG, JPEG, GIF, WebP, AVIF, HEIC, TIFF{', BMP, MP4, MOV or WebM' if bounds.max_video_s else ' or BMP'}"


def _pillow_agrees(file: BinaryIO, container: Container, name: str) -> bool:
    """Whether Pillow opens the file as the same kind and size; False if it is too large to ask here.

    Raises BadImage where Pillow says otherwise. Of a PNG, JPEG or GIF it gets the head alone, for it refuses some good
    ones because of the rest (text and profiles over 1 MiB, the second image of a phone's photo).
    """
    is_whole = name in ("WEBP", "AVIF")
    if is_whole and container.end > _WHOLE_BYTES:
        return False
    if is_whole:
        whole = io.BytesIO()
        metadata.strip(file, whole, container, keep_metadata=True)
        head = whole.getvalue()
    else:
        head = _HEADS[name](file, container)
    try:
        with Image.open(io.BytesIO(head), formats=[name]) as image:
            size = image.size
    except Exception as e:
        # Pillow raises far more than it documents: ValueError, IndexError, struct.error, RuntimeError, SyntaxError.
        raise BadImage(f"the {name} is malformed") from e
    if size != (container.width, container.height):
        raise BadImage(f"the {name} is {size[0]} x {size[1]} to one reader and another size to the next")
    return True


# The bounds were checked by the walk, to the pixel; Pillow's own check starts at other numbers, with a warning.
Image.MAX_IMAGE_PIXELS = None

_idle: list[Any] = []  # libmagic's databases: each is for one thread at a time, and loading one takes a while


def _libmagic(start: bytes) -> str:
    try:
        reader = _idle.pop()
    except IndexError:  # all are taken; asking first would be a race
        reader = magic.Magic(mime=True)
    try:
        return str(reader.from_buffer(start))
    finally:
        _idle.append(reader)
