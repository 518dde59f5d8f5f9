"""Containers whose offsets have to stay true: what has to go becomes other bytes, or zeros, of the same length."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

from ..errors import BadImage, TooComplex
from .base import COPY_BYTES, Container, copy_range

_MAX_EDITS = 100_000  # they take 20 MB of memory; a camera's track of places is in a few thousand chunks

Span = tuple[int, int]


@dataclass(slots=True)
class InPlace(Container):
    """Also what `rewrite` changes: bytes that become others (`patches`, by position), and stretches that become zeros
    (`blanks`, start and end). Where they overlap the one that begins first wins. `repairs` are patches that are made
    even if metadata is kept."""

    patches: dict[int, bytes] = field(default_factory=dict)
    blanks: list[Span] = field(default_factory=list)
    repairs: dict[int, bytes] = field(default_factory=dict)

    def blank(self, start: int, end: int) -> None:
        """Let zeros stand from `start` to `end`; raise TooComplex at too many such places."""
        self._count()
        if end > start:
            self.blanks.append((start, end))

    def patch(self, position: int, data: bytes) -> None:
        """Let `data` stand at `position`; raise TooComplex at too many such places."""
        self._count()
        self.patches[position] = data

    def _count(self) -> None:
        if len(self.blanks) + len(self.patches) >= _MAX_EDITS:
            raise TooComplex(f"what is to be removed is in more than {_MAX_EDITS // 2:,} places")


def rewrite(source: BinaryIO, target: BinaryIO, container: Container, *, keep_metadata: bool) -> None:
    """Append the file to `target`, its metadata turned into zeros of the same length unless `keep_metadata`.

    Every offset within the file so stays true, and no byte of the picture moves.
    """
    if not isinstance(container, InPlace):
        raise TypeError("not the container of a format that is changed in place")
    patches = container.repairs | ({} if keep_metadata else container.patches)
    edits = [(start, end, None) for start, end in ([] if keep_metadata else container.blanks)]
    edits += [(start, start + len(data), data) for start, data in patches.items()]
    position = 0
    for start, end, data in sorted(edits, key=lambda edit: (edit[0], edit[1])):
        if start < position:  # inside a stretch that is zeros already
            start, data = position, None  # noqa: PLW2901
        if end <= start:
            continue
        copy_range(source, target, position, start)
        if data is None:
            _zeros(target, end - start)
        else:
            target.write(data)
        position = end
    copy_range(source, target, position, container.end)


def gaps(whole: Iterable[Span], used: Iterable[Span]) -> list[Span]:
    """Return what of `whole`, spans that do not overlap, none of the spans `used` has.

    >>> gaps([(0, 10), (20, 30)], [(4, 6), (2, 5), (8, 22)])
    [(0, 2), (6, 8), (22, 30)]
    """
    found, parts = [], merged(used)
    starts = [start for start, _ in parts]
    for begin, end in whole:
        position, at = begin, max(0, bisect_right(starts, begin) - 1)
        while at < len(parts) and starts[at] < end:
            if starts[at] > position:
                found.append((position, starts[at]))
            position = max(position, parts[at][1])
            at += 1
        if position < end:
            found.append((position, end))
    return found


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, those that touch or overlap joined.

    >>> merged([(4, 6), (0, 2), (2, 3), (5, 9)])
    [(0, 3), (4, 9)]
    """
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def check_inside(whole: Iterable[Span], used: Iterable[Span]) -> None:
    """Raise BadImage if one of the spans `used` is not inside one of `whole`."""
    rooms = sorted(whole)
    starts = [start for start, _ in rooms]
    for start, end in used:
        at = bisect_right(starts, start) - 1
        if at < 0 or end > rooms[at][1]:
            raise BadImage("the file is cut off: what it shows lies behind its end, or where no data is")


def _zeros(target: BinaryIO, count: int) -> None:
    while count:
        step = min(count, COPY_BYTES)
        target.write(bytes(step))
        count -= step
