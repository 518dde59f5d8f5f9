"""Issuing the token of a client."""

from datetime import datetime

from .. import tokens
from ..catalog import Catalog
from ..errors import BadRequest, NameTaken
from ..tokens import UPLOAD

_MOST_OF_A_NAME = 1000


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
