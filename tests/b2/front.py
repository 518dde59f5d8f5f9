"""The S3 API on its port: requests are received whole, judged, noted and answered, faults included."""

import threading
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile
from typing import BinaryIO
from xml.etree import ElementTree

from tests.edge.relay import Listener, Relay

from .account import Account
from .body import declared_length, receive
from .errors import HEADERS, Refusal
from .faults import Fault, Faults
from .messages import drain, headers_of, reset
from .storage import Stored

_HIDDEN = {"date", "server", "connection", "content-length", "content-type", "x-amz-tagging-count", "x-amzn-requestid"}
_SPOOLED = 1024 * 1024
_ELSEWHERE = {"html": 502, "page": 200, "redirect": 302}  # what somebody else answers
_PAGE_HEADERS = (("Content-Type", "text/html"), ("Location", "http://127.0.0.1:9/"))
_UNREAD = ("503", "slowdown", "reset")


@dataclass(frozen=True)
class Record:
    """One request that came, for the tests to look at; `target` is raw, `headers` have lower-case names.

    `status` is 0 where nothing was answered because the body was broken off.
    """

    method: str
    target: str
    headers: dict[str, str]
    status: int
    body_bytes: int

    @property
    def path(self) -> str:
        return self.target


class S3Front(Listener):
    """The S3 host of one region."""

    def __init__(self, account: Account, faults: Faults, host: str, port: int, tls: tuple[Path, Path] | None) -> None:
        super().__init__(port, host=host, tls=tls)
        self.records: list[Record] = []
        self._account = account
        self._faults = faults
        self._lock = threading.Lock()
        self._count = 0
        self._forgotten = 0
        self._begun = threading.local()  # one thread answers one connection

    def forget(self) -> None:
        """Forget the requests so far, those too that are under way: of a body that never comes to its end it is known a
        minute later, in the midst of another test."""
        with self._lock:
            self._forgotten += 1
            self.records.clear()

    def handle(self, request: Relay) -> None:
        """Answer one request."""
        self._begun.at = self._forgotten
        headers = headers_of(request)
        fault = self._faults.take(request.command, request.path)
        if fault and fault.kind in _UNREAD:
            return self._answer_unread(request, headers, fault)
        size = 0
        with SpooledTemporaryFile(_SPOOLED) as body:
            try:
                size = receive(request, headers, body)
                stored = self._judge(request, headers, fault, body, size)
                if stored.status >= 400 and stored.status != 502:
                    raise _from_moto(stored)
            except Refusal as refusal:
                self._note(request, headers, refusal.status, size)
                return self._refuse(request, refusal)
        with stored.content:
            self._note(request, headers, stored.status, size)
            return reset(request) if fault and fault.kind == "lost" else self._answer(request, stored, fault)

    def _judge(self, request: Relay, headers: dict[str, str], fault: Fault | None, body: BinaryIO, size: int) -> Stored:
        """Return what B2 makes of a request, or a fault instead of B2; raise Refusal for what either refuses."""
        if fault and fault.kind == "slow":
            threading.Event().wait(fault.delay_s)
        if fault and (refusal := fault.refusal()):
            raise refusal
        if fault and fault.kind in _ELSEWHERE:
            return Stored(_ELSEWHERE[fault.kind], list(_PAGE_HEADERS), b"<html><h1>502 Bad Gateway</h1></html>")
        return self._account.judge(request.command, request.path, headers, body, size)

    def _answer_unread(self, request: Relay, headers: dict[str, str], fault: Fault) -> None:
        """Meet a fault that comes before the body has been read."""
        request.close_connection = True
        refusal = fault.refusal()
        try:
            length = declared_length(headers)
        except Refusal:
            length = 0
        if refusal is None:
            request.rfile.read(min(length, 1000))
            self._note(request, headers, 0, 0)
            return reset(request)
        self._note(request, headers, refusal.status, 0)
        self._refuse(request, refusal)
        return drain(request, length)

    def _answer(self, request: Relay, stored: Stored, fault: Fault | None) -> None:
        is_read = request.command in ("GET", "HEAD")
        headers = []
        for name, value in stored.headers:
            is_hidden = name.lower() in _HIDDEN or name.lower().startswith("access-control-")
            if not is_hidden and (is_read or name.lower() != "last-modified"):
                kind = fault.kind if fault and name.lower() == "etag" else None
                if kind != "unnamed":
                    headers.append((name, f'"{"0" * 32}"' if kind == "lie" else value))
        headers += self._ids()
        content_type = stored.header("content-type") or "application/xml"
        # An answer of XML may have got another length than moto's: names and ids in it were translated.
        is_content = is_read and not stored.body
        length = stored.header("content-length") if is_content else None
        if fault and fault.kind == "cut":
            request.close_connection, length = True, str(len(stored.body) + 1000)
        status = 204 if fault and fault.kind == "empty" else stored.status
        request.say(status, stored.body if status != 204 else b"", content_type, headers, length=length)
        if request.command == "GET" and stored.status in (200, 206):
            copyfileobj(stored.content, request.wfile, 256 * 1024)

    def _refuse(self, request: Relay, refusal: Refusal) -> None:
        headers = [*HEADERS, *self._ids()]
        if refusal.retry_after_s:
            headers.append(("Retry-After", str(refusal.retry_after_s)))
        if refusal.is_hidden:
            headers.append(("x-amz-delete-marker", "true"))
        body = b"" if request.command == "HEAD" else refusal.xml()
        request.say(refusal.status, body, "application/xml", headers)

    def _ids(self) -> list[tuple[str, str]]:
        with self._lock:
            self._count += 1
            return [
                ("x-amz-request-id", f"{self._count:016x}"),
                ("x-amz-id-2", "aAB1cD2eF3"),
                ("Strict-Transport-Security", "max-age=63072000"),
            ]

    def _note(self, request: Relay, headers: dict[str, str], status: int, size: int) -> None:
        with self._lock:
            if self._begun.at == self._forgotten:
                self.records.append(Record(request.command, request.path, headers, status, size))


def _from_moto(stored: Stored) -> Refusal:
    try:
        error = ElementTree.fromstring(stored.body) if stored.body else None
    except ElementTree.ParseError:
        error = None
    code, message = ("NoSuchKey" if stored.status == 404 else "InvalidRequest"), "The request was refused."
    if error is not None:
        code, message = error.findtext("Code", code), error.findtext("Message", message)
    return Refusal(stored.status, code, message, is_hidden=stored.header("x-amz-delete-marker") == "true")
