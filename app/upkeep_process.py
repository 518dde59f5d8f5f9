"""The worker for the repeated jobs beside the server: a process that is started anew whenever it ends."""

import subprocess
import sys
import time
from pathlib import Path

import structlog

log = structlog.get_logger()

RESTART_S = 5  # before a worker that ended is started anew
STOP_S = 8

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
            try:
                self._process, self._ended_at = self._start(), None
            except OSError as e:  # no memory for another process, say
                log.error("the worker is not started", why=str(e))
                self._ended_at = now

    def end(self) -> None:
        """Let it end with what it is doing; in a web worker, no longer keep it from that."""
        if self._process.stdin:
            self._process.stdin.close()

    def stop(self) -> None:
        """Let it end, and wait for it, but not long: the web workers have had their time already."""
        self.end()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdin=subprocess.PIPE)
