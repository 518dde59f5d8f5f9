"""Requests to the server: what they are answered, told apart into answers, refusals and what may work later."""

import json
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, SSLError

from .. import __version__
from ..errors import Forbidden, NotFound, Refused, TooLarge, Unauthorized, Unavailable
from .config import UPLOAD_PATH, Server
from .retry import MOST_ASKED_S

# 409: the same upload is still being stored; 423: another request has the resumable upload; 520 to 530: Cloudflare.
TRANSIENT = {408, 409, 423, 425, 429, 500, 502, 503, 504, *range(520, 528), 530}
MAX_ANSWER_BYTES = 1024 * 1024
BLOCK_BYTES = 256 * 1024

# An answer comes once the image is durable; who asks again too early only waits for the first request to end.
_CONNECT_S, _ANSWER_S, _STORED_A_SECOND = 10.0, 30.0, 512 * 1024
_BROKEN_OFF = {"incomplete_body", "bad_chunk"}  # we send whole bodies: the line between us cut it
_REDIRECTS = {301, 302, 303, 307, 308}


class Body(Protocol):
    """What is sent, as it is read; `length` in bytes."""

    length: int

    def read(self, amount: int = -1) -> bytes:
        """Return the next bytes, none at the end."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered; `told` is its JSON, empty where there was none."""

    status: int
    headers: Mapping[str, str]
    told: Mapping[str, Any]

    @property
    def code(self) -> str:
        """Which kind of refusal the server says it is; empty where it says none."""
        return shown(str(self.told.get("code") or ""))[:20]

    @property
    def sentence(self) -> str:
        """What the server says, on one line that moves no cursor."""
        return shown(str(self.told.get("error") or f"the server answered {self.status}"))[:300]

    def refusal(self) -> Refused | Forbidden | NotFound:
        """Return the error that a status of 400 and more is."""
        kinds = {403: Forbidden, 404: NotFound, 410: NotFound, 413: TooLarge}
        error = kinds.get(self.status, Refused)(self.sentence)
        error.code = self.code or error.code
        return error


class Api:
    """One server, asked by as many threads as `connections`. The token goes to it alone: no redirect is followed."""

    def __init__(self, server: Server, *, connections: int = 4) -> None:
        self.url = server.url
        self._headers = {"Authorization": f"Bearer {server.token}", "User-Agent": f"bowerbird/{__version__}"}
        self._pool = _pool(server.url, connections)

    def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: Body | None = None
    ) -> Answer:
        """Send one request to `path` on the server and return its answer, also one that refuses.

        Raises Unavailable where the same request may work later (the line broke, the server is overrun), Unauthorized,
        and Refused for a redirect, or a certificate that is not to be trusted. What `body` raises goes through.
        """
        size = body.length if body else 0
        length = {"Content-Length": str(size)} if body or method in ("POST", "PATCH") else {}
        try:
            response = self._pool.request(
                method,
                self.url + path,
                headers={**self._headers, "Accept": "application/json", **length, **(headers or {})},
                body=body,
                timeout=urllib3.Timeout(connect=_CONNECT_S, read=_ANSWER_S + size / _STORED_A_SECOND),
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                content = response.read(MAX_ANSWER_BYTES)
                if response.read(1):
                    raise Refused("the server's answer has no end")
            except BaseException:
                response.close()
                raise
            response.release_conn()
        except SSLError as e:
            raise self._bad_certificate(e) from e
        except (HTTPError, HTTPException, OSError) as e:
            raise later(f"the connection to {self.host} failed ({_reason(e)})") from e
        return self._judge(Answer(response.status, response.headers, _json(content)))

    def check(self) -> None:
        """Ask the server whether it is one and takes uploads with this token; raise Refused, Unauthorized, Forbidden
        or Unavailable if not. Nothing is uploaded."""
        answer = self.ask("POST", UPLOAD_PATH, headers={"Content-Type": "multipart/form-data; boundary=none"})
        if answer.status == 403:
            raise answer.refusal()
        if answer.status >= 500 or answer.code not in ("missing_file", "bad_multipart"):
            raise Refused(f"there is no Bowerbird at {self.url} (it answered {answer.status})")

    @property
    def host(self) -> str:
        """The server's name, as it is told."""
        return urlsplit(self.url).netloc

    def _judge(self, answer: Answer) -> Answer:
        if answer.status in _REDIRECTS:
            raise Refused(_led_away(self.url, answer.headers.get("Location", "")))
        if answer.status == 401:
            raise Unauthorized(answer.sentence)
        if answer.status == 400 and answer.code in _BROKEN_OFF:
            raise later(answer.sentence)
        if answer.status in TRANSIENT and "Upload-Offset" not in answer.headers:
            wait_s = _seconds(answer.headers.get("Retry-After", ""))
            if wait_s > MOST_ASKED_S:
                raise answer.refusal()
            raise later(answer.sentence, wait_s)
        return answer

    def _bad_certificate(self, error: SSLError) -> Refused | Unavailable:
        cause = error.args[0] if error.args else None
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Refused(f"the certificate of {self.host} is not to be trusted: {cause.verify_message}")
        return later(f"the connection to {self.host} failed ({_reason(error)})")


def later(why: str, wait_s: float = 0.0) -> Unavailable:
    """Return the error for what may work in `wait_s` seconds."""
    error = Unavailable(why)
    error.retry_after_s = wait_s
    return error


def shown(text: str) -> str:
    """Return `text` as a terminal may show it: on one line, and nothing in it that moves a cursor.

    >>> shown("a\\x1b[2Jb\\nc")
    'a?[2Jb?c'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _pool(url: str, connections: int) -> urllib3.PoolManager:
    parts, proxies = urlsplit(url), getproxies()
    kept: dict[str, Any] = {"maxsize": connections, "blocksize": BLOCK_BYTES}
    if (proxy := proxies.get(parts.scheme)) and not proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy if "://" in proxy else f"http://{proxy}", **kept)
    return urllib3.PoolManager(**kept)


def _json(content: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _led_away(url: str, location: str) -> str:
    try:
        to = urlsplit(location)
        where = f"{to.scheme}://{to.netloc}" if to.netloc else "another page of its own"
    except ValueError:
        where = "what is no address"
    return shown(f"{url} sends us to {where}, and the token goes to no other address; if that is it: bowerbird login")


def _seconds(text: str) -> float:
    """Return what a Retry-After asks for, in seconds from now.

    >>> _seconds("7"), _seconds("soon"), _seconds("Wed, 21 Oct 2015 07:28:00 GMT")
    (7.0, 0.0, 0.0)
    """
    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _reason(error: BaseException) -> str:
    """Return in a few words why a connection failed; never a header, which may hold the token."""
    causes = [cause for cause in (error, *error.args, error.__cause__) if isinstance(cause, BaseException)]
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror:
            return shown(cause.strerror).lower()
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(causes[-1]).__name__).lower().removesuffix(" error")
