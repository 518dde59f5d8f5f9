"""Files and names that are on the disk when a call returns, whatever ends the process or the machine then."""

import os
from pathlib import Path


def write_durably(path: Path, text: str) -> None:
    """Put `text` into the file `path`, of which nobody ever sees half, and return when it is on the disk."""
    temporary = path.with_name(f"{path.name}~")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Return when the names in a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
