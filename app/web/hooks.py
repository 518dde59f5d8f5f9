"""The app's end of the webhook: what the signing proxy, or B2 itself, says of the bucket."""

import structlog
from flask import Blueprint, Response, jsonify, request

from .. import webhooks
from ..errors import NotFound, Unauthorized
from . import parts

log = structlog.get_logger()

hooks = Blueprint("hooks", __name__, url_prefix="/hooks")


@hooks.post("/b2")
def take() -> Response:
    """Take a signed notification and answer 200 with how many of its events were new: 400 for one that makes no sense,
    401 for a wrong signature, 403 for a stale one, 404 where no secret is set, 429 after many that were wrong."""
    secret = parts().settings.webhook_secret.get_secret_value()
    if not secret:
        raise NotFound("no notifications are taken here: BOWERBIRD_WEBHOOK_SECRET is not set")
    body = request.get_data(cache=False)
    try:
        webhooks.check(secret, body, request.headers.get(webhooks.HEADER))
    except Unauthorized:
        parts().limits.check_guess(request.remote_addr or "")
        parts().catalog.changes.refuse(now=parts().uploads.clock())
        raise
    events = webhooks.parse(body, now=parts().uploads.clock())
    count = parts().inventory.take(events)
    requests = sorted({one.request_id for one in events if one.request_id})  # of this app, which were the reason
    log.info("notified", events=len(events), new=count, requests=requests)
    return jsonify(accepted=count)
