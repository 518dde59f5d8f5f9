"""Who writes, and whether it lives: locks in a file for each server, which the kernel takes away at any death, and for
other hosts a sign of life in the database."""

import fcntl
import os
import secrets
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO, Protocol

from .errors import Unavailable

BEAT_S = 5.0
SILENT_S = 20.0  # of a host that beats: it is dead, or will find that its rows were taken from it

_NEW = "new-"  # begins the name of a file that is not locked yet
_NEW_S = 60
_SERVER = 0  # the byte that a server locks; each of its uploads has one behind it


class Beats(Protocol):
    """What hosts that share a database tell each other: see catalog/presence.py."""

    def beat(self, host: str) -> None: ...
    def silent_s(self, host: str) -> float | None: ...


class Writers:
    """The writers that share one data folder, servers and single uploads; by `beats` those on other hosts."""

    def __init__(
        self, data_dir: Path, beats: Beats | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._beats, self._ends, self._clock = beats, threading.Event(), clock
        self._heard_since: float | None = None  # without a gap, of this host itself
        self._folder = data_dir / "writers"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._home = _home_of(self._folder)
        self._held: BinaryIO | None = None
        self._first = threading.Lock()  # several threads may want the file at once
        self._beating: threading.Thread | None = None
        self._numbers = count(_SERVER + 1)
        self._name = f"{self._home}-{os.getpid()}-{secrets.token_hex(4)}"

    def me(self) -> str:
        """Return the name of this server; it lives as long as the process, or until `leave`."""
        self._file()
        return self._name

    @contextmanager
    def one_upload(self) -> Iterator[str]:
        """Yield the name of a writer that lives as long as the block: nobody has to wait for the server's death to know
        that an upload has failed whose row could not be taken back."""
        file, number = self._file(), next(self._numbers)
        _lock(file, number)
        try:
            yield f"{self._name}.{number}"
        finally:
            with suppress(ValueError):  # closed by `leave`: the lock went with it
                _lock(file, number, fcntl.F_UNLCK)

    def leave(self) -> None:
        """End this writer's life."""
        self._ends.set()
        if self._beating:
            self._beating.join(SILENT_S)
        if self._held:
            self._held.close()
            self._held = None

    def is_alive(self, name: str) -> bool | None:
        """Whether the writer `name` lives; None if that is not known: it runs over another data folder, perhaps on
        another host, and that gives no signs of life."""
        if "/" in name or not name.startswith(f"{self._home}-"):
            silent_s = self._beats.silent_s(name.partition("-")[0]) if self._beats else None
            if silent_s is None or silent_s < SILENT_S:
                return None if silent_s is None else True
            # Who was not heard itself cannot judge: while the database is away, all are silent.
            heard_s = 0.0 if self._heard_since is None else self._clock() - self._heard_since
            return False if heard_s >= SILENT_S else None
        server, _, number = name.partition(".")
        try:
            with (self._folder / server).open("rb") as file:
                return _is_locked(file, int(number or _SERVER))
        except FileNotFoundError:
            return False

    def sweep(self) -> None:
        """Remove the files of the dead."""
        for path in self._folder.glob(f"{self._home}-*"):
            if self.is_alive(path.name) is False:
                path.unlink(missing_ok=True)
        for path in self._folder.glob(f"{_NEW}*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - _NEW_S:
                    path.unlink()

    def _file(self) -> BinaryIO:
        """Return this server's file, locked before anybody can find it."""
        with self._first:
            if self._held is None:
                self._held = self._new_file()
                if self._beats:
                    self._beating = threading.Thread(target=self._beat, args=(self._beats,), name="beat", daemon=True)
                    self._beating.start()
            return self._held

    def _new_file(self) -> BinaryIO:
        new = self._folder / f"{_NEW}{self._name}"
        file = new.open("wb")
        try:
            _lock(file, _SERVER)
            new.rename(self._folder / self._name)
        except OSError:
            file.close()
            raise
        return file

    def _beat(self, beats: Beats) -> None:
        is_over = False
        while not is_over:
            try:
                beats.beat(self._home)
                self._heard_since = self._clock() if self._heard_since is None else self._heard_since
            except Unavailable:
                self._heard_since = None
            is_over = self._ends.wait(BEAT_S)


def _lock(file: BinaryIO, number: int, kind: int = fcntl.F_WRLCK) -> None:
    """Lock one byte of an open file for as long as that is open (fcntl(2), open file description locks)."""
    fcntl.fcntl(file, fcntl.F_OFD_SETLK, _flock(kind, number))


def _is_locked(file: BinaryIO, number: int) -> bool:
    """Whether whoever else has the file open holds a lock on that byte."""
    told = fcntl.fcntl(file, fcntl.F_OFD_GETLK, _flock(fcntl.F_RDLCK, number))
    return bool(struct.unpack_from("h", told)[0] != fcntl.F_UNLCK)


def _flock(kind: int, number: int) -> bytes:
    return struct.pack("hhqqi", kind, os.SEEK_SET, number, 1, 0)


def _home_of(folder: Path) -> str:
    """Return the name of the data folder whose writers these are, made by the first who asks."""
    path = folder / "home"
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
