"""Pictures to upload: each has pixels of its own, for a host may answer the same image again without storing it."""

import random
import secrets
import struct
import zlib
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Self

_RGB = 3
_NOISE = 4  # one part in so many does not compress, the rest is flat: about as a screenshot is
_LARGE_BYTES = 30_000_000  # from here on all is noise: nobody takes as many pixels otherwise
_END = b"\0\0\0\0IEND\xaeB`\x82"


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG (RGB, 8 bits) but for its last row: `start` is all before it, `adler` the checksum of the rows so far."""

    start: bytes
    adler: int
    row_bytes: int

    @classmethod
    def make(cls, size: int) -> Self:
        """Return a picture of about `size` bytes; the same for the same size."""
        part = 1 if size > _LARGE_BYTES else _NOISE
        width = max(16, isqrt(size * part // _RGB))
        noisy = max(_RGB, width // part * _RGB)
        chance, flat = random.Random(size), b"\x20\x40\x60" * width
        packer = zlib.compressobj(0 if part == 1 else 1, zlib.DEFLATED, -zlib.MAX_WBITS)
        adler, packed = 1, [b"\x78\x01"]
        for _ in range(width - 1):
            row = b"\0" + chance.randbytes(noisy) + flat[noisy:]
            adler = zlib.adler32(row, adler)
            packed.append(packer.compress(row))
        packed.append(packer.flush(zlib.Z_SYNC_FLUSH))
        head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, width, 8, 2, 0, 0, 0))
        start = b"\x89PNG\r\n\x1a\n" + head + _chunk(b"IDAT", b"".join(packed))
        return cls(start, adler, 1 + width * _RGB)

    def another_end(self) -> bytes:
        """Return what makes a whole PNG of `start`, with a last row that no other has."""
        row = b"\0" + secrets.token_bytes(_RGB * 8)
        row += bytes(self.row_bytes - len(row))
        size = struct.pack("<HH", len(row), len(row) ^ 0xFFFF)
        last = b"\x01" + size + row + struct.pack(">I", zlib.adler32(row, self.adler))
        return _chunk(b"IDAT", last) + _END

    def another(self) -> bytes:
        """Return a whole PNG, with a last row that no other has."""
        return self.start + self.another_end()

    def write(self, path: Path) -> None:
        """Keep the picture for another process."""
        path.write_bytes(struct.pack(">II", self.adler, self.row_bytes) + self.start)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return what was kept."""
        kept = path.read_bytes()
        return cls(kept[8:], *struct.unpack(">II", kept[:8]))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
