"""Backups: sealed snapshots of the catalog in the bucket, the last few of them, or in a file."""

import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import structlog

from . import __version__
from .catalog import Catalog
from .errors import Conflict, SettingsError, Unavailable
from .keys import BACKUPS, new_backup, piece_key, read_piece
from .sealed import seal
from .settings import PREFIX, Settings
from .spool import spooled
from .store.base import ObjectStore

log = structlog.get_logger()

JOB = "backup"
PIECE_BYTES = 64 * 1024 * 1024  # Cloudflare passes a body of 100 MB; a million uploads are three pieces
PATIENCE = timedelta(hours=1)  # with a worker that died while it made one
_ABANDONED = timedelta(days=1)  # so long ago a backup was begun that lacks pieces: nobody is at it any more
_COPY_BYTES = 256 * 1024
_TYPE = "application/octet-stream"
_ADVICE = "bowerbird restore brings that one back, bowerbird backup makes one of this catalog beside them"


@dataclass(slots=True)
class Backup:
    """One backup in the bucket: its name, the moment it was stored, its bytes, and the pieces that are there."""

    name: str
    made_at: datetime
    count: int
    size: int = 0
    pieces: set[int] = field(default_factory=set)

    @property
    def is_whole(self) -> bool:
        return self.pieces == set(range(1, self.count + 1))

    @property
    def keys(self) -> list[str]:
        return [piece_key(self.name, number, self.count) for number in sorted(self.pieces)]


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made: its name, its bytes, and how many older ones went."""

    name: str
    size: int
    removed: int


class Backups:
    """The use cases over one catalog and one store. What seals a backup raises SettingsError without a passphrase."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        store: ObjectStore,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._store = store
        self._clock = clock

    def make(self) -> Made:
        """Put a backup into the bucket, and remove those beyond the last BACKUP_KEEP; raise Unavailable if that fails,
        with no backup lost. Lists the backups (class C), and once more for each that goes."""
        return self._make(self.listed())

    def make_if_due(self) -> bool:
        """Do so if the last one is BACKUP_EVERY old, and no other worker is at it; return whether one was made.

        A catalog that never was in a backup makes none beside those of another: it may stand in for one that was lost,
        and would drive out what that can be restored from. Raises Conflict then, once in PATIENCE.
        """
        now = self._clock()
        if not self._catalog.rota.begin(JOB, now=now, every=self._settings.backup_every, patience=PATIENCE):
            return False
        try:
            there = self.listed()
            is_anothers = bool(there) and self._catalog.rota.done_at(JOB) is None
            made = None if is_anothers else self._make(there)
        except BaseException:
            self._catalog.rota.give_up(JOB)
            raise
        if made is None:
            raise Conflict(f"no backup is made, for the bucket has those of another catalog: {_ADVICE}")
        log.info("backup", name=made.name, size=made.size, removed=made.removed)
        return True

    def write(self, path: Path) -> int:
        """Write a backup to `path`, in the place of a file that is there, and return its bytes. Whatever happens, no
        half of one stands there. Raises SettingsError if the file cannot be written."""
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                self._seal(file)
                size = file.tell()
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as e:
            raise SettingsError([f"cannot write {path}: {e.strerror}"]) from e
        finally:
            temporary.unlink(missing_ok=True)
        return size

    def listed(self) -> list[Backup]:
        """Return the backups in the bucket, the oldest first, also those that lack pieces. Costs class C."""
        found: dict[str, Backup] = {}
        for stored in self._store.list_objects(BACKUPS):
            if piece := read_piece(stored.key):
                name, number, count = piece
                one = found.setdefault(name, Backup(name, stored.modified_at, count))
                one.size += stored.size
                one.pieces.add(number)
        return [found[name] for name in sorted(found)]  # a name begins with its moment

    def _make(self, there: list[Backup]) -> Made:
        now = self._clock()
        name = new_backup(now)
        with spooled(self._settings.data_dir) as file:
            self._seal(file)
            size = file.tell()
            self._put(name, file, size)
        self._catalog.rota.done(JOB, now=now)
        whole = [one for one in there if one.is_whole]
        old = whole[: max(0, len(whole) + 1 - self._settings.backup_keep)]
        old += [one for one in there if not one.is_whole and now - one.made_at > _ABANDONED]
        for one in old:
            for key in one.keys:
                self._store.delete(key)
        return Made(name, size, len(old))

    def _put(self, name: str, file: BinaryIO, size: int) -> None:
        count = -(-size // PIECE_BYTES)
        keys = [piece_key(name, number, count) for number in range(1, count + 1)]
        file.seek(0)
        try:
            for key in keys:
                with spooled(self._settings.data_dir) as piece:
                    _copy(file, piece, PIECE_BYTES)
                    self._store.put(key, piece, content_type=_TYPE)
        except BaseException:
            with suppress(Unavailable):  # what cannot be taken back now goes with the old ones, a day later
                for key in keys:
                    self._store.delete(key)
            raise

    def _seal(self, into: BinaryIO) -> None:
        head = {
            "bowerbird": __version__,
            "made_at": self._clock().isoformat(),
            "secret_key": self._settings.signing_secret(),
        }
        lines = chain([json.dumps(head).encode() + b"\n"], self._catalog.snapshots.dump())
        seal(lines, into, passphrase(self._settings))


def passphrase(settings: Settings) -> str:
    """Return the passphrase of the backups; raise SettingsError if there is none."""
    if not (found := settings.backup_passphrase.get_secret_value()):
        raise SettingsError([f"{PREFIX}BACKUP_PASSPHRASE: must be set, at least 16 characters that nobody guesses"])
    return found


def _copy(source: BinaryIO, target: BinaryIO, most: int) -> None:
    while most > 0 and (data := source.read(min(_COPY_BYTES, most))):
        target.write(data)
        most -= len(data)
