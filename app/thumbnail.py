"""What a thumbnail is: a small picture of an image in WebP, its BlurHash and its most frequent colour.

Used in a decoder process alone, where every pixel may be dangerous.
"""

import io
from contextlib import suppress
from dataclasses import dataclass

import blurhash
from PIL import Image, ImageCms, ImageOps

SIDE = 400  # pixels of the longer side
_QUALITY = 75
_HASH_SIDE = 32  # four waves a side are all that the BlurHash holds
_COLORS = 8
_HIGH_BYTE = {"I;16": slice(1, None, 2), "I;16L": slice(1, None, 2), "I;16B": slice(0, None, 2)}


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """`webp` is the file, `width` and `height` its pixels; `color` as #rrggbb.

    Source of BlurHash: https://github.com/woltapp/blurhash/blob/master/Algorithm.md
    """

    webp: bytes
    width: int
    height: int
    blurhash: str
    color: str


def draw(image: Image.Image) -> Thumbnail:
    """Return the thumbnail of the frame that `image` is at: upright, in sRGB, never larger than the image.

    Changes `image`. Raises whatever Pillow does for one that is broken.
    """
    profile = image.info.get("icc_profile")
    small = _shrink(image)
    ImageOps.exif_transpose(small, in_place=True)
    shown = _in_srgb(small, profile)
    shown.info = {}  # Pillow's savers take metadata from it
    file = io.BytesIO()
    shown.save(file, "WEBP", quality=_QUALITY)
    return Thumbnail(file.getvalue(), *shown.size, _blurhash(shown), _color(shown))


def _shrink(image: Image.Image) -> Image.Image:
    """Return the image at most SIDE pixels wide and high, in a mode of eight bits that can be scaled."""
    if not image.mode.startswith(("RGB", "L", "CMYK", "YCbCr")):
        image = _in_eight_bits(image)
    # A JPEG is decoded at the scale that is needed, all of it all the same.
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return image


def _in_eight_bits(image: Image.Image) -> Image.Image:
    if image.mode in _HIGH_BYTE:
        return _like(image, Image.frombytes("L", image.size, image.tobytes()[_HIGH_BYTE[image.mode]]))
    if image.mode in ("I", "F"):
        low, high = image.getextrema()
        scale = 255 / (high - low) if high > low else 0  # type: ignore[operator]
        return _like(image, image.point(lambda value: value * scale - low * scale).convert("L"))  # type: ignore[operator]
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _like(image: Image.Image, other: Image.Image) -> Image.Image:
    """Give the other image the orientation of the first; its profile is for other samples."""
    other.getexif().update(image.getexif())
    return other


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the image in RGB or RGBA, in the colours that its profile means; a broken profile is as good as none."""
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    if profile:
        space = {b"GRAY": "L", b"CMYK": "CMYK"}.get(profile[16:20], "RGB")
        plain = image if image.mode == space else image.convert("RGB").convert(space)
        with suppress(OSError, ImageCms.PyCMSError):
            found = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            image = ImageCms.profileToProfile(plain, found, ImageCms.createProfile("sRGB"), outputMode="RGB") or image
    shown = image.convert("RGB")
    if alpha:
        shown.putalpha(alpha)
    return shown


def _blurhash(image: Image.Image) -> str:
    """Return the BlurHash, which knows no transparency, as on white."""
    small = image.convert("RGBA")
    small.thumbnail((_HASH_SIDE, _HASH_SIDE))
    shown = Image.new("RGB", small.size, "white")
    shown.paste(small, mask=small.getchannel("A"))
    across, down = (4, 3) if shown.width >= shown.height else (3, 4)
    return str(blurhash.encode(shown, across, down))


def _color(image: Image.Image) -> str:
    """Return the colour that most of what can be seen is near to."""
    small = image.convert("RGBA")
    small.thumbnail((_HASH_SIDE, _HASH_SIDE))
    seen = [pixel[:3] for pixel in small.get_flattened_data() if pixel[3] > 127] or [(255, 255, 255)]
    strip = Image.new("RGB", (len(seen), 1))
    strip.putdata(seen)
    few = strip.quantize(_COLORS)
    _, index = max(few.getcolors())
    red, green, blue = few.getpalette()[3 * index : 3 * index + 3]
    return f"#{red:02x}{green:02x}{blue:02x}"
