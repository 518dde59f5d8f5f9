"""Crowds of clients, each in a process of its own: what they are told to do, and what came of it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Order:
    """What the clients do: GET `url`, or upload the picture that is kept at `picture` there, `count` times in all.

    `field` is the name of the multipart part; without one the image is the body. With `every_s` each client
    has a request due so often, from which moment on it counts as waiting; without, it sends the next at once. Without a
    `count` they go on until they are stopped.
    """

    url: str
    clients: int
    count: int | None = None
    picture: Path | None = None
    field: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    every_s: float = 0

    def line(self) -> bytes:
        """Return the order as bench.client reads it."""
        parts = urlsplit(self.url)
        told = {
            "method": "POST" if self.picture else "GET",
            "host": parts.hostname,
            "port": parts.port or 80,
            "path": (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            "picture": str(self.picture or ""),
            "field": self.field,
            "headers": self.headers,
            "clients": self.clients,
            "count": self.count,
            "every_s": self.every_s,
        }
        return json.dumps(told).encode() + b"\n"


@dataclass(slots=True)
class Outcome:
    """What came of an order: the seconds of each request that was taken, of all of them, and of the clients' own CPU.

    `refusal` is the first answer that was not 2xx or 3xx, and "" if there was none; `first` the first that was.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    times_s: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    refusal: str = ""
    first: str = ""

    @property
    def rate(self) -> float:
        """Requests taken in a second."""
        return len(self.times_s) / self.wall_s if self.wall_s else 0.0


def run(order: Order) -> Outcome:
    """Have the order done; its `count` is set."""
    with running(order) as outcome:
        pass
    return outcome


@contextmanager
def running(order: Order) -> Iterator[Outcome]:
    """Have the order done while the block runs; what came of it is known after the block."""
    outcome = Outcome()
    command = [sys.executable, "-m", "bench.client"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdin
        process.stdin.write(order.line())
        process.stdin.flush()
        yield outcome
        told, _ = process.communicate()  # the end of its input is what stops one without a count
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise RuntimeError(f"the clients ended with {process.returncode}")
    for name, value in json.loads(told).items():
        setattr(outcome, name, value)
