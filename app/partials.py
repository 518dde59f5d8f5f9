"""Uploads that are not whole yet: their bytes on the server's own disk, a folder for each, and what came of them.

`tus/TOKEN/ID/` has the bytes, whose number is the offset, and what was said of them; whoever writes holds the folder
locked, and the kernel unlocks it at any death. What an upload has become is `tus/TOKEN/settled/ID.json`.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .blocking import run_blocking
from .durable import sync_folder, write_durably
from .errors import Locked, NotFound
from .partial import BYTES, UNVERIFIED, WANTED, Held, Partial
from .spool import on_our_disk

POLL_S = 0.1  # how soon who waits for a lock looks again

_ID = re.compile(r"[0-9a-f]{32}")
_ABOUT, _SETTLED = "about.json", "settled"


class Partials:
    """All of them in one data folder, which several processes may share."""

    def __init__(self, data_dir: Path, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._folder = data_dir / "tus"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sleep = sleep

    def create(self, token_id: int, length: int, metadata: str) -> Partial:
        """Begin an upload of `length` bytes; raise StoreFull where the disk does not take it."""
        id_ = secrets.token_hex(16)
        with on_our_disk():
            run_blocking(self._create, self._path(token_id, id_), {"length": length, "metadata": metadata})
        return Partial(id_, token_id, length, metadata, 0, datetime.now(UTC))

    def find(self, token_id: int, id_: str) -> Partial:
        """Return the upload `id_` of a token; raise NotFound if there is none, whatever the text is."""
        if not _ID.fullmatch(id_):
            raise NotFound("there is no such upload")
        path, settled = self._path(token_id, id_), self._settled(token_id, id_)
        try:
            if not settled.exists():
                about = _read(path / _ABOUT)
                return Partial(id_, token_id, **about, offset=_offset(path), touched_at=_touched_at(path / BYTES))
            about = _read(settled)
            refusal = tuple(about.pop("refusal")) if "refusal" in about else None
            offset = 0 if refusal else about["length"]
            return Partial(id_, token_id, **about, offset=offset, refusal=refusal, touched_at=_touched_at(settled))
        except FileNotFoundError:
            if not path.exists() and settled.exists():  # settled between two looks
                return self.find(token_id, id_)
            raise NotFound("there is no such upload") from None

    @contextmanager
    def hold(self, partial: Partial, *, wait_s: float) -> Iterator[Held]:
        """Hold the upload, so that nobody else writes to it: yield what writes, and the upload as it is then, which may
        be settled by now. Who has it at the moment is asked to let go, if `wait_s` allows waiting for it.

        Raises Locked if it is not free in time, NotFound if it is gone.
        """
        path = self._path(partial.token_id, partial.id)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield Held(path, self.find(partial.token_id, partial.id))
            return
        try:
            self._lock(descriptor, path, wait_s)
            with suppress(FileNotFoundError):
                (path / WANTED).unlink()
            held = Held(path, self.find(partial.token_id, partial.id))
            if not held.partial.is_settled and held.recover():
                held.partial = self.find(partial.token_id, partial.id)
            yield held
        finally:
            os.close(descriptor)

    def settle(self, partial: Partial, *, key: str | None = None, copy: int = 1, refusal: Any = None) -> Partial:
        """Write down what became of the upload, which the caller holds, and remove its bytes."""
        came = {"refusal": list(refusal)} if refusal else {"key": key, "copy": copy}
        path = self._settled(partial.token_id, partial.id)
        with on_our_disk():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            about = {"length": partial.length, "metadata": partial.metadata, **came}
            run_blocking(write_durably, path, json.dumps(about))
        self.remove_bytes(partial)
        return self.find(partial.token_id, partial.id)

    def remove(self, partial: Partial) -> None:
        """Forget all of the upload, which the caller holds unless it is settled."""
        self.remove_bytes(partial)
        self._settled(partial.token_id, partial.id).unlink(missing_ok=True)

    def remove_bytes(self, partial: Partial) -> None:
        """Remove what came of the upload, which the caller holds."""
        path = self._path(partial.token_id, partial.id)
        with suppress(FileNotFoundError):
            (path / _ABOUT).unlink()  # first: without it there is no upload
        shutil.rmtree(path, ignore_errors=True)

    def unfinished(self, token_id: int | None = None) -> Iterator[Partial]:
        """Yield the uploads of a token, or of all, that are not settled."""
        for path in self._folder.glob(f"{'*' if token_id is None else token_id}/*"):
            if _ID.fullmatch(path.name):
                with suppress(NotFound):
                    found = self.find(int(path.parent.name), path.name)
                    if not found.is_settled:
                        yield found

    def free_bytes(self) -> int:
        """Return how much room the disk has."""
        return shutil.disk_usage(self._folder).free

    def sweep(self, oldest: datetime) -> int:
        """Remove what was touched before `oldest` and is not in use, and return how many unfinished uploads it was."""
        count = 0
        for partial in self.unfinished():
            if partial.touched_at >= oldest:
                continue
            with suppress(Locked, NotFound), self.hold(partial, wait_s=0) as held:
                if held.partial.touched_at < oldest and not held.partial.is_settled:
                    self.remove_bytes(partial)
                    count += 1
        # What was settled; and what a crash left, at the beginning or the end of an upload.
        for path in [*self._folder.glob(f"*/{_SETTLED}/*"), *self._folder.glob("*/*")]:
            is_upload = _ID.fullmatch(path.name) and (path / _ABOUT).exists()
            with suppress(OSError):
                if path.name != _SETTLED and not is_upload and _touched_at(path) < oldest:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        return count

    def _path(self, token_id: int, id_: str) -> Path:
        return self._folder / str(token_id) / id_

    def _settled(self, token_id: int, id_: str) -> Path:
        return self._folder / str(token_id) / _SETTLED / f"{id_}.json"

    def _create(self, path: Path, about: dict[str, Any]) -> None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        beginning = path.with_name(f"{path.name}~")
        beginning.mkdir(mode=0o700)
        (beginning / BYTES).touch()
        write_durably(beginning / _ABOUT, json.dumps(about))
        beginning.rename(path)
        sync_folder(path.parent)

    def _lock(self, descriptor: int, path: Path, wait_s: float) -> None:
        end = time.monotonic() + wait_s
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise Locked("another request has this upload; try again in a moment") from None
                with suppress(OSError):  # it is gone, or the disk is full: then it is only waited for
                    (path / WANTED).touch()
                self._sleep(POLL_S)


def _offset(path: Path) -> int:
    """Return how much of an upload counts: what a checksum has not confirmed yet does not."""
    size = (path / BYTES).stat().st_size
    try:
        return min(size, int((path / UNVERIFIED).read_text()))
    except FileNotFoundError:
        return size


def _touched_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _read(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told
