"""Who is let in: signatures in the header and in the query, and each way of being almost right."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.worker.conftest import B2_HOST, PREFIXED, READER, UPSTREAM, Proxy
from tests.worker.requests import BUCKET, Answer, Pair, Signer

TARGET = f"/{BUCKET}/k7Wq3Zp.png"
BODY = b"the bytes of an image"
HASH = hashlib.sha256(BODY).hexdigest()
CLIENT = Pair()


def _put(proxy: Proxy, **options: Any) -> Answer:
    return proxy.signed("PUT", TARGET, BODY, **options)


def test_it_works(proxy: Proxy) -> None:
    answer = _put(proxy, headers={"content-type": "image/png", "cache-control": "public, max-age=31536000, immutable"})

    assert answer.status == 200
    assert answer.headers["etag"] == f'"{hashlib.md5(BODY).hexdigest()}"'
    assert answer.headers["x-amz-version-id"].startswith("4_z")
    got = proxy.signed("GET", TARGET)
    assert (got.body, got.headers["content-type"]) == (BODY, "image/png")
    assert got.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_an_object_without_cache_control_gets_none_on_the_way(proxy: Proxy) -> None:
    _put(proxy)

    assert "cache-control" not in proxy.signed("GET", TARGET).headers


def test_b2_sees_its_own_key_and_as_few_signed_headers_as_it_needs(proxy: Proxy) -> None:
    _put(proxy, headers={"content-type": "image/png", "x-amz-meta-a": "b"})

    (seen,) = proxy.b2.requests
    assert f"Credential={UPSTREAM.access_key_id}/" in seen.headers["authorization"]
    assert "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-meta-a," in seen.headers["authorization"]
    assert seen.headers["host"] == B2_HOST
    allowed = {"accept-encoding", "cf-worker", "cdn-loop", "connection", "content-length", "content-type", "host"}
    assert set(seen.headers) - allowed - {"authorization"} == {"x-amz-content-sha256", "x-amz-date", "x-amz-meta-a"}


REFUSED: dict[str, tuple[Callable[[Proxy], Answer], int, str]] = {
    "no signature": (lambda p: p.send("PUT", TARGET, {}, BODY), 403, "AccessDenied"),
    "a bearer token": (lambda p: p.send("PUT", TARGET, {"authorization": "Bearer x"}, BODY), 400, "InvalidRequest"),
    "signature version 2": (lambda p: p.send("PUT", TARGET, {"authorization": "AWS a:b"}, BODY), 400, "InvalidRequest"),
    "an unknown key": (
        lambda p: _put(p, signer=Signer(Pair("nobody-key", CLIENT.secret_access_key))), 403, "InvalidAccessKeyId"),
    "a name of JavaScript's own": (
        lambda p: _put(p, signer=Signer(Pair("__proto__", CLIENT.secret_access_key))), 403, "InvalidAccessKeyId"),
    "B2's own key, where clients have theirs": (
        lambda p: _put(p, signer=Signer(UPSTREAM)), 403, "InvalidAccessKeyId"),
    "a wrong secret": (
        lambda p: _put(p, signer=Signer(Pair(CLIENT.access_key_id, "another-secret-access-key"))), 403,
        "SignatureDoesNotMatch"),
    "the secret of another client": (
        lambda p: _put(p, signer=Signer(Pair(CLIENT.access_key_id, PREFIXED.secret_access_key))), 403,
        "SignatureDoesNotMatch"),
    "a request of 16 minutes ago": (
        lambda p: _put(p, signer=Signer().earlier(minutes=16)), 403, "RequestTimeTooSkewed"),
    "a request of 16 minutes from now": (
        lambda p: _put(p, signer=Signer().earlier(minutes=-16)), 403, "RequestTimeTooSkewed"),
    "a request of 2022": (
        lambda p: _put(p, signer=Signer(now=datetime(2022, 2, 24, tzinfo=UTC))), 403, "RequestTimeTooSkewed"),
    "a request of 2099": (
        lambda p: _put(p, signer=Signer(now=datetime(2099, 1, 1, tzinfo=UTC))), 403, "RequestTimeTooSkewed"),
    "another region": (lambda p: _put(p, signer=Signer(region="us-east-1")), 400, "AuthorizationHeaderMalformed"),
    "another service": (lambda p: _put(p, signer=Signer(service="sts")), 400, "AuthorizationHeaderMalformed"),
    "a metadata header that was not signed": (
        lambda p: _put(p, unsigned={"x-amz-meta-evil": "1"}), 403, "AccessDenied"),
    "an ACL that was not signed": (lambda p: _put(p, unsigned={"x-amz-acl": "public-read"}), 403, "AccessDenied"),
    "a content type that was not signed": (
        lambda p: _put(p, unsigned={"content-type": "text/html"}), 403, "AccessDenied"),
    "a cache control that was not signed": (
        lambda p: _put(p, unsigned={"cache-control": "no-store"}), 403, "AccessDenied"),
    "a copy source that was not signed": (
        lambda p: _put(p, unsigned={"x-amz-copy-source": f"/{BUCKET}/other.png"}), 403, "AccessDenied"),
    "a session token": (lambda p: _put(p, headers={"x-amz-security-token": "t"}), 400, "InvalidToken"),
    "other bytes than were signed": (
        lambda p: p.signed("PUT", TARGET, b"other bytes of an image", payload_hash=HASH), 400,
        "XAmzContentSHA256Mismatch"),
    "a hash that is none": (lambda p: _put(p, payload_hash="x" * 64), 400, "InvalidArgument"),
    "a streaming mode that is none": (
        lambda p: _put(p, payload_hash="STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"), 400, "InvalidArgument"),
    "no date": (lambda p: _without(p, "x-amz-date"), 403, "AccessDenied"),
    "no hash": (lambda p: _without(p, "x-amz-content-sha256"), 400, "InvalidRequest"),
    "a signed header that is gone": (lambda p: _without(p, "x-amz-meta-a"), 400, "InvalidRequest"),
    "a host that was not signed": (lambda p: _names(p, "x-amz-content-sha256;x-amz-date"), 403, "AccessDenied"),
    "a date that was not signed": (lambda p: _names(p, "host;x-amz-content-sha256"), 403, "AccessDenied"),
    "a hash that was not signed": (lambda p: _names(p, "host;x-amz-date"), 403, "AccessDenied"),
    "names out of order": (
        lambda p: _names(p, "x-amz-date;host;x-amz-content-sha256"), 400, "AuthorizationHeaderMalformed"),
    "a name that stands twice": (
        lambda p: _names(p, "host;host;x-amz-content-sha256;x-amz-date"), 400, "AuthorizationHeaderMalformed"),
    "another end of the scope": (
        lambda p: _changed(p, {"authorization": _made(p)["authorization"].replace("/aws4_request", "/aws4_requests")}),
        400, "AuthorizationHeaderMalformed"),
    "more behind the end of the scope": (
        lambda p: _changed(p, {"authorization": _made(p)["authorization"].replace("/aws4_request", "/aws4_request/x")}),
        400, "AuthorizationHeaderMalformed"),
    "another host": (lambda p: _changed(p, {"host": "evil.example.com"}), 403, "SignatureDoesNotMatch"),
    "another date than that of the scope": (
        lambda p: _changed(p, {"x-amz-date": "20200101T000000Z"}), 400, "AuthorizationHeaderMalformed"),
    "signed twice": (lambda p: p.signed("PUT", f"{TARGET}?X-Amz-Signature={'0' * 64}", BODY), 400, "InvalidArgument"),
    "a presigned address that has expired": (
        lambda p: p.send("PUT", Signer().earlier(seconds=901).query("PUT", p.host, TARGET), {}, BODY), 403,
        "AccessDenied"),
    "a presigned address of tomorrow": (
        lambda p: p.send("PUT", Signer().earlier(days=-1).query("PUT", p.host, TARGET), {}, BODY), 403,
        "RequestTimeTooSkewed"),
    "a presigned address for eight days": (
        lambda p: p.send("PUT", Signer().query("PUT", p.host, TARGET, expires_s=8 * 86400), {}, BODY), 400,
        "AuthorizationQueryParametersError"),
    "a presigned GET used for a PUT": (
        lambda p: p.send("PUT", Signer().query("GET", p.host, TARGET), {}, BODY), 403, "SignatureDoesNotMatch"),
    "a presigned address with a header that was not signed": (
        lambda p: p.send("PUT", Signer().query("PUT", p.host, TARGET), {"x-amz-meta-a": "b"}, BODY), 403,
        "AccessDenied"),
    "a presigned address made longer": (
        lambda p: p.send("PUT", Signer().query("PUT", p.host, TARGET) + "&partNumber=1", {}, BODY), 403,
        "SignatureDoesNotMatch"),
    "a presigned address with a name twice": (
        lambda p: p.send("PUT", Signer().query("PUT", p.host, TARGET) + "&X-Amz-Expires=604800", {}, BODY), 400,
        "InvalidArgument"),
}  # fmt: skip


def _made(proxy: Proxy) -> dict[str, str]:
    return Signer().header("PUT", proxy.host, TARGET, {"x-amz-meta-a": "b"}, HASH)


def _without(proxy: Proxy, name: str) -> Answer:
    return proxy.send("PUT", TARGET, {k: v for k, v in _made(proxy).items() if k != name}, BODY)


def _changed(proxy: Proxy, changed: dict[str, str]) -> Answer:
    return proxy.send("PUT", TARGET, _made(proxy) | changed, BODY)


def _names(proxy: Proxy, names: str) -> Answer:
    made = Signer().header("PUT", proxy.host, TARGET, {}, HASH)
    before, _, after = made["authorization"].partition("SignedHeaders=")
    made["authorization"] = f"{before}SignedHeaders={names},{after.partition(',')[2]}"
    return proxy.send("PUT", TARGET, made, BODY)


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_never_reaches_b2(proxy: Proxy, what: str) -> None:
    send, status, code = REFUSED[what]

    answer = send(proxy)

    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["content-type"] == "application/xml"
    assert answer.headers["x-amz-request-id"] == ElementTree.fromstring(answer.body).findtext("RequestId")
    assert proxy.b2.requests == []
    assert proxy.b2.versions() == []


def test_each_refusal_has_a_request_id_of_its_own(proxy: Proxy) -> None:
    ids = {proxy.send("GET", TARGET).headers["x-amz-request-id"] for _ in range(20)}

    assert len(ids) == 20


def test_each_refusal_is_one_line_in_the_log_without_a_secret(proxy: Proxy) -> None:
    target = Signer(Pair(CLIENT.access_key_id, "another-secret-access-key")).query("GET", proxy.host, TARGET)
    answers = [proxy.send("GET", target), _put(proxy, headers={"x-amz-storage-class": "GLACIER"})]

    for answer in answers:
        request_id = answer.headers["x-amz-request-id"]
        (line,) = [line for line in proxy.worker.log().splitlines() if request_id in line]
        told = json.loads(line[line.index("{") :])
        assert (told["requestId"], told["status"], told["code"]) == (request_id, answer.status, answer.code)
    log = proxy.worker.log()
    assert target.partition("X-Amz-Signature=")[2] not in log
    assert CLIENT.secret_access_key not in log and UPSTREAM.secret_access_key not in log


def test_a_refused_head_has_no_body(proxy: Proxy) -> None:
    answer = proxy.send("HEAD", TARGET)

    assert (answer.status, answer.body) == (403, b"")


def test_every_part_of_a_good_request_is_signed(proxy: Proxy) -> None:
    """Change one thing after the other of a request that is good; none may pass."""
    made = Signer().header("PUT", proxy.host, TARGET, {"content-type": "image/png", "x-amz-meta-a": "b"}, HASH)
    others = [("PUT", f"/{BUCKET}/other.png", made), ("POST", TARGET, made), ("PUT", f"{TARGET}?versionId=1", made)]
    for name in ("content-type", "x-amz-meta-a", "x-amz-date", "x-amz-content-sha256", "host"):
        others.append(("PUT", TARGET, made | {name: made[name][:-1] + ("0" if made[name][-1] != "0" else "1")}))
    signature = made["authorization"][-64:]
    for at in range(0, 64, 7):
        digit = "0" if signature[at] != "0" else "1"
        changed = made["authorization"][:-64] + signature[:at] + digit + signature[at + 1 :]
        others.append(("PUT", TARGET, made | {"authorization": changed}))

    statuses = [proxy.send(method, target, headers, BODY).status for method, target, headers in others]

    assert set(statuses) <= {400, 403}
    assert proxy.b2.requests == []


def test_a_presigned_address_works_for_whoever_has_it(proxy: Proxy) -> None:
    put = proxy.send("PUT", Signer().query("PUT", proxy.host, TARGET), {}, BODY)
    got = proxy.send("GET", Signer().query("GET", proxy.host, TARGET))
    head = proxy.send("HEAD", Signer().query("HEAD", proxy.host, TARGET))

    assert (put.status, got.body, head.headers["content-length"]) == (200, BODY, str(len(BODY)))


@pytest.mark.parametrize(
    "coding", ["identity", "gzip", "", "gzip, deflate", "gzip, deflate, br", "deflate, gzip", "*", "gzip, br"]
)
def test_a_client_that_signs_the_accept_encoding_it_sent_is_let_in(proxy: Proxy, coding: str) -> None:
    """Cloudflare has replaced it; Go's SDK signs `identity`."""
    assert _put(proxy, headers={"accept-encoding": coding}).status == 200


def test_an_accept_encoding_that_no_client_sends_fits_no_signature(proxy: Proxy) -> None:
    assert _put(proxy, headers={"accept-encoding": "zstd"}).code == "SignatureDoesNotMatch"
    assert proxy.b2.requests == []


def test_a_client_may_do_what_its_policy_says_and_no_more(proxy: Proxy) -> None:
    _put(proxy)
    reader = Signer(READER)

    assert proxy.signed("GET", TARGET, signer=reader).status == 200
    for answer in (_put(proxy, signer=reader), proxy.signed("DELETE", TARGET, signer=reader)):
        assert (answer.status, answer.code) == (403, "AccessDenied")
    assert len(proxy.b2.versions()) == 1
