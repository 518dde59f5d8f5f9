"""What a client may ask for: operations, buckets, prefixes, names."""

import hashlib
from collections.abc import Callable

import pytest

from tests.worker.conftest import PREFIXED, UPSTREAM, Proxy
from tests.worker.requests import BUCKET, Answer, Signer

MINE = f"/{BUCKET}/mine/a.png"
XML = b"<Delete><Object><Key>%b</Key></Object></Delete>"


def _prefixed(proxy: Proxy, method: str, target: str, body: bytes = b"", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return proxy.signed(method, target, body, named, signer=Signer(PREFIXED))


REFUSED: dict[str, tuple[Callable[[Proxy], Answer], int, str]] = {
    "a list of all buckets": (lambda p: p.signed("GET", "/"), 403, "AccessDenied"),
    "a new bucket": (lambda p: p.signed("PUT", f"/{BUCKET}"), 409, "BucketAlreadyOwnedByYou"),
    "a new bucket of another name": (lambda p: p.signed("PUT", "/another-bucket"), 403, "AccessDenied"),
    "another storage class": (
        lambda p: p.signed("PUT", MINE, b"x", {"x-amz-storage-class": "GLACIER"}), 400, "InvalidStorageClass"),
    "a part without a number": (lambda p: p.signed("PUT", f"{MINE}?uploadId=u", b"x"), 400, "InvalidArgument"),
    "a part of no upload": (
        lambda p: p.signed("PUT", f"{MINE}?partNumber=1&uploadId=", b"x"), 400, "InvalidArgument"),
    "a part without an upload": (lambda p: p.signed("PUT", f"{MINE}?partNumber=1", b"x"), 400, "InvalidArgument"),
    "a checksum in a query that is not presigned": (
        lambda p: p.signed("PUT", f"{MINE}?x-amz-checksum-crc32=AAAAAA%3D%3D", b"x"), 403, "AccessDenied"),
    "part 0": (lambda p: p.signed("PUT", f"{MINE}?partNumber=0&uploadId=u", b"x"), 400, "InvalidArgument"),
    "part 10001": (lambda p: p.signed("PUT", f"{MINE}?partNumber=10001&uploadId=u", b"x"), 400, "InvalidArgument"),
    "part 1e3": (lambda p: p.signed("PUT", f"{MINE}?partNumber=1e3&uploadId=u", b"x"), 400, "InvalidArgument"),
    "the end of no upload": (lambda p: p.signed("POST", f"{MINE}?uploadId=", b"<x/>"), 400, "InvalidArgument"),
    "the deletion of no version": (lambda p: p.signed("DELETE", f"{MINE}?versionId="), 400, "InvalidArgument"),
    "a list of what is not UTF-8": (lambda p: _prefixed(p, "GET", f"/{BUCKET}?prefix=%FF"), 400, "InvalidURI"),
    "a signature that is not UTF-8": (lambda p: p.send("GET", f"{MINE}?X-Amz-Algorithm=%FF"), 400, "InvalidURI"),
    "no bucket more": (lambda p: p.signed("DELETE", f"/{BUCKET}"), 403, "AccessDenied"),
    "an ACL of the bucket": (lambda p: p.signed("PUT", f"/{BUCKET}?acl="), 403, "AccessDenied"),
    "an ACL of an object": (lambda p: p.signed("PUT", f"{MINE}?acl="), 403, "AccessDenied"),
    "the ACL read": (lambda p: p.signed("GET", f"/{BUCKET}?acl="), 403, "AccessDenied"),
    "CORS rules": (lambda p: p.signed("PUT", f"/{BUCKET}?cors=", b"<x/>"), 403, "AccessDenied"),
    "lifecycle rules": (lambda p: p.signed("PUT", f"/{BUCKET}?lifecycle=", b"<x/>"), 403, "AccessDenied"),
    "a policy": (lambda p: p.signed("PUT", f"/{BUCKET}?policy=", b"{}"), 403, "AccessDenied"),
    "versioning": (lambda p: p.signed("PUT", f"/{BUCKET}?versioning=", b"<x/>"), 403, "AccessDenied"),
    "tags": (lambda p: p.signed("PUT", f"{MINE}?tagging=", b"<x/>"), 403, "AccessDenied"),
    "grants": (lambda p: p.signed("PUT", MINE, b"x", {"x-amz-grant-read": "id=1"}), 501, "NotImplemented"),
    "a key of its own to encrypt with": (
        lambda p: p.signed("PUT", MINE, b"x", {"x-amz-server-side-encryption-customer-key": "k"}), 501,
        "NotImplemented"),
    "a lock": (lambda p: p.signed("PUT", MINE, b"x", {"x-amz-object-lock-mode": "COMPLIANCE"}), 501, "NotImplemented"),
    "a query": (lambda p: p.signed("POST", f"{MINE}?select=&select-type=2", b"x"), 403, "AccessDenied"),
    "a form": (lambda p: p.signed("POST", f"/{BUCKET}", b"x"), 403, "AccessDenied"),
    "OPTIONS": (lambda p: p.signed("OPTIONS", MINE), 403, "AccessDenied"),
    "PATCH": (lambda p: p.signed("PATCH", MINE), 403, "AccessDenied"),
    "a parameter that is not known": (lambda p: p.signed("GET", f"{MINE}?evil=1"), 403, "AccessDenied"),
    "a name twice": (lambda p: p.signed("GET", f"/{BUCKET}?prefix=mine%2F&prefix=other"), 400, "InvalidArgument"),
    "another bucket": (lambda p: p.signed("PUT", "/another-bucket/a.png", b"x"), 403, "AccessDenied"),
    "a short bucket": (lambda p: p.signed("GET", "/b/a.png"), 400, "InvalidBucketName"),
    "a key outside the prefix": (lambda p: _prefixed(p, "PUT", f"/{BUCKET}/other/a.png", b"x"), 403, "AccessDenied"),
    "the prefix without its slash": (
        lambda p: _prefixed(p, "PUT", f"/{BUCKET}/mine2/a.png", b"x"), 403, "AccessDenied"),
    "a list of everything": (lambda p: _prefixed(p, "GET", f"/{BUCKET}?list-type=2"), 403, "AccessDenied"),
    "a list outside the prefix": (
        lambda p: _prefixed(p, "GET", f"/{BUCKET}?list-type=2&prefix=other%2F"), 403, "AccessDenied"),
    "all versions": (lambda p: _prefixed(p, "GET", f"/{BUCKET}?versions="), 403, "AccessDenied"),
    "many deletions, one outside": (
        lambda p: _prefixed(p, "POST", f"/{BUCKET}?delete=", XML % b"mine/a</Key></Object><Object><Key>other/b"), 403,
        "AccessDenied"),
    "a deletion in CDATA": (
        lambda p: _prefixed(p, "POST", f"/{BUCKET}?delete=", XML % b"<![CDATA[other/b]]>"), 400, "MalformedXML"),
    "a deletion behind an attribute": (
        lambda p: _prefixed(p, "POST", f"/{BUCKET}?delete=", XML.replace(b"<Key>", b"<Key a='b'>") % b"other/b"),
        400, "MalformedXML"),
    "a deletion behind an entity": (
        lambda p: _prefixed(p, "POST", f"/{BUCKET}?delete=", XML % b"&#111;ther/b"), 403, "AccessDenied"),
    "deletions of nothing": (lambda p: _prefixed(p, "POST", f"/{BUCKET}?delete=", b"<Delete/>"), 400, "MalformedXML"),
    "a copy that is not allowed": (
        lambda p: _prefixed(p, "PUT", MINE, x_amz_copy_source=f"/{BUCKET}/mine/b.png"), 403, "AccessDenied"),
    "a copy from another bucket": (
        lambda p: p.signed("PUT", MINE, b"", {"x-amz-copy-source": "/another-bucket/a.png"}), 403, "AccessDenied"),
    "a copy from a trick": (
        lambda p: p.signed("PUT", MINE, b"", {"x-amz-copy-source": f"/{BUCKET}/../another-bucket/a.png"}), 400,
        "InvalidArgument"),
    "a copy that asks for more": (
        lambda p: p.signed("PUT", MINE, b"", {"x-amz-copy-source": f"/{BUCKET}/a.png?acl"}), 400, "InvalidArgument"),
    "a put that must be the first": (
        lambda p: p.signed("PUT", MINE, b"x", {"if-none-match": "*"}), 501, "NotImplemented"),
    "a body where none belongs": (
        lambda p: p.signed("DELETE", MINE, b"x", {"content-length": "1"}), 400, "InvalidRequest"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_the_policy_does_not_allow_never_reaches_b2(proxy: Proxy, what: str) -> None:
    send, status, code = REFUSED[what]

    answer = send(proxy)

    assert (answer.status, answer.code) == (status, code)
    assert proxy.b2.requests == []


@pytest.mark.parametrize(
    ("key", "code"),
    [
        *((key, "InvalidArgument") for key in ("a//b.png", "/a.png", "a/", "a%2Fb.png", "a%5Cb.png", "..%2Fb.png")),
        *((key, "InvalidArgument") for key in ("../another-bucket/a.png", "mine/../other/a.png", "mine/./a.png")),
        *((key, "InvalidArgument") for key in ("a%00.png", "a%0Ab.png", "a%7F.png", "x" * 251)),
        ("/".join(["x" * 250] * 5), "KeyTooLongError"),
        *((key, "InvalidURI") for key in ("%FF.png", "a%zz.png", "a%")),
    ],
)
def test_a_key_that_can_be_read_in_two_ways_or_not_at_all_is_refused(proxy: Proxy, key: str, code: str) -> None:
    answer = proxy.signed("PUT", f"/{BUCKET}/{key}", b"x")

    assert (answer.status, answer.code) == (400, code)
    assert proxy.b2.requests == []


def test_another_spelling_of_the_same_name_is_the_same_object(proxy: Proxy) -> None:
    """Go's SDK sends `!` as it is and signs `%21`; both are the key `a!b.png`."""
    proxy.signed("PUT", f"/{BUCKET}/a%21b.png", b"x")
    made = Signer().header("GET", proxy.host, f"/{BUCKET}/a%21b.png", {}, hashlib.sha256(b"").hexdigest())

    assert proxy.send("GET", f"/{BUCKET}/a!b.png", made).body == b"x"


def test_a_prefix_is_room_enough_to_work_in(proxy: Proxy) -> None:
    assert _prefixed(proxy, "PUT", MINE, b"x").status == 200
    assert _prefixed(proxy, "GET", MINE).body == b"x"
    assert b"<Key>mine/a.png</Key>" in _prefixed(proxy, "GET", f"/{BUCKET}?list-type=2&prefix=mine%2F").body
    assert _prefixed(proxy, "POST", f"/{BUCKET}?delete=", XML % b"mine/a.png").status == 200
    assert proxy.b2.body("mine/a.png") is None


def test_virtual_host_style_is_the_same_bucket(proxy: Proxy) -> None:
    host = f"{BUCKET}.s3.example.com"
    for method, body in (("PUT", b"x"), ("GET", b"")):
        made = Signer().header(method, host, "/a.png", {}, hashlib.sha256(body).hexdigest())
        answer = proxy.send(method, "/a.png", made, body)

    assert answer.body == b"x"
    assert proxy.b2.body("a.png") == b"x"


def test_the_bucket_and_its_place_are_known_without_asking_b2(proxy: Proxy) -> None:
    """HeadBucket and GetBucketLocation cost class C, and a restricted key may not ask for them."""
    head = proxy.signed("HEAD", f"/{BUCKET}")
    location = proxy.signed("GET", f"/{BUCKET}?location=")

    assert (head.status, head.headers["x-amz-bucket-region"]) == (200, "us-west-004")
    assert b">us-west-004</LocationConstraint>" in location.body
    assert proxy.b2.requests == []


def test_without_keys_of_their_own_clients_use_the_pair_of_b2(make_proxy: Callable[..., Proxy]) -> None:
    proxy = make_proxy(CLIENT_KEYS="", DOMAIN="")

    assert proxy.signed("PUT", MINE, b"x", signer=Signer(UPSTREAM)).status == 200
    assert proxy.signed("PUT", MINE, b"x").code == "InvalidAccessKeyId"


def test_of_a_bucket_that_the_settings_do_not_name_b2_is_asked(make_proxy: Callable[..., Proxy]) -> None:
    proxy = make_proxy(CLIENT_KEYS="", DOMAIN="")

    answers = [
        proxy.signed(method, target, signer=Signer(UPSTREAM)).status
        for target in (f"/{BUCKET}", "/nobodys-bucket")
        for method in ("HEAD", "GET")
    ]
    location = proxy.signed("GET", f"/{BUCKET}?location=", signer=Signer(UPSTREAM))
    unknown = proxy.signed("GET", "/nobodys-bucket?location=", signer=Signer(UPSTREAM))

    assert answers == [200, 200, 404, 404]
    assert b">us-west-004</LocationConstraint>" in location.body
    assert (unknown.status, unknown.code) == (404, "NoSuchBucket")
    assert len(proxy.b2.requests) == 6


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"B2_ENDPOINT": ""}, "B2_ENDPOINT is not set"),
        ({"B2_ENDPOINT": "http://s3.us-west-004.backblazeb2.com"}, "B2_ENDPOINT is not an address"),
        ({"B2_ENDPOINT": "b2.example.com"}, "B2_REGION is not set"),
        ({"B2_APPLICATION_KEY": "", "B2_APPLICATION_KEY_ID": ""},
         "B2_APPLICATION_KEY_ID is not set; B2_APPLICATION_KEY is not set"),
        ({"WEBHOOK_SECRET": ""}, "WEBHOOK_SECRET is not set, but WEBHOOK_URL is"),
        ({"WEBHOOK_URL": "up.example.com"}, "WEBHOOK_URL is not an address"),
        ({"BUFFER_BYTES": "lots"}, "BUFFER_BYTES is not a number"),
        ({"CLIENT_KEYS": "{"}, "CLIENT_KEYS is not a JSON list"),
        ({"CLIENT_KEYS": "[]"}, "CLIENT_KEYS has no key"),
        ({"CLIENT_KEYS": '[{"accessKeyId": "abc"}]'}, "the key abc has no secretAccessKey"),
        ({"CLIENT_KEYS": '[{"accessKeyId": "abc", "secretAccessKey": "0123456789abcdef"}]'}, "abc has no bucket"),
        ({"CLIENT_KEYS": '[{"accessKeyId": "abc", "secretAccessKey": "0123456789abcdef", "bucket": "b",'
          ' "operations": ["fly"]}]'}, "the key abc names the operation fly"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_and_no_secret_with_it(
    make_proxy: Callable[..., Proxy], variables: dict[str, str], named: str
) -> None:
    proxy = make_proxy(**variables)

    answer = proxy.signed("PUT", MINE, b"x")

    assert (answer.status, answer.code) == (500, "InternalError")
    assert named.encode() in answer.body
    assert b"0123456789abcdef" not in answer.body
    assert UPSTREAM.secret_access_key.encode() not in answer.body
    assert proxy.b2.requests == []
