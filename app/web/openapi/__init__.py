"""The document of the API: OpenAPI 3.1, put together from what the code itself decides by. Tests hold it to be true.

Source: https://spec.openapis.org/oas/v3.1.1
"""

from ... import __version__
from ...settings import Settings
from . import deletion, library, operation, resumable, statistics, uploading
from .pieces import Json
from .schemas import schemas

# Each describes the routes of some modules of web/, and the group that they stand in.
_GROUPS = (uploading, resumable, library, statistics, deletion, operation)

_ABOUT = """Bowerbird keeps images: a client sends one, its address comes back.

A token is sent as `Authorization: Bearer TOKEN`; what is named beside `bearer` is the scope that it needs, or the
scopes of which it needs one. Pages of the site itself use the session's cookie, and for anything but a read the CSRF
token that stands in each page's `<meta name="csrf-token">`.

What is refused is answered by a JSON object: `error` is one plain sentence of at most 200 characters, `code` a word
for programs, `request_id` what the log knows the request by. That is so for unknown paths (404), wrong methods (405)
and for what is no proper request at all (400, 408, 414, 417, 431), too."""


def document(settings: Settings) -> Json:
    """Return the document of a server with these settings. No secret stands in it."""
    cookie = "__Host-bowerbird" if settings.base_url.startswith("https:") else "bowerbird"
    return {
        "openapi": "3.1.0",
        "info": {"title": "Bowerbird", "version": __version__, "description": _ABOUT},
        "servers": [{"url": settings.base_url}],
        "tags": [{"name": group.TAG, "description": group.__doc__.partition("\n")[0]} for group in _GROUPS],
        "paths": {path: found for group in _GROUPS for path, found in group.paths(settings).items()},
        "components": {
            "schemas": schemas(settings),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A token of this server"},
                "session": {"type": "apiKey", "in": "cookie", "name": cookie, "description": "Of who is signed in"},
                "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token", "description": "With the session"},
            },
        },
    }
