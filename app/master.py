"""The server's master: starts gunicorn's web workers and the worker for the repeated jobs, and puts new ones in place.

`bowerbird serve` runs this file in a process of its own, so that nothing else is imported before gevent patches it. The
master imports the app once for all web workers, which share its memory; each makes an app of its own.
"""

import argparse
import gc
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import structlog
from gevent import monkey
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from . import counts_folder, logs, opening_process, systemd
from .relieved import Relieved
from .upkeep_process import UpkeepProcess

log = structlog.get_logger()

GRACEFUL_S = 30

# What the new web workers will be made of, in a process that may fail of it.
_TRIAL = (
    "import app.master; from app import create_app; found = create_app().extensions['bowerbird']; found.close();"
    " print(found.settings.bind, found.settings.web_workers)"
)
_RELIEVED = "BOWERBIRD_RELIEVED"  # the web workers whose place others take after a reload: 12,13
_HELD_BACK = {*Arbiter.SIGNALS, signal.SIGCHLD}  # while nobody is there to hear them
RETRY_S = 2.0  # before a web worker that the database did not answer is started anew


class Server(BaseApplication):
    """gunicorn, configured here and nowhere else; `shared` is the module that all web workers need."""

    shared = "app.web.factory"

    def __init__(
        self, bind: str, workers: int, *, with_upkeep: bool = True, counted_in: Path | None = None, first: bool = False
    ) -> None:
        self.bind, self._workers, self._with_upkeep, self.counted_in = bind, workers, with_upkeep, counted_in
        self._first = first
        self._upkeep: UpkeepProcess | None = None
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": self.bind,
            "workers": self._workers,
            "worker_class": "app.server.Worker",
            "keepalive": 1,  # they are kept; for how long is BOWERBIRD_KEEPALIVE_TIMEOUT
            "timeout": 60,
            "graceful_timeout": GRACEFUL_S,
            "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: PTH112, S108
            "control_socket_disable": True,
            # No header of a proxy is gunicorn's to believe: by default what comes through one on this machine may move
            # a request to another path (PATH_INFO), and the addresses in a page to another host (SCRIPT_NAME).
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "secure_scheme_headers": {},
            "sendfile": False,  # it would go round the pace
            "http_parser": "python",  # its fast one takes what this refuses, and whoever installs it would have it
            "proc_name": "bowerbird",
            "logger_class": Log,
            "when_ready": self._prepare,
            "post_fork": self._let_upkeep_go,
            "on_exit": self._end,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from app import create_app  # noqa: PLC0415 in the worker, after gevent has patched it
        from app.errors import Unavailable  # noqa: PLC0415 as above

        try:
            return create_app(counted_in=self.counted_in)
        except Unavailable as e:  # the others go on; it is started anew
            logs.uncaught(e)
            time.sleep(RETRY_S)
            raise SystemExit(1) from e
        except Exception as e:
            logs.uncaught(e)
            raise SystemExit(Arbiter.WORKER_BOOT_ERROR) from e

    def run(self) -> None:
        """Serve until a signal ends it: SIGTERM gracefully, within GRACEFUL_S. SIGHUP loads code and settings anew."""
        Master(self).run()

    def keep_upkeep(self) -> None:
        """Start the worker for the repeated jobs anew if it has ended; to be called again and again."""
        if self._upkeep:
            self._upkeep.keep()

    def _prepare(self, arbiter: Any) -> None:
        """Between the listening and the first fork: import what all share, do what is done once, start the upkeep."""
        # Not what the master itself lives by: it hears of signals and of its children's ends without gevent's loop.
        monkey.patch_all(os=False, signal=False, subprocess=False, queue=False)
        gc.disable()  # nothing of a module is garbage; to look for it takes a fifth of the time
        import_module(self.shared)
        gc.freeze()  # nor do the web workers look there, which would cost them the memory that they share
        gc.enable()
        if self._first and (status := opening_process.run(arbiter.wait_for_signals, _HELD_BACK)) != 0:
            self._end(arbiter)
            raise SystemExit(status)
        if self._with_upkeep:
            self._upkeep = UpkeepProcess(self.counted_in)

    def _let_upkeep_go(self, _arbiter: Any, _worker: Any) -> None:
        """In a web worker: the upkeep ends with the master, not with the last of those that it has forked."""
        if self._upkeep:
            self._upkeep.end()

    def _end(self, _arbiter: Any) -> None:
        if self._upkeep:
            self._upkeep.stop()
        if self.counted_in:
            shutil.rmtree(self.counted_in, ignore_errors=True)


class Master(Arbiter):
    """gunicorn's master, which no mistake in new settings ends.

    For a reload it becomes, in the same process, a master of the new code; the old workers stay its children.
    """

    _trial: "tuple[subprocess.Popen[str], IO[str], IO[str]] | None" = None

    def start(self) -> None:
        """Listen, and have new workers beside those of before a reload."""
        with systemd.told_at_the_end():
            super().start()
        relieved = [int(pid) for pid in os.environ.pop(_RELIEVED, "").split(",") if pid]
        self.WORKERS |= {pid: Relieved(age - len(relieved)) for age, pid in enumerate(relieved)}

    def init_signals(self) -> None:
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD_BACK)

    def spawn_worker(self) -> Any:
        """Start a web worker; what it is told before it hears for itself waits, instead of ending in a copy of ours."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
        try:
            return super().spawn_worker()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD_BACK)

    def handle_hup(self) -> None:
        """Put workers with new code and settings in the place of the old ones, once a trial has shown that they start;
        the old ones end with what they have begun."""
        try:
            said, why = (TemporaryFile("w+") for _ in range(2))  # noqa: SIM115 closed with the trial
            trial = subprocess.Popen([sys.executable, "-c", _TRIAL], stdout=said, stderr=why, text=True)
        except OSError as e:  # a disk or a memory that is full
            self._stay(str(e))
        else:
            self._trial = trial, said, why

    def manage_workers(self) -> None:
        """Called again and again: start what is missing, and end what is too much, of a reload only once as many new
        workers answer."""
        self.app.keep_upkeep()
        self._reload_if_tried()
        fresh = [one for one in self.WORKERS.values() if not isinstance(one, Relieved)]
        if len(fresh) < len(self.WORKERS):
            for _ in range(self.num_workers - len(fresh)):
                self.spawn_worker()
        newest = sorted(self.WORKERS.values(), key=lambda one: one.age)[-self.num_workers :]
        # A worker that runs writes the clock into its file; until then it has the date.
        if len(self.WORKERS) <= self.num_workers or all(one.tmp.last_update() <= time.monotonic() for one in newest):
            super().manage_workers()

    def _reload_if_tried(self) -> None:
        if self._trial is None or self._trial[0].poll() is None:
            return
        (_, said, why), self._trial = self._trial, None
        with said, why:
            said.seek(0)
            why.seek(0)
            # Its status is not known: gunicorn waits for all children alike.
            found = re.fullmatch(r"(\S+) (\d+)\n", said.read())
            if found:
                self._become(*found.groups())
            else:
                self._stay(why.read().strip().rpartition("\n")[2])

    def _stay(self, why: str) -> None:
        log.error("not reloaded, all goes on as it was", why=why)

    def _become(self, bind: str, workers: str) -> None:
        """Go on as a master of the code that is there now, for what the new settings say of this process."""
        if bind != self.app.bind:
            self._stay(f"BOWERBIRD_BIND is {bind} now; another address needs a restart")
            return
        signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
        while not self.SIG_QUEUE.empty():
            if (heard := self.SIG_QUEUE.get()) in _HELD_BACK:
                os.kill(self.pid, heard)  # it is pending then, and comes after all this
        environment = os.environ | {
            _RELIEVED: ",".join(map(str, self.WORKERS)),
            "GUNICORN_PID": str(self.pid),
            "GUNICORN_FD": ",".join(str(one.fileno()) for one in self.LISTENERS),
        }
        options = [one for one in sys.argv[1:] if one.startswith(("--log=", "--no-worker"))]
        options += [f"--counted-in={self.app.counted_in}"] if self.app.counted_in else []
        os.execve(sys.executable, [sys.executable, "-m", "app.master", bind, workers, *options], environment)  # noqa: S606


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
    parser.add_argument("--no-worker", dest="with_upkeep", action="store_false")
    parser.add_argument("--first", action="store_true")
    given = vars(parser.parse_args())
    logs.configure(given.pop("log"))
    logs.take_all()
    given["counted_in"] = given["counted_in"] or counts_folder.make()
    Server(**given).run()


if __name__ == "__main__":
    main()
