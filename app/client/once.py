"""The pictures of a watched folder, each sent once, however often the watching is begun."""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

from ..errors import NotAllowed, Refused, Unavailable
from .parallel import Running
from .sending import Outcome, Sending, Wishes
from .sources import from_path, opened
from .state import Sent, digest
from .watch import Folder

POLL_S = 0.2
AGAIN_S = 30.0  # until a file is tried again that the server could not be given

_CHUNK_BYTES = 1024 * 1024


class Once:
    """Sends a file unless its bytes went to this server before."""

    def __init__(self, sending: Sending, sent: Sent, wishes: Wishes) -> None:
        self._sending, self._sent, self._wishes = sending, sent, wishes

    def send(self, path: Path) -> Outcome | None:
        """Return what became of the file; None if it was sent before."""
        try:
            with opened(path) as file:
                by_place = digest("file", path.resolve(), file.size, file.modified_ns)
                if self._sent.has(by_place):
                    return None
                content = hashlib.sha256()
                while chunk := file.file.read(_CHUNK_BYTES):
                    content.update(chunk)
        except (Refused, OSError):
            return self._sending.send(from_path(path))  # which says what is wrong with it
        by_content = digest("bytes", content.hexdigest())
        if self._sent.has(by_content):
            return None
        # Made of what is sent: killed between the answer and the note of it, the next run gets the first answer.
        key = digest("key", content.hexdigest(), sorted(self._wishes.fields().items()))
        outcome = self._sending.send(from_path(path), key)
        if outcome.told:
            self._sent.add(by_place, by_content)
        return outcome


def follow(folder: Folder, sending: Sending, once: Once, stop: threading.Event, *, jobs: int) -> Iterator[Outcome]:
    """Yield what becomes of each picture that appears, until `stop`; while the server is away they wait.

    Raises Unavailable if the folder is gone, NotAllowed if the token is not taken.
    """
    while not stop.is_set():
        sending.begin()
        for outcome in Running(once.send, folder.ready(), jobs, stop):
            if outcome is None:
                continue
            if isinstance(outcome.error, Unavailable) and outcome.source.path:
                folder.again(outcome.source.path, AGAIN_S)
            yield outcome
            if isinstance(outcome.error, NotAllowed):
                raise outcome.error
        stop.wait(POLL_S)
