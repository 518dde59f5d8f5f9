"""HTTP as a viewer speaks it, with every failure told apart: no address, no connection, no TLS, no answer."""

import re
import socket
import threading
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, SSLError, TimeoutError

from ..answers import Answer

TIMEOUT_S = 6.0  # of each step; a cache miss on the other side of the world takes two seconds
_MAX_BODY = 1024 * 1024
Address = tuple[str, int]
Resolve = Callable[[str, int], list[Address]]
NO_HEADERS: Mapping[str, str] = {}


class Step(StrEnum):
    """How far a request came."""

    NAME = "name"
    CONNECTION = "connection"
    TLS = "TLS"
    ANSWER = "answer"


class Unreachable(Exception):
    """No answer came; `step` is the one that failed."""

    def __init__(self, step: Step, why: str) -> None:
        super().__init__(why)
        self.step, self.why = step, why


def look_up(host: str, port: int) -> list[Address]:
    """Return the addresses of `host` in the system's order; raise Unreachable if it has none, or none in time."""
    found: list[Address] = []
    failed: list[OSError] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend((str(address[0]), int(address[1])) for *_, address in answers)
        except OSError as e:
            failed.append(e)

    # The system's resolver has no time limit of its own that could be set.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(TIMEOUT_S)
    if failed:
        raise Unreachable(Step.NAME, f"{host} has no address: {failed[0].strerror or failed[0]}")
    if not found:
        raise Unreachable(Step.NAME, f"the address of {host} was not told within {TIMEOUT_S:g} seconds")
    return list(dict.fromkeys(found))


class Web:
    """One client. `resolve` says where a host is, `ca_bundle` whom TLS trusts: those of the system if left out."""

    def __init__(self, *, resolve: Resolve = look_up, ca_bundle: Path | None = None) -> None:
        self.resolve = resolve
        self._ca_bundle = str(ca_bundle) if ca_bundle else None

    def get(self, url: str, headers: Mapping[str, str] = NO_HEADERS) -> Answer:
        """Return what answers a GET, its target sent as it stands; redirects are not followed, nothing is repeated."""
        return self.ask("GET", url, headers)

    def ask(self, method: str, url: str, headers: Mapping[str, str] = NO_HEADERS, body: bytes | None = None) -> Answer:
        """Return the answer to one request; raise Unreachable where none comes."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        target = url[len(f"{parts.scheme}://{parts.netloc}") :] or "/"
        sent = {"Host": parts.netloc, "User-Agent": "bowerbird-doctor", "Accept-Encoding": "identity", **headers}
        last: Unreachable | None = None
        for address in self.resolve(host, port):
            try:
                return self._ask_at(address, parts.scheme, host, (method, target, sent, body))
            except Unreachable as e:
                if e.step is not Step.CONNECTION:
                    raise
                last = e  # a host without IPv6 still has the next address
        raise last or Unreachable(Step.NAME, f"{host} has no address")

    def _ask_at(
        self, address: Address, scheme: str, host: str, request: tuple[str, str, dict[str, str], bytes | None]
    ) -> Answer:
        method, target, headers, body = request
        with self._pool(address, scheme, host) as pool:
            try:
                answer = pool.urlopen(
                    method, target, body, headers, redirect=False, preload_content=False, decode_content=False
                )
                read = answer.read(_MAX_BODY)
                named = {name.lower(): value for name, value in answer.headers.items()}
                answer.close()
                return Answer(answer.status, named, read)
            except SSLError as e:
                raise Unreachable(Step.TLS, f"TLS with {host} failed: {_words(e)}") from e
            except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as e:
                raise Unreachable(Step.CONNECTION, f"no connection to {host} ({address[0]}): {_words(e)}") from e
            except TimeoutError as e:
                raise Unreachable(Step.ANSWER, f"{host} did not answer within {TIMEOUT_S:g} seconds") from e
            except (HTTPError, OSError) as e:
                raise Unreachable(Step.ANSWER, f"{host} broke off: {_words(e)}") from e

    def _pool(self, address: Address, scheme: str, host: str) -> urllib3.HTTPConnectionPool:
        timeout = urllib3.Timeout(connect=TIMEOUT_S, read=TIMEOUT_S)
        where = f"[{address[0]}]" if ":" in address[0] else address[0]
        if scheme == "http":
            return urllib3.HTTPConnectionPool(where, address[1], timeout=timeout, retries=False)
        return urllib3.HTTPSConnectionPool(
            where, address[1], timeout=timeout, retries=False, ca_certs=self._ca_bundle, cert_reqs="CERT_REQUIRED",
            server_hostname=host, assert_hostname=host,
        )  # fmt: skip


def _words(e: Exception) -> str:
    """Return the last words of the first error: urllib3 wraps them, and begins with the object that failed."""
    while e.args and isinstance(e.args[-1], Exception):
        e = e.args[-1]
    return re.sub(r" \(_ssl\.c:\d+\)$", "", str(e).rpartition(": ")[2])
