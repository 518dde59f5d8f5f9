"""No put waits to be told to go on: an endpoint that says no 100-continue would cost each a second."""

import hashlib
import http.server
import io
import threading
from collections.abc import Iterator

import pytest

from app.store.s3 import S3Store

BODY = b"the bytes of an image"


@pytest.fixture
def endpoint() -> Iterator[http.server.ThreadingHTTPServer]:
    """An endpoint that takes every PUT and notes what its head expects."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.server.expected.append(self.headers["Expect"])
            md5 = hashlib.md5(self.rfile.read(int(self.headers["Content-Length"])), usedforsecurity=False).hexdigest()
            self.send_response(200)
            self.send_header("ETag", f'"{md5}"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.expected = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_put_goes_at_once(endpoint: http.server.ThreadingHTTPServer) -> None:
    account = {"region": "us-west-004", "bucket": "pics", "access_key_id": "a", "secret_access_key": "b"}
    store = S3Store(endpoint=f"http://127.0.0.1:{endpoint.server_port}", **account)

    store.put("k7Wq3Zpa.png", io.BytesIO(BODY), content_type="image/png")

    assert endpoint.expected == [None]
