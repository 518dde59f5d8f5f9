"""The bodies: plain, unsigned, in chunks with and without a trailer; what is not as it was announced leaves nothing."""

import base64
import hashlib
import hmac
import os
import zlib
from collections.abc import Callable, Iterator

import boto3
import pytest
from botocore.config import Config

from tests.b2 import Fault
from tests.worker.conftest import SMALL, Proxy
from tests.worker.requests import BUCKET, REGION, Answer, Pair, Signer

TARGET = f"/{BUCKET}/k7Wq3Zp.png"
EMPTY = hashlib.sha256(b"").hexdigest()
SMALL_BODY = os.urandom(40_000)
LARGE_BODY = os.urandom(9 * 1024 * 1024)  # more than the Worker buffers
UNSIGNED, SIGNED, SIGNED_TRAILER = (
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
)


def _crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


class Chunked:
    """A body in aws-chunked form; the arguments make it wrong."""

    def __init__(self, mode: str, body: bytes, *, size: int = 65536, checksum: str | None = None) -> None:
        self.mode, self.body, self.size = mode, body, size
        self.checksum = checksum if checksum is not None else _crc32(body)
        self.signer = Signer()

    def send(self, proxy: Proxy, change: Callable[[bytes], bytes] = lambda framed: framed, **more: str) -> Answer:
        headers = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(len(self.body))}
        if self.mode != SIGNED:
            headers["x-amz-trailer"] = "x-amz-checksum-crc32"
        made = self.signer.header("PUT", proxy.host, TARGET, headers | more, self.mode)
        framed = change(b"".join(self._frames(made["authorization"][-64:])))
        return proxy.send("PUT", TARGET, made, framed)

    def _frames(self, signature: str) -> Iterator[bytes]:
        for at in [*range(0, len(self.body), self.size), len(self.body)]:
            chunk = self.body[at : at + self.size]
            extension = b""
            if self.mode != UNSIGNED:
                digests = f"{EMPTY}\n{hashlib.sha256(chunk).hexdigest()}"
                signature = self._sign("AWS4-HMAC-SHA256-PAYLOAD", signature, digests)
                extension = f";chunk-signature={signature}".encode()
            yield b"%x%b\r\n" % (len(chunk), extension) + (chunk + b"\r\n" if chunk else b"")
        if self.mode != SIGNED:
            yield f"x-amz-checksum-crc32:{self.checksum}\r\n".encode()
        if self.mode == SIGNED_TRAILER:
            digest = hashlib.sha256(f"x-amz-checksum-crc32:{self.checksum}\n".encode()).hexdigest()
            signature = self._sign("AWS4-HMAC-SHA256-TRAILER", signature, digest)
            yield f"x-amz-trailer-signature:{signature}\r\n".encode()
        yield b"\r\n"

    def _sign(self, algorithm: str, previous: str, digests: str) -> str:
        key = b"AWS4" + self.signer.pair.secret_access_key.encode()
        for part in self.signer.scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = "\n".join((algorithm, self.signer.amz_date, self.signer.scope, previous, digests))
        return hmac.new(key, text.encode(), "sha256").hexdigest()


@pytest.mark.parametrize("body", [b"", b"x", SMALL_BODY, LARGE_BODY], ids=["empty", "one byte", "small", "large"])
@pytest.mark.parametrize("mode", ["hex", "UNSIGNED-PAYLOAD", UNSIGNED, SIGNED, SIGNED_TRAILER])
def test_every_mode_stores_the_very_bytes(proxy: Proxy, mode: str, body: bytes) -> None:
    if mode.startswith("STREAMING"):
        answer = Chunked(mode, body).send(proxy)
    else:
        answer = proxy.signed("PUT", TARGET, body, payload_hash=None if mode == "hex" else mode)

    assert answer.status == 200
    assert proxy.b2.body("k7Wq3Zp.png") == body
    seen = proxy.b2.requests[0].headers
    assert seen["content-length"] == str(len(body))
    assert not {"transfer-encoding", "x-amz-trailer", "x-amz-decoded-content-length", "content-encoding"} & set(seen)


def _flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda framed: framed[:at] + bytes([framed[at] ^ 1]) + framed[at + 1 :]


BROKEN: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "a bit of an unsigned chunk": (UNSIGNED, _flipped(1000), "BadDigest"),
    "a bit of a signed chunk": (SIGNED, _flipped(1000), "SignatureDoesNotMatch"),
    "a bit of a signed chunk before a trailer": (SIGNED_TRAILER, _flipped(1000), "SignatureDoesNotMatch"),
    "a bit of the last bytes": (SIGNED, lambda framed: _flipped(len(framed) - 120)(framed), "SignatureDoesNotMatch"),
    "a bit of the trailer": (SIGNED_TRAILER, lambda f: f.replace(b"crc32:", b"crc32:A"), "SignatureDoesNotMatch"),
    "no signature of a chunk": (SIGNED, lambda f: f.replace(b"chunk-signature=", b"x="), "SignatureDoesNotMatch"),
    "no signature of the trailer": (
        SIGNED_TRAILER, lambda f: f[: f.rindex(b"x-amz-trailer-signature")] + b"\r\n", "SignatureDoesNotMatch"),
    "no trailer": (UNSIGNED, lambda f: f[: f.rindex(b"x-amz-checksum")] + b"\r\n", "MalformedTrailerError"),
    "no last chunk": (UNSIGNED, lambda f: f[: f.rindex(b"0\r\nx-amz")], "IncompleteBody"),
    "half of a chunk": (UNSIGNED, lambda f: f[:20_000], "IncompleteBody"),
    "a size that is none": (UNSIGNED, lambda f: b"zz" + f, "IncompleteBody"),
    "a size that is too small": (UNSIGNED, lambda f: b"10" + f[f.index(b"\r\n"):], "IncompleteBody"),
    "a size without an end": (UNSIGNED, lambda f: b"1" * 9000, "IncompleteBody"),
    "one chunk more": (
        UNSIGNED, lambda f: f.replace(b"0\r\nx-amz", b"1\r\nx\r\n0\r\nx-amz"), "IncompleteBody"),
}  # fmt: skip


@pytest.mark.parametrize("body", [SMALL_BODY, LARGE_BODY], ids=["small", "large"])
@pytest.mark.parametrize("what", BROKEN)
def test_a_body_that_is_not_as_it_was_signed_leaves_no_object(proxy: Proxy, what: str, body: bytes) -> None:
    mode, change, code = BROKEN[what]

    answer = Chunked(mode, body).send(proxy, change)

    assert (answer.status, answer.code) in ((400, code), (403, code))
    assert proxy.b2.versions() == []


@pytest.mark.parametrize("body", [SMALL_BODY, LARGE_BODY], ids=["small", "large"])
def test_a_wrong_checksum_in_a_header_leaves_no_object(proxy: Proxy, body: bytes) -> None:
    headers = {"x-amz-checksum-crc32": _crc32(body + b"x"), "x-amz-sdk-checksum-algorithm": "CRC32"}

    answer = proxy.signed("PUT", TARGET, body, headers, payload_hash="UNSIGNED-PAYLOAD")

    assert (answer.status, answer.code) == (400, "BadDigest")
    assert proxy.b2.versions() == []


def test_a_large_body_with_the_hash_of_another_leaves_no_object(proxy: Proxy) -> None:
    """It streams through the Worker, and B2 is the one that finds it out."""
    answer = proxy.signed("PUT", TARGET, LARGE_BODY, payload_hash=hashlib.sha256(b"another").hexdigest())

    assert answer.status == 400
    assert proxy.b2.versions() == []


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums_are_checked_and_do_not_reach_b2(proxy: Proxy, algorithm: str) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{proxy.host}",
        region_name=REGION,
        aws_access_key_id=Pair().access_key_id,
        aws_secret_access_key=Pair().secret_access_key,
        config=Config(s3={"addressing_style": "path"}),
    )

    client.put_object(Bucket=BUCKET, Key="k7Wq3Zp.png", Body=SMALL_BODY, ChecksumAlgorithm=algorithm)

    client.close()
    assert proxy.b2.body("k7Wq3Zp.png") == SMALL_BODY
    assert not any("checksum" in name for name in proxy.b2.requests[0].headers)


@pytest.mark.parametrize("coding", ["aws-chunked", "gzip, AWS-Chunked"])
@pytest.mark.parametrize("payload_hash", [None, "UNSIGNED-PAYLOAD"])
def test_a_body_that_says_it_is_in_chunks_is_in_a_mode_that_reads_them(
    proxy: Proxy, payload_hash: str | None, coding: str
) -> None:
    framed = b"1\r\nx\r\n0\r\n\r\n"

    answer = proxy.signed("PUT", TARGET, framed, {"content-encoding": coding}, payload_hash=payload_hash)

    assert (answer.status, answer.code) == (400, "InvalidRequest")
    assert proxy.b2.requests == []


@pytest.mark.parametrize("coding", ["gzip,aws-chunked", "AWS-Chunked, gzip"])
def test_what_a_body_in_chunks_is_encoded_in_besides_is_kept(proxy: Proxy, coding: str) -> None:
    answer = Chunked(UNSIGNED, SMALL_BODY).send(proxy, **{"content-encoding": coding})

    assert answer.status == 200
    assert proxy.b2.requests[0].headers["content-encoding"] == "gzip"


def test_a_body_without_a_length_is_refused(proxy: Proxy) -> None:
    made = Signer().header("PUT", proxy.host, TARGET, {}, "UNSIGNED-PAYLOAD")

    answer = proxy.send("PUT", TARGET, made | {"transfer-encoding": "chunked"}, b"1\r\nx\r\n0\r\n\r\n")

    assert (answer.status, answer.code) == (411, "MissingContentLength")
    assert proxy.b2.requests == []


def test_a_body_larger_than_the_client_may_send_is_refused(proxy: Proxy) -> None:
    answer = proxy.signed("PUT", TARGET, b"x" * 1001, signer=Signer(SMALL))

    assert (answer.status, answer.code) == (400, "EntityTooLarge")
    assert b"1001 bytes; this key may send 1000" in answer.body
    assert proxy.b2.requests == []


def test_memory_stays_flat_while_95_mb_pass_both_ways(proxy: Proxy) -> None:
    body = os.urandom(95_000_000)
    proxy.signed("PUT", TARGET, body[:100_000], payload_hash="UNSIGNED-PAYLOAD")
    before = proxy.worker.memory_kib()

    answers = [proxy.signed("PUT", TARGET, body, payload_hash="UNSIGNED-PAYLOAD"), proxy.signed("PUT", TARGET, body)]
    answers.append(Chunked(UNSIGNED, body).send(proxy))
    got = proxy.signed("GET", TARGET)

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert got.body == body
    assert proxy.worker.memory_kib() - before < 64 * 1024


def test_a_large_body_is_not_sent_twice_and_the_client_is_told_to(proxy: Proxy) -> None:
    proxy.b2.faults.add(Fault("503-after", times=1))

    answer = proxy.signed("PUT", TARGET, LARGE_BODY)

    assert (answer.status, answer.code) == (503, "SlowDown")
    assert answer.headers["retry-after"] == "1"
    assert len(proxy.b2.requests) == 1
