"""A folder that is watched: each picture that appears in it, once it is written to its end."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from ..errors import SettingsError, Unavailable
from .sources import is_picture

QUIET_S = 0.5  # after the last change, where whoever wrote has closed the file
OPEN_S = 30.0  # the same, where nobody was seen closing it: it may be a download that waits for its line
UNTOLD_S = 2.0  # the same, on systems that do not tell who opens and closes
LOOK_S = 10.0  # between two looks at the whole folder: a network drive tells nothing, and a flood is cut short

_TELLS_CLOSING = sys.platform == "linux"


@dataclass(slots=True)
class _Candidate:
    """A file that may become ready: how it looked at last, and since when (seconds of the clock)."""

    signature: tuple[int, int] | None
    since: float
    is_open: bool = False


class Folder:
    """What appears in a folder. Names are looked at alone; whether it is an image the server says."""

    def __init__(
        self,
        root: Path,
        *,
        is_recursive: bool,
        with_existing: bool,
        clock: Callable[[], float] = time.monotonic,
        tells_closing: bool = _TELLS_CLOSING,
    ) -> None:
        """Raise Unavailable for a folder that is not there (any more), SettingsError if it cannot be watched."""
        self._root, self._is_recursive = root, is_recursive
        self._clock, self._tells_closing = clock, tells_closing
        self._lock = threading.Lock()
        self._candidates: dict[Path, _Candidate] = {}
        self._known: dict[Path, tuple[int, int] | None] = {}
        self._old: set[Path] = set()
        self._observer = Observer()
        self._observer.schedule(_Ear(self), str(root), recursive=is_recursive)
        try:
            found = list(self._list())
            self._observer.start()
        except OSError as e:
            raise SettingsError([f"cannot watch {root}: {e.strerror}"]) from e
        for path in found:
            if with_existing:
                self.appeared(path)
            else:
                self._old.add(path)
        self._looked_at = clock()

    def ready(self) -> list[Path]:
        """Return the files that are whole by now, in the order of their names; each of them is told once.

        Raises Unavailable if the folder is gone.
        """
        now = self._clock()
        if now - self._looked_at >= LOOK_S:
            self._looked_at = now
            for path in self._list():
                if not any(path in known for known in (self._known, self._old, self._candidates)):
                    self.appeared(path)
        with self._lock:
            done = [path for path, candidate in self._candidates.items() if self._is_done(path, candidate, now)]
            for path in done:
                self._known[path] = self._candidates.pop(path).signature
        return sorted(path for path in done if self._known[path] is not None)

    def again(self, path: Path, in_s: float) -> None:
        """Tell a file once more, in so many seconds."""
        with self._lock:
            self._candidates[path] = _Candidate(_signature(path), self._clock() + in_s)

    def appeared(self, path: Path) -> None:
        """Take a file as one that may become ready."""
        if is_picture(path.name):
            with self._lock:
                self._old.discard(path)
                self._candidates[path] = _Candidate(_signature(path), self._clock())

    def changed(self, path: Path, *, is_open: bool) -> None:
        """Take a file once more: it was told too early. What was there from the beginning is nobody's to publish, even
        if it is edited now."""
        if not is_picture(path.name):
            return
        with self._lock:
            signature = _signature(path)
            if path in self._candidates or (path not in self._old and self._known.get(path) != signature):
                self._candidates[path] = _Candidate(signature, self._clock(), is_open)

    def opened(self, path: Path, *, is_open: bool) -> None:
        """Note that somebody opened or closed a file."""
        with self._lock:
            if candidate := self._candidates.get(path):
                candidate.is_open = is_open

    def close(self) -> None:
        """End the watching."""
        self._observer.stop()
        self._observer.join(5)

    def _is_done(self, path: Path, candidate: _Candidate, now: float) -> bool:
        """Whether a candidate is whole, or gone."""
        if (signature := _signature(path)) != candidate.signature:
            candidate.signature, candidate.since = signature, now
        quiet_s = (OPEN_S if candidate.is_open else QUIET_S) if self._tells_closing else UNTOLD_S
        is_empty = signature is not None and not signature[0]  # its maker has not written yet
        return now - candidate.since >= (max(quiet_s, OPEN_S) if is_empty else quiet_s)

    def _list(self) -> Iterator[Path]:
        if not self._root.is_dir():
            raise Unavailable(f"there is no folder {self._root} (any more)")
        for place, folders, names in os.walk(self._root):
            folders[:] = sorted(name for name in folders if not name.startswith(".")) if self._is_recursive else []
            yield from (Path(place, name) for name in sorted(filter(is_picture, names)))


class _Ear(FileSystemEventHandler):
    """Hears what happens in the folder, in a thread of its own."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.is_directory:
            return
        path = Path(os.fsdecode(event.dest_path or event.src_path))
        match event.event_type:
            case "created" | "moved":
                self._folder.appeared(path)
            case "modified":
                self._folder.changed(path, is_open=True)
            case "closed":
                self._folder.changed(path, is_open=False)
            case "opened" | "closed_no_write" as kind:
                self._folder.opened(path, is_open=kind == "opened")


def _signature(path: Path) -> tuple[int, int] | None:
    """Return what changes with a file: its size and its time; None for what is no file (any more)."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns) if path.is_file() else None
