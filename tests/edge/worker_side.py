"""What Cloudflare does to the requests of a Worker: to those that come in, and to those that it sends out."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from .relay import Listener, Relay, TooLarge

MAX_BODY = 100 * 1000 * 1000  # of a zone on the Free and Pro plans
CACHEABLE = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".bmp", ".svg", ".mp4", ".webm", ".zip", ".pdf", ".bin")
_CONDITIONS = {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"}
_TOO_LARGE = b"<html><head><title>413 Request Entity Too Large</title></head><center>cloudflare</center></html>"


def added_headers() -> list[tuple[str, str]]:
    """Return what Cloudflare tells a Worker, or an origin, of the viewer."""
    return [
        ("Accept-Encoding", "gzip, br"),
        ("CF-Connecting-IP", "203.0.113.7"),
        ("CF-Ray", "8f00ba4b0c00-AMS"),
        ("CF-Visitor", '{"scheme":"https"}'),
        ("CF-IPCountry", "NL"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-For", "203.0.113.7"),
        ("X-Real-IP", "203.0.113.7"),
        ("CDN-Loop", "cloudflare; loops=1"),
    ]


class Ingress(Listener):
    """In front of the Worker: adds Cloudflare's headers, replaces Accept-Encoding, bounds the body to `max_body` bytes.

    `tls` is a certificate and its key, each a file: then it speaks TLS and nothing else.
    """

    def __init__(
        self,
        worker: tuple[str, int],
        port: int = 0,
        *,
        max_body: int = MAX_BODY,
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        super().__init__(port, tls=tls)
        self._worker = worker
        self._max_body = max_body

    def handle(self, request: Relay) -> None:
        if int(request.headers.get("content-length") or 0) > self._max_body:
            return self._refuse(request)
        headers = [(k, v) for k, v in request.headers.items() if k.lower() not in ("accept-encoding", "expect")]
        headers += added_headers()
        try:
            return request.pass_on(self._worker, request.command, request.path, headers, max_bytes=self._max_body)
        except TooLarge:
            return self._refuse(request)

    @staticmethod
    def _refuse(request: Relay) -> None:
        request.close_connection = True
        request.say(413, _TOO_LARGE, "text/html", [("Server", "cloudflare"), ("Connection", "close")])


class Egress(Listener):
    """Behind the Worker: rewrites Accept-Encoding, takes conditions and Transfer-Encoding out, turns a HEAD that its
    cache knows into a GET.

    `hosts` maps a host, as the Worker names it, to the server of this machine that plays it.
    """

    def __init__(self, hosts: Mapping[str, tuple[str, int]], port: int = 0) -> None:
        super().__init__(port)
        self.hosts = dict(hosts)

    def handle(self, request: Relay) -> None:
        url = urlsplit(request.path)
        dropped = _CONDITIONS | {"accept-encoding"}
        headers = [(k, v) for k, v in request.headers.items() if k.lower() not in dropped]
        if "host" not in request.headers:  # it stood in the address alone
            headers.append(("Host", url.netloc))
        headers += [("Accept-Encoding", "gzip"), ("CF-Worker", "example.com"), ("CDN-Loop", "cloudflare; loops=1")]
        is_cacheable = url.path.lower().endswith(CACHEABLE)
        method = "GET" if request.command == "HEAD" and is_cacheable else request.command
        address = self.hosts.get(url.netloc) or (url.hostname or "", url.port or 80)
        target = url.path + (f"?{url.query}" if url.query else "")
        request.pass_on(address, method, target, headers, keeps_chunks=False)
