"""One call of Cloudflare's API, the operations it may be of, and how it is refused."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .zone import Account, Token, Zone


class Refused(Exception):
    """An error as Cloudflare says it: a status, and in the body a code of its own."""

    def __init__(self, status: int, code: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers


@dataclass(frozen=True)
class Listed:
    """A list that comes in pages."""

    items: list[Any]


@dataclass(frozen=True)
class Raw:
    """An answer without the envelope."""

    content: bytes
    content_type: str


@dataclass
class Call:
    """One request: `body` is the parsed JSON, or the parts of an upload; `ids` is what the path names."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    account: Account
    token: Token
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def zone(self) -> Zone:
        """The zone that the path names. Raises Refused."""
        zone = self.account.zone(self.ids["zone_id"])
        if zone is None:
            raise Refused(404, 7003, f"Could not route to {self.path}, perhaps your object identifier is invalid?")
        return zone


@dataclass(frozen=True)
class Route:
    """One operation: `path` is a template of the schema, `permission` what the token must have for it."""

    method: str
    path: str
    permission: str | None
    does: Callable[[Call], Any]

    def ids(self, method: str, path: str) -> dict[str, str] | None:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path)
        match = re.fullmatch(pattern, path) if method == self.method else None
        return match.groupdict() if match else None
