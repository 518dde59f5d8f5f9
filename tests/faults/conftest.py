"""What the tests of faults share: one stand-in for B2, an app over it in this process, and the judge of both."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.inventory import Inventory
from app.store.s3 import S3Store
from app.upkeep import Upkeep
from app.web import Parts
from tests.b2 import B2
from tests.conftest import OWNER
from tests.faults.judge import Verdict, in_b2, in_folder, judge
from tests.faults.sender import Acknowledged, picture, sha256

HANGS_S = 0.3  # for how long a store in a hurry waits for an answer
_SOON_S = 30


@dataclass
class House:
    """An app in this process over its data folder, and over `b2` where it has a bucket; what it acknowledged."""

    app: Flask
    b2: B2 | None = None
    acknowledged: list[Acknowledged] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    @property
    def parts(self) -> Parts:
        found: Parts = self.app.extensions["bowerbird"]
        return found

    def send(self, number: int, key: str | None = None) -> Any:
        """Send an image and return the answer."""
        headers = {"Authorization": f"Bearer {OWNER}"} | ({"Idempotency-Key": key} if key else {})
        image = picture(number)
        answer = self.app.test_client().post("/api/upload", data=image, content_type="image/png", headers=headers)
        if answer.status_code == 201:
            self.acknowledged.append(Acknowledged(answer.json["key"], answer.json["url"], sha256(image)))
        return answer

    def readyz(self) -> int:
        return self.app.test_client().get("/readyz").status_code

    def upkeep(self) -> Upkeep:
        return Upkeep(self.parts.uploads, self.parts.catalog, self.parts.store, self.parts.writers)

    def hurry(self) -> None:
        """Let the store wait for no answer for long."""
        store: Any = self.parts.store
        store._account["read_timeout_s"] = HANGS_S
        store._disconnect()

    def settle(self) -> Verdict:
        """Let the repeated jobs run, a while later, and return what the judge finds then."""
        ends_at = time.monotonic() + _SOON_S
        while self.b2 and len(self.b2.requests) < len(self.sent) and time.monotonic() < ends_at:
            time.sleep(0.02)  # what nobody waited for is still being stored
        uploads = self.parts.uploads
        uploads.clock = uploads.deletions._clock = lambda: datetime.now(UTC) + timedelta(minutes=30)
        self.upkeep().reconcile(grace_s=0)
        inventory: Inventory = self.parts.inventory
        inventory.compare(grace_s=0)
        inventory.inspect()
        bucket = in_b2(self.b2) if self.b2 else in_folder(self.parts.settings.data_dir)
        return judge(self.acknowledged, self.parts.catalog, bucket, self.parts.settings.data_dir, read=self._read)

    def _read(self, one: Acknowledged) -> bytes | None:
        if self.b2:
            return self.b2.body(one.key)
        answer = self.app.test_client().get(f"/{one.key}")
        return answer.data if answer.status_code == 200 else None


def is_honest(answer: Any, status: int, code: str) -> bool:
    """Whether an answer is this refusal, in the shape of every error, with a time to come again where it may pass."""
    told = answer.json or {}
    has_time = status != 503 or int(answer.headers.get("Retry-After", 0)) > 0
    has_shape = set(told) == {"error", "code", "request_id"} and "<" not in told["error"]
    return answer.status_code == status and told.get("code") == code and has_shape and has_time


@pytest.fixture(scope="session")
def skewed_by() -> dict[str, float]:
    """By how many seconds the clock of the stand-in is ahead of ours."""
    return {"s": 0.0}


@pytest.fixture(scope="session")
def stand_in(skewed_by: dict[str, float]) -> Iterator[B2]:
    with B2(clock=lambda: datetime.now(UTC).timestamp() + skewed_by["s"]) as b2:
        yield b2


@pytest.fixture
def cloud(stand_in: B2, make_app: Callable[..., Flask]) -> Iterator[House]:
    """An app over a bucket, whose store tries twice, and does not sleep."""
    stand_in.empty()
    pauses: list[float] = []
    sent: list[str] = []
    account = {"access_key_id": stand_in.key.access_key_id, "secret_access_key": stand_in.key.secret_access_key}
    store = S3Store(
        endpoint=stand_in.endpoint, region=stand_in.region, bucket=stand_in.bucket, **account,
        patience_s=1, count=sent.append, clock=lambda: sum(pauses), sleep=pauses.append,
    )  # fmt: skip
    yield House(make_app(store), stand_in, sent=sent)
    store._disconnect()
