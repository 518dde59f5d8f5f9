"""Who writes, and whether it lives: a locked file for each writer, which the kernel unlocks at any death."""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .spool import on_our_disk

_NEW = "new-"  # begins the name of a file that is not locked yet
_NEW_S = 60


class Writers:
    """The writers that share one data folder: servers, and single uploads."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "writers"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._home = _home_of(self._folder)
        self._held: BinaryIO | None = None
        self._name = self._new_name()

    def me(self) -> str:
        """Return the name of this server; it lives as long as the process, or until `leave`."""
        if self._held is None:
            self._held = self._take(self._name)
        return self._name

    @contextmanager
    def one_upload(self) -> Iterator[str]:
        """Yield the name of a writer that lives as long as the block: nobody has to wait for the server's death to know
        that an upload has failed whose row could not be taken back. Raises Unavailable if our disk does not take it."""
        name = self._new_name()
        with on_our_disk():
            file = self._take(name)
        try:
            yield name
        finally:
            with suppress(OSError):
                (self._folder / name).unlink()
            file.close()

    def leave(self) -> None:
        """End this writer's life."""
        if self._held:
            self._held.close()
            self._held = None

    def is_alive(self, name: str) -> bool | None:
        """Whether the writer `name` lives; None if it runs over another data folder, perhaps on another host."""
        if "/" in name or not name.startswith(f"{self._home}-"):
            return None
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
        for path in self._folder.glob(f"{self._home}-*"):
            if self.is_alive(path.name) is False:
                path.unlink(missing_ok=True)
        for path in self._folder.glob(f"{_NEW}*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - _NEW_S:
                    path.unlink()

    def _new_name(self) -> str:
        return f"{self._home}-{os.getpid()}-{secrets.token_hex(8)}"

    def _take(self, name: str) -> BinaryIO:
        """Return the file of this name, locked before anybody can find it."""
        new = self._folder / f"{_NEW}{name}"
        file = new.open("wb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            new.rename(self._folder / name)
        except OSError:
            file.close()
            raise
        return file


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
