"""What a WebM says of itself: its clock, and the tracks that are shown.

Only pictures and sound stay, as of a movie (see movie_tracks.py). Source: RFC 9559, 5.1.2 and 5.1.4.
"""

import struct
from dataclasses import dataclass, field
from typing import Any

from ..errors import BadImage, UnsupportedType
from .ebml import Element, Elements, void
from .inplace import InPlace

# What stays, by id; of an element with elements in it, what stays in it.
Kept = dict[int, Any]

_SCALE, _DURATION, _APPS = 0x2AD7B1, 0x4489, (0x4D80, 0x5741)
_ENTRY, _NUMBER, _TYPE, _CODEC, _PRIVATE, _ENCODINGS = 0xAE, 0xD7, 0x83, 0x86, 0x63A2, 0x6D80
_VIDEO, _WIDTH, _HEIGHT, _SHOWN_WIDTH, _SHOWN_HEIGHT, _UNIT = 0xE0, 0xB0, 0xBA, 0x54B0, 0x54BA, 0x54B2
_PROJECTION, _ROLL = 0x7670, 0x7675
_PICTURE, _SOUND = 1, 2
_COLOURS = (0x55B1, 0x55B2, 0x55B3, 0x55B4, 0x55B5, 0x55B6, 0x55B7, 0x55B8, 0x55B9, 0x55BA, 0x55BB, 0x55BC, 0x55BD)
_LIGHTS = (0x55D1, 0x55D2, 0x55D3, 0x55D4, 0x55D5, 0x55D6, 0x55D7, 0x55D8, 0x55D9, 0x55DA)
_IN_VIDEO: Kept = dict.fromkeys(
    (0x9A, 0x9D, 0x53B8, 0x53C0, _WIDTH, _HEIGHT, 0x54AA, 0x54BB, 0x54CC, 0x54DD, _SHOWN_WIDTH, _SHOWN_HEIGHT, _UNIT)
) | {
    0x54B3: None,
    0x55B0: dict.fromkeys(_COLOURS) | {0x55D0: dict.fromkeys(_LIGHTS)},
    _PROJECTION: dict.fromkeys((0x7671, 0x7672, 0x7673, 0x7674, _ROLL)),
}
_IN_ENTRY: Kept = dict.fromkeys(
    (_NUMBER, 0x73C5, _TYPE, _CODEC, _PRIVATE, 0xB9, 0x88, 0x55AA, 0x9C, 0x23E383, 0x55EE, 0x22B59C, 0x22B59D)
) | {
    0x56AA: None,
    0x56BB: None,
    _VIDEO: _IN_VIDEO,
    0xE1: dict.fromkeys((0xB5, 0x78B5, 0x9F, 0x6264)),
    0x41E4: dict.fromkeys((0x41F0, 0x41E7, 0x41ED)),
}
_CODECS = {
    _PICTURE: ("video", {b"V_VP8", b"V_VP9", b"V_AV1"}, "VP8, VP9 or AV1"),
    _SOUND: ("audio", {b"A_VORBIS", b"A_OPUS"}, "Opus or Vorbis"),
}
_MAX_TRACKS = 32
_PRIVATE_BYTES = 64 * 1024


@dataclass(slots=True)
class Tracks:
    """The tracks by number: True of a picture, False of sound, None of one that goes."""

    kinds: dict[int, bool | None] = field(default_factory=dict)


def read_info(source: Elements, info: Element, found: InPlace) -> tuple[int, float]:
    """Return the nanoseconds of a tick and how many ticks the video lasts, 0 if it does not say so."""
    scale_ns, duration = 1_000_000, 0.0
    for child in source.children(info):
        if child.id == _SCALE:
            scale_ns = source.number(child)
        elif child.id == _DURATION:
            duration = _float(source.contents(child, 8))
        elif child.id in _APPS:  # they have to be there: empty texts
            found.blank(child.body, child.end or 0)
        else:
            void(found, child)
    if not scale_ns or not 0 <= duration < 2**53:
        raise BadImage("the file has no clock")
    return scale_ns, duration


def read_tracks(source: Elements, tracks: Element, found: InPlace) -> Tracks:
    """Return the tracks, the first picture's size told to `found`."""
    known = Tracks()
    for child in source.children(tracks):
        if child.id == _ENTRY:
            _entry(source, child, known, found)
        else:
            void(found, child)
    if True not in known.kinds.values():
        raise UnsupportedType("the file has no picture, only sound or other tracks", "video/webm")
    return known


def tidy(source: Elements, element: Element, kept: Kept, found: InPlace) -> None:
    """Void what is in an element and not in `kept`."""
    for child in source.children(element):
        if child.id not in kept:
            void(found, child)
        elif kept[child.id]:
            tidy(source, child, kept[child.id], found)


def forget_comments(private: Element, data: bytes, found: InPlace) -> None:
    """Let zeros stand for the texts of Vorbis' second header, of three that stand behind one another, the sizes of two
    before them. Sources: RFC 9559, 12.1.10 (Xiph lacing), https://xiph.org/vorbis/doc/v-comment.html
    """
    sizes, at = [], 1
    for _ in range(2):
        size = 0
        while data[at : at + 1] == b"\xff":
            size, at = size + 255, at + 1
        size, at = size + int.from_bytes(data[at : at + 1], "big"), at + 1
        sizes.append(size)
    start, end = at + sizes[0], at + sum(sizes)
    if data[:1] != b"\2" or end > len(data) or data[start : start + 7] != b"\3vorbis":
        raise BadImage("the file describes its sound in an unknown way")
    position, texts = start + 7, 1
    while texts:
        length = int.from_bytes(data[position : position + 4], "little")
        position += 4
        if position + length > end:
            raise BadImage("the file describes its sound in an unknown way")
        found.blank(private.body + position, private.body + position + length)
        position, texts = position + length, texts - 1
        if position == start + 11 + length and not texts:  # behind the first text, the maker, the others are counted
            texts, position = int.from_bytes(data[position : position + 4], "little"), position + 4
    found.blank(private.body + position + 1, private.body + end)  # behind the last bit that has to be set


def _entry(source: Elements, entry: Element, known: Tracks, found: InPlace) -> None:
    parts = {child.id: child for child in source.children(entry)}
    if not {_NUMBER, _TYPE, _CODEC} <= parts.keys():
        raise BadImage("a track of the file does not say what it is")
    track, kind, codec = source.number(parts[_NUMBER]), source.number(parts[_TYPE]), source.contents(parts[_CODEC], 64)
    if track in known.kinds or len(known.kinds) >= _MAX_TRACKS:
        raise BadImage("the file has too many tracks, or two of one number")
    if kind not in _CODECS:
        known.kinds[track] = None
        void(found, entry)
        return
    word, codecs, better = _CODECS[kind]
    if (name := codec.rstrip(b"\0")) not in codecs or _ENCODINGS in parts:
        shown = "".join(chr(letter) if 32 < letter < 127 else "?" for letter in name)
        raise UnsupportedType(
            f"the {word} codec {shown} is none of WebM, or is encrypted; send {better}", found.content_type
        )
    tidy(source, entry, _IN_ENTRY, found)
    known.kinds[track] = kind == _PICTURE
    if kind == _PICTURE and not found.width:
        _measure(source, parts.get(_VIDEO), found)
    if name == b"A_VORBIS" and _PRIVATE in parts:
        forget_comments(parts[_PRIVATE], source.contents(parts[_PRIVATE], _PRIVATE_BYTES), found)


def _measure(source: Elements, video: Element | None, found: InPlace) -> None:
    """Read how large the picture is seen, and whether it lies on its side."""
    parts = {child.id: child for child in source.children(video)} if video else {}
    width, height, shown_width, shown_height = (
        source.number(parts[one]) if one in parts else 0 for one in (_WIDTH, _HEIGHT, _SHOWN_WIDTH, _SHOWN_HEIGHT)
    )
    if not 0 < width <= 65_535 or not 0 < height <= 65_535:
        raise BadImage("the video has a picture of no size")
    if shown_width and shown_height:
        width = min(65_535, max(1, round(height * shown_width / shown_height)))
    found.width, found.height = width, height
    for child in source.children(parts[_PROJECTION]) if _PROJECTION in parts else ():
        if child.id == _ROLL:
            # Anticlockwise, in degrees; what leans is told as the nearest quarter.
            turn = _float(source.contents(child, 8))
            quarters = round(turn / 90) % 4 if abs(turn) <= 360 else 0
            found.orientation = (1, 8, 3, 6)[quarters]


def _float(data: bytes) -> float:
    """Return a number of four or eight bytes; nan for others, and for none 0."""
    kind = {0: "", 4: ">f", 8: ">d"}.get(len(data))
    return float("nan") if kind is None else float(struct.unpack(kind, data)[0]) if kind else 0.0
