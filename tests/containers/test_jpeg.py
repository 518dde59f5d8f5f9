"""app/containers/jpeg.py: which segments stay, which go, and which files are refused."""

import io
import random
import struct

import pytest
from PIL import Image

from app.containers import exif, jpeg
from app.containers.base import COPY_BYTES, Bounds
from app.errors import BadImage, TooComplex, TooManyPixels
from tests.samples import make, many_scans, picture

PLAIN = make("jpeg")
START, JFIF, REST = PLAIN[:2], PLAIN[2:20], PLAIN[20:]


def walk(data: bytes, **bounds: int) -> jpeg.JpegContainer:
    return jpeg.walk(io.BytesIO(data), Bounds(**bounds))


def rewrite(data: bytes, *, keep_metadata: bool = False) -> bytes:
    out = io.BytesIO()
    jpeg.rewrite(io.BytesIO(data), out, walk(data), keep_metadata=keep_metadata)
    return out.getvalue()


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def changed(old: bytes, new: bytes) -> bytes:
    assert old in PLAIN
    return PLAIN.replace(old, new, 1)


FRAME = PLAIN[PLAIN.index(b"\xff\xc0") :][:19]
SCAN = PLAIN[PLAIN.index(b"\xff\xda") :][:14]
QUANTIZATION = PLAIN[PLAIN.index(b"\xff\xdb") :][:69]
HUFFMAN = PLAIN[PLAIN.index(b"\xff\xc4") :][:33]


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {}),
        ("RGB", {"progressive": True}),
        ("RGB", {"quality": 100, "subsampling": 0}),
        ("RGB", {"restart_marker_blocks": 1}),
        ("RGB", {"optimize": True, "quality": 5}),
        ("L", {}),
        ("CMYK", {}),
        ("CMYK", {"progressive": True}),
    ],
)
def test_a_jpeg_is_walked_to_its_end_and_keeps_its_pixels(mode, options):
    whole = make("jpeg", 203, 151, mode=mode, **options)

    found, after = walk(whole + b"\xff\xd8what stands behind it\xff\xd9"), rewrite(whole + b"tail")

    assert (found.content_type, found.width, found.height, found.end) == ("image/jpeg", 203, 151, len(whole))
    assert Image.open(io.BytesIO(after)).tobytes() == Image.open(io.BytesIO(whole)).tobytes()
    assert rewrite(after) == after


@pytest.mark.parametrize(
    "body",
    [
        segment(0xE2, b"ICC_PROFILE\0\1\2" + b"a" * 60_000) + segment(0xE2, b"ICC_PROFILE\0\2\2" + b"b" * 60_000),
        segment(0xEE, b"Adobe\0d\0\0\0\0\1"),
        segment(0xDD, b"\0\0"),
    ],
)
def test_segments_that_say_how_the_picture_looks_stay(body):
    whole = START + JFIF + body + REST

    assert rewrite(whole) == whole


FOREIGN = {
    "a JFXX thumbnail": segment(0xE0, b"JFXX\0\x10the sender"),
    "EXIF": segment(0xE1, b"Exif\0\0" + exif.minimal(1) + b"the sender"),
    "XMP": segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0the sender"),
    "extended XMP": segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"the sender" * 6000),
    "FlashPix": segment(0xE2, b"FPXR\0the sender"),
    "IPTC": segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04the sender"),
    "a content credential": segment(0xEB, b"JP\0\1the sender"),
    "another Adobe": segment(0xEE, b"Adobf the sender"),
    "a comment": segment(0xFE, b"the sender"),
    "an empty comment": segment(0xFE, b""),
    **{f"APP{n}": segment(0xE0 + n, b"the sender") for n in range(16)},
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("place", ["in front", "before the scan"])
def test_every_other_segment_goes_unless_it_is_to_be_kept(name, place):
    at = PLAIN.index(SCAN) if place == "before the scan" else 2
    whole = PLAIN[:at] + FOREIGN[name] + PLAIN[at:]

    assert rewrite(whole) == PLAIN
    assert rewrite(whole + b"tail", keep_metadata=True) == whole


def test_the_index_of_further_images_goes_with_them_even_if_metadata_is_kept():
    index, note = segment(0xE2, b"MPF\0II*\0"), segment(0xFE, b"kept")
    whole = START + JFIF + index + note + REST + PLAIN

    assert rewrite(whole, keep_metadata=True) == START + JFIF + note + REST


def test_the_thumbnail_in_the_first_segment_goes():
    body = JFIF[4:16] + b"\2\1" + b"sender"

    assert rewrite(START + segment(0xE0, body) + REST) == PLAIN


@pytest.mark.parametrize("is_in_front", [True, False])
def test_the_orientation_is_written_alone(is_in_front):
    told, alone = (segment(0xE1, b"Exif\0\0" + exif.minimal(7) + more) for more in (b"the sender", b""))
    whole = START + told + JFIF + REST if is_in_front else START + JFIF + told + REST

    assert walk(whole).orientation == 7
    assert rewrite(whole) == START + JFIF + alone + REST
    assert rewrite(rewrite(whole)) == rewrite(whole)


def test_fill_bytes_and_a_scan_without_jfif_are_taken():
    whole = START + REST.replace(SCAN, b"\xff" * 70_000 + SCAN).replace(QUANTIZATION, b"\xff\xff" + QUANTIZATION)

    assert walk(whole).end == len(whole)
    assert Image.open(io.BytesIO(rewrite(whole))).tobytes() == Image.open(io.BytesIO(PLAIN)).tobytes()


ODD = {
    "bytes": b"\0a writer's mistake\xff\0",
    "a stuffed zero": b"\xff\0",
    "a restart": b"\xff\xd0",
    "TEM": b"\xff\x01",
    "many bytes": b"\xff\0junk" * 50_000,
    "fill bytes": b"\xff" * 3,
    "a height": segment(0xDC, b"\0\x30"),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("at", [20, PLAIN.index(SCAN)])
def test_what_decoders_pass_over_between_segments_is_dropped(name, at):
    whole = PLAIN[:at] + ODD[name] + PLAIN[at:]

    assert rewrite(whole, keep_metadata=name != "a height") == rewrite(whole) == PLAIN


def test_components_of_one_number_are_told_apart_by_their_order():
    ids, scan = (10, 13, 16), (5, 7, 9)
    frame, head = bytearray(FRAME), bytearray(SCAN)
    for place in ids:
        frame[place] = 1
    for place in scan:
        head[place] = 1
    whole = changed(FRAME, bytes(frame)).replace(SCAN, bytes(head))

    assert rewrite(whole) == whole
    assert Image.open(io.BytesIO(whole)).tobytes() == Image.open(io.BytesIO(PLAIN)).tobytes()


@pytest.mark.parametrize("offset", range(-4, 3))
def test_the_end_is_found_wherever_it_falls_among_the_blocks_that_are_read(offset):
    start = walk(PLAIN).end - 2
    begin = PLAIN.index(SCAN) + 14
    coded = PLAIN[begin:start].ljust(COPY_BYTES + offset, b"\x5a")
    whole = PLAIN[:begin] + coded + b"\xff\xd9"

    assert walk(whole + b"\xff\xd9").end == len(whole)


def test_stuffed_zeros_restarts_and_runs_of_fill_bytes_are_no_end():
    noise = random.Random(1).randbytes(100_000).replace(b"\xff", b"\xff\0")
    coded = noise + b"\xff\0\xff\xd0\xff\xd7" + b"\xff" * 1_000_000 + b"\0" + noise

    assert walk(PLAIN[:-2] + coded + b"\xff\xff\xd9").end == len(PLAIN) + len(coded) + 1


REFUSED = {
    "nothing but a beginning and an end": b"\xff\xd8\xff\xd9",
    "no header": PLAIN.replace(FRAME, b""),
    "two headers": changed(FRAME, FRAME * 2),
    "a hierarchical header": changed(b"\xff\xc0", b"\xff\xc5"),
    "no width": changed(FRAME, FRAME[:7] + b"\0\0" + FRAME[9:]),
    "a height to be told later": changed(FRAME, FRAME[:5] + b"\0\0" + FRAME[7:]),
    "five components": changed(FRAME, FRAME[:9] + b"\5" + FRAME[10:]),
    "a sampling of 0": changed(FRAME, FRAME[:11] + b"\x20" + FRAME[12:]),
    "quantization table 4": changed(FRAME, FRAME[:12] + b"\4" + FRAME[13:]),
    "a header of two bytes": changed(FRAME, segment(0xC0, b"\x08\0")),
    "no scan": PLAIN[: PLAIN.index(SCAN)] + b"\xff\xd9",
    "a scan of no component": changed(SCAN, segment(0xDA, b"\0\0\x3f\0")),
    "a scan of an unknown component": changed(SCAN, SCAN[:5] + b"\x09" + SCAN[6:]),
    "a scan that is too short": changed(SCAN, segment(0xDA, b"\3\1\0")),
    "a scan that is empty": changed(SCAN, segment(0xDA, b"")),
    "a quantization table that is cut off": changed(QUANTIZATION, segment(0xDB, QUANTIZATION[4:-1])),
    "a quantization table of a third precision": changed(QUANTIZATION, segment(0xDB, b"\x20" + b"\1" * 64)),
    "a Huffman table that is cut off": changed(HUFFMAN, segment(0xC4, HUFFMAN[4:-1])),
    "a Huffman table of 3 codes of 1 bit": changed(HUFFMAN, segment(0xC4, b"\0\3" + b"\0" * 15 + b"abc")),
    "a Huffman table with a code of ones alone": changed(HUFFMAN, segment(0xC4, b"\0\2" + b"\0" * 15 + b"ab")),
    "a Huffman table of a third class": changed(HUFFMAN, segment(0xC4, b"\x20" + HUFFMAN[5:])),
    "nine Huffman tables at once": changed(HUFFMAN, segment(0xC4, HUFFMAN[4:] * 9)),
    "a restart interval of 3 bytes": START + segment(0xDD, b"\0\0\0") + JFIF + REST,
    "a second beginning": START + START + JFIF + REST,
    "a segment of length 1": START + b"\xff\xe1\0\1" + JFIF + REST,
    "a segment larger than the file": PLAIN[:-500] + b"\xff\xfe\xff\xff" + PLAIN[-500:-2],
    "nothing but fill bytes": START + b"\xff" * 9,
    "a reserved segment": START + segment(0xF7, b"\0\0") + JFIF + REST,
    "no end": PLAIN[:-2],
    "half an end": PLAIN[:-1],
}


@pytest.mark.parametrize("name", REFUSED)
def test_broken_files_are_refused(name):
    with pytest.raises(BadImage) as caught:
        walk(REFUSED[name])

    assert type(caught.value) is BadImage


def test_what_is_cut_off_anywhere_is_refused():
    for length in range(2, len(PLAIN)):
        with pytest.raises(BadImage):
            walk(PLAIN[:length])


def test_bounds_are_kept():
    scans = len(make("jpeg", progressive=True).split(b"\xff\xda")) - 1

    assert walk(PLAIN, max_pixels=64 * 48).width == 64
    assert walk(make("jpeg", progressive=True), max_scans=scans).width == 64
    with pytest.raises(TooManyPixels):
        walk(PLAIN, max_pixels=64 * 48 - 1)
    with pytest.raises(TooComplex, match="scans"):
        walk(make("jpeg", progressive=True), max_scans=scans - 1)
    with pytest.raises(TooComplex, match="100 scans"):
        walk(many_scans(101))
    with pytest.raises(TooComplex, match="segments"):
        walk(START + segment(0xFE, b"") * 20_001 + JFIF + REST)


def test_the_head_is_enough_for_pillow_to_know_the_size():
    whole = START + b"".join(FOREIGN.values()) + JFIF + REST

    assert Image.open(io.BytesIO(jpeg.head(io.BytesIO(whole), walk(whole)))).size == picture().size
