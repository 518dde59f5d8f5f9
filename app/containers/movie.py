"""MP4 and QuickTime movies, box by box; fragmented ones too.

Whatever is not known to be needed to play a movie becomes zeros: so no box of a camera has to be known by its name.
Source: ISO/IEC 14496-12, ISO/IEC 14496-14, https://developer.apple.com/documentation/quicktime-file-format
"""

from collections.abc import Iterator
from typing import BinaryIO

from ..errors import BadImage, UnsupportedType
from .base import Bounds, read_exactly
from .bmff_boxes import Box, read_head
from .inplace import InPlace, check_inside, gaps
from .movie_fragments import read_fragment
from .movie_parts import Movie, Part, hide
from .movie_tracks import read_moov

BRANDS = frozenset(
    b"isom iso2 iso3 iso4 iso5 iso6 iso7 iso8 iso9 isoa isob isoc mp41 mp42 avc1 hvc1 av01 dash cmfc".split()
    + b"MSNV XAVC M4VH M4VP".split()
    + [b"M4V ", b"f4v "]
)
QUICKTIME = b"qt  "

_KEPT = {b"ftyp", b"moov", b"mdat", b"moof", b"mfra", b"styp", b"sidx", b"ssix"}
_MAX_BRANDS_BYTES = 256
_MAX_HEAD_BYTES = 32 * 1024 * 1024  # of moov: two hours need about 15 MB
_MAX_FRAGMENT_BYTES = 4 * 1024 * 1024
_MAX_INDEX_BYTES = 1024 * 1024


def walk(file: BinaryIO, bounds: Bounds) -> InPlace:
    """Return the container of the movie in `file`: `video/mp4` or `video/quicktime`.

    Raises BadImage if it is broken, UnsupportedType if browsers do not play what is in it, or if it has no picture.
    """
    top = list(_top(file, bounds))
    if not top or top[0].kind != b"ftyp":
        raise BadImage("this is no MP4")
    found = InPlace(_content_type(file, top[0]), 0, 0, top[-1].end)
    found.add(0, found.end)
    heads = [box for box in top if box.kind == b"moov"]
    if len(heads) != 1:
        raise BadImage(f"the file has {len(heads)} moov boxes; there has to be one")
    movie = Movie(found, bounds)
    read_moov(_load(file, heads[0], _MAX_HEAD_BYTES), heads[0], movie)
    for box in top:
        if box.kind == b"moof":
            read_fragment(_load(file, box, _MAX_FRAGMENT_BYTES), box, movie)
        elif box.kind == b"mfra":
            for part in Part.of(_load(file, box, _MAX_INDEX_BYTES), box, found).parts():
                if part.box.kind not in (b"tfra", b"mfro"):
                    part.hide()
        elif box.kind in (b"sidx", b"ssix", b"styp"):
            _load(file, box, _MAX_INDEX_BYTES)
        elif box.kind not in _KEPT:
            hide(found, box)
    _settle(movie, [(box.body, box.end) for box in top if box.kind == b"mdat"])
    return found


def _settle(movie: Movie, data: list[tuple[int, int]]) -> None:
    """Hold the whole movie against its bounds, and let go of what no track of it shows."""
    found, bounds = movie.container, movie.bounds
    if not movie.frames:
        raise BadImage("the video holds no frame")
    bounds.check_pixels(found.width, found.height)
    bounds.check_samples(movie.samples)
    bounds.check_duration(max(track.duration_s for track in movie.tracks.values()))
    check_inside(data, movie.used)
    for start, end in gaps(data, movie.used):
        found.blank(start, end)


def _top(file: BinaryIO, bounds: Bounds) -> Iterator[Box]:
    """Yield the boxes of the file, up to where something else begins."""
    file.seek(0, 2)
    size, position, seen = file.tell(), 0, set()
    for number in range(bounds.max_parts + 1):
        if position == size:
            return
        bounds.check_parts(number + 1)
        box = read_head(file, position, size)
        if b"moov" in seen and not _goes_on(box, size):
            return  # whatever stands here is no part of the movie
        if box.end > size:
            raise BadImage("the file is cut off, or one of its boxes is larger than the file")
        seen.add(box.kind)
        yield box
        position = box.end


def _goes_on(box: Box, size: int) -> bool:
    """Whether a box behind the moov still is one of this movie. Cameras have many of their own, which end in time."""
    if box.kind in _KEPT:
        return box.kind != b"ftyp"
    return box.end <= size and all(32 <= letter < 127 for letter in box.kind)


def _content_type(file: BinaryIO, ftyp: Box) -> str:
    brands = _load(file, ftyp, _MAX_BRANDS_BYTES)
    brand = brands[ftyp.body - ftyp.start :][:4]
    if brand == QUICKTIME:
        return "video/quicktime"
    if brand not in BRANDS:
        name = brand.decode("latin-1")
        raise UnsupportedType(f"an MP4 of the brand {name!r} is not taken", "application/octet-stream")
    return "video/mp4"


def _load(file: BinaryIO, box: Box, most: int) -> bytes:
    """Return the bytes of a box, its head included."""
    if box.end - box.start > most:
        raise BadImage(f"the file's {box.kind.decode('latin-1')} box has more than {most:,} bytes")
    file.seek(box.start)
    return read_exactly(file, box.end - box.start, "a box")
