"""Where the samples of a track lie, as the tables of its `stbl` box say. Source: ISO/IEC 14496-12, 8.6 and 8.7."""

from array import array
from itertools import accumulate

from ..errors import BadImage
from .movie_parts import Movie, Part, Track

_MAX_GROUPS_BYTES = 1024 * 1024


def read_samples(stbl: dict[bytes, Part], track: Track, movie: Movie) -> None:
    """Note how long a track lasts and where its samples are; raise BadImage for tables that do not fit each other.

    Of a fragmented movie the tables are empty.
    """
    stsz, stsc = stbl.get(b"stsz"), stbl.get(b"stsc")
    chunks = stbl.get(b"stco") or stbl.get(b"co64")
    if stsz is None or stsc is None or chunks is None or b"stts" not in stbl:
        raise BadImage("a track of the file does not say where its samples are")
    fixed, count = stsz.uint(4, 4), stsz.uint(8, 4)
    movie.bounds.check_samples(count)
    sizes = array("I", [fixed]) * count if fixed else stsz.table(12, count)
    movie.count(track, count, _ticks(stbl[b"stts"], movie))
    _check_others(stbl)
    offsets = _offsets(chunks, count)
    ends = array("Q", accumulate(sizes, initial=0))
    first = 0
    for number, many in enumerate(_chunk_lengths(stsc, len(offsets), count)):
        last = first + many
        if last > count:
            raise BadImage("a track of the file has more samples in its chunks than it has")
        movie.use(offsets[number], offsets[number] + ends[last] - ends[first])
        first = last
    if first != count:
        raise BadImage("a track of the file has samples that are nowhere")


def _ticks(stts: Part, movie: Movie) -> int:
    entries = stts.table(8, stts.uint(4, 4), 2)
    total, samples = 0, 0
    for many, ticks in zip(entries[::2], entries[1::2], strict=True):
        samples += many
        total += many * ticks
    movie.bounds.check_samples(samples)
    return total


def _check_others(stbl: dict[bytes, Part]) -> None:
    """Hold the tables that only players need against their boxes."""
    for kind, fields in ((b"ctts", 2), (b"stss", 1)):
        if part := stbl.get(kind):
            part.table(8, part.uint(4, 4), fields)
    for kind in (b"sgpd", b"sbgp", b"cslg"):
        if (part := stbl.get(kind)) and part.length > _MAX_GROUPS_BYTES:
            raise BadImage(f"the file's {kind.decode()} box has more than {_MAX_GROUPS_BYTES:,} bytes")


def _offsets(chunks: Part, samples: int) -> "array[int]":
    """Return where each chunk begins in the file."""
    count = chunks.uint(4, 4)
    if count > samples:
        raise BadImage("a track of the file has more chunks than samples")
    if chunks.box.kind == b"stco":
        return chunks.table(8, count)
    halves = chunks.table(8, count, 2)
    return array("Q", (high << 32 | low for high, low in zip(halves[::2], halves[1::2], strict=True)))


def _chunk_lengths(stsc: Part, chunks: int, samples: int) -> "array[int]":
    """Return how many samples each chunk has."""
    count = stsc.uint(4, 4)
    if count > chunks:
        raise BadImage("a track of the file has more kinds of chunks than chunks")
    entries = stsc.table(8, count, 3)
    firsts = [*entries[::3], chunks + 1]
    lengths = array("I")
    for number, many in enumerate(entries[1::3]):
        run = firsts[number + 1] - firsts[number]
        if firsts[0] != 1 or run <= 0 or firsts[number + 1] > chunks + 1 or many > samples:
            raise BadImage("a track of the file has chunks in no order")
        lengths.extend(array("I", [many]) * run)
    return lengths
