"""Downloads from addresses that others wrote down: bounded, patient, and never into the own network unasked."""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from .errors import Refused

PAUSES_S, LONGEST_PAUSE_S = (1.0, 4.0, 16.0), 30.0  # between the tries; the longest that a server may ask for
MAX_REDIRECTS = 5
LONGEST_S = 600.0  # one download: 100 MB at 170 kB/s

_HEADERS = {"User-Agent": "bowerbird", "Accept-Encoding": "identity"}
_TIMEOUT = urllib3.Timeout(connect=5, read=30)
_CHUNK_BYTES = 256 * 1024
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504, *range(520, 528), 530}
_REDIRECTS = {301, 302, 303, 307, 308}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Which Python takes for global: https://www.iana.org/assignments/iana-ipv6-special-registry
_INWARD = tuple(map(ipaddress.ip_network, ("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "fec0::/10", "192.0.0.0/24")))


class Sink(Protocol):
    """Where the bytes of a download go."""

    def write(self, chunk: bytes) -> None:
        """Take the next bytes; raise TooLarge as soon as they are too many."""

    def restart(self) -> None:
        """Forget what came, for it comes once more."""


class _Transient(Exception):
    """A try that failed in a way that may pass; `wait_s` is what the server asked for."""

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class Fetcher:
    """One client; `resolve`, `clock` and `sleep` are for tests. Any thread may call it."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        resolve: Callable[..., Any] = socket.getaddrinfo,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._allow_private = allow_private
        self._resolve, self._clock, self._sleep = resolve, clock, sleep

    def fetch(self, url: str, into: Sink) -> datetime | None:
        """Write what is at `url` to the sink and return when it was last changed, if the server says so.

        Raises Refused, with the reason, for what is no http(s) address, leads into a private network, is not there, or
        does not come after several tries; TooLarge from the sink.
        """
        for pause_s in PAUSES_S:
            try:
                return self._follow(url, into)
            except _Transient as e:
                self._sleep(min(max(e.wait_s, pause_s), LONGEST_PAUSE_S))
                into.restart()
        try:
            return self._follow(url, into)
        except _Transient as e:
            raise Refused(f"{e}, {len(PAUSES_S) + 1} times") from e

    def _follow(self, url: str, into: Sink) -> datetime | None:
        for _ in range(MAX_REDIRECTS + 1):
            scheme, host, port, target = _parse(url)
            with self._pool(scheme, host, port) as pool:
                try:
                    answer = pool.urlopen(
                        "GET",
                        target,
                        headers={"Host": urlsplit(url).netloc.rpartition("@")[2], **_HEADERS},
                        redirect=False,
                        preload_content=False,
                        decode_content=False,
                    )
                    with closing(answer):
                        if answer.status in _REDIRECTS and "location" in answer.headers:
                            url = urljoin(url, answer.headers["location"])
                            continue
                        return self._read(answer, into)
                except (HTTPError, OSError) as e:
                    raise _Transient(f"the connection to {host} failed") from e
        raise Refused(f"it is redirected more than {MAX_REDIRECTS} times")

    def _read(self, answer: urllib3.BaseHTTPResponse, into: Sink) -> datetime | None:
        if answer.status in _TRANSIENT:
            raise _Transient(f"the server answered {answer.status}", _seconds(answer.headers.get("retry-after", "")))
        if answer.status != 200:
            raise Refused(f"the server answered {answer.status}")
        ends_at = self._clock() + LONGEST_S
        # What there is at once, for a whole chunk may drip in for days; what is packed may be of any size.
        while chunk := answer.read1(_CHUNK_BYTES, decode_content=False):
            into.write(chunk)
            if self._clock() > ends_at:
                raise Refused(f"it did not come to its end within {LONGEST_S:g} seconds")
        try:
            return parsedate_to_datetime(answer.headers.get("last-modified", "")).astimezone(UTC)
        except (ValueError, TypeError):
            return None

    def _pool(self, scheme: str, host: str, port: int) -> urllib3.HTTPConnectionPool:
        """Return connections to the very address that was looked at: a second look-up might tell another."""
        try:
            found = self._resolve(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as e:
            raise _Transient(f"{host} has no address") from e
        address = str(found[0][4][0])
        if not self._allow_private and not all(_is_public(str(one[4][0])) for one in found):
            raise Refused(f"{host} is {address}, in a private network (--allow-private takes it)")
        where = f"[{address}]" if ":" in address else address
        if scheme == "http":
            return urllib3.HTTPConnectionPool(where, port, timeout=_TIMEOUT, retries=False)
        return urllib3.HTTPSConnectionPool(
            where, port, timeout=_TIMEOUT, retries=False, ssl_context=ssl.create_default_context(),
            server_hostname=host, assert_hostname=host,
        )  # fmt: skip


def _parse(url: str) -> tuple[str, str, int, str]:
    """Return scheme, host, port and target of an address; raise Refused if it is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as e:
        raise Refused("it is no address") from e
    if parts.scheme not in ("http", "https") or not host:
        raise Refused("it is no http or https address")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii() or not target.isprintable() or " " in target:
        target = urllib3.util.parse_url(url).request_uri
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80), target


def _is_public(address: str) -> bool:
    """Whether an address is somewhere out in the Internet, whatever it is wrapped in.

    >>> [_is_public(one) for one in ("8.8.8.8", "127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "::127.0.0.1")]
    [True, False, False, False, False]
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        found = inner or found
    return found.is_global and not found.is_multicast and not any(found in network for network in _INWARD)


def _seconds(text: str) -> float:
    return float(text) if text.isdigit() and len(text) < 6 else 0.0
