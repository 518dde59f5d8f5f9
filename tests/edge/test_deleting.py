"""The whole way of a deletion: a real server, the strict stand-in for B2, and the edge that the rules make."""

import json
import urllib.request
from itertools import count

import pytest

from tests import samples
from tests.conftest import OWNER, start_server
from tests.edge.standing import standing
from tests.waiting import soon

_seed = count()


@pytest.fixture(scope="module")
def edge(one_b2):
    with standing(one_b2) as started:
        yield started


@pytest.fixture(scope="module")
def in_bucket(one_b2, edge):
    """The settings of a server over the bucket, which may not purge the edge."""
    return {
        "public_url": edge.url,
        "store": "s3",
        "s3_endpoint": one_b2.endpoint,
        "s3_region": one_b2.region,
        "s3_bucket": one_b2.bucket,
        "s3_access_key_id": one_b2.key.access_key_id,
        "s3_secret_access_key": one_b2.key.secret_access_key,
    }


@pytest.fixture(scope="module")
def server(in_bucket, edge, tmp_path_factory):
    """A server that may purge the edge, one for all tests here."""
    api = {
        "cloudflare_api_url": edge.api_url,
        "cloudflare_api_token": edge.token,
        "cloudflare_zone_id": edge.zone_id,
    }
    started = start_server(tmp_path_factory.mktemp("cloud") / "data", **in_bucket, **api)
    yield started
    started.kill()


def ask(server, method, path, body=None, **headers):
    request = urllib.request.Request(f"{server.url}{path}", body, method=method)
    for name, value in {"Authorization": f"Bearer {OWNER}", "Content-Type": "image/png", **headers}.items():
        request.add_header(name, value)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def upload(server, edge, **headers):
    """Upload an image and let the edge keep it; return its answer and its path."""
    sent = json.loads(ask(server, "POST", "/api/upload", samples.make("png", seed=next(_seed)), **headers))
    path = "/" + sent["key"]
    assert [edge.view(path).headers["cf-cache-status"] for _ in range(2)] == ["MISS", "HIT"]
    return sent, path


def test_what_is_deleted_is_gone_at_the_edge_at_once(server, edge):
    sent, path = upload(server, edge)

    ask(server, "DELETE", f"/api/uploads/{sent['key']}")

    assert edge.view(path).status == 404


def test_what_is_deleted_is_gone_within_seconds_once_the_api_answers_again(server, edge):
    sent, path = upload(server, edge)
    link = sent["deletion_url"].removeprefix(server.url)
    edge.api.trouble(503, "purge_cache", times=10**6)

    page = ask(server, "POST", link, b"")

    assert "as soon as that can be reached" in page
    assert edge.view(path).status == 200
    edge.api.troubles.clear()
    soon(lambda: edge.view(path).status == 404, patience_s=20)
    soon(lambda: "from Cloudflare&#39;s cache too" in ask(server, "POST", link, b""), patience_s=10)


def test_what_expires_is_gone_at_the_edge_too(server, edge):
    _, path = upload(server, edge, **{"X-Bowerbird-Expires": "1s"})

    soon(lambda: edge.view(path).status == 404)


def test_without_a_token_the_page_says_how_long_the_cache_may_still_answer(in_bucket, edge, make_app, monkeypatch):
    for name, value in in_bucket.items():
        monkeypatch.setenv(f"BOWERBIRD_{name.upper()}", value)
    client = make_app().test_client()
    sent = client.post("/api/upload", data=samples.make("png"), headers={"Authorization": f"Bearer {OWNER}"}).json
    path, link = "/" + sent["key"], sent["deletion_url"]
    assert edge.view(path).status == 200

    assert "up to a year" in client.get(link).text
    assert "up to a year" in client.post(link).text

    assert edge.view(path).status == 200
    assert not [call for call in edge.api.changes() if sent["key"] in str(call)]
