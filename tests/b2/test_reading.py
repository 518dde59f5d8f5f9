"""The read side, on both hosts: conditions, ranges, refusals without a body, and what the friendly host leaves out."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.b2 import B2, Fault
from tests.worker.requests import Answer, Endpoint

BODY = b"0123456789"
PATH = "/file/bowerbird-demo/a.png"
TARGET = "/bowerbird-demo/a.png"
Send = Callable[..., Answer]


@pytest.fixture(autouse=True)
def _stored(b2: B2, s3: Any) -> None:
    s3.put_object(Bucket=b2.bucket, Key="a.png", Body=BODY, ContentType="image/png", CacheControl="max-age=60")
    b2.forget()


def test_the_s3_host_is_read_by_anyone_while_the_bucket_is_public(b2: B2) -> None:
    answer = Endpoint(b2.s3_address[1]).send("GET", TARGET)

    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, BODY, "image/png")
    assert answer.headers["last-modified"] and answer.headers["etag"] and answer.headers["x-amz-id-2"]
    assert not any(name.lower().startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("if-none-match", "ETAG", 304), ("if-none-match", '"x", ETAG', 304), ("if-none-match", "W/ETAG", 304),
        ("if-none-match", "*", 304), ("if-none-match", '"x"', 200), ("if-match", "ETAG", 200),
        ("if-match", '"x"', 412), ("if-modified-since", "LAST", 304),
        ("if-modified-since", "Thu, 01 Jan 2015 00:00:00 GMT", 200), ("if-modified-since", "nonsense", 200),
        ("if-unmodified-since", "LAST", 200), ("if-unmodified-since", "Thu, 01 Jan 2015 00:00:00 GMT", 412),
        ("if-unmodified-since", "nonsense", 200),
    ],
)  # fmt: skip
def test_a_condition_on_the_s3_host(send: Send, name: str, value: str, status: int) -> None:
    seen = send("HEAD", TARGET).headers
    value = value.replace("ETAG", seen["etag"]).replace("LAST", seen["last-modified"])

    answer = send("GET", TARGET, headers={name: value})

    assert answer.status == status
    assert answer.body == (BODY if status == 200 else b"") or answer.code == "PreconditionFailed"
    assert status == 412 or answer.headers["etag"] == seen["etag"]


def test_a_name_that_matches_outweighs_a_date_that_does_not(send: Send) -> None:
    etag = send("HEAD", TARGET).headers["etag"]

    old = {"if-unmodified-since": "Thu, 01 Jan 2015 00:00:00 GMT"}
    assert send("GET", TARGET, headers={"if-match": etag, **old}).status == 200


def test_a_refused_head_has_no_body(send: Send) -> None:
    missing, forbidden = send("HEAD", "/bowerbird-demo/none"), send("HEAD", TARGET, pair="elsewhere")

    assert (missing.status, missing.body, forbidden.status, forbidden.body) == (404, b"", 403, b"")
    assert missing.headers["content-length"] == forbidden.headers["content-length"] == "0"
    assert send("HEAD", TARGET).headers["content-length"] == str(len(BODY))


def test_an_error_has_a_code_and_a_message_and_nothing_else(send: Send) -> None:
    answer = send("GET", "/bowerbird-demo/none")

    assert answer.code == "NoSuchKey"
    assert answer.body.count(b"</") == 3
    assert answer.headers["cache-control"] == "max-age=0, no-cache, no-store"
    assert answer.headers["x-amz-request-id"] and answer.headers["x-amz-id-2"]


@pytest.mark.parametrize(
    ("wanted", "status", "body", "content_range"),
    [
        ("bytes=0-", 200, BODY, None), ("bytes=0-3", 206, BODY[:4], "bytes 0-3/10"),
        ("bytes=4-", 206, BODY[4:], "bytes 4-9/10"), ("bytes=-3", 206, BODY[-3:], "bytes 7-9/10"),
    ],
)  # fmt: skip
def test_a_range_of_a_friendly_address(get: Any, wanted: str, status: int, body: bytes, content_range: Any) -> None:
    answer = get(PATH, {"range": wanted})

    assert (answer.status, answer.body, answer.headers["content-range"]) == (status, body, content_range)
    assert answer.headers["x-bz-content-sha1"] == get(PATH).headers["x-bz-content-sha1"]


def test_a_range_outside_the_file_is_refused(get: Any) -> None:
    assert get(PATH, {"range": "bytes=50-60"}).status == 416


def test_a_friendly_address_knows_no_conditions_and_no_host(get: Any) -> None:
    answer = get(
        PATH, {"if-none-match": "*", "if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT", "host": "i.example.com"}
    )

    assert (answer.status, answer.body) == (200, BODY)
    assert answer.headers["etag"] is None and answer.headers["last-modified"] is None
    assert answer.headers["cache-control"] == "max-age=60" and answer.headers["accept-ranges"] == "bytes"
    assert int(answer.headers["x-bz-upload-timestamp"]) > 1_700_000_000_000


def test_a_head_of_a_friendly_address_has_the_headers_alone(get: Any) -> None:
    answer = get(PATH, method="HEAD")

    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", str(len(BODY)))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/file/bowerbird-demo/none.png", 404), ("/file/bowerbird-demo-evil/a.png", 404), ("/", 404),
        ("/file/bowerbird-demo/", 404), ("/file/bowerbird-demo/x/../a.png", 404), ("/file/bowerbird-demo//a.png", 404),
        ("/file/bowerbird-demo/%ff", 400),
    ],
)  # fmt: skip
def test_a_friendly_address_of_nothing_answers_json(get: Any, path: str, status: int) -> None:
    answer = get(path)

    assert (answer.status, json.loads(answer.body)["status"]) == (status, status)
    assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Fault("503"), 503, "service_unavailable"), (Fault("500"), 500, "internal_error"),
        (Fault("slowdown"), 429, "too_many_requests"), (Fault("cap"), 403, "download_cap_exceeded"),
        (Fault("cap", which="transaction"), 403, "transaction_cap_exceeded"),
    ],
)  # fmt: skip
def test_a_download_meets_faults_in_json(b2: B2, get: Any, fault: Fault, status: int, code: str) -> None:
    b2.faults.add(Fault(fault.kind, which=fault.which))

    answer = get(PATH)

    assert (answer.status, json.loads(answer.body)["code"]) == (status, code)
    assert get(PATH).status == 200
    assert [record.status for record in b2.downloads] == [status, 200]
    assert b2.transactions == {"B": 1}, "what was not served is not paid for"
