"""The server's master: starts gunicorn's web workers and the worker for the repeated jobs, and puts new ones in place.

`bowerbird serve` runs this file in a process of its own, so that nothing else is imported before gevent patches it.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import structlog
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from . import logs
from .server import HEADER_S

log = structlog.get_logger()

GRACEFUL_S = 30
RESTART_S = 5  # before a worker that ended is started anew
_POLL_S = 0.1  # until it is
_ANEW = signal.SIGRTMIN  # to the main thread; gunicorn has a meaning for the common signals

# It ends when its standard input does: with this process, however that ends, and not by Ctrl-C of its own.
_WORKER = ("sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-m", "app.cli", "worker", "--with-parent")

# What the new web workers will be made of, in a process that may fail of it.
_TRIAL = (
    "from app import create_app; found = create_app().extensions['bowerbird']; found.close();"
    " print(found.settings.bind, found.settings.web_workers)"
)


class Server(BaseApplication):
    """gunicorn, configured here and nowhere else."""

    def __init__(self, bind: str, workers: int, *, with_upkeep: bool = True, counted_in: Path | None = None) -> None:
        self._bind, self._workers, self._with_upkeep, self._counted_in = bind, workers, with_upkeep, counted_in
        self._upkeep: subprocess.Popen[bytes] | None = None
        self._pause_s: float = RESTART_S
        self._ends = threading.Event()
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": self._bind,
            "workers": self._workers,
            "worker_class": "app.server.Worker",
            "worker_connections": 1000,
            "keepalive": HEADER_S,
            "timeout": 60,
            "graceful_timeout": GRACEFUL_S,
            "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: PTH112, S108
            "control_socket_disable": True,
            "sendfile": False,  # it would go round the pace
            "proc_name": "bowerbird",
            "logger_class": Log,
            "when_ready": self._start_upkeep,
            "on_reload": self._reload_upkeep,
            "on_exit": self._stop_upkeep,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from app import create_app  # noqa: PLC0415 in the worker, after gevent has patched it

        try:
            return create_app(counted_in=self._counted_in)
        except Exception as e:
            logs.uncaught(e)
            raise SystemExit(Arbiter.WORKER_BOOT_ERROR) from e

    def run(self) -> None:
        """Serve until a signal ends it: SIGTERM gracefully, within GRACEFUL_S. SIGHUP loads code and settings anew."""
        Master(self).run()

    def take_anew(self, said: str, why: str) -> bool:
        """Take over what concerns this process of the new settings, which a trial has `said`; False if it failed."""
        found = re.fullmatch(r"(\S+) (\d+)\n", said)
        if found:
            self._bind, self._workers = found[1], int(found[2])
        else:
            log.error("not reloaded, all goes on as it was", why=why.strip().rpartition("\n")[2])
        return found is not None

    def _start_upkeep(self, _arbiter: Any) -> None:
        if self._with_upkeep:
            self._spawn_upkeep()
            signal.signal(_ANEW, lambda *_: self._spawn_upkeep())
            threading.Thread(target=self._keep_upkeep, daemon=True).start()

    def _spawn_upkeep(self) -> None:
        # In the main thread, which forks the web workers too: of two forks at once one keeps the other's pipes open.
        counted = [f"--counted-in={self._counted_in}"] if self._counted_in else []
        self._upkeep = subprocess.Popen([*_WORKER, *counted], stdin=subprocess.PIPE)
        self._pause_s = RESTART_S

    def _keep_upkeep(self) -> None:
        """Have the worker started anew whenever it ends of something that it could not foresee."""
        while (upkeep := self._upkeep) and not self._ends.is_set():
            upkeep.wait()
            if self._ends.wait(self._pause_s):
                return
            signal.pthread_kill(threading.main_thread().ident or 0, _ANEW)
            while self._upkeep is upkeep and not self._ends.wait(_POLL_S):
                pass

    def _reload_upkeep(self, arbiter: Any) -> None:
        arbiter.cfg.set("graceful_timeout", 0)  # not to wait here for the old workers: SIGTERM would have to wait too
        if self._upkeep:
            self._pause_s = 0
            self._upkeep.send_signal(signal.SIGTERM)

    def _stop_upkeep(self, _arbiter: Any) -> None:
        self._ends.set()
        if self._upkeep:
            self._upkeep.send_signal(signal.SIGTERM)
            self._upkeep.wait(GRACEFUL_S)


class Master(Arbiter):
    """gunicorn's master, which no mistake in new settings ends."""

    _trial: "subprocess.Popen[str] | None" = None
    _tried: tuple[str, str] | None = None

    def handle_hup(self) -> None:
        """Put workers with new code and settings in the place of the old ones, once a trial has shown that they start;
        the old ones end with what they have begun."""
        # Started in the main thread, as all forks; its status is none, for gunicorn waits for all children alike.
        self._trial = subprocess.Popen(
            [sys.executable, "-c", _TRIAL], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        threading.Thread(target=self._watch, args=(self._trial,), daemon=True).start()

    def _watch(self, trial: "subprocess.Popen[str]") -> None:
        said = trial.communicate()
        if trial is self._trial:  # and no later SIGHUP has begun another
            self._tried = said
            self.wakeup()

    def _reload_if_tried(self) -> None:
        tried, self._tried = self._tried, None
        if tried and self.app.take_anew(*tried):
            super().handle_hup()
            self.cfg.set("graceful_timeout", GRACEFUL_S)

    def manage_workers(self) -> None:
        """Called again and again: start what is missing, and end what is too much, of a reload only once as many new
        workers answer."""
        self._reload_if_tried()
        newest = sorted(self.WORKERS.values(), key=lambda one: one.age)[-self.num_workers :]
        # A worker that runs writes the clock into its file; until then it has the date.
        if len(self.WORKERS) <= self.num_workers or all(one.tmp.last_update() <= time.monotonic() for one in newest):
            super().manage_workers()


class Log(Logger):
    """gunicorn's own messages, as lines of our log."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers = [logs.Bridge()]


def main() -> None:
    """Serve as the command line of this process says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bind")
    parser.add_argument("workers", type=int)
    parser.add_argument("--log", default="auto")
    parser.add_argument("--counted-in", type=Path)
    parser.add_argument("--no-worker", action="store_true")
    given = parser.parse_args()
    logs.configure(given.log)
    logs.take_all()
    if given.counted_in:
        shutil.rmtree(given.counted_in, ignore_errors=True)  # of an earlier start
        given.counted_in.mkdir(parents=True, mode=0o700)
    Server(given.bind, given.workers, with_upkeep=not given.no_worker, counted_in=given.counted_in).run()


if __name__ == "__main__":
    main()
