"""Faults on order: to whom they come, how often, and that the stand-in can be run alone."""

import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.b2 import B2, Fault
from tests.b2.faults import Faults
from tests.worker.requests import Answer, Endpoint

BODY = b"bytes"
TARGET = "/bowerbird-demo/a.png"
Send = Callable[..., Answer]


@pytest.mark.parametrize(
    ("which", "text"),
    [
        ("transaction", "Transaction cap exceeded, see the Caps & Alerts page to increase your cap"),
        ("storage", "Cannot upload files, storage cap exceeded."),
        ("download", "Cannot download file, download bandwidth or transaction (Class B) cap exceeded."),
    ],
)
def test_a_cap_speaks_in_the_words_of_b2(b2: B2, s3: Any, which: str, text: str) -> None:
    b2.faults.add(Fault("cap", which=which))

    with pytest.raises(ClientError, match="AccessDenied") as error:
        s3.put_object(Bucket=b2.bucket, Key="a.png", Body=BODY)

    assert text in error.value.response["Error"]["Message"]
    assert b2.versions() == []


@pytest.mark.parametrize(("kind", "count"), [("reset", 0), ("lost", 1)])
def test_a_connection_breaks_over_tls_too(make_s3: Callable[..., Any], kind: Any, count: int) -> None:
    with B2(tls=True) as b2:
        b2.faults.add(Fault(kind))

        with pytest.raises(BotoCoreError):
            make_s3(b2).put_object(Bucket=b2.bucket, Key="a.png", Body=BODY * 100_000)

        assert len(b2.versions()) == count


def test_a_slowdown_says_when_to_come_again(b2: B2, send: Send) -> None:
    b2.faults.add(Fault("slowdown"))

    assert send("PUT", TARGET, BODY).headers["retry-after"] == "1"


def test_a_large_body_that_is_not_read_still_gets_its_answer(b2: B2, send: Send) -> None:
    b2.faults.add(Fault("503"))

    answer = send("PUT", TARGET, b"x" * (20 * 1024 * 1024))

    assert (answer.status, answer.code) == (503, "ServiceUnavailable")
    assert b2.requests[0].body_bytes == 0


def test_a_burst_of_faults_ends(b2: B2, send: Send) -> None:
    b2.faults.add(Fault("503-after", times=5))

    assert [send("PUT", TARGET, BODY).status for _ in range(6)] == [503] * 5 + [200]
    assert len(b2.versions()) == 1


def test_a_fault_meets_its_method_and_key_alone(b2: B2, send: Send) -> None:
    b2.faults.add(Fault("500", method="PUT", key="b.png"))

    assert send("PUT", TARGET, BODY).status == 200
    assert send("GET", "/bowerbird-demo/b.png").status == 404
    assert send("PUT", "/bowerbird-demo/b.png", BODY).status == 500


def test_chances_are_drawn_anew_from_the_same_seed() -> None:
    def drawn(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add(Fault("500", times=100, chance=0.5))
        return [faults.take("PUT", "/a") is not None for _ in range(50)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert {True, False} == set(drawn(1))


def test_what_is_refused_costs_nothing_and_what_is_taken_is_noted(b2: B2, send: Send) -> None:
    send("PUT", TARGET, BODY, {"x-amz-trailer": "x"})
    send("PUT", TARGET, BODY)

    assert b2.transactions == {"A": 1}
    assert [(one.method, one.target, one.status, one.body_bytes) for one in b2.requests] == [
        ("PUT", TARGET, 400, 5), ("PUT", TARGET, 200, 5)
    ]  # fmt: skip
    assert b2.requests[1].headers["x-amz-date"]
    b2.forget()
    assert (b2.requests, b2.transactions, len(b2.versions())) == ([], {}, 1)


def test_it_runs_alone_until_it_is_ended() -> None:
    command = [sys.executable, "-m", "tests.b2", "--s3-port", "0", "--friendly-port", "0", "--secret", "a-hidden-word"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline(), process.stdout.readline()]
        port, friendly = (re.search(r"http://127.0.0.1:(\d+)", line)[1] for line in lines)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{friendly}/file/bowerbird-demo/none", timeout=10).close()
        refused = Endpoint(int(port)).signed("PUT", TARGET, BODY)
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=30)

    assert refused.code == "SignatureDoesNotMatch"
    assert process.returncode == 0
    assert "a-hidden-word" not in "".join([*lines, rest, errors])
