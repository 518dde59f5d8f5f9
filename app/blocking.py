"""Calls that hold a core or a disk for long, made so that a server on one thread goes on serving meanwhile."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")


def run_blocking(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Return `function(*args, **kwargs)`, run in a native thread where gevent runs the requests, else right here.

    gevent cannot switch away from an fsync or a long computation: without this, every other request would wait for it.

    >>> run_blocking(max, 1, 2)
    2
    """
    if hub := _hub():
        return _in_thread(hub.threadpool, function, args, kwargs)
    return function(*args, **kwargs)


class Lane:
    """A native thread of its own, for what must not wait until a thread of those that all share is free."""

    def __init__(self) -> None:
        self._pools: dict[Any, Any] = {}  # by hub: a pool is of one

    def run(self, function: Callable[..., T], *args: Any) -> T:
        """Return `function(*args)`, as run_blocking does."""
        if hub := _hub():
            if hub not in self._pools:
                from gevent.threadpool import ThreadPool  # noqa: PLC0415 only the server has it

                self._pools[hub] = ThreadPool(1, hub)
            return _in_thread(self._pools[hub], function, args, {})
        return function(*args)


def _hub() -> Any | None:
    """Return gevent's hub where gevent runs the requests, else None."""
    if "gevent" in sys.modules:
        from gevent import get_hub, monkey  # noqa: PLC0415 only the server has it

        if monkey.is_module_patched("socket"):
            return get_hub()
    return None


def _in_thread(pool: Any, function: Callable[..., T], args: Any, kwargs: Any) -> T:
    result, error = pool.apply(_outcome, (function, args, kwargs))
    if error is not None:
        try:
            raise error
        finally:
            del error  # it holds this frame, and all the others below
    return cast(T, result)


def _outcome(function: Callable[..., T], args: Any, kwargs: Any) -> tuple[T | None, BaseException | None]:
    """Return what the call returned, or raised: gevent would print every error of its threads, a refusal too."""
    try:
        return function(*args, **kwargs), None
    except BaseException as e:  # noqa: BLE001 it is raised where the call was made
        return None, e
