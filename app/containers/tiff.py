"""TIFF, as far as it is needed before it is converted: sizes, pages, and whether all of it is there.

Source: https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf
"""

import struct
from typing import BinaryIO

from ..errors import BadImage
from .base import Bounds, Container, copy_range, read_exactly

_WIDTH, _HEIGHT, _STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES = 256, 257, 273, 279, 324, 325
_SIZES = {1: "B", 3: "H", 4: "I", 16: "Q"}
_MAX_ENTRIES, _MAX_VALUES = 1000, 1_000_000


def walk(file: BinaryIO, bounds: Bounds) -> Container:
    """Return the container of the first page of the TIFF in `file`; raise BadImage if it is broken."""
    file.seek(0, 2)
    end = file.tell()
    file.seek(0)
    head = read_exactly(file, 8, "the TIFF's header")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(head[:4])
    if order is None:
        raise BadImage("this is not a TIFF")
    (position,) = struct.unpack_from(order + "I", head, 4)
    container = Container("image/tiff", 0, 0, end, frames=0)
    container.add(0, end)
    visited: set[int] = set()
    while position:
        if position in visited or not 8 <= position < end:
            raise BadImage("the TIFF's pages are not in order")
        visited.add(position)
        bounds.check_frames(len(visited), 1, 1)
        entries, following = _directory(file, position, order)
        if not container.frames:
            _page(file, entries, order, end, container, bounds)
        container.frames += 1
        position = following
    if not container.frames:
        raise BadImage("the TIFF has no page")
    return container


def rewrite(source: BinaryIO, target: BinaryIO, container: Container, *, keep_metadata: bool) -> None:
    """Append the TIFF to `target` as it is: it is stored only after it was converted."""
    copy_range(source, target, 0, container.end)


def _directory(file: BinaryIO, position: int, order: str) -> tuple[dict[int, tuple[int, int, bytes]], int]:
    """Read the entries of a page as tag -> (type, count, value or offset), and where the next page is."""
    file.seek(position)
    (count,) = struct.unpack(order + "H", read_exactly(file, 2, "a TIFF page"))
    if not 1 <= count <= _MAX_ENTRIES:
        raise BadImage(f"the TIFF has a page with {count} entries")
    data = read_exactly(file, 12 * count, "a TIFF page")
    entries = {}
    for start in range(0, len(data), 12):
        tag, kind, values = struct.unpack_from(order + "HHI", data, start)
        entries[tag] = (kind, values, data[start + 8 : start + 12])
    (following,) = struct.unpack(order + "I", read_exactly(file, 4, "a TIFF page"))
    return entries, following


def _page(
    file: BinaryIO,
    entries: dict[int, tuple[int, int, bytes]],
    order: str,
    end: int,
    container: Container,
    bounds: Bounds,
) -> None:
    width, height = (_values(file, entries, tag, order, end) for tag in (_WIDTH, _HEIGHT))
    if len(width) != 1 or len(height) != 1 or not width[0] or not height[0]:
        raise BadImage("the TIFF's size makes no sense")
    bounds.check_pixels(width[0], height[0])
    container.width, container.height = width[0], height[0]
    places = _values(file, entries, _STRIPS, order, end) or _values(file, entries, _TILES, order, end)
    sizes = _values(file, entries, _STRIP_BYTES, order, end) or _values(file, entries, _TILE_BYTES, order, end)
    if not places or (sizes and len(sizes) != len(places)):
        raise BadImage("the TIFF has no image data")
    if any(place + size > end for place, size in zip(places, sizes or [0] * len(places), strict=True)):
        raise BadImage("the TIFF is cut off: its image data lies behind its end")


def _values(
    file: BinaryIO, entries: dict[int, tuple[int, int, bytes]], tag: int, order: str, end: int
) -> tuple[int, ...]:
    kind, count, inline = entries.get(tag, (4, 0, b""))
    if kind not in _SIZES or count > _MAX_VALUES:
        raise BadImage("the TIFF has an entry that makes no sense")
    form = f"{order}{count}{_SIZES[kind]}"
    size = struct.calcsize(form)
    if size > 4:
        (place,) = struct.unpack(order + "I", inline)
        if place + size > end:
            raise BadImage("the TIFF is cut off within its header")
        file.seek(place)
        inline = read_exactly(file, size, "the TIFF's header")
    return struct.unpack(form, inline[:size])
