"""The purge: over Cloudflare's API, the cache forgets an address in all of its variants."""

import pytest

from app.edge.purge import Purge, open_purge
from app.errors import EdgeMisconfigured, EdgeUnavailable
from tests.b2.conftest import make_s3
from tests.edge import Token
from tests.edge.standing import TOKEN, standing

__all__ = ["make_s3"]  # a fixture

KEY = "k7Wq3Zpx.png"
ORIGINS = ({}, {"origin": "http://127.0.0.1:8080"}, {"origin": "https://blog.example.net"})


@pytest.fixture
def edge(b2):
    with standing(b2) as started:
        yield started


@pytest.fixture
def make_purge(make_settings, edge):
    def make(**values):
        settings = make_settings(
            public_url=f"http://{edge.site.image_host}",
            cloudflare_api_url=edge.api_url,
            **{"cloudflare_api_token": TOKEN, "cloudflare_zone_id": edge.zone_id, **values},
        )
        return Purge(settings)

    return make


def view_all(edge, put):
    """Let the edge keep an image in every variant, and return what a second view of each is answered."""
    put(KEY)
    paths = [(path, origin) for path in (f"/{KEY}", f"/{KEY}?a=1") for origin in ORIGINS]
    for path, origin in paths:
        edge.view(path, origin)
    return lambda: {(a.status, a.headers["cf-cache-status"]) for a in (edge.view(*one) for one in paths)}


@pytest.fixture
def client(b2, make_s3):
    return make_s3(b2)


@pytest.fixture
def put(b2, client):
    def put(key):
        about = {"ContentType": "image/png", "CacheControl": "public, max-age=31536000, immutable"}
        client.put_object(Bucket=b2.bucket, Key=key, Body=b"picture", **about)

    return put


def kept_paths(edge):
    listed = edge.zone.cache.keys()
    return {key.path for key in listed}


def test_every_variant_of_an_address_is_forgotten(edge, make_purge, put, client):
    seen = view_all(edge, put)
    assert seen() == {(200, "HIT")}
    client.delete_object(Bucket=edge.b2.bucket, Key=KEY)
    assert seen() == {(200, "HIT")}

    make_purge().forget([KEY])

    assert {status for status, _ in seen()} == {404}


def test_a_thumbnail_goes_with_its_image_and_nothing_else_does(edge, make_purge, put):
    put("k7Wq3Zpy.png")
    put("k7Wq3Zp.png")
    for path in ("/t/k7Wq3Zpx.webp", "/k7Wq3Zpy.png", "/k7Wq3Zp.png"):
        edge.view(path)
    make_purge().forget([KEY])

    assert kept_paths(edge) == {"/k7Wq3Zpy.png", "/k7Wq3Zp.png"}
    asked = [call[2] for call in edge.api.calls]
    assert {"url": f"http://{edge.site.image_host}/t/k7Wq3Zpx.webp"} in asked[0]["files"]
    assert f"{edge.site.image_host}/t/k7Wq3Zpx.webp" in asked[1]["prefixes"]


def test_a_name_of_another_client_is_purged_as_viewers_write_it(edge, make_purge, put):
    put("photos/a b+ü.png")
    edge.view("/photos/a%20b%2B%C3%BC.png")
    assert edge.view("/photos/a%20b%2B%C3%BC.png").headers["cf-cache-status"] == "HIT"

    make_purge().forget(["photos/a b+ü.png"])

    assert edge.view("/photos/a%20b%2B%C3%BC.png").headers["cf-cache-status"] == "MISS"


def test_many_are_told_in_calls_of_thirty(edge, make_purge):
    make_purge().forget([f"{number:08}.png" for number in range(40)])

    sizes = [len(next(iter(body.values()))) for _, _, body in edge.api.calls]
    assert sizes == [30] * 5 + [10] + [30] * 2 + [20]


@pytest.mark.parametrize("kind", [500, 503, "reset"])
def test_an_api_that_fails_is_to_be_asked_again(edge, make_purge, kind):
    edge.api.trouble(kind, "purge_cache")

    with pytest.raises(EdgeUnavailable):
        make_purge().forget([KEY])
    make_purge().forget([KEY])


def test_the_wait_that_cloudflare_asks_for_is_passed_on(edge, make_purge):
    edge.zone.purges_left = 0

    with pytest.raises(EdgeUnavailable) as caught:
        make_purge().forget([KEY])

    assert 1 <= caught.value.retry_after_s <= 60


@pytest.mark.parametrize(
    "values",
    [{"cloudflare_zone_id": "f" * 32}, {"cloudflare_api_token": "another"}, {"cloudflare_api_token": "too-little"}],
)
def test_a_token_or_a_zone_that_is_wrong_is_told_with_what_to_look_at(edge, make_purge, values):
    edge.account.tokens.append(Token("too-little", frozenset({"Zone Read", "DNS Edit"})))

    with pytest.raises(EdgeMisconfigured, match=r"Zone > Cache Purge > Purge") as caught:
        make_purge(**values).forget([KEY])

    assert "another" not in str(caught.value) and "too-little" not in str(caught.value)


def test_a_page_in_place_of_an_answer_is_no_success(make_settings):
    settings = make_settings(cloudflare_api_token=TOKEN, cloudflare_zone_id="0" * 32)

    class Pool:
        def request(self, *_, **__):
            return type("Answer", (), {"status": 200, "data": b"<html>", "headers": {}})()

    with pytest.raises(EdgeMisconfigured):
        Purge(settings, Pool()).forget([KEY])


def test_without_a_token_nothing_is_purged(make_settings):
    assert open_purge(make_settings()) is None
