"""Headers on every answer: no sniffing, no framing, no script from elsewhere, nothing kept by caches."""

from urllib.parse import urlsplit

from flask import Flask, Response, request

from ..settings import Settings

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

    @app.before_request
    def _ignore_unknown_ranges() -> None:
        # https://www.rfc-editor.org/rfc/rfc9110#section-14.2: a unit that is not known is as if nothing was said.
        if not request.headers.get("Range", "bytes").lower().startswith("bytes"):
            del request.environ["HTTP_RANGE"]

    @app.after_request
    def _add(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Content-Security-Policy", policy)
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if is_https:
            headers.setdefault("Strict-Transport-Security", f"max-age={HSTS_S}")
        if request.path.startswith("/static/") and response.status_code < 400:
            headers["Cache-Control"] = "no-cache"  # asked for again each time, and mostly answered with 304
        else:
            headers.setdefault("Cache-Control", "no-store")
        headers.setdefault("X-Frame-Options", "DENY")
        headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        # The address of a deletion page is the right to delete: it must not travel.
        headers.setdefault("Referrer-Policy", "no-referrer" if request.path.startswith("/d/") else "same-origin")
        headers.setdefault("X-Robots-Tag", "noindex")
        return response
