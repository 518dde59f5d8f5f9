"""Fills the files of sharex/ with this host's address and a token."""

import json
import re
from datetime import datetime
from urllib.parse import urlsplit

from . import tokens
from .catalog import Catalog
from .errors import BadRequest, NameTaken
from .resources import folder
from .tokens import UPLOAD

_SYNTAX = re.compile(r"[%{}|\\;\s\x00-\x1f\x7f-\uffff]")  # live or forbidden in a .sxcu's address and headers
_MAX_NAME = 80
_MOST_OF_A_NAME = 1000


def sxcu(base_url: str, token: str, name: str | None = None, *, to_view_page: bool = False) -> str:
    """Return a .sxcu for this host: JSON that ShareX 14 or newer, XerahS, sharex-cli, shotx and Chatterino take.

    `name` is shown in the client's list; the host alone when left out. With `to_view_page` the address on the clipboard
    is that of the image's page, where the host has such pages.
    Raises ValueError for an address or token with characters that are syntax in such a file.
    """
    if _SYNTAX.search(base_url) or not tokens.is_token(token):
        raise ValueError("the address or the token has characters that a .sxcu cannot hold")
    host = urlsplit(base_url).netloc
    config = json.loads((folder("sharex") / "bowerbird.sxcu").read_text(encoding="utf-8"))
    config["Name"] = f"{host} ({' '.join(name.split())[:_MAX_NAME]})" if name else host
    config["RequestURL"] = f"{base_url}/api/upload"
    config["Headers"]["Authorization"] = f"Bearer {token}"
    if to_view_page:
        config["URL"] = "{json:view_url}"
    return json.dumps(config, indent=2)


def sxcu_file_name(base_url: str) -> str:
    """Return what the file is called, such as `pics.example.com.sxcu`.

    >>> sxcu_file_name("https://pics.example.com:8443")
    'pics.example.com.sxcu'
    """
    return re.sub(r"[^A-Za-z0-9.-]", "-", urlsplit(base_url).hostname or "bowerbird") + ".sxcu"


def curl_line(base_url: str, token: str) -> str:
    """Return a line for the shell that uploads a picture.

    >>> curl_line("https://pics.example.com", "TOKEN")
    "curl -H 'Authorization: Bearer TOKEN' -F file=@picture.png https://pics.example.com/api/upload"
    """
    return f"curl -H 'Authorization: Bearer {token}' -F file=@picture.png {base_url}/api/upload"


def new_client(catalog: Catalog, client: str, *, now: datetime) -> tuple[str, str]:
    """Make a token that may only upload, called `client`, `client 2` and so on; return its secret and its name."""
    for number in range(1, _MOST_OF_A_NAME):
        secret, name = tokens.new_token(), client if number == 1 else f"{client} {number}"
        try:
            catalog.tokens.add(name, tokens.digest(secret), frozenset({UPLOAD}), created_at=now)
        except NameTaken:
            continue
        return secret, name
    raise BadRequest(f"there are {_MOST_OF_A_NAME:,} tokens called {client[:40]!r}; revoke some")
