"""Signing in and being signed in: guesses are limited where they come from, and a session is the server's to give."""

import re
from contextlib import suppress

import pytest

from app import tokens
from app.errors import RateLimited
from app.settings import load
from app.web.limits import RateLimits
from tests.access.conftest import TUS
from tests.conftest import OWNER, UPLOADER

HERE, THERE = {"REMOTE_ADDR": "2001:db8::1"}, {"REMOTE_ADDR": "2001:db8:0:1::1"}


def guess(client, number=0, environ=HERE, **headers):
    return client.post(
        "/login", data={"token": f"bb_a-guess-of-a-token-{number}"}, environ_base=environ, headers=headers
    )


def bearer(client, token, environ=HERE):
    headers = {"Authorization": f"Bearer {token}"}
    return client.get("/api/uploads", headers=headers, environ_base=environ).status_code


def test_guesses_are_limited_for_a_household_whatever_it_says_of_its_address(client):
    spoofed = [
        {"X-Forwarded-For": "198.51.100.1"}, {"CF-Connecting-IP": "198.51.100.2"}, {"X-Real-IP": "198.51.100.3"},
        {"Forwarded": "for=198.51.100.4"}, {"True-Client-IP": "198.51.100.5"}, {"X-Client-IP": "198.51.100.6"},
    ]  # fmt: skip
    codes = [guess(client, n, {"REMOTE_ADDR": f"2001:db8::{n + 1:x}"}, **spoofed[n % 6]).status_code for n in range(9)]

    assert codes == [401] * 5 + [429] * 4, "of ten in all each of two web workers has its half"
    assert int(guess(client).headers["Retry-After"]) > 0
    right = {"token": OWNER}
    assert client.post("/login", data=right, environ_base=HERE).status_code == 429, "a right guess is not told either"
    assert client.post("/login", data=right, environ_base=THERE).status_code == 303, "nobody locks the owner out"


def test_who_signs_in_often_guesses_nothing(client):
    for _ in range(3):
        assert [guess(client, n).status_code for n in range(4)] == [401] * 4
        assert client.post("/login", data={"token": OWNER}, environ_base=HERE).status_code == 303


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_all_web_workers_together_take_no_more_than_the_limit(tmp_path, workers):
    settings = load(_env_file=None, data_dir=tmp_path, web_workers=workers)
    taken = 0

    for limits in [RateLimits(settings) for _ in range(workers)]:
        for _ in range(11):
            with suppress(RateLimited):
                limits.check_sign_in("192.0.2.1")
                taken += 1

    assert workers <= taken <= 10


def test_guessed_tokens_are_limited_and_good_ones_never(client):
    codes = [bearer(client, f"bb_a-guess-of-a-token-{n}") for n in range(53)]

    assert codes == [401] * 50 + [429] * 3
    assert bearer(client, OWNER) == 200, "from the same address"
    assert bearer(client, UPLOADER) == 403
    assert bearer(client, "bb_a-guess-of-a-token-x", THERE) == 401


def test_forged_notifications_are_limited(make_app):
    client = make_app(webhook_secret="w" * 32).test_client()

    assert [client.post("/hooks/b2", data=b"{}").status_code for _ in range(52)] == [401] * 50 + [429] * 2


@pytest.mark.parametrize(
    ("base_url", "name"), [("http://127.0.0.1:8080", "bowerbird"), ("https://h", "__Host-bowerbird")]
)
def test_a_cookie_from_before_is_not_the_session_after(make_app, base_url, name):
    client = make_app(base_url=base_url).test_client()
    client.set_cookie(name, planted := tokens.new_token())
    assert client.get("/").status_code == 303

    cookie = client.post("/login", data={"token": OWNER}).headers["Set-Cookie"]

    flags = {"HttpOnly", "SameSite=Strict", "Path=/"} | ({"Secure"} if base_url == "https://h" else set())
    assert flags <= set(cookie.split("; ")) and "Domain" not in cookie
    assert client.get("/").status_code == 200
    mine = client.get_cookie(name).value
    assert mine != planted and len(mine) >= 43
    other = client.application.test_client()
    other.set_cookie(name, planted)
    assert other.get("/").status_code == 303


def test_a_new_session_ends_the_one_before_and_signing_out_ends_it_everywhere(world):
    def is_in(session):
        client = world.app.test_client()
        client.set_cookie("bowerbird", session)
        return client.get("/settings").status_code == 200

    first = world.owner.get_cookie("bowerbird").value
    assert is_in(first)
    world.owner.post("/login", data={"token": OWNER})
    second = world.owner.get_cookie("bowerbird").value
    assert not is_in(first) and is_in(second)
    csrf = re.search(r'name="csrf-token" content="(\w+)"', world.owner.get("/").text)[1]
    world.owner.post("/logout", data={"csrf": csrf})
    assert not is_in(second)


BROKEN = [
    "",
    "x",
    "\xff\xfe",
    "a" * 8000,
    "bb_" + "A" * 43,
    "'; DROP TABLE sessions; --",
    "{}",
    "\ud800",
    "=;=,",
    '"\\000"',
    "%00",
]


def test_a_cookie_that_makes_no_sense_is_nobody_s(world):
    good = world.owner.get_cookie("bowerbird").value
    client = world.app.test_client()

    for text in (*BROKEN, good[:-1], good + "A", good.swapcase(), f" {good[1:]}", tokens.digest(good), OWNER):
        raw = f"bowerbird={text}; theme={text}".encode("utf-8", "surrogatepass").decode("latin-1")
        for path, status in (("/", 303), ("/settings", 303), ("/api/uploads", 401), ("/login", 200), ("/docs", 200)):
            answer = client.get(path, environ_overrides={"HTTP_COOKIE": raw})
            assert (text, path, answer.status_code) == (text, path, status)


def test_a_token_that_makes_no_sense_is_refused_as_any_other(client):
    texts = [
        "Bearer",
        "Bearer ",
        "bearer é",
        "Bearer \ud800\ud800",
        "Bearer " + "a" * 9000,
        "Basic eDp5",
        "Bearer a\0b",
        "",
    ]

    for text in texts:
        raw = text.encode("utf-8", "surrogatepass").decode("latin-1")
        answer = client.get("/api/uploads", environ_overrides={"HTTP_AUTHORIZATION": raw})
        assert (text, answer.status_code, answer.json["code"]) == (text, 401, "unauthorized")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    address = client.get("/api/uploads", query_string={"token": OWNER, "access_token": OWNER})
    assert address.status_code == 401, "a token in an address would be in every log"


def test_a_session_does_not_stand_in_for_a_bad_token(world):
    headers = {"Authorization": "Bearer bb_a-guess-of-a-token", "X-CSRF-Token": world.csrf, **TUS}

    assert world.owner.get("/api/uploads", headers=headers).status_code == 401
    assert world.owner.post("/api/tus", headers={**headers, "Upload-Length": "1"}).status_code == 401
