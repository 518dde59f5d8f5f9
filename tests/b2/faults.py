"""Faults on order: what the next requests meet, in place of or beside what B2 would do."""

import threading
from dataclasses import dataclass
from typing import Literal

from .errors import Refusal

Kind = Literal["503", "503-after", "500", "slowdown", "reset", "lost", "slow", "html", "cap", "lie"]

CAPS = {
    "transaction": "Transaction cap exceeded, see the Caps & Alerts page to increase your cap",
    "storage": "Cannot upload files, storage cap exceeded. See the Caps & Alerts page to increase your cap.",
    "download": "Cannot download file, download bandwidth or transaction (Class B) cap exceeded. "
    "See the Caps & Alerts page to increase your cap.",
}
REFUSALS = {
    "503": Refusal(503, "ServiceUnavailable", "no tomes available"),
    "503-after": Refusal(503, "ServiceUnavailable", "no tomes available"),
    "500": Refusal(500, "InternalError", "An internal error occurred.  Please retry your upload."),
    "slowdown": Refusal(503, "SlowDown", "Please reduce your request rate", retry_after_s=1),
}


@dataclass
class Fault:
    """One fault, for the next `times` requests of this method and of a key that contains `key`.

    503 comes before the body is read, 503-after behind it; reset breaks off in the midst of the body; lost stores the
    object and never says so; slow waits `delay_s`; html is a page of somebody else's; cap is the one named by `cap`;
    lie answers a PUT with the ETag of other bytes.
    """

    kind: Kind
    times: int = 1
    method: str | None = None
    key: str = ""
    delay_s: float = 0.5
    cap: str = "transaction"

    def refusal(self) -> Refusal | None:
        return Refusal(403, "AccessDenied", CAPS[self.cap]) if self.kind == "cap" else REFUSALS.get(self.kind)


class Faults:
    """The faults that are still to come; any thread may ask."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, *faults: Fault) -> None:
        with self._lock:
            self._faults += faults

    def clear(self) -> None:
        with self._lock:
            self._faults = []

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that meets this request, and count it."""
        with self._lock:
            for fault in self._faults:
                if fault.times > 0 and fault.method in (None, method) and fault.key in path:
                    fault.times -= 1
                    return fault
        return None
