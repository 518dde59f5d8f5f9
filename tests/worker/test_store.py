"""The app's own S3 store over TLS: straight at B2, and through the signing proxy."""

import io
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.errors import StoreUnavailable, Unavailable
from app.store.s3 import S3Store
from tests.b2 import B2, Fault, Key
from tests.b2.tls import make_certificate
from tests.worker.conftest import CLIENT, UPSTREAM, Proxy
from tests.worker.names import AWKWARD
from tests.worker.requests import BUCKET, REGION

KEY, OTHER = "abcdefgh.png", "bcdefghj.jpg"
BODY = b"the bytes of an image"


@pytest.fixture(scope="module")
def direct() -> Iterator[B2]:
    with B2(REGION, BUCKET, [Key(UPSTREAM.access_key_id, UPSTREAM.secret_access_key)], tls=True) as b2:
        yield b2


@pytest.fixture(params=["straight at B2", "through the proxy"])
def b2(request: pytest.FixtureRequest) -> B2:
    """B2, behind whichever way the store takes."""
    if request.param == "through the proxy":
        return request.getfixturevalue("proxy").b2
    direct: B2 = request.getfixturevalue("direct")
    direct.empty()
    return direct


@pytest.fixture
def make_store(b2: B2, request: pytest.FixtureRequest) -> Iterator[Callable[..., S3Store]]:
    """Make stores over TLS; they do not sleep, and have a second of patience."""
    made: list[S3Store] = []
    if b2.ca_bundle:
        endpoint, pair, known = b2.endpoint, UPSTREAM, b2.ca_bundle
    else:
        proxy: Proxy = request.getfixturevalue("proxy")
        endpoint, pair, known = proxy.tls_url, CLIENT, proxy.ca_bundle

    def make(ca_bundle: Path | None = known) -> S3Store:
        pauses: list[float] = []
        store = S3Store(
            endpoint=endpoint, region=REGION, bucket=BUCKET, access_key_id=pair.access_key_id,
            secret_access_key=pair.secret_access_key, ca_bundle=ca_bundle, clock=lambda: sum(pauses),
            sleep=pauses.append,
        )  # fmt: skip
        made.append(store)
        return store

    yield make
    for store in made:
        store._disconnect()


@pytest.fixture
def store(make_store: Callable[..., S3Store]) -> S3Store:
    return make_store()


def _put(store: S3Store, key: str = KEY, body: bytes = BODY) -> str | None:
    return store.put(key, io.BytesIO(body), content_type="image/png")


def _fetch(store: S3Store, key: str = KEY) -> bytes:
    into = io.BytesIO()
    store.fetch(key, into, max_bytes=1000)
    return into.getvalue()


def test_it_works(store: S3Store, b2: B2) -> None:
    version_id = _put(store)
    found = store.head(KEY)

    assert found is not None and (found.key, found.size, found.version_id) == (KEY, len(BODY), version_id)
    assert _fetch(store) == b2.body(KEY) == BODY
    assert store.head(OTHER) is None and _fetch(store, OTHER) == b""
    assert [one.key for one in store.list_objects()] == [KEY]
    store.ping()


@pytest.mark.parametrize("by_version", [True, False])
def test_what_is_deleted_leaves_no_version(store: S3Store, b2: B2, by_version: bool) -> None:
    version_id = _put(store)
    _put(store, OTHER)

    for _ in range(2):
        store.delete(KEY, version_id if by_version else None)

    assert [key for key, *_ in b2.versions()] == [OTHER]


@pytest.mark.parametrize("key", AWKWARD)
def test_what_others_have_put_is_fetched_listed_and_deleted_whatever_its_name(store: S3Store, b2: B2, key: str) -> None:
    client = store._connect()
    client.put_object(Bucket=BUCKET, Key=key, Body=b"old")
    client.put_object(Bucket=BUCKET, Key=key, Body=BODY)

    assert _fetch(store, key) == BODY
    assert [one.key for one in store.list_objects()] == [key]
    store.delete(key)
    assert b2.versions() == []


def test_what_is_hidden_goes_with_all_that_hides_it(store: S3Store, b2: B2) -> None:
    _put(store)
    store._connect().delete_object(Bucket=BUCKET, Key=KEY)
    assert [is_marker for _, _, is_marker, _ in b2.versions()] == [False, True]

    store.delete_hidden(KEY)

    assert b2.versions() == []


@pytest.mark.parametrize("kind", ["503", "503-after", "500", "reset", "lost"])
def test_a_bad_moment_of_b2_is_outlived(store: S3Store, b2: B2, kind: str) -> None:
    b2.faults.add(Fault(kind, times=2, method="PUT"))

    _put(store)

    assert _fetch(store) == BODY
    assert len(b2.versions()) == (3 if kind == "lost" else 1)


LARGE = random.Random(1).randbytes(11 * 1024 * 1024 + 7)


@pytest.fixture
def parts_of_5_mb(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest that B2 takes."""
    monkeypatch.setattr("app.store.s3_parts.PART_BYTES", 5 * 1024 * 1024)
    monkeypatch.setattr("app.store.s3.PART_BYTES", 5 * 1024 * 1024)


@pytest.mark.usefixtures("parts_of_5_mb")
def test_a_large_object_goes_up_in_parts_and_costs_nothing(store: S3Store, b2: B2) -> None:
    version_id = _put(store, body=LARGE)

    asked = [(one.method, one.body_bytes) for one in b2.requests if one.method == "PUT"]
    assert asked == [("PUT", 5 * 1024 * 1024)] * 2 + [("PUT", 1024 * 1024 + 7)]
    assert dict(b2.transactions) == {"A": 5}
    found = store._connect().head_object(Bucket=BUCKET, Key=KEY)
    assert (found["ContentType"], found["CacheControl"]) == ("image/png", "public, max-age=31536000, immutable")
    assert (found["VersionId"], found["ContentLength"]) == (version_id, len(LARGE))
    assert b2.body(KEY) == LARGE


@pytest.mark.usefixtures("parts_of_5_mb")
@pytest.mark.parametrize(("kind", "method"), [("503", "PUT"), ("reset", "PUT"), ("lie", "PUT"), ("lost", "POST")])
def test_a_bad_moment_costs_one_part_and_not_the_others(store: S3Store, b2: B2, kind: str, method: str) -> None:
    b2.faults.add(Fault(kind, times=2, method=method, key="uploadId"))  # not what begins it

    _put(store, body=LARGE)

    assert b2.body(KEY) == LARGE
    assert len(b2.versions()) == 1
    assert len([one for one in b2.requests if one.method == "PUT"]) <= 5


@pytest.mark.usefixtures("parts_of_5_mb")
@pytest.mark.parametrize("kind", ["cap", "html"])
def test_of_a_large_object_that_is_refused_nothing_is_left(store: S3Store, b2: B2, kind: str) -> None:
    b2.faults.add(Fault(kind, times=1000, method="PUT"))

    with pytest.raises(Unavailable):
        _put(store, body=LARGE)

    assert b2.versions() == []
    assert "Uploads" not in store._connect().list_multipart_uploads(Bucket=BUCKET)


@pytest.mark.parametrize("is_known", [True, False], ids=["another certificate", "only those of the system"])
def test_a_server_whose_certificate_is_not_known_gets_nothing(
    make_store: Callable[..., S3Store], b2: B2, tmp_path: Path, is_known: bool
) -> None:
    store = make_store(make_certificate(tmp_path)[0] if is_known else None)

    with pytest.raises(StoreUnavailable):
        _put(store)
    assert (b2.requests, b2.versions()) == ([], [])
