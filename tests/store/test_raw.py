"""A bucket as a diagnosis sees it: every answer as it came."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from app.edge.headers import CACHE_CONTROL
from app.errors import StoreUnavailable
from app.store.s3_raw import RawBucket
from tests.b2 import B2, Fault, Key
from tests.conftest import free_port

KEY = "doctor-k7Wq3Zpx.png"
BODY = b"the bytes of an image"


@pytest.fixture(scope="module")
def b2() -> Iterator[B2]:
    rights = frozenset({"writeFiles", "readFiles"})
    keys = [Key("demo-key-id", "demo-secret-access-key"), Key("writer", "demo-secret-access-key", None, "", rights)]
    with B2(keys=keys) as started:
        yield started


@pytest.fixture
def make(b2: B2) -> Iterator:
    b2.empty()
    made = []

    def open_bucket(**changes: str) -> RawBucket:
        account = {"access_key_id": b2.key.access_key_id, "secret_access_key": b2.key.secret_access_key}
        made.append(
            RawBucket(**{"endpoint": b2.endpoint, "region": b2.region, "bucket": b2.bucket, **account, **changes})
        )
        return made[-1]

    yield open_bucket
    for one in made:
        one.close()


def put(bucket: RawBucket):
    return bucket.put(KEY, BODY, content_type="image/png", metadata={"mtime": "1"})


def test_an_object_is_put_as_an_upload_is_and_read_and_removed(make, b2: B2) -> None:
    bucket = make()
    answer = put(bucket)
    got = bucket.get(KEY)

    assert (answer.status, "x-amz-version-id" in answer.headers) == (200, True)
    assert (got.status, got.body, got.headers["content-type"]) == (200, BODY, "image/png")
    assert (got.headers["cache-control"], got.headers["x-amz-meta-mtime"]) == (CACHE_CONTROL, "1")
    assert bucket.delete(KEY, answer.headers["x-amz-version-id"]).status == 204
    assert b2.versions() == []


def test_a_refusal_comes_as_it_is_and_is_not_repeated(make, b2: B2) -> None:
    bucket = make()
    b2.faults.add(Fault("cap", which="storage"))

    answer = put(bucket)

    assert (answer.status, "storage cap exceeded" in answer.text) == (403, True)
    assert len(b2.requests) == 1
    assert "NoSuchKey" in bucket.get("nothing.png").text


def test_a_page_of_somebody_else_comes_as_it_is(make, b2: B2) -> None:
    b2.faults.add(Fault("html", times=2))
    bucket = make()

    for answer in (put(bucket), bucket.get(KEY)):
        assert (answer.status, answer.is_html) == (502, True)
        assert "<h1>502 Bad Gateway" in answer.text


def test_no_answer_is_an_error_of_ours(make, b2: B2) -> None:
    b2.faults.add(Fault("reset"))

    for bucket in (make(), make(endpoint=f"http://127.0.0.1:{free_port()}")):
        with pytest.raises(StoreUnavailable, match="no answer came"):
            put(bucket)


def test_the_first_answer_is_told_although_boto3_goes_on_with_the_region_that_it_names(make) -> None:
    """boto3 asks again by itself, and what is wrong would not be seen."""

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_right = "/us-west-004/" in self.headers["authorization"]
            code = "<Code>AuthorizationHeaderMalformed</Code><Region>us-west-004</Region>"
            body = b"" if is_right else f"<Error>{code}</Error>".encode()
            self.send_response(200 if is_right else 400)
            self.send_header("x-amz-bucket-region", "us-west-004")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        answer = make(endpoint=f"http://127.0.0.1:{server.server_port}", region="us-east-1").get(KEY)
    finally:
        server.shutdown()
        server.server_close()

    assert (answer.status, "AuthorizationHeaderMalformed" in answer.text) == (400, True)


def test_every_version_is_wiped_and_of_no_other_name(make, b2: B2) -> None:
    bucket = make()
    put(bucket)
    put(bucket)
    bucket.put("other.png", BODY, content_type="image/png", metadata={})

    assert bucket.wipe(KEY)
    assert [key for key, *_ in b2.versions()] == ["other.png"]
    assert bucket.wipe(KEY)


def test_what_may_not_be_listed_is_not_wiped(make) -> None:
    bucket = make(access_key_id="writer")
    put(bucket)

    assert not bucket.wipe(KEY)
