"""What Cloudflare does for those who open an image: the path rewritten, the answer kept, B2's own headers removed."""

import http.client
import threading
import time
from collections.abc import Callable

from .relay import Listener, Relay

DEFAULT_TTL_S = {200: 7200, 206: 7200, 301: 7200, 302: 1200, 303: 1200, 404: 180, 410: 180}
_EXTENSIONS = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".bmp", ".svg", ".pdf", ".zip")
_REMOVED = "x-bz-"
_Answer = tuple[int, str, list[tuple[str, str]], bytes]


class Edge(Listener):
    """The image domain. With `keeps=False` every request goes to B2, as if each answer had just been purged."""

    def __init__(
        self,
        friendly: tuple[str, int],
        bucket: str,
        port: int = 0,
        *,
        keeps: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(port)
        self._friendly = friendly
        self._prefix = f"/file/{bucket}"
        self._keeps = keeps
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[float, _Answer]] = {}
        self._lock = threading.Lock()

    def handle(self, request: Relay) -> None:
        if request.command not in ("GET", "HEAD"):
            return request.say(405, b"", "text/plain")
        path = request.path
        key = (path, request.headers.get("origin", ""))
        with self._lock:
            until, answer = self._kept.get(key, (0.0, None))
        status = "HIT"
        if answer is None or until <= self._clock():
            status = "MISS"
            answer = self._fetch(path if path.startswith(f"{self._prefix}/") else self._prefix + path)
            self._keep(key, path, answer)
        code, content_type, headers, body = answer
        shown = [(k, v) for k, v in headers if not k.lower().startswith(_REMOVED)]
        file_id = next((v for k, v in headers if k.lower() == "x-bz-file-id"), None)
        if file_id and code == 200:
            shown.append(("ETag", f'"{file_id}"'))
        shown += [("X-Content-Type-Options", "nosniff"), ("CF-Cache-Status", status)]
        return request.say(code, body, content_type, shown)

    def purge(self, paths: list[str]) -> None:
        """Forget what was kept of `paths` for requests without an Origin, as a purge by URL does."""
        with self._lock:
            for path in paths:
                self._kept.pop((path, ""), None)

    def _fetch(self, path: str) -> _Answer:
        connection = http.client.HTTPConnection(*self._friendly, timeout=30)
        try:
            connection.request("GET", path, headers={"Accept-Encoding": "gzip", "CDN-Loop": "cloudflare; loops=1"})
            response = connection.getresponse()
            dropped = ("content-length", "content-type", "connection", "transfer-encoding", "date", "server")
            headers = [(k, v) for k, v in response.getheaders() if k.lower() not in dropped]
            content_type = response.headers.get("content-type", "application/octet-stream")
            return response.status, content_type, headers, response.read()
        finally:
            connection.close()

    def _keep(self, key: tuple[str, str], path: str, answer: _Answer) -> None:
        code, _, headers, _ = answer
        control = next((v.lower() for k, v in headers if k.lower() == "cache-control"), "")
        ttl_s = DEFAULT_TTL_S.get(code, 0) if path.split("?", maxsplit=1)[0].lower().endswith(_EXTENSIONS) else 0
        if "no-store" in control or "private" in control or "no-cache" in control:
            ttl_s = 0
        elif "max-age=" in control and ttl_s:
            ttl_s = int(control.split("max-age=")[1].split(",")[0])
        if self._keeps and ttl_s:
            with self._lock:
                self._kept[key] = (self._clock() + ttl_s, answer)
