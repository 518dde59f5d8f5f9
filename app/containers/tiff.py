"""TIFF and BigTIFF, as far as is needed before they are converted: sizes, pages, and whether all of it is there.

Source: https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf,
https://libtiff.gitlab.io/libtiff/specification/bigtiff.html
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import BadImage
from .base import Bounds, Container, copy_range, read_exactly

_WIDTH, _HEIGHT, _STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES = 256, 257, 273, 279, 324, 325
_SIZES = {1: "B", 3: "H", 4: "I", 16: "Q"}
_MAX_ENTRIES, _MAX_VALUES = 1000, 1_000_000
SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0")  # the latter two: BigTIFF's


@dataclass(frozen=True, slots=True)
class _Form:
    """How numbers are written: their byte order, the count of a page's entries, and counts and places in the file."""

    order: str
    entries: str = "H"
    word: str = "I"

    def unpack(self, kind: str, data: bytes) -> tuple[int, ...]:
        return struct.unpack(self.order + kind, data)

    @property
    def word_bytes(self) -> int:
        return struct.calcsize(self.order + self.word)


def walk(file: BinaryIO, bounds: Bounds) -> Container:
    """Return the container of the first page of the TIFF in `file`; raise BadImage if it is broken."""
    file.seek(0, 2)
    end = file.tell()
    file.seek(0)
    form, position = _head(file)
    container = Container("image/tiff", 0, 0, end, frames=0)
    container.add(0, end)
    visited: set[int] = set()
    while position:
        if position in visited or not 8 <= position < end:
            raise BadImage("the TIFF's pages are not in order")
        visited.add(position)
        bounds.check_frames(len(visited), 1, 1)
        entries, following = _directory(file, position, form)
        if not container.frames:
            _page(file, entries, form, end, container, bounds)
        container.frames += 1
        position = following
    if not container.frames:
        raise BadImage("the TIFF has no page")
    return container


def _head(file: BinaryIO) -> tuple[_Form, int]:
    """Return how the file is written, and where its first page is."""
    head = read_exactly(file, 8, "the TIFF's header")
    if not head.startswith(SIGNATURES):
        raise BadImage("this is not a TIFF")
    order = "<" if head[:1] == b"I" else ">"
    if head[:4] in SIGNATURES:
        return _Form(order), struct.unpack(order + "I", head[4:])[0]
    form = _Form(order, "Q", "Q")
    return form, form.unpack("Q", read_exactly(file, 8, "the TIFF's header"))[0]


def rewrite(source: BinaryIO, target: BinaryIO, container: Container, *, keep_metadata: bool) -> None:
    """Append the TIFF to `target` as it is: it is stored only after it was converted."""
    copy_range(source, target, 0, container.end)


def _directory(file: BinaryIO, position: int, form: _Form) -> tuple[dict[int, tuple[int, int, bytes]], int]:
    """Read the entries of a page as tag -> (type, count, value or offset), and where the next page is."""
    file.seek(position)
    (count,) = form.unpack(form.entries, read_exactly(file, struct.calcsize("=" + form.entries), "a TIFF page"))
    if not 1 <= count <= _MAX_ENTRIES:
        raise BadImage(f"the TIFF has a page with {count} entries")
    size = 4 + 2 * form.word_bytes
    data = read_exactly(file, size * count, "a TIFF page")
    entries = {}
    for start in range(0, len(data), size):
        tag, kind, values = form.unpack("HH" + form.word, data[start : start + size - form.word_bytes])
        entries[tag] = (kind, values, data[start + size - form.word_bytes : start + size])
    last = file.read(form.word_bytes)  # where the file ends right behind its only page, some writers leave it out
    return entries, form.unpack(form.word, last)[0] if len(last) == form.word_bytes else 0


def _page(
    file: BinaryIO,
    entries: dict[int, tuple[int, int, bytes]],
    form: _Form,
    end: int,
    container: Container,
    bounds: Bounds,
) -> None:
    width, height = (_values(file, entries, tag, form, end) for tag in (_WIDTH, _HEIGHT))
    if len(width) != 1 or len(height) != 1 or not width[0] or not height[0]:
        raise BadImage("the TIFF's size makes no sense")
    bounds.check_pixels(width[0], height[0])
    container.width, container.height = width[0], height[0]
    places = _values(file, entries, _STRIPS, form, end) or _values(file, entries, _TILES, form, end)
    sizes = _values(file, entries, _STRIP_BYTES, form, end) or _values(file, entries, _TILE_BYTES, form, end)
    if not places or (sizes and len(sizes) != len(places)):
        raise BadImage("the TIFF has no image data")
    if any(place + size > end for place, size in zip(places, sizes or [0] * len(places), strict=True)):
        raise BadImage("the TIFF is cut off: its image data lies behind its end")


def _values(
    file: BinaryIO, entries: dict[int, tuple[int, int, bytes]], tag: int, form: _Form, end: int
) -> tuple[int, ...]:
    kind, count, inline = entries.get(tag, (4, 0, bytes(form.word_bytes)))
    if kind not in _SIZES or count > _MAX_VALUES:
        raise BadImage("the TIFF has an entry that makes no sense")
    kinds = f"{count}{_SIZES[kind]}"
    size = struct.calcsize("=" + kinds)
    if size > form.word_bytes:
        (place,) = form.unpack(form.word, inline)
        if place + size > end:
            raise BadImage("the TIFF is cut off within its header")
        file.seek(place)
        inline = read_exactly(file, size, "the TIFF's header")
    return form.unpack(kinds, inline[:size])
