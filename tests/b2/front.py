"""The S3 API on its port: each request is received whole, judged as B2 judges it, and only then stored."""

import json
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO
from xml.etree import ElementTree

from tests.edge.relay import Listener, Relay

from . import rules
from .body import check_body, receive
from .errors import HEADERS, Refusal
from .faults import Fault, Faults
from .sigv4 import Key, verify
from .storage import Storage, Stored

_HIDDEN = {"date", "server", "connection", "content-length", "content-type", "x-amz-tagging-count"}
_FORWARDED = re.compile(
    r"content-(type|encoding|language|disposition|md5)|cache-control|expires|range|x-amz-(meta-.*|copy-source.*|metadata-directive)"
)
_SPOOLED = 1024 * 1024


@dataclass(frozen=True)
class Record:
    """One request that came, for the tests to look at; `headers` have lower-case names."""

    method: str
    target: str
    headers: dict[str, str]
    status: int
    body_bytes: int


class S3Front(Listener):
    """The S3 host of one region."""

    def __init__(
        self,
        storage: Storage,
        keys: dict[str, Key],
        region: str,
        *,
        bucket: str,
        clock: Callable[[], float],
        is_public: bool,
        accept_checksums: bool,
        port: int,
        tls: tuple[Path, Path] | None,
    ) -> None:
        super().__init__(port, tls=tls)
        self.faults = Faults()
        self.records: list[Record] = []
        self.transactions: Counter[str] = Counter()
        self._storage = storage
        self._keys = keys
        self._region = region
        self._bucket = bucket
        self._clock = clock
        self._is_public = is_public
        self._accept_checksums = accept_checksums
        self._lock = threading.Lock()
        self._count = 0

    def handle(self, request: Relay) -> None:
        """Answer one request."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        fault = self.faults.take(request.command, request.path)
        with SpooledTemporaryFile(_SPOOLED) as body:
            size = 0
            try:
                if fault and fault.kind in ("503", "slowdown", "reset"):
                    return self._break(request, fault)
                size = receive(request, body)
                stored = self._judge(request, headers, fault, body, size)
                status = stored.status
                self._note(request, headers, status, size)
                if fault and fault.kind == "lost":
                    return _reset(request)
                return self._answer(request, stored, fault)
            except Refusal as refusal:
                self._note(request, headers, refusal.status, size)
                return self._refuse(request, refusal)

    def _judge(self, request: Relay, headers: dict[str, str], fault: Fault | None, body: BinaryIO, size: int) -> Stored:
        """Return what the storage answers to a request that B2 would take; raise Refusal for any other."""
        if fault and fault.kind == "slow":
            threading.Event().wait(fault.delay_s)
        if fault and (refusal := fault.refusal()):
            raise refusal
        if fault and fault.kind == "html":
            return Stored(502, [("Content-Type", "text/html")], b"<html>502 Bad Gateway</html>")
        target = rules.target_of(request.path, headers.get("host", ""))
        action = rules.action_of(request.command, target, headers)
        is_anonymous = "authorization" not in headers and "X-Amz-Signature" not in request.path
        if not (
            is_anonymous and self._is_public and action.capability == "readFiles" and target.bucket == self._bucket
        ):
            key = verify(request.command, request.path, headers, self._keys, self._region, self._clock)
            rules.check_entitled(key, action, target)
        rules.check_headers(headers, self._acl(), accept_checksums=self._accept_checksums)
        if action.is_write and target.key:
            rules.check_names(target, headers)
        check_body(request, headers, body, size)
        if "delete" in target.query and "content-md5" not in headers:
            raise Refusal(400, "InvalidRequest", "Missing required header for this request: Content-MD5")
        if request.command == "POST" and "uploadId" in target.query:
            self._check_parts(request.path.split("?")[0], target.query["uploadId"], body)
        with self._lock:
            self.transactions[action.transaction] += 1
        if "location" in target.query or action.capability == "listBuckets":
            return self._location(request.command)
        forwarded = {name: value for name, value in headers.items() if _FORWARDED.fullmatch(name)}
        body.seek(0)
        path = (
            request.path
            if target.bucket == request.path.lstrip("/").split("/")[0].split("?")[0]
            else (f"/{target.bucket}{request.path}")
        )
        return _conditional(headers, self._storage.call(request.command, path, forwarded, body, size))

    def _acl(self) -> str:
        return "public-read" if self._is_public else "private"

    def _location(self, method: str) -> Stored:
        xml = f'<?xml version="1.0"?><LocationConstraint>{self._region}</LocationConstraint>'.encode()
        return Stored(200, [("Content-Type", "application/xml")], b"" if method == "HEAD" else xml)

    def _check_parts(self, path: str, upload_id: str, body: BinaryIO) -> None:
        """Every part but the last has 5 MB, and there are at most 10,000 of them."""
        body.seek(0)
        wanted = [
            int(one.text or 0) for one in ElementTree.fromstring(body.read()).iter() if one.tag.endswith("PartNumber")
        ]
        listed = self._storage.call("GET", f"{path}?uploadId={upload_id}&max-parts=10000", {}, body, 0)
        if listed.status != 200:
            return
        sizes = {}
        for part in (one for one in ElementTree.fromstring(listed.body).iter() if one.tag.endswith("}Part")):
            values = {one.tag.split("}")[1]: one.text for one in part}
            sizes[int(values["PartNumber"] or 0)] = int(values["Size"] or 0)
        if len(wanted) > 10000 or any(sizes.get(number, 0) < rules.MIN_PART for number in wanted[:-1]):
            raise Refusal(
                400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed object size."
            )

    def _break(self, request: Relay, fault: Fault) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if fault.kind == "reset":
            request.rfile.read(min(int(headers.get("content-length") or 0), 1000))
            self._note(request, headers, 0, 0)
            return _reset(request)
        request.close_connection = True
        refusal = fault.refusal()
        self._note(request, headers, 503, 0)
        return self._refuse(request, refusal) if refusal else None

    def _answer(self, request: Relay, stored: Stored, fault: Fault | None) -> None:
        if stored.status >= 400 and stored.status != 502:
            return self._refuse(request, _from_moto(stored), stored)
        headers = [(name, value) for name, value in stored.headers if name.lower() not in _HIDDEN]
        if fault and fault.kind == "lie":
            headers = [(name, f'"{"0" * 32}"' if name.lower() == "etag" else value) for name, value in headers]
        content_type = stored.header("content-type") or "application/xml"
        length = stored.header("content-length") if request.command == "HEAD" else None
        return request.say(stored.status, stored.body, content_type, [*headers, *self._ids()], length=length)

    def _refuse(self, request: Relay, refusal: Refusal, stored: Stored | None = None) -> None:
        headers = [*HEADERS, *self._ids()[:1]]
        if refusal.retry_after_s:
            headers.append(("Retry-After", str(refusal.retry_after_s)))
        target = rules.target_of(request.path, request.headers.get("host", "")) if stored else None
        if target and refusal.status == 404 and target.key and self._storage.is_hidden(target.key):
            headers.append(("x-amz-delete-marker", "true"))
        body = b"" if request.command == "HEAD" or refusal.status == 304 else refusal.xml()
        request.say(refusal.status, body, "application/xml", headers)

    def _ids(self) -> list[tuple[str, str]]:
        with self._lock:
            self._count += 1
            return [("x-amz-request-id", f"{self._count:016x}"), ("x-amz-id-2", "aAB1cD2eF3")]

    def _note(self, request: Relay, headers: dict[str, str], status: int, size: int) -> None:
        with self._lock:
            self.records.append(Record(request.command, request.path, headers, status, size))


def _conditional(headers: dict[str, str], stored: Stored) -> Stored:
    etag = stored.header("etag")
    if stored.status not in (200, 206) or not etag:
        return stored
    if "if-match" in headers and headers["if-match"] not in ("*", etag):
        raise Refusal(412, "PreconditionFailed", "At least one of the preconditions you specified did not hold.")
    if headers.get("if-none-match") in ("*", etag):
        return Stored(304, stored.headers, b"")
    return stored


def _from_moto(stored: Stored) -> Refusal:
    try:
        error = ElementTree.fromstring(stored.body) if stored.body else None
    except ElementTree.ParseError:
        error = None
    if error is None:
        return Refusal(stored.status, "NoSuchKey" if stored.status == 404 else json.dumps(stored.status), "")
    return Refusal(stored.status, error.findtext("Code", ""), error.findtext("Message", ""))


def _reset(request: Relay) -> None:
    """Break off so that the other side sees a reset, not an end."""
    request.close_connection = True
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()
