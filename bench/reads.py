"""Reads of stored images, as Bowerbird serves them in embedded mode, beside a function that sends the bytes."""

import json
import sys
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench import crowd, processes
from bench.contenders import LIMIT, PLAIN, Contender, bowerbird, other
from bench.crowd import Order, Outcome
from bench.figures import percentile, ratios, spread
from bench.images import Picture
from bench.report import Column, Measure, number, show_bytes, spreading

CLIENTS = 16
COLUMNS = (
    Column("image", "size_bytes", show_bytes),
    Column("answer", "answer"),
    Column("who", "contender"),
    Column("reads/s", "reads_per_s", spreading(0)),
    Column("of the limit's", "rate_to_limit", spreading(2)),
    Column("p50, ms", "p50_ms", number(1)),
    Column("p99, ms", "p99_ms", number(1)),
    Column("CPU, ms", "cpu_ms", spreading(3)),
    Column("of the limit's", "cpu_to_limit", spreading(2)),
)
HOW = f"""GETs of one stored image by {CLIENTS} clients that keep their connections, the bytes in the system's cache;
medians of {{rounds}} rounds, least and most in brackets. The limit reads the file and sends all of it, whatever is
asked for; the plain way is Flask's `send_from_directory`. A 304 is what a browser gets that has the image already."""


@dataclass(frozen=True, slots=True)
class _Image:
    """An image that a contender has, and the ETag it gives."""

    owner: Contender
    url: str
    etag: str


def measure(*, sizes: Sequence[int], rounds: int, workers: int) -> Measure:
    """Measure whole images, 304 and ranges of each size."""
    found = Measure("reads", "Reads in embedded mode", HOW.format(rounds=rounds), COLUMNS)
    with _everyone(workers) as everyone:
        for size in sizes:
            images = [_store(one, size) for one in everyone]
            for answer in ("200", "304", "206"):
                found.rows.extend(_cell(images, answer, size, rounds))
    return found


@contextmanager
def _everyone(workers: int) -> Iterator[list[Contender]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(bowerbird(None, workers=workers)),
            stack.enter_context(other(LIMIT, "limit-read", None, workers=workers)),
            stack.enter_context(other(PLAIN, "plain", None, workers=workers)),
        ]


def _store(contender: Contender, size: int) -> _Image:
    """Have the contender keep an image: by an upload, or as a file where it takes none."""
    data = Picture.make(size).another()
    if contender.headers:
        headers = {**dict(contender.headers), "Content-Type": "image/png"}
        with urllib.request.urlopen(urllib.request.Request(contender.url, data, headers), timeout=60) as answer:
            url = json.load(answer)["url"]
    else:
        assert contender.folder
        name = f"{uuid.uuid4().hex}.png"
        (contender.folder / name).write_bytes(data)
        url = f"{contender.base}/{name}"
    with urllib.request.urlopen(url, timeout=60) as answer:
        answer.read()
        return _Image(contender, url, answer.headers.get("ETag", ""))


def _cell(images: Sequence[_Image], answer: str, size: int, rounds: int) -> list[dict[str, object]]:
    taken: dict[str, list[tuple[Outcome, float]]] = {one.owner.name: [] for one in images}
    count = 400 if size < 500_000 or answer == "304" else 160
    for turn in range(rounds):
        print(f"reads: {show_bytes(size)}, {answer}, round {turn + 1} of {rounds}", file=sys.stderr)
        for image in images:
            before = processes.cpu_s(image.owner.pids)
            outcome = crowd.run(_order(image, answer, count))
            taken[image.owner.name].append((outcome, processes.cpu_s(image.owner.pids) - before))
    return _rows(taken, answer, size)


def _order(image: _Image, answer: str, count: int) -> Order:
    asked = {"200": (), "304": (("If-None-Match", image.etag),), "206": (("Range", "bytes=1000-10999"),)}
    return Order(image.url, CLIENTS, count, headers=asked[answer])


def _rows(taken: dict[str, list[tuple[Outcome, float]]], answer: str, size: int) -> list[dict[str, object]]:
    rates = {name: [outcome.rate for outcome, _ in turns] for name, turns in taken.items()}
    costs = {
        name: [used_s * 1000 / max(1, len(outcome.times_s)) for outcome, used_s in turns]
        for name, turns in taken.items()
    }
    rows: list[dict[str, object]] = []
    for name, turns in taken.items():
        times = [one for outcome, _ in turns for one in outcome.times_s]
        statuses = sorted({status for outcome, _ in turns for status in outcome.statuses})
        row = {"size_bytes": size, "answer": answer, "contender": name, "statuses": statuses, "clients": CLIENTS}
        row |= {"refusal": next((outcome.refusal for outcome, _ in turns if outcome.refusal), "")}
        if times:
            row |= {"reads_per_s": spread(rates[name]), "rate_to_limit": ratios(rates[name], rates[LIMIT])}
            row |= {"p50_ms": percentile(times, 50) * 1000, "p99_ms": percentile(times, 99) * 1000}
            row |= {"cpu_ms": spread(costs[name]), "cpu_to_limit": ratios(costs[name], costs[LIMIT])}
        rows.append(row)
    return rows
