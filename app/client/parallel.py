"""Work done by a few threads, its results taken in the order of what was asked for."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, TimeoutError
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

GRACE_S = 5.0  # for what only waits for its answer
_LOOK_S = 0.2


class Running(Generic[Item, Result]):
    """`work` done for each of `items`, by `jobs` threads that end with the program, whatever they wait for.

    `work` itself has to heed `stop`, and be short then.
    """

    def __init__(self, work: Callable[[Item], Result], items: Sequence[Item], jobs: int, stop: threading.Event) -> None:
        self._work, self._stop = work, stop
        self._futures: list[Future[Result]] = [Future() for _ in items]
        self._left = iter(list(zip(items, self._futures, strict=True)))
        self._lock = threading.Lock()
        for _ in range(min(jobs, len(items))):
            threading.Thread(target=self._run, daemon=True).start()

    def __iter__(self) -> Iterator[Result]:
        """Yield the results in order, each as soon as it and all before it are there. Once stopped, those are left out
        that have not ended after a few seconds."""
        ends_at: float | None = None
        for future in self._futures:
            while not future.done() and (ends_at is None or time.monotonic() < ends_at):
                if ends_at is None and self._stop.is_set():
                    ends_at = time.monotonic() + GRACE_S
                try:
                    future.exception(_LOOK_S)
                except TimeoutError:
                    continue
            if future.done():
                yield future.result()

    def _run(self) -> None:
        while True:
            with self._lock:
                if (taken := next(self._left, None)) is None:
                    return
            item, future = taken
            try:
                future.set_result(self._work(item))
            except BaseException as e:
                future.set_exception(e)
                raise
