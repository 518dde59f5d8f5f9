"""Where the samples of a movie's fragment (a `moof` box) lie. Source: ISO/IEC 14496-12, 8.8."""

from ..errors import BadImage
from .bmff_boxes import Box
from .movie_parts import Movie, Part, Track, words


def read_fragment(data: bytes, place: Box, movie: Movie) -> None:
    """Add what a `moof` box, given as its bytes and its place in the file, tells to `movie`.

    Raises BadImage for samples of a track that is not there.
    """
    position = place.start  # where a track's samples begin that does not say it: behind those of the one before
    for part in Part.of(data, place, movie.container).parts():
        movie.count_part()
        if part.box.kind == b"traf":
            position = _traf(part, place.start, position, movie)
        elif part.box.kind != b"mfhd":
            part.hide()


def _traf(traf: Part, moof: int, position: int, movie: Movie) -> int:
    """Read one track's part of a fragment; return where its samples end."""
    tfhd = next((part for part in traf.parts() if part.box.kind == b"tfhd"), None)
    track = movie.tracks.get(tfhd.uint(4, 4)) if tfhd else None
    if tfhd is None or track is None:
        raise BadImage("a fragment of the file belongs to no track")
    flags, at = tfhd.uint(0, 4), 8
    size, ticks, base = track.size, track.ticks, moof if flags & 0x020000 else position
    if flags & 0x000001:
        base, at = tfhd.uint(at, 8), at + 8
    at += 4 if flags & 0x000002 else 0
    if flags & 0x000008:
        ticks, at = tfhd.uint(at, 4), at + 4
    if flags & 0x000010:
        size = tfhd.uint(at, 4)
    position = base
    for part in traf.parts():
        movie.count_part()
        if part.box.kind == b"trun":
            position = _run(part, base, position, (size, ticks), track, movie)
        elif part.box.kind not in (b"tfhd", b"tfdt", b"sdtp", b"sgpd", b"sbgp") and track.is_kept:
            part.hide()
    if not track.is_kept:
        traf.hide()
    return position


def _run(trun: Part, base: int, position: int, usual: tuple[int, int], track: Track, movie: Movie) -> int:
    """Read a run of samples, `usual` being the size and ticks of one that does not say them; return where it ends."""
    flags, count, at = trun.uint(0, 4), trun.uint(4, 4), 8
    movie.bounds.check_samples(count)
    if flags & 0x000001:
        offset = trun.uint(at, 4)
        position, at = base + offset - (offset >> 31 << 32), at + 4
    at += 4 if flags & 0x000004 else 0
    present = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    end = at + 4 * len(present) * count
    if end > trun.length:
        raise BadImage("a table of the file is larger than its box")
    entries = words(trun.bytes(at, end))
    size, ticks = (
        sum(entries[present.index(bit) :: len(present)]) if bit in present else one * count
        for bit, one in zip((0x200, 0x100), usual, strict=True)
    )
    if position < 0:
        raise BadImage("a fragment of the file begins before the file")
    if track.is_kept:
        movie.count(track, count, ticks)
        movie.use(position, position + size)
    return position + size
