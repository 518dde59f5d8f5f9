"""Object keys: the name of an upload in the bucket, and the last part of its public URL."""

import re
import secrets

# Letters and digits that no font and no reader confuses: no 0 O 1 l I.
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
LENGTH = 8  # 57**8 keys: at a million uploads a fresh key clashes once in 111 million
MIN_LENGTH, MAX_LENGTH = 6, 64
EXTENSIONS = ("png", "jpg", "gif", "webp", "avif")
THUMBNAILS = "t/"

PROBE_LENGTH = 24  # so long that no name of another client is taken for one

_STEM = rf"[{ALPHABET}]{{{MIN_LENGTH},{MAX_LENGTH}}}"
PATTERN = rf"{_STEM}\.(?:{'|'.join(EXTENSIONS)})"
THUMBNAIL = rf"{THUMBNAILS}{_STEM}\.webp"
PROBE = rf"doctor-[{ALPHABET}]{{{PROBE_LENGTH}}}(?:\.png)?"


def new_key(extension: str, length: int = LENGTH) -> str:
    """Return a random key of `length` characters before the dot; `extension` is one of EXTENSIONS.

    >>> is_key(new_key("png"))
    True
    """
    return "".join(secrets.choice(ALPHABET) for _ in range(length)) + "." + extension


def new_probe(ending: str = ".png") -> str:
    """Return the name of an object that `bowerbird doctor` puts into the bucket for a moment; `ending` may be empty.

    It stands where every upload stands, so that what holds for it holds for them: a key that is restricted to another
    prefix, a rule that catches some paths. It is no key, so it can be no upload's, and the inventory knows it.
    """
    return f"doctor-{new_key('', PROBE_LENGTH).rstrip('.')}{ending}"


def is_probe(text: str) -> bool:
    """Whether `text` is a name of `new_probe`, perhaps below the folder of a bucket as a download address has it.

    >>> is_probe(new_probe()), is_probe(f"file/other-bucket/{new_probe()}"), is_probe("doctor-strange.png")
    (True, True, False)
    """
    return re.fullmatch(rf"(?:file/[A-Za-z0-9-]+/)?{PROBE}", text) is not None


def thumbnail_key(key: str) -> str:
    """Return the key of the thumbnail of the object `key`.

    >>> thumbnail_key("k7Wq3Zpa.png")
    't/k7Wq3Zpa.webp'
    """
    return f"{THUMBNAILS}{key.rpartition('.')[0] or key}.webp"


def is_thumbnail_key(text: str) -> bool:
    """Whether `text` is the key of the thumbnail of such an object.

    >>> is_thumbnail_key("t/k7Wq3Zpa.webp"), is_thumbnail_key("t/../a.webp")
    (True, False)
    """
    return re.fullmatch(THUMBNAIL, text) is not None


def is_key(text: str) -> bool:
    """Whether `text` has the form of a key that `new_key` makes, of any length a setting allows.

    >>> is_key("k7Wq3Zpa.png"), is_key("../etc/passwd"), is_key("k7Wq3Zpa.png\\n"), is_key("k7Wq3Zpa.svg")
    (True, False, False, False)
    """
    return re.fullmatch(PATTERN, text) is not None
