"""What /readyz said all the while, held against what was true."""

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_EVERY_S = 0.2


@dataclass(frozen=True)
class Said:
    """One answer of /readyz: when it was asked for and when it came (monotonic), its status; 0 where none came."""

    asked_at: float
    at: float
    status: int


@dataclass
class Readiness:
    """Asks one server again and again; `outages` are the spans in which something that it stands on was gone."""

    url: str
    said: list[Said] = field(default_factory=list)
    outages: list[tuple[float, float]] = field(default_factory=list)
    _ends: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Ask while the block runs."""
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._ends.set()
            thread.join()

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Something is gone from the first to the last moment of the block."""
        began_at = time.monotonic()
        yield
        self.outages.append((began_at, time.monotonic()))

    def lies(self) -> list[Said]:
        """Return the answers that said 200 although they were asked for and came within an outage, and those that were
        errors of ours."""
        return [one for one in self.said if one.status == 500 or (one.status == 200 and self._is_out(one))]

    def is_ready_within(self, wait_s: float) -> bool:
        """Whether the server says 200 before so many seconds are over."""
        ends_at = time.monotonic() + wait_s
        while (one := self.ask()).status != 200 and time.monotonic() < ends_at:
            time.sleep(_EVERY_S)
        return one.status == 200

    def ask(self) -> Said:
        """Ask once."""
        asked_at = time.monotonic()
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=60) as answer:
                status = answer.status
        except urllib.error.HTTPError as e:
            status = e.code
            e.close()
        except OSError:
            status = 0
        return Said(asked_at, time.monotonic(), status)

    def _watch(self) -> None:
        while not self._ends.wait(_EVERY_S):
            self.said.append(self.ask())

    def _is_out(self, one: Said) -> bool:
        return any(begin <= one.asked_at and one.at <= end for begin, end in self.outages)
