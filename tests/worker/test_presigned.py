"""Presigned addresses: what is stored must be signed; what a browser adds to a read need not be."""

import pytest

from tests.worker.conftest import Proxy
from tests.worker.requests import BUCKET, Signer

TARGET = f"/{BUCKET}/k7Wq3Zp.png"
BODY = b"the bytes of an image"
RELOAD = {"cache-control": "max-age=0", "content-type": "image/png"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_what_a_browser_adds_to_a_request_without_content_needs_no_signature(proxy: Proxy, method: str) -> None:
    proxy.signed("PUT", TARGET, BODY, {"cache-control": "public"})

    answer = proxy.send(method, Signer().query(method, proxy.host, TARGET), RELOAD)

    assert answer.status == (204 if method == "DELETE" else 200)
    assert not RELOAD.items() & proxy.b2.requests[-1].headers.items()


@pytest.mark.parametrize("name", RELOAD)
def test_what_a_browser_adds_to_a_put_is_refused_unless_it_was_signed(proxy: Proxy, name: str) -> None:
    header = {name: RELOAD[name]}

    unsigned = proxy.send("PUT", Signer().query("PUT", proxy.host, TARGET), header, BODY)
    signed = proxy.send("PUT", Signer().query("PUT", proxy.host, TARGET, headers=header), header, BODY)

    assert (unsigned.status, unsigned.code, signed.status) == (403, "AccessDenied", 200)
    assert len(proxy.b2.versions()) == 1
