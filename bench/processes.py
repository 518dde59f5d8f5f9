"""Servers to measure, each a process tree of its own, and what such a tree has used."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parent.parent
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_START_S = 60
_LOOK_S = 0.3
_QUIET_S = 0.02  # of CPU between two looks: the beat of gunicorn and of a worker cost less
_LISTENING = "0A"


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def running(arguments: Sequence[str], environment: Mapping[str, str], port: int) -> Iterator[int]:
    """Run `python ARGUMENTS` in a session of its own until the block ends; yield its process id once it listens.

    It sees no setting of Bowerbird but those of `environment`. Raises RuntimeError with its last words if it does not
    come to listen.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BOWERBIRD_")}
    paths = os.pathsep.join(filter(None, (str(ROOT), kept.get("PYTHONPATH"))))
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=kept | {"PYTHONPATH": paths} | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            if not _comes_to_listen(port, process):
                log.seek(0)
                raise RuntimeError(f"{' '.join(arguments)} did not start: {log.read()[-2000:].decode()}")
            yield process.pid
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _comes_to_listen(port: int, process: subprocess.Popen[bytes]) -> bool:
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        time.sleep(0.05)
    return False


def family(roots: Iterable[int]) -> list[int]:
    """Return the processes and all that descend from them, each once."""
    found = list(dict.fromkeys(roots))
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            with suppress(OSError):
                found += [int(child) for child in task.read_text().split() if int(child) not in found]
    return found


def listeners(port: int) -> list[int]:
    """Return the processes of this machine that listen on the TCP port, as far as they may be looked at."""
    sockets = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(str(one.readlink()) in sockets for one in (folder / "fd").iterdir()):
                found.append(int(folder.name))
    return found


def cpu_s(roots: Iterable[int]) -> float:
    """Return the seconds of CPU of the processes and their families, user and system, with those of ended children."""
    ticks = 0
    for pid in family(roots):
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(field) for field in fields[11:15])
    return ticks * _TICK_S


def settle(roots: Sequence[int], *, most_s: float = 60) -> float:
    """Wait until the processes do nothing any more, at most `most_s`; return the CPU seconds that they have used."""
    end, used = time.monotonic() + most_s, cpu_s(roots)
    while time.monotonic() < end:
        time.sleep(_LOOK_S)
        before, used = used, cpu_s(roots)
        if used - before <= _QUIET_S:
            break
    return used


def forget_peaks(roots: Iterable[int]) -> None:
    """Begin to measure the peak of each process anew, where the kernel allows it."""
    for pid in family(roots):
        with suppress(OSError):
            Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_bytes(roots: Iterable[int]) -> int:
    """Return the most memory (resident) that any one of the processes had since then; 0 where none may be looked at."""
    peaks = [0]
    for pid in family(roots):
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            peaks += [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")]
    return max(peaks)
