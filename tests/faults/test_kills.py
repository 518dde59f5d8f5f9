"""kill -9 of everything in the midst of uploads, and a database that is gone; `make soak` is the long form of it."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from tests.faults.sender import picture
from tests.faults.tree import Tree
from tests.programs import missing

CLIENTS = 8
BETWEEN = 10  # uploads between two kills
PATIENCE_S = 50
SOON_S = 60

_number = count()


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    with Tree(tmp_path_factory.mktemp("embedded"), store="folder", database="sqlite") as tree:
        yield tree


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    with Tree(tmp_path_factory.mktemp("served"), store="folder", database="postgresql", with_redis=True) as tree:
        yield tree


def upload_while(tree: Tree, *victims: str) -> None:
    """Send images until each of the victims was killed, and some more were taken after the last of them."""
    is_over = threading.Event()

    def send() -> None:
        sender = tree.sender()
        while not is_over.is_set():
            number = next(_number)
            sender.send(picture(number), f"key-{number}" if number % 2 else None, patience_s=PATIENCE_S)

    def wait() -> None:
        wanted, ends_at = len(tree.ledger.acknowledged) + BETWEEN, time.monotonic() + SOON_S
        while len(tree.ledger.acknowledged) < wanted:
            assert time.monotonic() < ends_at, "no upload is taken any more"
            time.sleep(0.02)

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(send) for _ in range(CLIENTS)]
        try:
            wait()
            for victim in victims:
                tree.kill(victim)
                wait()
        finally:
            is_over.set()
        for client in clients:
            client.result()


def judged(tree: Tree) -> None:
    """Nothing is lost, nothing half remains, the answers were honest, and so was /readyz."""
    tree.settle()
    assert tree.readiness.is_ready_within(SOON_S)
    assert tree.judge().faults == {}
    assert tree.ledger.dishonest == []
    assert tree.readiness.lies() == []


def test_killed_in_the_midst_of_uploads_nothing_acknowledged_is_lost(embedded: Tree) -> None:
    with embedded.readiness.watched():
        upload_while(embedded, "web", "jobs", "database", "all")

    judged(embedded)


if not {"postgres", "redis-server"} & missing().keys():

    def test_a_database_that_is_killed_and_comes_back_costs_only_what_was_under_way(served: Tree) -> None:
        with served.readiness.watched():
            upload_while(served, "database")

        judged(served)
        assert served.readiness.outages

    def test_uploads_go_on_without_redis_whether_it_hangs_or_is_gone(served: Tree) -> None:
        sender = served.sender()
        for number in (signal.SIGSTOP, signal.SIGKILL):
            os.kill(served.redis.pid, number)
            started = time.monotonic()
            assert sender.try_once(picture(next(_number)))
            assert time.monotonic() - started < SOON_S, "it waits for Redis"

        assert served.readiness.is_ready_within(SOON_S)
