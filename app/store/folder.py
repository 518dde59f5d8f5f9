"""The embedded store: objects as files of one folder, written so that no crash leaves half of one."""

import errno
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from ..blocking import run_blocking
from ..durable import sync_folder
from ..errors import KeyTaken, StoreFull, StoreMisconfigured, StoreUnavailable
from ..keys import BACKUPS, THUMBNAILS, is_key, is_probe, is_thumbnail_key, read_piece
from .base import StoredObject

_COPY_BYTES = 256 * 1024
_TRIAL = bytes(64 * 1024)  # a full disk still takes an empty file
_YOUNG_S = 60.0  # the name of a folder, whoever made it, may not be on the disk before that
_FOLDERS = ("", THUMBNAILS, BACKUPS)  # the beginnings that keys have


class FolderStore:
    """Objects under `folder`, spread over subfolders by the first two characters of their keys. It has no versions."""

    late_put_s = 0.0  # a dead process writes nothing

    def __init__(self, folder: Path, writer: str = "") -> None:
        self._folder = folder
        self._tmp = folder / "tmp"
        self._writer = writer or "nobody"

    def put(
        self, key: str, body: BinaryIO, *, content_type: str, is_foreign: bool = False, sha256: str | None = None
    ) -> None:
        """See ObjectStore.put. Raises KeyTaken if there is an object of this key."""
        path = self._path(key)
        with _ours(self._folder):
            run_blocking(self._write, path, body)

    def replace(self, key: str, body: BinaryIO, *, content_type: str) -> None:
        """See ObjectStore.replace."""
        path = self._path(key)
        with _ours(self._folder):
            run_blocking(self._write, path, body, Path.replace)

    def delete(self, key: str, version_id: str | None = None) -> None:
        """See ObjectStore.delete."""
        with _ours(self._folder):
            self._path(key).unlink(missing_ok=True)

    def delete_hidden(self, key: str) -> None:
        """See ObjectStore.delete_hidden: here nothing is ever hidden."""

    def keep_one(self, key: str) -> None:
        """See ObjectStore.keep_one: here there is never another."""

    def head(self, key: str) -> StoredObject | None:
        """See ObjectStore.head."""
        found = self.open(key)
        if found is None:
            return None
        found[0].close()
        return found[1]

    def open(self, key: str) -> tuple[BinaryIO, StoredObject] | None:
        """Return the object's file, open for reading, and what it is; None if there is none."""
        path = self._path(key)
        with _ours(self._folder):
            try:
                file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
            except FileNotFoundError:
                return None
            stat = os.fstat(file.fileno())
        etag = f'"{stat.st_size:x}-{stat.st_mtime_ns:x}"'
        return file, StoredObject(key, stat.st_size, etag, datetime.fromtimestamp(int(stat.st_mtime), UTC))

    def fetch(self, key: str, into: BinaryIO, *, max_bytes: int) -> StoredObject | None:
        """See ObjectStore.fetch."""
        found = self.open(key)
        if found is None:
            return None
        file, stored = found
        with file, _ours(self._folder):
            if stored.size <= max_bytes:
                shutil.copyfileobj(file, into, _COPY_BYTES)
        return stored

    def list_objects(self, prefix: str = "") -> Iterator[StoredObject]:
        """See ObjectStore.list_objects."""
        with _ours(self._folder):
            names = [under + path.name for under in _FOLDERS for path in (self._folder / under).glob("??/*")]
            names = sorted(name for name in names if name.startswith(prefix) and _is_name(name))
        for name in names:
            if stored := self.head(name):
                yield stored

    def list_versions(self) -> Iterator[tuple[str, None]]:
        """See ObjectStore.list_versions."""
        for one in self.list_objects():
            yield one.key, None

    def ping(self) -> None:
        """See ObjectStore.ping: a file can be written and removed."""
        with _ours(self._folder):
            self._tmp.mkdir(parents=True, exist_ok=True)
            path = self._temporary()
            try:
                path.write_bytes(_TRIAL)
            finally:
                path.unlink(missing_ok=True)

    def sweep(self, is_alive: Callable[[str], bool]) -> int:
        """See ObjectStore.sweep."""
        count = 0
        with _ours(self._folder):
            for path in list(self._tmp.iterdir()) if self._tmp.is_dir() else []:
                if not is_alive(path.name.rpartition("~")[0]):
                    path.unlink(missing_ok=True)
                    count += 1
        return count

    def _path(self, key: str) -> Path:
        if not _is_name(key):
            raise ValueError(f"{key[:80]!r} is not a key")
        folder, _, name = key.rpartition("/")
        return self._folder / folder / name[:2] / name

    def _temporary(self) -> Path:
        return self._tmp / f"{self._writer}~{secrets.token_hex(8)}"

    def _write(self, path: Path, body: BinaryIO, give: Callable[[Path, Path], object] = os.link) -> None:
        """Write `body` aside, make it durable, then give it its name: nobody ever sees half of it.

        Unlike a rename, `os.link` never replaces what is there.
        """
        for folder in (self._tmp, path.parent):
            folder.mkdir(parents=True, exist_ok=True)
        temporary = self._temporary()
        try:
            with temporary.open("xb") as file:
                body.seek(0)
                shutil.copyfileobj(body, file, _COPY_BYTES)
                file.flush()
                os.fsync(file.fileno())
            give(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)
        above = path.parent
        while above != self._folder:
            above = above.parent
            if time.time() - above.stat().st_mtime < _YOUNG_S:
                sync_folder(above)


def _is_name(text: str) -> bool:
    is_ours = is_key(text) or is_thumbnail_key(text) or read_piece(text) is not None
    return is_ours or (is_probe(text) and "/" not in text)


@contextmanager
def _ours(folder: Path) -> Iterator[None]:
    """Turn the system's errors into ours."""
    try:
        yield
    except FileExistsError as e:
        raise KeyTaken("there is an object of this key") from e
    except OSError as e:
        if e.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull("the server's disk is full; nothing was kept") from e
        if e.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENOTDIR):
            raise StoreMisconfigured("the server may not write to its folder of images") from e
        raise StoreUnavailable("the server's disk does not answer as it should") from e
