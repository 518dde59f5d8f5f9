"""What stands behind a Worker's Cache API: one data centre's cache, in the words that workerd has with it.

workerd asks for an entry with a GET and hears of a CF-Cache-Status, stores one by a PUT whose body is a whole HTTP
message (204, or 413 where nothing is kept), and deletes one by PURGE (200, 404).
Source: https://github.com/cloudflare/workerd/blob/main/src/workerd/api/cache.c%2B%2B
"""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .cache import DEFAULT_TTL_S
from .relay import Headers, Listener, Relay

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True)
class _Entry:
    stored_at: float
    until: float
    status: int
    headers: Headers
    body: bytes


class WorkerCache(Listener):
    """The cache of one data centre. `puts` counts what came to be kept, whether it was or not."""

    def __init__(self, port: int = 0, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(port)
        self.puts = 0
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._missed: set[str] = set()  # what was asked for and not there: it may come to be kept
        self._late: set[str] = set()  # the same, of before everything was forgotten
        self._changed = threading.Condition()

    def handle(self, request: Relay) -> None:
        if request.command == "PUT":
            return self._put(request)
        with self._changed:
            entry = self._entries.get(request.path)
            is_fresh = entry is not None and self._clock() < entry.until
            if entry and (not is_fresh or request.command == "PURGE"):
                del self._entries[request.path]
            if not is_fresh and request.command != "PURGE":
                self._missed.add(request.path)
        if request.command == "PURGE":
            return request.say(200 if is_fresh else 404, b"", "text/plain")
        if entry is None or not is_fresh:
            return request.say(504, b"", "text/plain", [("CF-Cache-Status", "MISS")])
        return self._give(request, entry)

    def purge(self, *prefixes: str) -> None:
        """Forget what lies under HOST/PATH, as a purge by prefix does.

        There is no purge by file: whether it finds what a Worker has put depends on Cloudflare's day.
        """
        with self._changed:
            for url in list(self._entries):
                place = url.split("://", maxsplit=1)[1]
                if any(place == prefix or place.startswith(f"{prefix.rstrip('/')}/") for prefix in prefixes):
                    del self._entries[url]

    def forget(self) -> None:
        """Forget everything, and what a Worker still brings because of a question before this, behind its answer."""
        with self._changed:
            self._entries.clear()
            self._late, self._missed = self._missed, set()
            self.puts = 0

    def wait(self, puts: int, timeout_s: float = 20) -> list[str]:
        """Return the URLs that are kept, once `puts` came to be kept."""
        with self._changed:
            self._changed.wait_for(lambda: self.puts >= puts, timeout_s)
            return sorted(self._entries)

    def _put(self, request: Relay) -> None:
        entry = self._read(request)
        with self._changed:
            if request.path in self._missed or request.path not in self._late:
                self.puts += 1
                if entry:
                    self._entries[request.path] = entry
                self._changed.notify_all()
                self._late.discard(request.path)
            self._missed.discard(request.path)
        request.say(204 if entry else 413, b"", "text/plain")

    def _read(self, request: Relay) -> _Entry | None:
        """Return what is to be kept; None for what must not be, or did not come whole."""
        try:
            head, _, body = b"".join(request.body()).partition(b"\r\n\r\n")
        except ValueError:  # it broke off between two chunks
            request.close_connection = True
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = [line.partition(":") for line in lines]
        headers = [(name.lower(), value.strip()) for name, _, value in pairs]
        named = dict(headers)
        status = int(first.split()[1])
        ttl_s = _ttl_s(status, named)
        if not ttl_s or len(body) != int(named.get("content-length", len(body))):
            return None
        now = self._clock()
        return _Entry(now, now + ttl_s, status, headers, body)

    def _give(self, request: Relay, entry: _Entry) -> None:
        shown = [(name, value) for name, value in entry.headers if name not in ("content-length", "content-type")]
        shown += [("CF-Cache-Status", "HIT"), ("Age", str(int(self._clock() - entry.stored_at)))]
        content_type = dict(entry.headers).get("content-type", "application/octet-stream")
        size = len(entry.body)
        match = _RANGE.fullmatch(request.headers.get("range", ""))
        if not match or match[0] == "bytes=-" or entry.status != 200:
            return request.say(entry.status, entry.body, content_type, shown)
        first = int(match[1]) if match[1] else max(0, size - int(match[2]))
        last = min(size - 1, int(match[2])) if match[1] and match[2] else size - 1
        if first > last:
            return request.say(416, b"", content_type, [*shown, ("Content-Range", f"bytes */{size}")])
        shown.append(("Content-Range", f"bytes {first}-{last}/{size}"))
        return request.say(206, entry.body[first : last + 1], content_type, shown)


def _ttl_s(status: int, headers: dict[str, str]) -> int:
    """Return for how long an answer is kept; 0 for not at all."""
    control = headers.get("cache-control", "").lower()
    if "set-cookie" in headers or status == 206 or re.search(r"no-store|no-cache|private", control):
        return 0
    age = re.search(r"max-age=(\d+)", control)
    return int(age[1]) if age else DEFAULT_TTL_S.get(status, 0)
