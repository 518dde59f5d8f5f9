"""Bodies and headers: what B2 takes of them, what it refuses, what boto3 sends by default."""

import hashlib
import socket
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.b2 import B2
from tests.worker.requests import Answer, Endpoint, Signer

TARGET = "/bowerbird-demo/a.png"
BODY = b"bytes"
Send = Callable[..., Answer]
UNSUPPORTED = [
    "x-amz-checksum-crc32", "x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme", "x-amz-checksum-sha1",
    "x-amz-checksum-sha256", "x-amz-checksum-mode", "x-amz-checksum-algorithm", "x-amz-sdk-checksum-algorithm",
    "x-amz-trailer", "x-amz-tagging", "x-amz-grant-read", "x-amz-website-redirect-location",
]  # fmt: skip


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_an_unsupported_header_is_named_in_the_refusal(b2: B2, send: Send, name: str) -> None:
    answer = send("PUT", TARGET, BODY, {name: "x"})

    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert f"Unsupported header '{name}' received for this API call.".encode() in answer.body
    assert b2.versions() == []


@pytest.mark.parametrize(
    ("headers", "payload_hash", "status"),
    [
        ({}, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 400),
        ({}, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", 400),
        ({"x-amz-storage-class": "GLACIER"}, None, 400),
        ({"x-amz-server-side-encryption": "aws:kms"}, None, 400),
        ({}, "UNSIGNED-PAYLOAD", 200),
        ({"x-amz-acl": "public-read"}, None, 200),
        ({"x-amz-server-side-encryption": "AES256"}, None, 200),
        ({"content-md5": "SzpiGLs+OnMD6KFxpg/Pkg=="}, None, 200),
    ],
)
def test_bodies_and_headers(b2: B2, send: Send, headers: dict[str, str], payload_hash: Any, status: int) -> None:
    assert send("PUT", TARGET, BODY, headers, payload_hash=payload_hash).status == status
    assert len(b2.versions()) == (status == 200)


@pytest.mark.parametrize(
    ("length", "status"), [(str(5 * 1024**3 + 1), b" 400 "), ("-1", b" 400 "), ("five", b" 400 "), (None, b" 411 ")]
)
def test_a_length_that_cannot_be_is_refused_before_the_body(b2: B2, length: str | None, status: bytes) -> None:
    made = Signer().header("PUT", "b2.example.com", TARGET, {}, "UNSIGNED-PAYLOAD")
    lines = "".join(f"{name}: {value}\r\n" for name, value in made.items())
    lines += f"content-length: {length}\r\n" if length else ""
    with socket.create_connection(b2.s3_address, timeout=10) as sock:
        sock.sendall(f"PUT {TARGET} HTTP/1.1\r\n{lines}\r\n".encode())
        answer = sock.recv(65536)

    assert status in answer
    assert b2.versions() == []


@pytest.mark.parametrize("is_tls", [False, True])
def test_boto3_with_its_default_checksums_is_refused(make_s3: Callable[..., Any], is_tls: bool) -> None:
    with B2(tls=is_tls) as b2:
        with pytest.raises(ClientError, match=r"InvalidArgument.*Unsupported header 'x-amz-\S+' received"):
            make_s3(b2, "when_supported").put_object(Bucket=b2.bucket, Key="a.png", Body=BODY)

        sent = b2.requests[0].headers["x-amz-content-sha256"]
        assert sent == ("STREAMING-UNSIGNED-PAYLOAD-TRAILER" if is_tls else hashlib.sha256(BODY).hexdigest())
        assert b2.versions() == []
        stored = make_s3(b2).put_object(Bucket=b2.bucket, Key="a.png", Body=BODY)
        assert stored["ETag"] == f'"{hashlib.md5(BODY).hexdigest()}"'


def test_boto3_cannot_delete_many_or_set_cors_whatever_its_settings(b2: B2, s3: Any) -> None:
    rules = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
    with pytest.raises(ClientError, match="Unsupported header"):
        s3.delete_objects(Bucket=b2.bucket, Delete={"Objects": [{"Key": "a"}]})
    with pytest.raises(ClientError, match="Unsupported header"):
        s3.put_bucket_cors(Bucket=b2.bucket, CORSConfiguration=rules)


def test_a_put_that_must_not_overwrite_overwrites(b2: B2, send: Send) -> None:
    send("PUT", TARGET, b"old")

    assert send("PUT", TARGET, BODY, {"if-none-match": "*"}).status == 200
    assert b2.body("a.png") == BODY


def test_a_client_that_asks_first_is_told_to_go_on(b2: B2) -> None:
    endpoint = Endpoint(b2.s3_address[1])
    made = Signer().header("PUT", endpoint.host, TARGET, {}, hashlib.sha256(BODY).hexdigest())
    made |= {"expect": "100-continue", "content-length": str(len(BODY))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in made.items())
    with socket.create_connection(b2.s3_address, timeout=10) as sock:
        sock.sendall(f"PUT {TARGET} HTTP/1.1\r\n{lines}\r\n".encode())
        assert sock.recv(65536).startswith(b"HTTP/1.1 100 ")
        sock.sendall(BODY)
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert b2.body("a.png") == BODY


def test_a_large_body_passes_both_ways(b2: B2, s3: Any) -> None:
    body = b"0123456789abcdef" * (2 * 1024 * 1024)
    s3.put_object(Bucket=b2.bucket, Key="large.bin", Body=body)

    got = s3.get_object(Bucket=b2.bucket, Key="large.bin")
    assert hashlib.sha256(got["Body"].read()).digest() == hashlib.sha256(body).digest()
    assert b2.requests[0].body_bytes == len(body)
