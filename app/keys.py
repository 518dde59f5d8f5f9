"""Object keys: the name of an upload in the bucket, and the last part of its public URL."""

import re
import secrets

# Letters and digits that no font and no reader confuses: no 0 O 1 l I.
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
LENGTH = 8  # 57**8 keys: at a million uploads a fresh key clashes once in 111 million
MIN_LENGTH, MAX_LENGTH = 6, 64
EXTENSIONS = ("png", "jpg", "gif", "webp", "avif")
THUMBNAILS = "t/"

PATTERN = rf"[{ALPHABET}]{{{MIN_LENGTH},{MAX_LENGTH}}}\.(?:{'|'.join(EXTENSIONS)})"


def new_key(extension: str, length: int = LENGTH) -> str:
    """Return a random key of `length` characters before the dot; `extension` is one of EXTENSIONS.

    >>> is_key(new_key("png"))
    True
    """
    return "".join(secrets.choice(ALPHABET) for _ in range(length)) + "." + extension


def thumbnail_key(key: str) -> str:
    """Return the key of the thumbnail of the object `key`.

    >>> thumbnail_key("k7Wq3Zpa.png")
    't/k7Wq3Zpa.webp'
    """
    return f"{THUMBNAILS}{key.rpartition('.')[0] or key}.webp"


def is_key(text: str) -> bool:
    """Whether `text` has the form of a key that `new_key` makes, of any length a setting allows.

    >>> is_key("k7Wq3Zpa.png"), is_key("../etc/passwd"), is_key("k7Wq3Zpa.png\\n"), is_key("k7Wq3Zpa.svg")
    (True, False, False, False)
    """
    return re.fullmatch(PATTERN, text) is not None
