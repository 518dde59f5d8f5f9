"""The stand-in for what keeps a Worker's entries speaks as workerd wants it, and keeps what Cloudflare keeps."""

from collections.abc import Iterator

import pytest

from tests.edge import WorkerCache
from tests.worker.reading import Clock
from tests.worker.requests import Answer, Endpoint

URL = "https://i.example.com/a.png"
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nCache-Control: public, max-age=60\r\n"
MESSAGE = f"{HEAD}Content-Length: 10\r\n\r\n0123456789".encode()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> Iterator[WorkerCache]:
    with WorkerCache(clock=clock) as started:
        yield started


def put(cache: WorkerCache, message: bytes = MESSAGE, url: str = URL) -> int:
    return Endpoint(cache.port).send("PUT", url, {"host": "i.example.com"}, message).status


def ask(cache: WorkerCache, wanted: str = "", url: str = URL, method: str = "GET") -> Answer:
    headers = {"cache-control": "only-if-cached"} | ({"range": wanted} if wanted else {})
    return Endpoint(cache.port).send(method, url, headers)


def test_what_was_put_is_a_hit_until_its_time_is_over(cache: WorkerCache, clock: Clock) -> None:
    before = ask(cache)
    assert put(cache) == 204
    clock.now = 59
    kept = ask(cache)
    clock.now = 60

    assert (before.status, before.headers["cf-cache-status"]) == (504, "MISS")
    assert (kept.status, kept.body, kept.headers["cf-cache-status"]) == (200, b"0123456789", "HIT")
    assert (kept.headers["content-type"], kept.headers["age"]) == ("image/png", "59")
    assert ask(cache).headers["cf-cache-status"] == "MISS"


@pytest.mark.parametrize(
    ("wanted", "status", "body", "content_range"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"), ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"), ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-", 200, MESSAGE[-10:], None),
    ],
)  # fmt: skip
def test_a_part_of_it(cache: WorkerCache, wanted: str, status: int, body: bytes, content_range: str) -> None:
    put(cache)

    answer = ask(cache, wanted)

    assert (answer.status, answer.body, answer.headers["content-range"]) == (status, body, content_range)


@pytest.mark.parametrize(
    "message",
    [
        MESSAGE[:-1],
        MESSAGE.replace(b"public, max-age=60", b"no-store"),
        MESSAGE.replace(b"public, max-age=60", b"private"),
        MESSAGE.replace(b"max-age=60", b"max-age=0"),
        MESSAGE.replace(b"200 OK", b"206 Partial Content"),
        MESSAGE.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n"),
        MESSAGE.replace(b"200 OK", b"503 Service Unavailable").replace(b"public, max-age=60", b"public"),
    ],
)
def test_what_is_not_kept_is_refused(cache: WorkerCache, message: bytes) -> None:
    assert (put(cache, message), cache.wait(1), ask(cache).status) == (413, [], 504)


def test_a_purge_by_prefix_takes_what_lies_under_it_and_nothing_beside(cache: WorkerCache) -> None:
    for name in ("a.png", "a.png.webp", "b/c.png"):
        put(cache, url=f"https://i.example.com/{name}")

    cache.purge("i.example.com/a.png", "i.example.com/b")

    assert cache.wait(3) == ["https://i.example.com/a.png.webp"]


def test_a_worker_deletes_one_entry(cache: WorkerCache) -> None:
    put(cache)

    assert [ask(cache, method="PURGE").status for _ in range(2)] == [200, 404]
    assert ask(cache).status == 504
