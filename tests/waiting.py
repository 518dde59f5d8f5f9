"""Waiting for what comes sooner or later, and on a busy machine later."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def soon(look: Callable[[], Found], *, patience_s: float = 30, every_s: float = 0.1) -> Found:
    """Return what `look` finds once that is something."""
    deadline = time.monotonic() + patience_s
    while not (found := look()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(every_s)
    return found
