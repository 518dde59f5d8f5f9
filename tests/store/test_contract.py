"""What every store promises, run over the folder and over an S3 server."""

import io
import logging
import os
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from app.errors import StoreMisconfigured, StoreUnavailable
from app.store.folder import FolderStore
from app.store.s3 import S3Store
from app.store.s3_put import Putter

KEY, OTHER = "abcdefgh.png", "bcdefghj.jpg"
ACCOUNT = {"region_name": "us-west-004", "aws_access_key_id": "a", "aws_secret_access_key": "b"}


@pytest.fixture(scope="module")
def s3_endpoint():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture(scope="module")
def client(s3_endpoint):
    made = boto3.client("s3", endpoint_url=s3_endpoint, **ACCOUNT)
    yield made
    made.close()


@pytest.fixture
def bucket(client):
    """A versioned bucket, as all of B2's are, and a client to look into it."""
    client.create_bucket(Bucket="pics", CreateBucketConfiguration={"LocationConstraint": "us-west-004"})
    client.put_bucket_versioning(Bucket="pics", VersioningConfiguration={"Status": "Enabled"})
    yield client
    pages = client.get_paginator("list_object_versions").paginate(Bucket="pics")
    for one in [one for page in pages for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]]:
        client.delete_object(Bucket="pics", Key=one["Key"], VersionId=one["VersionId"])
    client.delete_bucket(Bucket="pics")


def s3(endpoint, **options):
    options = {"bucket": "pics", "region": "us-west-004", "access_key_id": "a", "secret_access_key": "b", **options}
    return S3Store(endpoint=endpoint, **options)


@pytest.fixture(params=["folder", "s3"])
def store(request, tmp_path: Path):
    if request.param == "folder":
        return FolderStore(tmp_path / "objects", "me")
    request.getfixturevalue("bucket")
    return s3(request.getfixturevalue("s3_endpoint"))


def put(store, key=KEY, data=b"picture"):
    return store.put(key, io.BytesIO(data), content_type="image/png")


def test_what_is_put_is_there(store):
    put(store)

    assert (store.head(KEY).size, store.head(KEY).key) == (7, KEY)
    assert store.head(KEY).etag.startswith('"')
    assert store.head(OTHER) is None


def test_a_body_is_stored_from_its_first_byte(store):
    body = io.BytesIO(b"picture")
    body.read(3)
    store.put(KEY, body, content_type="image/png")

    assert store.head(KEY).size == 7


def test_what_is_replaced_has_one_version_and_it_is_the_new_one(store):
    put(store)
    version_id = store.replace(KEY, io.BytesIO(b"another one"), content_type="image/png")

    assert store.head(KEY).size == 11
    assert dict(store.list_versions())[KEY] == version_id
    store.delete(KEY, version_id)
    assert store.head(KEY) is None


def test_each_object_is_listed_with_its_version(store):
    version_id = put(store)
    put(store, OTHER)

    found = dict(store.list_versions())
    assert list(found) == [KEY, OTHER]
    assert found[KEY] == version_id


@pytest.mark.parametrize("by_version", [True, False])
def test_what_is_deleted_is_gone_and_twice_is_no_error(store, by_version):
    version_id = put(store)
    put(store, OTHER)

    for _ in range(2):
        store.delete(KEY, version_id if by_version else None)
    assert store.head(KEY) is None
    assert store.head(OTHER)


NO_KEYS = [
    "../x.png",
    "a/b.png",
    "",
    "abcdefgh.html",
    "abcdefgh.png\n",
    "/etc/passwd",
    "abcdefgh.png\0",
    "backup/a.bbk",
]


@pytest.mark.parametrize("key", NO_KEYS)
def test_nothing_is_put_under_a_name_that_is_no_key(store, key):
    with pytest.raises(ValueError, match="not a key"):
        put(store, key)


@pytest.mark.parametrize("key", NO_KEYS)
def test_the_folder_is_never_touched_by_a_name_that_is_no_key(tmp_path, key):
    store = FolderStore(tmp_path / "objects", "me")

    for act in (lambda: store.delete(key), lambda: store.head(key), lambda: fetch(store, key)):
        with pytest.raises(ValueError, match="not a key"):
            act()


def fetch(store, key=KEY, max_bytes=1000):
    into = io.BytesIO()
    return store.fetch(key, into, max_bytes=max_bytes), into.getvalue()


def test_what_is_fetched_is_what_was_put(store):
    version_id = put(store)

    stored, data = fetch(store)
    assert (stored.key, stored.size, stored.version_id, data) == (KEY, 7, version_id, b"picture")
    assert stored.etag == store.head(KEY).etag
    assert fetch(store, OTHER) == (None, b"")


def test_what_is_too_large_is_not_fetched(store):
    put(store)

    stored, data = fetch(store, max_bytes=6)
    assert (stored.size, data) == (7, b"")


def test_the_list_has_what_is_there_in_the_order_of_the_keys(store):
    keys = [f"{a}{b}cdefgh.png" for a in "Zza2B" for b in "bA9"]
    for key in keys:
        put(store, key)
    store.delete(keys[0])

    assert [one.key for one in store.list_objects()] == sorted(keys[1:])
    assert {one.size for one in store.list_objects()} == {7}


BACKUP = "backup/2026-11-25T120000Z-ABCDEFGHJKLMNPQRSTUVWXYZ.1of2.bbk"


def test_the_list_has_only_what_begins_as_asked_for(store):
    keys = ["t/abcdefgh.webp", "t/bcdefghj.webp", KEY, BACKUP]
    for key in keys:
        put(store, key)

    assert [one.key for one in store.list_objects("t/")] == keys[:2]
    assert [one.key for one in store.list_objects("backup/")] == [BACKUP]
    assert [one.key for one in store.list_objects()] == sorted(keys)
    assert list(store.list_objects("nothing/")) == []


def test_a_piece_of_a_backup_is_an_object_like_any_other(store):
    put(store, BACKUP)

    assert fetch(store, BACKUP)[1] == b"picture"
    store.delete(BACKUP)
    assert store.head(BACKUP) is None


def test_a_store_that_answers_says_so(store):
    store.ping()


def test_sweeping_leaves_what_the_living_write(store):
    put(store)

    assert store.sweep(lambda writer: False) == 0
    assert store.head(KEY)


def test_deleting_leaves_no_version_at_all(bucket, s3_endpoint):
    store = s3(s3_endpoint)
    put(store)
    put(store)
    bucket.delete_object(Bucket="pics", Key=KEY)  # a delete marker
    store.delete(KEY)

    listed = bucket.list_object_versions(Bucket="pics")
    assert not listed.get("Versions") and not listed.get("DeleteMarkers")


def test_the_object_carries_its_type_and_how_long_it_may_be_cached(bucket, s3_endpoint):
    put(s3(s3_endpoint))
    found = bucket.head_object(Bucket="pics", Key=KEY)

    assert found["ContentType"] == "image/png"
    assert found["CacheControl"] == "public, max-age=31536000, immutable"
    assert found["Metadata"] == {}


def test_a_bucket_that_is_not_there_is_a_wrong_setting(bucket, s3_endpoint):
    with pytest.raises(StoreMisconfigured) as caught:
        put(s3(s3_endpoint, bucket="other"))
    assert "<" not in str(caught.value)


def test_a_server_that_is_not_there_is_tried_for_a_while():
    pauses: list[float] = []
    store = s3("http://127.0.0.1:9", patience_s=30, clock=lambda: sum(pauses), sleep=pauses.append)

    with pytest.raises(StoreUnavailable):
        put(store)
    assert 20 < sum(pauses) <= 30
    assert len(pauses) >= 4


def test_a_dead_writers_half_is_swept_away_and_a_living_ones_stays(tmp_path):
    store = FolderStore(tmp_path, "me")
    store.ping()
    (tmp_path / "tmp" / "me~1").touch()
    (tmp_path / "tmp" / "dead~1").touch()

    assert store.sweep(lambda writer: writer == "me") == 1
    assert [path.name for path in (tmp_path / "tmp").iterdir()] == ["me~1"]


class Disk:
    """What a power cut leaves: the names that stood in a folder when it was synced, the bytes of files that were."""

    def __init__(self):
        self.synced, self.kept = [], set()

    def fsync(self, descriptor):
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        self.synced.append(path)
        self.kept.update(path.iterdir() if path.is_dir() else [path.stat().st_ino])

    def has(self, path, under):
        names = [path, *(one for one in path.parents if one.is_relative_to(under) and one != under)]
        return path.stat().st_ino in self.kept and self.kept.issuperset(names)


@pytest.mark.parametrize("key", [KEY, f"t/{KEY[:-4]}.webp"])
@pytest.mark.parametrize("is_there", [False, True], ids=["its folder is new", "another has just made its folder"])
def test_an_object_outlives_a_power_cut_with_every_folder_above_it(tmp_path, monkeypatch, key, is_there):
    disk, store = Disk(), FolderStore(tmp_path)
    path = tmp_path / key.replace(KEY[:8], f"{KEY[:2]}/{KEY[:8]}")
    if is_there:
        path.parent.mkdir(parents=True)
    monkeypatch.setattr(os, "fsync", disk.fsync)
    store.put(key, io.BytesIO(b"picture"), content_type="image/png")

    assert path.read_bytes() == b"picture"
    assert disk.has(path, tmp_path)


def test_where_the_folders_are_old_two_syncs_are_enough(tmp_path, monkeypatch):
    disk, store = Disk(), FolderStore(tmp_path)
    put(store)
    os.utime(tmp_path, (0, 0))
    monkeypatch.setattr(os, "fsync", disk.fsync)
    put(store, key=f"{KEY[:2]}{OTHER}")

    assert [one.name for one in disk.synced[1:]] == [KEY[:2]]
    assert len(disk.synced) == 2


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "objects" / KEY[:2]).mkdir(parents=True)
    (tmp_path / "objects" / KEY[:2] / KEY).symlink_to(tmp_path / "secret")

    with pytest.raises(StoreMisconfigured):
        FolderStore(tmp_path / "objects").open(KEY)


def test_a_full_or_read_only_disk_is_told_plainly(tmp_path):
    (tmp_path / "objects").write_text("a file where the folder should be")

    with pytest.raises((StoreMisconfigured, StoreUnavailable)):
        put(FolderStore(tmp_path / "objects"))


FOREIGN = ["photos/a b+ü.png", "100%41.png", "a'b(1)!*.png", "x" * 250 + "/y"]


@pytest.mark.parametrize("key", FOREIGN)
def test_an_object_of_another_s3_client_is_fetched_listed_and_deleted_whatever_its_name(bucket, s3_endpoint, key):
    store = s3(s3_endpoint)
    bucket.put_object(Bucket="pics", Key=key, Body=b"other")
    bucket.put_object(Bucket="pics", Key=key, Body=b"picture")

    assert fetch(store, key)[1] == b"picture"
    assert [one.key for one in store.list_objects()] == [key]
    store.delete(key)
    assert not {"Versions", "DeleteMarkers"} & bucket.list_object_versions(Bucket="pics").keys()


def test_what_is_there_is_not_hidden_and_stays(store):
    put(store)

    store.delete_hidden(KEY)
    store.delete_hidden(OTHER)

    assert store.head(KEY)


def test_what_is_hidden_goes_with_all_that_hides_it_and_what_is_put_meanwhile_stays(bucket, s3_endpoint):
    put(s3(s3_endpoint))
    bucket.delete_object(Bucket="pics", Key=KEY)
    store = s3(s3_endpoint)
    listed = store._versions(KEY)
    put(store)
    store._versions = lambda key: listed  # the put came behind the list
    store.delete_hidden(KEY)

    found = bucket.list_object_versions(Bucket="pics")
    assert [one["IsLatest"] for one in found["Versions"]] == [True]
    assert "DeleteMarkers" not in found


def test_more_versions_than_a_page_has_go_and_those_of_longer_names_stay(bucket, s3_endpoint, monkeypatch):
    monkeypatch.setattr("app.store.s3._PAGE", 3)
    for _ in range(7):
        bucket.put_object(Bucket="pics", Key="a.png", Body=b"x")
    bucket.put_object(Bucket="pics", Key="a.png.bak", Body=b"x")

    s3(s3_endpoint).delete("a.png")

    assert [one["Key"] for one in bucket.list_object_versions(Bucket="pics")["Versions"]] == ["a.png.bak"]


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_version_is_named_where_it_is_the_only_one_wherever_the_pages_end(bucket, s3_endpoint, monkeypatch, size):
    monkeypatch.setattr("app.store.s3._PAGE", size)
    for key in ("a.png", "b.png", "b.png", "b.png", "c.png", "d.png"):
        bucket.put_object(Bucket="pics", Key=key, Body=b"x")
    bucket.delete_object(Bucket="pics", Key="c.png")

    found = dict(s3(s3_endpoint).list_versions())
    only = {one["Key"]: one["VersionId"] for one in bucket.list_object_versions(Bucket="pics")["Versions"]}
    assert found == {"a.png": only["a.png"], "b.png": None, "d.png": only["d.png"]}


@pytest.mark.parametrize(("attempts", "is_one"), [(None, True), ("1", True), ("2", False)])
def test_a_put_that_the_proxy_had_to_repeat_has_no_version_id_of_its_own(
    bucket, s3_endpoint, monkeypatch, attempts, is_one
):
    send = Putter.put

    def answered(*arguments):
        answer = send(*arguments)
        if attempts:
            answer.headers["x-bowerbird-attempts"] = attempts
        return answer

    monkeypatch.setattr(Putter, "put", answered)

    assert (put(s3(s3_endpoint)) is not None) is is_one


def test_a_hidden_object_is_not_there_and_a_bucket_that_is_not_there_is_an_error(bucket, s3_endpoint):
    store = s3(s3_endpoint)
    put(store)
    bucket.delete_object(Bucket="pics", Key=KEY)

    assert fetch(store) == (None, b"")
    assert list(store.list_objects()) == []
    elsewhere = s3(s3_endpoint, bucket="nowhere")
    with pytest.raises(StoreMisconfigured):
        fetch(elsewhere)
    with pytest.raises(StoreMisconfigured):
        list(elsewhere.list_objects())


def test_a_long_list_comes_in_pages(bucket, s3_endpoint, monkeypatch):
    monkeypatch.setattr("app.store.s3._PAGE", 10)
    keys = [f"{number:05}.bin" for number in range(25)]
    for key in keys:
        bucket.put_object(Bucket="pics", Key=key, Body=b"x")

    assert [one.key for one in s3(s3_endpoint).list_objects()] == keys


def test_only_versions_with_the_bytes_of_the_latest_are_repeats(bucket, s3_endpoint):
    for body in (b"first", b"same", b"other", b"same", b"same"):
        last = bucket.put_object(Bucket="pics", Key=KEY, Body=body)["VersionId"]

    assert s3(s3_endpoint).keep_one(KEY) == last

    left = bucket.list_object_versions(Bucket="pics")["Versions"]
    assert sorted(one["Size"] for one in left) == [4, 5, 5]
    bucket.delete_object(Bucket="pics", Key=KEY)
    assert s3(s3_endpoint).keep_one(KEY) is None
    assert len(bucket.list_object_versions(Bucket="pics")["Versions"]) == 3


def test_a_store_keeps_one_of_what_it_has(store):
    put(store)

    store.keep_one(KEY)
    store.keep_one(OTHER)

    assert store.head(KEY)
