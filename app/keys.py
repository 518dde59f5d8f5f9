"""Object keys: the name of an upload in the bucket, and the last part of its public URL."""

import re
import secrets
from datetime import datetime

# Letters and digits that no font and no reader confuses: no 0 O 1 l I.
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
LENGTH = 8  # 57**8 keys: at a million uploads a fresh key clashes once in 111 million
MIN_LENGTH, MAX_LENGTH = 6, 64
EXTENSIONS = ("png", "jpg", "gif", "webp", "avif", "mp4", "webm")
THUMBNAILS = "t/"
BACKUPS = "backup/"

PROBE_LENGTH = 24  # so long that no name of another client is taken for one
BACKUP_LENGTH = 24  # 140 bits: what lies in a public bucket is there for whoever knows its name

_STEM = rf"[{ALPHABET}]{{{MIN_LENGTH},{MAX_LENGTH}}}"
PATTERN = rf"{_STEM}\.(?:{'|'.join(EXTENSIONS)})"
THUMBNAIL = rf"{THUMBNAILS}{_STEM}\.webp"
PROBE = rf"doctor-[{ALPHABET}]{{{PROBE_LENGTH}}}(?:\.png)?"
BACKUP = rf"{BACKUPS}[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{6}}Z-[{ALPHABET}]{{{BACKUP_LENGTH}}}"
_PIECE = rf"({BACKUP})\.([0-9]{{1,4}})of([0-9]{{1,4}})\.bbk"


def new_key(extension: str, length: int = LENGTH) -> str:
    """Return a random key of `length` characters before the dot; `extension` is one of EXTENSIONS.

    >>> is_key(new_key("png"))
    True
    """
    number, letters = secrets.randbelow(len(ALPHABET) ** length), []
    for _ in range(length):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return f"{''.join(letters)}.{extension}"


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


def new_backup(now: datetime) -> str:
    """Return the name of a backup that is made at `now` (UTC); its objects are its pieces.

    >>> is_backup(new_backup(datetime(2026, 11, 25, 12)))
    True
    """
    return f"{BACKUPS}{now:%Y-%m-%dT%H%M%SZ}-{new_key('', BACKUP_LENGTH).rstrip('.')}"


def is_backup(text: str) -> bool:
    """Whether `text` is the name of a backup."""
    return re.fullmatch(BACKUP, text) is not None


def piece_key(backup: str, number: int, count: int) -> str:
    """Return the key of one piece of a backup; `number` is from 1 to `count`."""
    return f"{backup}.{number}of{count}.bbk"


def read_piece(text: str) -> tuple[str, int, int] | None:
    """Return the backup that `text` is the key of a piece of, the number of the piece and the count of them all.

    >>> key = piece_key(new_backup(datetime(2026, 11, 25, 12)), 2, 3)
    >>> read_piece(key)[1:], read_piece("backup/holiday.png")
    ((2, 3), None)
    """
    found = re.fullmatch(_PIECE, text)
    return (found[1], int(found[2]), int(found[3])) if found else None


def is_key(text: str) -> bool:
    """Whether `text` has the form of a key that `new_key` makes, of any length a setting allows.

    >>> is_key("k7Wq3Zpa.png"), is_key("../etc/passwd"), is_key("k7Wq3Zpa.png\\n"), is_key("k7Wq3Zpa.svg")
    (True, False, False, False)
    """
    return re.fullmatch(PATTERN, text) is not None
