"""The whole way of a deletion: a real server, the strict stand-in for B2, and the edge that the rules make."""

import json
import time
import urllib.request

import pytest

from tests import samples
from tests.conftest import OWNER
from tests.edge.standing import standing


@pytest.fixture
def edge(b2):
    with standing(b2) as started:
        yield started


@pytest.fixture
def make_cloud(make_server, b2, edge):
    """Start servers over the bucket; with `purges` they may purge the edge."""

    def make(*, purges=True, **more):
        api = {"url": edge.api_url, "token": edge.token, "zone_id": edge.zone_id}
        names = {"url": "cloudflare_api_url", "token": "cloudflare_api_token", "zone_id": "cloudflare_zone_id"}
        return make_server(
            "cloud",
            public_url=edge.url,
            store="s3",
            s3_endpoint=b2.endpoint,
            s3_region=b2.region,
            s3_bucket=b2.bucket,
            s3_access_key_id=b2.key.access_key_id,
            s3_secret_access_key=b2.key.secret_access_key,
            **({names[name]: value for name, value in api.items()} if purges else {}),
            **more,
        )

    return make


def ask(server, method, path, body=None, **headers):
    request = urllib.request.Request(f"{server.url}{path}", body, method=method)
    for name, value in {"Authorization": f"Bearer {OWNER}", "Content-Type": "image/png", **headers}.items():
        request.add_header(name, value)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def upload(server, edge, **headers):
    """Upload an image and let the edge keep it; return its answer and its path."""
    sent = json.loads(ask(server, "POST", "/api/upload", samples.make("png"), **headers))
    path = "/" + sent["key"]
    assert [edge.view(path).headers["cf-cache-status"] for _ in range(2)] == ["MISS", "HIT"]
    return sent, path


def wait_until(is_so, seconds):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"it is not so after {seconds} s"
        time.sleep(0.1)


def test_what_is_deleted_is_gone_at_the_edge_at_once(make_cloud, edge):
    server = make_cloud()
    sent, path = upload(server, edge)

    ask(server, "DELETE", f"/api/uploads/{sent['key']}")

    assert edge.view(path).status == 404


def test_what_is_deleted_is_gone_within_seconds_once_the_api_answers_again(make_cloud, edge):
    server = make_cloud()
    sent, path = upload(server, edge)
    link = sent["deletion_url"].removeprefix(server.url)
    edge.api.trouble(503, "purge_cache", times=10**6)

    page = ask(server, "POST", link, b"")

    assert "as soon as that can be reached" in page
    assert edge.view(path).status == 200
    edge.api.troubles.clear()
    wait_until(lambda: edge.view(path).status == 404, 20)
    wait_until(lambda: "from Cloudflare&#39;s cache too" in ask(server, "POST", link, b""), 10)


def test_what_expires_is_gone_at_the_edge_too(make_cloud, edge):
    server = make_cloud()
    _, path = upload(server, edge, **{"X-Bowerbird-Expires": "1s"})

    wait_until(lambda: edge.view(path).status == 404, 30)


def test_without_a_token_the_page_says_how_long_the_cache_may_still_answer(make_cloud, edge):
    server = make_cloud(purges=False)
    sent, path = upload(server, edge)
    link = sent["deletion_url"].removeprefix(server.url)

    assert "up to a year" in ask(server, "GET", link)
    assert "up to a year" in ask(server, "POST", link, b"")

    assert edge.view(path).status == 200
    assert edge.api.changes() == []
