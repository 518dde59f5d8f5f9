"""`python -m tests.faults.soak`: thousands of uploads while everything is killed at random moments, and the judge.

Every image is unlike every other and sent until it is taken, half of them with an Idempotency-Key; all at once web
workers, master, the worker for the jobs and the database are killed with SIGKILL, and the store misbehaves.
"""

import argparse
import itertools
import logging
import random
import signal
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .sender import picture
from .tree import Tree

CLIENTS = 12
_PATIENCE_S = 50  # less than the minute for which the same bytes without a key are the same upload
_LONGEST_WAIT_S = 15
_OTHER = ("lost", "twice")  # of what the judge finds: counted by themselves
_WEIGHTS = {"web": 10, "jobs": 3, "database": 3, "master": 1, "all": 1, "store": 4}


def main() -> int:
    """Return 0 if nothing was lost and nothing half remains, else 1."""
    asked = _asked()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whatever ends it, the servers end with it
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as folder,
        Tree(Path(folder), store=asked.store, database=asked.database, seed=asked.seed) as tree,
    ):
        began_at = time.monotonic()
        with tree.readiness.watched():
            _run(tree, asked)
        took_s = time.monotonic() - began_at
        is_ready = tree.readiness.is_ready_within(30)
        if tree.b2:
            tree.b2.faults.clear()
        tree.settle()
        return _tell(tree, took_s, is_ready)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--uploads", type=int, default=10_000, help="images to send")
    parser.add_argument("--seconds", type=float, default=3600, help="send no more after so long")
    parser.add_argument("--every", type=float, default=40, help="mean number of uploads between two kills")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of what is killed, and when")
    parser.add_argument("--store", choices=("folder", "s3"), default="folder")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    asked = parser.parse_args()
    print(f"store {asked.store}, database {asked.database}, seed {asked.seed}", flush=True)
    return asked


def _run(tree: Tree, asked: argparse.Namespace) -> None:
    """Send until there are enough, and kill meanwhile."""
    numbers, ends_at = itertools.count(), time.monotonic() + asked.seconds
    is_over = threading.Event()

    def send() -> None:
        sender = tree.sender()
        while (number := next(numbers)) < asked.uploads and time.monotonic() < ends_at:
            key = f"soak-{asked.seed}-{number}" if number % 2 else None
            sender.send(picture(number), key, patience_s=_PATIENCE_S)

    def kill() -> None:
        chance = random.Random(asked.seed)
        names = list(tree.victims)
        while not is_over.is_set():
            _wait(tree, chance.expovariate(1 / asked.every), is_over)
            tree.kill(chance.choices(names, [_WEIGHTS[name] for name in names])[0])
            print(f"\r{len(tree.ledger.acknowledged):,} acknowledged, {tree.kills.total()} kills ", end="", flush=True)

    with ThreadPoolExecutor(CLIENTS + 1) as pool:
        killer = pool.submit(kill)
        clients = [pool.submit(send) for _ in range(CLIENTS)]
        try:
            for client in clients:
                client.result()
        finally:
            is_over.set()
        killer.result()
    print()


def _wait(tree: Tree, uploads: float, is_over: threading.Event) -> None:
    """Wait until so many more uploads were acknowledged, or for a while: what is killed all the time serves nobody."""
    wanted, ends_at = len(tree.ledger.acknowledged) + uploads, time.monotonic() + _LONGEST_WAIT_S
    while len(tree.ledger.acknowledged) < wanted and time.monotonic() < ends_at and not is_over.wait(0.01):
        pass


def _tell(tree: Tree, took_s: float, is_ready: bool) -> int:
    """Print the table, and return 1 if something in it should not be."""
    ledger, verdict, lies = tree.ledger, tree.judge(), tree.readiness.lies()
    keys = {one.key for one in ledger.acknowledged}
    lines = [
        ("uploads acknowledged", f"{len(ledger.acknowledged):,} in {took_s:.0f} s"),
        ("given up by clients", str(ledger.given_up)),
        *((f"refused: {how}", f"{count:,}") for how, count in sorted(ledger.refused.items())),
        *((f"killed: {what}", str(count)) for what, count in sorted(tree.kills.items())),
        ("live though never acknowledged", str(verdict.live - len(keys))),
        # Without a key the same bytes are the same upload for a minute; a request may wait longer for a server.
        ("twice, after a minute without a key", str(len([one for one in verdict.twice if one not in ledger.keyed]))),
        ("/readyz asked", f"{len(tree.readiness.said):,} times, {len(tree.readiness.outages)} outages"),
    ]
    bad = {
        "lost": verdict.lost,
        "half": [f"{name} {one}" for name, found in verdict.faults.items() if name not in _OTHER for one in found],
        "duplicates": [one for one in verdict.twice if one in ledger.keyed],
        "dishonest answers": ledger.dishonest,
        "lies of /readyz": [str(one) for one in lies],
        "not ready at the end": [] if is_ready else ["/readyz"],
    }
    for name, value in [*lines, *((name, str(len(found))) for name, found in bad.items())]:
        print(f"{name:36} {value}")
    for name, found in bad.items():
        for one in found[:20]:
            print(f"{name}: {one}", file=sys.stderr)
    return int(any(bad.values()))


if __name__ == "__main__":
    sys.exit(main())
