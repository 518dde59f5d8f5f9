"""Who asks: a bearer token, or the browser's session with its CSRF token."""

from contextlib import suppress
from datetime import timedelta

import structlog
from flask import Response, request

from .. import tokens
from ..errors import Forbidden, Unauthorized, Unavailable
from ..tokens import Token
from . import parts
from .trail import note_token

log = structlog.get_logger()

SESSION_LIFE = timedelta(days=30)
SAFE = ("GET", "HEAD", "OPTIONS")


def authenticate(*scopes: str) -> Token:
    """Return the token behind this request; raise Unauthorized if there is none, Forbidden if it has none of `scopes`.

    A request with an Authorization header is judged by it alone. A session also has to prove, for anything but a
    read, that our own page sent it: Forbidden otherwise.
    """
    token = _bearer(request.headers["Authorization"]) if "Authorization" in request.headers else _session()
    if token.scopes.isdisjoint(scopes):
        raise Forbidden(
            f"the token {token.name!r} may not do this: it lacks the scope {' or '.join(map(repr, scopes))}"
        )
    return token


def session_token() -> Token | None:
    """Return the token of the browser's session, or None where nobody is signed in."""
    session_id = session_id_of_request()
    now = parts().uploads.clock()
    token = parts().catalog.sessions.token_of(tokens.digest(session_id), now=now) if session_id else None
    if token:
        note_token(token)
    return token


def session_id_of_request() -> str | None:
    """Return the session's id as the cookie has it; it need not be one of ours."""
    return request.cookies.get(_cookie_name())


def csrf_of(session_id: str | None) -> str:
    """Return what a form of our own pages carries to show where it came from."""
    return tokens.csrf_token(parts().secret, session_id or "")


def check_csrf(given: str | None) -> None:
    """Raise Forbidden unless this request comes from our own page, in the session it belongs to."""
    check_origin()
    if not tokens.equal(given or "", csrf_of(session_id_of_request())):
        raise Forbidden("the page is out of date: reload it and try again")


def check_origin() -> None:
    """Raise Forbidden for a request that another site made the browser send."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        is_ours = site in ("same-origin", "none")
    else:
        origin = request.headers.get("Origin")
        is_ours = origin is None or origin in (_origin(parts().settings.base_url), *_origins_of(request.host))
    if not is_ours:
        raise Forbidden("the request was sent by another site")


def sign_in(secret: str) -> str | None:
    """Start a session with a token that has the scope `manage` and return its id; None if it is no such token."""
    now = parts().uploads.clock()
    token = parts().catalog.tokens.by_digest(tokens.digest(secret)) if tokens.is_token(secret) else None
    if token is None or not token.is_usable(now) or tokens.MANAGE not in token.scopes:
        return None
    session_id = tokens.new_token()
    parts().catalog.sessions.add(tokens.digest(session_id), token.id, created_at=now, expires_at=now + SESSION_LIFE)
    parts().catalog.tokens.used(token, now=now)
    log.info("signed in", token=token.name)
    return session_id


def sign_out() -> None:
    """End the session on the server: its cookie is worth nothing from now on."""
    if session_id := session_id_of_request():
        parts().catalog.sessions.end(tokens.digest(session_id))


def set_session(response: Response, session_id: str | None) -> None:
    """Put the session's id into the browser's cookie, or take it out."""
    options = {"httponly": True, "samesite": "Strict", "path": "/", "secure": is_https()}
    if session_id:
        response.set_cookie(_cookie_name(), session_id, max_age=SESSION_LIFE, **options)  # type: ignore[arg-type]
    else:
        response.delete_cookie(_cookie_name(), **options)  # type: ignore[arg-type]


def is_https() -> bool:
    """Whether browsers come here by https, and so may be told to send a cookie that way only."""
    return parts().settings.base_url.startswith("https:")


def _origin(url: str) -> str:
    """Return the origin of an address as browsers write it.

    >>> _origin("https://Up.example.com:443"), _origin("http://[::1]:8080")
    ('https://up.example.com', 'http://[::1]:8080')
    """
    scheme, _, place = url.lower().partition("://")
    return f"{scheme}://{place.partition('/')[0].removesuffix({'http': ':80', 'https': ':443'}[scheme])}"


def _origins_of(host: str) -> tuple[str, ...]:
    # The app may be reached by another name than BASE_URL's, and a proxy may speak TLS for it.
    return (f"http://{host}", f"https://{host}") if host else ()


def _bearer(header: str) -> Token:
    scheme, _, secret = header.partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not tokens.is_token(secret):
        raise Unauthorized("the Authorization header must be 'Bearer' and a token")
    now = parts().uploads.clock()
    token = parts().catalog.tokens.by_digest(tokens.digest(secret))
    if token is None or not token.is_usable(now):
        parts().limits.check_guess(request.remote_addr or "")
        where = f"{parts().settings.base_url}/clients"
        raise Unauthorized(f"the token is unknown, expired or revoked; get a new one at {where}")
    with suppress(Unavailable):  # a catalog that is locked, full or read-only can still be read
        parts().catalog.tokens.used(token, now=now)
    note_token(token)
    return token


def _session() -> Token:
    token = session_token()
    if token is None:
        raise Unauthorized("there is no token; send the header 'Authorization: Bearer TOKEN'")
    if request.method not in SAFE:
        check_csrf(request.headers.get("X-CSRF-Token"))
    return token


def _cookie_name() -> str:
    # A browser takes a __Host- cookie only from https, for this host alone, so no sibling domain can plant one.
    return "__Host-bowerbird" if is_https() else "bowerbird"
