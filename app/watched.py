"""A store, or any other, of which each call is measured."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, cast

from .store.base import ObjectStore

Watch = Callable[[str], AbstractContextManager[None]]
# Those that answer at once; a list goes on for as long as whoever reads it likes.
_CALLS = frozenset({"put", "replace", "delete", "delete_hidden", "keep_one", "head", "fetch", "ping"})


def watched(store: ObjectStore, watch: Watch) -> ObjectStore:
    """Return the same store; `watch` gets the name of each call, and surrounds it."""
    return cast(ObjectStore, _Watched(store, watch))


class _Watched:
    def __init__(self, store: ObjectStore, watch: Watch) -> None:
        self._store = store
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in _CALLS:
            return found

        @wraps(found)
        def call(*arguments: Any, **named: Any) -> Any:
            with self._watch(name):
                return found(*arguments, **named)

        return call
