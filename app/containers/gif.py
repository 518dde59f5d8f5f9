"""GIF, block by block. Source: https://www.w3.org/Graphics/GIF/spec-gif89a.txt"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import BadImage
from .base import COPY_BYTES, Bounds, Container, copy_range, read_exactly

_KEPT_APPLICATIONS = (b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012")  # loops and the colour profile
_APPLICATION, _CONTROL = 0xFF, 0xF9


@dataclass(slots=True)
class GifContainer(Container):
    """Also where the first frame is, and how many blocks and sub-blocks there are."""

    first_frame: int = 0
    parts: int = 0


def walk(file: BinaryIO, bounds: Bounds) -> GifContainer:
    """Return the container of the GIF in `file`; raise BadImage if it is broken anywhere."""
    file.seek(0)
    if file.read(6) not in (b"GIF87a", b"GIF89a"):
        raise BadImage("this is not a GIF")
    width, height, flags = struct.unpack("<HHBxx", read_exactly(file, 7, "the GIF's header"))
    _skip_palette(file, flags)
    container = GifContainer("image/gif", width, height, 0, frames=0)
    container.add(0, file.tell())
    extent = (width, height)
    while True:
        start = file.tell()
        introducer = read_exactly(file, 1, "the GIF, before its end marker")
        if introducer == b";":
            break
        if introducer == b",":
            container.first_frame = container.first_frame or start
            extent = _frame(file, container, bounds, extent)
            is_metadata = False
        elif introducer == b"!":
            is_metadata = _extension(file, container, bounds)
        else:
            raise BadImage(f"the GIF has an unknown block at byte {start:,}")
        container.add(start, file.tell(), is_metadata=is_metadata)
    if not container.frames:
        raise BadImage("the GIF has no picture in it")
    container.end = file.tell()
    container.add(container.end - 1, container.end)
    return container


def rewrite(source: BinaryIO, target: BinaryIO, container: Container, *, keep_metadata: bool) -> None:
    """Append the GIF to `target`, without comments and foreign extensions unless `keep_metadata`."""
    for part in container.ranges:
        if keep_metadata or not part.is_metadata:
            copy_range(source, target, part.start, part.end)


def head(file: BinaryIO, container: Container) -> bytes:
    """Return the least that another reader needs to know the picture's kind and size."""
    if not isinstance(container, GifContainer):
        raise TypeError("not the container of a GIF")
    file.seek(0)
    screen = read_exactly(file, 10, "the GIF's header")
    file.seek(container.first_frame)
    frame = read_exactly(file, 9, "a GIF frame")
    return screen + b"\0\0\0" + frame + b"\0\2\1\0\0;"


def _frame(file: BinaryIO, container: GifContainer, bounds: Bounds, extent: tuple[int, int]) -> tuple[int, int]:
    """Pass over one frame; return the size of the canvas, which frames may enlarge (the first one: the picture)."""
    left, top, width, height, flags = struct.unpack("<HHHHB", read_exactly(file, 9, "a GIF frame"))
    if not width or not height:
        raise BadImage("a frame of the GIF has no pixels")
    extent = max(extent[0], left + width), max(extent[1], top + height)
    container.frames += 1
    bounds.check_pixels(*extent)
    bounds.check_frames(container.frames, *extent)
    if container.frames == 1:
        container.width, container.height = extent
    _skip_palette(file, flags)
    if not 1 <= read_exactly(file, 1, "a GIF frame")[0] <= 11:
        raise BadImage("a frame of the GIF is coded in no known way")
    if not _skip_blocks(file, container, bounds):
        raise BadImage("a frame of the GIF has no data")
    return extent


def _extension(file: BinaryIO, container: GifContainer, bounds: Bounds) -> bool:
    """Pass over an extension; return whether it is metadata."""
    label = read_exactly(file, 1, "a GIF extension")[0]
    if label != _APPLICATION:
        _skip_blocks(file, container, bounds)
        return label != _CONTROL
    size = read_exactly(file, 1, "a GIF extension")[0]
    name = read_exactly(file, size, "a GIF extension")
    if size:
        _skip_blocks(file, container, bounds)
    return name not in _KEPT_APPLICATIONS


def _skip_palette(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        read_exactly(file, 3 << (flags & 7) + 1, "a GIF palette")


def _skip_blocks(file: BinaryIO, container: GifContainer, bounds: Bounds) -> bool:
    """Pass over sub-blocks to their terminator; return whether there were any.

    They are read many at a time: an honest GIF has hundreds of thousands of them.
    """
    start = position = file.tell()
    size, step = 1, 512
    while size:
        file.seek(position)
        data, step = file.read(step), min(4 * step, COPY_BYTES)
        if not data:
            raise BadImage("the image is cut off: it ends inside a GIF block")
        offset = 0
        while size and offset < len(data):
            size = data[offset]
            offset += 1 + size
            container.parts += 1
        bounds.check_parts(container.parts)
        position += offset
    file.seek(position)
    return position > start + 1
