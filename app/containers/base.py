"""What every container walker gives back, and the bounds it keeps while it walks."""

from dataclasses import dataclass, field
from typing import BinaryIO

from ..errors import BadImage, TooComplex, TooManyFrames, TooManyPixels

COPY_BYTES = 64 * 1024
VIDEO_TYPES = ("video/mp4", "video/webm", "video/quicktime")  # the videos there are walkers for
_MAX_RANGES = 100_000  # they take 12 MB of memory; an honest file has a few, for neighbours of one kind are joined


@dataclass(frozen=True)
class Bounds:
    """How large an image may be. The defaults let every real photo and screenshot through and cost a bomb nothing."""

    max_pixels: int = 50_000_000  # of one frame: imgproxy's own default
    max_total_pixels: int = 250_000_000  # of all frames together
    max_frames: int = 500
    max_scans: int = 100  # of a JPEG: an honest progressive one has about ten; 20,000 of them cost 14 s of CPU
    max_parts: int = 500_000  # PNG chunks, GIF blocks: 100 MB of GIF have 411,000, which takes a second to walk
    max_video_s: int = 0  # of a video; 0: none is taken
    max_samples: int = 1_000_000  # of a video, frames and pieces of sound together: two hours have 800,000 at most

    def check_pixels(self, width: int, height: int) -> None:
        """Raise TooManyPixels if one frame of `width` by `height` pixels is over the bound."""
        if width * height > self.max_pixels:
            raise TooManyPixels(f"the image has {width:,} x {height:,} pixels; at most {self.max_pixels:,} are taken")

    def check_frames(self, frames: int, width: int, height: int) -> None:
        """Raise TooManyFrames or TooManyPixels if `frames` frames of `width` by `height` pixels are over the bounds."""
        if frames > self.max_frames:
            raise TooManyFrames(f"the image has more than {self.max_frames:,} frames")
        if frames * width * height > self.max_total_pixels:
            raise TooManyPixels(
                f"{frames:,} frames of {width:,} x {height:,} pixels are {frames * width * height:,};"
                f" at most {self.max_total_pixels:,} are taken in all"
            )

    def check_scans(self, scans: int) -> None:
        """Raise TooComplex if a JPEG has more scans than an encoder makes."""
        if scans > self.max_scans:
            raise TooComplex(f"the JPEG has more than {self.max_scans:,} scans")

    def check_parts(self, parts: int) -> None:
        """Raise TooComplex if a file is cut into more pieces than an encoder makes."""
        if parts > self.max_parts:
            raise TooComplex(f"the file is made of more than {self.max_parts:,} parts")

    def check_duration(self, duration_s: float) -> None:
        """Raise TooComplex if a video is longer than is taken."""
        if duration_s > self.max_video_s:
            raise TooComplex(f"the video lasts {duration_s:,.0f} seconds; at most {self.max_video_s:,} are taken")

    def check_samples(self, samples: int) -> None:
        """Raise TooComplex if a video has more samples than an encoder makes in its time."""
        if samples > self.max_samples:
            raise TooComplex(f"the video has more than {self.max_samples:,} samples")


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes `start` to `end` (exclusive) of the file; `is_metadata` if they tell of the sender, not of the picture."""

    start: int
    end: int
    is_metadata: bool = False


@dataclass(slots=True)
class Container:
    """What a walk found.

    `ranges` cover the image from its first byte to its declared end, in order, neighbours of one kind joined; whatever
    lies behind `end` in the file is no part of the image. `broken` is what no reader can use: it goes even if metadata
    is kept. `width` and `height` are those of the stored pixels, before the orientation (1 to 8, as in EXIF) is
    applied.
    """

    content_type: str
    width: int
    height: int
    end: int
    frames: int = 1
    orientation: int = 1
    ranges: list[Range] = field(default_factory=list)
    broken: list[tuple[int, int]] = field(default_factory=list)

    def add(self, start: int, end: int, *, is_metadata: bool = False) -> None:
        """Append a range, joined to the last one if they touch and are of one kind; raise TooComplex at too many."""
        last = self.ranges[-1] if self.ranges else None
        if last and last.end == start and last.is_metadata == is_metadata:
            self.ranges[-1] = Range(last.start, end, is_metadata)
        elif len(self.ranges) >= _MAX_RANGES:
            raise TooComplex(f"what is to be removed is in more than {_MAX_RANGES // 2:,} places")
        else:
            self.ranges.append(Range(start, end, is_metadata))


def read_exactly(file: BinaryIO, count: int, what: str) -> bytes:
    """Return the next `count` bytes of `file`; raise BadImage if it ends before, `what` being where it ends."""
    data = file.read(count)
    if len(data) != count:
        raise BadImage(f"the image is cut off: it ends inside {what}")
    return data


def copy_range(source: BinaryIO, target: BinaryIO, start: int, end: int) -> None:
    """Append bytes `start` to `end` of `source` to `target`, a little at a time."""
    source.seek(start)
    left = end - start
    while left:
        data = read_exactly(source, min(left, COPY_BYTES), "the bytes to be kept")
        target.write(data)
        left -= len(data)


def copy_sound(source: BinaryIO, target: BinaryIO, container: Container) -> None:
    """Append all of the image to `target`, but for what is broken."""
    position = 0
    for start, end in container.broken:
        copy_range(source, target, position, start)
        position = end
    copy_range(source, target, position, container.end)
