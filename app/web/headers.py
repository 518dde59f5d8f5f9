"""Headers on every answer: no sniffing, no framing, no script from elsewhere, nothing kept by caches."""

from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.http import parse_date

from ..settings import Settings

_DATES = ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_RANGE")
HSTS_S = 365 * 24 * 3600  # for this host alone: what else the owner has under the domain is not ours to bind


def install(app: Flask, settings: Settings) -> None:
    """Give every answer that has none of its own the headers of a page."""
    viewer, is_https = urlsplit(settings.public_url), settings.base_url.startswith("https:")
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self';"
        " worker-src 'self'; manifest-src 'self';"
        f" img-src 'self' blob: data: {viewer.scheme}://{viewer.netloc}; media-src {viewer.scheme}://{viewer.netloc};"
        " base-uri 'none'; frame-ancestors 'none'"
    )

    standing = {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": policy,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
        "X-Frame-Options": "DENY",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
        "X-Robots-Tag": "noindex",
    }
    if is_https:
        standing["Strict-Transport-Security"] = f"max-age={HSTS_S}"

    @app.before_request
    def _ignore_unknown_ranges() -> None:
        # https://www.rfc-editor.org/rfc/rfc9110#section-14.2: a unit that is not known is as if nothing was said.
        if not request.headers.get("Range", "bytes").lower().startswith("bytes"):
            del request.environ["HTTP_RANGE"]

    @app.before_request
    def _ignore_impossible_dates() -> None:
        # https://www.rfc-editor.org/rfc/rfc9110#section-13.1.3: what is no date is as if nothing was said. Werkzeug
        # finds that out by itself but for years, and zones, that are no number of its own.
        for name in _DATES:
            try:
                parse_date(request.environ.get(name))
            except OverflowError:
                request.environ[name] = "no date"

    @app.after_request
    def _add(response: Response) -> Response:
        headers = response.headers
        if request.path.startswith("/static/") and response.status_code < 400:
            headers["Cache-Control"] = "no-cache"  # asked for again each time, and mostly answered with 304
        elif request.path.startswith("/d/"):
            # The address of a deletion page is the right to delete: it must not travel.
            headers.setdefault("Referrer-Policy", "no-referrer")
        own = {name.lower() for name in headers.keys()}  # noqa: SIM118 of pairs, not of names
        headers.extend((name, value) for name, value in standing.items() if name.lower() not in own)
        return response
