"""The metrics for Prometheus (/metrics): for a program on this machine, or with a token."""

import ipaddress
from urllib.parse import urlsplit

from flask import Blueprint, Response, request

from .. import __version__, metrics
from ..heartbeat import Heartbeat
from ..tokens import MANAGE, METRICS
from . import parts
from .auth import authenticate

metrics_page = Blueprint("metrics", __name__)

# What the proxies in front of a server say of whom they speak for: their own address says nothing then.
_PASSED_ON = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")
_PASSED_ON += ("CF-Connecting-IP", "CF-Ray", "True-Client-IP")


@metrics_page.get("/metrics")
def show() -> Response:
    """200 with the metrics; 401 or 403 for who is neither on this machine nor has the scope `metrics` or `manage`."""
    if "Authorization" in request.headers or not _is_local():
        authenticate(METRICS, MANAGE)
    heartbeat = Heartbeat(parts().settings.data_dir)
    now = parts().uploads.clock()
    found = metrics.render(parts().catalog, heartbeat, parts().counts, version=__version__, now=now)
    return Response(found, content_type=metrics.CONTENT_TYPE)


def _is_local() -> bool:
    """Whether a program on this machine asks by itself, for itself. Host is looked at too: a page of a stranger can
    have a name that leads here, and a proxy may say nothing of whom it speaks for."""
    if parts().settings.trusted_proxies or any(name in request.headers for name in _PASSED_ON):
        return False
    if request.environ.get("SERVER_PROTOCOL") == "HTTP/1.0":  # a bare proxy_pass of nginx, with 127.0.0.1 as host
        return False
    host = urlsplit(f"//{request.host}").hostname or ""
    return _is_loopback(request.remote_addr or "") and (host == "localhost" or _is_loopback(host))


def _is_loopback(address: str) -> bool:
    """Return whether an address leads to this machine.

    >>> [_is_loopback(text) for text in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "192.0.2.1", "localhost", "")]
    [True, True, True, False, False, False]
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback
