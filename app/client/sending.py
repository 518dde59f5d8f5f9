"""One source to the server: opened, sent in one request or in parts, again as long as that may help."""

import re
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..errors import BowerbirdError, NotAllowed, Refused, Unavailable
from . import tus
from .api import Api, later, shown
from .bodies import Multipart
from .config import UPLOAD_PATH
from .retry import Patience
from .sources import Opened, Source, opened
from .state import Unfinished

_ADDRESS = re.compile(r"https?://[!-~]+")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked for beside each upload, in the words of `/api/upload`."""

    expires: str = ""
    title: str = ""
    tags: tuple[str, ...] = ()
    keep_metadata: bool = False

    def fields(self) -> dict[str, str]:
        """Return those that are asked for."""
        asked = {"expires": self.expires, "title": self.title, "tags": ",".join(self.tags)}
        return {key: value for key, value in asked.items() if value} | (
            {"keep_metadata": "1"} if self.keep_metadata else {}
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a source: what the server tells of the image, or the error."""

    source: Source
    told: Mapping[str, Any] | None = None
    error: BowerbirdError | None = None

    @property
    def url(self) -> str:
        """The image's address; only where there is no error."""
        return str(self.told["url"]) if self.told else ""


class Listener(Protocol):
    """Who is told how it goes; by several threads at once."""

    def begin(self, source: Source, size: int) -> None:
        """The source is about to be sent, `size` bytes of it."""

    def at(self, source: Source, position: int) -> None:
        """So many bytes of it went out; fewer than before, where it is sent again."""

    def note(self, source: Source, text: str) -> None:
        """Something happened on the way that does not end it."""

    def end(self, outcome: Outcome) -> None:
        """It is there, or it will not be."""


class Sending:
    """Uploads to one server, by up to `jobs` threads."""

    def __init__(self, api: Api, wishes: Wishes, patience: Patience, listener: Listener, *, jobs: int) -> None:
        self._api, self._wishes, self._patience, self._listener, self._jobs = api, wishes, patience, listener, jobs
        self._resumable: tus.Resumable | None = tus.Resumable(api, patience, Unfinished())
        self._lock = threading.Lock()
        self.begin()

    def begin(self) -> None:
        """Forget that the server was given up."""
        self._lost = 0
        self._hopeless: BowerbirdError | None = None

    def send(self, source: Source, key: str | None = None) -> Outcome:
        """Upload a source and return what became of it. `key` is the Idempotency-Key; a new one if left out.

        Where the token is not taken, or the server was waited for in vain by all threads, the next ones fail at once.
        """
        try:
            outcome = Outcome(source, self._send(source, key or uuid.uuid4().hex))
        except BowerbirdError as e:
            outcome = Outcome(source, error=e)
        self._judge(outcome.error)
        self._listener.end(outcome)
        return outcome

    def _send(self, source: Source, key: str) -> Mapping[str, Any]:
        self._patience.check()
        if source.problem:
            raise Refused(source.problem)
        if self._hopeless:
            raise self._hopeless
        with _loaded(source) as path, opened(path) as file:
            self._listener.begin(source, file.size)
            told = self._in_parts(source, file) if file.size > tus.FROM_BYTES else None
            told = told or self._at_once(source, file, key)
        if not _ADDRESS.fullmatch(str(told.get("url"))):
            raise Refused(f"the server's answer has no address: {shown(str(told.get('url')))[:80]}")
        return told

    def _in_parts(self, source: Source, file: Opened) -> Mapping[str, Any] | None:
        """Return what the server tells; None where it takes no uploads in parts."""
        if not (resumable := self._resumable):
            return None
        metadata = {"filename": source.name, **self._wishes.fields()}
        place = str(source.path.resolve()) if source.path else None
        try:
            return resumable.upload(file, place, metadata, at=self._at(source), tell=self._note(source))
        except tus.NotResumable:
            self._resumable = None
            return None

    def _at_once(self, source: Source, file: Opened, key: str) -> Mapping[str, Any]:
        def post() -> Mapping[str, Any]:
            position = 0

            def sent(count: int) -> None:
                nonlocal position
                self._patience.check()
                position += count
                self._listener.at(source, position)

            body = Multipart(self._wishes.fields(), source.name, file, sent)
            headers = {"Content-Type": body.content_type, "Idempotency-Key": key}
            answer = self._api.ask("POST", UPLOAD_PATH, headers=headers, body=body)
            if answer.status >= 300:
                raise answer.refusal()
            if not answer.told.get("url"):
                raise later("half an answer came")
            return answer.told

        return self._patience.insist(post, self._note(source))

    def _judge(self, error: BowerbirdError | None) -> None:
        with self._lock:
            if error is None:
                self._lost = 0
            elif isinstance(error, NotAllowed):
                self._hopeless = error
            elif isinstance(error, Unavailable):
                self._lost += 1
                if self._lost >= self._jobs:
                    self._hopeless = error

    def _at(self, source: Source) -> Callable[[int], None]:
        return lambda position: self._listener.at(source, position)

    def _note(self, source: Source) -> Callable[[str], None]:
        return lambda text: self._listener.note(source, text)


@contextmanager
def _loaded(source: Source) -> Iterator[Path]:
    """Yield where the source's bytes are; what had to be brought here first is removed afterwards."""
    if source.path:
        yield source.path
        return
    with ExitStack() as stack:
        try:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bowerbird-")), "source")
            if source.load:
                source.load(path)
        except OSError as e:
            raise Refused(f"it cannot be kept on this disk meanwhile: {e.strerror}") from e
        yield path
