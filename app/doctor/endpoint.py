"""Where objects go: the endpoint, its clock, the signing proxy, and what our key may do, by doing it."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .. import __version__
from ..answers import Answer
from ..errors import Unavailable
from ..keys import new_probe
from ..settings import PREFIX, Settings
from .findings import Check, Trouble
from .specimens import Specimens
from .symptoms import PROXY_HEADER, Hop, explain, hop_of
from .web import Step, Unreachable, Web

if TYPE_CHECKING:
    from ..store.s3_raw import RawBucket

_FAST_S, _SKEWED_S = 60, 15 * 60  # S3 refuses what is signed by a clock that is further off
_AT = f"{PREFIX}S3_ENDPOINT"
_ADVICE = {
    Step.NAME: f"is {_AT} spelt right? It is the Worker's address, or https://s3.REGION.backblazeb2.com",
    Step.CONNECTION: f"is {_AT} right, and does a firewall let this machine out to port 443?",
    Step.TLS: "is the clock right, are the system's certificates there, and does nothing intercept TLS?",
    Step.ANSWER: "try again in a minute; if it stays, look at the status pages of Cloudflare and B2",
}


class Endpoint:
    """The checks of the bucket, without HeadBucket and ListBuckets: a restricted key may do neither."""

    def __init__(
        self,
        settings: Settings,
        web: Web,
        bucket: RawBucket,
        specimens: Specimens,
        picture: tuple[str, bytes],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._web, self._bucket, self._specimens = settings, web, bucket, specimens
        self._key, self._data = picture
        self._clock = clock
        self._first: Answer | None = None

    @property
    def is_behind_proxy(self) -> bool:
        """Whether the signing proxy answered at the endpoint."""
        return self._first is not None and PROXY_HEADER in self._first.headers

    def checks(self) -> list[Check]:
        """Return them in their order."""
        return [
            Check("endpoint", self._reach),
            Check("endpoint clock", self._time, ("endpoint",)),
            Check("signing proxy", self._proxy, ("endpoint",)),
            Check("signature", self._sign, ("endpoint",)),
            Check("bucket PUT", self._put, ("signature",)),
            Check("bucket GET", self._get, ("bucket PUT",)),
        ]

    def _reach(self) -> str:
        chosen = self._settings
        try:
            answer = self._web.get(f"{chosen.s3_endpoint}/{chosen.s3_bucket}/{new_probe()}")
        except Unreachable as e:
            raise Trouble(e.why, _ADVICE[e.step]) from e
        if answer.is_html or answer.status >= 500 or hop_of(answer) is Hop.CLOUDFLARE:
            found = explain(answer)
            raise Trouble(found.seen, found.advice)
        self._first = answer
        return f"{chosen.s3_endpoint} answers"

    def _time(self) -> str:
        try:
            told = parsedate_to_datetime((self._first or Answer(0, {})).headers.get("date", ""))
        except (ValueError, OverflowError):
            return "the endpoint tells no time"
        skew_s = self._clock() - told.timestamp()
        seen = f"this clock is {abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} the endpoint's"
        if abs(skew_s) > _FAST_S:
            advice = "let NTP set the clock (`timedatectl set-ntp true`): from 15 minutes on every request is refused"
            raise Trouble(seen, advice, level="fail" if abs(skew_s) > _SKEWED_S else "warn")
        return seen

    def _proxy(self) -> str:
        first = self._first or Answer(0, {})
        version = first.headers.get(PROXY_HEADER)
        if version is None:
            return f"none: {'B2 itself' if hop_of(first) is Hop.B2 else 'something else'} answers at the endpoint"
        if version != __version__:
            seen = f"version {version[:20]}; the app is {__version__}"
            raise Trouble(seen, "deploy worker/ of the app's version: `npx wrangler deploy`", level="warn")
        return f"version {version}, as the app"

    def _sign(self) -> str:
        answer = self._asked(lambda: self._bucket.get(new_probe()))
        is_about_rights = (
            answer.status == 403 and "AccessDenied" in answer.text and "cap exceeded" not in answer.text.lower()
        )
        if answer.status == 404 and "NoSuchBucket" not in answer.text:
            return f"region {self._settings.s3_region} and key are taken; a name that is not there is a 404"
        if is_about_rights:
            return f"region {self._settings.s3_region} and key are taken"
        found = explain(answer)
        raise Trouble(found.seen, self._region_first(found.advice))

    def _region_first(self, advice: str) -> str:
        """Return the advice, the region before it where the endpoint's name shows that it is wrong."""
        named = re.match(r"s3\.([a-z0-9-]+)\.backblazeb2\.com$", urlsplit(self._settings.s3_endpoint).hostname or "")
        if named and named[1] != self._settings.s3_region:
            return f"set {PREFIX}S3_REGION to {named[1]}, which the endpoint names"
        return advice

    def _put(self) -> str:
        answer = self._asked(lambda: self._specimens.put(self._key, self._data))
        if answer.status != 200:
            found = explain(answer)
            raise Trouble(found.seen, found.advice)
        if answer.headers.get("etag", "").strip('"') != hashlib.md5(self._data, usedforsecurity=False).hexdigest():
            raise Trouble("the answer has not the ETag of these bytes", f"{_AT} is no S3 endpoint, or changes bodies")
        if "x-amz-version-id" not in answer.headers:
            advice = "B2 always has versions: this is another store, where deletions need versioning to be on or off"
            raise Trouble(f"{self._key} was stored, without a version", advice, level="warn")
        return f"{self._key} was stored ({len(self._data):,} bytes)"

    def _get(self) -> str:
        answer = self._asked(lambda: self._bucket.get(self._key))
        if answer.status != 200:
            found = explain(answer)
            raise Trouble(found.seen, found.advice)
        if answer.body != self._data:
            seen = f"{len(answer.body):,} bytes came back, and they are not those that were stored"
            raise Trouble(seen, f"something between changes bodies: is {_AT} the Worker's address or B2's?")
        return "the same bytes came back"

    def _asked(self, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except Unavailable as e:
            raise Trouble(str(e), _ADVICE[Step.ANSWER]) from e
