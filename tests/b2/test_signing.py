"""Signatures: over raw bytes, in both forms, with everything they have to cover."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.b2 import B2, Key
from tests.worker.requests import Answer, Endpoint, Pair, Signer

TARGET = "/bowerbird-demo/a.png"
BODY = b"bytes"
Send = Callable[..., Answer]


@pytest.mark.parametrize(
    "key", ["a b.png", "a+b.png", "a%20b.png", "ü/𝄞.png", "a'b\"c(1)!*.png", "~a,b;c:d@e=f&g$h", "a?b#c"]
)
def test_any_key_is_signed_over_its_raw_bytes(b2: B2, s3: Any, key: str) -> None:
    s3.put_object(Bucket=b2.bucket, Key=key, Body=BODY)

    assert s3.get_object(Bucket=b2.bucket, Key=key)["Body"].read() == BODY
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=b2.bucket)["Contents"]] == [key]
    assert b2.body(key) == BODY


def test_an_encoded_slash_is_not_the_same_signature(b2: B2) -> None:
    endpoint = Endpoint(b2.s3_address[1])
    made = Signer().header("PUT", endpoint.host, "/bowerbird-demo/a%2Fb", {}, hashlib.sha256(BODY).hexdigest())

    assert endpoint.send("PUT", "/bowerbird-demo/a/b", made, BODY).code == "SignatureDoesNotMatch"
    assert b2.versions() == []
    assert endpoint.send("PUT", "/bowerbird-demo/a%2Fb", made, BODY).status == 200


def test_headers_that_botocore_never_signs_may_be_signed(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.auth.SIGNED_HEADERS_BLACKLIST", ["expect"])

    assert send("PUT", TARGET, BODY, {"user-agent": "a client of another make"}).status == 200
    assert send("PUT", TARGET, BODY, {"user-agent": "a"}, unsigned={"user-agent": "b"}).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("value", ["grün", "79bc377e-2f9a-4c00-8e2e-53ed551c0d8a"])
def test_metadata_in_utf_8_or_like_an_id_comes_back_as_it_was(b2: B2, send: Send, value: str) -> None:
    sent = value.encode().decode("latin-1")  # http.client writes each letter as one byte

    answer = send("PUT", TARGET, BODY, {"x-amz-meta-a": value}, unsigned={"x-amz-meta-a": sent})

    assert answer.status == 200
    assert send("HEAD", TARGET).headers["x-amz-meta-a"].encode("latin-1").decode() == value


@pytest.mark.parametrize(
    ("moved", "status"),
    [({"minutes": 14}, 200), ({"minutes": -14}, 200), ({"minutes": 16}, 403), ({"minutes": -16}, 403)],
)
def test_the_clock_may_be_a_quarter_of_an_hour_off(b2: B2, send: Send, moved: dict[str, int], status: int) -> None:
    answer = send("PUT", TARGET, BODY, signer=Signer().earlier(**moved))

    assert (answer.status, answer.code) == (status, "" if status == 200 else "RequestTimeTooSkewed")
    assert len(b2.versions()) == (status == 200)


def test_the_clock_is_the_one_that_was_given() -> None:
    at = datetime(2020, 1, 1, tzinfo=UTC)
    with B2(clock=at.timestamp) as b2:
        endpoint = Endpoint(b2.s3_address[1])
        assert endpoint.signed("PUT", TARGET, BODY, signer=Signer(now=at)).status == 200
        assert endpoint.signed("PUT", TARGET, BODY).code == "RequestTimeTooSkewed"


@pytest.mark.parametrize(
    ("signer", "code"),
    [
        (Signer(service="iam"), "SignatureDoesNotMatch"),
        (Signer(region="us-west-001"), "SignatureDoesNotMatch"),
        (Signer(Pair("demo-key-id", "wrong")), "SignatureDoesNotMatch"),
        (Signer(Pair("nobody", "x")), "InvalidAccessKeyId"),
    ],
)
def test_a_presigned_address_is_judged_like_a_header(b2: B2, signer: Signer, code: str) -> None:
    endpoint = Endpoint(b2.s3_address[1])

    assert endpoint.send("PUT", signer.query("PUT", endpoint.host, TARGET), body=BODY).code == code
    assert b2.versions() == []


@pytest.mark.parametrize(
    "authorization", ["AWS demo-key-id:c2lnbmF0dXJl", "Bearer x", "AWS4-ECDSA-P256-SHA256 Credential=x"]
)
def test_another_kind_of_authorization_is_none(b2: B2, authorization: str) -> None:
    answer = Endpoint(b2.s3_address[1]).send("GET", TARGET, {"authorization": authorization})

    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert b"Unauthenticated requests are not allowed for this api" in answer.body


def test_a_signature_of_version_2_in_the_query_is_none(b2: B2, send: Send) -> None:
    send("PUT", TARGET, BODY)

    assert Endpoint(b2.s3_address[1]).send("GET", f"{TARGET}?AWSAccessKeyId=x&Expires=1&Signature=y").status == 403


def test_presigned_addresses_write_and_read_until_they_expire(b2: B2) -> None:
    endpoint = Endpoint(b2.s3_address[1])

    assert endpoint.send("PUT", Signer().query("PUT", endpoint.host, TARGET), body=BODY).status == 200
    assert endpoint.send("GET", Signer().query("GET", endpoint.host, TARGET)).body == BODY
    late = Signer(now=datetime.now(UTC) - timedelta(hours=1))
    assert endpoint.send("GET", late.query("GET", endpoint.host, TARGET, expires_s=3601 * 2)).status == 200
    assert endpoint.send("GET", late.query("GET", endpoint.host, TARGET, expires_s=60)).code == "AccessDenied"


def test_a_presigned_address_covers_every_amz_header(b2: B2) -> None:
    endpoint = Endpoint(b2.s3_address[1])
    target = Signer().query("PUT", endpoint.host, TARGET)

    assert endpoint.send("PUT", target, {"x-amz-meta-a": "b"}, BODY).code == "AccessDenied"
    assert b2.versions() == []
    signed = Signer().query("PUT", endpoint.host, TARGET, headers={"x-amz-meta-a": "b"})
    assert endpoint.send("PUT", signed, {"x-amz-meta-a": "b"}, BODY).status == 200


def test_the_secret_is_not_in_what_a_key_prints() -> None:
    assert "very-secret" not in repr(Key("id", "very-secret"))
