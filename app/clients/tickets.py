"""Tickets: links that give a program a fresh configuration once, without a sign-in, and soon run out."""

import base64
import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta

from ..tokens import equal

TICKET_LIFE = timedelta(minutes=10)
_TICKET = re.compile(r"([0-9]{10,11})-([A-Za-z0-9_-]{16})-([A-Za-z0-9_-]{32})")


def new_ticket(secret_key: str, *, now: datetime) -> str:
    """Return a fresh ticket: when it runs out, its name, and that it is ours."""
    until, name = int((now + TICKET_LIFE).timestamp()), secrets.token_urlsafe(12)
    return f"{until}-{name}-{_sign(secret_key, until, name)}"


def read_ticket(secret_key: str, ticket: str, *, now: datetime) -> str | None:
    """Return the name of a ticket; None if it is not ours or has run out. Whether it was used is for others to know.

    >>> from datetime import UTC
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> ticket = new_ticket("k", now=now)
    >>> read_ticket("k", ticket, now=now) is None, read_ticket("k", ticket, now=now + TICKET_LIFE) is None
    (False, True)
    """
    found = _TICKET.fullmatch(ticket)
    if not found or not equal(found[3], _sign(secret_key, int(found[1]), found[2])):
        return None
    return found[2] if now.timestamp() < int(found[1]) else None


def _sign(secret_key: str, until: int, name: str) -> str:
    mac = hmac.new(secret_key.encode(), f"ticket\0{until}\0{name}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac[:24]).decode()  # 192 bits, and no padding
