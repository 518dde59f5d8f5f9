"""A PostgreSQL of the tests' own, thrown away after them."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.programs import find


@contextmanager
def server() -> Iterator[str]:
    """Yield the URL of a new, empty server, which listens on a socket in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    data = folder / "data"
    as_user = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    control = [*as_user, find("pg_ctl") or "pg_ctl", "-D", str(data), "-w"]
    subprocess.run(
        [*as_user, find("initdb") or "initdb", "-D", str(data), "-U", "bower", "-A", "trust", "-N"], check=True, **quiet
    )
    options = f"-c listen_addresses= -k {folder} -c fsync=off"
    subprocess.run([*control, "-o", options, "-l", str(folder / "log"), "start"], check=True, **quiet)
    try:
        yield f"postgresql://bower@/postgres?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, **quiet)
        shutil.rmtree(folder, ignore_errors=True)
