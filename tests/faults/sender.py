"""A client that never gives up soon, and writes down what it was told: what was acknowledged, what refused and how."""

import hashlib
import http.client
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests import samples

_KNOWN = {
    (409, "conflict"),
    (502, "store_misconfigured"),
    (503, "busy"),
    (503, "store_unavailable"),
    (507, "store_full"),
}
_TIMEOUT_S = 120


@dataclass(frozen=True)
class Acknowledged:
    """One upload that was answered 201: where it is, and the digest of what was sent."""

    key: str
    url: str
    sha256: str


@dataclass
class Ledger:
    """What clients were told. `dishonest` are answers that are none of those that a fault may have."""

    acknowledged: list[Acknowledged] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    dishonest: list[str] = field(default_factory=list)
    given_up: int = 0
    keyed: set[str] = field(default_factory=set)  # digests of what was sent with an Idempotency-Key
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, one: Acknowledged) -> None:
        with self._lock:
            self.acknowledged.append(one)

    def refuse(self, how: str, *, is_honest: bool = True, what: str = "") -> None:
        with self._lock:
            self.refused[how] += 1
            if not is_honest:
                self.dishonest.append(f"{how}: {what}")

    def give_up(self) -> None:
        with self._lock:
            self.given_up += 1


@dataclass(frozen=True)
class Sender:
    """Sends images to one server in the name of one token."""

    host: str
    port: int
    token: str
    ledger: Ledger

    def send(self, image: bytes, key: str | None, *, patience_s: float, pause_s: float = 0.5) -> Acknowledged | None:
        """Send `image` until it is taken, the same request each time; None where the patience is over."""
        ends_at = time.monotonic() + patience_s
        while True:
            if found := self.try_once(image, key):
                return found
            if time.monotonic() > ends_at:
                self.ledger.give_up()
                return None
            time.sleep(pause_s * random.uniform(0.5, 1.5))

    def try_once(self, image: bytes, key: str | None = None) -> Acknowledged | None:
        """Send `image` once, and write down what came of it."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "image/png"}
        if key:
            headers["Idempotency-Key"] = key
            self.ledger.keyed.add(sha256(image))
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_TIMEOUT_S)
        try:
            connection.request("POST", "/api/upload", image, headers)
            answer = connection.getresponse()
            status, told, body = answer.status, answer.headers, answer.read()
        except (OSError, http.client.HTTPException) as e:
            self.ledger.refuse(f"no answer ({type(e).__name__})")
            return None
        finally:
            connection.close()
        return self._read(status, told, body, sha256(image))

    def _read(self, status: int, told: http.client.HTTPMessage, body: bytes, digest: str) -> Acknowledged | None:
        try:
            answer = json.loads(body)
        except ValueError:
            self.ledger.refuse(f"{status} without JSON", is_honest=False, what=body[:200].decode(errors="replace"))
            return None
        if status == 201:
            found = Acknowledged(answer["key"], answer["url"], digest)
            self.ledger.note(found)
            return found
        code = answer.get("code")
        has_shape = set(answer) == {"error", "code", "request_id"} and "<" not in answer["error"]
        has_time = status != 503 or "Retry-After" in told
        is_honest = (status, code) in _KNOWN and has_shape and has_time
        self.ledger.refuse(f"{status} {code}", is_honest=is_honest, what=str(answer))
        return None


def picture(number: int) -> bytes:
    """Return an image like no other of another number, without metadata: it is stored byte for byte."""
    return samples.make("png", 24, 16, seed=1_000_000 + number)


def sha256(body: bytes) -> str:
    """Return the hex SHA-256."""
    return hashlib.sha256(body).hexdigest()
