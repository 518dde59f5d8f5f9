"""Downloads from addresses that others wrote down: bounded, patient, and never into the own network unasked."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import collapse_rfc2231_value, parsedate_to_datetime
from http.client import HTTPException
from typing import Any, Protocol
from urllib.parse import quote, unquote, urljoin, urlsplit

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from . import __version__
from .errors import BadAddress, FetchFailed, Refused
from .networks import is_public

PAUSES_S, LONGEST_PAUSE_S = (1.0, 4.0, 16.0), 30.0  # between the tries; the longest that a server may ask for
MAX_REDIRECTS = 5
LONGEST_S = 600.0  # one download: 100 MB at 170 kB/s

_HEADERS = {"User-Agent": f"Bowerbird/{__version__}", "Accept-Encoding": "identity", "Accept": "image/*, */*;q=0.1"}
_CONNECT_S, _READ_S = 5.0, 30.0
_CHUNK_BYTES = 256 * 1024
_MAX_DISPOSITION = 2048  # the parser of mail takes hours for the 6 MB that a hundred such headers may have
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504, *range(520, 528), 530}
_REDIRECTS = {301, 302, 303, 307, 308}
_HOST = re.compile(r"[0-9a-z._-]{1,255}|[0-9a-f:.]{2,45}")
_LOOK_UPS = 4  # at once: gevent does them in the threads that write to the disk, too, and a look-up may hang


class Target(Protocol):
    """Where the bytes go. `write` raises TooLarge as soon as they are too many; `restart` forgets what came."""

    def write(self, chunk: bytes) -> None: ...
    def restart(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a server says of a file: when it was last changed, and what it is called."""

    changed_at: datetime | None
    name: str | None


class _Transient(Exception):
    """A try that failed in a way that may pass; `wait_s` is what the server asked for."""

    def __init__(self, error: Refused, wait_s: float = 0.0) -> None:
        super().__init__(str(error))
        self.error, self.wait_s = error, wait_s


class Fetcher:
    """One client; any thread may call it. `ports` are those that are taken, all where it is None; `pauses_s` are made
    between the tries. `resolve`, `is_public`, `clock` and `sleep` are for tests."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        ports: Collection[int] | None = None,
        pauses_s: Sequence[float] = PAUSES_S,
        resolve: Callable[..., Any] = socket.getaddrinfo,
        is_public: Callable[[str], bool] = is_public,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._allow_private, self._ports, self._pauses_s = allow_private, ports, pauses_s
        self._resolve, self._is_public, self._clock, self._sleep = resolve, is_public, clock, sleep
        self._look_ups = ThreadPoolExecutor(_LOOK_UPS, "look-up")

    def fetch(self, url: str, into: Target, *, within_s: float = LONGEST_S) -> Fetched:
        """Write what is at `url` to the sink and return what the server says of it; `within_s` bounds each try, from
        the look-up of the name to the last byte.

        Raises BadAddress for what is no http(s) address or leads into a private network, FetchFailed with the reason
        for what is not there or does not come after several tries; TooLarge from the sink.
        """
        for pause_s in self._pauses_s:
            try:
                return self._follow(url, into, within_s)
            except _Transient as e:
                self._sleep(min(max(e.wait_s, pause_s), LONGEST_PAUSE_S))
                into.restart()
        try:
            return self._follow(url, into, within_s)
        except _Transient as e:
            tries = len(self._pauses_s) + 1
            raise type(e.error)(f"{e}, {tries} times" if tries > 1 else str(e)) from e

    def _follow(self, url: str, into: Target, within_s: float) -> Fetched:
        place, ends_at = _parse(url), self._clock() + within_s
        for _ in range(MAX_REDIRECTS + 1):
            if self._ports is not None and place.port not in self._ports:
                raise BadAddress(f"the port {place.port} is not taken; there are {', '.join(map(str, self._ports))}")
            address = self._look_up(place, ends_at - self._clock())
            try:
                with _connected(place, address, ends_at - self._clock()) as connection:
                    connection.request("GET", place.target, headers={"Host": place.netloc, **_HEADERS},
                                       preload_content=False, decode_content=False)  # fmt: skip
                    with closing(connection.getresponse()) as answer:
                        if answer.status in _REDIRECTS and "location" in answer.headers:
                            place = _redirected(place, answer.headers["location"])
                            continue
                        return self._read(answer, into, place, ends_at)
            except (HTTPError, HTTPException, OSError) as e:
                if self._clock() > ends_at:
                    raise FetchFailed(f"it did not come to its end within {within_s:g} seconds") from e
                raise _Transient(FetchFailed(f"the connection to {place.host} failed")) from e
        raise FetchFailed(f"it is redirected more than {MAX_REDIRECTS} times")

    def _read(self, answer: urllib3.BaseHTTPResponse, into: Target, place: "_Place", ends_at: float) -> Fetched:
        if answer.status in _TRANSIENT:
            wait_s = _seconds(answer.headers.get("retry-after", ""))
            raise _Transient(FetchFailed(f"the server answered {answer.status}"), wait_s)
        if answer.status != 200:
            raise FetchFailed(f"the server answered {answer.status}")
        # What there is at once, for a whole chunk may drip in for days; what is packed may be of any size.
        while chunk := answer.read1(_CHUNK_BYTES, decode_content=False):
            into.write(chunk)
            if self._clock() > ends_at:
                raise TimeoutError
        if self._clock() > ends_at and "content-length" not in answer.headers:
            raise TimeoutError  # what looks like the end of the file is that of our patience
        return Fetched(_moment(answer.headers.get("last-modified", "")), _name(answer, place))

    def _look_up(self, place: "_Place", within_s: float) -> str:
        """Return the one address that is then connected to: a second look-up might tell another. A name that nobody
        knows reads like one in a private network, for nobody is to learn which names there are."""
        outward = "" if self._allow_private else "public "
        nowhere = BadAddress(f"{place.host} has no {outward}address")
        try:
            looked_up = self._look_ups.submit(self._resolve, place.host, place.port, type=socket.SOCK_STREAM)
            found = [str(one[4][0]) for one in looked_up.result(max(within_s, 0))]
        except (OSError, UnicodeError) as e:
            raise _Transient(nowhere) from e
        if not found or not (self._allow_private or all(map(self._is_public, found))):
            raise nowhere
        return found[0]


@dataclass(frozen=True, slots=True)
class _Place:
    """An address in parts; `target` is what stands in the request's first line."""

    url: str
    is_secure: bool
    host: str
    port: int
    target: str

    @property
    def netloc(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_secure else 80) else f"{host}:{self.port}"


def _parse(url: str) -> _Place:
    """Return the parts of an address; raise BadAddress if it is none, or holds a user's name or password."""
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").encode("idna").decode().lower().removesuffix("."), parts.port
    except ValueError as e:
        raise BadAddress("it is no address") from e
    if parts.scheme not in ("http", "https") or not host:
        raise BadAddress("it is no http or https address")
    if not _HOST.fullmatch(host) or port == 0:
        raise BadAddress("it is no address")
    if "@" in parts.netloc:
        raise BadAddress("there is a name or a password in it; those are not sent")
    is_secure = parts.scheme == "https"
    target = _escaped((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
    return _Place(url, is_secure, host, port or (443 if is_secure else 80), target)


def _redirected(place: _Place, location: str) -> _Place:
    """Return where a Location header leads; raise BadAddress where that is no address, or gives encryption up."""
    try:
        found = _parse(urljoin(place.url, _escaped(location, "latin-1")))
    except ValueError as e:
        raise BadAddress("it is redirected to what is no address") from e
    if place.is_secure and not found.is_secure:
        raise BadAddress("it is redirected from https to http")
    return found


def _escaped(text: str, encoding: str = "utf-8") -> str:
    return re.sub(r"[^\x21-\x7e]", lambda found: quote(found[0].encode(encoding, "replace")), text)


@contextmanager
def _connected(place: _Place, address: str, within_s: float) -> Iterator[HTTPConnection]:
    """Yield a connection that is shut down after `within_s`, whatever the other side is at: with each byte that it
    sends, the time limit of a socket begins anew, and a handshake or a header may drip in too."""
    sock = socket.create_connection((address, place.port), timeout=max(0.001, min(_CONNECT_S, within_s)))
    with sock, sock.dup() as end:
        timer = threading.Timer(max(0.0, within_s), _shut, (end,))
        timer.daemon = True
        timer.start()
        try:
            sock.settimeout(_READ_S)
            if place.is_secure:
                sock = ssl.create_default_context().wrap_socket(sock, server_hostname=place.host)
            connection = HTTPConnection(place.host, place.port, timeout=_READ_S)
            connection.sock = sock
            with closing(connection):
                yield connection
        finally:
            timer.cancel()


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):  # the other side was faster
        sock.shutdown(socket.SHUT_RDWR)


def _name(answer: urllib3.BaseHTTPResponse, place: _Place) -> str | None:
    """Return the name that the server gives, or the last part of the address."""
    told = Message()
    with suppress(KeyError, ValueError, LookupError):
        told["Content-Disposition"] = answer.headers["content-disposition"][:_MAX_DISPOSITION]
        names = [value for name, value in told.get_params([], "content-disposition") if name == "filename"]
        if names:
            return collapse_rfc2231_value(max(names, key=lambda value: isinstance(value, tuple)))  # RFC 6266, 4.3
    return unquote(place.target.partition("?")[0].rpartition("/")[2]) or None


def _moment(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _seconds(text: str) -> float:
    return float(text) if re.fullmatch(r"[0-9]{1,5}", text) else 0.0
