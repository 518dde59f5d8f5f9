"""What is fuzzed: functions of any bytes, which are refused as the program refuses them, or keep its promises."""

import io
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from app import amounts, images, keys, metadata, paging, receiving, search
from app.containers import bmff, bmp, exif, gif, jpeg, movie, png, tiff, webm, webp
from app.containers.base import Bounds
from app.errors import Refused
from app.web import options, part_names, tus_headers
from app.web.fields import FORM, JSON, read_fields
from app.web.form import Form
from app.web.multipart import read_multipart
from tests import samples

BOUNDS = Bounds(max_video_s=7200)
BOUNDARY = "fuzz"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
_SPOOL = Path(tempfile.gettempdir())
_MULTIPART = "multipart/form-data"


class Broken(Exception):
    """A promise that was not kept."""


def strip(data: bytes, walk: Callable[[BinaryIO, Bounds], Any]) -> None:
    """Walk a container and write it anew: the same again, of the same size and frames, and never smaller the second
    time."""
    try:
        found = walk(io.BytesIO(data), BOUNDS)
    except Refused:
        return
    if found.content_type == "video/quicktime":  # it becomes another format, and is never written as it is
        return
    once = rewritten(data, found)
    try:
        again = walk(io.BytesIO(once), BOUNDS)
    except Refused as e:
        raise Broken(f"what was written is refused: {e}") from e
    for name in ("content_type", "width", "height", "frames", "orientation"):
        if getattr(again, name) != getattr(found, name):
            raise Broken(f"{name} was {getattr(found, name)}, and is {getattr(again, name)}")
    if rewritten(once, again) != once:
        raise Broken("what was written once is written otherwise the second time")


def rewritten(data: bytes, container: Any) -> bytes:
    """Return the image without its metadata."""
    target = io.BytesIO()
    metadata.strip(io.BytesIO(data), target, container)
    if metadata.is_bare(container, len(data)) and target.getvalue() != data:
        raise Broken("what was called bare is written otherwise")
    return target.getvalue()


def inspect(data: bytes) -> None:
    """Look at any file as at an upload: the walkers, libmagic and Pillow's readers of headers."""
    try:
        found = images.inspect(io.BytesIO(data), BOUNDS)
    except Refused:
        return
    if found.container.end > len(data) or found.width * found.height > BOUNDS.max_pixels:
        raise Broken("a file that is cut off, or too large, was taken")


def orientation(data: bytes) -> None:
    """Read the orientation of an EXIF block."""
    if exif.orientation(data) not in range(1, 9):
        raise Broken("no such orientation")


def multipart(data: bytes) -> None:
    """Read a multipart body whole, and in pieces of the size that its first byte says: the same comes of both.

    A delimiter that does not begin a line of the preamble is one to the parser where a piece begins with it; so where
    one is refused the other may be taken. What is taken has to be the same.
    """
    if not data:
        return
    whole, pieces = _parts([data[1:]]), _parts(_cut(data[1:], 1 + data[0]))
    if whole != pieces and not isinstance(whole, str) and not isinstance(pieces, str):
        raise Broken("what is in a body depends on how it comes")


def _cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def _parts(chunks: Any) -> Any:
    form = Form()
    try:
        read_multipart(form, iter(chunks), _MULTIPART, {"boundary": BOUNDARY}, _SPOOL)
        return [(one.name, one.size, one.sha256) for one in form.files], form.fields, form.urls
    except Refused as e:
        return e.code
    finally:
        form.close()


def fields(data: bytes) -> None:
    """Read the fields of an upload by address, as a form or as JSON, and what they ask for."""
    form = Form()
    try:
        read_fields(form, iter([data[1:]]), JSON if data[:1] > b"\x7f" else FORM)
        options.read_options(form.fields.get, NOW)
    except Refused:
        pass


def wishes(data: bytes) -> None:
    """Read a text as each of the things that are asked for in words."""
    text = data.decode("utf-8", "surrogateescape")
    readers: tuple[Callable[[str], Any], ...] = (
        *(lambda text, name=name: options.read_options({name: text}.get, NOW) for name in options.NAMES),
        options.idempotency_key,
        options.album_name_of,
        search.parse,
        amounts.size,
    )
    for read in readers:
        try:
            read(text)
        except Refused as e:
            _check_message(e)
    if keys.is_key(text) and not text.isascii():
        raise Broken("a key is ASCII")


def names(data: bytes) -> None:
    """Read a part's header for the name of its file, and make the name fit to be shown."""
    text = data.decode("latin-1")
    name = receiving.clean_name(part_names.file_name_of(text, text))
    if name is not None and (len(name) > 255 or "/" in name or any(ord(letter) < 32 for letter in name)):
        raise Broken(f"no name to be shown: {name!r}")


def tus(data: bytes) -> None:
    """Read the headers of a resumable upload."""
    text = data.decode("latin-1")
    for read in (tus_headers.metadata, tus_headers.checksum, lambda text: tus_headers.number("Upload-Length", text)):
        try:
            read(text)
        except Refused as e:
            _check_message(e)


def cursor(data: bytes) -> None:
    """Read a cursor; one that is taken stands for what it says."""
    try:
        found = paging.decode(data.decode("latin-1"))
    except Refused as e:
        return _check_message(e)
    if paging.decode(paging.encode(found)) != found:
        raise Broken("a cursor changes when it is written again")
    return None


def _check_message(error: Refused) -> None:
    if not str(error) or len(str(error)) > 400:
        raise Broken(f"no message to be shown: {error!r}")


WALKS: dict[str, Callable[[BinaryIO, Bounds], Any]] = {
    "png": png.walk,
    "jpeg": jpeg.walk,
    "gif": gif.walk,
    "webp": webp.walk,
    "bmff": bmff.walk,
    "tiff": tiff.walk,
    "bmp": bmp.walk,
    "movie": movie.walk,
    "webm": webm.walk,
}


def _png(data: bytes) -> None:
    strip(data, png.walk)
    strip(samples.mended(data), png.walk)  # a guess at a checksum is never right


TARGETS: dict[str, Callable[[bytes], None]] = {
    **{name: lambda data, walk=walk: strip(data, walk) for name, walk in WALKS.items()},
    "png": _png,
    **{one.__name__: one for one in (inspect, orientation, multipart, fields, wishes, names, tus, cursor)},
}
