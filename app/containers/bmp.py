"""BMP, as far as it is needed before it is converted: its size, and whether all of it is there.

Source: https://learn.microsoft.com/windows/win32/gdi/bitmap-storage
"""

import struct
from typing import BinaryIO

from ..errors import BadImage
from .base import Bounds, Container, copy_range, read_exactly

_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
_DEPTHS = (1, 2, 4, 8, 16, 24, 32)
_RGB, _RLE8, _RLE4, _BITFIELDS, _ALPHA_BITFIELDS = 0, 1, 2, 3, 6


def walk(file: BinaryIO, bounds: Bounds) -> Container:
    """Return the container of the BMP in `file`; raise BadImage if it is broken."""
    file.seek(0, 2)
    end = file.tell()
    file.seek(0)
    head = read_exactly(file, 18, "the BMP's header")
    offset, size = struct.unpack_from("<II", head, 10)
    if head[:2] != b"BM" or size not in _HEADERS:
        raise BadImage("this is not a BMP")
    rest = read_exactly(file, size - 4, "the BMP's header")
    compression = _RGB
    if size == 12:
        width, height, _, depth = struct.unpack_from("<HHHH", rest)
    else:
        width, height, _, depth = struct.unpack_from("<iiHH", rest)
        if size >= 20:
            (compression,) = struct.unpack_from("<I", rest, 12)
    height = abs(height)
    if width <= 0 or not height or depth not in _DEPTHS:
        raise BadImage("the BMP's header makes no sense")
    if compression not in (_RGB, _RLE8, _RLE4, _BITFIELDS, _ALPHA_BITFIELDS):
        raise BadImage("the BMP is compressed in a way that is not taken")
    bounds.check_pixels(width, height)
    needed = (width * depth + 31) // 32 * 4 * height if compression in (_RGB, _BITFIELDS, _ALPHA_BITFIELDS) else 1
    if offset < 14 + size or offset + needed > end:
        raise BadImage("the BMP is cut off: its pixels lie behind its end")
    container = Container("image/bmp", width, height, end)
    container.add(0, end)
    return container


def rewrite(source: BinaryIO, target: BinaryIO, container: Container, *, keep_metadata: bool) -> None:
    """Append the BMP to `target` as it is: it is stored only after it was converted."""
    copy_range(source, target, 0, container.end)
