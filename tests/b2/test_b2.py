"""The stand-in is as strict as B2: each line of what is known of B2 is a test here."""

import base64
import hashlib
import http.client
import socket
import ssl
import time
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.b2 import ALL, B2, Fault, Key
from tests.worker.requests import Answer, Endpoint, Pair, Signer

BUCKET = "bowerbird-strict"
OWNER = Key("owner-key-id", "owner-application-key")
MASTER = Key("master-key-id", "master-application-key", is_master=True)
UPLOADER = Key("uploader-key-id", "uploader-application-key", BUCKET, "mine/", frozenset({"writeFiles"}))
TARGET = f"/{BUCKET}/a.png"
BODY = b"the bytes of an image"


@pytest.fixture(scope="module")
def started() -> Iterator[B2]:
    with B2(bucket=BUCKET, keys=[OWNER, MASTER, UPLOADER]) as b2:
        yield b2


@pytest.fixture
def b2(started: B2) -> B2:
    started.empty()
    return started


@pytest.fixture
def client(b2: B2) -> Iterator[Any]:
    config = Config(
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"total_max_attempts": 1},
    )
    made = boto3.client("s3", endpoint_url=b2.endpoint, region_name=b2.region, config=config,
                        aws_access_key_id=OWNER.access_key_id,
                        aws_secret_access_key=OWNER.secret_access_key)  # fmt: skip
    yield made
    made.close()


def signer(key: Key = OWNER, **changes: Any) -> Signer:
    return Signer(Pair(key.access_key_id, key.secret_access_key), **changes)


def send(
    b2: B2, method: str, target: str, body: bytes = b"", headers: Any = (), key: Key = OWNER, **options: Any
) -> Answer:
    options.setdefault("signer", signer(key))
    return Endpoint(b2.s3_address[1]).signed(method, target, body, dict(headers), **options)


REFUSED: dict[str, tuple[Any, int, str]] = {
    "no authorization": (lambda b: Endpoint(b.s3_address[1]).send("PUT", TARGET, {}, BODY), 403, "AccessDenied"),
    "a wrong secret": (lambda b: send(b, "PUT", TARGET, BODY, signer=Signer(Pair(OWNER.access_key_id, "x" * 20))), 403,
                       "SignatureDoesNotMatch"),
    "another region": (lambda b: send(b, "PUT", TARGET, BODY, signer=signer(region="us-east-1")), 403,
                       "SignatureDoesNotMatch"),
    "an unknown key": (lambda b: send(b, "PUT", TARGET, BODY, signer=Signer(Pair("x", "y"))), 403,
        "InvalidAccessKeyId"),
    "the master key": (lambda b: send(b, "PUT", TARGET, BODY, key=MASTER), 403, "InvalidAccessKeyId"),
    "an old request": (lambda b: send(b, "PUT", TARGET, BODY, signer=signer().earlier(minutes=16)), 403,
                       "RequestTimeTooSkewed"),
    "an unsigned x-amz-": (lambda b: send(b, "PUT", TARGET, BODY, unsigned={"x-amz-meta-a": "b"}), 403, "AccessDenied"),
    "a checksum": (lambda b: send(b, "PUT", TARGET, BODY, {"x-amz-checksum-crc32": "AAAAAA=="}), 400,
        "InvalidArgument"),
    "a checksum algorithm": (lambda b: send(b, "PUT", TARGET, BODY, {"x-amz-sdk-checksum-algorithm": "CRC32"}), 400,
                             "InvalidArgument"),
    "tags": (lambda b: send(b, "PUT", TARGET, BODY, {"x-amz-tagging": "a=b"}), 400, "InvalidArgument"),
    "another ACL": (lambda b: send(b, "PUT", TARGET, BODY, {"x-amz-acl": "private"}), 400, "InvalidArgument"),
    "aws-chunked": (lambda b: send(b, "PUT", TARGET, BODY, {"content-encoding": "aws-chunked"}), 400,
        "InvalidArgument"),
    "another hash": (lambda b: send(b, "PUT", TARGET, BODY, payload_hash="0" * 64), 400, "InvalidRequest"),
    "another MD5": (lambda b: send(b, "PUT", TARGET, BODY, {"content-md5": base64.b64encode(b"0" * 16).decode()}), 400,
                    "BadDigest"),
    "no MD5": (lambda b: send(b, "PUT", TARGET, BODY, {"content-md5": "???"}), 400, "InvalidDigest"),
    "no length": (lambda b: send(b, "PUT", TARGET, b"0\r\n\r\n", unsigned={"transfer-encoding": "chunked"}), 411,
                  "MissingContentLength"),
    "a key with //": (lambda b: send(b, "PUT", f"/{BUCKET}/a//b.png", BODY), 400, "InvalidArgument"),
    "a key that ends in /": (lambda b: send(b, "PUT", f"/{BUCKET}/a/", BODY), 400, "InvalidArgument"),
    "a control character": (lambda b: send(b, "PUT", f"/{BUCKET}/a%0Ab.png", BODY), 400, "InvalidArgument"),
    "a long part": (lambda b: send(b, "PUT", f"/{BUCKET}/{'x' * 251}", BODY), 400, "InvalidArgument"),
    "a long key": (lambda b: send(b, "PUT", f"/{BUCKET}/" + "/".join(["x" * 249] * 5), BODY), 400, "InvalidArgument"),
    "much metadata": (lambda b: send(b, "PUT", TARGET, BODY, {"x-amz-meta-a": "x" * 7000}), 400, "InvalidArgument"),
    "a long metadata name": (lambda b: send(b, "PUT", TARGET, BODY, {f"x-amz-meta-{'a' * 51}": "x"}), 400,
                             "InvalidArgument"),
    "tags of an object": (lambda b: send(b, "PUT", f"{TARGET}?tagging=", b"<x/>"), 501, "NotImplemented"),
    "outside the prefix": (lambda b: send(b, "PUT", TARGET, BODY, key=UPLOADER), 403, "AccessDenied"),
    "a read without the right": (lambda b: send(b, "GET", f"/{BUCKET}/mine/a.png", key=UPLOADER), 403, "AccessDenied"),
    "a list of buckets": (lambda b: send(b, "GET", "/", key=UPLOADER), 403, "AccessDenied"),
    "an anonymous list": (lambda b: Endpoint(b.s3_address[1]).send("GET", f"/{BUCKET}"), 403, "AccessDenied"),
    "many deletions without MD5": (lambda b: send(b, "POST", f"/{BUCKET}?delete=", b"<Delete/>"), 400,
        "InvalidRequest"),
    "a presigned address of eight days": (
        lambda b: Endpoint(b.s3_address[1]).send(
            "PUT", signer().query("PUT", f"127.0.0.1:{b.s3_address[1]}", TARGET, expires_s=8 * 86400), {}, BODY), 400,
        "AuthorizationQueryParametersError"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_b2_refuses_is_refused_and_not_stored(b2: B2, what: str) -> None:
    act, status, code = REFUSED[what]

    answer = act(b2)

    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["cache-control"] == "max-age=0, no-cache, no-store"
    assert answer.headers["x-amz-request-id"] and b"RequestId" not in answer.body
    assert b2.versions() == []


def test_a_header_that_was_signed_and_is_gone_is_named(b2: B2) -> None:
    endpoint = Endpoint(b2.s3_address[1])
    made = signer().header("PUT", endpoint.host, TARGET, {"if-none-match": "*"}, hashlib.sha256(BODY).hexdigest())
    del made["if-none-match"]

    answer = endpoint.send("PUT", TARGET, made, BODY)

    assert answer.status == 400
    assert b"header 'if-none-match' is listed in signed headers, but is not present" in answer.body


def test_a_put_is_a_version_and_a_delete_hides_it(b2: B2, client: Any) -> None:
    first = client.put_object(Bucket=BUCKET, Key="a.png", Body=b"1", Metadata={"a": "b"})
    second = client.put_object(Bucket=BUCKET, Key="a.png", Body=b"22")
    hidden = client.delete_object(Bucket=BUCKET, Key="a.png")

    assert first["ETag"] == f'"{hashlib.md5(b"1").hexdigest()}"'
    assert first["VersionId"].startswith("4_z") and first["VersionId"] != second["VersionId"]
    assert hidden["DeleteMarker"] is True
    assert b2.body("a.png") is None and len(b2.versions("a.png")) == 3
    with pytest.raises(ClientError) as error:
        client.get_object(Bucket=BUCKET, Key="a.png")
    assert error.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    old = Endpoint(b2.s3_address[1]).send("GET", f"{TARGET}?versionId={first['VersionId']}")
    assert old.body == b"1", "a version that is hidden is still read by anyone who knows its id"
    client.delete_object(Bucket=BUCKET, Key="a.png", VersionId=hidden["VersionId"])
    assert b2.body("a.png") == b"22"
    listed = client.list_object_versions(Bucket=BUCKET, Prefix="a.png")["Versions"]
    assert [one["VersionId"] for one in listed] == [second["VersionId"], first["VersionId"]]


def test_a_restricted_key_works_where_it_may(b2: B2) -> None:
    assert send(b2, "PUT", f"/{BUCKET}/mine/a.png", BODY, key=UPLOADER).status == 200
    assert send(b2, "DELETE", f"/{BUCKET}/mine/a.png", key=UPLOADER).status == 204
    version = b2.versions("mine/a.png")[0][1]
    assert send(b2, "DELETE", f"/{BUCKET}/mine/a.png?versionId={version}", key=UPLOADER).code == "AccessDenied"
    assert UPLOADER.capabilities < ALL


def test_a_body_that_is_cut_short_is_not_stored(b2: B2) -> None:
    endpoint = Endpoint(b2.s3_address[1])
    made = signer().header("PUT", endpoint.host, TARGET, {}, "UNSIGNED-PAYLOAD") | {"content-length": "100"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in made.items())
    with socket.create_connection(b2.s3_address, timeout=10) as sock:
        sock.sendall(f"PUT {TARGET} HTTP/1.1\r\n{lines}\r\n".encode() + BODY)
        sock.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: sock.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"<Code>IncompleteBody</Code>" in answer
    assert b2.versions() == []


def test_conditions_hold_on_the_s3_host(b2: B2) -> None:
    etag = send(b2, "PUT", TARGET, BODY).headers["etag"]

    assert send(b2, "GET", TARGET, headers={"if-none-match": etag}).status == 304
    assert send(b2, "GET", TARGET, headers={"if-match": '"x"'}).status == 412
    assert send(b2, "HEAD", f"/{BUCKET}/nothing.png").body == b""


def test_parts_have_five_megabytes(b2: B2, client: Any) -> None:
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="large.bin")["UploadId"]
    parts = []
    for number in (1, 2):
        part = client.upload_part(Bucket=BUCKET, Key="large.bin", UploadId=upload, PartNumber=number, Body=b"small")
        parts.append({"PartNumber": number, "ETag": part["ETag"]})

    with pytest.raises(ClientError, match="EntityTooSmall"):
        client.complete_multipart_upload(
            Bucket=BUCKET, Key="large.bin", UploadId=upload, MultipartUpload={"Parts": parts}
        )


def test_a_download_by_the_friendly_address_is_b2s_own(b2: B2) -> None:
    send(b2, "PUT", f"/{BUCKET}/a%20b.png", BODY, {"content-type": "image/png", "x-amz-meta-name": "a b",
                                                    "cache-control": "max-age=60"})  # fmt: skip
    path = f"/file/{BUCKET}/a%20b.png"
    got = _get(b2, path, {"If-None-Match": "*", "Host": "i.example.com"})
    names = {name.lower() for name in got.headers}

    assert (got.status, got.body, got.headers["content-type"]) == (200, BODY, "image/png")
    assert (got.headers["x-bz-file-name"], got.headers["x-bz-info-name"]) == ("a%20b.png", "a+b")
    assert got.headers["x-bz-file-id"].startswith("4_z")
    assert got.headers["x-bz-content-sha1"] == hashlib.sha1(BODY).hexdigest()
    assert got.headers["cache-control"] == "max-age=60"
    assert not {"etag", "last-modified", "x-amz-version-id"} & names
    whole, part = _get(b2, path, {"Range": "bytes=0-"}), _get(b2, path, {"Range": "bytes=4-8"})
    assert (whole.status, whole.headers["content-range"]) == (200, None)
    assert (part.status, part.body) == (206, BODY[4:9])


def test_a_download_that_is_not_there_is_refused_in_json(b2: B2) -> None:
    answers = [_get(b2, path) for path in (f"/file/{BUCKET}/no.png", "/file/another-bucket/a.png", "/a.png")]

    assert {answer.status for answer in answers} == {404}
    assert all(b'"code": "not_found"' in answer.body for answer in answers)
    b2.faults.add(Fault("cap"))
    assert b"download_cap_exceeded" in _get(b2, f"/file/{BUCKET}/no.png").body


def test_a_private_bucket_is_not_downloaded() -> None:
    with B2(bucket="bowerbird-private", keys=[OWNER], is_public=False) as b2:
        assert _get(b2, "/file/bowerbird-private/a.png").status == 401
        assert Endpoint(b2.s3_address[1]).send("GET", "/bowerbird-private/a.png").status == 403
        assert send(b2, "PUT", "/bowerbird-private/a.png", BODY, {"x-amz-acl": "private"}).status == 200


def test_the_world_in_which_b2_takes_checksums_can_be_had() -> None:
    with B2(bucket="bowerbird-new", keys=[OWNER], accept_checksums=True) as b2:
        crc32 = {"x-amz-checksum-crc32": "xWbnUg==", "x-amz-sdk-checksum-algorithm": "CRC32"}
        assert send(b2, "PUT", "/bowerbird-new/a.png", BODY, crc32).status == 200


def test_transactions_are_counted_by_their_class(b2: B2, client: Any) -> None:
    client.put_object(Bucket=BUCKET, Key="a.png", Body=BODY)
    client.get_object(Bucket=BUCKET, Key="a.png")["Body"].close()
    client.list_objects_v2(Bucket=BUCKET)
    client.delete_object(Bucket=BUCKET, Key="a.png")

    assert b2.transactions == {"A": 2, "B": 1, "C": 1}


@pytest.mark.parametrize(
    ("kind", "status", "code", "is_stored"),
    [
        ("503", 503, "ServiceUnavailable", False),
        ("503-after", 503, "ServiceUnavailable", False),
        ("500", 500, "InternalError", False),
        ("slowdown", 503, "SlowDown", False),
        ("cap", 403, "AccessDenied", False),
        ("html", 502, "", False),
        ("slow", 200, "", True),
        ("lie", 200, "", True),
    ],
)
def test_a_fault_comes_once_and_is_over(b2: B2, kind: Any, status: int, code: str, is_stored: bool) -> None:
    b2.faults.add(Fault(kind, method="PUT", delay_s=0.01))

    answer = send(b2, "PUT", TARGET, BODY)

    assert (answer.status, answer.code) == (status, code)
    assert (b2.body("a.png") == BODY) is is_stored
    assert (answer.headers["etag"] != f'"{hashlib.md5(BODY).hexdigest()}"') or kind == "slow"
    assert send(b2, "PUT", TARGET, BODY).status == 200


@pytest.mark.parametrize(("kind", "is_stored"), [("reset", False), ("lost", True)])
def test_a_connection_that_breaks_may_have_stored(b2: B2, kind: Any, is_stored: bool) -> None:
    b2.faults.add(Fault(kind))

    with pytest.raises((ConnectionError, http.client.HTTPException)):
        send(b2, "PUT", TARGET, BODY)

    assert (b2.body("a.png") == BODY) is is_stored


def test_over_tls_it_is_the_same_and_nothing_is_said_without() -> None:
    with B2(bucket="bowerbird-tls", keys=[OWNER], tls=True, clock=time.time) as b2:
        assert urlsplit(b2.endpoint).scheme == "https"
        made = boto3.client("s3", endpoint_url=b2.endpoint, region_name=b2.region, verify=str(b2.ca_bundle),
                            aws_access_key_id=OWNER.access_key_id, aws_secret_access_key=OWNER.secret_access_key,
                            config=Config(request_checksum_calculation="when_required"))  # fmt: skip
        made.put_object(Bucket="bowerbird-tls", Key="a.png", Body=BODY)
        made.close()
        assert b2.body("a.png") == BODY
        for address in (b2.s3_address, b2.friendly_address):
            with pytest.raises((ConnectionError, http.client.HTTPException)):
                Endpoint(address[1]).send("GET", f"/file{TARGET}")
        trusted = ssl.create_default_context(cafile=str(b2.ca_bundle))
        with urllib.request.urlopen(f"{b2.friendly}/file/bowerbird-tls/a.png", context=trusted, timeout=10) as got:
            assert got.read() == BODY


def _get(b2: B2, path: str, headers: Any = ()) -> Answer:
    return Endpoint(b2.friendly_address[1]).send("GET", path, dict(headers))
