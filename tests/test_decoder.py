"""What a decoder makes of images: which are broken, and what becomes of those that are converted."""

import io
import struct
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageOps

from app.decoding import DecoderPool
from app.errors import BadImage
from tests import samples


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    with closing(DecoderPool(1, verify_timeout_s=20, convert_timeout_s=20)) as pool:
        yield pool


@pytest.mark.parametrize("kind", samples.TYPES)
def test_every_kind_of_image_is_verified(pool: DecoderPool, kind: str) -> None:
    verify(pool, samples.make(kind, 200, 150), samples.TYPES[kind])


@pytest.mark.parametrize("kind", ["png", "gif", "webp", "avif"])
def test_every_frame_of_an_animation_is_decoded(pool: DecoderPool, kind: str) -> None:
    whole = samples.animated(kind, 4, **({"lossless": True} if kind == "webp" else {}))
    fifth, tenth = len(whole) // 5, len(whole) // 10
    damaged = whole[:-fifth] + b"\xff" * (fifth - tenth) + whole[-tenth:]
    Image.open(io.BytesIO(damaged)).load()  # the first frame is sound

    verify(pool, whole, samples.TYPES[kind])
    with pytest.raises(BadImage):
        verify(pool, bytes(damaged), samples.TYPES[kind])


def test_of_a_phone_photo_only_the_picture_itself_counts(pool: DecoderPool) -> None:
    file, second = io.BytesIO(), samples.picture(seed=2).copy()
    samples.picture().save(file, "MPO", save_all=True, append_images=[second])
    broken = file.getvalue()[:-300]

    verify(pool, broken, "image/jpeg")


def test_a_wide_gamut_profile_of_two_megabytes_is_no_fault(pool: DecoderPool) -> None:
    verify(pool, samples.make("png", icc_profile=bytes(2 << 20)))


BROKEN = {kind: (samples.make(kind, 200, 150)[:-400], samples.TYPES[kind]) for kind in samples.TYPES if kind != "heif"}
BROKEN |= {
    "heic": (samples.make("heif")[:-100], "image/heic"),
    "nothing": (b"", "image/png"),
    "text": (b"<html>hello</html>", "image/gif"),
    "another type": (samples.make("png"), "image/jpeg"),
    "a bit of a PNG": (samples.make("png").replace(b"IDAT", b"IDAT\x01", 1), "image/png"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_image_is_refused(pool: DecoderPool, name: str) -> None:
    data, content_type = BROKEN[name]

    with pytest.raises(BadImage, match=r"cannot be decoded: [A-Za-z]+$"):
        verify(pool, data, content_type)


def verify(pool: DecoderPool, data: bytes, content_type: str = "image/png") -> None:
    pool.verify(io.BytesIO(data), content_type)


def saved(image: Image.Image, kind: str = "TIFF", **options: Any) -> bytes:
    file = io.BytesIO()
    image.copy().save(file, kind, **options)  # Pillow keeps some options in the image
    return file.getvalue()


def converted(pool: DecoderPool, data: bytes, content_type: str = "image/tiff", to: str = "image/png") -> Image.Image:
    target = io.BytesIO()
    size = pool.convert(io.BytesIO(data), target, content_type, to)
    image = Image.open(target, formats=[to.removeprefix("image/").upper()])

    assert image.size == size
    return image


def deep(mode: str) -> Image.Image:
    """Return a picture of 16 bits a sample."""
    return Image.frombytes(mode, (64, 48), samples.picture(mode="RGB").convert("LA").tobytes())


def see_through(image: Image.Image) -> Image.Image:
    """Return the picture with its left half hardly to be seen."""
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


SAME = {
    "bilevel": samples.picture(mode="1"),
    "grey": samples.picture(mode="L"),
    "grey, see-through": samples.picture(mode="LA"),
    "palette": samples.picture(mode="P"),
    "RGB": samples.picture(),
    "RGB, see-through": see_through(samples.picture().copy()),
    "16 bits": deep("I;16"),
}


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
def test_a_tiff_becomes_a_png_of_the_very_same_samples(pool: DecoderPool, name: str, compression: str | None) -> None:
    image = SAME[name]
    shown = converted(pool, saved(image, compression=compression))

    assert shown.mode == image.mode
    assert shown.tobytes() == image.tobytes()
    assert shown.convert("RGBA").tobytes() == image.convert("RGBA").tobytes()


def test_a_big_endian_tiff_of_16_bits_keeps_them_all(pool: DecoderPool) -> None:
    image = deep("I;16B")
    shown = converted(pool, saved(image))

    assert shown.mode == "I;16"
    assert [shown.getpixel((x, 7)) for x in range(64)] == [image.getpixel((x, 7)) for x in range(64)]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_a_bmp_becomes_a_png_of_the_very_same_pixels(pool: DecoderPool, mode: str) -> None:
    data = saved(samples.picture(mode=mode), "BMP")
    shown = converted(pool, data, "image/bmp")

    assert shown.convert("RGB").tobytes() == Image.open(io.BytesIO(data)).convert("RGB").tobytes()


def test_ycbcr_and_premultiplied_samples_become_rgb(pool: DecoderPool) -> None:
    assert converted(pool, saved(samples.picture(mode="YCbCr"))).mode == "RGB"
    assert difference(converted(pool, saved(samples.picture(), compression="jpeg", quality=95)), samples.picture()) < 5


def test_lab_becomes_srgb(pool: DecoderPool) -> None:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(samples.picture(), srgb, lab, outputMode="LAB")

    assert difference(converted(pool, saved(image)), samples.picture()) < 3


@pytest.mark.parametrize("mode", ["I", "F"])
def test_a_tiff_of_measurements_is_refused_with_a_reason(pool: DecoderPool, mode: str) -> None:
    target = io.BytesIO()

    with pytest.raises(BadImage, match=f"mode {mode}\\) are measurements"):
        pool.convert(io.BytesIO(saved(samples.picture().convert("L").convert(mode))), target, "image/tiff", "image/png")
    assert target.getvalue() == b""


def test_of_several_pages_the_first_is_taken(pool: DecoderPool) -> None:
    data = saved(samples.picture(seed=1), save_all=True, append_images=[samples.picture(seed=2).copy()])

    assert converted(pool, data).tobytes() == samples.picture(seed=1).tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_stands_upright(pool: DecoderPool, orientation: int) -> None:
    block = Image.Exif()
    block[0x0112] = orientation
    data = saved(samples.picture(), exif=block)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    shown = converted(pool, data)

    assert shown.size == ((64, 48) if orientation < 5 else (48, 64))
    assert shown.tobytes() == upright.tobytes()


def test_a_heic_becomes_a_jpeg_that_looks_the_same(pool: DecoderPool) -> None:
    shown = converted(pool, samples.make("heif", 320, 240), "image/heic", "image/jpeg")

    assert shown.mode == "RGB"
    assert shown.layer == [(1, 1, 1, 0), (2, 1, 1, 1), (3, 1, 1, 1)]  # 4:4:4
    assert difference(shown, samples.picture(320, 240)) < 5


def test_nothing_is_left_but_the_picture(pool: DecoderPool) -> None:
    tiff = saved(samples.picture(), exif=samples.exif(1), dpi=(300, 300), description=samples.SECRET.decode())
    heic = samples.make("heif", exif=samples.exif(1))
    jpeg, png = io.BytesIO(), io.BytesIO()
    pool.convert(io.BytesIO(tiff), png, "image/tiff", "image/png")
    pool.convert(io.BytesIO(heic), jpeg, "image/heic", "image/jpeg")

    assert samples.SECRET in tiff and samples.SECRET in heic
    assert samples.SECRET not in png.getvalue() + jpeg.getvalue()
    assert Image.open(png).info == {}
    assert set(Image.open(jpeg).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_the_colour_profile_stays_where_it_fits(pool: DecoderPool) -> None:
    rgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    assert converted(pool, saved(samples.picture(), icc_profile=rgb)).info["icc_profile"] == rgb
    assert "icc_profile" not in converted(pool, saved(samples.picture(mode="L"), icc_profile=rgb)).info


def test_ink_is_shown_as_its_profile_says(pool: DecoderPool) -> None:
    cyan = Image.new("CMYK", (8, 8), (255, 0, 0, 0))

    assert converted(pool, saved(cyan)).getpixel((4, 4)) == (0, 255, 255)
    assert converted(pool, saved(cyan, icc_profile=b"broken" * 40)).getpixel((4, 4)) == (0, 255, 255)
    assert max(converted(pool, saved(cyan, icc_profile=black_ink())).getpixel((4, 4))) < 8
    assert converted(pool, saved(cyan, icc_profile=black_ink())).info == {}


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of the samples of two RGB pictures, of 255."""
    pairs = zip(one.convert("RGB").tobytes(), other.convert("RGB").tobytes(), strict=True)
    return sum(abs(a - b) for a, b in pairs) / len(one.convert("RGB").tobytes())


def black_ink() -> bytes:
    """Return a CMYK profile in which every ink is black. Source: ICC.1:2001-04, 6.5.7 (lut8Type)."""
    line = bytes(range(256))
    points = b"".join(bytes([0 if point else 255, 128, 128]) for point in range(16))
    matrix = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + line * 4 + points + line * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    tags = [(b"A2B0", table), (b"wtpt", white)]
    head, body, place = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags:
        padded = data + bytes(-len(data) % 4)
        head += name + struct.pack(">II", place + len(body), len(data))
        body += padded
    rest = struct.pack(">I", len(tags)) + head + body
    start = struct.pack(">I4sI4s4s4s", 128 + len(rest), bytes(4), 0x02400000, b"prtr", b"CMYK", b"Lab ")
    start += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return start.ljust(128, b"\0") + rest
