"""The checksums of a body, and where they stand: each that is sent is checked, or refused because it cannot be."""

import base64
import hashlib
import os
import zlib

import pytest

from tests.worker.conftest import Proxy
from tests.worker.requests import BUCKET, Answer

TARGET = f"/{BUCKET}/k7Wq3Zp.png"
SMALL = os.urandom(40_000)
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
