"""Backups and the way back: nothing is lost, nothing half-done stays, and no viewer ever sees one."""

import hashlib
import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from app import backups as module
from app import sealed
from app.backups import Backups
from app.catalog import Catalog
from app.catalog.records import State
from app.errors import BadBackup, Conflict, NotFound, SettingsError, StoreUnavailable
from app.keys import new_backup, piece_key, read_piece
from app.restore import Restore, find
from app.sealed import seal
from app.store.folder import FolderStore
from app.webhooks import Kind
from tests import samples
from tests.test_inventory import Cloud, b2, client, one_client
from tests.test_uploads import House

__all__ = ["b2", "client", "one_client"]  # fixtures

PASSPHRASE = "a long passphrase of the tests"


@pytest.fixture(autouse=True)
def _cheap(monkeypatch):
    monkeypatch.setattr(sealed, "SCRYPT_COST", 2)


class Vault:
    """Backups over one house, and an empty catalog elsewhere that they are restored into."""

    def __init__(self, settings, tmp_path):
        self.settings = settings
        self.house = House(settings)
        self.store, self.clock, self.catalog = self.house.store, self.house.clock, self.house.catalog
        self.backups = Backups(settings, self.catalog, self.store, clock=self.clock)
        self.new_settings = settings.model_copy(update={"data_dir": tmp_path / "new"})
        self.new_settings.make_data_dir()
        self.new = Catalog(f"sqlite:///{tmp_path / 'new' / 'catalog.sqlite3'}")
        self.new.upgrade()

    def make(self):
        self.clock.tick(minutes=1)
        return self.backups.make().name

    def restore(self, name="latest", *, is_replacing=False):
        return Restore(self.new_settings, self.new, self.store).from_bucket(
            find(self.backups, name), is_replacing=is_replacing
        )

    def keys(self):
        return [one.key for one in self.store.list_objects("backup/")]

    def whole_names(self):
        return [one.name for one in self.backups.listed() if one.is_whole]

    def lines(self, catalog=None):
        """What a catalog holds, but for the notes of the backups themselves."""
        return [line for line in (catalog or self.new).snapshots.dump() if b'"job backup' not in line][:-1]

    def close(self):
        self.house.close()
        self.new.close()


@pytest.fixture
def vault(make_settings, tmp_path):
    made = Vault(make_settings(backup_passphrase=PASSPHRASE, backup_keep=2), tmp_path)
    yield made
    made.close()


def test_after_a_backup_and_a_restore_nothing_is_lost(vault):
    kept = vault.house.send(title="a title", tags=("a", "b"), expires_at=vault.clock.now + timedelta(days=1))
    gone = vault.house.send(samples.make("gif")).key
    vault.house.thumbnails.make()
    vault.house.uploads.delete(gone)
    vault.catalog.sessions.add("s" * 64, 1, created_at=vault.clock.now, expires_at=vault.clock.now)
    expected = vault.lines(vault.catalog)

    vault.make()
    restored = vault.restore()

    assert vault.lines() == expected
    assert vault.new.uploads.get(kept.key) == vault.catalog.uploads.get(kept.key)
    assert (restored.uploads, restored.made_at) == (1, vault.clock.now)
    assert vault.new_settings.signing_secret() == vault.settings.signing_secret()
    assert restored.is_secret_same


def test_nothing_in_the_bucket_can_be_read(vault):
    vault.house.send(title="a title")
    vault.make()

    [key] = vault.keys()
    into = io.BytesIO()
    vault.store.fetch(key, into, max_bytes=10**6)
    assert read_piece(key) and into.getvalue().startswith(b"BBSEALED")
    assert b"a title" not in into.getvalue() and b"uploads" not in into.getvalue()


def test_without_a_passphrase_none_is_made(make_settings, tmp_path):
    bare = Vault(make_settings(), tmp_path)
    with pytest.raises(SettingsError, match="BOWERBIRD_BACKUP_PASSPHRASE"):
        bare.backups.make()

    assert bare.keys() == []
    bare.close()


def test_the_last_ones_stay(vault):
    names = [vault.make() for _ in range(4)]

    assert vault.whole_names() == names[2:]


def test_a_large_one_goes_in_pieces_and_one_that_lacks_a_piece_is_none(vault, monkeypatch):
    monkeypatch.setattr(module, "PIECE_BYTES", 300)
    vault.house.send()
    expected = vault.lines(vault.catalog)
    first, last = vault.make(), vault.make()
    assert len(vault.keys()) > 6
    vault.store.delete(vault.backups.listed()[-1].keys[1])

    assert find(vault.backups, "latest").name == first
    with pytest.raises(BadBackup, match="lacks 1 of its"):
        vault.restore(last)
    vault.restore()
    assert vault.lines() == expected

    vault.clock.now = datetime.now(UTC) + timedelta(days=2)  # the folder's files are of today
    vault.make()
    assert last not in [one.name for one in vault.backups.listed()]
    assert first in vault.whole_names()


def test_of_one_that_could_not_be_stored_whole_nothing_stays(vault, monkeypatch):
    monkeypatch.setattr(module, "PIECE_BYTES", 300)
    put, count = vault.store.put, iter(range(99))

    def failing(*args, **options):
        if next(count) == 2:
            raise StoreUnavailable("the store is gone")
        return put(*args, **options)

    monkeypatch.setattr(vault.store, "put", failing)
    with pytest.raises(StoreUnavailable):
        vault.make()

    assert vault.keys() == []


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"x" + data[1:], lambda data: data[:60]])
def test_of_one_that_was_changed_nothing_is_restored(vault, damage):
    vault.house.send()
    vault.make()
    [key] = vault.keys()
    into = io.BytesIO()
    vault.store.fetch(key, into, max_bytes=10**6)
    vault.store.delete(key)
    vault.store.put(key, io.BytesIO(damage(into.getvalue())), content_type="application/octet-stream")
    before = vault.lines()

    with pytest.raises(BadBackup):
        vault.restore()

    assert vault.lines() == before
    assert not (vault.new_settings.data_dir / "secret_key").exists()


def test_another_passphrase_is_told_as_that(vault, make_settings):
    vault.make()
    vault.new_settings = vault.new_settings.model_copy(
        update={"backup_passphrase": make_settings(backup_passphrase="x" * 16).backup_passphrase}
    )

    with pytest.raises(BadBackup, match="the passphrase is not the one"):
        vault.restore()


def test_a_catalog_with_uploads_stays_unless_it_is_to_be_replaced(vault):
    vault.house.send()
    vault.make()
    vault.restore()
    secret = vault.new_settings.data_dir / "secret_key"
    secret.write_text("another secret key, " * 3)

    with pytest.raises(Conflict, match="--replace"):
        vault.restore()
    assert secret.read_text().startswith("another")

    assert vault.restore(is_replacing=True).is_secret_same
    assert secret.read_text().strip() == vault.settings.signing_secret()
    assert secret.stat().st_mode & 0o777 == 0o600


def test_a_secret_key_that_is_there_stays_and_that_is_told(vault):
    vault.house.send()
    vault.make()
    other = vault.new_settings.signing_secret()

    assert not vault.restore().is_secret_same
    assert vault.new_settings.signing_secret() == other


def test_a_deletion_link_that_was_handed_out_works_with_another_secret_key_too(vault):
    key = vault.house.send().key
    token = vault.house.uploads.deletion_token(key)
    vault.make()
    vault.new_settings.signing_secret()
    vault.restore()

    assert hashlib.sha256(token.encode()).hexdigest() == vault.new.uploads.get(key).deletion_digest


def sealed_lines(vault, revision, *lines):
    head = {"made_at": "2026-11-25T12:00:00+00:00", "secret_key": "s" * 40, "bowerbird": "0"}
    path = vault.settings.data_dir / "file.bbk"
    with path.open("wb") as file:
        seal((json.dumps(line).encode() + b"\n" for line in (head, {"revision": revision}, *lines)), file, PASSPHRASE)
    return path


def test_one_of_a_newer_version_is_refused(vault):
    path = sealed_lines(vault, "9999", {"rows": 0})

    with pytest.raises(BadBackup, match="newer version"):
        Restore(vault.new_settings, vault.new, vault.store).from_file(path, is_replacing=False)


def test_one_of_an_older_version_is_brought_up_to_date(vault):
    names = [
        "key",
        "state",
        "content_type",
        "size",
        "width",
        "height",
        "sha256",
        "created_at",
        "deletion_digest",
        "writer",
        "tags",
    ]
    kinds = {name: "moment" if name == "created_at" else "plain" for name in names}
    row = ["k1.png", "live", "image/png", 5, 2, 3, "s", "2026-11-23T12:00:00+00:00", "d", "w", ["tag"]]
    path = sealed_lines(vault, "0001", {"table": "uploads", "columns": kinds}, row, {"rows": 1})

    restored = Restore(vault.new_settings, vault.new, vault.store).from_file(path, is_replacing=False)

    found = vault.new.uploads.get("k1.png")
    assert (restored.uploads, found.state, found.tags, found.changes) == (1, State.LIVE, ("tag",), 0)
    assert found.created_at == datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_file_holds_the_same_and_is_for_its_owner_alone(vault, tmp_path):
    vault.house.send()
    path = tmp_path / "catalog.bbk"
    path.write_text("an older one")

    assert vault.backups.write(path) == path.stat().st_size

    assert path.stat().st_mode & 0o777 == 0o600
    Restore(vault.new_settings, vault.new, vault.store).from_file(path, is_replacing=False)
    assert vault.lines() == vault.lines(vault.catalog)
    assert [one.name for one in tmp_path.glob(".*")] == []


def test_a_file_that_cannot_be_written_or_read_is_named(vault, tmp_path):
    with pytest.raises(SettingsError, match="cannot write"):
        vault.backups.write(tmp_path / "nowhere" / "catalog.bbk")
    with pytest.raises(NotFound, match="cannot read"):
        Restore(vault.new_settings, vault.new, vault.store).from_file(tmp_path / "none", is_replacing=False)
    with pytest.raises(NotFound, match="no backup in the bucket"):
        vault.restore()
    with pytest.raises(NotFound, match="there is no backup/"):
        vault.restore(new_backup(vault.clock.now))


def test_the_worker_makes_one_a_day_whoever_asks_and_however_often_it_starts(vault):
    again = Backups(vault.settings, vault.catalog, vault.store, clock=vault.clock)
    assert [backups.make_if_due() for backups in (vault.backups, again, vault.backups)] == [True, False, False]
    assert len(vault.whole_names()) == 1

    vault.clock.tick(hours=23)
    again.make_if_due()
    assert len(vault.whole_names()) == 1
    vault.clock.tick(hours=1)
    again.make_if_due()
    assert len(vault.whole_names()) == 2


def test_one_that_failed_is_made_with_the_next_turn(vault, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "put", lambda *_, **__: (_ for _ in ()).throw(StoreUnavailable("the store is gone")))
        with pytest.raises(StoreUnavailable):
            vault.backups.make_if_due()

    vault.backups.make_if_due()
    assert len(vault.whole_names()) == 1


def test_a_new_catalog_does_not_drive_out_the_backups_of_one_that_was_lost(vault):
    vault.house.send()
    vault.make()
    names = vault.whole_names()
    empty = Backups(vault.new_settings, vault.new, vault.store, clock=vault.clock)
    for _ in range(5):
        vault.clock.tick(days=1)
        with pytest.raises(Conflict, match=r"no backup is made.*bowerbird restore"):
            empty.make_if_due()
        assert empty.make_if_due() is False  # nobody lists the bucket again so soon
    assert vault.whole_names() == names

    vault.restore()
    vault.clock.tick(days=1)
    empty.make_if_due()
    assert len(vault.whole_names()) == 2


def test_no_viewer_gets_one_and_it_is_no_upload(make_app):
    app = make_app(backup_passphrase=PASSPHRASE)
    parts = app.extensions["bowerbird"]
    name = Backups(parts.settings, parts.catalog, parts.store).make().name
    key = piece_key(name, 1, 1)
    assert parts.store.head(key)

    for address in (f"/{key}", f"/{name}", "/backup/", f"/api/uploads/{key}"):
        assert app.test_client().get(address).status_code in (401, 404)
    parts.inventory.compare(grace_s=-1)
    assert parts.catalog.uploads.get(key) is None
    assert parts.store.head(key)


@pytest.fixture
def cloud(make_settings, b2, client):
    settings = make_settings(
        store="s3", s3_endpoint=b2.endpoint, s3_region=b2.region, s3_bucket=b2.bucket, backup_keep=1,
        s3_access_key_id=b2.key.access_key_id, s3_secret_access_key=b2.key.secret_access_key,
        backup_passphrase=PASSPHRASE,
    )  # fmt: skip
    made = Cloud(settings, b2)
    made.backups = Backups(settings, made.catalog, made.store, clock=lambda: made.now)
    made.settings = settings
    yield made
    made.close()


def test_in_the_bucket_it_costs_one_list_and_no_event_makes_it_an_upload(cloud, b2, tmp_path):
    upload = cloud.send()
    b2.forget()
    first = cloud.backups.make().name
    assert b2.transactions == {"A": 1, "C": 1}
    [key] = [one.key for one in cloud.store.list_objects("backup/")]

    assert cloud.tell(Kind.CREATED, key) == 0
    cloud.compare()
    cloud.inventory.inspect()
    assert (cloud.state(key), cloud.state(upload.key)) == (None, State.LIVE)

    cloud.now += timedelta(minutes=1)
    second = cloud.backups.make()
    assert (second.removed, [one.name for one in cloud.backups.listed()]) == (1, [second.name])
    assert b2.versions(key) == [] and first != second.name

    new = Catalog(f"sqlite:///{tmp_path / 'new.sqlite3'}")
    new.upgrade()
    b2.forget()
    Restore(cloud.settings, new, cloud.store).from_bucket(find(cloud.backups, "latest"), is_replacing=False)
    assert b2.transactions == {"B": 1, "C": 1}
    assert new.uploads.get(upload.key) == cloud.catalog.uploads.get(upload.key)
    new.close()
