"""Whether the server lives (/healthz), and whether what it stands on answers (/readyz)."""

import time
from threading import Lock

from flask import Blueprint, Response, current_app, jsonify
from flask.blueprints import BlueprintSetupState

from ..errors import BowerbirdError
from ..store.base import ObjectStore
from . import parts

health = Blueprint("health", __name__)

# Asking B2 costs a class B transaction, of which 2,500 a day are free: two web processes ask at most 1,440 times.
STORE_CHECK_S = 120
FAILED_CHECK_S = 10
KEPT_AS = "bowerbird.store_check"


@health.record_once
def _begin(state: BlueprintSetupState) -> None:
    state.app.extensions[KEPT_AS] = StoreCheck()


@health.get("/healthz")
def alive() -> Response:
    """200 as long as requests are answered."""
    return jsonify(status="ok")


@health.get("/readyz")
def ready() -> Response:
    """200 if the catalog and the store answer; 502, 503 or 507 with the reason if not. The store's word may be up to
    STORE_CHECK_S old, for anyone may ask here."""
    parts().catalog.ping()
    current_app.extensions[KEPT_AS].look(parts().store, now_s=time.monotonic())
    return jsonify(status="ok")


class StoreCheck:
    """What the store said when it was last asked."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._next_s = float("-inf")
        self._error: BowerbirdError | None = None

    def look(self, store: ObjectStore, *, now_s: float) -> None:
        """Return if the store answers, or did a while ago; else raise what it raised."""
        with self._lock:
            if now_s >= self._next_s:
                self._error = None
                try:
                    store.ping()
                except BowerbirdError as e:
                    self._error = e
                self._next_s = now_s + (FAILED_CHECK_S if self._error else STORE_CHECK_S)
            if self._error:
                raise self._error.with_traceback(None)  # or it would grow with each answer
