"""A list of addresses as a source, and downloads that others chose the address of."""

import gzip
import socket
import threading
from contextlib import closing
from datetime import UTC, datetime
from itertools import chain, count

import pytest

from app.errors import Refused, TooLarge
from app.fetching import PAUSES_S, Fetcher
from app.importing.run import Deed
from app.importing.urls import read_urls
from app.receiving import Sink
from tests import samples
from tests.importing.conftest import counts
from tests.importing.web import serve

PNG = samples.make("png", 8, 8)


@pytest.fixture
def site():
    with serve() as (site, url):
        site.url = url
        yield site


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def fetch(tmp_path, pauses):
    """Fetch an address and return its bytes."""

    def fetch(url, allow_private=True, max_bytes=100_000, **options):
        sink = Sink("a", tmp_path, max_bytes)
        try:
            Fetcher(allow_private=allow_private, sleep=pauses.append, **options).fetch(url, sink)
            return sink.received().file.read()
        finally:
            sink.close()

    return fetch


def test_a_list_of_addresses_is_imported_once(site, tmp_path, take, row_of):
    site.put("/a%20b.png?x=1", (200, {"Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}, PNG))
    path = tmp_path / "list.txt"
    path.write_text(f"\ufeff# mine\n\n{site.url}/a%20b.png?x=1\n{site.url}/gone.png\r\n{site.url}/a%20b.png?x=1\n")

    first, second = take(read_urls(path, Fetcher(allow_private=True)))
    row = row_of(first)
    assert (row.file_name, row.created_at) == ("a b.png", datetime(2015, 10, 21, 7, 28, tzinfo=UTC))
    assert (second.deed, second.why) == (Deed.REFUSED, "the server answered 404")
    asked = len(site.asked)
    assert counts(take(read_urls(path, Fetcher(allow_private=True)))) == (0, 1, 0, 1)
    assert len(site.asked) == asked + 1


def test_what_may_pass_is_tried_again_and_begins_anew(site, fetch, pauses):
    site.put(
        "/a.png",
        (503, {"Retry-After": "7"}, b""),
        (200, {"Content-Length": "9999"}, b"half"),
        (200, {}, PNG),
    )

    assert fetch(f"{site.url}/a.png") == PNG
    assert pauses == [7.0, PAUSES_S[1]]


def test_patience_ends(site, fetch, pauses):
    site.put("/a.png", (500, {}, b""))

    with pytest.raises(Refused, match="answered 500, 4 times"):
        fetch(f"{site.url}/a.png")
    assert pauses == list(PAUSES_S)


def test_redirects_are_followed_a_few_times(site, fetch):
    site.put("/a", (302, {"Location": "/b"}, b""))
    site.put("/b", (200, {}, PNG))
    site.put("/loop", (301, {"Location": "/loop"}, b""))

    assert fetch(f"{site.url}/a") == PNG
    with pytest.raises(Refused, match="redirected more than 5"):
        fetch(f"{site.url}/loop")


def test_a_download_ends_as_soon_as_it_is_too_large(site, fetch):
    site.put("/a", (200, {"Content-Length": "90000000"}, b"x" * 400_000))

    with pytest.raises(TooLarge, match="100,000"):
        fetch(f"{site.url}/a")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/a.png",
        "file:///etc/passwd",
        "//example.com",
        "http://",
        "http://[::1",
        "a.png",
        "http://a:b/",
    ],
)
def test_what_is_no_address_is_refused(fetch, url):
    with pytest.raises(Refused, match=r"no (http or https )?address"):
        fetch(url)


def test_what_drips_in_byte_by_byte_is_given_up(tmp_path):
    def drip():
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
            connection.recv(1)  # until the other side has enough

    fetcher = Fetcher(allow_private=True, clock=chain((0, 0, 0), count(700)).__next__)
    with socket.create_server(("127.0.0.1", 0)) as server, closing(Sink("a.png", tmp_path, 1000)) as sink:
        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(Refused, match="did not come to its end"):
            fetcher.fetch(f"http://127.0.0.1:{server.getsockname()[1]}/a.png", sink)
        thread.join(10)


def at(*addresses):
    return lambda host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1", "fec0::1", "0.0.0.0"]
)
def test_nothing_is_fetched_from_a_private_network_unasked(site, fetch, address):
    with pytest.raises(Refused, match="no public address"):
        fetch(f"{site.url}/a.png", allow_private=False, resolve=at(address))
    with pytest.raises(Refused, match="no public address"):
        fetch(f"{site.url}/a.png", allow_private=False, resolve=at("8.8.8.8", address))
    assert site.asked == []


def test_a_redirect_into_a_private_network_is_refused(site, fetch):
    public = []
    site.put("/a", (302, {"Location": f"{site.url}/b"}, b""))

    with pytest.raises(Refused, match="no public address"):
        fetch(f"{site.url}/a", allow_private=False, is_public=lambda one: public.append(one) or len(public) == 1)
    assert site.asked == ["/a"]


def test_what_is_packed_is_not_unpacked(site, fetch):
    packed = gzip.compress(bytes(5_000_000))
    site.put("/a", (200, {"Content-Encoding": "gzip"}, packed))

    assert fetch(f"{site.url}/a") == packed
