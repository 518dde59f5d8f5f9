"""Which server writes a row, and whether it lives: a locked file for each, which the kernel unlocks at any death, and
for other hosts a sign of life in the database."""

import fcntl
import os
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from .errors import Unavailable

BEAT_S = 10.0
SILENT_S = 45.0  # of a writer that beats: it is dead, or will find that its rows were taken from it


class Beats(Protocol):
    """What hosts that share a database tell each other: see catalog/presence.py."""

    def beat(self, writer: str) -> None: ...
    def silent_s(self, writer: str) -> float | None: ...


class Writers:
    """The servers that share one data folder, and by `beats` those on other hosts."""

    def __init__(self, data_dir: Path, beats: Beats | None = None) -> None:
        self._beats, self._ends = beats, threading.Event()
        self._folder = data_dir / "writers"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._held: BinaryIO | None = None
        self._name = f"{self._home()}-{os.getpid()}-{secrets.token_hex(4)}"

    def me(self) -> str:
        """Return the name of this writer; it lives as long as the process, or until `leave`."""
        if self._held is None:
            self._held = (self._folder / self._name).open("wb")
            fcntl.flock(self._held, fcntl.LOCK_EX)
            if self._beats:
                threading.Thread(target=self._beat, args=(self._beats,), name="beat", daemon=True).start()
        return self._name

    def leave(self) -> None:
        """End this writer's life."""
        self._ends.set()
        if self._held:
            self._held.close()
            self._held = None

    def is_alive(self, name: str) -> bool | None:
        """Whether the writer `name` lives; None if that is not known: it runs over another data folder, perhaps on
        another host, and gives no signs of life."""
        if "/" in name or not name.startswith(f"{self._home()}-"):
            silent_s = self._beats.silent_s(name) if self._beats else None
            return None if silent_s is None else silent_s < SILENT_S
        try:
            with (self._folder / name).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def sweep(self) -> None:
        """Remove the files of the dead."""
        for path in self._folder.glob(f"{self._home()}-*"):
            if self.is_alive(path.name) is False:
                path.unlink(missing_ok=True)

    def _beat(self, beats: Beats) -> None:
        is_over = False
        while not is_over:
            with suppress(Unavailable):
                beats.beat(self._name)
            is_over = self._ends.wait(BEAT_S)

    def _home(self) -> str:
        """Return the name of this data folder, made by the first who asks."""
        path = self._folder / "home"
        try:
            return path.read_text(encoding="ascii")
        except FileNotFoundError:
            temporary = path.with_name(f"home.{secrets.token_hex(4)}")
            temporary.write_text(secrets.token_hex(4), encoding="ascii")
            try:
                os.link(temporary, path)
            except FileExistsError:
                pass  # another process was faster
            finally:
                temporary.unlink()
            return path.read_text(encoding="ascii")
