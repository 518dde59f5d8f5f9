"""The items of an AVIF or HEIC (its `meta` box): which is the picture, where its bytes are, which are metadata.

Source: ISO/IEC 14496-12, 8.11, and ISO/IEC 23008-12, 6.
"""

import struct
from dataclasses import dataclass, field
from itertools import pairwise

from ..errors import BadImage
from .base import Bounds
from .bmff_boxes import Box, boxes, child, is_common_name, uint

_METADATA = {b"Exif", b"mime", b"uri "}
_TELLING = {b"udes", b"altt", b"crtt", b"mdft", b"uuid", b"free"}  # a description, a text, times; zeros say nothing
_HIDDEN = b"zero"  # what the type of a metadata item becomes: no reader knows it
_MAX_ITEMS = 4000  # a grid of 50 megapixels has about 200
_ORIENTATIONS = {0: 1, 1: 8, 2: 3, 3: 6}  # irot turns anticlockwise by quarters; the same, as EXIF counts it


@dataclass(slots=True)
class Items:
    """What was found. `width` and `height` are those of the stored pixels; positions are those in the file."""

    width: int = 0
    height: int = 0
    orientation: int = 1
    used: list[tuple[int, int]] = field(default_factory=list)
    patches: dict[int, bytes] = field(default_factory=dict)
    blanks: list[tuple[int, int]] = field(default_factory=list)
    repairs: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Location:
    is_in_idat: bool
    extents: list[tuple[int, int]]


def read_items(meta: tuple[bytes, Box], file_end: int, bounds: Bounds, *, has_tracks: bool) -> Items:
    """Return the items of a `meta` box, given as its bytes and where it stands in the file.

    Where tracks are the picture no item needs to be it, and the boxes that say so may be missing.
    """
    data, place = meta
    base = place.start
    whole = Box(place.kind, 0, place.body - base, place.end - base)
    inner = {box.kind: box for box in boxes(data, whole.body + 4, whole.end)}
    missing = [kind for kind in (b"hdlr", b"pitm", b"iinf", b"iloc", b"iprp") if kind not in inner]
    if missing and not has_tracks:
        raise BadImage(f"the file has no {missing[0].decode()} box")
    items = Items()
    types = _types(data, inner[b"iinf"], base, items) if b"iinf" in inner else {}
    if not missing:
        primary = _primary(data, inner[b"pitm"])
        if primary not in types:
            raise BadImage("the file's picture is not among its items")
        _properties(data, inner[b"iprp"], primary, base, items, bounds)
    idat = inner.get(b"idat")
    for number, location in _locations(data, inner[b"iloc"]).items() if b"iloc" in inner else ():
        _place(location, types.get(number, b"") in _METADATA, idat, base, file_end, items)
    hdlr = inner.get(b"hdlr")
    if hdlr and not is_common_name(data, hdlr.body + 24, hdlr.end):
        items.blanks.append((base + min(hdlr.body + 24, hdlr.end), base + hdlr.end))
    for box in boxes(data, whole.body + 4, whole.end):
        if box.kind in (b"uuid", b"udta", b"free", b"skip"):
            items.patches[base + box.start + 4] = b"free"
            items.blanks.append((base + box.body, base + box.end))
    return items


def _types(data: bytes, iinf: Box, base: int, items: Items) -> dict[int, bytes]:
    """Return the type of each item; those that are metadata get another one, names go."""
    start = iinf.body + (6 if data[iinf.body] == 0 else 8)
    types: dict[int, bytes] = {}
    for box in boxes(data, start, iinf.end):
        version = uint(data, box.body, 1)
        if box.kind != b"infe" or version not in (2, 3):
            raise BadImage("the file describes its items in an unknown way")
        width = 2 if version == 2 else 4
        number, place = uint(data, box.body + 4, width), box.body + 4 + width + 2
        kind = data[place : place + 4]
        if number in types or len(types) >= _MAX_ITEMS or place + 4 > box.end:
            raise BadImage("the file has too many items, or one of them twice")
        types[number] = kind
        if kind in _METADATA:
            items.patches[base + place] = _HIDDEN
        if not is_common_name(data, place + 4, box.end):
            items.blanks.append((base + place + 4, base + box.end))
    return types


def _primary(data: bytes, pitm: Box) -> int:
    return uint(data, pitm.body + 4, 2 if data[pitm.body] == 0 else 4)


def _properties(data: bytes, iprp: Box, primary: int, base: int, items: Items, bounds: Bounds) -> None:
    """Find the size and the turn of the primary item; every other item keeps the bounds too."""
    ipco = child(data, iprp, b"ipco")
    tables = [box for box in boxes(data, iprp.body, iprp.end) if box.kind == b"ipma"]
    if ipco is None or not tables:
        raise BadImage("the file says nothing of its picture's size")
    known = list(boxes(data, ipco.body, ipco.end))
    for box in known:
        if box.kind == b"ispe":
            bounds.check_pixels(uint(data, box.body + 4, 4), uint(data, box.body + 8, 4))
        elif box.kind in _TELLING:
            items.blanks.append((base + box.body, base + box.end))
    associations: dict[int, list[int]] = {}
    for ipma in tables:
        associations |= _associations(data, ipma)
    if len(tables) > 1:
        items.repairs |= _joined(data, ipco, tables, base)
    for index in associations.get(primary, []):
        if not 0 < index <= len(known):
            continue
        box = known[index - 1]
        if box.kind == b"ispe":
            items.width, items.height = uint(data, box.body + 4, 4), uint(data, box.body + 8, 4)
        elif box.kind == b"irot":
            items.orientation = _ORIENTATIONS[uint(data, box.body, 1) & 3]


def _joined(data: bytes, ipco: Box, tables: list[Box], base: int) -> dict[int, bytes]:
    """Return patches that make the `ipma` boxes one, and what that leaves over a property that nobody knows.

    Two of one form are an error to half of the readers, and some writers make one for each item. None are made where
    the boxes are of several forms, or no neighbours.
    """
    forms = {data[box.body : box.body + 4] for box in tables}
    if len(forms) > 1 or any(one.end != other.start for one, other in pairwise([ipco, *tables])):
        return {}
    entries = b"".join(data[box.body + 8 : box.end] for box in tables)
    count = sum(uint(data, box.body + 4, 4) for box in tables)
    whole = struct.pack(">I4s4sI", 16 + len(entries), b"ipma", forms.pop(), count) + entries
    left = tables[-1].end - ipco.end - len(whole)
    if left < 8 or ipco.body - ipco.start != 8:
        return {}
    size = struct.pack(">I", ipco.end - ipco.start + left)
    return {base + ipco.start: size, base + ipco.end: struct.pack(">I4s", left, b"free").ljust(left, b"\0") + whole}


def _associations(data: bytes, ipma: Box) -> dict[int, list[int]]:
    version, is_wide = data[ipma.body], uint(data, ipma.body, 4) & 1
    count, position = uint(data, ipma.body + 4, 4), ipma.body + 8
    if count > _MAX_ITEMS:
        raise BadImage("the file has too many items")
    found: dict[int, list[int]] = {}
    for _ in range(count):
        width = 2 if version < 1 else 4
        number, many = uint(data, position, width), uint(data, position + width, 1)
        position += width + 1
        size, mask = (2, 0x7FFF) if is_wide else (1, 0x7F)
        found[number] = [uint(data, position + size * i, size) & mask for i in range(many)]
        position += size * many
    return found


def _locations(data: bytes, iloc: Box) -> dict[int, _Location]:
    version, sizes = data[iloc.body], uint(data, iloc.body + 4, 2)
    offset_size, length_size = sizes >> 12, sizes >> 8 & 15
    base_size, index_size = sizes >> 4 & 15, sizes & 15 if version else 0
    if version > 2 or any(size not in (0, 4, 8) for size in (offset_size, length_size, base_size, index_size)):
        raise BadImage("the file places its items in an unknown way")
    width = 2 if version < 2 else 4
    count, position = uint(data, iloc.body + 6, width), iloc.body + 6 + width
    if count > _MAX_ITEMS:
        raise BadImage("the file has too many items")
    found: dict[int, _Location] = {}
    for _ in range(count):
        number = uint(data, position, width)
        position += width
        method = 0
        if version:
            method = uint(data, position, 2) & 15
            position += 2
        position += 2  # data_reference_index: this file
        base = uint(data, position, base_size)
        many = uint(data, position + base_size, 2)
        position += base_size + 2
        extents = []
        for _ in range(many):
            offset = base + uint(data, position + index_size, offset_size)
            extents.append((offset, uint(data, position + index_size + offset_size, length_size)))
            position += index_size + offset_size + length_size
        if method > 1 or position > iloc.end:
            raise BadImage("the file places its items in an unknown way")
        found[number] = _Location(method == 1, extents)
    return found


def _place(location: _Location, is_metadata: bool, idat: Box | None, base: int, file_end: int, items: Items) -> None:
    """Note where an item's bytes are; raise BadImage if they are not in the file."""
    start, end = (0, file_end)
    if location.is_in_idat:
        if idat is None:
            raise BadImage("an item of the file lies in a box that is not there")
        start, end = base + idat.body, base + idat.end
    for offset, length in location.extents:
        first = start + offset
        last = first + length if length else end
        if first > end or last > end:
            raise BadImage("the file is cut off: one of its items lies behind its end")
        if is_metadata and location.is_in_idat:
            items.blanks.append((first, last))
        elif not is_metadata:
            items.used.append((first, last))
