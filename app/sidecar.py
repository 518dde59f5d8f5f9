"""The JSON beside an exported image: all that the catalog knows of it, and that an import takes back."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .catalog.records import Upload
from .facts import facts

ENDING = ".json"  # behind the whole name of the image
FORMAT = 1

_MAX_BYTES = 1024 * 1024


def describe(row: Upload, albums: Sequence[str], public_url: str) -> dict[str, Any]:
    """Return what is written of a live upload; the deletion URL is a secret and not among it."""
    return {
        "bowerbird_export": FORMAT,
        **facts(row, public_url),
        "converted_from": row.converted_from,
        "file_name": row.file_name,
        "title": row.title,
        "tags": list(row.tags),
        "is_favourite": row.is_favourite,
        "albums": list(albums),
    }


def dump(told: dict[str, Any]) -> bytes:
    """Return the bytes of the file."""
    return (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def read(path: Path) -> dict[str, Any] | None:
    """Return what such a file tells, its `key` and `sha256` for certain; None for a file that is none."""
    try:
        # A pipe would keep us waiting, and a link may lead anywhere.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            told = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    is_one = isinstance(told, dict) and told.get("bowerbird_export") == FORMAT
    return told if is_one and all(isinstance(told.get(name), str) for name in ("key", "sha256")) else None
