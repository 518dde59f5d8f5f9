"""A bucket that fails, hangs, lies, or in whose place somebody else answers: for longer than anybody waits."""

from typing import Any

import pytest

from app.errors import Unavailable
from tests.b2 import Fault
from tests.faults.conftest import HANGS_S, House, is_honest

UNAVAILABLE = (503, "store_unavailable")
MISCONFIGURED = (502, "store_misconfigured")

# What happens to every request, what the client is told, and /readyz: it looks for an object, and of an answer to that
# which has no body it cannot know why it is a refusal.
FAULTS: dict[str, tuple[Fault, tuple[int, str], int]] = {
    "answers 503": (Fault("503"), UNAVAILABLE, 503),
    "answers 503 when it has read the body": (Fault("503-after"), UNAVAILABLE, 503),
    "answers 500": (Fault("500"), UNAVAILABLE, 503),
    "resets": (Fault("reset"), UNAVAILABLE, 503),
    "stores and resets": (Fault("lost", method="PUT"), UNAVAILABLE, 200),
    "hangs, and stores when nobody waits any more": (Fault("slow", delay_s=HANGS_S * 2), UNAVAILABLE, 503),
    "lies about the ETag": (Fault("lie", method="PUT"), UNAVAILABLE, 200),
    "leaves out the ETag": (Fault("unnamed", method="PUT"), UNAVAILABLE, 200),
    "answers 204": (Fault("empty", method="PUT"), UNAVAILABLE, 200),
    "ends in the midst of an answer": (Fault("cut", method="PUT"), UNAVAILABLE, 200),
    "answers a page of a proxy, 502": (Fault("html"), UNAVAILABLE, 503),
    "answers a page, 200": (Fault("page"), UNAVAILABLE, 503),
    "sends elsewhere": (Fault("redirect"), MISCONFIGURED, 502),
    "has reached a cap": (Fault("cap"), (507, "store_full"), 502),
}


def begin(house: House, fault: Fault) -> None:
    assert house.b2
    house.b2.faults.add(Fault(fault.kind, 100_000, fault.method, delay_s=fault.delay_s))


@pytest.mark.parametrize("what", FAULTS)
def test_while_a_bucket(cloud: House, what: str) -> None:
    fault, refusal, ready = FAULTS[what]
    assert cloud.send(1).status_code == 201
    if fault.kind == "slow":
        cloud.hurry()
    begin(cloud, fault)

    assert is_honest(cloud.send(2, "repeated"), *refusal)
    assert cloud.readyz() == ready
    cloud.b2.faults.clear()
    assert cloud.send(2, "repeated").status_code == 201
    assert cloud.readyz() == 200
    assert cloud.settle().faults == {}


@pytest.mark.parametrize("kind", ["page", "html", "redirect", "503"])
def test_what_somebody_else_says_of_the_bucket_is_not_believed(cloud: House, kind: Any) -> None:
    """A page is no empty list, and no deletion that was done."""
    kept, deleted = cloud.send(1).json["key"], cloud.send(2).json["key"]
    cloud.acknowledged.pop()
    begin(cloud, Fault(kind))

    cloud.parts.uploads.delete(deleted)
    for job in (lambda: cloud.parts.inventory.compare(grace_s=0), lambda: cloud.upkeep().end_deletions()):
        with pytest.raises(Unavailable, match="store"):
            job()
    cloud.b2.faults.clear()

    assert cloud.parts.uploads.find(kept)
    assert cloud.parts.uploads.find(deleted) is None
    assert cloud.settle().faults == {}
    assert cloud.b2.versions(deleted) == []


def test_a_clock_that_is_wrong_by_an_hour_is_named(cloud: House, skewed_by: dict[str, float]) -> None:
    assert cloud.send(1).status_code == 201
    for skew_s in (3600, -3600):
        skewed_by["s"] = skew_s
        try:
            answer = cloud.send(2, "repeated")
            assert is_honest(answer, *MISCONFIGURED)
            assert "clock" in answer.json["error"]
            assert cloud.readyz() == 502
        finally:
            skewed_by["s"] = 0

    assert cloud.send(2, "repeated").status_code == 201
    assert cloud.readyz() == 200
    assert cloud.settle().faults == {}
