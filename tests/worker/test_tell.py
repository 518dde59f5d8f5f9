"""When the app, or the queue before it, does not take what it is told: it hears of every change all the same."""

import base64
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.edge.relay import Listener, Relay
from tests.worker.conftest import Proxy
from tests.worker.requests import BUCKET

TARGET = f"/{BUCKET}/a.png"
BODY = b"the bytes of an image"
_TAKEN = b'{"metadata": {"metrics": {"backlogCount": 1, "backlogBytes": 1, "oldestMessageTimestamp": 0}}}'


class Queue(Listener):
    """Where a queue of Cloudflare's takes messages: it answers `status`."""

    def __init__(self) -> None:
        super().__init__()
        self.status = 200
        self.messages: list[bytes] = []
        self._came = threading.Condition()

    def handle(self, request: Relay) -> None:
        body = b"".join(request.body())
        request.say(self.status, _TAKEN, "application/json")
        with self._came:
            self.messages.append(body)
            self._came.notify_all()

    def wait(self, count: int) -> list[bytes]:
        """Return the first `count` messages, once they are there."""
        with self._came:
            self._came.wait_for(lambda: len(self.messages) >= count, 25)
            return self.messages[:]


@pytest.fixture
def queue() -> Iterator[Queue]:
    with Queue() as started:
        yield started


def test_a_change_that_the_app_refuses_three_times_running_arrives_once(proxy: Proxy) -> None:
    proxy.app.failures = 3

    assert proxy.signed("PUT", TARGET, BODY).status == 200

    (event,) = proxy.app.wait(1)
    assert event["key"] == "a.png"
    assert proxy.app.refused == [event] * 3
    assert proxy.app.came == 4


def test_an_app_that_does_not_answer_is_given_up_and_asked_again(proxy: Proxy) -> None:
    proxy.app.gate.clear()

    proxy.signed("PUT", TARGET, BODY)

    assert proxy.app.wait_at_gate(2, timeout_s=10)
    proxy.app.gate.set()
    assert len({event["eventId"] for event in proxy.app.wait(2)}) == 1


def test_a_queue_is_told_instead_of_the_app(make_proxy: Callable[..., Proxy], queue: Queue) -> None:
    proxy = make_proxy(queue="{}:{}".format(*queue.address))

    assert proxy.signed("PUT", TARGET, BODY).status == 200
    (message,) = queue.wait(1)
    queue.status = 500
    proxy.signed("PUT", f"/{BUCKET}/after.png", BODY)

    assert [event["key"] for event in proxy.app.wait(1)] == ["after.png"], proxy.worker.log()
    (only,) = json.loads(message)["messages"]
    assert json.loads(base64.b64decode(only["body"]))["key"] == "a.png"


def test_what_a_queue_does_not_take_is_told_from_here(make_proxy: Callable[..., Proxy], queue: Queue) -> None:
    queue.status = 500
    proxy = make_proxy(queue="{}:{}".format(*queue.address))
    keys = [f"{number}.png" for number in range(3)]

    assert {proxy.signed("PUT", f"/{BUCKET}/{key}", BODY).status for key in keys} == {200}

    assert Counter(event["key"] for event in proxy.app.wait(3)) == Counter(keys)
    assert len(queue.messages) == 3


def test_many_deletions_at_once_are_few_notifications(proxy: Proxy) -> None:
    keys = [f"{'ü' * 60}/{number}.png" for number in range(120)]
    names = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)

    answer = proxy.signed("POST", f"/{BUCKET}?delete=", f"<Delete>{names}</Delete>".encode())

    assert answer.status == 200
    assert Counter(event["key"] for event in proxy.app.wait(len(keys))) == Counter(keys)
    assert proxy.app.came <= 10
    assert max(proxy.app.sizes) <= 64 * 1024


def _delete(proxy: Proxy, count: int) -> set[str]:
    keys = {f"{number}.png" for number in range(count)}
    names = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
    assert proxy.signed("POST", f"/{BUCKET}?delete=", f"<Delete>{names}</Delete>".encode()).status == 200
    return keys


def test_300_deletions_are_told_in_six_notifications(proxy: Proxy) -> None:
    keys = _delete(proxy, 300)

    assert {event["key"] for event in proxy.app.wait(300)} == keys
    assert proxy.app.came == 6


def test_an_app_that_is_away_is_asked_once_however_much_there_is_to_tell(proxy: Proxy) -> None:
    """A Worker may ask 50 times in all."""
    proxy.app.gate.clear()

    keys = _delete(proxy, 120)

    assert proxy.app.wait_at_gate(1)
    assert not proxy.app.wait_at_gate(2, timeout_s=1)
    proxy.app.gate.set()
    proxy.app.wait(120)
    assert {event["key"] for event in proxy.app.events} == keys


def test_a_queue_takes_many_deletions_in_few_requests(make_proxy: Callable[..., Proxy], queue: Queue) -> None:
    proxy = make_proxy(queue="{}:{}".format(*queue.address))
    names = "".join(f"<Object><Key>{number}.png</Key></Object>" for number in range(60))

    proxy.signed("POST", f"/{BUCKET}?delete=", f"<Delete>{names}</Delete>".encode())

    sent = [len(json.loads(one)["messages"]) for one in queue.wait(2)]
    assert (sum(sent), max(sent)) == (60, 50)
