"""Pictures to upload: each one's bytes are new, for the same bytes again within a minute would get the first answer."""

import io
import random
import struct
import zlib
from itertools import count

from PIL import Image

_END = 12  # bytes of IEND, the last chunk of a PNG
_number = count(random.SystemRandom().getrandbits(48))


def picture(size: int) -> bytes:
    """Return a valid PNG of about `size` bytes, as a screenshot is: edges, and a part that does not compress."""
    side = max(16, int((size / 3) ** 0.5))
    image = Image.frombytes("RGB", (side, side), random.Random(size).randbytes(side * side * 3))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def another(png: bytes) -> bytes:
    """Return the same picture with other bytes: a comment with a number of its own."""
    body = b"tEXtComment\0%016d" % next(_number)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:-_END] + chunk + png[-_END:]
