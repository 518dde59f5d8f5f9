"""AVIF and HEIC, box by box. Source: ISO/IEC 14496-12, ISO/IEC 23008-12, https://aomediacodec.github.io/av1-avif/"""

from collections.abc import Iterator
from typing import BinaryIO

from ..errors import BadImage
from .base import Bounds, read_exactly
from .bmff_boxes import Box, read_head
from .bmff_items import read_items
from .bmff_tracks import read_tracks
from .inplace import InPlace, gaps

_AVIF = {b"avif", b"avis"}
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_TOP = {b"ftyp", b"meta", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid", b"pdin", b"udta", b"styp", b"mfra"}
_FOREIGN = {b"free", b"skip", b"wide", b"uuid", b"udta", b"mfra", b"pdin"}
_MAX_HEAD_BYTES = 8 * 1024 * 1024  # of meta or moov: 500 frames need about 20 kB


def walk(file: BinaryIO, bounds: Bounds) -> InPlace:
    """Return the container of the AVIF or HEIC in `file`, still or sequence; raise BadImage if it is broken."""
    top = list(_top(file))
    if not top or top[0].kind != b"ftyp":
        raise BadImage("this is neither an AVIF nor a HEIC")
    container = InPlace(_content_type(file, top[0]), 0, 0, top[-1].end)
    container.add(0, container.end)
    used: list[tuple[int, int]] = []
    heads = {kind: _load(file, top, kind) for kind in (b"meta", b"moov")}
    if meta := heads[b"meta"]:
        items = read_items(meta, container.end, bounds, has_tracks=heads[b"moov"] is not None)
        container.width, container.height, container.orientation = items.width, items.height, items.orientation
        container.patches |= items.patches
        container.blanks += items.blanks
        container.repairs = items.repairs
        used += items.used
    if moov := heads[b"moov"]:
        tracks = read_tracks(moov, container.end, bounds)
        if not container.width:
            container.width, container.height = tracks.width, tracks.height
        container.frames = max(1, tracks.frames)
        container.patches |= tracks.patches
        container.blanks += tracks.blanks
        used += tracks.used
    if not container.width or not container.height:
        raise BadImage("the file holds no picture")
    bounds.check_pixels(container.width, container.height)
    bounds.check_frames(container.frames, container.width, container.height)
    data = [(box.body, box.end) for box in top if box.kind == b"mdat"]
    container.blanks += gaps(data, used)
    for box in top:
        if box.kind in _FOREIGN:
            container.patches[box.start + 4] = b"free"
            container.blanks.append((box.body, box.end))
    return container


def _top(file: BinaryIO) -> Iterator[Box]:
    """Yield the boxes of the file, up to where something else begins."""
    file.seek(0, 2)
    size, position, seen = file.tell(), 0, set()
    while position < size:
        box = read_head(file, position, size)
        if box.kind not in _TOP and b"ftyp" in seen and seen & {b"meta", b"moov"}:
            return  # whatever stands here is no part of the image
        if box.end > size or len(seen) > 1000:
            raise BadImage("the file is cut off, or one of its boxes is larger than the file")
        seen.add(box.kind)
        yield box
        position = box.end


def _content_type(file: BinaryIO, ftyp: Box) -> str:
    if ftyp.end - ftyp.body > 1024:
        raise BadImage("the file's brands make no sense")
    file.seek(ftyp.body)
    data = read_exactly(file, ftyp.end - ftyp.body, "the file's brands")
    brands = {data[:4], *(data[i : i + 4] for i in range(8, len(data), 4))}
    if data[:4] in _AVIF or (brands & _AVIF and data[:4] not in _HEIC - {b"mif1", b"msf1"}):
        return "image/avif"
    if brands & _HEIC:
        return "image/heic"
    raise BadImage("this is neither an AVIF nor a HEIC")


def _load(file: BinaryIO, top: list[Box], kind: bytes) -> tuple[bytes, Box] | None:
    """Return the bytes of the only box of this kind; its positions stay those in the file."""
    found = [box for box in top if box.kind == kind]
    if not found:
        return None
    if len(found) > 1 or found[0].end - found[0].start > _MAX_HEAD_BYTES:
        raise BadImage(f"the file has more than one {kind.decode()} box, or too large a one")
    file.seek(found[0].start)
    return read_exactly(file, found[0].end - found[0].start, "a box"), found[0]
