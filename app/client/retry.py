"""Patience with a server that does not answer for now: bounded tries, longer and longer pauses between them."""

import random
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from ..errors import BowerbirdError, Unavailable

TRIES = 9  # a server that fails every second request fails all of them for one file in 512
LONGEST_S = 30.0
MOST_ASKED_S = 120.0  # of what a server may ask for; who has to wait longer is told so

Answer = TypeVar("Answer")


class Stopped(BowerbirdError):
    """The user ended it; what is under way is given up."""

    code = "stopped"


class Patience:
    """How one run waits. `stop` ends every wait; `draw` is the chance in the pauses, from 0 to 1."""

    def __init__(
        self,
        stop: threading.Event,
        *,
        tries: int = TRIES,
        first_s: float = 0.5,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.stop = stop
        self._tries, self._first_s, self._draw = tries, first_s, draw

    def insist(self, act: Callable[[], Answer], tell: Callable[[str], None]) -> Answer:
        """Return what `act` returns; while it raises Unavailable, wait and call it again.

        `tell` hears of each wait. After the last try Unavailable goes on to the caller; Stopped ends it at once.
        """
        for pause_s in self.pauses():
            self.check()
            try:
                return act()
            except Unavailable as e:
                self.check()
                wait_s = max(pause_s, e.retry_after_s)
                tell(f"{e}; again in {wait_s:.0f} s" if wait_s >= 1 else f"{e}; again")
            self.stop.wait(wait_s)
        self.check()
        return act()

    def pauses(self) -> Iterator[float]:
        """Yield the pauses between the tries, in seconds: twice as long each time, the half of it by chance."""
        for number in range(self._tries - 1):
            yield min(self._first_s * 2**number, LONGEST_S) * (0.5 + self._draw() / 2)

    def check(self) -> None:
        """Raise Stopped once the user has ended it."""
        if self.stop.is_set():
            raise Stopped("stopped")
