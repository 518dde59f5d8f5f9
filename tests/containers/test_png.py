"""app/containers/png.py: which chunks stay, which go, and which files are refused."""

import io
import struct
import zlib

import pytest
from PIL import Image

from app.containers import exif, png
from app.containers.base import Bounds
from app.errors import BadImage, TooComplex, TooManyFrames, TooManyPixels
from tests.samples import animated, chunk, make, picture, png_header

PLAIN = make("png")
HEAD, REST = PLAIN[:33], PLAIN[33:]
END = chunk(b"IEND", b"")


def walk(data: bytes, **bounds: int) -> png.Container:
    return png.walk(io.BytesIO(data), Bounds(**bounds))


def rewrite(data: bytes, *, keep_metadata: bool = False) -> bytes:
    out = io.BytesIO()
    png.rewrite(io.BytesIO(data), out, walk(data), keep_metadata=keep_metadata)
    return out.getvalue()


def header(width: int, height: int, depth: int, color: int, *rest: int) -> bytes:
    body = struct.pack(">IIBBBBB", width, height, depth, color, *(rest or (0, 0, 0)))
    return png.SIGNATURE + chunk(b"IHDR", body)


def data(raw: bytes) -> bytes:
    return chunk(b"IDAT", zlib.compress(raw))


def frame(sequence: int, width: int = 4, height: int = 4, x: int = 0, y: int = 0) -> bytes:
    return chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, width, height, x, y, 1, 10, 0, 0))


def more(sequence: int) -> bytes:
    return chunk(b"fdAT", struct.pack(">I", sequence) + zlib.compress(b"\0" * 20))


def control(frames: int) -> bytes:
    return chunk(b"acTL", struct.pack(">II", frames, 0))


GREY = header(4, 4, 8, 0)
PIXELS = data(b"\0" * 20)


def test_a_png_is_walked_to_its_end():
    found = walk(PLAIN + b"what stands behind it")

    assert (found.content_type, found.width, found.height, found.frames) == ("image/png", 64, 48, 1)
    assert found.end == len(PLAIN)


LOOKS = b"tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD pHYs sPLT hIST".split()
TELLS = b"tEXt zTXt iTXt tIME eXIf caBX dSIG iDOT prVt vpAg oFFs".split()


@pytest.mark.parametrize("kind", LOOKS)
def test_chunks_that_say_how_the_picture_looks_stay(kind):
    whole = HEAD + chunk(kind, b"\1\2\3") + REST

    assert rewrite(whole) == whole


@pytest.mark.parametrize("kind", TELLS)
@pytest.mark.parametrize("is_behind", [False, True])
def test_every_other_chunk_goes_unless_it_is_to_be_kept(kind, is_behind):
    body = chunk(kind, b"the sender")
    whole = PLAIN[:-12] + body + PLAIN[-12:] if is_behind else HEAD + body + REST

    assert rewrite(whole) == PLAIN
    assert rewrite(whole + b"tail", keep_metadata=True) == whole


@pytest.mark.parametrize("is_behind", [False, True])
def test_the_orientation_is_written_alone_and_in_front(is_behind):
    block = chunk(b"eXIf", exif.minimal(8) + b"and the sender")
    whole = PLAIN[:-12] + block + PLAIN[-12:] if is_behind else HEAD + block + REST

    after = rewrite(whole)

    assert walk(whole).orientation == 8
    assert after == HEAD + chunk(b"eXIf", exif.minimal(8)) + REST
    assert rewrite(after) == after


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff",
        b"MM\0*\0\0\0\0",
        b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\x09\0\0",  # there is no orientation 9
        b"MM\0*\0\0\0\x08\0\1\x01\x12\0\4\0\0\0\1\0\0\0\6\0\0\0\0",  # a number of the wrong kind
        b"MM\0*\0\0\0\x08\0\1\x01\x0f\0\3\0\0\0\1\0\6\0\0\0\0\0\x08",  # a directory that leads to itself
        exif.minimal(6)[:-8],
        b"\xff" * 70_000,
    ],
)
def test_exif_that_makes_no_sense_has_no_orientation(block):
    whole = HEAD + chunk(b"eXIf", block) + REST

    assert walk(whole).orientation == 1
    assert rewrite(whole) == PLAIN


@pytest.mark.parametrize("color", range(8))
@pytest.mark.parametrize("depth", [0, 1, 2, 3, 4, 8, 16, 32])
def test_just_the_depths_that_the_standard_knows_are_taken(color, depth):
    palette = chunk(b"PLTE", b"\0\0\0\xff\xff\xff")
    whole = header(4, 4, depth, color) + palette + data(b"\0" * 200) + END
    known = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}

    if depth in known.get(color, ()):
        assert walk(whole).width == 4
    else:
        with pytest.raises(BadImage, match="header"):
            walk(whole)


def test_image_data_in_chunks_of_one_byte_is_taken():
    packed = zlib.compress(b"\0" * 20)
    pieces = b"".join(chunk(b"IDAT", packed[i : i + 1]) for i in range(len(packed)))
    whole = GREY + chunk(b"IDAT", b"") + pieces + END

    assert walk(whole).end == len(whole)
    assert Image.open(io.BytesIO(rewrite(whole))).tobytes() == b"\0" * 16


@pytest.mark.parametrize(
    "whole",
    [
        control(2) + frame(0) + PIXELS + frame(1, 2, 2, 1, 1) + more(2),
        control(1) + PIXELS + frame(0) + more(1),  # the still picture is none of the frames
        control(2) + frame(0) + PIXELS + PIXELS + frame(1) + more(2) + more(3),
    ],
)
def test_animations_are_taken(whole):
    whole = GREY + whole + END

    assert walk(whole).frames in (1, 2)
    assert rewrite(whole) == whole


@pytest.mark.parametrize("kind", [b"tEXt", b"iCCP", b"eXIf", b"gAMA", b"prVt"])
def test_a_chunk_that_is_not_needed_goes_if_it_is_damaged_even_if_metadata_is_kept(kind):
    note, damaged = chunk(b"tEXt", b"a\0b"), chunk(kind, exif.minimal(6))[:-1] + b"!"
    whole = HEAD + note + damaged + REST

    assert walk(whole).orientation == 1
    assert rewrite(whole) == PLAIN
    assert rewrite(whole, keep_metadata=True) == HEAD + note + REST


REFUSED = {
    "no header": png.SIGNATURE + PIXELS + END,
    "header too short": png.SIGNATURE + chunk(b"IHDR", b"\0" * 12) + PIXELS + END,
    "two headers": GREY + GREY[8:] + PIXELS + END,
    "no width": header(0, 4, 8, 0) + PIXELS + END,
    "height over 2^31": header(4, 2**31, 8, 0) + PIXELS + END,
    "unknown compression": header(4, 4, 8, 0, 1, 0, 0) + PIXELS + END,
    "unknown filter": header(4, 4, 8, 0, 0, 1, 0) + PIXELS + END,
    "unknown interlace": header(4, 4, 8, 0, 0, 0, 2) + PIXELS + END,
    "no data": GREY + END,
    "empty data": GREY + chunk(b"IDAT", b"") + END,
    "far too little data": png_header(5000, 5000) + PIXELS + END,
    "data that is not zlib": GREY + chunk(b"IDAT", b"GIF89a" * 9) + END,
    "zlib with a dictionary": GREY + chunk(b"IDAT", b"\x78\x20" + b"\0" * 20) + END,
    "data in two places": GREY + PIXELS + chunk(b"tEXt", b"a\0b") + PIXELS + END,
    "no palette": header(4, 4, 8, 3) + PIXELS + END,
    "palette behind the data": header(4, 4, 8, 2) + data(b"\0" * 52) + chunk(b"PLTE", b"abc") + END,
    "palette of 257 colours": header(4, 4, 8, 3) + chunk(b"PLTE", b"abc" * 257) + PIXELS + END,
    "palette of 4 bytes": header(4, 4, 8, 3) + chunk(b"PLTE", b"abcd") + PIXELS + END,
    "two palettes": header(4, 4, 8, 3) + chunk(b"PLTE", b"abc") * 2 + PIXELS + END,
    "an unknown critical chunk": HEAD + chunk(b"CgBI", b"\0" * 4) + REST,
    "a chunk over 2^31": HEAD + b"\xff\xff\xff\xfftEXt" + REST,
    "a chunk larger than the file": HEAD + b"\x7f\xff\xff\xfftEXt" + REST,
    "a chunk without a name": HEAD + chunk(b"t\0Xt", b"") + REST,
    "a wrong checksum in what is needed": HEAD + REST.replace(b"IDAT", b"IDAU", 1),
    "a wrong checksum in the header": PLAIN[:32] + bytes([PLAIN[32] ^ 1]) + REST,
    "a wrong checksum in an animation": GREY + control(1)[:-1] + b"!" + frame(0) + PIXELS + END,
    "a damaged chunk instead of the header": png.SIGNATURE + chunk(b"tEXt", b"a\0b")[:-1] + b"!" + PLAIN[8:],
    "an end with something in it": PLAIN[:-12] + chunk(b"IEND", b"!"),
    "no end": PLAIN[:-12],
    "more frames announced": GREY + control(3) + frame(0) + PIXELS + frame(1) + more(2) + END,
    "fewer frames announced": GREY + control(1) + frame(0) + PIXELS + frame(1) + more(2) + END,
    "two billion frames announced": GREY + control(2**31 - 1) + frame(0) + PIXELS + END,
    "no frames announced": GREY + control(0) + PIXELS + END,
    "announced twice": GREY + control(1) * 2 + frame(0) + PIXELS + END,
    "announced too late": GREY + PIXELS + control(1) + frame(0) + more(1) + END,
    "frames not announced": GREY + frame(0) + PIXELS + END,
    "a frame without data": GREY + control(2) + frame(0) + PIXELS + frame(1) + END,
    "data without a frame": GREY + control(1) + PIXELS + more(0) + frame(1) + more(2) + END,
    "frames out of order": GREY + control(2) + frame(0) + PIXELS + frame(5) + more(2) + END,
    "frame data out of order": GREY + control(2) + frame(0) + PIXELS + frame(1) + more(1) + END,
    "a first frame that is smaller": GREY + control(1) + frame(0, 2, 2) + PIXELS + END,
    "a frame outside of the picture": GREY + control(2) + frame(0) + PIXELS + frame(1, 4, 4, 1, 0) + more(2) + END,
    "a frame of no pixels": GREY + control(2) + frame(0) + PIXELS + frame(1, 0, 4) + more(2) + END,
}


@pytest.mark.parametrize("name", REFUSED)
def test_broken_files_are_refused(name):
    with pytest.raises(BadImage) as caught:
        walk(REFUSED[name])

    assert type(caught.value) is BadImage


def test_what_is_cut_off_anywhere_is_refused():
    whole = animated("png", 2)

    for length in range(8, len(whole), 97):
        with pytest.raises(BadImage):
            walk(whole[:length])


def test_bounds_are_kept():
    many = control(9) + frame(0) + PIXELS + b"".join(frame(2 * i - 1) + more(2 * i) for i in range(1, 9))

    with pytest.raises(TooManyPixels):
        walk(png_header(7072, 7072))
    with pytest.raises(TooManyFrames):
        walk(GREY + many + END, max_frames=8)
    with pytest.raises(TooManyPixels, match="in all"):
        walk(GREY + many + END, max_total_pixels=8 * 16)
    assert walk(GREY + many + END, max_frames=9, max_total_pixels=9 * 16).frames == 9


def test_a_flood_of_chunks_is_refused():
    with pytest.raises(TooComplex):
        walk(HEAD + chunk(b"tEXt", b"a\0b") * 1000 + REST, max_parts=999)
    with pytest.raises(TooComplex):
        walk(HEAD + (chunk(b"tEXt", b"a\0b") + chunk(b"pHYs", b"")) * 50_001 + REST)


def test_text_that_inflates_to_much_is_not_inflated():
    bomb = chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 10_000_000))

    assert rewrite(HEAD + bomb * 9 + REST) == PLAIN


def test_pillow_reads_the_same_pixels_afterwards():
    file = io.BytesIO()
    picture(33, 21, "P").save(file, "PNG", transparency=3, dpi=(72, 72), bits=8)

    after = Image.open(io.BytesIO(rewrite(file.getvalue())))

    assert after.convert("RGBA").tobytes() == Image.open(file).convert("RGBA").tobytes()
    assert after.info["dpi"] == Image.open(file).info["dpi"]
