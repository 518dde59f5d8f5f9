"""One signature, one object: spellings of a path that other servers take for the same are not."""

import hashlib

import pytest

from tests.worker.conftest import Proxy
from tests.worker.requests import BUCKET, Answer, Signer

BODY = b"the bytes of an image"
HASH = hashlib.sha256(BODY).hexdigest()


def _put(proxy: Proxy, signed: str, sent: str) -> Answer:
    """Put at the path `sent` what was signed for the path `signed`."""
    made = Signer().header("PUT", proxy.host, f"/{BUCKET}/{signed}", {}, HASH)
    return proxy.send("PUT", f"/{BUCKET}/{sent}", made, BODY)


@pytest.mark.parametrize("sent", ["a+b.png", "a%2Bb.png", "a%2bb.png"])
def test_a_plus_in_a_path_is_a_plus(proxy: Proxy, sent: str) -> None:
    """Some servers read a space. SigV4 writes %2B, however it was sent."""
    answer = _put(proxy, "a%2Bb.png", sent)

    assert answer.status == 200
    assert [key for key, *_ in proxy.b2.versions()] == ["a+b.png"]


@pytest.mark.parametrize(
    ("signed", "sent"),
    [("a%20b.png", "a+b.png"), ("a%2Bb.png", "a%20b.png"), ("a%2Fb.png", "a/b.png"), ("a/b.png", "a%2Fb.png"),
     ("a%252Fb.png", "a%2Fb.png"), ("a%2520b.png", "a%20b.png"), ("a.png", "A.png"), ("a.png", "a.png%20")],
)  # fmt: skip
def test_the_signature_of_one_path_is_not_that_of_another(proxy: Proxy, signed: str, sent: str) -> None:
    answer = _put(proxy, signed, sent)

    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
    assert proxy.b2.requests == []


def test_a_letter_that_need_not_be_encoded_may_be(proxy: Proxy) -> None:
    assert _put(proxy, "~a", "%7E%61").status == 200
    assert [key for key, *_ in proxy.b2.versions()] == ["~a"]


@pytest.mark.parametrize(
    ("signed", "sent"),
    [("../b.png", "%2E%2E/b.png"), ("../b.png", "%2e./b.png"), ("a/./b.png", "a/%2e/b.png"), ("a%5Cb.png", "a\\b.png"),
     ("a%2Fb.png", "a%2fb.png")],
)  # fmt: skip
def test_a_path_that_walks_in_disguise_is_refused_although_its_signature_is_good(
    proxy: Proxy, signed: str, sent: str
) -> None:
    answer = _put(proxy, signed, sent)

    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert proxy.b2.requests == []
