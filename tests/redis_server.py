"""A Redis of the tests' own, which keeps nothing."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.conftest import free_port
from tests.programs import find


@contextmanager
def server() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Yield the URL of a new server, and its process, which a test may kill."""
    port = free_port()
    command = [find("redis-server") or "redis-server", "--port", str(port), "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0", process
    finally:
        process.kill()
        process.wait()
