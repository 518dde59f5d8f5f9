"""Resumable uploads: a file in parts, and on from where the server is after a cut. Source: https://tus.io, 1.0.0."""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import Forbidden, NotFound, Refused
from .api import Answer, Api, later
from .bodies import Part
from .retry import Patience
from .sources import Opened
from .state import Unfinished, digest

FROM_BYTES = 8 * 1024 * 1024  # what is larger is sent in parts
PART_BYTES = 16 * 1024 * 1024  # far below the 100 MB that Cloudflare takes in one request
PATH = "/api/tus"

_OCTETS = "application/offset+octet-stream"
_NOT_OFFERED = (404, 405, 501)
_LAST = re.compile(r"/([A-Za-z0-9_-]{1,128})/?(?:\?.*)?$")


class NotResumable(Exception):
    """This server takes no resumable uploads."""


@dataclass(slots=True)
class _Upload:
    """One upload under way: its path on the server, and where it is there; None while that is not known."""

    path: str
    opened: Opened
    at: Callable[[int], None]
    offset: int | None
    name: str | None = None
    reached: int = 0

    def move(self, offset: int) -> None:
        self.offset = offset
        self.reached = max(self.reached, offset)
        self.at(offset)


class Resumable:
    """Uploads of one run to one server, which may go on with those of an earlier run."""

    def __init__(self, api: Api, patience: Patience, unfinished: Unfinished, *, part_bytes: int = PART_BYTES) -> None:
        self._api, self._patience, self._unfinished, self._part_bytes = api, patience, unfinished, part_bytes

    def upload(
        self,
        opened: Opened,
        place: str | None,
        metadata: Mapping[str, str],
        *,
        at: Callable[[int], None],
        tell: Callable[[str], None],
    ) -> Mapping[str, Any]:
        """Send the whole file and return what the server tells of the image.

        `place` is where the file is, or None if no later run could find it. `at` hears how many bytes are there. Raises
        NotResumable where the server does not offer it, the refusal, and Unavailable after too many tries; a later run
        then goes on.
        """
        name = (
            digest(self._api.url, place, opened.size, opened.modified_ns, sorted(metadata.items())) if place else None
        )
        if name and (known := self._unfinished.find(name)):
            try:
                return self._finish(_Upload(known, opened, at, None, name), tell)
            except NotFound:
                tell("what was sent of it earlier is gone from the server; it begins anew")
        path = self._patience.insist(lambda: self._create(opened.size, metadata), tell)
        if name:
            self._unfinished.keep(name, path)
        return self._finish(_Upload(path, opened, at, 0, name), tell)

    def _create(self, size: int, metadata: Mapping[str, str]) -> str:
        words = [
            f"{key} {base64.b64encode(value.encode('utf-8', 'replace')).decode()}" for key, value in metadata.items()
        ]
        answer = self._ask("POST", PATH, {"Upload-Length": str(size), "Upload-Metadata": ",".join(words)})
        if answer.status in _NOT_OFFERED:
            raise NotResumable
        if answer.status != 201:
            raise answer.refusal()
        # The last part alone: a token goes to the server it is for, wherever this points.
        if not (found := _LAST.search(answer.headers.get("Location", ""))):
            raise Refused("the server made a resumable upload, but did not say where")
        return f"{PATH}/{found[1]}"

    def _finish(self, upload: _Upload, tell: Callable[[str], None]) -> Mapping[str, Any]:
        while upload.offset is None or upload.offset < upload.opened.size:
            self._patience.insist(lambda: self._step(upload), tell)
        told = self._patience.insist(lambda: self._result(upload), tell)
        self._forget(upload)
        return told

    def _step(self, upload: _Upload) -> None:
        """Find out where the upload is, if that is not known; else send the next part. Progress ends a step: the
        next one has all of its tries."""
        if upload.offset is None:
            reached = upload.reached
            self._locate(upload)
            if upload.offset is None or upload.offset > reached or upload.offset == upload.opened.size:
                return
        start = upload.offset
        sent = [start]

        def tell_sent(count: int) -> None:
            self._patience.check()
            sent[0] += count
            upload.at(sent[0])

        part = Part(upload.opened, start, min(self._part_bytes, upload.opened.size - start), tell_sent)
        headers = {"Upload-Offset": str(start), "Content-Type": _OCTETS}
        upload.offset = None  # until an answer says where
        answer = self._ask("PATCH", upload.path, headers, part)
        if answer.status not in (204, 409):
            raise self._refusal(upload, answer)
        least = start if answer.status == 204 else upload.reached
        upload.move(offset := _offset(answer, upload.opened.size))
        if offset <= least:  # else one that never takes any of it would be sent it for ever
            raise later("the server has taken nothing of it")

    def _locate(self, upload: _Upload) -> None:
        answer = self._ask("HEAD", upload.path)
        if answer.status == 200:
            upload.move(_offset(answer, upload.opened.size))
            return
        self._result(upload)  # what was refused is refused once more here, with the reason
        upload.move(upload.opened.size)

    def _result(self, upload: _Upload) -> Mapping[str, Any]:
        answer = self._ask("GET", upload.path)
        if answer.status == 200 and answer.told.get("url"):
            return answer.told
        if answer.status in (200, 202):
            raise later("the server is still storing it", float(answer.status == 202))
        raise self._refusal(upload, answer)

    def _ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Part | None = None
    ) -> Answer:
        return self._api.ask(method, path, headers={"Tus-Resumable": "1.0.0", **(headers or {})}, body=body)

    def _refusal(self, upload: _Upload, answer: Answer) -> Refused | Forbidden | NotFound:
        self._forget(upload)
        return answer.refusal()

    def _forget(self, upload: _Upload) -> None:
        if upload.name:
            self._unfinished.forget(upload.name)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "replace")).decode()


def _offset(answer: Answer, size: int) -> int:
    """Return where the server says the upload is; raise Unavailable where it says nothing that can be."""
    text = answer.headers.get("Upload-Offset", "")
    if not re.fullmatch(r"[0-9]{1,15}", text) or int(text) > size:
        raise later("the server did not say how much it has")
    return int(text)
