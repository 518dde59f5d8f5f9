"""Bodies whose frame, length or trailer is not as it was announced: each leaves no object, however large."""

import base64
import hashlib
from collections.abc import Callable

import pytest

from tests.worker.conftest import SMALL, Proxy
from tests.worker.requests import BUCKET, Signer
from tests.worker.test_body import LARGE_BODY, SIGNED, SMALL_BODY, TARGET, UNSIGNED, Chunked

TRAILER = b"x-amz-checksum-crc32:"


def _before_trailer(more: bytes) -> Callable[[bytes], bytes]:
    return lambda framed: framed.replace(b"\r\n0\r\n" + TRAILER, more + b"\r\n0\r\n" + TRAILER)


BROKEN: dict[str, tuple[str, Callable[[bytes], bytes], dict[str, str], str]] = {
    "more between a chunk and its end": (UNSIGNED, _before_trailer(b"more"), {}, "IncompleteBody"),
    "a trailer where none was announced": (
        SIGNED, lambda framed: framed[:-2] + TRAILER + b"AAAAAA==\r\n\r\n", {}, "IncompleteBody"),
    "a trailer that is not known": (UNSIGNED, lambda framed: framed, {"x-amz-trailer": "x-evil"}, "InvalidArgument"),
    "a known trailer and one that is not": (
        UNSIGNED, lambda framed: framed, {"x-amz-trailer": "x-amz-checksum-crc32,x-evil"}, "InvalidArgument"),
}  # fmt: skip


@pytest.mark.parametrize("body", [SMALL_BODY, LARGE_BODY], ids=["small", "large"])
@pytest.mark.parametrize("what", BROKEN)
def test_a_frame_that_is_not_as_announced_leaves_no_object(proxy: Proxy, what: str, body: bytes) -> None:
    mode, change, headers, code = BROKEN[what]

    answer = Chunked(mode, body).send(proxy, change, **headers)

    assert (answer.status, answer.code) == (400, code)
    assert proxy.b2.versions() == []


@pytest.mark.parametrize("body", [SMALL_BODY, LARGE_BODY], ids=["small", "large"])
@pytest.mark.parametrize("mode", [UNSIGNED, SIGNED])
@pytest.mark.parametrize("more", [1, -1])
def test_a_body_of_another_length_than_was_announced_leaves_no_object(
    proxy: Proxy, mode: str, body: bytes, more: int
) -> None:
    length = {"x-amz-decoded-content-length": str(len(body) + more)}

    answer = Chunked(mode, body).send(proxy, **length)

    assert (answer.status, answer.code) == (400, "IncompleteBody")
    assert proxy.b2.versions() == []


def test_a_body_in_chunks_may_not_be_larger_than_the_client_may_send(proxy: Proxy) -> None:
    chunked = Chunked(UNSIGNED, b"x" * 1001)
    chunked.signer = Signer(SMALL)

    answer = chunked.send(proxy)

    assert (answer.status, answer.code) == (400, "EntityTooLarge")
    assert proxy.b2.requests == []


DELETION = b"<Delete><Object><Key>a.png</Key></Object></Delete>"
LISTS = [(f"/{BUCKET}?delete=", DELETION), (f"{TARGET}?uploadId=u", b"<CompleteMultipartUpload/>")]


@pytest.mark.parametrize(("target", "xml"), LISTS, ids=["many deletions", "the end of a multipart upload"])
def test_a_list_with_the_md5_of_another_is_refused(proxy: Proxy, target: str, xml: bytes) -> None:
    md5 = base64.b64encode(hashlib.md5(xml + b" ").digest()).decode()

    answer = proxy.signed("POST", target, xml, {"content-md5": md5})

    assert (answer.status, answer.code) == (400, "BadDigest")
    assert proxy.b2.requests == []


@pytest.mark.parametrize(("target", "xml"), LISTS, ids=["many deletions", "the end of a multipart upload"])
def test_a_list_has_at_most_2_mib(proxy: Proxy, target: str, xml: bytes) -> None:
    answer = proxy.signed("POST", target, xml + b" " * (2 * 1024 * 1024 + 1 - len(xml)))

    assert (answer.status, answer.code) == (400, "MaxMessageLengthExceeded")
    assert proxy.b2.requests == []


def test_a_list_of_2_mib_is_taken(proxy: Proxy) -> None:
    answer = proxy.signed("POST", f"/{BUCKET}?delete=", DELETION + b" " * (2 * 1024 * 1024 - len(DELETION)))

    assert answer.status == 200
