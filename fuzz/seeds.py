"""What the fuzzers start from: small good files and words of each kind, and what once broke something (seeds/)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from app.paging import Cursor, encode
from tests import films, samples

FOLDER = Path(__file__).parent / "seeds"  # TARGET/NAME, each a file that once broke the target

_KINDS = {"bmff": ("avif", "heif"), "png": ("png",), "jpeg": ("jpeg",), "gif": ("gif",), "webp": ("webp",)}
_FILMS = {"movie": ("mp4", "fragmented mp4"), "webm": ("webm",)}
_PART = b'--fuzz\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
_WORDS = {
    "fields": (
        b'\xff{"url": ["http://a/"], "tags": ["a", "b"], "keep_metadata": true}',
        b"\0url=http%3A%2F%2Fa&expires=1h",
    ),
    "wishes": (b"7d", b"2027-01-01T00:00:00+02:00", b"cats, at home", b'tag:"my cat" larger:1.5MB since:2026-11', b"1"),
    "names": (
        b'form-data; name="file"; filename="say "hi".png"',
        b"form-data; name=file; filename=x; filename*=utf-8''%C3%A9.png",
        b'form-data; name=file; filename="=?utf-8?B?w6kucG5n?="',
    ),
    "tus": (b"filename bWFwLnBuZw==,is_confidential", b"md5 ndTkYSaMgDT1yFZOFVxnpg==", b"1048576"),
    "cursor": (
        encode(Cursor(7, "k7Wq3Zpa.png")).encode(),
        encode(Cursor(datetime(2026, 11, 25, tzinfo=UTC), "k7Wq3Zpa.png")).encode(),
    ),
    "multipart": (
        b"\x07"
        + _PART % (b"title", b"", b"a")
        + _PART % (b"file", b'; filename="a.png"', b"bytes\r\n-")
        + b"--fuzz--\r\n",
        b"\x01preamble\r\n" + _PART % (b"url", b"", b"http://a/") + b"--fuzz--",
    ),
    "orientation": (samples.exif()[6:], b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"),
}


def seeds(target: str) -> Iterator[bytes]:
    """Yield what the fuzzer `target` starts from."""
    for kind in _KINDS.get(target, ()):
        yield samples.telling(kind)
        yield samples.make(kind)
        if kind not in ("jpeg", "heif"):
            yield samples.animated(kind, 2)
    for kind in _FILMS.get(target, ()):
        yield films.make(kind)
    if target in ("tiff", "bmp"):
        yield samples.make(target, 8, 8)
        yield samples.make(target, 9, 7, mode="L")
    if target == "inspect":
        yield from (samples.telling(kind) for kind in samples.TYPES)
    yield from _WORDS.get(target, ())
    yield from (path.read_bytes() for path in sorted((FOLDER / target).glob("*")))
