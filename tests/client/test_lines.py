"""A bad line between the command line and the server: everything is there once, or it is told why not."""

import json
import threading
from collections import Counter

import pytest

from app.client.api import Api, later
from app.client.config import Server
from app.client.retry import Patience, Stopped
from app.errors import Refused, Unauthorized, Unavailable
from tests.client.asking import uploads
from tests.client.relay import FAULTS, bad_line, every
from tests.conftest import UPLOADER, free_port
from tests.importing.web import serve


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    """The pauses are looked at on their own: here nothing waits."""
    monkeypatch.setattr(Patience, "pauses", lambda self: iter([0.01] * 8))


def test_sixty_files_over_a_line_that_fails_every_fifth_request_are_all_there_once(run, server, png, monkeypatch):
    images = [png(f"{number:02}.png") for number in range(60)]
    with bad_line(server.port, every(5)) as (relay, url):
        monkeypatch.setenv("BOWERBIRD_URL", url)
        done = run("upload", *images)

    assert done.status == 0
    assert set(relay.faults) == set(FAULTS)
    found = uploads(server)
    assert [found[url]["file_name"] for url in done.lines] == [image.name for image in images]
    names = Counter(one["file_name"] for one in found.values())
    assert [image.name for image in images if names[image.name] != 1] == []


def test_a_server_that_is_away_is_given_up_after_a_while_and_the_rest_at_once(run, png, monkeypatch):
    monkeypatch.setenv("BOWERBIRD_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("BOWERBIRD_TOKEN", UPLOADER)

    done = run("upload", "--jobs", "2", *[png(f"{number}.png") for number in range(20)])

    assert (done.status, done.out) == (1, "")
    assert sum("again" in line for line in done.err.splitlines()) <= 3 * 8
    assert sum("connection refused" in line and line.startswith("bowerbird: ") for line in done.err.splitlines()) == 20


def test_a_token_that_is_not_taken_ends_it_at_once(run, server, png, monkeypatch):
    monkeypatch.setenv("BOWERBIRD_TOKEN", "bb_no-token-of-this-server-0123456789")
    with bad_line(server.port, lambda _: None) as (relay, url):
        monkeypatch.setenv("BOWERBIRD_URL", url)
        done = run("upload", "--jobs", "1", *[png(f"{number}.png") for number in range(5)])

    assert (done.status, len(relay.asked)) == (1, 1)
    assert done.err.count("the token is unknown, expired or revoked") == 5
    assert "bb_no-token" not in done.err


@pytest.fixture
def site():
    with serve() as (site, url):
        site.url = url
        yield site


@pytest.fixture
def api(site):
    return Api(Server(site.url, UPLOADER))


def test_no_redirect_is_followed_and_it_says_where_it_leads(api, site):
    site.put("/here", (302, {"Location": "https://login.example.com/?to=secret"}, b""))
    site.put("/there", (307, {"Location": "/elsewhere"}, b""))

    with pytest.raises(Refused, match=r"sends us to https://login\.example\.com, and the token goes to no other"):
        api.ask("GET", "/here")
    with pytest.raises(Refused, match="another page of its own"):
        api.ask("GET", "/there")
    assert site.asked == ["/here", "/there"]


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "wait_s"),
    [
        (429, {"Retry-After": "7"}, b"", Unavailable, 7),
        (503, {"Retry-After": "soon"}, b"<html>", Unavailable, 0),
        (409, {}, b'{"error": "still being stored", "code": "conflict"}', Unavailable, 0),
        (400, {}, b'{"error": "cut", "code": "incomplete_body"}', Unavailable, 0),
        (524, {}, b"", Unavailable, 0),
        (503, {"Retry-After": f"Wed, 21 Oct 2015 07:28:00 +{10**20}"}, b"[" * 1_000_000, Unavailable, 0),
        (302, {"Location": "http://[x"}, b"", Refused, None),
        (401, {}, b'{"error": "no", "code": "unauthorized"}', Unauthorized, None),
        (
            429,
            {"Retry-After": "3600"},
            b'{"error": "try again in 3600 seconds", "code": "rate_limited"}',
            Refused,
            None,
        ),
        (200, {}, b"x" * 1024 * 1025, Refused, None),
    ],
)
def test_what_may_pass_is_told_from_what_will_not(api, site, status, headers, body, kind, wait_s):
    site.put("/x", (status, headers, body))

    with pytest.raises(kind) as told:
        api.ask("GET", "/x")
    assert wait_s is None or told.value.retry_after_s == wait_s


def test_what_a_server_says_moves_no_cursor(api, site):
    site.put("/x", (400, {}, json.dumps({"error": "a\x1b[2J\nb", "code": "x"}).encode()))

    assert str(api.ask("GET", "/x").refusal()) == "a?[2J?b"


def test_a_refusal_of_an_odd_kind_is_one_all_the_same(api, site):
    site.put("/x", (400, {}, b'{"error": {}, "code": ["incomplete_body"]}'))

    assert str(api.ask("GET", "/x").refusal()) == "the server answered 400"


def test_patience_ends_pauses_grow_and_a_stop_is_heard(monkeypatch):
    monkeypatch.undo()
    patience = Patience(threading.Event(), draw=lambda: 1.0)
    assert list(patience.pauses()) == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert list(Patience(threading.Event(), draw=lambda: 0.0).pauses())[:2] == [0.25, 0.5]

    def fail():
        tries.append(1)
        raise later("away")

    tries, told = [], []
    with pytest.raises(Unavailable):
        Patience(threading.Event(), tries=4, first_s=0.001).insist(fail, told.append)
    assert (len(tries), len(told)) == (4, 3)
    patience.stop.set()
    with pytest.raises(Stopped):
        patience.insist(fail, told.append)
    assert len(tries) == 4
