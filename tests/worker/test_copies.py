"""What a client may copy: from where it may read, to where it may write; and what it may list of unfinished uploads."""

from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.worker.conftest import BLIND, COPIER, PREFIXED, Proxy
from tests.worker.requests import BUCKET, Answer, Pair, Signer

MINE = f"/{BUCKET}/mine/a.png"
PART = f"{MINE}?partNumber=1&uploadId=u"


def _copy(proxy: Proxy, pair: Pair, source: str, target: str = MINE) -> Answer:
    return proxy.signed("PUT", target, b"", {"x-amz-copy-source": source}, signer=Signer(pair))


def _ask(proxy: Proxy, target: str) -> Answer:
    return proxy.signed("GET", target, signer=Signer(PREFIXED))


REFUSED: dict[str, tuple[Callable[[Proxy], Answer], int, str]] = {
    "a copy from outside the prefix": (lambda p: _copy(p, COPIER, f"/{BUCKET}/other/a.png"), 403, "AccessDenied"),
    "a copy from beside the prefix": (lambda p: _copy(p, COPIER, f"/{BUCKET}/mine2/a.png"), 403, "AccessDenied"),
    "a copy from outside the prefix, encoded": (
        lambda p: _copy(p, COPIER, f"{BUCKET}/%6Fther/a.png"), 403, "AccessDenied"),
    "a copy to outside the prefix": (
        lambda p: _copy(p, COPIER, MINE, f"/{BUCKET}/other/a.png"), 403, "AccessDenied"),
    "a copy by one who may not get": (lambda p: _copy(p, BLIND, MINE), 403, "AccessDenied"),
    "a part from another bucket": (lambda p: _copy(p, COPIER, "/another-bucket/mine/a.png", PART), 403, "AccessDenied"),
    "a part from outside the prefix": (
        lambda p: _copy(p, COPIER, f"/{BUCKET}/other/a.png", PART), 403, "AccessDenied"),
    "a part by one who may not get": (lambda p: _copy(p, BLIND, MINE, PART), 403, "AccessDenied"),
    "a part by one who may not copy": (lambda p: _copy(p, PREFIXED, MINE, PART), 403, "AccessDenied"),
    "a copy from a trick, encoded": (
        lambda p: _copy(p, COPIER, f"{BUCKET}%2Fmine%2F..%2Fother%2Fa.png"), 400, "InvalidArgument"),
    "a copy from what is not UTF-8": (lambda p: _copy(p, COPIER, f"{BUCKET}/mine/%FF"), 400, "InvalidArgument"),
    "a copy of a bucket": (lambda p: _copy(p, COPIER, f"{BUCKET}/"), 400, "InvalidArgument"),
    "a part from a trick": (lambda p: _copy(p, COPIER, f"/{BUCKET}/mine/../a.png", PART), 400, "InvalidArgument"),
    "unfinished uploads of everybody": (lambda p: _ask(p, f"/{BUCKET}?uploads="), 403, "AccessDenied"),
    "unfinished uploads outside the prefix": (
        lambda p: _ask(p, f"/{BUCKET}?prefix=other%2F&uploads="), 403, "AccessDenied"),
    "a bucket of five letters": (lambda p: _ask(p, "/abcde/mine/a.png"), 400, "InvalidBucketName"),
    "a bucket of 64 letters": (lambda p: _ask(p, f"/{'a' * 64}/mine/a.png"), 400, "InvalidBucketName"),
    "a bucket with a sign at its end": (lambda p: _ask(p, "/bucket-/mine/a.png"), 400, "InvalidBucketName"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_outside_never_reaches_b2(proxy: Proxy, what: str) -> None:
    send, status, code = REFUSED[what]

    answer = send(proxy)

    assert (answer.status, answer.code) == (status, code)
    assert proxy.b2.requests == []


def test_inside_the_prefix_objects_and_parts_are_copied(proxy: Proxy) -> None:
    proxy.signed("PUT", MINE, b"bytes")
    started = proxy.signed("POST", f"/{BUCKET}/mine/large.png?uploads=", signer=Signer(COPIER))
    upload = started.body.split(b"<UploadId>")[1].split(b"<")[0].decode()

    copied = _copy(proxy, COPIER, MINE, f"/{BUCKET}/mine/b.png")
    part = _copy(proxy, COPIER, MINE, f"/{BUCKET}/mine/large.png?partNumber=1&uploadId={upload}")

    assert (copied.status, part.status) == (200, 200)
    assert b"<CopyPartResult" in part.body
    assert proxy.b2.body("mine/b.png") == b"bytes"
    listed = _ask(proxy, f"/{BUCKET}?prefix=mine%2F&uploads=")
    assert b"<Key>mine/large.png</Key>" in listed.body


@pytest.mark.parametrize("key", ["mine/a b+c%d.png", "mine/ü.png"])
@pytest.mark.parametrize("is_whole", [False, True], ids=["by its parts", "as a whole"])
def test_a_source_is_found_however_its_name_is_encoded(proxy: Proxy, key: str, is_whole: bool) -> None:
    proxy.signed("PUT", f"/{BUCKET}/{quote(key)}", b"bytes")

    copied = _copy(proxy, COPIER, quote(f"{BUCKET}/{key}", safe="" if is_whole else "/"), f"/{BUCKET}/mine/copy.png")

    assert copied.status == 200, copied.body
    assert proxy.b2.body("mine/copy.png") == b"bytes"
