"""The tracks of a movie (its `moov` box): which are shown, how large and how long, and where their samples are.

Only pictures and sound stay. All other tracks go with their samples: cameras keep places, speeds and faces there
(Apple's mebx, GoPro's gpmd), and so do timecodes, chapters and subtitles, which no browser shows.
Source: ISO/IEC 14496-12, 8.2 to 8.7.
"""

from ..errors import BadImage, UnsupportedType
from .bmff_boxes import Box
from .movie_codecs import read_codecs
from .movie_parts import Movie, Part, Track
from .movie_samples import read_samples

_SHOWN = {b"vide": True, b"soun": False}
_MAX_TRACKS = 32
_LONG = 1  # version of a header whose times have eight bytes


def read_moov(data: bytes, place: Box, movie: Movie) -> None:
    """Read the `moov` box, given as its bytes and its place in the file, into `movie`.

    Raises UnsupportedType if there is no picture, or if browsers play none of the tracks of a kind.
    """
    moov = Part.of(data, place, movie.container)
    count = 0
    refused: dict[bytes, str] = {}
    for part in moov.parts():
        if part.box.kind == b"trak":
            count += 1
            if count > _MAX_TRACKS:
                raise BadImage(f"the file has more than {_MAX_TRACKS} tracks")
            _track(part, movie, refused)
        elif part.box.kind == b"mvhd":
            _forget_times(part)
        elif part.box.kind != b"mvex":
            part.hide()
    pictures = [track for track in movie.tracks.values() if track.is_picture]
    has_sound = any(track.is_kept and not track.is_picture for track in movie.tracks.values())
    if b"soun" in refused and not has_sound:
        raise UnsupportedType(f"{refused[b'soun']}; send AAC, MP3 or Opus", movie.container.content_type)
    if not pictures:
        why = refused.get(b"vide", "the file has no picture, only sound or other tracks")
        raise UnsupportedType(f"{why}; send H.264, HEVC, AV1 or VP9", movie.container.content_type)
    for part in moov.parts():
        if part.box.kind == b"mvex":
            _extends(part, movie)


def _track(trak: Part, movie: Movie, refused: dict[bytes, str]) -> None:
    shown = {part.box.kind: part for part in trak.parts()}
    if b"tkhd" not in shown or b"mdia" not in shown:
        raise BadImage("a track of the file is incomplete")
    tkhd, handler = shown[b"tkhd"], _handler(shown[b"mdia"])
    is_long = tkhd.uint(0, 1) == _LONG
    track = Track(tkhd.uint(20 if is_long else 12, 4), False)
    if track.number in movie.tracks:
        raise BadImage("the file has two tracks of one number")
    movie.tracks[track.number] = track
    if handler not in _SHOWN:
        trak.hide()
        return
    track.is_picture = _SHOWN[handler]
    mdia = trak.keep(b"tkhd", b"mdia", b"edts")[b"mdia"]
    if (problem := _media(mdia, track, movie)) is not None:
        refused[handler] = problem
        track.is_picture = False
        trak.hide()
        return
    track.is_kept = True
    _forget_times(tkhd)
    if track.is_picture and sum(other.is_picture for other in movie.tracks.values()) == 1:
        _orient(tkhd, is_long, movie)


def _handler(mdia: Part) -> bytes:
    hdlr = next((part for part in mdia.parts() if part.box.kind == b"hdlr"), None)
    return hdlr.bytes(8, 12) if hdlr else b""


def _media(mdia: Part, track: Track, movie: Movie) -> str | None:
    """Read what a track holds; return why it is not played, if it is not."""
    inner = mdia.keep(b"mdhd", b"hdlr", b"minf")
    minf = inner[b"minf"].keep(b"vmhd", b"smhd", b"dinf", b"stbl") if b"minf" in inner else {}
    if b"mdhd" not in inner or b"stbl" not in minf:
        raise BadImage("a track of the file is incomplete")
    _forget_times(inner[b"mdhd"])
    inner[b"hdlr"].blank(12, inner[b"hdlr"].length)  # the vendor and the name: of a phone, of an editor
    track.timescale = inner[b"mdhd"].uint(20 if inner[b"mdhd"].uint(0, 1) == _LONG else 12, 4)
    if not track.timescale:
        raise BadImage("a track of the file has no clock")
    if b"dinf" in minf:
        _check_references(minf[b"dinf"])
    stbl = minf[b"stbl"].keep(
        *(b"stsd", b"stts", b"ctts", b"cslg", b"stss", b"stsz", b"stsc", b"stco", b"co64", b"sdtp", b"sgpd", b"sbgp")
    )
    if b"stsd" not in stbl:
        raise BadImage("a track of the file does not say what it is")
    codecs = read_codecs(stbl[b"stsd"], is_picture=track.is_picture)
    if codecs.problem is None:
        if track.is_picture and not movie.container.width:
            movie.container.width, movie.container.height = codecs.width, codecs.height
        read_samples(stbl, track, movie)
    return codecs.problem


def _forget_times(header: Part) -> None:
    """When it was made and changed stands at the front of mvhd, tkhd and mdhd."""
    header.blank(4, 20 if header.uint(0, 1) == _LONG else 12)


def _orient(tkhd: Part, is_long: bool, movie: Movie) -> None:
    """Read how the picture is turned: its matrix maps x to (a, b) and y to (c, d), in 16.16.

    What leans is told as the nearest quarter.
    """
    start = 52 if is_long else 40
    a, b = (number - (number >> 31 << 32) for number in (tkhd.uint(start, 4), tkhd.uint(start + 4, 4)))
    if abs(b) > abs(a):
        movie.container.orientation = 6 if b > 0 else 8
    elif a < 0:
        movie.container.orientation = 3


def _check_references(dinf: Part) -> None:
    """Raise BadImage if samples are said to be in another file."""
    for dref in dinf.parts():
        if dref.box.kind != b"dref":
            dref.hide()
            continue
        for entry in dref.parts(8):
            if not entry.uint(0, 4) & 1:
                raise BadImage("the file says that a part of it is in another file")
            entry.blank(4, entry.length)


def _extends(mvex: Part, movie: Movie) -> None:
    """Read what the samples of fragments are like where those do not say it themselves."""
    for part in mvex.parts():
        if part.box.kind == b"trex":
            if track := movie.tracks.get(part.uint(4, 4)):
                track.ticks, track.size = part.uint(12, 4), part.uint(16, 4)
        elif part.box.kind != b"mehd":
            part.hide()
