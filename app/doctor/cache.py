"""What the edge keeps and what it lets through: hits, errors, other buckets, queries, and what was deleted."""

import time
from collections.abc import Callable
from urllib.parse import quote

from ..answers import Answer
from ..edge.purge import Purge
from ..errors import EdgeMisconfigured, EdgeUnavailable, Unavailable
from ..keys import new_probe
from ..settings import PREFIX, Settings
from .findings import Check, Trouble
from .picture import make_picture
from .public import view
from .specimens import Specimens
from .symptoms import Hop, explain, hop_of
from .web import Web

_SETUP = "`bowerbird setup` makes the rules as they have to be"
_HITS = 3  # an answer may come from another machine of the same place, which has to be asked first
_PAUSE_S = 0.3
_CACHE_HEADERS = ("cf-cache-status", "x-cache-status", "cdn-cache", "x-cache")  # Cloudflare, nginx, bunny.net, others
_TOKEN = f"set {PREFIX}CLOUDFLARE_API_TOKEN and {PREFIX}CLOUDFLARE_ZONE_ID"


class PublicCache:
    """The checks that need an image at the public host, and those of its end.

    `patience_s` is how long a purge may take; `purge` is None where nobody may purge.
    """

    def __init__(
        self,
        settings: Settings,
        web: Web,
        specimens: Specimens,
        key: str,
        *,
        purge: Purge | None,
        patience_s: float,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._web, self._specimens, self._key = settings, web, specimens, key
        self._purge, self._patience_s, self._sleep, self._clock = purge, patience_s, sleep, clock

    def checks(self) -> list[Check]:
        """Return those of the image that is there."""
        there = ("public image",)
        return [
            Check("public cache rule", self._eligible, there),
            Check("public cache", self._hit, ("public cache rule",)),
            Check("public errors", self._errors, there),
            Check("other buckets", self._buckets, there),
            Check("public query", self._query, there),
        ]

    def last(self) -> list[Check]:
        """Return those of its deletion."""
        return [
            Check("bucket DELETE", self._delete, ("bucket PUT",)),
            Check("public deletion", self._deleted, ("bucket DELETE", "public image")),
        ]

    def _eligible(self) -> str:
        """By default Cloudflare keeps what has one of its extensions; a rule has to make it keep all of this host."""
        key = new_probe("")
        self._put(key)
        status = _status(self._good(self._view(key)))
        if status == "DYNAMIC":
            seen = "a picture without an extension in its name is never kept (DYNAMIC)"
            raise Trouble(seen, f"add the cache rule of this host, and turn development mode off: {_SETUP}")
        return f"what has no extension may be kept too ({status})" if status else "the edge does not tell what it keeps"

    def _hit(self) -> str:
        for _ in range(_HITS):
            status = _status(self._view(self._key))
            if status == "HIT":
                return "the second view came from the cache (HIT)"
        if not status:
            raise Trouble("the edge does not tell whether it keeps it", "look at its own log", level="warn")
        advice = f"no rule may bypass the cache for this host, and development mode has to be off: {_SETUP}"
        raise Trouble(f"{status} again and again: every view costs a class B transaction", advice)

    def _errors(self) -> str:
        """A name that somebody asked for too early has to be there as soon as it was uploaded."""
        key = new_probe()
        early = [self._view(key) for _ in range(2)]
        self._put(key)
        late = self._view(key)
        if late.status != 200 or any(_status(one) == "HIT" for one in early):
            seen = f"a 404 is kept: {late.status} for what was uploaded after it was asked for"
            raise Trouble(seen, f"let the cache rule keep no 4xx and 5xx (status code TTL 'no store'): {_SETUP}")
        return "a 404 is not kept: what is uploaded appears at once"

    def _buckets(self) -> str:
        """The addresses of another bucket lead into ours, where the doctor put an object under that very name; and what
        would climb out of ours does not find it again."""
        bucket, name = self._settings.s3_bucket, new_probe()
        advice = f"compare the rewrite rule: it has to end in a slash ('/file/{bucket}/'), and {_SETUP}"
        self._lead_inside(f"/file/{bucket}-doctor/{name}", f"file/{bucket}-doctor/{name}", advice)
        advice = f"let the rewrite rule look at raw.http.request.uri.path too, and turn URL normalization on: {_SETUP}"
        self._lead_inside(f"/file/{bucket}-doctor/../{bucket}/{name}", f"file/{bucket}/{name}", advice)
        for path in (
            f"/%2e%2e/{bucket}/{self._key}",
            f"/..%2f{bucket}/{self._key}",
            f"/x/../../{bucket}/{self._key}",
        ):
            if self._at(path).status == 200:
                raise _leaves(path, f"resolve dots before the bucket's path is put before the address: {_SETUP}")
        return "not reached, neither by their path nor by dots"

    def _lead_inside(self, path: str, key: str, advice: str) -> None:
        self._put(key)
        answer = self._at(path)
        if answer.status in (400, 404) and "/../" in path and hop_of(answer) is not Hop.B2:
            return  # whoever refuses dots lets nothing out
        if answer.status == 404:
            raise _leaves(path, advice)
        self._good(answer)

    def _query(self) -> str:
        """B2 answers with the content type that a query names: on this domain that would be a page of anybody's."""
        answer = self._good(self._at(f"/{self._key}?b2ContentType=text%2Fhtml"))
        if answer.is_html:
            seen = "a query reaches B2, which then says that the picture is text/html"
            raise Trouble(seen, f"let the rewrite rule drop the query: {_SETUP}")
        return "none reaches B2"

    def _delete(self) -> str:
        try:
            answer = self._specimens.remove(self._key)
        except Unavailable as e:
            raise Trouble(str(e), "try again in a minute; if it stays, look at B2's status") from e
        if answer.status != 204:
            found = explain(answer)
            raise Trouble(found.seen, found.advice)
        return "the version was removed"

    def _deleted(self) -> str:
        if self._purge is None:
            return self._without_purge()
        try:
            self._purge.forget(self._specimens.shown)
            self._specimens.shown.clear()
        except EdgeMisconfigured as e:
            advice = f"give the token Zone > Cache Purge > Purge for this zone: {PREFIX}CLOUDFLARE_API_TOKEN"
            raise Trouble(str(e), advice) from e
        except EdgeUnavailable as e:
            raise Trouble(
                str(e), f"try again in {e.retry_after_s} s: deletions wait and are repeated until then"
            ) from e
        started = self._clock()
        while (answer := self._view(self._key)).status == 200:
            if self._clock() - started > self._patience_s:
                seen = f"purged, and after {self._patience_s:g} s still 200 ({_status(answer) or 'no cache status'})"
                advice = (
                    f"is {PREFIX}CLOUDFLARE_ZONE_ID the zone of this host, and {PREFIX}PUBLIC_URL what viewers open,"
                    " https included? A cache rule for GET alone also keeps a purge from working"
                )
                raise Trouble(seen, advice)
            self._sleep(_PAUSE_S)
        return f"purged; the address is a {answer.status} after {self._clock() - started:.1f} s"

    def _without_purge(self) -> str:
        answer = self._view(self._key)
        if answer.status == 200:
            seen = "nobody may purge: the edge may show what was deleted for up to a year"
            raise Trouble(seen, f"{_TOKEN}: then deletions purge", level="warn")
        raise Trouble("the image was in no cache; others will be, and nobody may purge", _TOKEN, level="warn")

    def _put(self, key: str) -> None:
        try:
            answer = self._specimens.put(key, make_picture())
        except Unavailable as e:
            raise Trouble(str(e), "try again in a minute") from e
        if answer.status != 200:
            found = explain(answer)
            raise Trouble(found.seen, found.advice)

    def _view(self, key: str) -> Answer:
        return self._at(f"/{quote(key)}")

    def _at(self, path: str) -> Answer:
        return view(self._web, f"{self._settings.public_url}{path}")

    def _good(self, answer: Answer) -> Answer:
        """Return the answer if it is an image's; else raise Trouble that says nothing of what the check is about."""
        if answer.status == 200:
            return answer
        found = explain(answer, is_public=True)
        raise Trouble(found.seen, found.advice)


def _leaves(path: str, advice: str) -> Trouble:
    return Trouble(f"{path} leaves the bucket: anybody's files could be shown under this domain", advice)


def _status(answer: Answer) -> str:
    """Return what the edge says of its cache, HIT where it gave what it kept; empty if it says nothing."""
    told = next((answer.headers[name] for name in _CACHE_HEADERS if answer.headers.get(name)), None)
    return "HIT" if told and "HIT" in told.upper() else (told or "")[:20].upper()
