"""Presigned addresses: what is stored must be signed; what a browser adds to a read need not be."""

from base64 import b64encode
from hashlib import sha256
from urllib.parse import quote

import pytest

from tests.worker.conftest import Proxy
from tests.worker.requests import BUCKET, Signer

TARGET = f"/{BUCKET}/k7Wq3Zp.png"
BODY = b"the bytes of an image"
RELOAD = {"cache-control": "max-age=0", "content-type": "image/png"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_what_a_browser_adds_to_a_request_without_content_needs_no_signature(proxy: Proxy, method: str) -> None:
    proxy.signed("PUT", TARGET, BODY, {"cache-control": "public"})

    answer = proxy.send(method, Signer().query(method, proxy.host, TARGET), RELOAD)

    assert answer.status == (204 if method == "DELETE" else 200)
    assert not RELOAD.items() & proxy.b2.requests[-1].headers.items()


@pytest.mark.parametrize("name", RELOAD)
def test_what_a_browser_adds_to_a_put_is_refused_unless_it_was_signed(proxy: Proxy, name: str) -> None:
    header = {name: RELOAD[name]}

    unsigned = proxy.send("PUT", Signer().query("PUT", proxy.host, TARGET), header, BODY)
    signed = proxy.send("PUT", Signer().query("PUT", proxy.host, TARGET, headers=header), header, BODY)

    assert (unsigned.status, unsigned.code, signed.status) == (403, "AccessDenied", 200)
    assert len(proxy.b2.versions()) == 1


def test_headers_that_an_sdk_has_put_into_the_query_are_those_of_the_request(proxy: Proxy) -> None:
    more = "&x-amz-acl=private&x-amz-meta-a=b%20c&x-amz-storage-class=STANDARD"

    answer = proxy.send("PUT", Signer().query("PUT", proxy.host, TARGET, more=more), body=BODY)

    assert answer.status == 200, answer.body
    (stored,) = proxy.b2.requests
    assert stored.headers["x-amz-meta-a"] == "b c"
    assert "x-amz-meta" not in stored.target


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ("&x-amz-object-lock-mode=COMPLIANCE", 501, "NotImplemented"),
        ("&x-amz-storage-class=GLACIER", 400, "InvalidStorageClass"),
        ("&x-amz-copy-source=another-bucket%2Fa.png", 403, "AccessDenied"),
        ("&x-amz-meta-a=b&x-amz-meta-a=c", 400, "InvalidArgument"),
        ("&x-amz-meta-a=b&X-Amz-Meta-A=c", 400, "InvalidArgument"),
        ("&x-amz-meta-a=b%0Ac", 400, "InvalidArgument"),
        ("&x-amz-meta-a=%C3%BC", 400, "InvalidArgument"),
        ("&x-amz-checksum-sha256=" + "A" * 43 + "%3D", 400, "BadDigest"),
        ("&x-amz-checksum-crc32=AAAAAQ%3D%3D", 400, "BadDigest"),
        ("&x-amz-checksum-xxhash64=AAAAAAAAAAA%3D", 400, "InvalidArgument"),
        (f"&x-amz-content-sha256={'0' * 64}", 400, "InvalidArgument"),
    ],
)
def test_they_are_held_to_the_same_policy(proxy: Proxy, more: str, status: int, code: str) -> None:
    answer = proxy.send("PUT", Signer().query("PUT", proxy.host, TARGET, more=more), body=BODY)

    assert (answer.status, answer.code) == (status, code)
    assert proxy.b2.requests == []


@pytest.mark.parametrize(
    "more",
    [
        f"&x-amz-checksum-sha256={quote(b64encode(sha256(BODY).digest()))}",
        "&x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32",
    ],
    ids=["that of the body", "that of nothing, which SDKs add unasked"],
)
def test_a_checksum_in_the_query_is_taken(proxy: Proxy, more: str) -> None:
    answer = proxy.send("PUT", Signer().query("PUT", proxy.host, TARGET, more=more), body=BODY)

    assert answer.status == 200, answer.body
    assert "checksum" not in proxy.b2.requests[0].target + "".join(proxy.b2.requests[0].headers)


def test_what_stands_in_headers_and_query_is_refused(proxy: Proxy) -> None:
    header = {"x-amz-meta-a": "b"}

    target = Signer().query("PUT", proxy.host, TARGET, headers=header, more="&x-amz-meta-a=c")
    answer = proxy.send("PUT", target, header, BODY)

    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert proxy.b2.requests == []


def test_what_is_added_to_a_query_after_it_was_signed_is_no_header(proxy: Proxy) -> None:
    answer = proxy.send("PUT", Signer().query("PUT", proxy.host, TARGET) + "&x-amz-meta-a=b", body=BODY)

    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
