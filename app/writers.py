"""Which server writes a row, and whether it lives: a locked file for each, which the kernel unlocks at any death."""

import fcntl
import os
import secrets
from pathlib import Path
from typing import BinaryIO


class Writers:
    """The servers that share one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "writers"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._held: BinaryIO | None = None
        self._name = f"{self._home()}-{os.getpid()}-{secrets.token_hex(4)}"

    def me(self) -> str:
        """Return the name of this writer; it lives as long as the process, or until `leave`."""
        if self._held is None:
            self._held = (self._folder / self._name).open("wb")
            fcntl.flock(self._held, fcntl.LOCK_EX)
        return self._name

    def leave(self) -> None:
        """End this writer's life."""
        if self._held:
            self._held.close()
            self._held = None

    def is_alive(self, name: str) -> bool | None:
        """Whether the writer `name` lives; None if it runs over another data folder, perhaps on another host."""
        if "/" in name or not name.startswith(f"{self._home()}-"):
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
        for path in self._folder.glob(f"{self._home()}-*"):
            if self.is_alive(path.name) is False:
                path.unlink(missing_ok=True)

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
