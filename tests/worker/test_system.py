"""The whole way: the app, the Worker, a B2 that fails as B2 does."""

import hashlib
import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from app.keys import thumbnail_key
from tests import samples
from tests.b2 import B2, Fault, Key
from tests.conftest import OWNER, free_port, start_server
from tests.waiting import soon
from tests.worker.requests import REGION
from tests.workerd import Workerd

BUCKET = "bowerbird-system"
KEY = Key("system-key-id", "system-secret-access-key")
SECRET = "webhook-secret-of-the-system"


class System:
    """App, signing proxy and B2, each a process or a server of its own."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.b2 = B2(REGION, BUCKET, [KEY]).start()
        self.worker = Workerd(
            {
                "B2_ENDPOINT": self.b2.endpoint,
                "B2_REGION": REGION,
                "B2_APPLICATION_KEY_ID": KEY.access_key_id,
                "B2_APPLICATION_KEY": KEY.secret_access_key,
                "WEBHOOK_URL": f"http://127.0.0.1:{port}/hooks/b2",
                "WEBHOOK_SECRET": SECRET,
            }
        ).start()
        self.app = start_server(
            folder / "system",
            port,
            public_url="https://i.example.com",
            store="s3",
            s3_endpoint=self.worker.url,
            s3_region=REGION,
            s3_bucket=BUCKET,
            s3_access_key_id=KEY.access_key_id,
            s3_secret_access_key=KEY.secret_access_key,
            webhook_secret=SECRET,
        )
        self.client = boto3.client(
            "s3", endpoint_url=self.worker.url, region_name=REGION, config=Config(s3={"addressing_style": "path"}),
            aws_access_key_id=KEY.access_key_id, aws_secret_access_key=KEY.secret_access_key,
        )  # fmt: skip

    def stop(self) -> None:
        if self.app.process.poll() is None:
            self.app.kill()
        self.client.close()
        self.worker.stop()
        self.b2.stop()

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        request = urllib.request.Request(f"{self.app.url}{path}", body, method=method)
        request.add_header("Authorization", f"Bearer {OWNER}")
        request.add_header("Content-Type", "image/png")
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def wait_for(self, key: str, status: int) -> Any:
        """Ask for an upload until it is answered with `status`."""

        def look() -> tuple[int, Any] | None:
            found = self.ask("GET", f"/api/uploads/{key}")
            return found if found[0] == status else None

        return soon(look, patience_s=20)[1]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One for all tests; the last of them stops the app."""
    made = System(tmp_path_factory.mktemp("system"))
    yield made
    made.stop()


def test_the_catalog_follows_what_other_clients_do_through_the_proxy(system: System) -> None:
    image = samples.make("png")
    system.client.put_object(Bucket=BUCKET, Key="photos/a b.png", Body=image)
    system.client.put_object(Bucket=BUCKET, Key="notes.txt", Body=b"text")
    status, mine = system.ask("POST", "/api/upload", samples.make("png", seed=2))

    found = system.wait_for("photos/a%20b.png", 200)
    assert (found["url"], found["width"]) == ("https://i.example.com/photos/a%20b.png", 64)
    assert system.ask("GET", "/api/uploads/notes.txt")[0] == 404
    assert status == 201
    system.client.delete_object(Bucket=BUCKET, Key=mine["key"])
    system.wait_for(mine["key"], 404)
    system.ask("DELETE", "/api/uploads/photos/a%20b.png")
    system.wait_for("photos/a%20b.png", 404)
    assert system.b2.body("photos/a b.png") is None
    assert_one_id_goes_all_the_way(system, mine["key"])


def assert_one_id_goes_all_the_way(system: System, key: str) -> None:
    """The id of the upload's request is in the lines of the app and of the Worker, in the notification, and nowhere
    at B2."""
    log = system.app.data_dir.parent / "system.log"

    def told(event: str, **values: Any) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        return [one for one in lines if one["event"] == event and values.items() <= one.items()]

    [uploaded] = told("uploaded", key=key)
    request_id = uploaded["request_id"]
    [answered] = told("answered", request_id=request_id)
    lines = [json.loads(line) for line in system.worker.log().splitlines() if request_id in line]
    heard = soon(lambda: told("notified", requests=[request_id]), patience_s=20)

    assert (answered["path"], answered["status"], answered["by"]) == ("/api/upload", 201, "owner")
    assert [(one["key"], one["changed"], one["status"]) for one in lines] == [(key, "put", 200)]
    assert heard[0]["request_id"] != request_id
    assert not [one for one in system.b2.requests if request_id in str(one.headers)]


def test_a_deleted_upload_leaves_no_version_behind_although_an_answer_was_lost(system: System) -> None:
    system.b2.faults.add(Fault("lost", method="PUT", key=".png"))
    status, body = system.ask("POST", "/api/upload", samples.make("png"))
    assert (status, len(system.b2.versions(body["key"]))) == (201, 2)

    system.ask("DELETE", f"/api/uploads/{body['key']}")

    assert system.b2.versions(body["key"]) == []


def test_of_75_uploads_on_a_bad_day_every_acknowledged_one_is_there_and_nothing_else(system: System) -> None:
    """B2 refuses five times running, breaks off, loses answers; the app answers 201 or an honest error."""
    of_image, of_thumbnail = {"method": "PUT", "key": ".png"}, {"method": "PUT", "key": ".webp"}
    system.b2.empty()
    for number in range(4):
        system.b2.faults.add(Fault("lost", **of_image), Fault("reset", **of_image), Fault("503", times=5, **of_image))
        system.b2.faults.add(Fault("lost", **of_thumbnail), Fault("503", **of_thumbnail))
        if number % 2 == 0:
            system.b2.faults.add(*(Fault(kind, **of_image) for kind in ("503-after", "500", "lie", "cap")))
    images = [samples.make("png", 8, 8, seed=number) for number in range(75)]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda image: system.ask("POST", "/api/upload", image), images))

    statuses = Counter(status for status, _ in answers)
    assert set(statuses) <= {201, 503, 507}, statuses
    assert statuses[201] >= 60, statuses
    assert statuses[507] == 2, statuses
    assert all(set(body) == {"error", "code", "request_id"} for status, body in answers if status != 201)
    acknowledged = {body["key"]: body["sha256"] for status, body in answers if status == 201}
    for key, sha256 in acknowledged.items():
        assert hashlib.sha256(system.b2.body(key) or b"").hexdigest() == sha256
    system.b2.faults.clear()
    system.app.stop()
    system.app.run("reconcile", "--grace", "0")
    stored = [key for key, *_ in system.b2.versions()]
    assert sorted(key for key in stored if not key.startswith("t/")) == sorted(acknowledged)
    assert {key for key in stored if key.startswith("t/")} <= {thumbnail_key(key) for key in acknowledged}
    again = system.app.run("reconcile", "--grace", "0")
    assert "abandoned 0, deleted 0, left for later 0; found 0, orphans 0, without an object 0" in again
