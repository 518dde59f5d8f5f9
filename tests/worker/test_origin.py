"""What the proxy makes of answers that the stand-in for B2 never gives: redirects, long waits, headers of others."""

import base64
import hashlib

import pytest

from tests.worker.conftest import Proxy
from tests.worker.origin import Origin, Said
from tests.worker.requests import BUCKET

TARGET = f"/{BUCKET}/k7Wq3Zp.png"
BODY = b"the bytes of an image"
ETAG = ("ETag", f'"{hashlib.md5(BODY).hexdigest()}"')
DONE = Said(200, b"<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>")
UNDONE = Said(200, b"<Error><Code>InternalError</Code><Message>try again</Message></Error>")
PASSED = [
    ("Accept-Ranges", "bytes"), ("Cache-Control", "public"), ("Content-Disposition", "inline"),
    ("Content-Encoding", "gzip"), ("Content-Language", "en"), ("Content-Range", "bytes 0-20/21"),
    ("Expires", "Thu, 01 Jan 2026 00:00:00 GMT"), ("Last-Modified", "Thu, 01 Jan 2015 00:00:00 GMT"),
    ("Retry-After", "1"), ("x-amz-acl", "private"), ("x-amz-copy-source-version-id", "4_z1"),
    ("x-amz-delete-marker", "false"), ("x-amz-id-2", "id"), ("x-amz-meta-a", "b"), ("x-amz-mp-parts-count", "1"),
    ("x-amz-request-id", "1"), ("x-amz-server-side-encryption", "AES256"), ("x-amz-version-id", "4_z2"), ETAG,
]  # fmt: skip
DROPPED = [
    ("Access-Control-Allow-Origin", "*"), ("Alt-Svc", "h3"), ("Clear-Site-Data", "*"), ("Link", "</x>"),
    ("Location", "https://elsewhere.example.com/"), ("Refresh", "0"), ("Server", "x"), ("Set-Cookie", "a=b"),
    ("Strict-Transport-Security", "max-age=1"), ("Via", "1.1 x"), ("WWW-Authenticate", "Basic"), ("x-amz-evil", "1"),
    ("x-amz-website-redirect-location", "/x"), ("x-bowerbird-attempts", "9"), ("x-bowerbird-proxy", "9"),
    ("x-bz-info-secret", "1"), ("x-evil", "1"),
]  # fmt: skip


def test_of_an_answer_only_the_headers_that_are_known_come_back(proxy: Proxy, origin: Origin) -> None:
    origin.answers = [Said(200, BODY, "image/png", [*PASSED, *DROPPED])]

    got = proxy.signed("GET", TARGET)

    names = {name.lower() for name in got.headers}
    added = {"content-length", "content-type", "date", "x-bowerbird-proxy"}
    assert names == {name.lower() for name, _ in PASSED} | added
    assert {(name, got.headers[name]) for name, _ in PASSED} == set(PASSED)
    assert got.headers["x-bowerbird-proxy"] != "9"
    assert got.body == BODY


def test_a_redirect_is_not_followed(proxy: Proxy, origin: Origin) -> None:
    """It would carry a signed request to whoever the answer names."""
    proxy.egress.hosts["elsewhere.example.com"] = origin.address
    location = ("Location", f"https://elsewhere.example.com{TARGET}")
    origin.answers = [Said(302, headers=[location]), Said(200, BODY, "image/png", [ETAG])]

    proxy.signed("GET", TARGET)

    assert len(origin.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_no_answer(proxy: Proxy, origin: Origin, status: int) -> None:
    origin.answers = [Said(status, b"<Error/>", headers=[("Location", "https://elsewhere.example.com/")])]

    answer = proxy.signed("GET", TARGET)

    assert (answer.status, answer.code, answer.headers["location"]) == (503, "SlowDown", None)


@pytest.mark.parametrize("target", [TARGET, f"{TARGET}?partNumber=1&uploadId=u"], ids=["an object", "a part"])
def test_what_has_stored_something_and_does_not_say_which_was_not_b2(proxy: Proxy, origin: Origin, target: str) -> None:
    origin.answers = [Said(200, b"<html>welcome</html>", "text/html"), Said(headers=[ETAG])]

    answer = proxy.signed("PUT", target, BODY)
    proxy.signed("PUT", f"/{BUCKET}/after.png", BODY)

    assert (answer.status, answer.code) == (503, "SlowDown")
    assert [event["key"] for event in proxy.app.wait(1)] == ["after.png"]


@pytest.mark.parametrize("what", ["copy", "complete"])
def test_a_page_is_no_proof_that_something_was_stored(proxy: Proxy, origin: Origin, what: str) -> None:
    origin.answers = [Said(200, b"<html>welcome</html>", "text/html"), Said(headers=[ETAG])]

    if what == "copy":
        answer = proxy.signed("PUT", TARGET, b"", {"x-amz-copy-source": f"/{BUCKET}/a.png"})
    else:
        answer = proxy.signed("POST", f"{TARGET}?uploadId=u", b"<CompleteMultipartUpload/>")
    proxy.signed("PUT", f"/{BUCKET}/after.png", BODY)

    assert (answer.status, answer.code) == (503, "SlowDown")
    assert [event["key"] for event in proxy.app.wait(1)] == ["after.png"]


@pytest.mark.parametrize(("asked_s", "told_s"), [("4", "4"), ("1000", "60")])
def test_a_longer_wait_than_a_request_can_bear_is_the_clients(
    proxy: Proxy, origin: Origin, asked_s: str, told_s: str
) -> None:
    origin.answers = [Said(503, b"<Error/>", headers=[("Retry-After", asked_s)]), Said(headers=[ETAG])]

    answer = proxy.signed("PUT", TARGET, BODY)

    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "SlowDown", told_s)
    assert len(origin.asked) == 1


def test_the_end_of_a_multipart_upload_is_sent_once(proxy: Proxy, origin: Origin) -> None:
    """The first may have happened: the second would find no upload, and call a success an error."""
    origin.answers = [Said(503, b"<Error/>"), DONE]

    answer = proxy.signed("POST", f"{TARGET}?uploadId=u", b"<CompleteMultipartUpload/>")

    assert (answer.status, answer.code) == (503, "SlowDown")
    assert len(origin.asked) == 1


def test_what_may_be_sent_again_is(proxy: Proxy, origin: Origin) -> None:
    origin.answers = [Said(503, b"<Error/>"), Said(200, b"<InitiateMultipartUploadResult/>")]

    answer = proxy.signed("POST", f"{TARGET}?uploads=")

    assert (answer.status, answer.headers["x-bowerbird-attempts"], len(origin.asked)) == (200, "2", 2)


def test_checksums_of_parts_do_not_reach_b2(proxy: Proxy, origin: Origin) -> None:
    part = "<Part><PartNumber>1</PartNumber><ETag>e</ETag>{}</Part>"
    xml = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>"
    sums = "<ChecksumCRC32>AAAAAA==</ChecksumCRC32><ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME>"
    origin.answers = [DONE]

    answer = proxy.signed("POST", f"{TARGET}?uploadId=u", xml.format(sums).encode())

    (asked,) = origin.asked
    assert (answer.status, asked.body) == (200, xml.format("").encode())
    assert asked.headers["content-md5"] == base64.b64encode(hashlib.md5(asked.body).digest()).decode()
    assert asked.headers["x-amz-content-sha256"] == hashlib.sha256(asked.body).hexdigest()


@pytest.mark.parametrize("what", ["copy", "complete"])
def test_an_error_under_a_200_is_no_change(proxy: Proxy, origin: Origin, what: str) -> None:
    """S3 begins the answer to what takes long before it knows how it ends."""
    origin.answers = [UNDONE, Said(headers=[ETAG])]

    if what == "copy":
        proxy.signed("PUT", TARGET, b"", {"x-amz-copy-source": f"/{BUCKET}/a.png"})
    else:
        proxy.signed("POST", f"{TARGET}?uploadId=u", b"<CompleteMultipartUpload/>")
    proxy.signed("PUT", f"/{BUCKET}/after.png", BODY)

    assert [event["key"] for event in proxy.app.wait(1)] == ["after.png"]


DELETION = b"<Delete><Object><Key>a.png</Key></Object></Delete>"


@pytest.mark.parametrize("what", [b"<Deleted>", b"<Deleted><Key>", b"<Deleted></Deleted>"])
def test_an_answer_of_2_mb_that_says_nothing_costs_no_time_and_is_not_told(
    proxy: Proxy, origin: Origin, what: bytes
) -> None:
    """Looking for the end of each element from its beginning would take minutes."""
    xml = b"<DeleteResult>" + what * (2_000_000 // len(what))
    origin.answers = [Said(200, xml), Said(headers=[ETAG])]

    answer = proxy.signed("POST", f"/{BUCKET}?delete=", DELETION)
    proxy.signed("PUT", f"/{BUCKET}/after.png", BODY)

    assert (answer.status, answer.body) == (200, xml)
    assert [event["key"] for event in proxy.app.wait(1)] == ["after.png"]


@pytest.mark.parametrize(("method", "is_kept_out"), [("GET", True), ("HEAD", True), ("PUT", False)])
def test_what_is_read_with_a_key_is_not_kept_by_cloudflares_cache(
    proxy: Proxy, origin: Origin, method: str, is_kept_out: bool
) -> None:
    """The objects say `public`. With a PUT the header would become that of the object."""
    origin.answers = [Said(200, b"", "image/png", [ETAG])]

    proxy.signed(method, TARGET, BODY if method == "PUT" else b"")

    assert ("no-cache" in origin.asked[0].headers.get("cache-control", "")) is is_kept_out
