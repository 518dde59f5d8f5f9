"""The trail of a request: the id that it is known by, its one line in the log, its place in the metrics."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from flask import Flask, request

from .. import request_ids
from ..metrics.counts import NO_ROUTE, Counts
from ..networks import Trusted, is_proxy
from ..tokens import Token
from .drain import Wsgi

log = structlog.get_logger()

_SECRETS = frozenset({"token", "ticket", "share_key"})  # parts of addresses: who knows one may do something
_SEEN = "bowerbird.seen"
_LONGEST_PATH = 300


@dataclass(slots=True)
class Seen:
    """What the app finds out about a request: the pattern of its address, its path without secrets, who sent it."""

    route: str = NO_ROUTE
    path: str = ""
    by: str | None = None


class Trail:
    """WSGI middleware, around all others. A proxy that is `trusted` may have named the request already, in X-Request-ID
    or, as Cloudflare does, in CF-Ray; what is not well-formed is not taken."""

    def __init__(self, app: Wsgi, counts: Counts, trusted: Trusted = 0) -> None:
        self._app = app
        self._counts = counts
        self._trusted = trusted

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        is_proxied = is_proxy(environ.get("REMOTE_ADDR", ""), self._trusted)
        request_id = (is_proxied and _given_id(environ)) or request_ids.new()
        request_ids.begin(request_id)
        seen = environ[_SEEN] = Seen(path=_masked(environ.get("PATH_INFO", "")))
        told = _Told(environ, seen, self._counts)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            told.status = int(status[:3])
            return start_response(status, [*headers, (request_ids.HEADER, request_id)], *more)

        told.answer = self._app(environ, start)
        return told


def install(app: Flask) -> None:
    """Let `app` note which of its routes a request takes."""

    @app.before_request
    def _note_route() -> None:
        if request.url_rule is not None:
            seen = request.environ[_SEEN]
            seen.route = request.url_rule.rule
            # A key may be of several parts: of an address that is too long the secret is none of the last.
            if _SECRETS.isdisjoint(request.url_rule.arguments):
                seen.path = request.path[:_LONGEST_PATH]


def note_token(token: Token) -> None:
    """Note who sent the request that is being answered."""
    request.environ[_SEEN].by = token.name


class _Told:
    """An answer that, once it was sent, is told to the log and counted."""

    def __init__(self, environ: dict[str, Any], seen: Seen, counts: Counts) -> None:
        self._counts = counts
        self.answer: Iterable[bytes] = ()
        self.status = 0
        self._started = time.monotonic()
        self._environ = environ
        self._seen = seen
        self._sent = 0

    def __iter__(self) -> Iterator[bytes]:
        for data in self.answer:
            self._sent += len(data)
            yield data

    def close(self) -> None:
        try:
            self._tell()
        finally:
            if close := getattr(self.answer, "close", None):
                close()

    def _tell(self) -> None:
        took_s = time.monotonic() - self._started
        length = self._environ.get("CONTENT_LENGTH") or "0"
        log.info(
            "answered",
            method=self._environ["REQUEST_METHOD"][:20],
            path=self._seen.path,
            status=self.status,
            ms=round(1000 * took_s, 1),
            received=int(length) if length.isdecimal() else None,
            sent=self._sent,
            by=self._seen.by,
        )
        self._counts.request(self._environ["REQUEST_METHOD"], self._seen.route, self.status, took_s)


def _given_id(environ: dict[str, Any]) -> str:
    given = (environ.get("HTTP_X_REQUEST_ID", ""), environ.get("HTTP_CF_RAY", ""))
    return next(filter(request_ids.is_request_id, given), "")


def _masked(path: str) -> str:
    """Return an address without what in it could be a secret.

    >>> _masked("/d/k7Wq3Zpa.png/UxE2mQ0v9cT7rX4bLwZk/")
    '/d/k7Wq3Zpa.png/…/'
    """
    return re.sub(r"[\w-]{16,}", "…", path)[:_LONGEST_PATH]
