"""The friendly address: /file/BUCKET/KEY for anyone, whatever the Host; no ETag, no Last-Modified, no 304."""

import hashlib
import json
import re
import threading
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from shutil import copyfileobj
from typing import IO
from urllib.parse import parse_qsl, quote, quote_plus

from tests.edge.relay import Listener, Relay

from .actions import decoded
from .errors import Refusal
from .faults import CAPS, Fault, Faults
from .front import Record
from .messages import headers_of, reset
from .storage import Storage, Stored

_PASSED = {"cache-control", "content-disposition", "content-language", "content-encoding", "expires"}
_CODES = {500: "internal_error", 503: "service_unavailable"}


class FriendlyFront(Listener):
    """The download host of the account."""

    def __init__(
        self,
        storage: Storage,
        bucket: str,
        faults: Faults,
        count: Callable[[str], None],
        *,
        is_public: bool,
        host: str,
        port: int,
        tls: tuple[Path, Path] | None,
    ) -> None:
        super().__init__(port, host=host, tls=tls)
        self.records: list[Record] = []
        self._storage = storage
        self._bucket = bucket
        self._faults = faults
        self._count = count
        self._is_public = is_public

    def handle(self, request: Relay) -> None:
        """Answer one download."""
        for _ in request.body():
            pass
        fault = self._faults.take(request.command, request.path)
        if fault and self._meet(request, fault):
            return
        try:
            key = self._key_of(request)
            self._count("B")
            wanted = request.headers.get("range", "")
            headers = {} if wanted in ("", "bytes=0-") else {"range": wanted}
            stored = self._storage.call("GET", self._bucket, quote(key), "", headers)
            with stored.content:
                _check_found(key, stored)
                self._answer(request, key, stored)
        except Refusal as refusal:
            self._refuse(request, refusal.status, refusal.code, refusal.message)

    def _key_of(self, request: Relay) -> str:
        """Return the key that a download names; raise Refusal if it names none that may be read."""
        match = re.fullmatch(r"/file/([^/?]+)/([^?]+)(\?.*)?", request.path)
        if request.command not in ("GET", "HEAD"):
            raise Refusal(405, "method_not_allowed", "only GET and HEAD are allowed here")
        if not match or match[1] != self._bucket:
            raise Refusal(404, "not_found", "File with such name does not exist.")
        if not self._is_public:
            raise Refusal(401, "unauthorized", "Authorization token for download required")
        return decoded(match[2])

    def _meet(self, request: Relay, fault: Fault) -> bool:
        """Meet a fault; return whether that is the whole answer."""
        if fault.kind == "slow":
            threading.Event().wait(fault.delay_s)
        elif fault.kind in ("reset", "lost"):
            self._note(request, 0)
            reset(request)
        elif fault.kind == "html":
            self._note(request, 502)
            request.say(502, b"<html><h1>502 Bad Gateway</h1></html>", "text/html")
        elif fault.kind == "cap":
            name = fault.cap_name("download")
            self._refuse(request, 403, f"{name}_cap_exceeded", CAPS[name])
        elif fault.kind == "slowdown":
            self._refuse(request, 429, "too_many_requests", "Please reduce your request rate", ("Retry-After", "1"))
        elif refusal := fault.refusal():
            self._refuse(request, refusal.status, _CODES[refusal.status], refusal.message)
        return fault.kind not in ("slow", "lie")

    def _answer(self, request: Relay, key: str, stored: Stored) -> None:
        headers = [(name, value) for name, value in stored.headers if name.lower() in _PASSED]
        headers += [("Accept-Ranges", "bytes"), ("x-bz-file-name", quote(key))]
        headers += [("x-bz-file-id", stored.header("x-amz-version-id") or "")]
        headers += [("x-bz-content-sha1", self._sha1(key, stored))]
        uploaded = parsedate_to_datetime(stored.header("last-modified") or "")
        headers += [("X-Bz-Upload-Timestamp", str(int(uploaded.timestamp() * 1000)))]
        for name, value in stored.headers:
            if name.lower().startswith("x-amz-meta-"):
                text = value.encode("latin-1").decode("utf-8", "replace")
                headers.append((f"x-bz-info-{name[11:].lower()}", quote_plus(text)))
        if content_range := stored.header("content-range"):
            headers.append(("Content-Range", content_range))
        # Whoever asks may say how it is answered. Source: https://www.backblaze.com/apidocs/b2-download-file-by-name
        asked = dict(parse_qsl(request.path.partition("?")[2])).get("b2ContentType")
        content_type = asked or stored.header("content-type") or "application/octet-stream"
        self._note(request, stored.status)
        request.say(stored.status, b"", content_type, headers, length=stored.header("content-length"))
        if request.command == "GET":
            copyfileobj(stored.content, request.wfile, 256 * 1024)

    def _sha1(self, key: str, stored: Stored) -> str:
        """Return the SHA-1 of the whole object; a large file, put together from parts, has none."""
        if "-" in (stored.header("etag") or ""):
            return "none"
        if stored.status == 200:
            return _hashed(stored.content)
        whole = self._storage.call("GET", self._bucket, quote(key), "", {})
        with whole.content:
            return _hashed(whole.content)

    def _refuse(self, request: Relay, status: int, code: str, message: str, *more: tuple[str, str]) -> None:
        self._note(request, status)
        body = json.dumps({"code": code, "message": message, "status": status}, indent=2).encode()
        headers = [("Cache-Control", "max-age=0, no-cache, no-store"), *more]
        request.say(status, body, "application/json;charset=utf-8", headers)

    def _note(self, request: Relay, status: int) -> None:
        self.records.append(Record(request.command, request.path, headers_of(request), status, 0))


def _check_found(key: str, stored: Stored) -> None:
    if stored.status == 416:
        message = "The Range in the request is outside the size of the file"
        raise Refusal(416, "range_not_satisfiable", message)
    if stored.status not in (200, 206):
        raise Refusal(404, "not_found", f"File with such name does not exist: {quote(key)}")


def _hashed(content: IO[bytes]) -> str:
    digest = hashlib.sha1(usedforsecurity=False)
    while piece := content.read(256 * 1024):
        digest.update(piece)
    content.seek(0)
    return digest.hexdigest()
