"""What was to protect an object from a write is honoured or refused, never dropped in silence."""

from collections.abc import Callable

import pytest

from tests.worker.conftest import Proxy
from tests.worker.requests import BUCKET, Answer

TARGET = f"/{BUCKET}/k7Wq3Zp.png"
BODY = b"the bytes of an image"
PAST = "Sat, 01 Jan 2000 00:00:00 GMT"
CONDITIONS = {
    "if-match": '"00000000000000000000000000000000"',
    "if-none-match": "*",
    "if-modified-since": PAST,
    "if-unmodified-since": PAST,
    "if-range": '"00000000000000000000000000000000"',
}
XML = b"<Delete><Object><Key>k7Wq3Zp.png</Key></Object></Delete>"
WRITES: dict[str, Callable[[Proxy, dict[str, str]], Answer]] = {
    "a put": lambda p, headers: p.signed("PUT", TARGET, b"another", headers),
    "a part": lambda p, headers: p.signed("PUT", f"{TARGET}?partNumber=1&uploadId=u", b"another", headers),
    "a copy": lambda p, headers: p.signed(
        "PUT", f"/{BUCKET}/copy.png", b"", headers | {"x-amz-copy-source": TARGET}),
    "the end of a multipart upload": lambda p, headers: p.signed(
        "POST", f"{TARGET}?uploadId=u", b"<CompleteMultipartUpload/>", headers),
    "a deletion": lambda p, headers: p.signed("DELETE", TARGET, b"", headers),
    "many deletions": lambda p, headers: p.signed("POST", f"/{BUCKET}?delete=", XML, headers),
}  # fmt: skip


@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize("what", WRITES)
def test_a_write_with_a_condition_is_refused_and_changes_nothing(proxy: Proxy, what: str, name: str) -> None:
    """Cloudflare takes conditions out on the way, and B2 promises none: the write would happen all the same."""
    proxy.signed("PUT", TARGET, BODY)
    before = len(proxy.b2.requests)

    answer = WRITES[what](proxy, {name: CONDITIONS[name]})

    assert (answer.status, answer.code) == (501, "NotImplemented")
    assert len(proxy.b2.requests) == before
    assert proxy.b2.body("k7Wq3Zp.png") == BODY


def test_a_condition_that_nobody_signed_is_refused_too(proxy: Proxy) -> None:
    answer = proxy.signed("PUT", TARGET, BODY, unsigned={"if-match": CONDITIONS["if-match"]})

    assert (answer.status, answer.code) == (501, "NotImplemented")
    assert proxy.b2.requests == []
