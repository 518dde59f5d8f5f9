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
    if "gevent" in sys.modules:
        from gevent import get_hub, monkey  # noqa: PLC0415 only the server has it

        if monkey.is_module_patched("socket"):
            result, error = get_hub().threadpool.apply(_outcome, (function, args, kwargs))
            if error is not None:
                try:
                    raise error
                finally:
                    del error  # it holds this frame, and all the others below
            return cast(T, result)
    return function(*args, **kwargs)


def _outcome(function: Callable[..., T], args: Any, kwargs: Any) -> tuple[T | None, BaseException | None]:
    """Return what the call returned, or raised: gevent would print every error of its threads, a refusal too."""
    try:
        return function(*args, **kwargs), None
    except BaseException as e:  # noqa: BLE001 it is raised where the call was made
        return None, e
