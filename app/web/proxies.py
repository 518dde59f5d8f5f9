"""The proxies in front: from them comes the address of who asks, and nothing else is believed."""

from collections.abc import Callable, Iterable
from typing import Any

from ..networks import Trusted, client_address
from .drain import Wsgi


class Proxies:
    """WSGI middleware: sets REMOTE_ADDR from X-Forwarded-For as far as `trusted` goes. No other header of a proxy is
    read: addresses come from the settings."""

    def __init__(self, app: Wsgi, trusted: Trusted) -> None:
        self._app = app
        self._trusted = trusted

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["REMOTE_ADDR"] = client_address(
            environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""), self._trusted
        )
        return self._app(environ, start_response)
