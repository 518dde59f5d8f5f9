"""A PostgreSQL of the tests' own, thrown away after them."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from tests.programs import find

_GONE_S = 20  # until the children of a server that was killed have seen it
_QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}


class Postgres:
    """One server, which listens on a socket in a folder of its own; it may be killed and started again."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))
        self._data = self._folder / "data"
        self.url = f"postgresql://bower@/postgres?host={self._folder}"
        as_user = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(self._folder, "postgres", "postgres")
            as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        self._control = [*as_user, find("pg_ctl") or "pg_ctl", "-D", str(self._data), "-w"]
        initdb = [*as_user, find("initdb") or "initdb", "-D", str(self._data), "-U", "bower", "-A", "trust", "-N"]
        subprocess.run(initdb, check=True, **_QUIET)

    def start(self) -> Self:
        options = f"-c listen_addresses= -k {self._folder} -c fsync=off"  # what the kernel has outlives a kill
        command = [*self._control, "-o", options, "-l", str(self._folder / "log"), "start"]
        subprocess.run(command, check=True, **_QUIET)
        return self

    def kill(self) -> None:
        """Kill the server with SIGKILL, and wait until its children have seen that it is gone."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        children = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        os.kill(pid, signal.SIGKILL)
        ends_at = time.monotonic() + _GONE_S
        while children and time.monotonic() < ends_at:
            children = [one for one in children if Path(f"/proc/{one}").exists()]
            time.sleep(0.02)
        for one in children:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)

    def stop(self) -> None:
        subprocess.run([*self._control, "-m", "immediate", "stop"], check=True, **_QUIET)
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def server() -> Iterator[str]:
    """Yield the URL of a new, empty server."""
    running = Postgres().start()
    try:
        yield running.url
    finally:
        running.stop()
