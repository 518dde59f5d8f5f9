"""Counts of several processes: each keeps its own in files of one folder, which whoever is asked adds up.

A process has a slot: the lowest number that no living one has, and the files of that number. The kernel frees it at any
death, and the next one goes on with its counts. So no count ever becomes less, and the files do not become more.
"""

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from prometheus_client import values
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from ..counts_folder import held_slots

_held: list[BinaryIO] = []  # for as long as the process lives


@dataclass(frozen=True, slots=True)
class Process:
    """A living process of this server: its slot, its id, and `role`: `web` or `worker`."""

    slot: int
    pid: int
    role: str


def share(folder: Path, role: str) -> None:
    """Let all that this process counts from now on be kept in `folder`, which is there."""
    slot = _take(folder, role)
    for path in folder.glob(f"gauge_*_{slot}.db"):  # what is no more; a count stays
        path.unlink()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # where the library looks for it
    values.ValueClass = values.MultiProcessValue(lambda: slot)


def living(folder: Path) -> Iterator[Process]:
    """Yield the processes that share `folder`."""
    for slot, told in held_slots(folder):
        pid, _, role = told.partition(" ")
        if role:
            yield Process(slot, int(pid), role)


def collect(folder: Path) -> list[Metric]:
    """Return what all processes have counted, and what is now at those that live."""
    alive = {str(one.slot) for one in living(folder)}
    files = [path for path in folder.glob("*.db") if not path.name.startswith("gauge") or _slot(path) in alive]
    return list(MultiProcessCollector.merge([str(path) for path in sorted(files)]))


def _slot(path: Path) -> str:
    return path.stem.rpartition("_")[2]


def _take(folder: Path, role: str) -> int:
    slot = 0
    while True:
        file = (folder / f"{slot}.slot").open("a+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            slot += 1
            continue
        file.truncate(0)
        file.write(f"{os.getpid()} {role}".encode())
        file.flush()
        _held.append(file)
        return slot
