"""The friendly address: /file/BUCKET/KEY for anyone, whatever the Host; no ETag, no Last-Modified, no 304."""

import json
import re
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from urllib.parse import quote_plus

from tests.edge.relay import Listener, Relay

from .faults import CAPS, Faults
from .storage import Storage, Stored

_PASSED = {"cache-control", "content-disposition", "content-language", "content-encoding", "expires"}


class FriendlyFront(Listener):
    """The download host of the account."""

    def __init__(
        self,
        storage: Storage,
        bucket: str,
        *,
        is_public: bool,
        faults: Faults,
        transactions: Counter[str],
        sha1_of: Callable[[bytes], str],
        port: int,
    ) -> None:
        super().__init__(port)
        self._storage = storage
        self._bucket = bucket
        self._is_public = is_public
        self._faults = faults
        self._transactions = transactions
        self._sha1_of = sha1_of

    def handle(self, request: Relay) -> None:
        """Answer one download."""
        match = re.fullmatch(r"/file/([^/?]+)/([^?]+)(\?.*)?", request.path)
        if request.command not in ("GET", "HEAD") or not match or match[1] != self._bucket:
            return _refuse(request, 404, "not_found", "File with such name does not exist.")
        if not self._is_public:
            return _refuse(request, 401, "unauthorized", "Authorization token for download required")
        fault = self._faults.take(request.command, request.path)
        if fault and fault.kind == "cap":
            return _refuse(request, 403, "download_cap_exceeded", CAPS["download"])
        self._transactions["B"] += 1
        wanted = request.headers.get("range", "")
        headers = {} if wanted in ("", "bytes=0-") else {"range": wanted}
        stored = self._storage.call("GET", f"/{match[1]}/{match[2]}", headers, BytesIO(), 0)
        if stored.status == 416:
            return _refuse(
                request, 416, "range_not_satisfiable", "The Range in the request is outside the size of the file"
            )
        if stored.status not in (200, 206):
            return _refuse(request, 404, "not_found", f"File with such name does not exist: {match[2]}")
        return self._answer(request, match[2], stored)

    def _answer(self, request: Relay, key: str, stored: Stored) -> None:
        headers = [(name, value) for name, value in stored.headers if name.lower() in _PASSED]
        headers += [("Accept-Ranges", "bytes"), ("x-bz-file-name", key)]
        headers += [("x-bz-file-id", stored.header("x-amz-version-id") or "")]
        headers += [("x-bz-content-sha1", self._sha1_of(stored.body)), ("X-Bz-Upload-Timestamp", "1795521600000")]
        for name, value in stored.headers:
            if name.lower().startswith("x-amz-meta-"):
                headers.append((f"x-bz-info-{name[11:].lower()}", quote_plus(value)))
        if content_range := stored.header("content-range"):
            headers.append(("Content-Range", content_range))
        content_type = stored.header("content-type") or "application/octet-stream"
        request.say(stored.status, stored.body, content_type, headers)


def _refuse(request: Relay, status: int, code: str, message: str) -> None:
    body = json.dumps({"code": code, "message": message, "status": status}, indent=2).encode()
    request.say(status, body, "application/json;charset=utf-8", [("Cache-Control", "max-age=0, no-cache, no-store")])
