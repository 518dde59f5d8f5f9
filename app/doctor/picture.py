"""The picture that the doctor sends on its way: a real one, and never the same twice."""

import io
import secrets

from PIL import Image

CONTENT_TYPE = "image/png"
_SIZE = (64, 48)


def make_picture() -> bytes:
    """Return a PNG that nobody has seen before, and that a recompression would make smaller."""
    rough = Image.frombytes("RGB", (8, 6), secrets.token_bytes(8 * 6 * 3))
    file = io.BytesIO()
    rough.resize(_SIZE, Image.Resampling.BICUBIC).save(file, "PNG", compress_level=1)
    return file.getvalue()
