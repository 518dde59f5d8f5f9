"""The tracks of an image sequence (its `moov` box): how many frames there are, and where their bytes are.

Source: ISO/IEC 14496-12, 8.3 to 8.7.
"""

from dataclasses import dataclass, field

from ..errors import BadImage
from .base import Bounds
from .bmff_boxes import Box, boxes, child, is_common_name, uint

_PICTURES = {b"pict", b"auxv", b"vide"}
_MAX_TRACKS = 8
_FOREIGN = {b"udta", b"uuid", b"meta", b"free", b"skip"}


@dataclass(slots=True)
class Tracks:
    """What was found; positions are those in the file."""

    width: int = 0
    height: int = 0
    frames: int = 0
    used: list[tuple[int, int]] = field(default_factory=list)
    patches: dict[int, bytes] = field(default_factory=dict)
    blanks: list[tuple[int, int]] = field(default_factory=list)


def read_tracks(moov: tuple[bytes, Box], file_end: int, bounds: Bounds) -> Tracks:
    """Return the tracks of a `moov` box, given as its bytes and where it stands in the file."""
    data, place = moov
    base = place.start
    tracks = Tracks()
    found = list(boxes(data, place.body - base, place.end - base))
    if sum(box.kind == b"trak" for box in found) > _MAX_TRACKS:
        raise BadImage(f"the file has more than {_MAX_TRACKS} tracks")
    for box in found:
        if box.kind in _FOREIGN:
            _hide(box, base, tracks)
        elif box.kind == b"mvhd":
            _forget_times(data, box, base, tracks)
        elif box.kind == b"trak":
            _track(data, box, base, file_end, bounds, tracks)
    return tracks


def _hide(box: Box, base: int, tracks: Tracks) -> None:
    tracks.patches[base + box.start + 4] = b"free"
    tracks.blanks.append((base + box.body, base + box.end))


def _forget_times(data: bytes, box: Box, base: int, tracks: Tracks) -> None:
    """When it was made and changed stands at the front of mvhd, tkhd and mdhd."""
    size = 16 if uint(data, box.body, 1) == 1 else 8
    tracks.blanks.append((base + box.body + 4, base + min(box.body + 4 + size, box.end)))


def _track(data: bytes, trak: Box, base: int, file_end: int, bounds: Bounds, tracks: Tracks) -> None:
    inner = {box.kind: box for box in boxes(data, trak.body, trak.end)}
    tkhd, mdia = inner.get(b"tkhd"), inner.get(b"mdia")
    if tkhd is None or mdia is None:
        raise BadImage("a track of the file is incomplete")
    for kind in _FOREIGN & inner.keys():
        _hide(inner[kind], base, tracks)
    _forget_times(data, tkhd, base, tracks)
    hdlr, mdhd, minf = (child(data, mdia, kind) for kind in (b"hdlr", b"mdhd", b"minf"))
    stbl = child(data, minf, b"stbl") if minf else None
    if hdlr is None or mdhd is None or stbl is None:
        raise BadImage("a track of the file is incomplete")
    _forget_times(data, mdhd, base, tracks)
    if not is_common_name(data, hdlr.body + 24, hdlr.end):
        tracks.blanks.append((base + min(hdlr.body + 24, hdlr.end), base + hdlr.end))
    handler = data[hdlr.body + 8 : hdlr.body + 12]
    width, height = uint(data, tkhd.end - 8, 4) >> 16, uint(data, tkhd.end - 4, 4) >> 16
    samples = _samples(data, stbl, width, height, bounds)
    if any(end > file_end for _, end in samples):
        raise BadImage("the file is cut off: one of its frames lies behind its end")
    if handler in _PICTURES:
        tracks.used += samples
    if handler == b"pict" and not tracks.frames:
        tracks.frames, tracks.width, tracks.height = len(samples), width, height


def _samples(data: bytes, stbl: Box, width: int, height: int, bounds: Bounds) -> list[tuple[int, int]]:
    """Return where each frame of a track lies."""
    inner = {box.kind: box for box in boxes(data, stbl.body, stbl.end)}
    stsz, stsc = inner.get(b"stsz"), inner.get(b"stsc")
    stco, offset_size = (inner[b"stco"], 4) if b"stco" in inner else (inner.get(b"co64"), 8)
    if stsz is None or stsc is None or stco is None:
        raise BadImage("a track of the file does not say where its frames are")
    fixed, count = uint(data, stsz.body + 4, 4), uint(data, stsz.body + 8, 4)
    bounds.check_frames(count, max(width, 1), max(height, 1))
    sizes = [fixed or uint(data, stsz.body + 12 + 4 * i, 4) for i in range(count)]
    chunks = uint(data, stco.body + 4, 4)
    runs = uint(data, stsc.body + 4, 4)
    if chunks > count or runs > count:
        raise BadImage("a track of the file has more chunks than frames")
    per_chunk = {uint(data, stsc.body + 8 + 12 * i, 4): uint(data, stsc.body + 12 + 12 * i, 4) for i in range(runs)}
    samples: list[tuple[int, int]] = []
    many = 0
    for number in range(chunks):
        position = uint(data, stco.body + 8 + offset_size * number, offset_size)
        many = per_chunk.get(number + 1, many)
        for _ in range(min(many, count - len(samples))):
            samples.append((position, position + sizes[len(samples)]))
            position = samples[-1][1]
    if len(samples) != count:
        raise BadImage("a track of the file has frames that are nowhere")
    return samples
