"""Request ids: what a request is known by in every log line that it causes, here, at the signing proxy, and back."""

import re
import secrets
from contextvars import ContextVar

HEADER = "X-Request-ID"  # of answers, and of proxies that are trusted
TO_STORE = "x-bowerbird-request-id"  # of its own and signed: a proxy on the way may put another into X-Request-ID

_current: ContextVar[str] = ContextVar("request_id", default="")


def new() -> str:
    """Return a fresh id: 16 hex digits."""
    return secrets.token_hex(8)


def is_request_id(text: str) -> bool:
    """Return whether `text` may be one, also of somebody else's making: 8 to 64 letters, digits, `.`, `_`, `-`.

    >>> [is_request_id(text) for text in ("8f00ba4b0c00-AMS", "short", "two words in it", "1" * 65)]
    [True, False, False, False]
    """
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}", text, re.ASCII) is not None


def begin(request_id: str) -> None:
    """Let all that follows in this thread or greenlet be of that request."""
    _current.set(request_id)


def current() -> str:
    """Return the id of the request that is being answered here; empty where there is none."""
    return _current.get()
