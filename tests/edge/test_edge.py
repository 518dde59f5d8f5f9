"""The stand-in for Cloudflare does to the requests of a Worker what Cloudflare does."""

from collections.abc import Iterator

import pytest

from tests.edge import MAX_BODY, Egress, Ingress
from tests.edge.relay import Listener, Relay
from tests.worker.requests import Endpoint


class Origin(Listener):
    """B2, or a Worker: says what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

    def handle(self, request: Relay) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append((request.command, request.path, headers, b"".join(request.body())))
        request.say(200, b"bytes", "image/png")


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as started:
        yield started


def test_a_request_to_a_worker_gets_cloudflares_headers(origin: Origin) -> None:
    with Ingress(("127.0.0.1", origin.port)) as ingress:
        Endpoint(ingress.port).send(
            "PUT", "/a//b%2Fc?d", {"accept-encoding": "identity", "expect": "100-continue"}, b"x"
        )

    ((method, path, headers, body),) = origin.asked
    assert (method, path, body) == ("PUT", "/a//b%2Fc?d", b"x")
    assert headers["accept-encoding"] == "gzip, br"
    assert {"cf-connecting-ip", "cf-ray", "cf-visitor", "x-forwarded-proto", "x-real-ip", "cdn-loop"} <= set(headers)
    assert "expect" not in headers


def test_more_than_100_mb_never_reach_a_worker(origin: Origin) -> None:
    with Ingress(("127.0.0.1", origin.port)) as ingress:
        answer = Endpoint(ingress.port).send("PUT", "/a", {"content-length": str(MAX_BODY + 1)})

    assert (answer.status, answer.headers["content-type"], origin.asked) == (413, "text/html", [])


@pytest.mark.parametrize(("path", "expected"), [("/a.PNG", "GET"), ("/a.heic", "HEAD"), ("/a", "HEAD")])
def test_a_head_that_the_cache_knows_becomes_a_get(origin: Origin, path: str, expected: str) -> None:
    with Egress({"b2.example.com": ("127.0.0.1", origin.port)}) as egress:
        headers = {
            "host": "b2.example.com",
            "if-none-match": '"x"',
            "range": "bytes=0-1",
            "accept-encoding": "identity",
        }
        Endpoint(egress.port).send("HEAD", f"https://b2.example.com{path}", headers)

    ((method, target, seen, _),) = origin.asked
    assert (method, target, seen["host"]) == (expected, path, "b2.example.com")
    assert (seen["accept-encoding"], seen["cf-worker"]) == ("gzip", "example.com")
    assert "if-none-match" not in seen
