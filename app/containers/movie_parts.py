"""What is known of a movie while its boxes are read, and how what has to go is taken out of them."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import BadImage
from .base import Bounds
from .bmff_boxes import MOST, Box, boxes, uint
from .inplace import InPlace, Span

_MANY = {b"sgpd", b"sbgp", b"colr"}  # boxes of which a box may have several


@dataclass(slots=True)
class Track:
    """One track. `sizes` and `ticks` are those of a fragment's samples that say nothing else."""

    number: int
    is_kept: bool
    is_picture: bool = False
    timescale: int = 1
    total_ticks: int = 0
    size: int = 0
    ticks: int = 0

    @property
    def duration_s(self) -> float:
        """How long it lasts, as far as it is read."""
        return self.total_ticks / self.timescale


@dataclass(slots=True)
class Movie:
    """A movie: where the bytes of the tracks lie that stay (`used`), and how many samples all of them have."""

    container: InPlace
    bounds: Bounds
    tracks: dict[int, Track] = field(default_factory=dict)
    used: list[Span] = field(default_factory=list)
    samples: int = 0
    frames: int = 0
    fragment_parts: int = 0

    def count(self, track: Track, samples: int, ticks: int) -> None:
        """Add samples of a track; raise TooComplex as soon as they are too many."""
        self.samples += samples
        self.bounds.check_samples(self.samples)
        track.total_ticks += ticks
        self.frames += samples if track.is_picture else 0

    def count_part(self) -> None:
        """Count a box of a fragment; raise TooComplex at too many."""
        self.fragment_parts += 1
        self.bounds.check_parts(self.fragment_parts)

    def use(self, start: int, end: int) -> None:
        """Note that these bytes are played; raise TooComplex as soon as they are in too many places."""
        if self.used and self.used[-1][1] == start:
            self.used[-1] = (self.used[-1][0], end)
        elif end > start:
            self.bounds.check_parts(len(self.used) + 1)
            self.used.append((start, end))


@dataclass(frozen=True, slots=True)
class Part:
    """A box of the file in memory: `data` begins where `base` is in the file; the box's places are those in `data`."""

    data: bytes
    base: int
    box: Box
    container: InPlace

    @classmethod
    def of(cls, data: bytes, place: Box, container: InPlace) -> "Part":
        """Return a whole box of the file, given as its bytes and its place there."""
        base = place.start
        return cls(data, base, Box(place.kind, 0, place.body - base, place.end - base), container)

    def parts(self, skip: int = 0) -> Iterator["Part"]:
        """Yield the boxes in this one, whose own fields take `skip` bytes. QuickTime ends some with a few zeros."""
        for box in boxes(self.data, self.box.body + skip, self._end_of_boxes(skip)):
            yield Part(self.data, self.base, box, self.container)

    def keep(self, *kinds: bytes, skip: int = 0) -> dict[bytes, "Part"]:
        """Return the boxes of these kinds, and hide all others; raise BadImage if one is there twice
        that may be there once."""
        found: dict[bytes, Part] = {}
        for part in self.parts(skip):
            if part.box.kind not in kinds:
                part.hide()
            elif part.box.kind in found and part.box.kind not in _MANY:
                raise BadImage(f"a box of the file has two of {part.box.kind.decode('latin-1')}")
            else:
                found[part.box.kind] = part
        return found

    def hide(self) -> None:
        """Let zeros stand here, in a box that no reader looks into."""
        place = Box(self.box.kind, self.base + self.box.start, self.base + self.box.body, self.base + self.box.end)
        hide(self.container, place)

    def blank(self, start: int, end: int) -> None:
        """Let zeros stand from `start` to `end`, counted from the box's first field; never behind the box."""
        first, last = self.box.body + start, min(self.box.body + end, self.box.end)
        if any(self.data[first:last]):
            self.container.blank(self.base + first, self.base + last)

    def uint(self, position: int, size: int) -> int:
        """Return the number at `position`, counted from the box's first field; raise BadImage if it is not there."""
        if position + size > self.length:
            raise BadImage("a box of the file is cut off")
        return uint(self.data, self.box.body + position, size)

    def bytes(self, start: int, end: int) -> bytes:
        """Return these bytes, counted from the box's first field, as far as they are in the box."""
        return self.data[self.box.body + start : min(self.box.body + end, self.box.end)]

    @property
    def length(self) -> int:
        """How many bytes the box has behind its head."""
        return self.box.end - self.box.body

    def table(self, position: int, count: int, fields: int = 1) -> "array[int]":
        """Return `count` entries of `fields` numbers of four bytes each; what stands behind them becomes zeros."""
        end = position + 4 * fields * count
        if end > self.length:
            raise BadImage("a table of the file is larger than its box")
        self.blank(end, self.length)
        return words(self.bytes(position, end))

    def _end_of_boxes(self, skip: int) -> int:
        """Return where the boxes in this one end: behind the last of them, if only zeros stand there."""
        position, end = self.box.body + skip, self.box.end
        for _ in range(MOST):  # boxes() refuses more
            length = uint(self.data, position, 4) if position + 8 <= end else 0
            if length < 8:
                break
            position += length
        are_zeros = position < end and not self.data[position:end].strip(b"\0")
        return position if are_zeros else end


def words(data: bytes) -> "array[int]":
    """Return numbers of four bytes each, the most significant first."""
    found = array("I", data)
    found.byteswap()
    return found


def hide(container: InPlace, box: Box) -> None:
    """Let zeros stand in the place of a box of the file."""
    container.patch(box.start + 4, b"free")
    container.blank(box.body, box.end)
