"""How often one client may do a thing: counted in memory, or in Redis where several servers share the count."""

import time
from collections.abc import Callable
from contextlib import suppress

import structlog
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from ..errors import Busy, RateLimited
from ..networks import household
from ..settings import Settings

log = structlog.get_logger()

SIGN_INS = "10/15 minutes"
GUESSES = "100/15 minutes"  # of a token with 256 random bits: it is the log and the catalog that they would wear
CHECKUPS = "6/hour"  # each costs about fifteen class B transactions, of which 2,500 a day are free


class RateLimits:
    """The limits there are. In memory each web process counts for itself, so each gets its share. `refused` is told
    the name of the limit of each refusal."""

    def __init__(self, settings: Settings, refused: Callable[[str], None] = lambda limit: None) -> None:
        self._refused = refused
        url = settings.redis_url.get_secret_value()
        share = 1 if url else settings.web_workers
        self._limiter = MovingWindowRateLimiter(storage_from_string(url or "memory://", wrap_exceptions=True))
        self._sign_ins = _shared(SIGN_INS, share)
        self._guesses = _shared(GUESSES, share)
        self._checkups = _shared(CHECKUPS, share)
        self._uploads = _shared(settings.rate_limit, share)

    def check_sign_in(self, address: str) -> None:
        """Count one try to sign in from `address`, before it is looked at; raise RateLimited over the limit, Busy if it
        cannot be counted."""
        try:
            self._hit(self._sign_ins, "sign-in", household(address))
        except StorageError as e:
            raise Busy("signing in is not possible right now; try again in a minute") from e

    def forgive_sign_in(self, address: str) -> None:
        """Forget the tries from `address`: one was right, and who signs in often guesses nothing."""
        with suppress(StorageError):
            self._limiter.clear(self._sign_ins, "sign-in", household(address))

    def check_guess(self, address: str) -> None:
        """Count one token from `address` that is none; raise RateLimited over the limit. A good one is never counted:
        whoever shares an address with someone who guesses goes on as before."""
        try:
            self._hit(self._guesses, "guess", household(address))
        except StorageError as e:
            log.warning("uncounted", what="guess", error=str(e))

    def check_checkup(self) -> None:
        """Count one visit of the doctor; raise RateLimited over the limit, Busy if it cannot be counted."""
        try:
            self._hit(self._checkups, "checkup", "all")
        except StorageError as e:
            raise Busy("the checks are not possible right now; try again in a minute") from e

    def check_upload(self, token_id: int) -> None:
        """Count one upload of a token; raise RateLimited over the limit. An upload that cannot be counted is taken."""
        try:
            self._hit(self._uploads, "upload", str(token_id))
        except StorageError as e:
            log.warning("uncounted", what="upload", error=str(e))

    def _hit(self, limit: RateLimitItem, what: str, who: str) -> None:
        if not self._limiter.hit(limit, what, who):
            self._refused(what)
            reset = self._limiter.get_window_stats(limit, what, who).reset_time
            wait_s = max(1, round(reset - time.time()))
            raise RateLimited(f"more than {limit} of this kind; try again in {wait_s} seconds", wait_s)


def _shared(text: str, share: int) -> RateLimitItem:
    limit = parse(text)
    return type(limit)(max(1, limit.amount // share), limit.multiples)
