"""How often one client may do a thing: counted in memory, or in Redis where several servers share the count."""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import structlog
from limits import RateLimitItem, WindowStats, parse
from limits.errors import StorageError
from limits.storage import Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from ..errors import Busy, RateLimited
from ..networks import household
from ..settings import Settings

log = structlog.get_logger()

SIGN_INS = "10/15 minutes"
GUESSES = "100/15 minutes"  # of a token with 256 random bits: it is the log and the catalog that they would wear
PATIENCE_S = 1.0  # with Redis: an upload goes on without it
PAUSE_S = 10.0  # in which a Redis that did not answer is not asked again: it would cost each upload its patience
CHECKUPS = "6/hour"  # each costs about fifteen class B transactions, of which 2,500 a day are free
_SWEEP_S = 60  # those who have not come for so long as is counted are forgotten


class RateLimits:
    """The limits there are. In memory each web process counts for itself, so each gets its share. `refused` is told
    the name of the limit of each refusal."""

    def __init__(self, settings: Settings, refused: Callable[[str], None] = lambda limit: None) -> None:
        self._refused = refused
        url = settings.redis_url.get_secret_value()
        share = 1 if url else settings.web_workers
        self._limiter = MovingWindowRateLimiter(_redis(url)) if url else _Windows()
        self._asked_again_at = 0.0
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
        if time.monotonic() < self._asked_again_at:
            raise StorageError(TimeoutError("Redis did not answer a moment ago"))
        try:
            is_within = self._limiter.hit(limit, what, who)
        except StorageError:
            self._asked_again_at = time.monotonic() + PAUSE_S
            raise
        if not is_within:
            self._refused(what)
            reset = self._limiter.get_window_stats(limit, what, who).reset_time
            wait_s = max(1, round(reset - time.time()))
            raise RateLimited(f"more than {limit} of this kind; try again in {wait_s} seconds", wait_s)


def _redis(url: str) -> Storage:
    from redis.backoff import NoBackoff  # noqa: PLC0415 a tenth of all that a server imports, and most have no Redis
    from redis.retry import Retry  # noqa: PLC0415 as above

    patience = {"socket_timeout": PATIENCE_S, "socket_connect_timeout": PATIENCE_S, "retry": Retry(NoBackoff(), 0)}
    return storage_from_string(url, wrap_exceptions=True, **patience)  # type: ignore[return-value,arg-type]


class _Windows:
    """The moving windows of `limits`, in memory: the library's own start a thread after nearly each hit."""

    def __init__(self) -> None:
        self._hits: dict[tuple[str, str, int], deque[float]] = {}  # the last is the window's length in seconds
        self._lock = threading.Lock()
        self._swept_at = time.time()

    def hit(self, limit: RateLimitItem, what: str, who: str) -> bool:
        """Count a hit, and return whether it is within the limit; one that is not does not count."""
        now, window_s = time.time(), limit.get_expiry()
        with self._lock:
            if now - self._swept_at >= _SWEEP_S:
                self._swept_at = now
                self._hits = {name: hits for name, hits in self._hits.items() if now - hits[-1] <= name[2]}
            hits = self._hits.setdefault((what, who, window_s), deque(maxlen=limit.amount))
            if len(hits) == limit.amount and now - hits[0] <= window_s:
                return False
            hits.append(now)
        return True

    def get_window_stats(self, limit: RateLimitItem, what: str, who: str) -> WindowStats:
        """Return when the oldest hit is forgotten, and how many more are taken now."""
        window_s = limit.get_expiry()
        hits = self._hits.get((what, who, window_s)) or (time.time(),)
        return WindowStats(hits[0] + window_s, limit.amount - len(hits))

    def clear(self, limit: RateLimitItem, what: str, who: str) -> None:
        """Forget what was counted."""
        with self._lock:
            self._hits.pop((what, who, limit.get_expiry()), None)


def _shared(text: str, share: int) -> RateLimitItem:
    limit = parse(text)
    return type(limit)(max(1, limit.amount // share), limit.multiples)
