"""The signatures of the Worker, in workerd, against the test suite that AWS has published for Signature Version 4."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.worker.suite import suite
from tests.workerd import WORKER, Workerd


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[dict[str, Any]], bool]]:
    folder = tmp_path_factory.mktemp("sources")
    (folder / "index.js").write_text((WORKER / "test/sigv4.js").read_text())
    (folder / "sigv4.js").write_text((WORKER / "src/sigv4.js").read_text())
    with Workerd({}, sources=folder, entry="index.js") as worker:

        def ask(case: dict[str, Any]) -> bool:
            with urllib.request.urlopen(worker.url, json.dumps(case).encode(), timeout=10) as answer:
                return bool(json.load(answer))

        yield ask


def _tampered(case: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a request that differs in one thing from the one that was signed, for each thing there is."""
    yield "method", case | {"method": "PUT"}
    yield "path", case | {"path": case["path"] + "x"}
    yield "query", case | {"query": case["query"] + "&versionId=1"}
    yield "body", case | {"body": case["body"] + " "}
    yield "date", case | {"amzDate": "20150830T123601Z"}
    yield "day", case | {"scope": case["scope"].replace("20150830", "20150831")}
    yield "region", case | {"scope": case["scope"].replace("us-east-1", "us-west-1")}
    yield "service", case | {"scope": case["scope"].replace("service", "s3")}
    yield "secret", case | {"pair": case["pair"] | {"secretAccessKey": case["pair"]["secretAccessKey"] + "x"}}
    yield "no signature", case | {"signature": ""}
    yield "short signature", case | {"signature": case["signature"][:-2]}
    yield "capital letters", case | {"signature": case["signature"].upper()}
    last = "0" if case["signature"][-1] != "0" else "1"
    yield "last digit", case | {"signature": case["signature"][:-1] + last}
    yield "one header more", case | {"headers": [*case["headers"], ["x-amz-meta-a", "b"]]}
    for at, (name, value) in enumerate(case["headers"]):
        changed = [*case["headers"]]
        changed[at] = [name, value + "x"]
        yield f"header {name}", case | {"headers": changed}
        yield f"without header {name}", case | {"headers": case["headers"][:at] + case["headers"][at + 1 :]}


def test_every_case_of_the_suite_has_its_signature(judge: Callable[[dict[str, Any]], bool]) -> None:
    cases = suite()

    assert len(cases) >= 24
    assert [case["name"] for case in cases if not judge(case)] == []


def test_no_tampered_case_has_its_signature(judge: Callable[[dict[str, Any]], bool]) -> None:
    passed = [(case["name"], what) for case in suite() for what, other in _tampered(case) if judge(other)]

    assert passed == []
