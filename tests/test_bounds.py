"""What hostile files cost: the bounds of app/images.py and app/metadata.py, in pixels, frames, memory and surprises."""

import io
import time
import tracemalloc
import zlib

import pytest

from app import images, metadata
from app.containers.base import Bounds
from app.errors import BadImage, Refused, TooComplex, TooManyFrames, TooManyPixels
from tests import samples


def inspect(data: bytes, **bounds: int) -> images.Inspection:
    return images.inspect(io.BytesIO(data), Bounds(**bounds))


def test_a_large_file_takes_little_memory(tmp_path):
    whole, path = samples.make("png"), tmp_path / "large"
    piece = samples.chunk(b"IDAT", b"x" * 1024 * 1024)
    with path.open("wb") as file:
        file.write(whole[:-12])
        for _ in range(40):
            file.write(piece)
        file.write(whole[-12:])
    with path.open("rb") as source, (tmp_path / "stripped").open("wb") as target:
        tracemalloc.start()
        metadata.strip(source, target, images.inspect(source, Bounds()).container)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert (tmp_path / "stripped").stat().st_size == path.stat().st_size > 40_000_000
    assert most < 4_000_000


@pytest.mark.parametrize(("width", "height", "is_taken"), [(7071, 7071, True), (50_000_001, 1, False)])
def test_the_bound_of_pixels_by_default_is_fifty_megapixels(width, height, is_taken):
    data = bytearray(samples.png_header(width, height))
    data[24:26] = b"\1\0"  # one bit a pixel
    data = bytes(data[:29]) + zlib.crc32(data[12:29]).to_bytes(4, "big")
    data += samples.chunk(b"IDAT", zlib.compress(bytes(height * (1 + (width + 7) // 8)), 1)) + samples.chunk(
        b"IEND", b""
    )

    if is_taken:
        assert inspect(data).width == width
    else:
        with pytest.raises(TooManyPixels):
            inspect(data)


@pytest.mark.parametrize("name", samples.huge())
def test_a_file_that_says_it_is_huge_is_refused_without_memory(name):
    data = samples.huge()[name]
    tracemalloc.start()

    with pytest.raises(TooManyPixels):
        inspect(data)

    assert tracemalloc.get_traced_memory()[1] < 8_000_000
    tracemalloc.stop()


def test_the_bound_of_pixels_is_exact():
    assert inspect(samples.make("png", 100, 50), max_pixels=5000).width == 100
    with pytest.raises(TooManyPixels, match="5,000"):
        inspect(samples.make("png", 101, 50), max_pixels=5000)


def test_too_many_frames_are_refused_and_as_many_as_allowed_are_taken():
    assert inspect(samples.many_frames(500)).container.frames == 500
    with pytest.raises(TooManyFrames):
        inspect(samples.many_frames(501))


def test_the_pixels_of_all_frames_are_bounded():
    with pytest.raises(TooManyPixels):
        inspect(samples.animated("gif", 4), max_pixels=64 * 48, max_total_pixels=64 * 48 * 3)


def test_a_jpeg_of_too_many_scans_is_refused():
    with pytest.raises(TooComplex):
        inspect(samples.many_scans())


def test_many_text_chunks_are_read_in_one_go():
    data = samples.make("png")
    flood = data[:33] + samples.chunk(b"tEXt", b"a\0b") * 100_000 + data[33:]
    out = io.BytesIO()

    metadata.strip(io.BytesIO(flood), out, inspect(flood).container)

    assert out.getvalue() == data


FLOODS = {
    "text chunks": lambda: samples.make("png")[:33] + samples.chunk(b"tEXt", b"a\0b") * 300_000,
    "empty segments": lambda: b"\xff\xd8" + b"\xff\xfe\0\2" * 1_000_000,
    "Huffman tables": lambda: b"\xff\xd8" + (b"\xff\xc4\0\x8a" + b"\0" * 136) * 40_000,
    "fill bytes between segments": lambda: b"\xff\xd8" + b"\xff" * 6_000_000,
    "fill bytes in a scan": lambda: samples.make("jpeg")[:-2] + (b"\xff" * 20_000 + b"\0") * 300,
    "stuffed zeros": lambda: samples.make("jpeg")[:-2] + b"\xff\0" * 3_000_000,
    "scans": samples.many_scans,
    "frames": lambda: samples.many_frames(300_000),
    "empty comments": lambda: samples.many_frames(1)[:-1] + b"!\xfe\0" * 2_000_000,
    "sub-blocks of one byte": lambda: samples.many_frames(1)[:-1] + b"!\xfe" + b"\1a" * 3_000_000,
}


def cost(work):
    """Return how much CPU it takes, as a ratio to counting before and after it: machines change their pace."""

    def seconds(what):
        started = time.process_time()
        what()
        return time.process_time() - started

    before, took, after = seconds(count), seconds(work), seconds(count)
    return 2 * took / (before + after)


def count():
    sum(1 for _ in range(2_000_000))  # 0.07 s where the floods took 1.2 at most


@pytest.mark.parametrize("name", FLOODS)
def test_a_few_megabytes_of_the_smallest_parts_cost_a_few_seconds_at_most(name):
    flood = FLOODS[name]()

    def refuse():
        with pytest.raises(BadImage):  # each is cut off, or has too many parts
            inspect(flood)

    assert cost(refuse) < 45


def test_libmagic_does_not_brood_over_empty_lines():
    def refuse():
        with pytest.raises(Refused):
            inspect(b"\n" * 65536)

    assert cost(refuse) < 5  # ten times what it costs now, if it were given all of them
