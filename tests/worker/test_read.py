"""The read Worker: what viewers get of a private bucket, header by header, and what the data centre keeps of it."""

import gzip
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app.edge.headers import CACHE_CONTROL, VIEWER_HEADERS
from app.edge.rules import Site, describe
from tests.b2 import B2
from tests.programs import node
from tests.worker.reading import IMAGE_HOST, KEYS, ImageDomain, open_domain
from tests.worker.requests import Answer
from tests.workerd import WORKER

BODY = os.urandom(40_000)
PATH = "/k7Wq3Zp.png"
KEY = PATH[1:]


@pytest.fixture(scope="module")
def _domain() -> Iterator[ImageDomain]:
    with ExitStack() as stack:
        yield open_domain(stack, stack.enter_context(B2(keys=KEYS, is_public=False)))


@pytest.fixture
def domain(_domain: ImageDomain) -> ImageDomain:
    """The image domain over an empty bucket, with an empty cache."""
    _domain.b2.empty()
    _domain.cache.forget()
    return _domain


def named(answer: Answer) -> dict[str, str]:
    """Return the headers but for Date, which the edge adds."""
    return {name.lower(): value for name, value in answer.headers.items() if name.lower() != "date"}


def test_an_image_arrives_with_the_headers_of_the_public_edge_and_no_others(domain: ImageDomain) -> None:
    etag = domain.put(
        KEY, BODY, cache_control=CACHE_CONTROL, x_amz_meta_owner="me", x_amz_server_side_encryption="AES256"
    )

    first = domain.get(PATH)
    domain.cache.wait(1)
    second = domain.get(PATH)

    modified = first.headers["last-modified"]
    expected = {name.lower(): value for name, value in VIEWER_HEADERS.items()} | {
        "content-type": "image/png", "content-length": "40000", "etag": etag, "last-modified": modified,
        "cache-control": CACHE_CONTROL, "accept-ranges": "bytes",
    }  # fmt: skip
    assert etag.startswith('"') and modified.endswith(" GMT")
    assert (first.status, first.body, named(first)) == (200, BODY, expected | {"cf-cache-status": "MISS"})
    assert (second.status, second.body, named(second)) == (200, BODY, expected | {"cf-cache-status": "HIT", "age": "0"})
    assert domain.b2.transactions == {"B": 1}
    (seen,) = domain.b2.requests
    assert "SignedHeaders=host;x-amz-content-sha256;x-amz-date," in seen.headers["authorization"]


def test_the_headers_are_those_of_the_app_and_the_rules() -> None:
    code = 'import("./read/src/headers.js").then((all) => console.log(JSON.stringify(all)))'
    done = subprocess.run(
        [node(), "-e", code], cwd=WORKER, capture_output=True, text=True, timeout=30, check=True
    )  # fmt: skip
    (rule,) = describe(Site(IMAGE_HOST, "my-pictures", "f004.backblazeb2.com", is_private=True)).bucket["corsRules"]

    assert json.loads(done.stdout) == {
        "VIEWER_HEADERS": VIEWER_HEADERS,
        "CACHE_CONTROL": CACHE_CONTROL,
        "CORS": {
            "allowed": ", ".join(rule["allowedHeaders"]),
            "exposed": ", ".join(rule["exposeHeaders"]),
            "maxAge": str(rule["maxAgeSeconds"]),
        },
    }


def test_a_head_is_answered_like_a_get_and_fills_the_cache_for_it(domain: ImageDomain) -> None:
    domain.put(KEY, BODY)

    miss = domain.get(PATH, {"range": "bytes=0-9"}, "HEAD")
    domain.cache.wait(1)
    hit, got = domain.get(PATH, method="HEAD"), domain.get(PATH)

    assert (miss.status, miss.body, miss.headers["content-length"]) == (200, b"", "40000")
    assert [answer.headers["cf-cache-status"] for answer in (miss, hit, got)] == ["MISS", "HIT", "HIT"]
    assert named(hit) == named(got)
    assert (hit.body, got.body) == (b"", BODY)
    assert [record.method for record in domain.b2.requests] == ["GET"]


@pytest.mark.parametrize("is_hit", [False, True], ids=["miss", "hit"])
@pytest.mark.parametrize(
    ("wanted", "status", "part", "content_range"),
    [
        ("bytes=0-9", 206, slice(0, 10), "bytes 0-9/40000"),
        ("bytes=39990-", 206, slice(39990, None), "bytes 39990-39999/40000"),
        ("bytes=-5", 206, slice(-5, None), "bytes 39995-39999/40000"),
        ("bytes=5-50000", 206, slice(5, None), "bytes 5-39999/40000"),
        ("bytes=0-1,5-6", 200, slice(None), None),
        ("lines=0-1", 200, slice(None), None),
    ],
)
def test_a_range(domain: ImageDomain, is_hit: bool, wanted: str, status: int, part: slice, content_range: str) -> None:
    domain.put(KEY, BODY)
    if is_hit:
        domain.get(PATH)
        domain.cache.wait(1)

    answer = domain.get(PATH, {"range": wanted})

    assert (answer.status, answer.headers["content-range"]) == (status, content_range)
    assert answer.body == BODY[part]
    assert answer.headers["cf-cache-status"] == ("HIT" if is_hit else "MISS")
    assert answer.headers["content-length"] == str(len(BODY[part]))
    domain.cache.wait(1)  # or it would be fetched for the test behind this one


def test_a_range_behind_the_end_is_refused_and_a_cached_image_says_where_that_is(domain: ImageDomain) -> None:
    domain.put(KEY, BODY)

    miss = domain.get(PATH, {"range": "bytes=40000-"})
    domain.get(PATH)
    domain.cache.wait(1)
    hit = domain.get(PATH, {"range": "bytes=40000-"})

    assert (miss.status, hit.status, hit.headers["content-range"]) == (416, 416, "bytes */40000")
    assert {answer.headers["cache-control"] for answer in (miss, hit)} == {"no-store"}


def test_an_object_of_no_bytes_is_one_too(domain: ImageDomain) -> None:
    domain.put(KEY, b"")

    miss = domain.get(PATH)
    domain.cache.wait(1)
    hit = domain.get(PATH)

    for answer in (miss, hit):
        assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")


def test_a_range_of_what_is_not_kept_yet_makes_that_it_is_kept(domain: ImageDomain) -> None:
    domain.put(KEY, BODY)

    domain.get(PATH, {"range": "bytes=0-9"})

    assert domain.cache.wait(1) == [f"https://{IMAGE_HOST}{PATH}"]
    assert domain.get(PATH, {"range": "bytes=10-19"}).headers["cf-cache-status"] == "HIT"
    assert domain.b2.transactions == {"B": 2}


@pytest.mark.parametrize("is_hit", [False, True], ids=["miss", "hit"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if-none-match": "ETAG"}, 304), ({"if-none-match": '"x", W/ETAG'}, 304), ({"if-none-match": "*"}, 304),
        ({"if-none-match": '"x"'}, 200), ({"if-modified-since": "LAST"}, 304), ({"if-match": '"x"'}, 412),
        ({"if-modified-since": "Thu, 01 Jan 2015 00:00:00 GMT"}, 200), ({"if-match": "ETAG"}, 200),
        ({"if-none-match": "ETAG", "range": "bytes=0-9"}, 304),
        ({"if-range": "ETAG", "range": "bytes=0-9"}, 206), ({"if-range": "LAST", "range": "bytes=0-9"}, 206),
        ({"if-range": '"x"', "range": "bytes=0-9"}, 200),
    ],
)  # fmt: skip
def test_a_condition(domain: ImageDomain, is_hit: bool, headers: dict[str, str], status: int) -> None:
    etag = domain.put(KEY, BODY)
    known = domain.get(PATH)
    domain.cache.wait(1)
    if not is_hit:
        domain.cache.forget()
    told = {n: v.replace("ETAG", etag).replace("LAST", known.headers["last-modified"]) for n, v in headers.items()}

    answer = domain.get(PATH, told)

    assert (answer.status, answer.body) == (status, {200: BODY, 206: BODY[:10], 304: b""}.get(status, answer.body))
    if status == 304:
        assert answer.headers["content-length"] is None
        assert (answer.headers["etag"], answer.headers["cache-control"]) == (etag, CACHE_CONTROL)
    is_read_twice = "range" in headers and answer.status == 200 and answer.headers["cf-cache-status"] == "MISS"
    domain.cache.wait(2 if is_read_twice else 1)


def test_a_purge_of_the_public_url_forgets_it_however_it_was_asked_for(domain: ImageDomain) -> None:
    domain.put(KEY, BODY)
    for path, headers in (
        (PATH, {}), ("/%6B7Wq3Zp.png?v=2", {}), (f"{PATH}?versionId=4_z1", {"origin": "https://x.example.com"}),
    ):  # fmt: skip
        assert domain.get(path, headers).body == BODY
        domain.cache.wait(1)

    assert domain.cache.wait(1) == [f"https://{IMAGE_HOST}{PATH}"]
    assert domain.b2.transactions == {"B": 1}
    domain.delete(KEY)
    assert domain.get(PATH).status == 200, "a data centre keeps it until it is purged"
    domain.cache.purge(f"{IMAGE_HOST}{PATH}")
    assert [domain.get(path).status for path in (PATH, "/%6B7Wq3Zp.png")] == [404, 404]


def test_it_is_kept_as_long_as_the_object_says(domain: ImageDomain) -> None:
    domain.put(KEY, BODY, cache_control="public, max-age=60")
    domain.get(PATH)
    domain.cache.wait(1)

    ages = []
    for domain.clock.now in (59, 60):
        answer = domain.get(PATH)
        ages.append((answer.headers["cf-cache-status"], answer.headers["age"]))

    assert ages == [("HIT", "59"), ("MISS", None)]
    domain.cache.wait(2)


@pytest.mark.parametrize("control", ["no-store", "private, max-age=60", "no-cache", "max-age=0"])
def test_an_object_that_is_not_to_be_kept_is_not(domain: ImageDomain, control: str) -> None:
    domain.put(KEY, BODY, cache_control=control)

    answers = [domain.get(PATH), domain.get(PATH, {"range": "bytes=0-9"}), domain.get(PATH)]

    assert [answer.headers["cf-cache-status"] for answer in answers] == ["MISS"] * 3
    assert answers[0].headers["cache-control"] == control
    assert (domain.b2.transactions, domain.cache.puts) == ({"B": 3}, 0)


@pytest.mark.parametrize(
    ("content_type", "shown", "disposition"),
    [
        ("image/svg+xml", "image/svg+xml", None), ("video/mp4", "video/mp4", None), ("IMAGE/PNG", "IMAGE/PNG", None),
        ("text/html", "application/octet-stream", "attachment"), ("image/", "application/octet-stream", "attachment"),
        ("text/html;image/png", "application/octet-stream", "attachment"),
        ("application/javascript", "application/octet-stream", "attachment"),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_a_file_to_keep(
    domain: ImageDomain, content_type: str, shown: str, disposition: str
) -> None:
    domain.put("a/b c.bin", BODY, content_type)

    miss = domain.get("/a/b%20c.bin")
    domain.cache.wait(1)
    hit = domain.get("/a/b%20c.bin")

    for answer in (miss, hit):
        assert (answer.headers["content-type"], answer.headers["content-disposition"]) == (shown, disposition)
        assert answer.body == BODY


def test_bytes_that_are_encoded_stay_as_they_are(domain: ImageDomain) -> None:
    body = gzip.compress(b"<svg/>" * 1000)
    domain.put("a.svg", body, "image/svg+xml", content_encoding="gzip", content_disposition='inline; filename="a.svg"')

    miss = domain.get("/a.svg")
    domain.cache.wait(1)
    hit = domain.get("/a.svg")

    for answer in (miss, hit):
        assert (answer.body, answer.headers["content-encoding"]) == (body, "gzip")
        assert answer.headers["content-length"] == str(len(body))
        assert answer.headers["content-disposition"] == 'inline; filename="a.svg"'


def test_a_script_of_another_page_may_read_what_the_bucket_allows(domain: ImageDomain) -> None:
    domain.put(KEY, BODY)
    asked = {"origin": "https://x.example.com", "access-control-request-method": "GET",
             "access-control-request-headers": "range"}  # fmt: skip

    allowed, got = domain.get(PATH, asked, "OPTIONS"), domain.get(PATH, {"origin": "https://x.example.com"})

    assert (allowed.status, allowed.body) == (204, b"")
    told = {name: value for name, value in named(allowed).items() if name.startswith("access-control-")}
    assert told == {
        "access-control-allow-origin": "*", "access-control-allow-methods": "GET, HEAD",
        "access-control-allow-headers": "range", "access-control-max-age": "86400",
    }  # fmt: skip
    assert got.headers["access-control-expose-headers"] == "content-length, content-range"
    assert got.headers["access-control-allow-origin"] == "*"
    domain.cache.wait(1)
