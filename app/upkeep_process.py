"""The worker for the repeated jobs beside the server: a process that is started anew whenever it ends."""

import signal
import subprocess
import sys
import time
from pathlib import Path

RESTART_S = 5  # before a worker that ended is started anew
STOP_S = 30

# It ends when its standard input does: with this process, however that ends, and not by Ctrl-C of its own.
_COMMAND = ("sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-m", "app.cli", "worker", "--with-parent")


class UpkeepProcess:
    """`bowerbird worker`, of which nothing is left when this process is gone; it counts in the folder `counted_in`."""

    def __init__(self, counted_in: Path | None = None) -> None:
        self._command = [*_COMMAND, f"--counted-in={counted_in}"] if counted_in else _COMMAND
        self._process = self._start()
        self._ended_at: float | None = None

    def keep(self) -> None:
        """Start it anew RESTART_S after it ended of something that it could not foresee; to be called again and again.

        In the thread that forks the web workers too: of two forks at once one keeps the other's pipes open.
        """
        if self._process.poll() is None:
            return
        now = time.monotonic()
        self._ended_at = self._ended_at or now
        if now >= self._ended_at + RESTART_S:
            self._process, self._ended_at = self._start(), None

    def end(self) -> None:
        """Let it end with what it is doing."""
        self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """The same, and wait for it."""
        self.end()
        self._process.wait(STOP_S)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdin=subprocess.PIPE)
