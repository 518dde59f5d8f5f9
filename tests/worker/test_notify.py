"""What the app is told: each change once in effect, signed, however often the app was away."""

import hashlib
import socket
from datetime import datetime

import pytest

from tests.b2 import Fault
from tests.worker.conftest import Proxy
from tests.worker.requests import BUCKET, Endpoint, Signer

TARGET = f"/{BUCKET}/photos/a%20b.png"
BODY = b"the bytes of an image"


def test_a_put_is_told_with_all_that_is_known_of_it(proxy: Proxy) -> None:
    named = {"x-bowerbird-request-id": "8f00ba4b0c00-AMS"}
    assert proxy.signed("PUT", TARGET, BODY, unsigned=named).status == 403
    answer = proxy.signed("PUT", TARGET, BODY, {"content-type": "image/png", **named})

    (event,) = proxy.app.wait(1)
    assert datetime.fromisoformat(event.pop("time")).tzinfo is not None
    assert len(event.pop("eventId")) == 36
    assert event.pop("signatureTimestamp").endswith("Z")
    assert event == {
        "contentLength": len(BODY),
        "contentType": "image/png",
        "method": "PUT",
        "status": 200,
        "url": f"https://s3.us-west-004.backblazeb2.com{TARGET}",
        "eventType": "b2:ObjectCreated:Upload",
        "bucket": BUCKET,
        "key": "photos/a b.png",
        "etag": answer.headers["etag"].strip('"'),
        "versionId": answer.headers["x-amz-version-id"],
        "requestId": "8f00ba4b0c00-AMS",
    }


def test_every_kind_of_change_is_told_and_nothing_else(proxy: Proxy) -> None:
    put = proxy.signed("PUT", TARGET, BODY)
    proxy.signed("PUT", f"/{BUCKET}/copy.png", b"", {"x-amz-copy-source": TARGET})
    started = proxy.signed("POST", f"/{BUCKET}/large.png?uploads=")
    upload_id = started.body.split(b"<UploadId>")[1].split(b"<")[0].decode()
    part = proxy.signed("PUT", f"/{BUCKET}/large.png?partNumber=1&uploadId={upload_id}", BODY)
    xml = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{part.headers['etag']}</ETag></Part>"
    proxy.signed("POST", f"/{BUCKET}/large.png?uploadId={upload_id}", f"{xml}</CompleteMultipartUpload>".encode())
    proxy.signed("DELETE", f"{TARGET}?versionId={put.headers['x-amz-version-id']}")
    proxy.signed("DELETE", f"/{BUCKET}/copy.png")
    names = "".join(f"<Object><Key>{key}</Key></Object>" for key in ("large.png", "a&amp;b.png"))
    proxy.signed("POST", f"/{BUCKET}?delete=", f"<Delete>{names}</Delete>".encode())
    for method, target in (
        ("GET", TARGET),
        ("HEAD", TARGET),
        ("GET", f"/{BUCKET}?list-type=2"),
        ("PUT", f"{TARGET}?acl="),
    ):
        proxy.signed(method, target)

    events = proxy.app.wait(7)

    told = {(event["eventType"].removeprefix("b2:"), event["key"]) for event in events}
    assert told == {
        ("ObjectCreated:Upload", "photos/a b.png"),
        ("ObjectCreated:Copy", "copy.png"),
        ("ObjectCreated:MultipartUpload", "large.png"),
        ("ObjectDeleted:Delete", "photos/a b.png"),
        ("HideMarkerCreated:Hide", "copy.png"),
        ("HideMarkerCreated:Hide", "large.png"),
        ("HideMarkerCreated:Hide", "a&b.png"),
    }
    assert len(events) == len({event["eventId"] for event in events}) == 7
    assert all(
        event["etag"] for event in events if "Created:" in event["eventType"] and "Hide" not in event["eventType"]
    )
    assert all("?" not in event["url"] for event in events)


@pytest.mark.parametrize("kind", ["cap", "503"])
def test_what_b2_did_not_take_is_not_told(proxy: Proxy, kind: str) -> None:
    proxy.b2.faults.add(Fault(kind, times=5))
    proxy.signed("PUT", TARGET, BODY)
    proxy.b2.faults.clear()

    proxy.signed("PUT", f"/{BUCKET}/after.png", BODY)

    assert [event["key"] for event in proxy.app.wait(1)] == ["after.png"]


def test_an_app_that_fails_three_times_hears_of_everything_once(proxy: Proxy) -> None:
    proxy.app.failures = 3
    for number in range(3):
        assert proxy.signed("PUT", f"/{BUCKET}/{number}.png", BODY).status == 200

    events = proxy.app.wait(3)

    assert sorted(event["key"] for event in events) == ["0.png", "1.png", "2.png"]
    assert len(proxy.app.refused) == 3
    assert {event["eventId"] for event in proxy.app.refused} <= {event["eventId"] for event in events}


def test_the_client_does_not_wait_for_the_app(proxy: Proxy) -> None:
    proxy.app.gate.clear()

    answer = proxy.signed("PUT", TARGET, BODY)

    assert (answer.status, proxy.app.events) == (200, [])
    proxy.app.gate.set()
    assert len(proxy.app.wait(1)) == 1


def test_without_a_webhook_everything_works(make_proxy) -> None:
    proxy = make_proxy(WEBHOOK_URL="", WEBHOOK_SECRET="")

    assert proxy.signed("PUT", TARGET, BODY).status == 200
    assert proxy.signed("DELETE", TARGET).status == 204
    assert "Error" not in proxy.worker.log()


def test_an_app_that_is_not_there_costs_the_client_nothing(make_proxy) -> None:
    proxy = make_proxy(WEBHOOK_URL="https://127.0.0.1:9/hooks/b2")

    assert proxy.signed("PUT", TARGET, BODY).status == 200


def test_a_client_that_hangs_up_does_not_keep_the_app_from_hearing_of_it(proxy: Proxy) -> None:
    proxy.b2.faults.add(Fault("slow", delay_s=1))
    worker = Endpoint(proxy.worker.port)
    made = Signer().header("PUT", worker.host, TARGET, {}, hashlib.sha256(BODY).hexdigest())
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**made, "content-length": str(len(BODY))}.items())
    with socket.create_connection(("127.0.0.1", worker.port)) as sock:
        sock.sendall(f"PUT {TARGET} HTTP/1.1\r\n{lines}\r\n".encode() + BODY)

    assert [event["key"] for event in proxy.app.wait(1)] == ["photos/a b.png"]
