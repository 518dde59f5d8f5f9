"""An endpoint that answers what no S3 endpoint does: every request ends, and its error is one of ours."""

import io
import re
import threading

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from app.answers import Answer
from app.errors import StoreUnavailable
from app.store import s3_bounds
from app.store.s3 import S3Store
from app.store.s3_client import make_client
from app.store.s3_errors import retry_after
from app.store.s3_raw import RawBucket
from tests.edge.relay import Listener, Relay

KEY = "abcdefgh.png"
ENTRY = (
    f"<Key>{KEY}</Key><VersionId>v1</VersionId><IsLatest>true</IsLatest><Size>3</Size><ETag>&quot;e&quot;</ETag>"
    "<LastModified>2026-01-01T00:00:00.000Z</LastModified>"
)
OBJECT = {"ETag": '"e"', "Last-Modified": "Mon, 05 Jan 2026 00:00:00 GMT", "Content-Length": "3"}
LISTS = [
    ("ListBucketResult", "Contents", "<NextContinuationToken>{}</NextContinuationToken>"),
    (
        "ListVersionsResult",
        "Version",
        f"<NextKeyMarker>{KEY}</NextKeyMarker><NextVersionIdMarker>{{}}</NextVersionIdMarker>",
    ),
]
USES = [
    lambda store: list(store.list_objects()),
    lambda store: list(store.list_versions()),
    lambda store: store.delete(KEY),
    lambda store: store.keep_one(KEY),
]


class Endpoint(Listener):
    """Answers every request with the headers and the body that `answer` returns for it, or with what that writes."""

    answer = staticmethod(lambda request: ({}, b""))

    def handle(self, request: Relay) -> None:
        if (answer := self.answer(request)) is None:
            return
        headers, body = answer
        request.send_response(200)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(b"" if request.command == "HEAD" else body)


@pytest.fixture(scope="module")
def endpoint():
    with Endpoint() as server:
        yield server


@pytest.fixture(scope="module")
def account(endpoint):
    return {"endpoint": endpoint.url, "region": "r", "access_key_id": "a", "secret_access_key": "b"}


@pytest.fixture(scope="module")
def store(account):
    made = S3Store(bucket="pics", patience_s=0, **account)
    yield made
    made._disconnect()


def page(request, entry=ENTRY, more=""):
    """Return the page of the list that is asked for."""
    root, name, _ = LISTS["versions" in request.path]
    return {}, f"<{root}>{more}<{name}>{entry}</{name}></{root}>".encode()


@pytest.mark.parametrize("use", USES, ids=["list", "versions", "delete", "keep_one"])
@pytest.mark.parametrize(
    ("what", "instead"),
    [
        (r"<Key>.*</Key>", ""),
        (r"<Size>3</Size>", ""),
        (r"<Size>3", "<Size>three"),
        (r"<Size>3", "<Size>-3"),
        (r"<Size>3", "<Size>" + "9" * 30),
        (r"<LastModified>2026-01-01", "<LastModified>soon"),
        (r"<LastModified>2026-01-01", "<LastModified>0001-01-01"),
    ],
)
def test_a_list_with_an_entry_that_makes_no_sense_is_no_list(endpoint, store, use, what, instead):
    endpoint.answer = lambda request: page(request, re.sub(what, instead, ENTRY))

    with pytest.raises(StoreUnavailable):
        use(store)


@pytest.mark.parametrize("use", USES[:3], ids=["list", "versions", "delete"])
@pytest.mark.parametrize("numbers", [[0, 0, 0], range(1000)], ids=["one token", "new tokens"])
def test_a_list_that_never_ends_is_read_for_no_more_than_two_pages(endpoint, store, use, numbers):
    asked = iter(numbers)

    def answer(request):
        more = "<IsTruncated>true</IsTruncated>" + LISTS["versions" in request.path][2].format(next(asked))
        return page(request, more=more)

    endpoint.answer = answer
    with pytest.raises(StoreUnavailable, match="does not come to an end"):
        use(store)
    assert len(list(asked)) == len(numbers) - 2


def test_a_list_whose_keys_are_not_in_order_is_no_list(endpoint, store):
    entries = [ENTRY, ENTRY.replace("abc", "aab")]
    endpoint.answer = lambda request: page(request, "</Contents><Contents>".join(entries))

    with pytest.raises(StoreUnavailable, match="not in order"):
        list(store.list_objects())


def test_a_list_that_has_no_way_to_its_next_page_is_no_list(endpoint, store):
    endpoint.answer = lambda request: page(request, more="<IsTruncated>true</IsTruncated>")

    with pytest.raises(StoreUnavailable):
        list(store.list_objects())


@pytest.mark.parametrize("bad", [{"Content-Length": "abc"}, {"Last-Modified": "soon"}, {"Content-Length": "9" * 30}])
@pytest.mark.parametrize(
    "use",
    [lambda store: store.ping(), lambda store: store.fetch(KEY, io.BytesIO(), max_bytes=9)],
    ids=["ping", "fetch"],
)
def test_an_object_with_headers_that_make_no_sense_is_not_believed(endpoint, store, use, bad):
    endpoint.answer = lambda request: (OBJECT | {"Connection": "close"} | bad, b"png")

    with pytest.raises(StoreUnavailable):
        use(store)


def test_an_answer_that_nests_too_deep_is_an_error_of_ours_for_the_doctor_too(endpoint, store, account):
    endpoint.answer = lambda request: ({}, b"<a>" * 20_000 + b"</a>" * 20_000)

    with pytest.raises(StoreUnavailable):
        list(store.list_objects())
    raw = RawBucket(bucket="pics", **account)
    assert isinstance(raw._ask("list_objects_v2"), Answer)
    raw.close()


@pytest.mark.parametrize(
    "before",
    [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"],
    ids=["100s", "head", "body"],
)
def test_an_answer_that_drips_is_over_after_the_timeout(endpoint, account, before):
    over = threading.Event()

    def drip(request):
        request.wfile.write(before)
        while not over.wait(0.02):
            request.wfile.write(b"x" if before else b"HTTP/1.1 100 Continue\r\n\r\n")

    endpoint.answer = drip
    raw = make_client(lambda **_: None, read_timeout_s=0.3, **account)
    guard = threading.Timer(20, over.set)  # without a bound it would drip for ever
    guard.start()
    with pytest.raises(ReadTimeoutError):
        raw.list_objects_v2(Bucket="pics")
    assert not over.is_set()
    guard.cancel()
    over.set()


def test_an_answer_that_is_no_object_is_not_read_without_end(endpoint, store, monkeypatch):
    monkeypatch.setattr(s3_bounds, "MOST_BYTES", 100_000)
    sent = 0

    def flood(request):
        nonlocal sent
        request.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(1000):
            sent += request.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")

    endpoint.answer = flood
    with pytest.raises(StoreUnavailable):
        list(store.list_objects())
    assert sent < 60_000_000


def test_an_object_is_read_whole_however_large_it_is(endpoint, store, monkeypatch):
    monkeypatch.setattr(s3_bounds, "MOST_BYTES", 1000)
    endpoint.answer = lambda request: (OBJECT | {"Content-Length": "300000", "Connection": "close"}, bytes(300_000))
    file = io.BytesIO()

    assert store.fetch(KEY, file, max_bytes=400_000).size == len(file.getvalue()) == 300_000


def test_a_moment_that_no_clock_has_is_no_reason_to_wait():
    headers = {"retry-after": "Mon, 01 Jan 99999999999 00:00:00 GMT"}

    assert retry_after(ClientError({"ResponseMetadata": {"HTTPHeaders": headers}}, "PutObject")) == 0.0
