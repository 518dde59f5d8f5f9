"""The machine that a run was made on: without it no figure says anything."""

import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.workerd import compatibility_date

ROOT = Path(__file__).parent.parent
_LIBRARIES = ("gunicorn", "gevent", "flask", "werkzeug", "boto3", "urllib3", "sqlalchemy", "pillow")
_WRITES, _WRITTEN_BYTES = 15, 40_000


def describe() -> dict[str, str]:
    """Return what the machine is and what it does already, as sentences by name."""
    load = " ".join(f"{one:.2f}" for one in os.getloadavg())
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "program": _git("describe", "--always", "--dirty"),
        "processor": f"{_first(Path('/proc/cpuinfo'), 'model name')}, {os.cpu_count()} cores",
        "memory": f"{int(_first(Path('/proc/meminfo'), 'MemTotal').split()[0]) / 2**20:.1f} GiB",
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "libraries": ", ".join(f"{name} {version(name)}" for name in _LIBRARIES),
        "workerd": f"{_workerd()}, compatibility date {compatibility_date()}",
        "load before (1, 5, 15 minutes)": load,
        "a durable write of 40 kB": f"{durable_write_s() * 1000:.2f} ms",
    }


def durable_write_s() -> float:
    """Return the median seconds that a write and an fsync take in the folder for temporary files."""
    times = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(_WRITES):
            started = time.perf_counter()
            file.write(os.urandom(_WRITTEN_BYTES))
            file.flush()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - started)
    return statistics.median(times)


def _first(path: Path, name: str) -> str:
    return next(_values(path.read_text().splitlines(), name), "unknown")


def _values(lines: Iterable[str], name: str) -> Iterable[str]:
    return (line.partition(":")[2].strip() for line in lines if line.startswith(name))


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _workerd() -> str:
    found = ROOT / "worker/node_modules/workerd/package.json"
    return next(_values(found.read_text().splitlines(), '  "version"'), "").strip('",') if found.exists() else "missing"
