"""Requests with any words in headers and addresses: answered as the standard says, or refused in the known form."""

import io
import re

from hypothesis import given
from hypothesis import strategies as st

from tests import samples
from tests.conftest import OWNER
from tests.hostile.examples import examples

AUTH = {"Authorization": f"Bearer {OWNER}"}
VISIBLE = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=80)
NUMBER = st.integers(0, 700).map(str) | st.sampled_from(["", "", "18446744073709551616", "-1", "+1", "1_0", "٣"])
RANGES = st.tuples(NUMBER, NUMBER).map(lambda pair: "bytes=" + "-".join(pair))
SIMPLE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


def upload(client) -> tuple[str, bytes]:
    data = samples.make("png")
    answer = client.post("/api/upload", data={"file": (io.BytesIO(data), "a.png")}, headers=AUTH)
    key = answer.json["key"]
    return key, client.get(f"/{key}").data


def wanted(header: str, data: bytes) -> bytes | None:
    """Return what a single range asks for by RFC 9110, 14.1.2; None where nothing can be given."""
    first, last = SIMPLE.fullmatch(header).groups()
    if first:
        return data[int(first) : int(last) + 1 if last else None] or None
    return data[-int(last) :] if int(last) else None


def test_any_range_gives_what_it_asks_for_or_the_whole(client):
    key, data = upload(client)

    @examples(80)
    @given(RANGES | VISIBLE)
    def check(header):
        answer = client.get(f"/{key}", headers={"Range": header})

        assert answer.status_code in (200, 206, 416)
        assert answer.status_code != 200 or answer.data == data
        simple = SIMPLE.fullmatch(header)
        if simple and any(simple.groups()) and not (all(simple.groups()) and int(simple[1]) > int(simple[2])):
            assert answer.status_code == (206 if wanted(header, data) else 416)
            assert answer.status_code == 416 or answer.data == wanted(header, data)

    check()


def test_any_headers_and_queries_are_answered_in_a_known_form(client):
    key, _ = upload(client)
    headers = (
        "Accept",
        "If-Range",
        "If-None-Match",
        "If-Modified-Since",
        "Cookie",
        "Origin",
        "Idempotency-Key",
        "X-Bowerbird-Expires",
    )
    names = ("cursor", "q", "sort", "limit", "tag", "album", "expires", "title", "all")
    paths = (
        "/api/uploads",
        f"/{key}",
        f"/api/uploads/{key}",
        "/gallery",
        "/api/stats",
        f"/d/{key}/x",
        "/login",
        "/oembed",
    )

    @examples(60)
    @given(
        st.sampled_from(paths),
        st.dictionaries(st.sampled_from(headers), VISIBLE, max_size=3),
        st.dictionaries(st.sampled_from(names), VISIBLE | st.text(max_size=40), max_size=3),
    )
    def check(path, given_headers, query):
        answer = client.get(path, headers={**AUTH, **given_headers}, query_string=query)

        assert answer.status_code < 500
        if answer.status_code >= 400 and path.startswith("/api"):
            assert {"error", "code", "request_id"} <= set(answer.json)
            assert len(answer.json["error"]) <= 200

    check()


def test_any_options_are_taken_or_refused_and_nothing_is_kept_then(client, app):
    data = samples.make("gif")
    words = VISIBLE | st.sampled_from(["1h", "never", "2099-01-01", "1", "no", "a,b", "\udcff", "\u202e", "0" * 5000])
    count = 0

    @examples(40)
    @given(st.dictionaries(st.sampled_from(["expires", "keep_metadata", "title", "tags", "other"]), words))
    def check(fields):
        nonlocal count
        query = {name: text.encode("utf-8", "surrogateescape").decode("latin-1") for name, text in fields.items()}
        answer = client.post("/api/upload", data=data + bytes(str(count), "ascii"), query_string=query, headers=AUTH)
        count += answer.status_code == 201

        assert answer.status_code in (201, 400), answer.text
        if answer.status_code == 400:
            assert answer.json["code"] == "bad_request"

    check()
    assert count
