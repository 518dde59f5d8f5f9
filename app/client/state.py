"""What a later run has to know: where unfinished uploads are on the server, and which files of a folder were sent."""

import hashlib
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import platformdirs

from ..errors import SettingsError

KEPT_S = 30 * 86_400  # longer than any server keeps an unfinished upload


def folder() -> Path:
    """Return where it is kept, on this machine alone."""
    return platformdirs.user_state_path("bowerbird", appauthor=False)


def digest(*parts: object) -> str:
    """Return a name for `parts` that tells nobody what they are.

    >>> digest("a", 1) == digest("a", 1), digest("a", 12) == digest("a1", 2)
    (True, False)
    """
    text = "\0".join(str(part) for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:40]


class Unfinished:
    """The paths of unfinished uploads on the server, each in a file of its own. Where the disk takes none, none is
    known later, and nothing else is lost."""

    def __init__(self) -> None:
        self._folder = folder() / "unfinished"

    def find(self, name: str) -> str | None:
        """Return the path that was kept under `name`."""
        try:
            return (self._folder / name).read_text(encoding="ascii") or None
        except (OSError, UnicodeDecodeError):
            return None

    def keep(self, name: str, path: str) -> None:
        """Keep a path under `name`, and forget those that are too old."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for old in self._folder.iterdir():
                if old.stat().st_mtime < time.time() - KEPT_S:
                    old.unlink(missing_ok=True)
            temporary = self._folder / f"{name}.{os.getpid()}"
            temporary.write_text(path, encoding="ascii")
            temporary.replace(self._folder / name)

    def forget(self, name: str) -> None:
        """Forget the path of `name`."""
        with suppress(OSError):
            (self._folder / name).unlink(missing_ok=True)


class Sent:
    """The files that went to one server already, a line for each; any thread may ask."""

    def __init__(self, server: str) -> None:
        """Raise SettingsError if it can be neither read nor written: then nothing would be sent only once."""
        self._path = folder() / "sent" / digest(server)
        self._lock = threading.Lock()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._path.open("a+", encoding="ascii", errors="replace") as file:
                file.seek(0)
                self._known = set(file.read().split())
        except OSError as e:
            raise SettingsError([f"cannot keep in mind what was uploaded, in {self._path}: {e.strerror}"]) from e

    def has(self, name: str) -> bool:
        """Whether the file of this name went there."""
        with self._lock:
            return name in self._known

    def add(self, *names: str) -> None:
        """Note that a file went there; it is on the disk when this returns."""
        with self._lock:
            self._known.update(names)
            with suppress(OSError), self._path.open("a", encoding="ascii") as file:
                file.write("".join(f"{name}\n" for name in names))
                file.flush()
                os.fsync(file.fileno())
