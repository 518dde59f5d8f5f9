"""PNG and APNG, chunk by chunk. Source: https://www.w3.org/TR/png-3/"""

import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import BadImage
from . import exif
from .base import COPY_BYTES, Bounds, Container, copy_range, copy_sound, read_exactly

SIGNATURE = b"\x89PNG\r\n\x1a\n"

# What says how the picture looks. Every other ancillary chunk says something else, and goes.
_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD pHYs sPLT hIST acTL fcTL fdAT".split()
)
_ANIMATION = (b"acTL", b"fcTL", b"fdAT")
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_MAX_INFLATION = 1032  # bytes out of one: RFC 1951 codes at most 258 bytes in two bits
_MAX_EXIF_BYTES = 64 * 1024  # orientation stands at the front


@dataclass(slots=True)
class _Seen:
    """What the chunks so far have said."""

    has_palette: bool = False
    data: int = 0  # 0: no IDAT yet, 1: in them, 2: behind them
    data_bytes: int = 0  # of all IDAT
    raw_bytes: int = 0  # at least as many as the IDAT are inflated to
    announced: int | None = None  # frames of the animation, as acTL says
    frames: int = 0
    awaits_data: bool = False  # a frame's header was there, its data was not
    sequence: int = 0
    color_type: int = 0


def walk(file: BinaryIO, bounds: Bounds) -> Container:
    """Return the container of the PNG or APNG in `file`; raise BadImage if it is broken anywhere."""
    file.seek(0)
    if file.read(8) != SIGNATURE:
        raise BadImage("this is not a PNG")
    container, seen, position, parts = Container("image/png", 0, 0, 8), _Seen(), 8, 0
    container.add(0, 8)
    while True:
        parts += 1
        bounds.check_parts(parts)
        length, kind = struct.unpack(">I4s", read_exactly(file, 8, "a PNG chunk"))
        if length > 0x7FFFFFFF or not kind.isalpha():
            raise BadImage(f"the PNG has a malformed chunk at byte {position:,}")
        head, is_sound = _read_chunk(file, kind, length)
        end = position + 12 + length
        if not is_sound:
            _break(kind, position, end, container)
        elif position == 8:
            _header(head, kind, length, container, seen, bounds)
        else:
            _chunk(head, kind, length, container, seen, bounds)
        container.add(position, end, is_metadata=kind not in _KEPT or not is_sound)
        position = end
        if kind == b"IEND":
            break
    if seen.data_bytes * _MAX_INFLATION < seen.raw_bytes:
        raise BadImage("the PNG has no image data, or too little for its size")
    if seen.awaits_data or (seen.announced or 0) != seen.frames or seen.announced == 0:
        raise BadImage("the PNG has more or fewer frames than it says")
    container.end, container.frames = position, max(1, seen.frames)
    return container


def rewrite(source: BinaryIO, target: BinaryIO, container: Container, *, keep_metadata: bool) -> None:
    """Append the PNG to `target`, without its metadata unless `keep_metadata`; the orientation stays."""
    if keep_metadata:
        copy_sound(source, target, container)
        return
    header_end = 8 + 12 + 13
    copy_range(source, target, 0, header_end)
    if container.orientation != 1:
        body = b"eXIf" + exif.minimal(container.orientation)
        target.write(struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)))
    for part in container.ranges:
        if not part.is_metadata and part.end > header_end:
            copy_range(source, target, max(part.start, header_end), part.end)


def head(file: BinaryIO, container: Container) -> bytes:
    """Return the least that another reader needs to know the picture's kind and size."""
    file.seek(0)
    return file.read(8 + 12 + 13) + struct.pack(">I4sI", 0, b"IDAT", zlib.crc32(b"IDAT"))


def _read_chunk(file: BinaryIO, kind: bytes, length: int) -> tuple[bytes, bool]:
    """Read a chunk's data, and return the data's beginning, and whether its CRC is right."""
    crc, left, head = zlib.crc32(kind), length, b""
    most = _MAX_EXIF_BYTES if kind == b"eXIf" else 32
    while left:
        data = read_exactly(file, min(left, COPY_BYTES), "a PNG chunk")
        crc = zlib.crc32(data, crc)
        left -= len(data)
        if len(head) < most:
            head += data[: most - len(head)]
    return head, read_exactly(file, 4, "a PNG chunk") == struct.pack(">I", crc)


def _break(kind: bytes, start: int, end: int, container: Container) -> None:
    """Leave out a chunk whose checksum is wrong, as decoders do (W3C PNG 3, 13.2); raise BadImage if it is needed."""
    if kind[:1].isupper() or kind in _ANIMATION or not container.width:
        raise BadImage(f"the PNG's chunk {kind.decode()} is damaged: its checksum is wrong")
    container.broken.append((start, end))


def _header(head: bytes, kind: bytes, length: int, container: Container, seen: _Seen, bounds: Bounds) -> None:
    if kind != b"IHDR" or length != 13:
        raise BadImage("the PNG does not begin with its header")
    width, height, depth, color_type, compression, filtering, interlace = struct.unpack(">IIBBBBB", head)
    is_known = depth in _DEPTHS.get(color_type, ()) and compression == filtering == 0 and interlace in (0, 1)
    if not 0 < width <= 0x7FFFFFFF or not 0 < height <= 0x7FFFFFFF or not is_known:
        raise BadImage("the PNG's header makes no sense")
    bounds.check_pixels(width, height)
    container.width, container.height, seen.color_type = width, height, color_type
    seen.raw_bytes = height * (1 + (width * _CHANNELS[color_type] * depth + 7) // 8)


def _chunk(  # noqa: PLR0912 one case for each kind of chunk
    head: bytes, kind: bytes, length: int, container: Container, seen: _Seen, bounds: Bounds
) -> None:
    if seen.data == 1 and kind != b"IDAT":
        seen.data = 2
    match kind:
        case b"IHDR":
            raise BadImage("the PNG has two headers")
        case b"PLTE":
            if seen.has_palette or seen.data or length % 3 or not 3 <= length <= 768:
                raise BadImage("the PNG's palette makes no sense")
            seen.has_palette = True
        case b"IDAT":
            if seen.data == 2 or (seen.color_type == 3 and not seen.has_palette):
                raise BadImage("the PNG's image data is not where it belongs")
            if seen.data_bytes == 0 and length and not _is_zlib(head[:length]):
                raise BadImage("the PNG's image data is not compressed as it should be")
            seen.data, seen.awaits_data = 1, False
            seen.data_bytes += length
        case b"IEND":
            if length:
                raise BadImage("the PNG's end is malformed")
        case b"acTL":
            if length != 8 or seen.data or seen.announced is not None:
                raise BadImage("the PNG's animation makes no sense")
            seen.announced = struct.unpack_from(">I", head)[0]
        case b"fcTL":
            _frame(head, length, container, seen, bounds)
        case b"fdAT":
            if length < 4 or not seen.data or not seen.frames or head[:4] != struct.pack(">I", seen.sequence):
                raise BadImage("the PNG's animation is out of order")
            seen.sequence, seen.awaits_data = seen.sequence + 1, False
        case b"eXIf":
            container.orientation = exif.orientation(head)
        case _ if kind[:1].isupper():
            raise BadImage(f"the PNG has an unknown critical chunk {kind.decode()}")


def _is_zlib(start: bytes) -> bool:
    """Whether a stream that starts so (with a byte, at least) is deflated, without a dictionary (RFC 1950, 2.2)."""
    if start[0] & 0x8F != 8:
        return False
    return len(start) == 1 or (not start[1] & 0x20 and (start[0] * 256 + start[1]) % 31 == 0)


def _frame(head: bytes, length: int, container: Container, seen: _Seen, bounds: Bounds) -> None:
    if length != 26 or seen.announced is None:
        raise BadImage("the PNG's animation makes no sense")
    sequence, width, height, x, y = struct.unpack_from(">IIIII", head)
    if sequence != seen.sequence or seen.awaits_data:
        raise BadImage("the PNG's animation is out of order")
    if not width or not height or x + width > container.width or y + height > container.height:
        raise BadImage("a frame of the PNG lies outside of the picture")
    if not seen.data and (x, y, width, height) != (0, 0, container.width, container.height):
        raise BadImage("the first frame of the PNG is not all of the picture")
    seen.awaits_data = True
    seen.sequence += 1
    seen.frames += 1
    bounds.check_frames(seen.frames, container.width, container.height)
