"""The way of those who open an image: the public address, up to the very image, each header of it, and the cache."""

from urllib.parse import urlsplit

from ..answers import Answer
from ..keys import new_probe
from ..settings import PREFIX, Settings
from .findings import Check, Trouble
from .symptoms import Hop, explain, hop_of
from .web import Step, Unreachable, Web

_SETUP = "`bowerbird setup` makes the rules as they have to be"
_NO_NAME = f"make the DNS record of this host ({_SETUP}), or correct {PREFIX}PUBLIC_URL"
_ADVICE = {
    Step.NAME: _NO_NAME,
    Step.CONNECTION: "proxy the DNS record (the orange cloud), and look whether this machine may reach port 443",
    Step.TLS: "proxy the DNS record (the orange cloud): a host that is not proxied shows B2's own certificate;"
    " a new zone has none for some minutes",
    Step.ANSWER: "try again; if it stays, look at the status pages of Cloudflare and B2",
}


class PublicHost:
    """The checks of the host that images are opened at, before there is an image."""

    def __init__(self, settings: Settings, web: Web) -> None:
        self._settings, self._web = settings, web
        self._missing: Answer | None = None

    @property
    def is_cloudflare(self) -> bool:
        """Whether Cloudflare answered; nothing is known of what other caches say."""
        headers = self._missing.headers if self._missing else {}
        return "cf-ray" in headers or "cloudflare" in headers.get("server", "").lower()

    def checks(self) -> list[Check]:
        """Return them in their order."""
        return [
            Check("public address", self._resolve, ("settings",)),
            Check("public TLS", self._connect, ("public address",)),
            Check("public host", self._answer, ("public TLS",)),
            Check("public proxy", self._proxied, ("public host",)),
        ]

    def _resolve(self) -> str:
        parts = urlsplit(self._settings.public_url)
        try:
            found = self._web.resolve(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        except Unreachable as e:
            raise Trouble(e.why, _ADVICE[e.step]) from e
        return f"{parts.hostname} is at {', '.join(address for address, _ in found[:4])}"

    def _connect(self) -> str:
        self._missing = view(self._web, f"{self._settings.public_url}/{new_probe()}")
        if self._settings.public_url.startswith("http://"):
            return "none: the public URL is http"
        return "the certificate is good for this host"

    def _answer(self) -> str:
        answer = self._missing or Answer(0, {})
        if answer.status == 200:
            seen = "200 for a name that is not there"
            raise Trouble(seen, f"something else than the bucket answers: correct {PREFIX}PUBLIC_URL or the DNS record")
        if 300 <= answer.status < 400:
            advice = f"no rule may redirect this host; where it leads to https, {PREFIX}PUBLIC_URL has to begin so"
            raise Trouble(f"{answer.status} to {answer.headers.get('location', 'nowhere')[:80]}", advice)
        found = explain(answer, is_public=True)
        if answer.status != 404 or "<Error>" in answer.text:
            raise Trouble(found.seen, found.advice)
        return "a name that is not there is a 404"

    def _proxied(self) -> str:
        answer = self._missing or Answer(0, {})
        if self.is_cloudflare:
            return f"Cloudflare answers ({answer.headers.get('cf-ray', 'no ray')})"
        is_bare = hop_of(answer) is Hop.B2
        if is_bare or self._settings.cloudflare_zone_id:
            seen = "B2 itself answers, with no Cloudflare before it" if is_bare else "it is not Cloudflare that answers"
            raise Trouble(seen, f"proxy the DNS record (the orange cloud): {_SETUP}")
        advice = "another CDN is fine; what it says of its cache is not known here"
        raise Trouble(f"{answer.headers.get('server', 'something')[:40]} answers, not Cloudflare", advice, level="warn")


def view(web: Web, url: str) -> Answer:
    """Return what answers at a public URL; raise Trouble where nothing does."""
    try:
        return web.get(url)
    except Unreachable as e:
        raise Trouble(e.why, _ADVICE[e.step]) from e
