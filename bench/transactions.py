"""What B2 is asked for an upload and for a deletion, counted by the strict stand-in and by the app itself."""

import json
import logging
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.costs import KINDS
from bench.contenders import Contender, bowerbird
from bench.endpoint import Endpoint
from bench.images import Picture
from bench.report import Column, Measure
from tests.b2 import B2, Key

UPLOADS = 20
_WAIT_S = 60  # for thumbnails, and for the app to write what it has counted
COLUMNS = (
    Column("of", "what"),
    Column("times", "times"),
    *(Column(f"class {kind}, counted by B2", f"b2_{kind}") for kind in KINDS),
    *(Column(f"class {kind}, by the app", f"app_{kind}") for kind in KINDS),
)
HOW = """For one of each, thumbnails included: transactions that the stand-in for B2 took, and those that the app tells
in its own statistics. Class A is free; of B and C 2,500 a day are."""


def measure(*, sizes: tuple[int, ...] = (40_000, 1_000_000)) -> Measure:
    """Count uploads of each size, and then the deletions of all."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # moto's own lines are no news
    found = Measure("transactions", "B2 transactions", HOW, COLUMNS)
    names = Endpoint("")
    key = Key(names.access_key_id, names.secret_access_key)
    with B2(names.region, names.bucket, [key]) as b2, bowerbird(Endpoint(b2.endpoint), with_worker=True) as ours:
        count = _Count(ours, b2)
        for size in sizes:
            print(f"transactions: {UPLOADS} uploads of {size:,} bytes", file=sys.stderr)
            found.rows.append(
                count.row(f"an upload of {size // 1000:,} kB", UPLOADS, lambda of=size: _upload(ours, of))
            )
        keys = [one["key"] for one in _ask(ours, "/api/uploads?limit=200")["uploads"]]
        found.rows.append(count.row("a deletion", len(keys), lambda: _delete(ours, keys)))
    return found


class _Count:
    """The transactions so far, as both tell them."""

    def __init__(self, ours: Contender, b2: B2) -> None:
        self._ours, self._b2 = ours, b2
        # The worker lists the bucket once as it starts, and that is no part of any upload.
        self._before = self._settled(lambda: b2.transactions["C"] > 0)

    def row(self, what: str, times: int, do: Callable[[], None]) -> dict[str, Any]:
        """Do it, wait until nothing is left to do and both have counted, and return what it took for one."""
        do()
        by_b2, by_app = self._settled(lambda: not self._left())
        row: dict[str, Any] = {"what": what, "times": times, "left": self._left()}
        for kind in KINDS:
            row[f"b2_{kind}"] = (by_b2[kind] - self._before[0][kind]) / times
            row[f"app_{kind}"] = (by_app[kind] - self._before[1][kind]) / times
        self._before = (by_b2, by_app)
        return row

    def _settled(self, is_done: Callable[[], bool]) -> tuple[Counter[str], Counter[str]]:
        """Wait until it is done and both have counted the same, at most for a while; return what each has counted."""
        end = time.monotonic() + _WAIT_S
        while time.monotonic() < end:
            if is_done():  # asked first: what it waits for is then in what was counted
                by_b2, by_app = self._now()
                if by_b2 == by_app:
                    return by_b2, by_app
            time.sleep(0.5)
        return self._now()

    def _left(self) -> int:
        stats = self._stats()
        return int(stats["waiting"]) + int(stats["undrawn"])

    def _now(self) -> tuple[Counter[str], Counter[str]]:
        # Month, not day: a day may end while this is measured.
        return +Counter(self._b2.transactions), +Counter(self._stats()["month"])

    def _stats(self) -> dict[str, Any]:
        return _ask(self._ours, "/api/stats")


def _upload(ours: Contender, size: int) -> None:
    with TemporaryDirectory(prefix="bench-") as folder:
        picture = Path(folder) / "picture"
        Picture.make(size).write(picture)
        outcome = ours.upload(picture, clients=4, count=UPLOADS)
    if outcome.refusal:
        raise RuntimeError(f"an upload was answered with {outcome.refusal}")


def _delete(ours: Contender, keys: list[str]) -> None:
    for key in keys:
        _ask(ours, f"/api/uploads/{key}", "DELETE")


def _ask(ours: Contender, path: str, method: str = "GET") -> Any:
    request = urllib.request.Request(ours.base + path, headers=dict(ours.headers), method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")
