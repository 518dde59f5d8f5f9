"""Whether the server lives (/healthz), and whether what it stands on answers (/readyz)."""

from flask import Blueprint, Response, jsonify

from . import parts

health = Blueprint("health", __name__)


@health.get("/healthz")
def alive() -> Response:
    """200 as long as requests are answered."""
    return jsonify(status="ok")


@health.get("/readyz")
def ready() -> Response:
    """200 if an upload would be taken: catalog, disk and store; 502, 503 or 507 with the reason if not."""
    parts().readiness.check()
    return jsonify(status="ok")
