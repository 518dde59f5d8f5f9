"""What viewers get from the edge as described, in front of a strict B2: header by header, and never more."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from app.edge.headers import B2_HEADERS
from app.edge.rules import Site
from tests.b2 import B2, Fault
from tests.edge.conftest import Clock
from tests.edge.relay import Listener, Relay
from tests.edge.standing import Standing, standing
from tests.worker.requests import Answer

Put = Callable[..., str]
SHA1 = hashlib.sha1(b"bytes").hexdigest()
ALWAYS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self'; sandbox"
    ),
    "cross-origin-resource-policy": "cross-origin",
    "access-control-allow-origin": "*",
    "server": "cloudflare",
}
IMAGE = {
    **ALWAYS,
    "accept-ranges": "bytes",
    "cache-control": "public, max-age=31536000, immutable",
    "content-type": "image/png",
    "content-length": "5",
    "etag": f'"{SHA1}"',
}


def headers_of(answer: Answer) -> dict[str, str]:
    """Return all headers but those that are new each time; none comes twice."""
    names = [name.lower() for name in answer.headers]
    assert len(names) == len(set(names))
    kept = {name.lower(): value for name, value in answer.headers.items()}
    assert kept.pop("cf-ray").endswith("-AMS")
    assert kept.pop("date")
    return kept


def statuses(edge: Standing, *paths: str, **more: Any) -> list[str]:
    return [edge.view(path, **more).headers["cf-cache-status"] for path in paths]


def test_an_image_is_shown_with_exactly_these_headers(edge: Standing, put: Put) -> None:
    put("a.png")

    first, second = edge.view("/a.png"), edge.view("/a.png")

    assert (first.status, first.body, second.status, second.body) == (200, b"bytes", 200, b"bytes")
    assert headers_of(first) == {**IMAGE, "cf-cache-status": "MISS"}
    assert headers_of(second) == {**IMAGE, "cf-cache-status": "HIT", "age": "0"}


def test_it_is_fetched_once_under_its_path_in_the_bucket(edge: Standing, b2: B2, put: Put, clock: Clock) -> None:
    put("t/a.webp")
    edge.view("/t/a.webp")
    clock.now += 30_000_000

    again = edge.view("/t/a.webp")

    assert [(one.method, one.path) for one in b2.downloads] == [("GET", "/file/my-pictures/t/a.webp")]
    assert (again.headers["age"], b2.transactions["B"]) == ("30000000", 1)


def test_what_the_origin_may_be_kept_for_passes(edge: Standing, put: Put, clock: Clock) -> None:
    put("a.png")
    edge.view("/a.png")
    clock.now += 31536000

    assert statuses(edge, "/a.png", "/a.png") == ["EXPIRED", "HIT"]


def test_none_of_b2s_headers_reaches_a_viewer(b2: B2, put: Put) -> None:
    site = Site("i.example.com", b2.bucket, "f004.backblazeb2.com", file_info=("sender",))
    metadata = {"src_last_modified_millis": "1", "mtime": "2", "md5chksum": "3", "sha256": "4", "sender": "5"}
    put("a.png", Metadata=metadata)
    with standing(b2, site) as edge:
        answers = [edge.view("/a.png"), edge.view("/a.png", {"range": "bytes=1-2"}), edge.view("/none.png")]

    given = b2.downloads[0]
    assert (given.status, [answer.status for answer in answers]) == (200, [200, 206, 404])
    for answer in answers:
        assert not [name for name in answer.headers if name.lower().startswith(("x-bz", "x-amz"))]


def test_a_header_of_b2s_that_no_rule_names_would_show(edge: Standing, put: Put) -> None:
    put("a.png", Metadata={"sender": "me"})

    assert [name for name in edge.view("/a.png").headers if name.startswith("x-bz-")] == ["x-bz-info-sender"]
    assert "x-bz-info-sender" not in B2_HEADERS


def test_a_large_file_has_no_sha1_and_its_version_as_etag(edge: Standing, b2: B2, s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket=b2.bucket, Key="b.png", ContentType="image/png")["UploadId"]
    of = {"Bucket": b2.bucket, "Key": "b.png", "UploadId": upload}
    part = s3.upload_part(**of, PartNumber=1, Body=b"b" * 5_000_000)
    s3.complete_multipart_upload(**of, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    [(_, version, _, _)] = b2.versions("b.png")

    assert edge.view("/b.png").headers["etag"] == f'"{version}"'


class Partial(Listener):
    """A B2 that leaves out some of its headers."""

    headers: tuple[tuple[str, str], ...] = ()
    status = 200

    def handle(self, request: Relay) -> None:
        request.say(self.status, b"bytes", "image/png", self.headers)


@pytest.mark.parametrize(
    ("status", "headers", "etag"),
    [
        (200, [("x-bz-content-sha1", SHA1)], f'"{SHA1}"'),
        (200, [("x-bz-file-id", "4_z1")], '"4_z1"'),
        (200, [("x-bz-file-id", "4_z1"), ("x-bz-content-sha1", "none")], '"4_z1"'),
        (200, [("x-bz-content-sha1", "unverified:x")], None),
        (200, [], None),
        (404, [("x-bz-file-id", "4_z1"), ("x-bz-content-sha1", SHA1)], None),
    ],
)
def test_the_etag_comes_from_what_is_there(edge: Standing, status: int, headers: list, etag: str | None) -> None:
    with Partial() as origin:
        origin.status, origin.headers = status, headers
        edge.world.origins["f004.backblazeb2.com"].address = origin.address
        answer = edge.view("/a.png")

    assert (answer.status, answer.headers["etag"]) == (status, etag)


def test_an_etag_that_the_edge_made_itself_is_not_recognised(edge: Standing, put: Put) -> None:
    put("a.png")
    etag = edge.view("/a.png").headers["etag"]

    again = edge.view("/a.png", {"if-none-match": etag})

    assert (again.status, again.body, again.headers["cf-cache-status"]) == (200, b"bytes", "HIT")


@pytest.mark.parametrize(
    ("wanted", "status", "body", "content_range"),
    [
        ("bytes=1-2", 206, b"yt", "bytes 1-2/5"),
        ("bytes=3-", 206, b"es", "bytes 3-4/5"),
        ("bytes=0-", 206, b"bytes", "bytes 0-4/5"),
        ("bytes=-2", 206, b"es", "bytes 3-4/5"),
        ("bytes=-9", 206, b"bytes", "bytes 0-4/5"),
        ("bytes=1-99", 206, b"ytes", "bytes 1-4/5"),
        ("bytes=5-", 416, b"", "bytes */5"),
        ("bytes=x", 200, b"bytes", None),
    ],
)
def test_a_part_is_cut_from_the_whole_on_a_miss_and_on_a_hit(
    edge: Standing, b2: B2, put: Put, wanted: str, status: int, body: bytes, content_range: str | None
) -> None:
    put("a.png")

    answers = [edge.view("/a.png", {"range": wanted}) for _ in range(2)]

    for answer in answers:
        assert (answer.status, answer.body, answer.headers["content-range"]) == (status, body, content_range)
        assert answer.headers["content-length"] == str(len(body))
    assert ["range" in one.headers for one in b2.downloads] == [False]


def test_a_head_fills_the_cache(edge: Standing, b2: B2, put: Put) -> None:
    put("a.png")

    head = edge.view("/a.png", method="HEAD")

    assert (head.status, head.body, headers_of(head)) == (200, b"", {**IMAGE, "cf-cache-status": "MISS"})
    assert statuses(edge, "/a.png") == ["HIT"]
    assert [one.method for one in b2.downloads] == ["GET"]


@pytest.mark.parametrize(
    "path",
    [
        "/file/my-pictures-evil/x.png",
        "/file/other/x.png",
        "/../other/x.png",
        "/%2e%2e/other/x.png",
        "/%2E%2e%2fother/x.png",
        "/..%2fother/x.png",
        "/..\\other\\x.png",
        "//other/x.png",
        "/file/my-pictures/../other/x.png",
        "/file/my-pictures/%2e%2e/other/x.png",
        "/file/my-pictures//../../other/x.png",
        "/file/other/../my-pictures/x.png",
        "/file/other/%2e%2e/my-pictures/x.png",
        "/%66ile/other/../my-pictures/x.png",
        "/file//other/x.png",
    ],
)
def test_no_path_leads_into_another_bucket(edge: Standing, b2: B2, path: str) -> None:
    answer = edge.view(path)

    assert answer.status == 404
    [asked] = b2.downloads
    assert asked.path.startswith("/file/my-pictures/")
    assert not {".", ".."} & set(asked.path.split("/"))


def test_the_path_in_the_bucket_works_too(edge: Standing, b2: B2, put: Put) -> None:
    put("a.png")

    assert edge.view("/file/my-pictures/a.png?x=1").body == b"bytes"
    assert [one.path for one in b2.downloads] == ["/file/my-pictures/a.png"]


@pytest.mark.parametrize("query", ["v=1", "b2ContentType=text/html", "versionId=4_z1", "Authorization=x", "?"])
def test_no_query_reaches_b2(edge: Standing, b2: B2, put: Put, query: str) -> None:
    put("a.png")

    answer = edge.view(f"/a.png?{query}")

    assert headers_of(answer) == {**IMAGE, "cf-cache-status": "MISS"}
    assert [one.path for one in b2.downloads] == ["/file/my-pictures/a.png"]


def test_the_order_of_a_query_makes_no_other_image(edge: Standing, put: Put) -> None:
    put("a.png")

    assert statuses(edge, "/a.png?b=2&a=1", "/a.png?a=1&b=2", "/a.png?a=1") == ["MISS", "HIT", "MISS"]


def test_a_404_is_not_kept(edge: Standing, put: Put) -> None:
    missing = edge.view("/a.png")
    put("a.png")

    assert (missing.status, edge.view("/a.png").status) == (404, 200)
    assert missing.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("kind", "status"), [("503", 503), ("cap", 403), ("html", 502), ("slowdown", 429)])
def test_no_error_is_kept(edge: Standing, b2: B2, put: Put, kind: Any, status: int) -> None:
    put("a.png")
    b2.faults.add(Fault(kind, method="GET"))

    answers = [edge.view("/a.png") for _ in range(2)]

    assert [answer.status for answer in answers] == [status, 200]
    assert answers[1].headers["cf-cache-status"] == "MISS"


def test_names_without_an_extension_that_cloudflare_knows_are_kept_as_well(edge: Standing, put: Put) -> None:
    put("a.heic")

    assert statuses(edge, "/a.heic", "/a.heic") == ["MISS", "HIT"]


def test_nothing_else_on_the_zone_is_touched(edge: Standing, b2: B2) -> None:
    edge.zone.records.append({**edge.zone.records[0], "id": "2", "name": "www.example.com"})
    edge.zone.settings["ssl"] = "full"

    answer = edge.view("/a.txt", host="www.example.com")

    assert [one.path for one in b2.downloads] == ["/a.txt"]
    assert headers_of(answer).keys() == {"cache-control", "content-type", "content-length", "cf-cache-status", "server"}


def test_each_origin_is_kept_for_itself(edge: Standing, put: Put) -> None:
    put("a.png")

    assert statuses(edge, "/a.png", headers={"origin": "https://x.example.org"}) == ["MISS"]
    assert statuses(edge, "/a.png", "/a.png") == ["MISS", "HIT"]
    assert statuses(edge, "/a.png", headers={"origin": "https://x.example.org"}) == ["HIT"]


def test_only_reading_is_let_through_by_b2(edge: Standing) -> None:
    assert [edge.view("/a.png", method=method).status for method in ("POST", "PUT", "DELETE")] == [405, 405, 405]
