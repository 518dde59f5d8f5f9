"""What B2 gets and what the client gets back: headers, names, HEAD, conditions, repeats."""

import pytest

from tests.b2 import Fault
from tests.worker.conftest import UPSTREAM, Proxy
from tests.worker.requests import BUCKET

TARGET = f"/{BUCKET}/k7Wq3Zp.png"
BODY = b"the bytes of an image"


def _put(proxy: Proxy, target: str = TARGET, **headers: str) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    assert proxy.signed("PUT", target, BODY, named).status == 200


@pytest.mark.parametrize("name", ["k7Wq3Zp.png", "k7Wq3Zp.heic"])
def test_a_head_of_any_name_is_answered(proxy: Proxy, name: str) -> None:
    """Cloudflare's cache turns it into a GET where it knows the extension."""
    _put(proxy, f"/{BUCKET}/{name}", content_type="image/png", x_amz_meta_a="b")

    head = proxy.signed("HEAD", f"/{BUCKET}/{name}")

    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(BODY)))
    assert (head.headers["content-type"], head.headers["x-amz-meta-a"]) == ("image/png", "b")
    assert proxy.signed("HEAD", f"/{BUCKET}/nothing.png").status == 404


def test_only_headers_that_are_known_go_on(proxy: Proxy) -> None:
    foreign = {
        "x-evil": "1", "x-forwarded-for": "1", "x-real-ip": "1", "x-custom": "1", "referer": "https://example.com/",
        "cookie": "a=b", "origin": "https://example.com", "accept": "*/*", "amz-sdk-request": "1",
        "x-http-method-override": "DELETE",
    }  # fmt: skip
    content = {
        "content-type": "image/png", "cache-control": "public, max-age=60", "content-disposition": "inline",
        "content-language": "en", "expires": "Thu, 01 Jan 2026 00:00:00 GMT", "x-amz-meta-name": "a b",
        "x-amz-server-side-encryption": "AES256",
    }  # fmt: skip
    assert proxy.signed("PUT", TARGET, BODY, content | {"x-amz-user-agent": "js"}, unsigned=foreign).status == 200
    got = proxy.signed("GET", TARGET, headers={"x-amz-user-agent": "js", "x-signed": "1"}, unsigned=foreign)

    put, read = ({name for name in record.headers if name != "cf-worker"} for record in proxy.b2.requests)
    always = {
        "accept-encoding", "authorization", "cdn-loop", "host", "x-amz-content-sha256", "x-amz-date",
    }  # fmt: skip
    assert put == always | set(content) | {"content-length"}
    assert read == always | {"cache-control", "pragma"}
    assert content.items() <= {name.lower(): value for name, value in got.headers.items()}.items()


def test_expect_100_continue_is_not_passed_on(proxy: Proxy) -> None:
    """workerd would take B2's 100 for its answer."""
    answer = proxy.signed("PUT", TARGET, BODY, unsigned={"expect": "100-continue"})

    assert answer.status == 200
    assert "expect" not in proxy.b2.requests[0].headers


def test_a_range_is_answered_with_a_part(proxy: Proxy) -> None:
    _put(proxy)

    part = proxy.signed("GET", TARGET, headers={"range": "bytes=4-8"})

    assert (part.status, part.body, part.headers["content-range"]) == (206, BODY[4:9], f"bytes 4-8/{len(BODY)}")


def test_conditions_hold_although_cloudflare_takes_them_away(proxy: Proxy) -> None:
    _put(proxy)
    got = proxy.signed("GET", TARGET)
    etag, modified = got.headers["etag"], got.headers["last-modified"]
    past = "Sat, 01 Jan 2000 00:00:00 GMT"
    expected = [
        ({"if-none-match": etag}, 304), ({"if-none-match": "*"}, 304), ({"if-none-match": f'"x", W/{etag}'}, 304),
        ({"if-none-match": '"x"'}, 200), ({"if-match": etag}, 200), ({"if-match": '"x"'}, 412),
        ({"if-modified-since": modified}, 304), ({"if-modified-since": past}, 200),
        ({"if-unmodified-since": past}, 412), ({"if-unmodified-since": modified}, 200),
        ({"if-none-match": '"x"', "if-modified-since": modified}, 200),
        ({"if-match": etag, "if-unmodified-since": past}, 200),
    ]  # fmt: skip

    assert [proxy.signed("GET", TARGET, headers=headers).status for headers, _ in expected] == [s for _, s in expected]
    assert proxy.signed("GET", TARGET, headers={"if-none-match": etag}).body == b""


def test_what_b2_stored_compressed_comes_back_as_it_is(proxy: Proxy) -> None:
    _put(proxy, content_encoding="gzip")

    got = proxy.signed("GET", TARGET)

    assert (got.body, got.headers["content-encoding"]) == (BODY, "gzip")


def test_the_errors_of_b2_are_passed_on_in_its_words(proxy: Proxy) -> None:
    """Without a HostId of the proxy: so one sees which of the two has refused."""
    proxy.b2.faults.add(Fault("cap", cap="storage"))

    answer = proxy.signed("PUT", TARGET, BODY)
    missing = proxy.signed("GET", TARGET)

    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert b"storage cap exceeded" in answer.body
    assert (missing.status, missing.code) == (404, "NoSuchKey")
    assert b"HostId" not in answer.body + missing.body
    assert b"bowerbird-signing-proxy" in proxy.send("GET", TARGET).body


@pytest.mark.parametrize("kind", ["503", "503-after", "500", "slowdown", "reset"])
def test_a_small_put_is_sent_again_until_b2_takes_it(proxy: Proxy, kind: str) -> None:
    proxy.b2.faults.add(Fault(kind, times=2))

    answer = proxy.signed("PUT", TARGET, BODY)

    assert answer.status == 200
    assert answer.headers["x-bowerbird-attempts"] == "3"
    assert len(proxy.b2.requests) == 3
    assert all(f"Credential={UPSTREAM.access_key_id}/" in one.headers["authorization"] for one in proxy.b2.requests)
    assert proxy.b2.body("k7Wq3Zp.png") == BODY


def test_each_attempt_waits_as_long_as_b2_asks_and_is_signed_at_its_own_time(proxy: Proxy) -> None:
    proxy.b2.faults.add(Fault("slowdown", times=2))  # Retry-After: 1

    proxy.signed("PUT", TARGET, BODY)

    assert len({one.headers["x-amz-date"] for one in proxy.b2.requests}) == 3
    assert len({one.headers["authorization"] for one in proxy.b2.requests}) == 3


def test_one_attempt_is_not_mentioned(proxy: Proxy) -> None:
    assert "x-bowerbird-attempts" not in proxy.signed("PUT", TARGET, BODY).headers


def test_a_lost_answer_leaves_a_second_version_and_the_client_is_told_of_two_attempts(proxy: Proxy) -> None:
    proxy.b2.faults.add(Fault("lost"))

    answer = proxy.signed("PUT", TARGET, BODY)

    assert (answer.status, answer.headers["x-bowerbird-attempts"]) == (200, "2")
    assert len(proxy.b2.versions()) == 2


def test_five_refusals_are_too_many_and_the_client_is_asked_to_come_again(proxy: Proxy) -> None:
    proxy.b2.faults.add(Fault("503", times=5))

    answer = proxy.signed("PUT", TARGET, BODY)

    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "SlowDown", "1")
    assert proxy.b2.versions() == []


def test_a_page_of_somebody_else_is_no_answer(proxy: Proxy) -> None:
    proxy.b2.faults.add(Fault("html", times=4))

    answer = proxy.signed("PUT", TARGET, BODY)

    assert (answer.status, answer.code) == (503, "SlowDown")


def test_more_than_cloudflare_takes_is_refused_before_the_worker_sees_it(proxy: Proxy) -> None:
    answer = proxy.send("PUT", TARGET, {"content-length": "100000001"})

    assert (answer.status, answer.headers["content-type"]) == (413, "text/html")
    assert proxy.b2.requests == []


def test_a_list_comes_whole(proxy: Proxy) -> None:
    for name in ("a%20b", "c%2Bd", "%C3%BC"):
        _put(proxy, f"/{BUCKET}/{name}.png")

    listed = proxy.signed("GET", f"/{BUCKET}?list-type=2&prefix=&delimiter=%2F&max-keys=2").body

    assert b"<Key>a b.png</Key>" in listed and b"<IsTruncated>true</IsTruncated>" in listed.replace(b"True", b"true")
