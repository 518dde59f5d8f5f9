"""Elements of EBML, which WebM is made of. Source: RFC 8794."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import BadImage
from .base import Bounds
from .inplace import InPlace

VOID = 0xEC
_HEAD_BYTES = 12  # an id of at most four bytes, a size of at most eight


@dataclass(frozen=True, slots=True)
class Element:
    """An element: its id, its first byte, where its contents begin, the byte behind it; None if it does not say so."""

    id: int
    start: int
    body: int
    end: int | None


class Elements:
    """The elements of a file of `size` bytes. Every one that is read is counted; TooComplex is raised at too many."""

    def __init__(self, file: BinaryIO, bounds: Bounds) -> None:
        self._file, self._bounds, self._count = file, bounds, 0
        self.size = file.seek(0, 2)

    def id_at(self, position: int) -> int:
        """Return the id of the element at `position`; 0 for none."""
        head = self.bytes_at(position, 4)
        length = _length(head[0]) if head else 0
        return int.from_bytes(head[:length], "big") if 0 < length <= len(head) else 0

    def read(self, position: int, limit: int) -> Element:
        """Return the element at `position`; raise BadImage if it is none, or if it ends behind `limit`."""
        self._count += 1
        self._bounds.check_samples(self._count)
        head = self.bytes_at(position, _HEAD_BYTES)
        id_length = _length(head[0]) if head else 0
        if not 0 < id_length <= 4 or id_length >= len(head):
            raise BadImage("the file is cut off, or there is something in it that is no element")
        size_length = _length(head[id_length])
        body = id_length + size_length
        if not size_length or body > len(head):
            raise BadImage("the file is cut off, or one of its elements has no size")
        mask = (1 << 7 * size_length) - 1
        size = int.from_bytes(head[id_length:body], "big") & mask
        end = None if size == mask else position + body + size
        if position + body > limit or (end is not None and end > limit):
            raise BadImage("the file is cut off, or one of its elements is larger than what is around it")
        return Element(int.from_bytes(head[:id_length], "big"), position, position + body, end)

    def children(self, parent: Element) -> Iterator[Element]:
        """Yield the elements in one; raise BadImage if it, or one of them, does not say where it ends."""
        position = parent.body
        if parent.end is None:
            raise BadImage("an element of the file does not say where it ends")
        while position < parent.end:
            child = self.read(position, parent.end)
            if child.end is None:
                raise BadImage("an element of the file does not say where it ends")
            yield child
            position = child.end

    def contents(self, element: Element, most: int = 4096) -> bytes:
        """Return the bytes of an element; raise BadImage if it has more than `most`."""
        if element.end is None or element.end - element.body > most:
            raise BadImage(f"an element of the file has more than {most:,} bytes")
        return self.bytes_at(element.body, element.end - element.body)

    def number(self, element: Element) -> int:
        """Return the unsigned number in an element."""
        return int.from_bytes(self.contents(element, 8), "big")

    def bytes_at(self, position: int, count: int) -> bytes:
        """Return up to `count` bytes of the file."""
        self._file.seek(position)
        return self._file.read(count)


def vint(data: bytes) -> tuple[int, int]:
    """Return the number of variable length at the front of `data`, and how many bytes it has; 0 bytes for none.

    >>> vint(b"\\x81"), vint(b"\\x40\\x02"), vint(b"\\0")
    ((1, 1), (2, 2), (0, 0))
    """
    length = _length(data[0]) if data else 0
    if not 0 < length <= len(data):
        return 0, 0
    return int.from_bytes(data[:length], "big") & (1 << 7 * length) - 1, length


def void(container: InPlace, element: Element) -> None:
    """Put an element of zeros that no reader looks into in the place of one that says where it ends."""
    if element.end is None:
        raise BadImage("an element of the file does not say where it ends")
    total = element.end - element.start
    head = bytes([VOID, 0x80 | total - 2]) if total < 9 else bytes([VOID, 1]) + (total - 9).to_bytes(7, "big")
    container.patch(element.start, head)
    container.blank(element.start + len(head), element.end)


def _length(first: int) -> int:
    """Return how many bytes a number or an id has that begins with the byte `first`; 0 for none.

    >>> _length(0x81), _length(0x1A), _length(0)
    (1, 4, 0)
    """
    return 9 - first.bit_length() if first else 0
