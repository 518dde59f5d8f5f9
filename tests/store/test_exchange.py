"""Requests to an endpoint: connections that are kept, that ended, through a proxy, and answers that come early."""

import io
import socket
import ssl
import threading
from base64 import b64encode
from contextlib import closing, suppress

import pytest
from botocore.auth import _host_from_url

from app.errors import StoreMisconfigured
from app.store.s3_errors import Failure
from app.store.s3_exchange import MOST_ANSWER_BYTES, Exchange
from tests.b2.tls import make_certificate

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: e\r\n\r\nok"
LARGE = bytes(3_000_000)


class Endpoint:
    """Answers the first request on a connection with `answer`, or with what that returns for its head and body; ends
    the connection then, if it is `once`. `seen` are heads and bodies, `count` is of connections."""

    def __init__(self, answer=OK, *, tls=None, once=False, reads_body=True):
        self.answer, self._once, self._reads_body = answer, once, reads_body
        self.seen, self.count = [], 0
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self):
        self._listener.close()

    def _listen(self):
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.count += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with (
            suppress(OSError),
            self._tls.wrap_socket(connection, server_side=True) if self._tls else connection as sock,
        ):
            while self._answer(sock) and not self._once:
                pass

    def _answer(self, sock):
        file = sock.makefile("rb")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = file.readline()
            if not line:
                return False
            head += line
        length = next((int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length: ")), 0)
        body = file.read(length) if self._reads_body else b""
        self.seen.append((head, body))
        sock.sendall(self.answer(head, sock) if callable(self.answer) else self.answer)
        return self._reads_body


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch):
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def run(tmp_path):
    made = []

    def start(*arguments, **options):
        made.append(Endpoint(*arguments, **options))
        return made[-1]

    yield start
    for one in made:
        one.close()


def put(exchange, body=b"picture", path="/pics/a.png"):
    return exchange.put(path, {"host": exchange.host, "x-a": "b"}, io.BytesIO(body), len(body))


def exchange_with(endpoint, scheme="http", **options):
    return closing(
        Exchange(f"{scheme}://127.0.0.1:{endpoint.port}", **{"ca_bundle": None, "read_timeout_s": 5, **options})
    )


@pytest.mark.parametrize(
    ("endpoint", "host", "connects_to"),
    [
        ("https://S3.Example.com", "s3.example.com", ("s3.example.com", 443)),
        ("https://s3.example.com:443/", "s3.example.com", ("s3.example.com", 443)),
        ("http://s3.example.com:443", "s3.example.com:443", ("s3.example.com", 443)),
        ("http://[::1]", "[::1]", ("::1", 80)),
        ("https://[::1]:9000", "[::1]:9000", ("::1", 9000)),
    ],
)
def test_the_host_is_named_as_it_is_signed_by_others_and_found_at_its_port(endpoint, host, connects_to, monkeypatch):
    asked = []

    def connect(address, *_, **__):
        asked.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    with closing(Exchange(endpoint, ca_bundle=None, read_timeout_s=5)) as exchange:
        with pytest.raises(Failure):
            put(exchange)
        assert exchange.host == host
    assert asked == [connects_to]
    assert _host_from_url(endpoint) == host


@pytest.mark.parametrize("body", [b"picture", LARGE], ids=["small", "large"])
def test_one_connection_serves_request_after_request(run, body):
    endpoint = run()
    with exchange_with(endpoint) as exchange:
        answers = [put(exchange, body) for _ in range(3)]

    assert [(one.status, one.headers["etag"], one.body) for one in answers] == [(200, "e", b"ok")] * 3
    assert endpoint.count == 1
    head, sent = endpoint.seen[2]
    assert sent == body
    assert b"\r\nuser-agent: Bowerbird/" in head
    assert head.split(b"\r\n")[0] == b"PUT /pics/a.png HTTP/1.1"
    assert f"host: 127.0.0.1:{endpoint.port}\r\nx-a: b\r\ncontent-length: {len(body)}\r\n".encode() in head


def test_a_connection_that_the_endpoint_has_ended_meanwhile_is_not_used_again(run):
    endpoint = run(once=True)
    with exchange_with(endpoint) as exchange:
        assert put(exchange).status == 200
        kept = exchange._idle[0].sock
        kept.settimeout(5)
        assert kept.recv(1, socket.MSG_PEEK) == b""
        assert put(exchange).status == 200
    assert endpoint.count == 2


@pytest.mark.parametrize(
    "answer",
    [
        OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        b"HTTP/1.0 200 OK\r\nETag: e\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nETag: e\r\nContent-Length: %d\r\n\r\n" % (MOST_ANSWER_BYTES + 1)
        + bytes(MOST_ANSWER_BYTES + 1),
    ],
    ids=["said", "old", "too long"],
)
def test_a_connection_that_cannot_go_on_is_not_kept(run, answer):
    endpoint = run(answer, once=b"close" in answer or b"1.0" in answer)
    with exchange_with(endpoint) as exchange:
        assert put(exchange).headers["etag"] == "e"
        assert put(exchange).status == 200
    assert endpoint.count == 2


def test_an_answer_in_chunks_after_a_100_continue_is_read(run):
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    endpoint = run(b"HTTP/1.1 100 Continue\r\n\r\n" + chunked)
    with exchange_with(endpoint) as exchange:
        assert [put(exchange).body for _ in range(2)] == [b"ok", b"ok"]
    assert endpoint.count == 1


def test_a_refusal_that_comes_before_all_was_sent_is_read(run):
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"

    def answer(head, sock):
        sock.sendall(refusal)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1 << 20):
            pass
        return b""

    endpoint = run(answer, reads_body=False)
    with exchange_with(endpoint) as exchange:
        found = put(exchange, LARGE)
    assert (found.status, found.body) == (403, b"no")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200,
    ],
)
def test_what_is_no_answer_is_a_failure(run, answer):
    endpoint = run(answer, once=True)
    with exchange_with(endpoint) as exchange, pytest.raises(Failure):
        put(exchange)
    with exchange_with(endpoint) as exchange:
        endpoint.close()
        endpoint.answer = b""
        with pytest.raises(Failure):
            put(exchange)


def test_an_endpoint_that_says_nothing_is_waited_for_so_long(run):
    over = threading.Event()
    endpoint = run(lambda head, sock: over.wait(30) and b"")
    with exchange_with(endpoint, read_timeout_s=0.2) as exchange, pytest.raises(Failure):
        put(exchange)
    over.set()


def test_what_comes_on_a_kept_connection_unasked_is_not_the_next_answer(run):
    unasked, is_there = threading.Event(), threading.Event()

    def answer(head, sock):
        sock.sendall(OK)
        unasked.wait(20)
        sock.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        is_there.set()
        return b""

    endpoint = run(answer)
    with exchange_with(endpoint) as exchange:
        assert put(exchange).status == 200
        endpoint.answer = OK
        unasked.set()
        is_there.wait(20)
        assert put(exchange).status == 200
    assert endpoint.count == 2


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"], ids=["head", "body"])
def test_an_answer_that_drips_is_waited_for_no_longer_than_one_that_does_not_come(run, before):
    over = threading.Event()

    def drip(head, sock):
        sock.sendall(before)
        while not over.wait(0.05):
            sock.sendall(b"x")
        return b""

    endpoint = run(drip)
    with exchange_with(endpoint, read_timeout_s=0.5) as exchange, pytest.raises(Failure):
        put(exchange)
    over.set()


@pytest.fixture
def certificate(tmp_path):
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context


def test_tls_is_held_to_the_certificates_that_are_trusted(run, certificate):
    endpoint = run(tls=certificate[1])
    with exchange_with(endpoint, "https", ca_bundle=certificate[0]) as exchange:
        assert [put(exchange, LARGE).status for _ in range(2)] == [200, 200]
    assert endpoint.count == 1
    with exchange_with(endpoint, "https") as exchange, pytest.raises(Failure):
        put(exchange)


def test_a_proxy_is_given_the_whole_address_and_its_own_password(run, monkeypatch):
    proxy = run()
    monkeypatch.setenv("http_proxy", f"http://me:p%40ss@127.0.0.1:{proxy.port}")
    with closing(Exchange("http://s3.example", ca_bundle=None, read_timeout_s=5)) as exchange:
        assert put(exchange).status == 200
    head = proxy.seen[0][0]
    assert head.startswith(b"PUT http://s3.example/pics/a.png HTTP/1.1\r\nhost: s3.example\r\n")
    assert b"proxy-authorization: Basic " + b64encode(b"me:p@ss") in head


def test_tls_goes_through_a_proxy_in_a_tunnel(run, certificate, monkeypatch):
    endpoint = run(tls=certificate[1])

    def tunnel(head, sock):
        assert b"proxy-authorization: Basic " + b64encode(b"me:pass") in head
        with socket.create_connection(("127.0.0.1", endpoint.port)) as onward:
            sock.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=pour, args=(onward, sock), daemon=True)
            back.start()
            pour(sock, onward)
            back.join(30)
        return b""

    proxy = run(tunnel)
    monkeypatch.setenv("https_proxy", f"http://me:pass@127.0.0.1:{proxy.port}")
    with exchange_with(endpoint, "https", ca_bundle=certificate[0]) as exchange:
        assert [put(exchange).status for _ in range(2)] == [200, 200]
    assert proxy.count == 1
    assert proxy.seen[0][0].startswith(b"CONNECT 127.0.0.1:%d HTTP/1." % endpoint.port)
    assert b"proxy-authorization" not in endpoint.seen[0][0]


def pour(source, sink):
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def test_a_proxy_that_wants_tls_itself_is_named(monkeypatch):
    monkeypatch.setenv("https_proxy", "https://127.0.0.1:9")
    with pytest.raises(StoreMisconfigured, match="https://"):
        Exchange("https://s3.example", ca_bundle=None, read_timeout_s=5)
