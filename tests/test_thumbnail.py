"""What a thumbnail looks like: upright, in sRGB, small, of the first frame; and what is told of it."""

import io
import struct
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageOps

from app.decoding import DecoderPool, Drawn
from app.errors import BadImage
from tests import samples

RED, GREEN, BLUE = (220, 20, 30), (20, 200, 40), (30, 40, 210)


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    with closing(DecoderPool(1, convert_timeout_s=30)) as pool:
        yield pool


def draw(pool: DecoderPool, data: bytes, content_type: str = "image/png") -> tuple[Image.Image, Drawn]:
    target = io.BytesIO()
    drawn = pool.draw(io.BytesIO(data), target, content_type)
    return Image.open(target), drawn


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def near(pixel: Any, color: tuple[int, ...], tolerance: int = 25) -> bool:
    return all(abs(one - other) <= tolerance for one, other in zip(pixel, color, strict=False))


def halves(mode: str = "RGB", left: Any = RED, right: Any = BLUE, size: tuple[int, int] = (800, 600)) -> Image.Image:
    image = Image.new(mode, size, left)
    image.paste(right, (size[0] // 2, 0, *size))
    return image


@pytest.mark.parametrize("kind", samples.TYPES)
def test_every_kind_of_image_has_one(pool: DecoderPool, kind: str) -> None:
    thumbnail, drawn = draw(pool, samples.make(kind, 1600, 1200), samples.TYPES[kind])

    assert (thumbnail.format, thumbnail.size) == ("WEBP", (400, 300))
    assert (drawn.width, drawn.height, drawn.damage) == (400, 300, None)


@pytest.mark.parametrize("size", [(1, 1), (400, 400), (64, 48), (3, 2000)])
def test_it_is_never_larger_than_the_image_and_has_its_shape(pool: DecoderPool, size: tuple[int, int]) -> None:
    thumbnail, _ = draw(pool, saved(halves(size=size)))

    scale = min(1, 400 / max(size))
    assert thumbnail.size == tuple(max(1, round(side * scale)) for side in size)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_upright(pool: DecoderPool, orientation: int) -> None:
    image = samples.oriented(orientation)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(image)))

    thumbnail, _ = draw(pool, image, "image/jpeg")

    assert thumbnail.size == upright.size
    there, here = (list(one.convert("RGB").resize((4, 4)).get_flattened_data()) for one in (thumbnail, upright))
    assert all(near(one, other, 30) for one, other in zip(there, here, strict=True))


def test_it_is_in_the_colours_that_the_profile_means(pool: DecoderPool) -> None:
    swapped = _profile_with_swapped_red_and_green()

    thumbnail, _ = draw(pool, saved(halves(left=RED, right=RED), icc_profile=swapped))

    red, green, _ = thumbnail.convert("RGB").getpixel((200, 150))
    assert green > red + 100
    assert thumbnail.info.get("icc_profile") is None


def _profile_with_swapped_red_and_green() -> bytes:
    """sRGB whose tags of red and green have changed places."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    entries = {bytes(profile[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, green = entries[b"rXYZ"], entries[b"gXYZ"]
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize("profile", [b"no profile", bytes(200)])
def test_a_broken_profile_is_as_good_as_none(pool: DecoderPool, profile: bytes) -> None:
    thumbnail, _ = draw(pool, saved(halves(), icc_profile=profile))

    assert near(thumbnail.convert("RGB").getpixel((50, 150)), RED)


def test_cmyk_becomes_what_it_looks_like(pool: DecoderPool) -> None:
    thumbnail, _ = draw(pool, saved(halves("CMYK", (0, 255, 255, 0), (255, 0, 255, 0)), "JPEG"), "image/jpeg")

    shown = thumbnail.convert("RGB")
    assert near(shown.getpixel((50, 150)), (255, 0, 0), 40) and near(shown.getpixel((350, 150)), (0, 255, 0), 40)


def test_sixteen_bits_of_grey_keep_their_shades(pool: DecoderPool) -> None:
    image = Image.frombytes("I;16", (256, 1), b"".join(struct.pack("<H", 257 * i) for i in range(256)))

    thumbnail, _ = draw(pool, saved(image.resize((256, 16))))

    shades = [thumbnail.convert("L").getpixel((x, 8)) for x in (10, 128, 245)]
    assert all(abs(shade - x) < 20 for shade, x in zip(shades, (10, 128, 245), strict=True))


def test_a_palette_is_not_scaled_by_its_numbers(pool: DecoderPool) -> None:
    thumbnail, _ = draw(pool, saved(halves().quantize(4)))

    shown = thumbnail.convert("RGB")
    assert near(shown.getpixel((50, 150)), RED) and near(shown.getpixel((350, 150)), BLUE)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_one_sees_through_stays_so(pool: DecoderPool, mode: str) -> None:
    image = halves("RGBA", (*RED, 255), (*BLUE, 0))
    data = saved(image.quantize(8), transparency=None) if mode == "P" else saved(image.convert(mode))

    thumbnail, _ = draw(pool, data)

    shown = thumbnail.convert("RGBA")
    assert (shown.getpixel((50, 150))[3], shown.getpixel((350, 150))[3]) == (255, 0)


@pytest.mark.parametrize("kind", ["png", "gif", "webp", "avif"])
def test_of_an_animation_it_is_the_first_frame(pool: DecoderPool, kind: str) -> None:
    frames = [Image.new("RGB", (80, 60), color) for color in (RED, GREEN, BLUE)]
    data = saved(frames[0], kind.upper(), save_all=True, append_images=frames[1:], duration=100)

    thumbnail, drawn = draw(pool, data, samples.TYPES[kind])

    assert near(thumbnail.convert("RGB").getpixel((40, 30)), RED)
    assert drawn.damage is None


def test_a_later_frame_that_no_decoder_reads_is_told_and_the_first_is_shown(pool: DecoderPool) -> None:
    whole = samples.animated("png", 4)
    fifth, tenth = len(whole) // 5, len(whole) // 10
    damaged = whole[:-fifth] + b"\xff" * (fifth - tenth) + whole[-tenth:]

    thumbnail, drawn = draw(pool, damaged)

    assert thumbnail.size == (64, 48)
    assert drawn.damage


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp"])
def test_an_image_that_no_decoder_reads_has_none(pool: DecoderPool, kind: str) -> None:
    target = io.BytesIO()

    with pytest.raises(BadImage):
        pool.draw(io.BytesIO(samples.make(kind, 200, 150)[:-400]), target, samples.TYPES[kind])
    assert target.getvalue() == b""


def test_no_metadata_is_in_it(pool: DecoderPool) -> None:
    thumbnail, _ = draw(pool, samples.telling("jpeg"), "image/jpeg")

    assert not thumbnail.getexif() and not {"exif", "xmp", "icc_profile", "comment"} & set(thumbnail.info)


def test_the_colour_is_the_most_frequent_one(pool: DecoderPool) -> None:
    image = Image.new("RGB", (400, 300), GREEN)
    image.paste(RED, (0, 0, 150, 300))

    _, drawn = draw(pool, saved(image))

    assert near(bytes.fromhex(drawn.color[1:]), GREEN)
