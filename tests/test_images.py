"""app/images.py and the walkers: what is taken, what is refused, and what a refusal costs."""

import io
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from app import images, metadata
from app.containers.base import Bounds
from app.errors import BadImage, EmptyFile, Refused, TooComplex, TooManyFrames, TooManyPixels, UnsupportedType
from tests import samples


def inspect(data: bytes, **bounds: int) -> images.Inspection:
    return images.inspect(io.BytesIO(data), Bounds(**bounds))


@pytest.mark.parametrize("kind", samples.TYPES)
def test_each_kind_is_known_by_its_bytes(kind):
    found = inspect(samples.make(kind))

    assert found.content_type == samples.TYPES[kind]
    assert (found.width, found.height) == (64, 48) or kind == "heif"  # its encoder pads, and says what to cut off
    assert found.converts_to == {"heif": "image/jpeg", "tiff": "image/png", "bmp": "image/png"}.get(kind)


@pytest.mark.parametrize("kind", ["png", "gif", "webp", "avif"])
def test_frames_are_counted(kind):
    assert inspect(samples.animated(kind, 4)).container.frames == 4


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("png", "1", {}),
        ("png", "L", {}),
        ("png", "LA", {}),
        ("png", "P", {}),
        ("png", "RGBA", {}),
        ("png", "I;16", {}),
        ("jpeg", "L", {}),
        ("jpeg", "CMYK", {}),
        ("jpeg", "RGB", {"progressive": True}),
        ("jpeg", "RGB", {"icc_profile": b"x" * 200_000}),
        ("webp", "RGBA", {"lossless": True}),
        ("webp", "RGBA", {}),
        ("avif", "RGBA", {}),
        ("tiff", "CMYK", {}),
        ("bmp", "1", {}),
    ],
)
def test_odd_but_honest_images_are_taken(kind, mode, options):
    image, file = samples.picture().convert("RGB"), io.BytesIO()
    image = image.convert("L").convert(mode) if mode == "I;16" else image.convert(mode)
    image.save(file, kind.upper(), **options)

    assert inspect(file.getvalue()).content_type == samples.TYPES[kind]


def test_a_profile_over_a_megabyte_is_taken():
    assert inspect(samples.make("png", icc_profile=b"\0" * 2_000_000)).content_type == "image/png"


def test_a_phones_photo_that_pillow_calls_mpo_is_a_jpeg():
    file = io.BytesIO()
    samples.picture().save(file, "MPO", save_all=True, append_images=[samples.picture(seed=2)])
    out = io.BytesIO()

    found = inspect(file.getvalue())
    metadata.strip(file, out, found.container)

    assert found.content_type == "image/jpeg"
    assert Image.open(out).format == "JPEG"
    assert b"MPF\0" not in out.getvalue()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (b"<!doctype html><html><script>alert(1)</script>", "text/html"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf"),
        (b"PK\3\4\x14\0\0\0\0\0" + b"\0" * 40, "application/zip"),
        (b"a", ""),
        (b"\x7fELF\2\1\1" + b"\0" * 60, ""),
        (b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0" + b"\0" * 60, ""),
    ],
)
def test_what_is_no_image_is_refused_with_the_type_that_was_found(data, found):
    with pytest.raises(UnsupportedType) as caught:
        inspect(data)

    assert found in caught.value.found
    assert caught.value.found in str(caught.value)


def test_an_empty_file_is_refused():
    with pytest.raises(EmptyFile):
        inspect(b"")


@pytest.mark.parametrize("kind", samples.TYPES)
@pytest.mark.parametrize("part", [0.2, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_refused(kind, part):
    data = samples.make(kind, 200, 150)

    with pytest.raises(BadImage):
        inspect(data[: int(len(data) * part)])


@pytest.mark.parametrize(
    "data",
    [
        samples.make("png")[:-12],
        samples.make("jpeg")[:-2],
        samples.make("gif")[:-1],
        samples.make("png").replace(b"IDAT", b"IDAU", 1),
        samples.make("png")[:60] + b"\0" + samples.make("png")[61:],
        samples.png_header(10, 10) + samples.chunk(b"IEND", b""),
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xd9",
        b"GIF89a\x0a\0\x0a\0\0\0\0;",
        b"RIFF\x0c\0\0\0WEBPVP8 ",
    ],
)
def test_a_broken_container_is_refused(data):
    with pytest.raises(BadImage):
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


@pytest.mark.parametrize("orientation", range(1, 9))
def test_width_and_height_are_those_that_are_seen(orientation):
    found = inspect(samples.oriented(orientation))

    assert (found.width, found.height) == ((64, 48) if orientation < 5 else (48, 64))


def test_many_text_chunks_are_read_in_one_go():
    data = samples.make("png")
    flood = data[:33] + samples.chunk(b"tEXt", b"a\0b") * 100_000 + data[33:]
    out = io.BytesIO()

    metadata.strip(io.BytesIO(flood), out, inspect(flood).container)

    assert out.getvalue() == data


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_comes_is_taken_or_refused_by_name(data):
    kind = data.draw(st.sampled_from(list(samples.TYPES)))
    whole = bytearray(samples.telling(kind))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(whole) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "fill"])):
            case "flip":
                whole[place] ^= data.draw(st.integers(1, 255))
            case "cut":
                del whole[place : place + data.draw(st.integers(1, 40))]
            case "insert":
                whole[place:place] = data.draw(st.binary(max_size=20))
            case "fill":
                whole[place : place + 4] = data.draw(st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"]))
        if not whole:
            return
    out = io.BytesIO()
    try:
        found = inspect(bytes(whole))
    except Refused:
        return
    metadata.strip(io.BytesIO(bytes(whole)), out, found.container)
    again = inspect(out.getvalue())

    assert (again.content_type, again.width, again.height) == (found.content_type, found.width, found.height)
