"""Uploads: how many a second, how long each, what each costs the server, beside the limit and the others."""

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import processes
from bench.contenders import BARE, LIMIT, PLAIN, Contender, bowerbird, other, peer, warm
from bench.crowd import Outcome
from bench.endpoint import Endpoint
from bench.figures import percentile, ratios, spread
from bench.images import Picture
from bench.peers import Peer
from bench.report import Column, Measure, number, show_bytes, show_mib, spreading

COLUMNS = (
    Column("image", "size_bytes", show_bytes),
    Column("clients", "clients"),
    Column("who", "contender"),
    Column("uploads/s", "uploads_per_s", spreading(1)),
    Column("of the limit's", "rate_to_limit", spreading(2)),
    Column("p50, ms", "p50_ms", number(1)),
    Column("p95, ms", "p95_ms", number(1)),
    Column("p99, ms", "p99_ms", number(1)),
    Column("CPU, ms", "cpu_ms", spreading(2)),
    Column("of the limit's", "cpu_to_limit", spreading(2)),
    Column("peak of a process", "peak_bytes", show_mib),
    Column("clients' share of CPU", "clients_cpu_share", lambda share: f"{share:.0%}"),
)
HOW = """Medians of {rounds} rounds, least and most in brackets; in each round everyone has a turn of `uploads` uploads.
Ratios are taken within a round. Percentiles are over all uploads of all rounds, from the first byte sent to the last
byte of the answer. CPU is what the server's process tree has used (user and system) until it was quiet again, so work
after the answer counts, divided by the uploads; memory is the most that any one of its processes had resident.
Nothing is taken off for the clients, which run on the same machine: the last column is their share of all its CPU."""


@dataclass(slots=True)
class _Taken:
    """The samples of one contender in one cell; one of each for a round, and the seconds of all uploads."""

    rates: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    peak_bytes: int = 0
    refusal: str = ""


def count_of(size: int, clients: int) -> int:
    """Return how many uploads of `size` bytes one turn has: some seconds of work, and each client at least one.

    >>> count_of(40_000, 1), count_of(1_000_000, 16), count_of(20_000_000, 64)
    (150, 96, 64)
    """
    most = 150 if clients == 1 else 400
    return max(clients, min(most, 96_000_000 // size))


def measure(
    endpoint: Endpoint | None,
    *,
    sizes: Sequence[int],
    clients: Sequence[int],
    rounds: int,
    workers: int,
    peers: Sequence[Peer] = (),
) -> Measure:
    """Measure everyone with each size and number of clients, over the endpoint or, without one, over folders."""
    kind = "s3" if endpoint else "folder"
    where = "an S3 endpoint" if endpoint else "the local disk"
    found = Measure(f"uploads_{kind}", f"Uploads to {where}", HOW.format(rounds=rounds), COLUMNS)
    with ExitStack() as stack:
        everyone = [
            stack.enter_context(bowerbird(endpoint, workers=workers)),
            stack.enter_context(other(LIMIT, f"limit-{kind}", endpoint, workers=workers)),
            stack.enter_context(other(BARE, "bare", endpoint, workers=workers)),
            stack.enter_context(other(PLAIN, "plain", endpoint, workers=workers)),
            *(peer(one) for one in peers),
        ]
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        small = Picture.make(min(sizes))
        for contender in everyone:
            _tell(contender, warm(contender, small))
            processes.settle(contender.pids)
        for size in sizes:
            path = folder / str(size)
            Picture.make(size).write(path)
            for number_of_clients in clients:
                taken = _cell(everyone, path, size, number_of_clients, rounds)
                found.rows.extend(_rows(taken, size, number_of_clients))
    return found


def _cell(everyone: Sequence[Contender], picture: Path, size: int, clients: int, rounds: int) -> dict[str, _Taken]:
    taken = {one.name: _Taken() for one in everyone}
    for one in everyone:
        processes.forget_peaks(one.pids)
    for turn in range(rounds):
        print(f"uploads: {show_bytes(size)}, {clients} clients, round {turn + 1} of {rounds}", file=sys.stderr)
        first = turn % len(everyone)  # nobody is always the one that comes after the busiest
        for one in (*everyone[first:], *everyone[:first]):
            if not taken[one.name].refusal:
                _turn(one, picture, clients, count_of(size, clients), taken[one.name])
    return taken


def _tell(contender: Contender, outcome: Outcome) -> None:
    """Say what a peer answers: it may be 200 and an error, or lead to a page where one signs in."""
    if not contender.folder:
        answer = outcome.refusal or outcome.first
        print(f"uploads: {contender.name} answers {' '.join(answer.split())[:200]}", file=sys.stderr)


def _turn(contender: Contender, picture: Path, clients: int, count: int, into: _Taken) -> None:
    os.sync()  # a host that syncs would otherwise wait for what another one left unwritten
    before = processes.cpu_s(contender.pids)
    outcome = contender.upload(picture, clients=clients, count=count)
    used_s = processes.settle(contender.pids) - before
    contender.empty()
    into.refusal = outcome.refusal
    if not outcome.times_s:
        return
    into.rates.append(outcome.rate)
    into.shares.append(outcome.cpu_s / (outcome.wall_s * _cores()))
    into.times_s += outcome.times_s
    into.cpu_ms.append(used_s / count * 1000)
    into.peak_bytes = max(into.peak_bytes, processes.peak_bytes(contender.pids))


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _rows(taken: dict[str, _Taken], size: int, clients: int) -> list[dict[str, Any]]:
    limit, rows = taken[LIMIT], []
    for name, one in taken.items():
        row: dict[str, Any] = {"size_bytes": size, "clients": clients, "contender": name}
        row |= {"uploads": count_of(size, clients), "rounds": len(one.rates), "refusal": one.refusal}
        if one.rates:
            row |= {f"p{p}_ms": percentile(one.times_s, p) * 1000 for p in (50, 95, 99)}
            row |= {"uploads_per_s": spread(one.rates), "rate_to_limit": ratios(one.rates, limit.rates)}
            row["clients_cpu_share"] = spread(one.shares).median
        if any(one.cpu_ms):
            row |= {"cpu_ms": spread(one.cpu_ms), "cpu_to_limit": ratios(one.cpu_ms, limit.cpu_ms)}
            row["peak_bytes"] = one.peak_bytes
        rows.append(row)
    return rows
