"""WebP, chunk by chunk. Source: RFC 9649."""

import struct
from dataclasses import dataclass, field
from typing import BinaryIO

from ..errors import BadImage
from . import exif
from .base import Bounds, Container, copy_range, read_exactly

_PICTURE = (b"VP8 ", b"VP8L")
_KEPT = (b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", *_PICTURE)
_IN_FRAME = (b"ALPH", *_PICTURE)
_ANIMATION, _XMP, _EXIF = 0x02, 0x04, 0x08
_MAX_EXIF_BYTES = 64 * 1024


@dataclass(slots=True)
class WebpContainer(Container):
    """Also the chunks of the file, each as (name, first byte, byte behind it), and those of a frame in its stead."""

    chunks: list[tuple[bytes, int, int]] = field(default_factory=list)
    flags: int | None = None  # of VP8X
    is_dirty: set[int] = field(default_factory=set)  # frames (by their first byte) with foreign chunks in them


def walk(file: BinaryIO, bounds: Bounds) -> WebpContainer:
    """Return the container of the WebP in `file`, still or animated; raise BadImage if it is broken anywhere."""
    file.seek(0)
    head = file.read(12)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WEBP":
        raise BadImage("this is not a WebP")
    end = 8 + struct.unpack_from("<I", head, 4)[0]
    container = WebpContainer("image/webp", 0, 0, end, frames=0)
    container.add(0, 12)
    position, pictures = 12, 0
    while position < end:
        name, start, after, length = _chunk(file, position, end)
        if position == 12 and name not in (b"VP8X", *_PICTURE):
            raise BadImage("the WebP does not begin with a picture")
        if name == b"VP8X":
            _extended(file, length, container, bounds, is_first=position == 12)
        elif name == b"ANMF":
            _frame(file, start, length, container, bounds)
        elif name in _PICTURE:
            pictures += 1
            _picture(file, name, length, container, bounds)
        elif name == b"EXIF":
            container.orientation = _orientation(read_exactly(file, min(length, _MAX_EXIF_BYTES), "the EXIF"))
        container.chunks.append((name, position, after))
        container.add(position, after, is_metadata=name not in _KEPT)
        position = after
        file.seek(position)
    if position != end or container.frames + pictures == 0 or (container.frames and pictures) or pictures > 1:
        raise BadImage("the WebP's chunks do not make a picture")
    if bool(container.frames) != bool((container.flags or 0) & _ANIMATION):
        raise BadImage("the WebP says it is animated and is not, or is and does not say so")
    container.frames = container.frames or 1
    return container


def rewrite(source: BinaryIO, target: BinaryIO, container: Container, *, keep_metadata: bool) -> None:
    """Append the WebP to `target`, without its metadata unless `keep_metadata`; the orientation stays."""
    if not isinstance(container, WebpContainer):
        raise TypeError("not the container of a WebP")
    if keep_metadata:
        copy_range(source, target, 0, container.end)
        return
    note = b""
    if container.orientation != 1 and container.flags is not None:
        body = exif.minimal(container.orientation)
        note = b"EXIF" + struct.pack("<I", len(body)) + body
    kept = [chunk for chunk in container.chunks if chunk[0] in _KEPT]
    frames = {start: _frame_parts(source, start, end) for _, start, end in kept if start in container.is_dirty}
    size = 4 + len(note) + sum(_size(frames[start]) if start in frames else end - start for _, start, end in kept)
    target.write(b"RIFF" + struct.pack("<I", size) + b"WEBP")
    for name, start, end in kept:
        if name == b"VP8X":
            flags = (container.flags or 0) & ~(_XMP | _EXIF) | (_EXIF if note else 0)
            target.write(b"VP8X" + struct.pack("<IB", 10, flags))
            copy_range(source, target, start + 9, end)
        elif start in frames:
            target.write(b"ANMF" + struct.pack("<I", _size(frames[start]) - 8))
            for part_start, part_end in frames[start]:
                copy_range(source, target, part_start, part_end)
        else:
            copy_range(source, target, start, end)
    target.write(note)


def _chunk(file: BinaryIO, position: int, end: int) -> tuple[bytes, int, int, int]:
    """Read a chunk's head; return its name, where its data begins, where it ends with its padding, its length."""
    if position + 8 > end:
        raise BadImage("the WebP is cut off within a chunk")
    name, length = struct.unpack("<4sI", read_exactly(file, 8, "a WebP chunk"))
    after = position + 8 + length + (length & 1)
    if after > end:
        raise BadImage(f"a chunk of the WebP is larger than the file: {length:,} bytes")
    # The last byte has to be there; whoever needs the data reads it.
    file.seek(after - 1)
    read_exactly(file, 1, "a WebP chunk")
    file.seek(position + 8)
    return name, position + 8, after, length


def _extended(file: BinaryIO, length: int, container: WebpContainer, bounds: Bounds, *, is_first: bool) -> None:
    if not is_first or length != 10:
        raise BadImage("the WebP's extended header makes no sense")
    data = read_exactly(file, 10, "the WebP's header")
    container.flags = data[0]
    container.width = 1 + int.from_bytes(data[4:7], "little")
    container.height = 1 + int.from_bytes(data[7:10], "little")
    bounds.check_pixels(container.width, container.height)


def _picture(file: BinaryIO, name: bytes, length: int, container: WebpContainer, bounds: Bounds) -> None:
    width, height = _coded_size(file, name, length)
    if container.flags is None:
        bounds.check_pixels(width, height)
        container.width, container.height = width, height
    elif (width, height) != (container.width, container.height):
        raise BadImage("the WebP's picture has another size than its header says")


def _coded_size(file: BinaryIO, name: bytes, length: int) -> tuple[int, int]:
    """Return the size in the head of a VP8 (RFC 6386, 9.1) or VP8L picture."""
    head = read_exactly(file, min(length, 10), "the WebP's picture")
    if name == b"VP8 " and length >= 10 and head[3:6] == b"\x9d\x01\x2a" and not head[0] & 1:
        width, height = struct.unpack_from("<HH", head, 6)
        size = width & 0x3FFF, height & 0x3FFF
        if all(size):
            return size
    elif name == b"VP8L" and length >= 5 and head[0] == 0x2F and head[4] >> 5 == 0:
        bits = int.from_bytes(head[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    raise BadImage("the WebP's picture has a malformed head")


def _frame(file: BinaryIO, start: int, length: int, container: WebpContainer, bounds: Bounds) -> None:
    """Pass over one frame of an animation and the chunks in it."""
    container.frames += 1
    if container.flags is None or length < 16 + 8:
        raise BadImage("a frame of the WebP is malformed")
    bounds.check_frames(container.frames, container.width, container.height)
    head = read_exactly(file, 16, "a WebP frame")
    x, y = (2 * int.from_bytes(head[i : i + 3], "little") for i in (0, 3))
    width, height = (1 + int.from_bytes(head[i : i + 3], "little") for i in (6, 9))
    if x + width > container.width or y + height > container.height:
        raise BadImage("a frame of the WebP lies outside of the picture")
    position, end, pictures = start + 16, start + length, 0
    while position < end:
        name, _, after, size = _chunk(file, position, end + (length & 1))
        if name in _PICTURE:
            pictures += 1
            if _coded_size(file, name, size) != (width, height):
                raise BadImage("a frame of the WebP has another size than its head says")
        elif name not in _IN_FRAME:
            container.is_dirty.add(start - 8)
        position = after
        file.seek(position)
    if pictures != 1:
        raise BadImage("a frame of the WebP has no picture in it")


def _frame_parts(file: BinaryIO, start: int, end: int) -> list[tuple[int, int]]:
    """Return what is kept of a frame with foreign chunks in it: its head, then the chunks of the picture."""
    parts, position = [(start + 8, start + 24)], start + 24
    while position + 8 <= end:
        file.seek(position)
        name, _, after, _ = _chunk(file, position, end)
        if name in _IN_FRAME:
            parts.append((position, after))
        position = after
    return parts


def _size(parts: list[tuple[int, int]]) -> int:
    return 8 + sum(end - start for start, end in parts)


def _orientation(data: bytes) -> int:
    return exif.orientation(data.removeprefix(b"Exif\0\0"))
