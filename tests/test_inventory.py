"""The catalog follows the bucket: over a B2 that others write to as well, and over the folder."""

import io
import itertools
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from app.catalog import Catalog
from app.catalog.records import State
from app.costs import KIND_OF
from app.errors import EdgeUnavailable, StoreFull, StoreMisconfigured
from app.inventory import Inventory
from app.keys import new_probe
from app.store.s3 import S3Store
from app.thumbnails import Thumbnails
from app.undrawn import Undrawn
from app.uploads import Options, Received, Uploads
from app.webhooks import Event, Kind
from app.writers import Writers
from tests import samples
from tests.b2 import B2, Fault
from tests.test_deletions import Edge
from tests.test_uploads import DECODERS, House

PICTURE = samples.make("png")


@pytest.fixture(scope="module")
def b2():
    with B2(bucket="bowerbird-pics") as started:
        yield started


@pytest.fixture(scope="module")
def one_client(b2):
    config = Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required")
    account = {"aws_access_key_id": b2.key.access_key_id, "aws_secret_access_key": b2.key.secret_access_key}
    made = boto3.client("s3", endpoint_url=b2.endpoint, region_name=b2.region, config=config, **account)
    yield made
    made.close()


@pytest.fixture
def client(b2, one_client):
    """Another S3 client of the same bucket, which is empty."""
    b2.empty()
    return one_client


class Cloud:
    """Uploads and inventory over the bucket."""

    def __init__(self, settings, b2, purge=None, **store):
        self.now = datetime.now(UTC)
        account = {"access_key_id": b2.key.access_key_id, "secret_access_key": b2.key.secret_access_key}
        options = {"bucket": b2.bucket, "region": b2.region, **account, "sleep": lambda _: None, **store}
        self.asked = []
        self.store = S3Store(endpoint=b2.endpoint, count=self.asked.append, **options)
        self.catalog = Catalog(settings.database_url.get_secret_value())
        self.catalog.upgrade()
        self.decoders, self._writers = DECODERS, Writers(settings.data_dir)
        self.undrawn = Undrawn(settings.data_dir)
        clock = lambda: self.now  # noqa: E731 it moves
        self.uploads = Uploads(
            settings,
            self.catalog,
            self.store,
            self.decoders,
            self._writers,
            purge=purge,
            undrawn=self.undrawn,
            clock=clock,
        )
        self.thumbnails = Thumbnails(settings, self.catalog, self.store, self.decoders, self.uploads, self.undrawn)
        self.inventory = Inventory(settings, self.catalog, self.store, self.decoders, self.uploads, self.undrawn)
        self._token = self.catalog.tokens.add("t", "d" * 64, frozenset({"upload"}), created_at=self.now)
        self._numbers = itertools.count()

    def send(self, data=PICTURE):
        received = Received(io.BytesIO(data), len(data), f"upload {next(self._numbers)}", "a.png")
        return self.uploads.accept([received], Options(), token_id=self._token.id)[0]

    def tell(self, kind, key, version_id=None, bucket="bowerbird-pics"):
        return self.inventory.take([Event(f"e{next(self._numbers)}", kind, bucket, key, self.now, version_id, 5)])

    def state(self, key):
        row = self.catalog.uploads.get(key)
        return row and row.state

    def compare(self, **options):
        return self.inventory.compare(grace_s=0, **options)

    def close(self):
        self.catalog.close()
        self._writers.leave()


@pytest.fixture
def cloud_settings(make_settings, b2):
    return make_settings(
        store="s3", s3_endpoint=b2.endpoint, s3_region=b2.region, s3_bucket=b2.bucket,
        s3_access_key_id=b2.key.access_key_id, s3_secret_access_key=b2.key.secret_access_key,
    )  # fmt: skip


@pytest.fixture
def cloud(cloud_settings, b2, client):
    made = Cloud(cloud_settings, b2)
    yield made
    made.close()


def put(client, key, data=PICTURE):
    return client.put_object(Bucket="bowerbird-pics", Key=key, Body=data)["VersionId"]


def hide(client, key):
    client.delete_object(Bucket="bowerbird-pics", Key=key)


@pytest.mark.parametrize("key", ["k7Wq3Zpx.png", "photos/a b+ü%41.png"])
def test_an_image_of_another_client_becomes_an_upload_once_it_was_inspected(cloud, client, key):
    version_id = put(client, key)
    cloud.tell(Kind.CREATED, key, version_id)
    assert cloud.uploads.find(key) is None

    assert cloud.inventory.inspect() == 1

    found = cloud.uploads.find(key)
    assert (found.content_type, found.size, found.width, found.height) == ("image/png", len(PICTURE), 64, 48)
    assert (found.version_id, found.token_id, len(found.sha256)) == (version_id, None, 64)
    cloud.uploads.delete(key)
    assert cloud.state(key) is State.DELETED


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"%PDF-1.7", PICTURE[:-4], samples.make("bmp"), b"\0" * 5_000_000])
def test_what_is_no_image_that_is_shown_is_left_alone_and_never_seen(cloud, client, b2, data):
    put(client, "evil.png", data)
    cloud.tell(Kind.CREATED, "evil.png")

    cloud.inventory.inspect()

    assert cloud.state("evil.png") is State.REFUSED
    assert cloud.uploads.find("evil.png") is None
    assert b2.body("evil.png") == data


def test_one_larger_than_uploads_may_be_is_not_even_fetched(make_settings, b2, client):
    most = {"max_upload_bytes": 100, "max_resumable_bytes": 100}
    cloud = Cloud(make_settings(store="s3", **most, s3_endpoint=b2.endpoint, s3_region=b2.region, s3_bucket=b2.bucket,
                                s3_access_key_id="a", s3_secret_access_key="b"), b2)  # fmt: skip
    put(client, "large.png")
    cloud.tell(Kind.CREATED, "large.png")

    cloud.inventory.inspect()

    assert cloud.state("large.png") is State.REFUSED
    cloud.close()


def test_what_another_client_removes_disappears_at_once_and_with_all_its_versions(cloud, client, b2):
    key = cloud.send().key
    hide(client, key)

    cloud.tell(Kind.REMOVED, key)

    assert cloud.uploads.find(key) is None
    cloud.inventory.inspect()
    assert cloud.state(key) is State.DELETED
    assert b2.versions() == []


def test_what_another_client_wrote_over_is_what_is_there_now(cloud, client):
    key = cloud.send().key
    put(client, key, samples.make("jpeg", 32, 16))

    cloud.tell(Kind.CREATED, key, "4_zother")
    cloud.inventory.inspect()

    found = cloud.uploads.find(key)
    assert (found.content_type, found.width, found.is_foreign) == ("image/jpeg", 32, True)


def test_our_own_put_is_confirmed_and_costs_nothing(cloud, b2):
    upload = cloud.send()
    b2.forget()

    cloud.tell(Kind.CREATED, upload.key, cloud.catalog.uploads.get(upload.key).version_id)

    assert cloud.catalog.uploads.get(upload.key).confirmed_at == cloud.now
    assert cloud.inventory.inspect() == 0
    assert b2.requests == []


@pytest.mark.parametrize(("count", "told"), [(n, told) for n in (1, 2, 3) for told in itertools.permutations(range(n))])
def test_events_in_any_order_end_in_what_the_bucket_holds(cloud, client, count, told):
    """Put, hidden, put again: the bucket is at one of them, and the events come as they like."""
    key = "k7Wq3Zpx.png"
    acts = [lambda: put(client, key), lambda: hide(client, key), lambda: put(client, key, samples.make("gif"))]
    versions = [act() for act in acts[:count]]
    for at in told:
        cloud.tell((Kind.CREATED, Kind.REMOVED, Kind.CREATED)[at], key, versions[at])
        cloud.inventory.inspect()

    cloud.compare()
    cloud.inventory.inspect()

    found = cloud.uploads.find(key)
    assert (found and found.content_type) == {1: "image/png", 2: None, 3: "image/gif"}[count]


def test_events_of_another_bucket_and_of_thumbnails_are_not_ours(cloud):
    cloud.tell(Kind.CREATED, "a.png", bucket="bowerbird-other")
    cloud.tell(Kind.CREATED, "t/a.webp")

    assert [cloud.state("a.png"), cloud.state("t/a.webp")] == [None, None]


@pytest.mark.parametrize(("name", "ending"), [("", ".png"), ("", ""), ("file/bowerbird-pics-doctor/", ".png")])
def test_what_the_doctor_puts_is_heard_of_and_becomes_no_upload(cloud, client, name, ending):
    key = f"{name}{new_probe(ending)}"
    put(client, key)
    cloud.tell(Kind.REMOVED, key)
    assert not cloud.catalog.changes.has_heard(key)

    taken = cloud.tell(Kind.CREATED, key)

    assert (taken, cloud.catalog.changes.has_heard(key), cloud.state(key)) == (1, True, None)
    assert (cloud.compare().found, cloud.state(key)) == (0, None)
    cloud.catalog.changes.unhear(key)
    assert not cloud.catalog.changes.has_heard(key)


def test_what_a_doctor_that_was_killed_has_left_goes_once_it_is_old(cloud, client, b2):
    key = new_probe()
    put(client, key)

    cloud.inventory.compare(grace_s=3600)
    assert b2.body(key) is not None
    cloud.inventory.compare(grace_s=-1)
    assert b2.versions(key) == []


def test_the_doctor_is_not_heard_of_in_another_bucket(cloud):
    key = new_probe()
    cloud.tell(Kind.CREATED, key, bucket="bowerbird-other")

    assert not cloud.catalog.changes.has_heard(key)


def test_a_store_that_does_not_answer_leaves_the_row_for_the_next_round(cloud, client, b2):
    for key in ("k7Wq3Zpx.png", "k7Wq3Zpy.png"):
        put(client, key)
        cloud.tell(Kind.CREATED, key)
    b2.faults.add(Fault("cap", cap="download"))

    with pytest.raises(StoreFull):
        cloud.inventory.inspect()

    assert [cloud.state("k7Wq3Zpx.png"), cloud.state("k7Wq3Zpy.png")] == [State.FOUND, State.LIVE]
    assert cloud.inventory.inspect() == 1


@pytest.mark.parametrize("kind", [Kind.REMOVED, Kind.CREATED])
def test_what_changes_while_somebody_looks_is_looked_at_again(cloud, client, monkeypatch, kind):
    key = "k7Wq3Zpx.png"
    acts = {Kind.CREATED: lambda: put(client, key, samples.make("gif")), Kind.REMOVED: lambda: hide(client, key)}
    put(client, key)
    if kind is Kind.CREATED:
        hide(client, key)
    cloud.tell(Kind.CREATED, key)
    fetch = cloud.store.fetch

    def late(*args, **options):
        found = fetch(*args, **options)
        acts[kind]()
        cloud.tell(kind, key, "4_zany")
        return found

    monkeypatch.setattr(cloud.store, "fetch", late)
    assert cloud.inventory.inspect() == 0
    assert cloud.uploads.find(key) is None
    monkeypatch.setattr(cloud.store, "fetch", fetch)
    cloud.inventory.inspect()

    found = cloud.uploads.find(key)
    assert (found and found.content_type) == {Kind.CREATED: "image/gif", Kind.REMOVED: None}[kind]


def test_an_upload_of_which_the_bucket_changed_a_moment_ago_can_be_deleted(cloud, client, b2):
    key = cloud.send().key
    put(client, key, samples.make("gif"))
    cloud.tell(Kind.CREATED, key, "4_zother")

    cloud.uploads.delete(key)
    cloud.inventory.inspect()

    assert cloud.state(key) is State.DELETED
    assert b2.versions() == []


def test_what_another_client_hides_it_can_bring_back_if_it_never_was_an_upload(cloud, client, b2):
    put(client, "backup.tar", b"text")
    cloud.tell(Kind.CREATED, "backup.tar")
    cloud.inventory.inspect()
    marker = client.delete_object(Bucket="bowerbird-pics", Key="backup.tar")["VersionId"]
    cloud.now += timedelta(hours=1)
    cloud.tell(Kind.REMOVED, "backup.tar")
    cloud.inventory.inspect()
    assert cloud.state("backup.tar") is State.DELETED

    client.delete_object(Bucket="bowerbird-pics", Key="backup.tar", VersionId=marker)
    compared = cloud.compare()
    cloud.inventory.inspect()

    assert (compared.found, compared.orphans, cloud.state("backup.tar")) == (1, 0, State.REFUSED)
    assert b2.body("backup.tar") == b"text"


def test_what_was_refused_is_looked_at_again_when_it_has_another_size(cloud, client):
    put(client, "k7Wq3Zpx.png", PICTURE[:-4])
    cloud.compare()
    cloud.inventory.inspect()
    put(client, "k7Wq3Zpx.png")

    assert cloud.compare().found == 1
    cloud.inventory.inspect()
    assert cloud.state("k7Wq3Zpx.png") is State.LIVE


def test_a_look_ends_at_its_limit(cloud, client):
    for key in ("a.png", "b.png", "c.png"):
        put(client, key)
        cloud.tell(Kind.CREATED, key)

    assert [cloud.inventory.inspect(limit=2) for _ in range(3)] == [2, 1, 0]


def test_lost_notifications_are_found_by_comparing(cloud, client, b2):
    kept, gone = cloud.send().key, cloud.send().key
    put(client, "other/image.png")
    put(client, "other/text.txt", b"text")
    put(client, "t/thumbnail.webp")
    hide(client, gone)

    compared = cloud.compare()
    cloud.inventory.inspect()

    assert (compared.found, compared.dangling, compared.orphans, compared.refused) == (2, 1, 0, False)
    states = [cloud.state(key) for key in (kept, gone, "other/image.png", "other/text.txt", "t/thumbnail.webp")]
    assert states == [State.LIVE, State.DELETED, State.LIVE, State.REFUSED, None]
    again = cloud.compare()
    assert (again.found, again.dangling, again.orphans) == (0, 0, 0)


def test_an_upload_that_is_still_young_is_not_missed(cloud, client):
    key = cloud.send().key
    hide(client, key)

    assert cloud.inventory.compare(grace_s=3600).dangling == 0
    assert cloud.state(key) is State.LIVE


def test_an_object_that_came_after_its_deletion_is_an_orphan_and_goes(cloud, client, b2):
    """A put whose answer was lost may take effect when its row is a tombstone already."""
    key = cloud.send().key
    cloud.now += timedelta(hours=1)
    cloud.uploads.delete(key)
    put(client, key)

    assert cloud.compare().orphans == 1
    assert b2.versions() == []
    assert cloud.state(key) is State.DELETED


def test_an_object_put_again_long_after_its_deletion_is_found(cloud, client):
    key = cloud.send().key
    cloud.now -= timedelta(hours=1)
    cloud.uploads.delete(key)
    put(client, key)

    cloud.compare()
    cloud.inventory.inspect()

    assert cloud.state(key) is State.LIVE


def test_another_bucket_does_not_cost_the_catalog_its_rows(cloud, client, b2):
    keys = [cloud.send().key for _ in range(12)]
    b2.empty()

    refused = cloud.compare()

    assert (refused.refused, refused.dangling, refused.live) == (True, 12, 12)
    assert {cloud.state(key) for key in keys} == {State.LIVE}
    assert cloud.compare(accept_missing=True).refused is False
    cloud.inventory.inspect()
    assert {cloud.state(key) for key in keys} == {State.DELETED}


def test_a_bucket_that_is_not_there_costs_no_row_either(make_settings, cloud, b2):
    key = cloud.send().key
    account = {"access_key_id": b2.key.access_key_id, "secret_access_key": b2.key.secret_access_key}
    nowhere = S3Store(endpoint=b2.endpoint, region=b2.region, bucket="bowerbird-none", **account)
    inventory = Inventory(make_settings(), cloud.catalog, nowhere, cloud.decoders, cloud.uploads)

    with pytest.raises(StoreMisconfigured):
        inventory.compare(grace_s=0)

    assert cloud.state(key) is State.LIVE


def test_the_folder_is_compared_as_well(make_settings):
    house = House(make_settings())
    inventory = Inventory(make_settings(), house.catalog, house.store, house.decoders, house.uploads)
    kept, gone = house.send().key, house.send(samples.make("gif")).key
    house.store.delete(gone)
    house.store.put("zzzzzzzz.png", io.BytesIO(PICTURE), content_type="image/png")

    inventory.compare(grace_s=-1)
    inventory.inspect()

    assert [house.state(key) for key in (kept, gone, "zzzzzzzz.png")] == [State.LIVE, State.DELETED, State.LIVE]
    house.close()


def test_an_upload_and_its_deletion_cost_nothing_but_what_is_free(cloud, b2):
    b2.forget()

    cloud.uploads.delete(cloud.send().key)

    assert b2.transactions == {"A": 2}
    assert cloud.asked == ["PutObject", "DeleteObject"]


def test_every_repeat_is_counted_as_b2_counts_it(cloud, b2):
    b2.forget()
    b2.faults.add(Fault("503", method="PUT", times=2))

    cloud.send()

    assert cloud.asked == ["PutObject"] * 3


def test_what_the_app_counts_is_what_b2_charges_for(cloud, client, b2):
    put(client, "k7Wq3Zpx.png")
    b2.forget()
    cloud.compare()
    cloud.inventory.inspect()
    cloud.uploads.delete("k7Wq3Zpx.png")
    cloud.store.ping()

    counted = Counter(KIND_OF[operation] for operation in cloud.asked)

    assert counted == b2.transactions
    assert set(counted) == {"A", "B", "C"}


def test_the_edge_forgets_what_another_client_has_changed(cloud_settings, b2, client):
    edge = Edge()
    cloud = Cloud(cloud_settings, b2, purge=edge)
    mine, theirs = cloud.send().key, "k7Wq3Zpx.png"
    put(client, theirs)
    cloud.tell(Kind.CREATED, theirs)
    cloud.inventory.inspect()
    assert edge.told == []

    put(client, mine, samples.make("png", seed=5))
    cloud.tell(Kind.CREATED, mine, "4_z-another")
    hide(client, theirs)
    cloud.tell(Kind.REMOVED, theirs)
    edge.is_down = True
    with pytest.raises(EdgeUnavailable):
        cloud.inventory.inspect()
    assert {cloud.state(mine), cloud.state(theirs)} == {State.FOUND}
    edge.is_down = False
    cloud.inventory.inspect()

    assert sorted(edge.told) == sorted([[mine], [theirs]])
    assert (cloud.state(mine), cloud.state(theirs)) == (State.LIVE, State.DELETED)
    cloud.close()


def test_an_object_of_the_same_size_that_nobody_told_of_is_found(cloud, client):
    key = cloud.send().key
    row = cloud.catalog.uploads.get(key)
    old = replace(row, key="k7Wq3Zpx.png", created_at=row.created_at - timedelta(hours=1), state=State.FOUND)
    cloud.catalog.changes.add(old)
    cloud.catalog.changes.admit(replace(old, state=State.LIVE))
    put(client, old.key, b"<html>".ljust(len(PICTURE)))

    assert cloud.compare().found == 1

    cloud.inventory.inspect()
    assert (cloud.state(old.key), cloud.state(key)) == (State.REFUSED, State.LIVE)
    assert cloud.compare().found == 0


def test_what_a_repeated_put_has_left_goes_and_the_upload_stays(cloud, client, b2):
    b2.faults.add(Fault("lost", method="PUT"))
    key = cloud.send().key
    assert len(b2.versions(key)) == 2

    cloud.compare()

    assert len(b2.versions(key)) == 1
    assert cloud.catalog.uploads.get(key).version_id == b2.versions(key)[0][1]
    assert b2.body(key) == PICTURE
    b2.forget()
    cloud.compare()
    assert b2.transactions == {"C": 1}


def test_an_upload_that_was_replaced_by_something_else_can_still_be_deleted_whole(cloud, client, b2):
    key = cloud.send().key
    put(client, key, b"<script>alert(1)</script>")
    cloud.tell(Kind.CREATED, key, "4_z-another")
    cloud.inventory.inspect()
    assert cloud.state(key) is State.REFUSED

    cloud.uploads.delete(key)

    assert cloud.state(key) is State.DELETED
    assert b2.versions(key) == []


def test_what_never_was_an_upload_is_not_deleted(cloud, client, b2):
    put(client, "notes.txt", b"text")
    cloud.tell(Kind.CREATED, "notes.txt")
    cloud.inventory.inspect()

    cloud.uploads.delete("notes.txt")

    assert cloud.state("notes.txt") is State.REFUSED
    assert b2.body("notes.txt") == b"text"


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("image/png", State.LIVE),
        ("image/png; charset=binary", State.LIVE),
        ("binary/octet-stream", State.LIVE),
        ("text/html", State.REFUSED),
        ("image/svg+xml", State.REFUSED),
    ],
)
def test_an_image_that_would_be_served_as_something_else_is_no_upload(cloud, client, told, state):
    client.put_object(Bucket="bowerbird-pics", Key="k7Wq3Zpx.png", Body=PICTURE, ContentType=told)
    cloud.tell(Kind.CREATED, "k7Wq3Zpx.png")

    cloud.inventory.inspect()

    assert cloud.state("k7Wq3Zpx.png") is state


def test_a_name_that_the_endpoint_does_not_take_is_no_upload_and_holds_up_nothing(cloud, client, monkeypatch):
    for key in ("bad.png", "k7Wq3Zpx.png"):
        put(client, key)
        cloud.tell(Kind.CREATED, key)
    get_object = cloud.store._connect().get_object

    def refusing(**asked):
        if asked["Key"] == "bad.png":
            said = {"Error": {"Code": "InvalidArgument"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
            raise ClientError(said, "GetObject")
        return get_object(**asked)

    monkeypatch.setattr(cloud.store._connect(), "get_object", refusing)
    assert cloud.inventory.inspect() == 2

    assert (cloud.state("bad.png"), cloud.state("k7Wq3Zpx.png")) == (State.REFUSED, State.LIVE)
