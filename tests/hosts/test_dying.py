"""One of two hosts dies in the midst of uploads: what was acknowledged is there, and nobody has to sign in again."""

import hashlib
import http.client
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from urllib.parse import urlencode

import pytest

from app.store.base import ObjectStore
from tests import samples
from tests.conftest import OWNER
from tests.hosts.cluster import Cluster
from tests.worker.requests import Answer

CLIENTS, UPLOADS, BEFORE_THE_END, TRIES = 6, 90, 20, 30
AUTH = {"authorization": f"Bearer {OWNER}"}
GOES_ON = (http.client.HTTPException, OSError)


def sign_in(cluster: Cluster) -> dict[str, str]:
    form = {"content-type": "application/x-www-form-urlencoded", "origin": "http://127.0.0.1:8080"}
    answer = cluster.nginx.ask("/login", form, "POST", urlencode({"token": OWNER}).encode())
    assert answer.status == 303, answer.body
    return {"cookie": answer.headers["set-cookie"].partition(";")[0]}


def upload(cluster: Cluster, image: bytes, key: str) -> Answer:
    """Send the image until it is taken, each time with the same Idempotency-Key, as every client of ours does."""
    for _ in range(TRIES):
        try:
            answer = cluster.nginx.ask("/api/upload", {**AUTH, "idempotency-key": key}, "POST", image)
        except GOES_ON:
            continue
        if answer.status in (200, 201):
            return answer
        assert answer.status in (409, 502, 503, 504), answer.body
    raise AssertionError(f"{key} was not taken in {TRIES} tries")


@pytest.fixture
def dying(app: object, cluster: Cluster) -> Iterator[Cluster]:
    yield cluster
    for host in cluster.hosts:
        if host.process.poll() is not None:
            host.restart()


def test_no_acknowledged_upload_is_lost_and_nobody_is_signed_out(dying: Cluster, store: ObjectStore) -> None:
    session = sign_in(dying)
    images = [samples.make("png", seed=seed) for seed in range(UPLOADS)]
    done, numbers, reached = [], count(1), threading.Event()

    def one(number: int) -> dict[str, str]:
        answer = json.loads(upload(dying, images[number], f"image-{number}").body)
        if next(numbers) == BEFORE_THE_END:
            reached.set()
        return answer

    with ThreadPoolExecutor(CLIENTS) as pool:
        done = [pool.submit(one, number) for number in range(UPLOADS)]
        assert reached.wait(120)
        dying.hosts[0].kill()
        told = [future.result() for future in done]

    stored = {one.key: one.size for one in store.list_objects()}
    assert len({one["key"] for one in told}) == UPLOADS
    for image, one in zip(images, told, strict=True):
        assert one["sha256"] == hashlib.sha256(image).hexdigest()
        assert stored[one["key"]] == len(image)
    page = dying.nginx.ask("/gallery", session)
    assert (page.status, b"Sign out" in page.body) == (200, True)
    listed = json.loads(dying.nginx.ask("/api/uploads?limit=200", AUTH).body)
    assert {one["key"] for one in listed["uploads"]} == {one["key"] for one in told}


def test_a_resumable_upload_of_a_dead_host_is_unknown_and_begins_anew(dying: Cluster) -> None:
    image = samples.make("png", seed=7)
    tus = {**AUTH, "tus-resumable": "1.0.0"}

    def begin() -> str:
        begun = dying.nginx.ask("/api/tus", {**tus, "upload-length": str(len(image)), "content-length": "0"}, "POST")
        assert begun.status == 201, begun.body
        return begun.headers["location"].removeprefix("http://127.0.0.1:8080")

    def send(path: str, offset: int, end: int) -> Answer:
        part = {**tus, "upload-offset": str(offset), "content-type": "application/offset+octet-stream"}
        return dying.nginx.ask(path, part, "PATCH", image[offset:end])

    path = begin()
    assert send(path, 0, 100).status == 204
    assert send(path, 100, 200).status == 204, "every request of one client reaches the host that has the bytes"
    holder = next(host for host in dying.hosts if list((host.data_dir / "tus").glob("*/*/bytes")))
    holder.kill()

    statuses = [send(path, 200, len(image)).status for _ in range(3)]
    assert statuses in ([502, 404, 404], [404] * 3), "only what was on its way to the dead host may fail with it"
    again = begin()
    assert send(again, 0, len(image)).status == 204
