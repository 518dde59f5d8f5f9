"""Many who do the same at once: clients with one Idempotency-Key, reconciles beside uploads and beside each other."""

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from tests.conftest import UPLOADER, Server
from tests.faults.conftest import House
from tests.faults.sender import picture

CLIENTS = 20


def test_twenty_clients_with_one_key_get_one_upload(live_server: Server) -> None:
    image, key = picture(20), "the-same-key-of-twenty"
    headers = {"Authorization": f"Bearer {UPLOADER}", "Content-Type": "image/png", "Idempotency-Key": key}

    def send(_: int) -> tuple[int, dict[str, str]]:
        asked = urllib.request.Request(f"{live_server.url}/api/upload", image, headers, method="POST")
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as e:
            return e.code, json.load(e)

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(send, range(CLIENTS)))

    taken = [answer for status, answer in answers if status == 201]
    assert taken and all(one == taken[0] for one in taken)
    assert {status for status, _ in answers} <= {201, 409}
    stored = [path for path in (live_server.data_dir / "objects").glob("??/*.png") if path.read_bytes() == image]
    assert len(stored) == 1


def test_two_reconciles_at_once_beside_uploads_take_nothing_that_is_wanted(cloud: House) -> None:
    deleted, is_over = [cloud.send(number).json["key"] for number in range(10)], Event()
    cloud.acknowledged.clear()
    cloud.parts.catalog.uploads.retire_uploads(deleted)  # and nobody has ended these deletions yet

    def reconcile() -> None:
        while not is_over.is_set():
            cloud.upkeep().reconcile()
            cloud.parts.inventory.compare(grace_s=900)

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(reconcile) for _ in range(2)]
        sent = [cloud.send(number).status_code for number in range(100, 120)]
        is_over.set()
        for one in running:
            one.result()

    assert sent == [201] * 20
    assert cloud.settle().faults == {}
    assert len({key for key, *_ in cloud.b2.versions()}) == 20
