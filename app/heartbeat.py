"""Whether a worker lives: a file in the data folder that it holds locked and touches at every turn."""

import fcntl
import os
from pathlib import Path
from typing import BinaryIO

_NAME = "worker.alive"


class Heartbeat:
    """The workers that share one data folder; the kernel takes the lock away at any death."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / _NAME
        self._held: BinaryIO | None = None

    def beat(self) -> None:
        """Say that this worker lives and goes on."""
        if self._held is None:
            self._held = self._path.open("ab")
            fcntl.flock(self._held, fcntl.LOCK_SH)
        os.utime(self._held.fileno())

    def stop(self) -> None:
        """Say that this worker ends."""
        if self._held:
            self._held.close()
            self._held = None

    def age_s(self, now: float) -> float | None:
        """Return how long ago, at the time `now` (seconds since 1970), a worker that still lives began its last turn;
        None if none lives over this data folder."""
        try:
            with self._path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            return max(0.0, now - self._path.stat().st_mtime)
        return None
