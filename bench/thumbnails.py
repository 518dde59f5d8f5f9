"""What an upload costs after its answer: the worker's CPU for its thumbnail, and the time until all are there."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import endpoint, processes
from bench.contenders import Contender, bowerbird, warm
from bench.images import Picture
from bench.report import Column, Measure, number, show_bytes, show_mib

COLUMNS = (
    Column("image", "size_bytes", show_bytes),
    Column("uploads", "uploads"),
    Column("CPU of the web workers for one, ms", "web_cpu_ms", number(2)),
    Column("CPU of the worker for one, ms", "worker_cpu_ms", number(2)),
    Column("peak of a process of the worker", "worker_peak_bytes", show_mib),
    Column("quiet after the last answer, s", "quiet_after_s", number(1)),
)
HOW = """Bowerbird with its worker over the sink, uploads from one client. The worker, a process beside the web workers
with decoders of its own, makes the thumbnails after the answers; all is done once the process tree is quiet."""


def measure(*, sizes: Sequence[int], workers: int) -> Measure:
    """Measure each size once."""
    found = Measure("thumbnails", "Thumbnails, after the answer", HOW, COLUMNS)
    with (
        endpoint.sink() as sink,
        bowerbird(sink, workers=workers, with_worker=True) as ours,
        TemporaryDirectory(prefix="bench-") as folder,
    ):
        picture = Path(folder) / "picture"
        warm(ours, Picture.make(min(sizes)))  # it listens before it has its worker, but does not answer
        for size in sizes:
            print(f"thumbnails: {show_bytes(size)}", file=sys.stderr)
            Picture.make(size).write(picture)
            found.rows.append(_row(ours, picture, size))
    return found


def _row(ours: Contender, picture: Path, size: int) -> dict[str, object]:
    count = max(3, min(60, 10_000_000 // size))
    master, worker = ours.pids[0], _worker(ours.pids[0])
    processes.settle([master])
    processes.forget_peaks([worker])
    before, before_worker = processes.cpu_s([master]), processes.cpu_s([worker])
    outcome = ours.upload(picture, clients=1, count=count)
    answered = time.monotonic()
    used = processes.settle([master]) - before
    quiet = time.monotonic()
    used_worker = processes.cpu_s([worker]) - before_worker
    return {
        "size_bytes": size,
        "uploads": count,
        "contender": ours.name,
        "refusal": outcome.refusal,
        "web_cpu_ms": (used - used_worker) / count * 1000,
        "worker_cpu_ms": used_worker / count * 1000,
        "worker_peak_bytes": processes.peak_bytes([worker]),
        "quiet_after_s": quiet - answered,
    }


def _worker(master: int) -> int:
    """Return the process id of the worker beside the web workers."""
    for pid in processes.family([master]):
        if b"app.cli\0worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    raise RuntimeError("the server has no worker")
