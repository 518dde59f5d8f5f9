"""The way back from a backup: it is read to its end and found whole before the catalog is touched."""

import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import BinaryIO

from .backups import JOB, PIECE_BYTES, Backup, Backups, passphrase
from .catalog import Catalog
from .catalog.snapshots import revision_of
from .errors import BadBackup, NotFound
from .sealed import Sealed
from .settings import Settings
from .spool import on_our_disk, spool_folder, spooled
from .store.base import ObjectStore

_COPY_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back: how many uploads that can be seen, and rows in all, as of `made_at`; and whether deletion links
    are signed with the secret key of that catalog."""

    uploads: int
    rows: int
    made_at: datetime
    is_secret_same: bool


class Restore:
    """The use case over one catalog, whose tables are up to date, and one store.

    Every method raises BadBackup for a backup that was changed, cut off, made with another passphrase or by a newer
    version, and Conflict if the catalog holds uploads and it is not `is_replacing`; the catalog is then as it was.
    """

    def __init__(self, settings: Settings, catalog: Catalog, store: ObjectStore) -> None:
        self._settings = settings
        self._catalog = catalog
        self._store = store

    def from_bucket(self, backup: Backup, *, is_replacing: bool) -> Restored:
        """Restore a backup of the bucket: one class B transaction for each 64 MiB."""
        if not backup.is_whole:
            raise BadBackup(f"{backup.name} lacks {backup.count - len(backup.pieces)} of its {backup.count} pieces")
        with spooled(self._settings.data_dir) as file:
            for key in backup.keys:
                with spooled(self._settings.data_dir) as piece:
                    if self._store.fetch(key, piece, max_bytes=PIECE_BYTES) is None:
                        raise NotFound(f"{key} is no longer there")
                    piece.seek(0)
                    copyfileobj(piece, file, _COPY_BYTES)
            return self._restore(file, is_replacing)

    def from_file(self, path: Path, *, is_replacing: bool) -> Restored:
        """Restore a backup that `bowerbird backup --to` wrote."""
        try:
            file = path.open("rb")
        except OSError as e:
            raise NotFound(f"cannot read {path}: {e.strerror}") from e
        with file:
            return self._restore(file, is_replacing)

    def _restore(self, file: BinaryIO, is_replacing: bool) -> Restored:
        sealed = Sealed(file, passphrase(self._settings))
        sealed.check()
        with closing(sealed.lines()) as lines:
            head = json.loads(next(lines))
            revision, snapshot = revision_of(lines)
            known = self._catalog.revisions()
            if revision not in known:
                raise BadBackup("a newer version of Bowerbird made the backup; restore it with that version")
            if revision == known[0]:
                return self._load(snapshot, head, is_replacing)
            return self._load_older(snapshot, revision, head, is_replacing)

    def _load_older(
        self, snapshot: Iterable[bytes], revision: str, head: dict[str, str], is_replacing: bool
    ) -> Restored:
        """Bring the snapshot of an older version up to date in a catalog of its own, and load it from there."""
        with on_our_disk(), TemporaryDirectory(dir=spool_folder(self._settings.data_dir)) as folder:
            older = Catalog(f"sqlite:///{folder}/catalog.sqlite3")
            try:
                older.upgrade(revision)
                older.snapshots.fill(snapshot)
                older.upgrade()
                return self._load(older.snapshots.dump(), head, is_replacing)
            finally:
                older.close()

    def _load(self, snapshot: Iterable[bytes], head: dict[str, str], is_replacing: bool) -> Restored:
        is_same = False

        def take_secret() -> None:
            nonlocal is_same
            is_same = self._settings.take_signing_secret(head["secret_key"], is_replacing=is_replacing)

        counts = self._catalog.snapshots.load(snapshot, is_replacing=is_replacing, last=take_secret)
        made_at = datetime.fromisoformat(head["made_at"])
        self._catalog.rota.done(JOB, now=made_at)  # it is the catalog of those backups again
        live = sum(one.count for one in self._catalog.tallies.by_type())
        return Restored(live, sum(counts.values()), made_at, is_same)


def find(backups: Backups, name: str) -> Backup:
    """Return the backup of this name in the bucket, or for `latest` the newest that is whole; raise NotFound if there
    is none. Costs class C."""
    there = backups.listed()
    found = [one for one in there if (one.is_whole if name == "latest" else one.name == name)]
    if not found:
        what = "no backup" if name == "latest" else f"no {name}"
        raise NotFound(f"there is {what} in the bucket; bowerbird restore --list shows what there is")
    return found[-1]
