"""JPEG, segment by segment. Source: ITU-T T.81 annex B (https://www.w3.org/Graphics/JPEG/itu-t81.pdf)."""

import re
import struct
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import BadImage, TooComplex
from . import exif
from .base import COPY_BYTES, Bounds, Container, copy_range, copy_sound, read_exactly
from .jpeg_tables import check_scan, check_table, header

_SOF = {0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA, 0xCB}  # all but the hierarchical ones, which no decoder takes
_TABLES = {0xC4, 0xCC, 0xDB, 0xDD}  # DHT, DAC, DQT, DRI
_SOI, _EOI, _SOS, _DNL, _COM = 0xD8, 0xD9, 0xDA, 0xDC, 0xFE
_MAX_SEGMENTS = 20_000  # 100 MB of metadata are 1,600

# A marker within entropy-coded data: 0xFF, then anything but a stuffed zero, a restart marker or one more 0xFF;
# and one between segments, where TEM (0x01) has no place either.
# No `\xff+`: over a long run of 0xFF that takes the square of its length.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_NEXT = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")


@dataclass(slots=True)
class JpegContainer(Container):
    """Also the JFIF header, which is written anew, where the SOF segment is, and the numbers of the components."""

    jfif: bytes = b""
    header: tuple[int, int] = (0, 0)
    components: frozenset[int] = frozenset()


def walk(file: BinaryIO, bounds: Bounds) -> JpegContainer:
    """Return the container of the first image in `file`; raise BadImage if it is broken anywhere.

    What stands behind its end (the second image of an MPO, a gain map, a Samsung trailer) is no part of it.
    """
    file.seek(0)
    if file.read(2) != b"\xff\xd8":
        raise BadImage("this is not a JPEG")
    container, scans, segments, position = JpegContainer("image/jpeg", 0, 0, 2), 0, 0, 2
    container.add(0, 2)
    while True:
        segments += 1
        if segments > _MAX_SEGMENTS:
            raise TooComplex(f"the JPEG has more than {_MAX_SEGMENTS:,} segments")
        marker, start, behind = _next_marker(file, position)
        if start > position:
            container.add(position, start, is_metadata=True)
            container.broken.append((position, start))
        position = behind
        if marker == _EOI:
            container.add(start, position)
            break
        length = struct.unpack(">H", read_exactly(file, 2, "a JPEG segment"))[0]
        if length < 2 or marker == _SOI:
            raise BadImage(f"the JPEG has a malformed segment at byte {start:,}")
        data = read_exactly(file, length - 2, "a JPEG segment")
        position += length
        is_metadata = _segment(marker, data, container, bounds, start, position)
        container.add(start, position, is_metadata=is_metadata)
        if marker == _SOS:
            check_scan(data, container.components)
            scans += 1
            bounds.check_scans(scans)
            end = _find(file, position, _MARKER)
            container.add(position, end)
            position = end
    if not scans:
        raise BadImage("the JPEG has no image data")
    container.end = position
    return container


def rewrite(source: BinaryIO, target: BinaryIO, container: Container, *, keep_metadata: bool) -> None:
    """Append the JPEG to `target`, without its metadata unless `keep_metadata`; orientation and profile stay."""
    if not isinstance(container, JpegContainer):
        raise TypeError("not the container of a JPEG")
    if keep_metadata:
        copy_sound(source, target, container)
        return
    target.write(b"\xff\xd8" + container.jfif)
    if container.orientation != 1:
        body = b"Exif\0\0" + exif.minimal(container.orientation)
        target.write(b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body)
    for part in container.ranges:
        if not part.is_metadata and part.end > 2:
            copy_range(source, target, max(part.start, 2), part.end)


def head(file: BinaryIO, container: Container) -> bytes:
    """Return the least that another reader needs to know the picture's kind and size."""
    if not isinstance(container, JpegContainer):
        raise TypeError("not the container of a JPEG")
    start, end = container.header
    file.seek(start)
    return b"\xff\xd8" + read_exactly(file, end - start, "the header") + b"\xff\xda\0\2"


def _next_marker(file: BinaryIO, position: int) -> tuple[int, int, int]:
    """Return the next marker, where its 0xFF is, and where it ends.

    What stands before it are fill bytes, or belongs to nothing: decoders pass over it.
    """
    file.seek(position)
    head = file.read(2)
    start = position if _NEXT.fullmatch(head) else _find(file, position, _NEXT)
    file.seek(start)
    return read_exactly(file, 2, "a JPEG marker")[1], start, start + 2


def _segment(marker: int, data: bytes, container: JpegContainer, bounds: Bounds, start: int, end: int) -> bool:
    """Take what a segment says; return whether it is metadata."""
    if marker in _SOF:
        if container.width:
            raise BadImage("the JPEG has more than one header")
        container.width, container.height, container.components = header(data)
        bounds.check_pixels(container.width, container.height)
        container.header = start, end
        return False
    if marker in _TABLES or marker == _SOS:
        check_table(marker, data)
        return False
    if marker == 0xE0 and data[:5] == b"JFIF\0" and len(data) >= 14:
        if not container.jfif:  # without its thumbnail
            container.jfif = b"\xff\xe0\0\x10" + data[:12] + b"\0\0"
        return True
    if marker == 0xE1 and data[:6] == b"Exif\0\0" and container.orientation == 1:
        container.orientation = exif.orientation(data[6:])
    if marker == 0xE2 and data[:4] == b"MPF\0":
        container.broken.append((start, end))  # it points at the images behind the end
    if marker == 0xE2 and data[:12] == b"ICC_PROFILE\0":
        return False
    if marker == 0xEE and data[:5] == b"Adobe":
        return False
    if marker in (_COM, _DNL) or 0xE0 <= marker <= 0xEF:  # the header has told the height; decoders skip DNL
        return True
    raise BadImage(f"the JPEG has a segment of an unknown kind (0x{marker:02x})")


def _find(file: BinaryIO, position: int, marker: re.Pattern[bytes]) -> int:
    """Return where, from `position` on, the next such marker is."""
    file.seek(position)
    tail, step = b"", 512
    while True:
        block, step = file.read(step), min(4 * step, COPY_BYTES)
        if not block:
            raise BadImage("the JPEG is cut off: it has no end marker")
        data = tail + block
        if found := marker.search(data):
            return position - len(tail) + found.start()
        position += len(block)
        tail = b"\xff" if data.endswith(b"\xff") else b""
