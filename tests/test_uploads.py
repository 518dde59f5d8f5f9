"""The use cases: repeats, crashes, expiry; over a real catalog and a real folder."""

import atexit
import hashlib
import io
import subprocess
import sys
import threading
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest

from app import tokens
from app.catalog import Catalog
from app.catalog.records import State
from app.decoding import DecoderPool
from app.errors import Busy, Conflict, StoreUnavailable
from app.store.folder import FolderStore
from app.thumbnails import Thumbnails
from app.undrawn import Undrawn
from app.upkeep import Upkeep
from app.uploads import Options, Received, Uploads
from app.writers import Writers
from tests import samples

DECODERS = DecoderPool(1)  # for all houses: to start a decoder takes longer than most tests
atexit.register(DECODERS.close)


class Clock:
    """The time, which goes on only when a test says so."""

    def __init__(self):
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self):
        return self.now

    def tick(self, **span):
        self.now += timedelta(**span)


class House:
    """Uploads and upkeep over one folder, with a clock and a sleep of the test's own."""

    def __init__(self, settings, store=None, sleep=lambda _: None, purge=None, name="t"):
        self.clock = Clock()
        self.catalog = Catalog(settings.database_url.get_secret_value())
        self.catalog.upgrade()
        self.writers = Writers(settings.data_dir)
        self.store = store or FolderStore(settings.data_dir / "objects", self.writers.me())
        self.decoders = DECODERS
        self.uploads = Uploads(
            settings,
            self.catalog,
            self.store,
            self.decoders,
            self.writers,
            purge=purge,
            clock=self.clock,
            sleep=sleep,
        )
        undrawn = Undrawn(settings.data_dir)
        self.thumbnails = Thumbnails(settings, self.catalog, self.store, self.decoders, self.uploads, undrawn)
        self.upkeep = Upkeep(self.uploads, self.catalog, self.store, self.writers)
        self.token = self.catalog.tokens.add(
            name, tokens.digest(f"x{name}"), frozenset({"upload"}), created_at=self.clock()
        )

    def send(self, data=None, key=None, **options):
        data = samples.make("png") if data is None else data
        sha256 = hashlib.sha256(data).hexdigest()
        received = Received(io.BytesIO(data), len(data), sha256, "a.png", sha256)
        return self.uploads.accept([received], Options(**options), token_id=self.token.id, idempotency_key=key)[0]

    def state(self, key):
        return self.catalog.uploads.get(key).state

    def close(self):
        self.catalog.close()
        self.writers.leave()


@pytest.fixture
def make_house(make_settings):
    made = []

    def make(**options):
        made.append(House(make_settings(), **options))
        return made[-1]

    yield make
    for house in made:
        house.close()


@pytest.fixture
def house(make_house):
    return make_house()


class BrokenStore(FolderStore):
    """A store that fails once it has stored."""

    def put(self, key, body, *, content_type, **more):
        super().put(key, body, content_type=content_type, **more)
        raise StoreUnavailable("the store is gone")


def test_it_works(house):
    upload = house.send()

    assert house.uploads.find(upload.key).sha256 == upload.sha256
    assert house.store.head(upload.key).size == upload.size


def test_a_repeat_after_a_minute_is_a_new_upload_without_a_repeat_key(house):
    first = house.send().key
    house.clock.tick(seconds=59)
    assert house.send().key == first
    house.clock.tick(seconds=2)

    assert house.send().key != first


def test_a_repeat_key_holds_for_a_day(house):
    first = house.send(key="k").key
    house.clock.tick(hours=23, minutes=59)
    assert house.send(key="k").key == first
    house.clock.tick(minutes=2)

    assert house.send(key="k").key != first


def test_the_same_bytes_with_other_options_are_another_upload(house):
    assert house.send().key != house.send(keep_metadata=True).key


def test_two_at_once_with_the_same_bytes_are_one_upload(make_house):
    house = make_house(sleep=lambda _: threading.Event().wait(0.01))
    results = []
    threads = [threading.Thread(target=lambda: results.append(house.send().key)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 8 and len(set(results)) == 1


def test_while_the_first_request_still_runs_a_repeat_is_told_so(house, monkeypatch):
    stuck = threading.Event()
    put = house.store.put
    monkeypatch.setattr(house.store, "put", lambda *a, **k: (stuck.wait(20), put(*a, **k))[1])
    first = threading.Thread(target=house.send)
    first.start()
    while not house.catalog.uploads.unsettled(limit=1):
        threading.Event().wait(0.01)

    with pytest.raises(Conflict, match="still being stored"):
        house.send()
    stuck.set()
    first.join()


def test_when_the_store_fails_nothing_is_kept(make_settings, make_house):
    house = make_house(store=BrokenStore(make_settings().data_dir / "objects"))

    with pytest.raises(StoreUnavailable):
        house.send()
    assert house.catalog.uploads.unsettled(limit=9) == []
    assert not list((make_settings().data_dir / "objects").rglob("*.png"))


def die_after(settings, statement):
    """Run a server's upload in another process that is killed right before or after its object is stored."""
    script = f"""
import os, signal, sys
sys.path.insert(0, {sys.path[0]!r})
from tests.test_uploads import House
from app.settings import load
house = House.__new__(House)
import tests.test_uploads as t
from app.store.folder import FolderStore
class Dying(FolderStore):
    def put(self, key, body, *, content_type, **more):
        {statement}
        os.kill(os.getpid(), signal.SIGKILL)
settings = load(_env_file=None, data_dir={str(settings.data_dir)!r})
house = t.House(settings, store=Dying(settings.data_dir / "objects", "x"))
house.send()
"""
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == -9


@pytest.mark.parametrize("statement", ["pass", "super().put(key, body, content_type=content_type, **more)"])
def test_what_a_killed_server_left_is_settled_at_once(make_settings, statement):
    settings = make_settings()
    die_after(settings, statement)
    catalog = Catalog(settings.database_url.get_secret_value())
    writers = Writers(settings.data_dir)
    store, decoders = FolderStore(settings.data_dir / "objects"), DecoderPool(1)
    uploads = Uploads(settings, catalog, store, decoders, writers, purge=None)

    assert len(catalog.uploads.unsettled(limit=9)) == 1
    settled = Upkeep(uploads, catalog, store, writers).reconcile()
    assert (settled.abandoned, settled.left) == (1, 0)
    assert catalog.uploads.unsettled(limit=9) == []
    assert not list((settings.data_dir / "objects").rglob("*.png"))
    catalog.close()


@pytest.mark.parametrize("times", [1, 4])
def test_a_row_of_a_living_server_is_left_for_its_grace_a_large_one_for_longer(house, monkeypatch, times):
    monkeypatch.setattr(house.writers, "one_upload", lambda: nullcontext(house.writers.me()))
    monkeypatch.setattr(house.catalog.uploads, "finish", lambda *a, **k: (_ for _ in ()).throw(SystemExit))
    monkeypatch.setattr(house.catalog.uploads, "retire", lambda *a, **k: [])
    with pytest.raises(SystemExit):
        house.send()
    monkeypatch.undo()
    monkeypatch.setattr("app.deletions.GRACE_BYTES", len(samples.make("png")) / times)

    assert house.upkeep.reconcile().left == 1
    house.clock.tick(minutes=14 * times)
    assert house.upkeep.reconcile().left == 1
    house.clock.tick(minutes=2 * times)
    assert house.upkeep.reconcile().abandoned == 1


def test_an_upload_that_could_not_be_taken_back_is_no_reason_to_refuse_its_repeat(house, monkeypatch):
    def away(*_, **__):
        raise Busy("the catalog does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(house.catalog.uploads, "finish", away)
        patch.setattr(house.catalog.uploads, "retire", away)
        with pytest.raises(Busy):
            house.send(key="k")
    [half] = house.catalog.uploads.unsettled(limit=9)

    again = house.send(key="k")

    assert again.key != half.key
    assert house.upkeep.reconcile().deleted == 1
    assert house.store.head(half.key) is None
    assert sorted(path.name for path in house.writers._folder.iterdir()) == sorted(["home", house.writers.me()])


def test_what_expires_is_gone_at_its_second_and_its_object_with_the_next_round(house):
    upload = house.send(expires_at=house.clock() + timedelta(hours=1))
    house.clock.tick(minutes=59)
    assert house.upkeep.expire() == 0
    house.clock.tick(minutes=1)

    assert house.uploads.find(upload.key) is None
    assert house.upkeep.expire() == 1
    assert house.state(upload.key) is State.DELETED
    assert house.store.head(upload.key) is None


def test_a_deletion_the_store_did_not_take_is_ended_by_reconcile(house, monkeypatch):
    upload = house.send()

    def refuse(*_):
        raise StoreUnavailable("not now")

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "delete", refuse)
        house.uploads.delete(upload.key)
        assert house.state(upload.key) is State.DELETING
        assert house.uploads.find(upload.key) is None
        assert house.upkeep.reconcile().left == 1

    assert house.upkeep.reconcile().deleted == 1
    assert house.state(upload.key) is State.DELETED


def test_a_deletion_token_fits_its_own_upload_only(house):
    one, other = house.send(), house.send(samples.make("gif"))
    token = house.uploads.deletion_token(one.key)

    assert house.uploads.find_deletable(one.key, token).key == one.key
    assert house.uploads.find_deletable(other.key, token) is None
    assert house.uploads.find_deletable("22222222.png", token) is None
    assert token not in repr(house.catalog.uploads.get(one.key))
