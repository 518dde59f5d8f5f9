"""What the tracks of a movie are coded in (their `stsd` box), and whether browsers play it.

Sources: ISO/IEC 14496-12, 8.5.2, and 14496-1, 7.2.6 (esds);
https://developer.mozilla.org/en-US/docs/Web/Media/Guides/Formats/Video_codecs
"""

from dataclasses import dataclass

from ..errors import BadImage
from .movie_parts import Part

_PICTURES = {b"avc1", b"avc3", b"hvc1", b"hev1", b"av01", b"vp09", b"vp08"}
_SOUNDS = {b"Opus", b".mp3"}
_SETTINGS = (b"avcC", b"hvcC", b"av1C", b"vpcC", b"colr", b"pasp", b"clap", b"btrt", b"mdcv", b"clli", b"fiel", b"ccst")
_MORE_SETTINGS = (b"dvcC", b"dvvC", b"lhvC", b"esds", b"dOps", b"chnl", b"chan", b"wave", b"SmDm", b"CoLL")
_PICTURE_BYTES, _SOUND_BYTES = 78, 28
_QUICKTIME_SOUND_BYTES = {0: 0, 1: 16, 2: 36}  # more fields, by the version of a sample description
_AAC_OR_MP3 = {0x40, 0x66, 0x67, 0x68, 0x69, 0x6B}
_MAX_DESCRIPTIONS = 16


@dataclass(frozen=True, slots=True)
class Codecs:
    """The size of the picture that is seen, not turned yet; `problem` says why browsers do not play a track."""

    width: int = 0
    height: int = 0
    problem: str | None = None


def read_codecs(stsd: Part, *, is_picture: bool) -> Codecs:
    """Return what a track is coded in, and take the names of encoders out of it."""
    entries = list(stsd.parts(8))
    if not entries or len(entries) != stsd.uint(4, 4) or len(entries) > _MAX_DESCRIPTIONS:
        raise BadImage("a track of the file does not say what it is")
    found = [_picture(entry) if is_picture else _sound(entry) for entry in entries]
    return next((one for one in found if one.problem), found[0])


def _picture(entry: Part) -> Codecs:
    if entry.box.kind not in _PICTURES:
        return Codecs(problem=f"the video codec {_name(entry)} plays in no browser")
    entry.blank(8, 24)  # QuickTime's vendor and qualities
    entry.blank(42, 74)  # the encoder's name
    width, height = entry.uint(24, 2), entry.uint(26, 2)
    settings = entry.keep(*_SETTINGS, *_MORE_SETTINGS, skip=_PICTURE_BYTES)
    if (pasp := settings.get(b"pasp")) and pasp.uint(4, 4):
        width = min(65_535, max(1, round(width * pasp.uint(0, 4) / pasp.uint(4, 4))))
    if not width or not height:
        raise BadImage("the video has a picture of no size")
    return Codecs(width, height)


def _sound(entry: Part) -> Codecs:
    more = _QUICKTIME_SOUND_BYTES.get(entry.uint(8, 2))
    if entry.box.kind not in _SOUNDS | {b"mp4a"} or more is None:
        return Codecs(problem=f"the audio codec {_name(entry)} does not play in every browser")
    entry.blank(10, 16)  # QuickTime's revision and vendor
    settings = entry.keep(*_SETTINGS, *_MORE_SETTINGS, skip=_SOUND_BYTES + more)
    if entry.box.kind == b"mp4a":
        wave = settings[b"wave"].keep(b"frma", b"mp4a", b"esds") if b"wave" in settings else {}
        kind = _object_type(settings.get(b"esds") or wave.get(b"esds"))
        if kind not in _AAC_OR_MP3:
            return Codecs(problem=f"the audio codec mp4a.{kind:02x} does not play in every browser")
    return Codecs()


def _object_type(esds: Part | None) -> int:
    """Return the objectTypeIndication of an `esds` box; 0 if there is none."""
    if esds is None:
        return 0
    position = _behind_tag(esds, 4, 0x03) + 2
    flags = esds.uint(position, 1)
    position += 1 + (2 if flags & 0x80 else 0)
    if flags & 0x40:
        raise BadImage("the file says that a part of it is in another file")
    position += 2 if flags & 0x20 else 0
    return esds.uint(_behind_tag(esds, position, 0x04), 1)


def _behind_tag(esds: Part, position: int, tag: int) -> int:
    """Return where the fields of a descriptor begin, whose length has one to four bytes."""
    if esds.uint(position, 1) != tag:
        raise BadImage("a track of the file describes its sound in an unknown way")
    for at in range(position + 1, position + 5):
        if not esds.uint(at, 1) & 0x80:
            return at + 1
    raise BadImage("a track of the file describes its sound in an unknown way")


def _name(entry: Part) -> str:
    """Return the four letters of a codec, as far as they can be shown."""
    return "".join(chr(letter) if 32 < letter < 127 else "?" for letter in entry.box.kind)
