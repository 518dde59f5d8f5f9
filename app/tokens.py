"""Tokens: the bearer secrets of clients and the deletion tokens of deletion URLs; only digests of them are kept."""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

UPLOAD, MANAGE, METRICS = "upload", "manage", "metrics"
SCOPES = (UPLOAD, MANAGE, METRICS)  # who may manage may read the metrics too

# The alphabet ShareX leaves alone in a header value (percent, braces, bar and backslash are syntax there).
_TOKEN = re.compile(r"[A-Za-z0-9_.-]{16,200}")
_SHARE_KEY = re.compile(r"[A-Za-z0-9_-]{24}")


@dataclass(frozen=True, slots=True)
class Token:
    """A client's token as the catalog knows it: everything but the secret. Times are UTC."""

    id: int
    name: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    upload_life_s: int | None = None  # its uploads expire after that, unless they say otherwise
    quota_bytes: int | None = None  # what its uploads may have at one time, all together

    def is_usable(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def new_token() -> str:
    """Return a fresh secret of 256 bits, starting with `bb_` so that a scanner for leaked secrets can know it."""
    return "bb_" + secrets.token_urlsafe(32)


def new_share_key() -> str:
    """Return a fresh secret of 144 bits, the last part of the address of a shared album.

    >>> is_share_key(new_share_key()), is_share_key("short"), is_share_key("a" * 23 + "/")
    (True, False, False)
    """
    return secrets.token_urlsafe(18)


def is_share_key(text: str) -> bool:
    """Whether `text` has the form of what `new_share_key` makes."""
    return _SHARE_KEY.fullmatch(text) is not None


def is_token(text: str) -> bool:
    """Whether `text` could be a token: 16 to 200 letters, digits, `_`, `-` and `.`.

    >>> is_token(new_token()), is_token("short"), is_token("Bearer bb_aaaaaaaaaaaaaaaaaaaaaaaa")
    (True, False, False)
    """
    return _TOKEN.fullmatch(text) is not None


def digest(secret: str) -> str:
    """Return the SHA-256 of a secret, in hex. The secrets are random, so nothing slower is needed (ASVS 6.5.2)."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def deletion_token(secret_key: str, key: str, number: int = 1) -> str:
    """Return the token of the deletion URL of the upload `key`: the same each time, made only with `secret_key`.

    `number` tells uploads of the same bytes apart; from the second on the token begins with it.
    """
    name = key if number == 1 else f"{key}\0{number}"
    mac = hmac.digest(secret_key.encode(), b"deletion\0" + name.encode(), "sha256")
    text = base64.urlsafe_b64encode(mac[:24]).decode()  # 192 bits, and no padding
    return text if number == 1 else f"{number}-{text}"


def copy_of(token: str) -> int:
    """Return the number that the token of a deletion URL says that it is for.

    >>> copy_of("A" * 32), copy_of("7-" + "A" * 30), copy_of("7-" + "A" * 32)
    (1, 1, 7)
    """
    match = re.fullmatch(r"([1-9][0-9]{0,8})-.{32}", token)
    return int(match[1]) if match else 1


def csrf_token(secret_key: str, session_id: str) -> str:
    """Return the token that every change asked for by the browser session `session_id` has to carry."""
    return hmac.new(secret_key.encode(), b"csrf\0" + session_id.encode(), hashlib.sha256).hexdigest()


def equal(one: str, other: str) -> bool:
    """Whether two secrets are the same, in a time that tells nothing; any text may be given."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
