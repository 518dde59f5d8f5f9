"""Faults on order: what the next requests meet, in place of or beside what B2 would do."""

import random
import threading
from dataclasses import dataclass
from typing import Literal

from .errors import Refusal

Kind = Literal[
    "503", "503-after", "500", "slowdown", "reset", "lost", "slow", "html", "cap", "lie", "page", "redirect", "unnamed",
    "empty", "cut",
]  # fmt: skip

CAPS = {
    "transaction": "Transaction cap exceeded, see the Caps & Alerts page to increase your cap",
    "storage": "Cannot upload files, storage cap exceeded. See the Caps & Alerts page to increase your cap.",
    "download": "Cannot download file, download bandwidth or transaction (Class B) cap exceeded. "
    "See the Caps & Alerts page to increase your cap.",
}


@dataclass
class Fault:
    """One fault, for the next `times` requests of this method and of a key that contains `key`.

    503 comes before the body is read, 503-after behind it, slowdown before it with a Retry-After of 1 s; reset breaks
    off in the midst of the body; lost stores the object and never says so; slow waits `delay_s` seconds; html is a page
    of somebody else's; cap is the one named by `which` (transaction, storage or download; `cap` says the same);
    lie answers a PUT with the ETag of other bytes; page is html with status 200, redirect sends to another host;
    unnamed leaves out the ETag, empty answers 204, cut ends in the midst of the answer: all three do as asked. `chance`
    (0 to 1) is how likely a request meets it.
    """

    kind: Kind
    times: int = 1
    method: str | None = None
    key: str | None = None
    delay_s: float = 0.5
    cap: str = ""
    which: str = ""
    chance: float = 1.0

    def cap_name(self, default: str) -> str:
        """Return which cap is exceeded: the one that the fault names, otherwise the host's own."""
        return self.which or self.cap or default

    def refusal(self) -> Refusal | None:
        """Return what B2 says where the fault is an answer of B2's own; None for the others."""
        match self.kind:
            case "503" | "503-after":
                return Refusal(503, "ServiceUnavailable", "no tomes available")
            case "500":
                return Refusal(500, "InternalError", "An internal error occurred.  Please retry your upload.")
            case "slowdown":
                return Refusal(503, "SlowDown", "Please reduce your request rate", retry_after_s=1)
            case "cap":
                return Refusal(403, "AccessDenied", CAPS[self.cap_name("transaction")])
        return None


class Faults:
    """The faults that are still to come; any thread may ask. The same `seed` draws the same chances."""

    def __init__(self, seed: int = 0) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._random = random.Random(seed)

    def add(self, *faults: Fault) -> None:
        with self._lock:
            self._faults += faults

    def seed(self, seed: int) -> None:
        """Begin the chances anew."""
        with self._lock:
            self._random.seed(seed)

    def clear(self) -> None:
        with self._lock:
            self._faults = []

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that meets this request, and count it."""
        with self._lock:
            for fault in self._faults:
                is_meant = fault.times > 0 and fault.method in (None, method) and (fault.key or "") in path
                if is_meant and (fault.chance >= 1 or self._random.random() < fault.chance):
                    fault.times -= 1
                    return fault
        return None
