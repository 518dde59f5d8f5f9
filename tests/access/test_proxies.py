"""What the head of a request says of proxies, hosts and addresses: believed where a trusted proxy says it, or never."""

import re
import socket

import pytest

from app.errors import SettingsError
from app.networks import client_address
from app.settings import load
from tests.conftest import OWNER

NEAR = "127.0.0.1, 10.0.0.0/8,::1,fd00::/8"


def settings(trusted):
    return load(_env_file=None, trusted_proxies=trusted)


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client"),
    [
        ("0", "192.0.2.1", "6.6.6.6", "192.0.2.1"),
        ("1", "127.0.0.1", "6.6.6.6, 192.0.2.9", "192.0.2.9"),
        ("2", "127.0.0.1", "6.6.6.6, 192.0.2.9, 10.0.0.1", "192.0.2.9"),
        ("2", "127.0.0.1", "192.0.2.9", "127.0.0.1"),
        ("1", "127.0.0.1", "", "127.0.0.1"),
        ("1", "127.0.0.1", "6.6.6.6, unknown", "127.0.0.1"),
        (NEAR, "192.0.2.1", "6.6.6.6", "192.0.2.1"),
        (NEAR, "127.0.0.1", "6.6.6.6, 192.0.2.9", "192.0.2.9"),
        (NEAR, "::1", "6.6.6.6, 2001:db8::9, 10.1.2.3, fd00::7", "2001:db8::9"),
        (NEAR, "::ffff:127.0.0.1", "6.6.6.6, [2001:db8::9]:443", "2001:db8::9"),
        (NEAR, "127.0.0.1", "192.0.2.9:4711", "192.0.2.9"),
        (NEAR, "127.0.0.1", "10.0.0.1, 10.0.0.2", "10.0.0.1"),
        (NEAR, "127.0.0.1", "6.6.6.6, <script>, 10.0.0.2", "10.0.0.2"),
        (NEAR, "127.0.0.1", "6.6.6.6,,", "127.0.0.1"),
        (NEAR, "127.0.0.1", "1.2.3.4.5", "127.0.0.1"),
        (NEAR, "127.0.0.1", "0x7f.1", "127.0.0.1"),
        (NEAR, "127.0.0.1", "1," * 4000 + "6.6.6.6", "6.6.6.6"),
        (NEAR, "", "6.6.6.6", ""),
    ],
)  # fmt: skip
def test_who_asks_is_read_from_the_right_as_far_as_is_trusted(trusted, peer, forwarded, client):
    assert client_address(peer, forwarded, settings(trusted).trusted_proxies) == client


@pytest.mark.parametrize("text", ["-1", "9", "1.5", "nginx", "10.0.0.0/33", "10.0.0.1/8", "::1,", "*", "::1 10.0.0.1"])
def test_proxies_that_make_no_sense_are_told(text):
    with pytest.raises(SettingsError, match="TRUSTED_PROXIES"):
        settings(text)


def test_only_a_trusted_proxy_names_who_asks(make_app):
    """Five guesses an address: what comes from elsewhere does not begin anew with each forged one."""
    client = make_app(trusted_proxies=NEAR).test_client()

    def codes(peer):
        named = [{"X-Forwarded-For": f"203.0.113.{n}", "CF-Connecting-IP": f"203.0.113.{n}"} for n in range(7)]
        environ = {"REMOTE_ADDR": peer}
        return [client.post("/login", data={"token": "x"}, headers=h, environ_base=environ).status_code for h in named]

    assert codes("192.0.2.1") == [401] * 5 + [429] * 2
    assert codes("10.0.0.1") == [401] * 7


def test_no_address_in_any_answer_comes_from_the_request(world):
    evil = {
        "Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "javascript",
        "X-Forwarded-Prefix": "/evil.example", "X-Forwarded-Port": "666", "X-Forwarded-Server": "evil.example",
        "Forwarded": "for=1.1.1.1;host=evil.example;proto=https", "X-Original-URL": "/evil.example",
        "X-Host": "evil.example",
        "X-Rewrite-URL": "/evil.example", "X-Original-Host": "evil.example", "X-HTTP-Host-Override": "evil.example",
        "X-Script-Name": "/evil.example", "Referer": "https://evil.example/", "Tus-Resumable": "1.0.0",
    }  # fmt: skip

    client = world.app.test_client(use_cookies=False)  # a browser would not send them to another host
    cookie = {"Cookie": f"bowerbird={world.owner.get_cookie('bowerbird').value}"}

    for endpoint, method, path in world.routes("GET"):
        plain = client.open(path, method=method, headers={"Tus-Resumable": "1.0.0", **cookie})
        answer = client.open(path, method=method, headers={**evil, **cookie})
        assert b"evil" not in answer.data + str(answer.headers).encode(), endpoint
        assert (endpoint, answer.status_code) == (endpoint, plain.status_code)


def test_a_host_that_is_none_breaks_nothing(client):
    for host in ("", "evil", "evil/x@y", "a:99999", "[::1", "a b", "é", "..", "a,b", "\x00", "]:1"):
        for path in ("/login", "/", "/metrics", "/manifest.webmanifest", "/api/nothing"):
            assert client.get(path, environ_overrides={"HTTP_HOST": host}).status_code < 500, (host, path)


def ask(server, head, source="127.0.0.1"):
    with socket.create_connection((server.host, server.port), 60, (source, 0)) as sock:
        sock.sendall(f"{head}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: sock.recv(65536), b"")).decode("utf-8", "replace")


@pytest.mark.parametrize(
    "header",
    ["SCRIPT_NAME: //evil.example", "PATH_INFO: /docs", "SCRIPT-NAME: //evil.example", "REMOTE_ADDR: 6.6.6.6",
     "X_FORWARDED_FOR: 6.6.6.6", "X-Forwarded-Proto: https", "X-Forwarded-Ssl: on"],
)  # fmt: skip
def test_a_header_moves_no_request_and_no_page_even_through_a_proxy_of_this_machine(live_server, header):
    """Some proxies pass on names with an underscore, of which the server in front of the app would make variables."""
    moved = ask(live_server, f"GET //evil.example/login HTTP/1.1\r\nHost: a\r\n{header}")
    plain = ask(live_server, f"GET /login HTTP/1.1\r\nHost: a\r\n{header}")

    assert moved.startswith("HTTP/1.1 404 ")
    assert plain.startswith("HTTP/1.1 200 ") and "evil" not in plain
    assert '<form method="post" action="/login"' in plain


def test_two_web_workers_together_answer_ten_guesses_and_let_the_owner_in_from_elsewhere(live_server):
    def sign_in(token, source, number):
        head = f"POST /login HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.{number}"
        head += f"\r\nContent-Length: {len(token) + 6}"
        body = f"\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\ntoken={token}"
        with socket.create_connection((live_server.host, live_server.port), 60, (source, 0)) as sock:
            sock.sendall((head + body).encode())
            return int(re.match(rb"HTTP/1.1 (\d+)", sock.recv(65536))[1])

    codes = [sign_in("bb_a-guess-of-a-token", "127.0.0.91", n) for n in range(25)]

    assert set(codes) == {401, 429} and 5 <= codes.count(401) <= 10
    assert sign_in(OWNER, "127.0.0.92", 1) == 303
