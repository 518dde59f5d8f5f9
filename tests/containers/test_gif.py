"""app/containers/gif.py: which blocks stay, which go, and which files are refused."""

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from app.containers import gif
from app.containers.base import Bounds
from app.errors import BadImage, TooComplex, TooManyFrames, TooManyPixels
from tests.samples import XMP, animated, make, many_frames

FRAME = b"\x02\x02D\x01\x00"  # one pixel: the code size, a sub-block, the end of them
CONTROL = b"!\xf9\x04\0\x07\0\0\0"
LOOP = b"!\xff\x0bNETSCAPE2.0\x03\1\2\0\0"


def walk(data: bytes, **bounds: int) -> gif.GifContainer:
    return gif.walk(io.BytesIO(data), Bounds(**bounds))


def rewrite(data: bytes, *, keep_metadata: bool = False) -> bytes:
    out = io.BytesIO()
    gif.rewrite(io.BytesIO(data), out, walk(data), keep_metadata=keep_metadata)
    return out.getvalue()


def screen(width: int = 10, height: int = 10) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"


def frame(left: int = 0, top: int = 0, width: int = 1, height: int = 1, *, palette: bytes = b"") -> bytes:
    return b"," + struct.pack("<HHHHB", left, top, width, height, 0x80 if palette else 0) + palette + FRAME


def application(name: bytes, *blocks: bytes) -> bytes:
    return b"!\xff" + bytes([len(name)]) + name + subblocks(*blocks)


def subblocks(*blocks: bytes) -> bytes:
    return b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def of(*blocks: bytes) -> bytes:
    return screen() + b"".join(blocks) + b";"


PLAIN = of(LOOP, CONTROL, frame(), CONTROL, frame(2, 2, palette=b"abcdef"))
FIRST = PLAIN.index(CONTROL)


def test_a_gif_is_walked_to_its_end():
    found = walk(PLAIN + b"what stands behind it;")

    assert (found.content_type, found.width, found.height, found.frames) == ("image/gif", 10, 10, 2)
    assert found.end == len(PLAIN)


@pytest.mark.parametrize(
    "block",
    [LOOP, application(b"ANIMEXTS1.0", b"\1\0\0"), application(b"ICCRGBG1012", *[b"profile" * 36] * 400)],
)
def test_blocks_that_say_how_the_picture_looks_stay(block):
    whole = of(block, CONTROL, frame())

    assert rewrite(whole) == whole
    assert Image.open(io.BytesIO(gif.head(io.BytesIO(whole), walk(whole)))).size == (10, 10)


FOREIGN = {
    "a comment": b"!\xfe" + subblocks(b"the sender", b"s" * 255, b"x"),
    "an empty comment": b"!\xfe\0",
    "plain text": b"!\x01" + subblocks(b"\0" * 12, b"the sender"),
    "XMP": b"!\xff\x0bXMP DataXMP" + XMP + b"\1" + bytes(range(255, -1, -1)) + b"\0",
    "another application": application(b"MGK8BIM0000", b"the sender"),
    "an application of a short name": application(b"abc", b"the sender"),
    "an application of no name": b"!\xff\0",
    "an unknown extension": b"!\x42" + subblocks(b"the sender"),
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("place", ["before the frames", "at the end"])
def test_every_other_block_goes_unless_it_is_to_be_kept(name, place):
    at = FIRST if place == "before the frames" else len(PLAIN) - 1
    whole = PLAIN[:at] + FOREIGN[name] + PLAIN[at:]

    assert rewrite(whole) == PLAIN
    assert rewrite(whole + b"tail", keep_metadata=True) == whole


def test_frames_durations_and_pixels_are_as_before():
    whole = animated("gif", 5, comment=b"the sender")
    before, after = Image.open(io.BytesIO(whole)), Image.open(io.BytesIO(rewrite(whole)))

    assert b"the sender" not in rewrite(whole)
    assert before.n_frames == after.n_frames == 5
    for number in range(5):
        before.seek(number)
        after.seek(number)
        assert before.convert("RGBA").tobytes() == after.convert("RGBA").tobytes()
        assert before.info["duration"] == after.info["duration"]


@pytest.mark.parametrize("size", [(10, 10), (30, 20), (0, 0)])
def test_the_first_frame_may_be_larger_than_the_screen_as_pillow_has_it(size):
    whole = screen(*size) + frame(5, 5, 20, 10) + b";"

    assert (walk(whole).width, walk(whole).height) == Image.open(io.BytesIO(whole)).size


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(1, 255), min_size=1, max_size=900), seed=st.integers(0, 255))
def test_sub_blocks_are_passed_over_whatever_their_sizes(sizes, seed):
    body = subblocks(*(bytes([seed]) * size for size in sizes))
    whole = of(b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2" + body, b"!\xfe" + body)

    found = walk(whole + b"tail")

    assert found.end == len(whole)
    assert rewrite(whole) == whole.replace(b"!\xfe" + body, b"")


REFUSED = {
    "another version": b"GIF88a" + PLAIN[6:],
    "no frame": of(LOOP),
    "no frame and no palette": b"GIF89a\x0a\0\x0a\0\0\0\0;",
    "a frame of no pixels": of(frame(0, 0, 0, 5)),
    "a frame of no data": of(frame()[:-4] + b"\0"),
    "a frame coded in 0 bits": of(frame()[:-5] + b"\0" + FRAME[1:]),
    "a frame coded in 12 bits": of(frame()[:-5] + b"\x0c" + FRAME[1:]),
    "an unknown block": of(frame(), b"?"),
    "a zero between blocks": of(frame(), b"\0", frame()),
    "a script": b"GIF89a<script>alert(1)</script>",
    "no end": PLAIN[:-1],
}


@pytest.mark.parametrize("name", REFUSED)
def test_broken_files_are_refused(name):
    with pytest.raises(BadImage) as caught:
        walk(REFUSED[name])

    assert type(caught.value) is BadImage


def test_what_is_cut_off_anywhere_is_refused():
    whole = make("gif", comment=b"a comment")

    for length in range(6, len(whole)):
        with pytest.raises(BadImage):
            walk(whole[:length])


def test_a_later_frame_cannot_enlarge_the_canvas_over_the_bound():
    with pytest.raises(TooManyPixels):
        walk(of(frame(), frame(0, 0, 65535, 65535)))
    with pytest.raises(TooManyPixels):
        walk(of(frame(), frame(65535, 65535)))
    with pytest.raises(TooManyPixels, match="50,000,000"):  # though both frames together are within the other bound
        walk(of(frame(), frame(0, 0, 7072, 7072)))
    with pytest.raises(TooManyPixels, match="in all"):
        walk(screen(7000, 7000) + frame() * 1000 + b";")


def test_bounds_are_kept():
    assert walk(many_frames(500)).frames == 500
    with pytest.raises(TooManyFrames):
        walk(many_frames(501))
    with pytest.raises(TooComplex):
        walk(of(frame(), b"!\xfe\0" * 1000), max_parts=1000)
    with pytest.raises(TooComplex):
        walk(of(frame(), b"!\xfe" + subblocks(*[b"a"] * 1000)), max_parts=1000)
