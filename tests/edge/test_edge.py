"""The stand-in for Cloudflare does to requests what Cloudflare does."""

from collections.abc import Iterator

import pytest

from tests.edge import MAX_BODY, Edge, Egress, Ingress
from tests.edge.relay import Listener, Relay
from tests.worker.requests import Endpoint

OBJECT = [("x-bz-file-id", "4_z1"), ("x-bz-info-name", "secret"), ("Cache-Control", "public, max-age=31536000")]


class Origin(Listener):
    """B2, or a Worker: says what was asked, and answers what it was told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.status, self.headers = 200, OBJECT

    def handle(self, request: Relay) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append((request.command, request.path, headers, b"".join(request.body())))
        request.say(self.status, b"bytes", "image/png", self.headers)


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as started:
        yield started


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def edge(origin: Origin, clock: Clock) -> Iterator[Edge]:
    with Edge(("127.0.0.1", origin.port), "pics", clock=clock) as started:
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


def test_an_image_is_fetched_once_and_shown_without_b2s_headers(origin: Origin, edge: Edge) -> None:
    first, second = (Endpoint(edge.port).send("GET", "/a.png") for _ in range(2))

    assert [path for _, path, _, _ in origin.asked] == ["/file/pics/a.png"]
    assert (first.headers["cf-cache-status"], second.headers["cf-cache-status"]) == ("MISS", "HIT")
    assert (second.body, second.headers["content-type"], second.headers["etag"]) == (b"bytes", "image/png", '"4_z1"')
    assert second.headers["x-content-type-options"] == "nosniff"
    assert not [name for name in second.headers if name.lower().startswith("x-bz-")]


def test_another_bucket_is_not_reached(origin: Origin, edge: Edge) -> None:
    for path in ("/file/pics-evil/a.png", "/file/other/a.png", "/file/pics/a.png"):
        Endpoint(edge.port).send("GET", path)

    asked = [path for _, path, _, _ in origin.asked]
    assert asked == ["/file/pics/file/pics-evil/a.png", "/file/pics/file/other/a.png", "/file/pics/a.png"]


@pytest.mark.parametrize(
    ("status", "headers", "path", "is_kept"),
    [
        (200, OBJECT, "/a.png", True),
        (200, [], "/a.png", True),
        (200, OBJECT, "/a", False),
        (200, [("Cache-Control", "no-store")], "/a.png", False),
        (404, [], "/a.png", True),
        (503, [], "/a.png", False),
    ],
)
def test_what_is_kept(origin: Origin, edge: Edge, status: int, headers: list, path: str, is_kept: bool) -> None:
    origin.status, origin.headers = status, headers

    statuses = [Endpoint(edge.port).send("GET", path).headers["cf-cache-status"] for _ in range(2)]

    assert statuses == ["MISS", "HIT" if is_kept else "MISS"]


def test_a_404_is_kept_for_three_minutes(origin: Origin, edge: Edge, clock: Clock) -> None:
    origin.status, origin.headers = 404, []
    Endpoint(edge.port).send("GET", "/a.png")
    origin.status = 200

    assert Endpoint(edge.port).send("GET", "/a.png").status == 404
    clock.now += 181
    assert Endpoint(edge.port).send("GET", "/a.png").status == 200


def test_a_purge_forgets_the_url_but_not_what_was_asked_with_an_origin(origin: Origin, edge: Edge) -> None:
    for headers in ({}, {"origin": "https://x.example.com"}):
        Endpoint(edge.port).send("GET", "/a.png", headers)

    edge.purge(["/a.png"])

    assert Endpoint(edge.port).send("GET", "/a.png").headers["cf-cache-status"] == "MISS"
    kept = Endpoint(edge.port).send("GET", "/a.png", {"origin": "https://x.example.com"})
    assert kept.headers["cf-cache-status"] == "HIT"


def test_an_edge_that_keeps_nothing_asks_each_time(origin: Origin) -> None:
    with Edge(("127.0.0.1", origin.port), "pics", keeps=False) as edge:
        statuses = [Endpoint(edge.port).send("GET", "/a.png").headers["cf-cache-status"] for _ in range(2)]

    assert statuses == ["MISS", "MISS"]
