"""One image as viewers get it: its bytes, its type, each header that has to be there and those that must not."""

import io
import re
from collections.abc import Callable

from PIL import Image, UnidentifiedImageError

from ..answers import Answer
from ..edge.headers import CACHE_CONTROL, VIEWER_HEADERS
from .findings import Check, Trouble
from .picture import CONTENT_TYPE
from .public import view
from .symptoms import Hop, explain, hop_of
from .web import Web

_SETUP = "`bowerbird setup` makes the rules as they have to be"
_ELSEWHERE = {
    False: f"the URL rewrite does not lead into the bucket, or the record names another region: {_SETUP}",
    True: "the read Worker's B2_BUCKET is another bucket, or B2_ENDPOINT another region: correct them, deploy again",
}
_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"')  # RFC 9110, 8.8.3
_HEADER_RULE = f"add what is missing to the response header rule of this host: {_SETUP}"


class PublicImage:
    """The checks of the image `data`, as `url` shows it. `needs` are the checks without which it is not there."""

    def __init__(self, web: Web, url: str, data: bytes, needs: tuple[str, ...]) -> None:
        self._web, self._url, self._data, self._needs = web, url, data, needs
        self._shown = Answer(0, {})

    def checks(self) -> list[Check]:
        """Return them in their order."""
        parts: list[tuple[str, Callable[[], str]]] = [
            ("public bytes", self._bytes),
            ("public content type", self._type),
            ("public headers of B2", self._leaks),
            ("public ETag", self._etag),
            ("public Cache-Control", self._control),
            ("public security headers", self._security),
        ]
        return [
            Check("public image", self._view, self._needs),
            *(Check(name, look, ("public image",)) for name, look in parts),
        ]

    def _view(self) -> str:
        self._shown = view(self._web, self._url)
        if self._shown.status != 200:
            found = explain(self._shown, is_public=True)
            advice = found.advice
            if self._shown.status == 404:
                advice = _ELSEWHERE[hop_of(self._shown) is Hop.READER]
            raise Trouble(found.seen, advice)
        return f"{self._url} is there"

    def _bytes(self) -> str:
        body = self._shown.body
        if body == self._data:
            return f"the {len(body):,} bytes that were sent"
        advice = "something at the edge rewrites bodies: look at its Workers and Snippets"
        if _is_image(body):
            advice = "turn off what makes images smaller on the way: Polish, Mirage and Image Resizing of the zone"
        raise Trouble(f"{len(body):,} other bytes instead of the {len(self._data):,} that were sent", advice)

    def _type(self) -> str:
        found = self._shown.headers.get("content-type", "none")
        if found != CONTENT_TYPE:
            advice = "no rule may set it, and Polish with WebP has to be off: the bucket has the right one"
            raise Trouble(f"{found[:60]} instead of {CONTENT_TYPE}", advice)
        return found

    def _leaks(self) -> str:
        left = sorted(name for name in self._shown.headers if name.startswith(("x-bz-", "x-amz-")))
        if left:
            advice = f"a response header rule has to remove each one by its name: {_SETUP}"
            raise Trouble(f"viewers see {', '.join(left[:12])}", advice)
        return "none is left"

    def _etag(self) -> str:
        etag = self._shown.headers.get("etag")
        if etag is None:
            raise Trouble("there is none", f"set it from x-bz-file-id, in quotes, by a rule of its own: {_SETUP}")
        if not _ETAG.fullmatch(etag):
            raise Trouble(f"{etag[:60]} is not in quotes, so no cache may use it", f"put it in quotes: {_SETUP}")
        return etag

    def _control(self) -> str:
        found = self._shown.headers.get("cache-control", "none")
        if found != CACHE_CONTROL:
            advice = f"leave it to the bucket: browser TTL 'respect origin' in the cache rule; {_SETUP}"
            raise Trouble(f"{found[:80]} instead of {CACHE_CONTROL}", advice)
        return found

    def _security(self) -> str:
        found = {name: self._shown.headers.get(name.lower()) for name in VIEWER_HEADERS}
        wrong = [name for name, value in VIEWER_HEADERS.items() if found[name] != value]
        if wrong:
            raise Trouble(f"missing or different: {', '.join(wrong)}", _HEADER_RULE)
        return "nosniff, a policy without scripts, open to every page"


def _is_image(body: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(body)):
            return True
    except (UnidentifiedImageError, OSError):
        return False
