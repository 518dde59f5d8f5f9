"""The checksums of a body, and where they stand: each that is sent is checked, or refused because it cannot be."""

import base64
import hashlib
import os
import zlib
from collections.abc import Callable, Mapping

import pytest

from tests.worker.conftest import Proxy
from tests.worker.requests import BUCKET, NO_HEADERS, Answer, Signer

TARGET = f"/{BUCKET}/k7Wq3Zp.png"
SMALL = os.urandom(40_000)
CRC32 = "x-amz-checksum-crc32"
LARGE = os.urandom(5 * 1024 * 1024)  # more than the Worker buffers
OF = {
    "crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "md5": lambda body: hashlib.md5(body).digest(),
    "sha1": lambda body: hashlib.sha1(body).digest(),
    "sha256": lambda body: hashlib.sha256(body).digest(),
    "sha512": lambda body: hashlib.sha512(body).digest(),
}


def _put(proxy: Proxy, body: bytes, headers: dict[str, str]) -> Answer:
    return proxy.signed("PUT", TARGET, body, headers, payload_hash="UNSIGNED-PAYLOAD")


def _value(algorithm: str, body: bytes) -> str:
    return base64.b64encode(OF[algorithm](body)).decode()


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("algorithm", OF)
def test_a_checksum_in_a_header_is_checked(proxy: Proxy, algorithm: str, body: bytes) -> None:
    name = f"x-amz-checksum-{algorithm}"

    wrong = _put(proxy, body, {name: _value(algorithm, body + b"x")})
    kept = proxy.b2.versions()
    right = _put(proxy, body, {name: _value(algorithm, body)})

    assert (wrong.status, wrong.code, kept) == (400, "BadDigest", [])
    assert (right.status, proxy.b2.body("k7Wq3Zp.png")) == (200, body)
    assert name not in proxy.b2.requests[-1].headers


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("name", ["xxhash64", "xxhash3", "xxhash128", "crc16", "constructor"])
def test_a_checksum_that_cannot_be_checked_is_refused(proxy: Proxy, name: str, body: bytes) -> None:
    answer = _put(proxy, body, {f"x-amz-checksum-{name}": "AAAAAAAAAAA="})

    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert proxy.b2.requests == []


@pytest.mark.parametrize("name", ["mode", "algorithm", "type"])
def test_what_only_speaks_of_checksums_is_dropped(proxy: Proxy, name: str) -> None:
    assert _put(proxy, SMALL, {f"x-amz-checksum-{name}": "CRC32"}).status == 200
    assert f"x-amz-checksum-{name}" not in proxy.b2.requests[0].headers


def _in_trailer(
    proxy: Proxy, body: bytes, announced: str | None, trailer: str, headers: Mapping[str, str] = NO_HEADERS
) -> Answer:
    """Send it unsigned in one chunk; `trailer` is what follows, as it is."""
    given = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(len(body)), **headers}
    if announced is not None:
        given["x-amz-trailer"] = announced
    made = Signer().header("PUT", proxy.host, TARGET, given, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
    framed = b"%x\r\n%b\r\n0\r\n%b\r\n" % (len(body), body, trailer.encode())
    return proxy.send("PUT", TARGET, made, framed)


def _line(algorithm: str, body: bytes) -> str:
    return f"x-amz-checksum-{algorithm}:{_value(algorithm, body)}\r\n"


def _padded(algorithm: str, body: bytes, count: int = 3000) -> str:
    return _line(algorithm, body).replace(":", ":" + " " * count)


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
def test_a_trailer_of_two_checksums_is_taken(proxy: Proxy, body: bytes) -> None:
    lines = _line("crc32", body) + _line("sha256", body)

    answer = _in_trailer(proxy, body, "x-amz-checksum-crc32, X-Amz-Checksum-SHA256", lines)

    assert (answer.status, proxy.b2.body("k7Wq3Zp.png")) == (200, body)


WRONG: dict[str, tuple[str | None, Callable[[bytes], str], dict[str, str], str]] = {
    "nothing announced": (None, lambda body: "", {}, "InvalidRequest"),
    "nothing announced in many words": (" , ", lambda body: "", {}, "InvalidRequest"),
    "a wrong sum that was not announced": (
        CRC32, lambda body: _line("crc32", body) + _line("sha256", b"x"), {}, "MalformedTrailerError"),
    "a right sum that was not announced": (
        CRC32, lambda body: _line("crc32", body) + _line("sha256", body), {}, "MalformedTrailerError"),
    "a sum that comes twice": (
        CRC32, lambda body: _line("crc32", b"x") + _line("crc32", body), {}, "MalformedTrailerError"),
    "a sum that does not come": (CRC32, lambda body: "", {}, "MalformedTrailerError"),
    "one of two that does not come": (
        f"{CRC32},x-amz-checksum-sha1", lambda body: _line("crc32", body), {}, "MalformedTrailerError"),
    "a sum in a header alone": (
        CRC32, lambda body: "", {CRC32: _value("crc32", SMALL)}, "MalformedTrailerError"),
    "another sum in a header": (
        CRC32, lambda body: _line("crc32", body), {CRC32: _value("crc32", b"x")}, "BadDigest"),
    "a signature that none asked for": (
        CRC32, lambda body: f"{_line('crc32', body)}x-amz-trailer-signature:{'0' * 64}\r\n", {},
        "MalformedTrailerError"),
    "a trailer without end": (CRC32, lambda body: "x:y\r\n" * 100_000, {}, "MalformedTrailerError"),
    "a trailer of many bytes": (
        f"{CRC32},x-amz-checksum-sha256",
        lambda body: _padded("crc32", body) + _padded("sha256", body), {}, "MalformedTrailerError"),
    "a line of many bytes": (CRC32, lambda body: _padded("crc32", body, 5000), {}, "IncompleteBody"),
    "a line that is none": (CRC32, lambda body: _line("crc32", body) + "x\r\n", {}, "MalformedTrailerError"),
}  # fmt: skip


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("what", WRONG)
def test_a_trailer_is_what_was_announced(proxy: Proxy, what: str, body: bytes) -> None:
    announced, trailer, headers, code = WRONG[what]

    answer = _in_trailer(proxy, body, announced, trailer(body), headers)

    assert (answer.status, answer.code) == (400, code)
    assert proxy.b2.versions() == []


def test_a_trailer_is_announced_only_by_what_has_one(proxy: Proxy) -> None:
    answer = _put(proxy, SMALL, {"x-amz-trailer": CRC32, CRC32: _value("crc32", SMALL)})

    assert (answer.status, answer.code) == (400, "InvalidRequest")
    assert proxy.b2.requests == []
