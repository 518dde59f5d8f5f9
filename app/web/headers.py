"""Headers on every answer: no sniffing, no framing, no script from elsewhere, nothing kept by caches."""

from urllib.parse import urlsplit

from flask import Flask, Response, request

from ..settings import Settings


def install(app: Flask, settings: Settings) -> None:
    """Give every answer that has none of its own the headers of a page."""
    viewer = urlsplit(settings.public_url)
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self';"
        " worker-src 'self'; manifest-src 'self';"
        f" img-src 'self' blob: data: {viewer.scheme}://{viewer.netloc}; media-src {viewer.scheme}://{viewer.netloc};"
        " base-uri 'none'; frame-ancestors 'none'"
    )

    @app.after_request
    def _add(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Content-Security-Policy", policy)
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if request.path.startswith("/static/"):
            headers["Cache-Control"] = "no-cache"  # asked for again each time, and mostly answered with 304
        else:
            headers.setdefault("Cache-Control", "no-store")
        headers.setdefault("X-Frame-Options", "DENY")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        # The address of a deletion page is the right to delete: it must not travel.
        headers.setdefault("Referrer-Policy", "no-referrer" if request.path.startswith("/d/") else "same-origin")
        headers.setdefault("X-Robots-Tag", "noindex")
        return response
