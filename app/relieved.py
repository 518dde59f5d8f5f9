"""What gunicorn's master sees of a web worker whose place another takes after a reload."""

import time

from .server import LAST_S


class Relieved:
    """A worker of before a reload: it answers until new ones do, and then ends with what it has begun."""

    aborted = False

    def __init__(self, age: int) -> None:
        self.age = age
        self._ends_at = time.monotonic() + LAST_S
        self.tmp = self  # gunicorn's file in which a worker says that it lives, for which this one is too old

    def last_update(self) -> float:
        """Return when it was heard last: now, as long as it may go on; who does not end by then is killed."""
        return min(time.monotonic(), self._ends_at)

    def close(self) -> None:
        """There is nothing to close."""
