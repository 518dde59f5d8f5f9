"""Downloads from addresses that a stranger chose: where they may lead, and that each of them ends."""

import socket
import threading
from contextlib import closing, contextmanager, suppress

import pytest

from app.errors import BadAddress, FetchFailed, TooLarge
from app.fetching import Fetcher
from app.networks import is_public
from app.receiving import Sink
from tests.importing.web import serve
from tests.processes import python

# 127.0.0.2 stands for the Internet, 127.0.0.1 for what nobody may reach.
OUTSIDE = "127.0.0.2"

INWARD = """
    127.0.0.1 127.8.9.10 0.0.0.0 0.1.2.3 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 169.254.170.2
    100.64.0.1 100.100.100.200 192.0.0.192 168.63.129.16 192.0.2.1 198.18.0.1 198.51.100.7 203.0.113.9 192.88.99.1
    224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:a9fe:a9fe ::ffff:0:127.0.0.1 ::ffff:192.168.0.1 64:ff9b::7f00:1
    64:ff9b::a9fe:a9fe 64:ff9b:1::7f00:1 2002:7f00:1:: 2002:a9fe:a9fe::1 2002:c0a8:101::
    2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:db8::1 3fff::1 5f00::1 100::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0
    fec0::1 ff02::1 ff0e::1
"""
OUTWARD = "8.8.8.8 1.1.1.1 172.32.0.1 100.128.0.1 2606:4700:4700::1111 64:ff9b::808:808 2002:808:808::1 ::ffff:8.8.8.8"


def test_what_leads_inwards_is_known_in_every_form():
    assert [one for one in INWARD.split() if is_public(one)] == []
    assert [one for one in OUTWARD.split() if not is_public(one)] == []


@pytest.fixture
def asked():
    return []


@pytest.fixture
def fetch(tmp_path, asked):
    """Fetch an address and return its bytes and what was told of them; names lead where `names` say, one answer a
    look-up, the last one again and again."""

    def fetch(url, max_bytes=100_000, within_s=60, names=None, **options):
        answers = {name: list(found) for name, found in (names or {}).items()}

        def resolve(host, port, **given):
            asked.append(host)
            if host not in answers:
                return socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST, **given)
            found = answers[host].pop(0) if len(answers[host]) > 1 else answers[host][0]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found.split()]

        given = {"pauses_s": (), "resolve": resolve, "is_public": lambda address: address == OUTSIDE, **options}
        with closing(Sink(None, tmp_path, max_bytes)) as sink:
            told = Fetcher(**given).fetch(url, sink, within_s=within_s)
            return sink.received().file.read(), told

    return fetch


@pytest.fixture
def site():
    with serve(OUTSIDE) as (site, url):
        site.url = url
        yield site


@contextmanager
def wire(*sent, is_endless=False, is_tls=False):
    """Yield the port of a server that sends these bytes as the answer, and hangs or drips on; it ends with the test."""

    def answer():
        with suppress(OSError), server.accept()[0] as connection:
            if not is_tls:
                connection.recv(65536)
            for piece in sent:
                connection.sendall(piece)
            while is_endless and not is_over.wait(0.01):
                connection.sendall(sent[-1])

    is_over = threading.Event()
    with socket.create_server((OUTSIDE, 0)) as server:
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            is_over.set()
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            thread.join(20)


HOSTS = ["2130706433", "0177.0.0.1", "0x7f.1", "127.1", "0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]"]
HOSTS += ["169.254.169.254", "localhost", "localhost.", "metadata.google.internal", "unknown.example"]
NAMES = {"localhost": ["127.0.0.1"], "localhost.": ["127.0.0.1"], "metadata.google.internal": ["169.254.169.254"]}


@pytest.mark.parametrize("host", HOSTS)
def test_neither_an_address_nor_a_redirect_leads_inwards(site, fetch, host):
    port = site.url.rpartition(":")[2]
    site.put("/a", (302, {"Location": f"http://{host}:{port}/secret"}, b""))
    site.put("/secret", (200, {}, b"secret"))

    for url in (f"http://{host}:{port}/secret", f"{site.url}/a"):
        # A name that there is not, and one that leads inwards, read alike.
        with pytest.raises(BadAddress, match=r"^[0-9a-z.:]+ has no public address$"):
            fetch(url, names=NAMES)
    assert site.asked == ["/a"]


def test_a_name_is_looked_up_once_for_each_step_and_the_connection_goes_there(site, fetch, asked):
    port = site.url.rpartition(":")[2]
    site.put("/a", (200, {}, b"bytes"))
    site.put("/again", (302, {"Location": "/a"}, b""))
    turns = {"turns.example": [OUTSIDE, "127.0.0.1"]}

    assert fetch(f"http://turns.example:{port}/a", names=turns)[0] == b"bytes"
    assert (asked, site.headers[-1]["Host"]) == (["turns.example"], f"turns.example:{port}")
    with pytest.raises(BadAddress, match="no public address"):
        fetch(f"http://turns.example:{port}/again", names=turns)
    with pytest.raises(BadAddress, match="no public address"):
        fetch(f"http://both.example:{port}/a", names={"both.example": [f"{OUTSIDE} 127.0.0.1"]})
    assert site.asked == ["/a", "/again"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://example.com/a.png", "no http or https"),
        ("file:///etc/passwd", "no http or https"),
        ("gopher://127.0.0.2:6379/_INFO", "no http or https"),
        ("http://user@127.0.0.2/", "name or a password"),
        ("http://user:secret@127.0.0.2/", "name or a password"),
        ("http://@127.0.0.2/", "name or a password"),
        ("http://127.0.0.2:22/", "port 22"),
        ("https://127.0.0.2:25/", "port 25"),
        ("http://127.0.0.2:0/", "no address"),
        ("http://127.0.0.2:99999/", "no address"),
        ("http://[fe80::1%25eth0]/", "no address"),
        ("http://a\0b/", "no address"),
        ("http://a b/", "no address"),
        ("http://exa%6dple/", "no address"),
        ("http://a..b/", "no address"),
        ("http://" + "a" * 64 + ".example/", "no address"),
        ("http://127.0.0.2\\@127.0.0.1/", "no address|name or a password"),
        ("", "no http or https"),
    ],
)
def test_what_is_no_address_to_fetch_from_is_refused_before_anything_is_asked(fetch, asked, url, why):
    with pytest.raises(BadAddress, match=why):
        fetch(url, ports=(80, 443))
    assert asked == []


@pytest.mark.parametrize(
    "location",
    ["ftp://127.0.0.2/a", "http://me@127.0.0.2/a", "http://127.0.0.2:22/a", "http://[", "javascript:1", "//a%00b/"],
)
def test_a_redirect_is_held_to_the_same_rules(site, fetch, location):
    site.put("/a", (302, {"Location": location}, b""))

    with pytest.raises(BadAddress):
        fetch(f"{site.url}/a", ports=(80, int(site.url.rpartition(":")[2])))


def test_nothing_of_ours_is_sent(site, fetch):
    site.put("/a%C3%A4?q=%20", (200, {}, b"bytes"))

    assert fetch(f" {site.url}/aä?q= #part\n")[0] == b"bytes"
    assert sorted(site.headers[0]) == ["Accept", "Accept-Encoding", "Host", "User-Agent"]
    assert site.headers[0]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, "my cat.png"),
        ({"Content-Disposition": 'inline; filename="the dog.png"'}, "the dog.png"),
        ({"Content-Disposition": "attachment; filename=x.png; filename*=UTF-8''%E7%8A%AC.png"}, "犬.png"),
        ({"Content-Disposition": "attachment; filename*=nonsense''%ff"}, "ÿ"),
        ({"Content-Disposition": ";;=\x7f"}, "my cat.png"),
        ({"Content-Disposition": "inline" + "; a" * 20_000 + '; filename="x.png"'}, "my cat.png"),
    ],
)
def test_the_name_is_the_servers_or_the_last_part_of_the_address(site, fetch, headers, name):
    site.put("/b/my%20cat.png?x=/y", (200, headers, b"bytes"))

    assert fetch(f"{site.url}/b/my%20cat.png?x=/y")[1].name == name


HEAD = b"HTTP/1.1 200 OK\r\n"


def test_what_has_no_end_is_left_as_soon_as_it_is_too_large(fetch):
    with wire(HEAD + b"\r\n", bytes(10_000), is_endless=True) as port, pytest.raises(TooLarge, match="100,000"):
        fetch(f"http://{OUTSIDE}:{port}/")


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Content-Length: 100\r\n\r\nhalf",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"nonsense\r\n\r\n",
        b"",
        HEAD + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
        HEAD + b"X: x\r\n" * 200 + b"\r\n",
    ],
)
def test_half_a_file_and_half_an_answer_are_none(fetch, answer):
    with wire(answer) as port, pytest.raises(FetchFailed, match=r"connection to 127\.0\.0\.2 failed"):
        fetch(f"http://{OUTSIDE}:{port}/")


@pytest.mark.parametrize(
    ("sent", "is_tls"),
    [
        ((HEAD + b"Content-Length: 99999\r\n\r\n", b"x"), False),  # the body drips
        ((HEAD + b"\r\n", b"x"), False),  # one that might end at any moment
        ((HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), False),
        ((HEAD, b"X"), False),  # a header drips
        ((b"HTTP/1.1 100 Continue\r\n\r\n",), False),
        ((b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", b"x"), True),  # the handshake drips
    ],
)
def test_whatever_drips_in_ends_when_its_time_is_over(fetch, sent, is_tls):
    scheme = "https" if is_tls else "http"
    server, over = wire(*sent, is_endless=True, is_tls=is_tls), r"did not come to its end within 0\.3 seconds"
    with server as port, pytest.raises(FetchFailed, match=over):
        fetch(f"{scheme}://{OUTSIDE}:{port}/", within_s=0.3)


def test_a_name_that_nobody_answers_for_ends_when_its_time_is_over(fetch):
    answer = threading.Event()

    with pytest.raises(BadAddress, match="has no public address"):
        fetch("http://slow.example/", within_s=0.1, resolve=lambda *_, **__: answer.wait(20))
    answer.set()


def test_a_certificate_of_another_is_refused(site, fetch):
    port = site.url.rpartition(":")[2]

    with pytest.raises(FetchFailed, match=r"connection to there\.example failed"):
        fetch(f"https://there.example:{port}/", names={"there.example": [OUTSIDE]})


# As in a web worker of the server: the other requests go on while one waits for a name, a handshake and a body.
_GEVENT = """
from gevent import monkey; monkey.patch_all()
import gevent, socket, sys
from pathlib import Path
from app.errors import FetchFailed
from app.fetching import Fetcher
from app.receiving import Sink

def drip():
    with server.accept()[0] as connection:
        connection.recv(9999)
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\n")
        connection.recv(1)

def tick():
    global ticks
    while True:
        gevent.sleep(0.01)
        ticks += 1

ticks = 0
server = socket.create_server(("127.0.0.1", 0))
gevent.spawn(tick), gevent.spawn(drip)
try:
    Fetcher(pauses_s=(), is_public=lambda _: True).fetch(
        f"http://127.0.0.1:{server.getsockname()[1]}/", Sink(None, Path("/nowhere"), 9), within_s=0.5
    )
except FetchFailed as e:
    print(ticks > 9, e, end="")
"""


def test_under_gevent_nobody_else_waits():
    assert python(_GEVENT) == b"True it did not come to its end within 0.5 seconds"
