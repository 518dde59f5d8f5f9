"""A sealed file: compressed and encrypted with a passphrase, so that whatever was changed or cut off is found.

    header   "BBSEALED", version (1 byte), salt (16), check (32)
    chunks   AES-256-GCM of 64 KiB each, the last one of what is left; its tag (16) behind each

Key and check come from the passphrase by scrypt; the check tells a wrong passphrase from a broken file, and ties the
file to one key. The nonce of a chunk is its number and whether it is the last (STREAM), and the header is authenticated
with each, so no chunk can be changed, moved, left out or taken from another file. What is inside is one gzip stream.
Source: https://eprint.iacr.org/2015/189 (STREAM), RFC 7914 (scrypt)
"""

import gzip
import hmac
import io
import os
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from .errors import BadBackup

MAGIC = b"BBSEALED"
VERSION = 1
CHUNK_BYTES = 64 * 1024
SCRYPT_COST = 2**16  # 64 MiB and a fifth of a second; a file cannot ask for more, for the version alone decides
_SALT_BYTES, _CHECK_BYTES, _TAG_BYTES = 16, 32, 16
_HEADER_BYTES = len(MAGIC) + 1 + _SALT_BYTES + _CHECK_BYTES
_DAMAGED = "the backup was changed or cut off: it cannot be restored"


def seal(lines: Iterable[bytes], into: BinaryIO, passphrase: str) -> None:
    """Write `lines`, one after the other, to `into`; none of them is held longer than a chunk needs."""
    salt = os.urandom(_SALT_BYTES)
    key, check = _derive(passphrase, salt)
    header = MAGIC + bytes([VERSION]) + salt + check
    into.write(header)
    cipher = AESGCM(key)
    number, waiting = 0, bytearray()
    for piece in _compressed(lines):
        waiting += piece
        while len(waiting) > CHUNK_BYTES:  # not at its full size yet: this may be the last one
            into.write(cipher.encrypt(_nonce(number, is_last=False), bytes(waiting[:CHUNK_BYTES]), header))
            del waiting[:CHUNK_BYTES]
            number += 1
    into.write(cipher.encrypt(_nonce(number, is_last=True), bytes(waiting), header))


class Sealed:
    """A sealed file that the passphrase fits; raises BadBackup if it does not, or if this is no such file."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        file.seek(0)
        self._file = file
        self._header = header = file.read(_HEADER_BYTES)
        if header[: len(MAGIC)] != MAGIC:
            raise BadBackup("this is no backup of Bowerbird")
        if len(header) < _HEADER_BYTES:
            raise BadBackup(_DAMAGED)
        if (version := header[len(MAGIC)]) != VERSION:
            raise BadBackup(f"the backup has the format {version}; this version of Bowerbird reads {VERSION}")
        at = len(MAGIC) + 1
        key, check = _derive(passphrase, header[at : at + _SALT_BYTES])
        if not hmac.compare_digest(check, header[at + _SALT_BYTES :]):
            raise BadBackup("the passphrase is not the one that the backup was made with")
        self._cipher = AESGCM(key)

    def check(self) -> None:
        """Read all of it; raise BadBackup if a bit of it is not as it was sealed."""
        for _ in self._chunks():
            pass

    def lines(self) -> Iterator[bytes]:
        """Yield the lines, each with its end; raises BadBackup where the file is not as it was sealed, and nothing of
        such a chunk is ever seen."""
        try:
            with gzip.GzipFile(fileobj=io.BufferedReader(_Reader(self._chunks()), CHUNK_BYTES)) as unzipped:
                yield from unzipped
        except (EOFError, gzip.BadGzipFile, zlib.error) as e:
            raise BadBackup(_DAMAGED) from e

    def _chunks(self) -> Iterator[bytes]:
        self._file.seek(_HEADER_BYTES)
        size = CHUNK_BYTES + _TAG_BYTES
        number, chunk = 0, self._file.read(size)
        while True:
            after = self._file.read(size)
            try:
                yield self._cipher.decrypt(_nonce(number, is_last=not after), chunk, self._header)
            except (InvalidTag, ValueError) as e:
                raise BadBackup(_DAMAGED) from e
            if not after:
                return
            number, chunk = number + 1, after


class _Reader(io.RawIOBase):
    """Chunks as a file to read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = memoryview(chunk)
        target = memoryview(cast(bytearray, buffer))
        count = min(len(target), len(self._left))
        target[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def _compressed(lines: Iterable[bytes]) -> Iterator[bytes]:
    squeeze = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)  # 16: in gzip's frame, which has a checksum and a length
    for line in lines:
        yield squeeze.compress(line)
    yield squeeze.flush()


def _derive(passphrase: str, salt: bytes) -> tuple[bytes, bytes]:
    """Return the key of the cipher and the check."""
    made = Scrypt(salt=salt, length=32 + _CHECK_BYTES, n=SCRYPT_COST, r=8, p=1).derive(passphrase.encode())
    return made[:32], made[32:]


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])  # unique, for each file has a key of its own
