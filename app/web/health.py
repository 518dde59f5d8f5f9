"""Whether the server lives (/healthz), and whether what it stands on answers (/readyz)."""

from flask import Blueprint, Response, jsonify

from . import parts

health = Blueprint("health", __name__)

STORE_CHECK_S = 60  # asking B2 costs a class B transaction, and a free account has 2,500 a day

_checked_at: dict[int, float] = {}


@health.get("/healthz")
def alive() -> Response:
    """200 as long as requests are answered."""
    return jsonify(status="ok")


@health.get("/readyz")
def ready() -> Response:
    """200 if the catalog and the store answer; 502, 503 or 507 with the reason if not."""
    parts().catalog.ping()
    parts().store.ping()
    return jsonify(status="ok")
