"""A purge takes from the edge what Cloudflare would take, no more, and not more often."""

from collections.abc import Callable
from typing import Any

import cloudflare
import pytest
from cloudflare import Cloudflare

from tests.edge import WorkerCache
from tests.edge.conftest import Clock
from tests.edge.standing import Standing
from tests.worker.requests import Endpoint

URL = "https://i.example.com/a.png"
ORIGIN = "https://x.example.org"


@pytest.fixture
def kept(edge: Standing, put: Callable[..., str]) -> Standing:
    """An edge that keeps four variants of an image, and two more images."""
    for key in ("a.png", "a.png.webp", "b.png"):
        put(key)
        edge.view(f"/{key}")
    edge.view("/a.png", {"origin": ORIGIN})
    edge.view("/a.png?v=1")
    edge.view("/a.png?v=1", {"origin": ORIGIN})
    return edge


def urls(edge: Standing) -> list[str]:
    keys = edge.zone.cache.keys()
    return sorted(f"{key.url.removeprefix('https://i.example.com')} {key.origin}".strip() for key in keys)


EVERYTHING = [
    "/a.png", f"/a.png {ORIGIN}", "/a.png.webp", "/a.png?v=1", f"/a.png?v=1 {ORIGIN}", "/b.png",
]  # fmt: skip


@pytest.mark.parametrize(
    ("purge", "gone"),
    [
        ({"files": [URL]}, ["/a.png"]),
        ({"files": [URL, f"{URL}?v=1"]}, ["/a.png", "/a.png?v=1"]),
        ({"files": [{"url": URL, "headers": {"Origin": ORIGIN}}]}, [f"/a.png {ORIGIN}"]),
        ({"files": [{"url": URL}]}, ["/a.png"]),
        ({"files": ["http://i.example.com/a.png", "https://i.example.com/A.png"]}, []),
        ({"files": ["https://i.example.com/file/my-pictures/a.png"]}, []),
        ({"prefixes": ["i.example.com/a.png"]}, ["/a.png", f"/a.png {ORIGIN}", "/a.png?v=1", f"/a.png?v=1 {ORIGIN}"]),
        ({"prefixes": ["i.example.com/a"]}, []),
        ({"prefixes": ["i.example.com/"]}, EVERYTHING),
        ({"hosts": ["i.example.com"]}, EVERYTHING),
        ({"hosts": ["www.example.com"]}, []),
        ({"tags": ["a"]}, []),
        ({"purge_everything": True}, EVERYTHING),
    ],
)
def test_a_purge_takes_exactly_what_it_names(kept: Standing, api: Cloudflare, purge: Any, gone: list[str]) -> None:
    assert urls(kept) == sorted(EVERYTHING)

    assert api.cache.purge(zone_id=kept.zone_id, **purge).id == kept.zone_id

    assert urls(kept) == sorted(set(EVERYTHING) - set(gone))


def test_what_was_purged_is_fetched_anew(kept: Standing, api: Cloudflare) -> None:
    api.cache.purge(zone_id=kept.zone_id, files=[URL])

    assert [kept.view("/a.png").headers["cf-cache-status"] for _ in range(2)] == ["MISS", "HIT"]


@pytest.mark.parametrize(
    ("purge", "code"),
    [
        ({"files": [URL] * 31}, 1094),
        ({"prefixes": ["i.example.com/a"] * 31}, 1094),
        ({"files": []}, 1094),
        ({"files": [URL], "hosts": ["i.example.com"]}, 1012),
        ({"urls": [URL]}, 1004),
        ({"files": ["https://i.example.net/a.png"]}, 1107),
        ({"files": ["i.example.com/a.png"]}, 1107),
        ({"files": [{"headers": {}}]}, 1107),
        ({"prefixes": ["evil-example.com/a"]}, 1107),
        ({"prefixes": ["https://i.example.com/a"]}, 1116),
        ({"prefixes": ["i.example.com/a?b"]}, 1116),
        ({"files": "all"}, 1004),
    ],
)
def test_a_purge_that_cloudflare_does_not_take_is_refused(
    kept: Standing, api: Cloudflare, purge: Any, code: int
) -> None:
    with pytest.raises(cloudflare.BadRequestError) as caught:
        api.post(f"/zones/{kept.zone_id}/purge_cache", body=purge, cast_to=object)

    assert caught.value.errors[0].code == code
    assert urls(kept) == sorted(EVERYTHING)


def test_thirty_at_once_are_taken(kept: Standing, api: Cloudflare) -> None:
    assert api.cache.purge(zone_id=kept.zone_id, files=[URL] * 30).id


def test_prefixes_are_rationed_and_files_are_not(kept: Standing, api: Cloudflare, clock: Clock) -> None:
    for _ in range(25):
        api.cache.purge(zone_id=kept.zone_id, prefixes=["i.example.com/none"])
    with pytest.raises(cloudflare.RateLimitError) as caught:
        api.cache.purge(zone_id=kept.zone_id, prefixes=["i.example.com/a.png"])

    assert caught.value.response.headers["retry-after"] == "12"
    assert "/a.png" in urls(kept)
    api.cache.purge(zone_id=kept.zone_id, files=[URL])
    clock.now += 11
    with pytest.raises(cloudflare.RateLimitError):
        api.cache.purge(zone_id=kept.zone_id, hosts=["i.example.com"])
    clock.now += 1
    api.cache.purge(zone_id=kept.zone_id, prefixes=["i.example.com/a.png"])
    assert urls(kept) == ["/a.png.webp", "/b.png"]


def test_what_a_worker_keeps_goes_by_prefix_and_host_but_not_by_file(edge: Standing, api: Cloudflare) -> None:
    with WorkerCache() as cache:
        edge.zone.worker_caches.append(cache)
        stored = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\nbytes"
        for purge in ({"files": [URL]}, {"prefixes": ["i.example.com/a.png"]}, {"hosts": ["i.example.com"]}):
            Endpoint(cache.port).send("PUT", URL, body=stored)
            api.cache.purge(zone_id=edge.zone_id, **purge)
            assert cache.wait(0) == ([URL] if "files" in purge else [])
        Endpoint(cache.port).send("PUT", URL, body=stored)
        api.cache.purge(zone_id=edge.zone_id, purge_everything=True)
        assert cache.wait(0) == []


def test_a_client_may_name_the_address_on_this_machine(kept: Standing, api: Cloudflare) -> None:
    api.cache.purge(zone_id=kept.zone_id, prefixes=[f"{kept.url.removeprefix('http://')}/a.png"])

    assert urls(kept) == ["/a.png.webp", "/b.png"]
