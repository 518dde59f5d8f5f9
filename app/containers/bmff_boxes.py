"""Boxes: what AVIF, HEIC and MP4 are made of. Source: ISO/IEC 14496-12, 4.2."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import BadImage

# Names that writers of these files give to every item and handler; any other is free text and may tell something.
COMMON_NAMES = {b"", b"Color", b"Alpha", b"libavif", b"PictureHandler", b"pict", b"auxv", b"GPAC pict Handler"}

MOST = 10_000  # boxes in one box


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its four letters, its first byte, where its contents begin, the byte behind it."""

    kind: bytes
    start: int
    body: int
    end: int


def uint(data: bytes, position: int, size: int) -> int:
    """Return the unsigned big-endian number of `size` bytes at `position`; raise BadImage if it is not all there."""
    if position < 0 or position + size > len(data):
        raise BadImage("a box of the file is cut off")
    return int.from_bytes(data[position : position + size], "big")


def read_head(file: BinaryIO, position: int, size: int) -> Box:
    """Return the box that begins at `position` of a file of `size` bytes.

    One that cannot be, because it is cut off or shorter than its own head, ends behind the file.
    """
    file.seek(position)
    head = file.read(16)
    length, body = int.from_bytes(head[:4], "big"), position + 8
    if length == 1:
        length, body = int.from_bytes(head[8:16], "big") if len(head) == 16 else 0, position + 16
    elif length == 0:
        length = size - position
    is_whole = len(head) >= 8 and length >= body - position
    return Box(head[4:8], position, body, position + length if is_whole else size + 1)


def boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes between `start` and `end` of `data`; raise BadImage if they do not fill it."""
    position = start
    for _ in range(MOST):
        if position == end:
            return
        length, kind, body = uint(data, position, 4), data[position + 4 : position + 8], position + 8
        if length == 1:
            length, body = uint(data, body, 8), position + 16
        elif length == 0:
            length = end - position
        if body > end or length < body - position or position + length > end:
            raise BadImage("a box of the file is larger than the box around it")
        yield Box(kind, position, body, position + length)
        position += length
    raise BadImage("a box of the file has too many boxes in it")


def child(data: bytes, parent: Box, kind: bytes, skip: int = 0) -> Box | None:
    """Return the first box of this kind in `parent`, whose own fields take `skip` bytes."""
    return next((box for box in boxes(data, parent.body + skip, parent.end) if box.kind == kind), None)


def is_common_name(data: bytes, start: int, end: int) -> bool:
    """Whether the bytes there are one of the names that say nothing, with or without their zero."""
    return data[start:end].rstrip(b"\0") in COMMON_NAMES
