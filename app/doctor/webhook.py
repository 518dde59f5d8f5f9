"""Whether the app is there, and hears of what changes in the bucket."""

import json
import secrets
import time
from collections.abc import Callable

from .. import webhooks
from ..catalog import Catalog
from ..settings import PREFIX, Settings
from .findings import Check, Trouble
from .symptoms import Hop, explain, hop_of
from .web import Unreachable, Web

_PAUSE_S = 0.1
_SECRET = f"{PREFIX}WEBHOOK_SECRET"


class App:
    """The check of the app's own address."""

    def __init__(self, settings: Settings, web: Web) -> None:
        self._settings, self._web = settings, web

    def checks(self) -> list[Check]:
        return [Check("app", self._look)]

    def _look(self) -> str:
        url = f"{self._settings.base_url}/healthz"
        try:
            answer = self._web.get(url)
        except Unreachable as e:
            advice = f"start `bowerbird serve`; if it runs, correct {PREFIX}BASE_URL: clients and webhooks come there"
            raise Trouble(e.why, advice) from e
        if answer.status != 200 or b'"ok"' not in answer.body:
            found = explain(answer)
            is_known = hop_of(answer) is Hop.CLOUDFLARE
            advice = found.advice if is_known else f"something else answers at {url}: correct {PREFIX}BASE_URL"
            raise Trouble(found.seen, advice)
        return f"{url} answers"


class Webhook:
    """The checks of the notifications. `patience_s` is how long one may take; `is_behind_proxy`: it sends them."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        web: Web,
        key: str,
        *,
        is_behind_proxy: Callable[[], bool],
        patience_s: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings, self._catalog, self._web, self._key = settings, catalog, web, key
        self._is_behind_proxy, self._patience_s, self._clock, self._sleep = is_behind_proxy, patience_s, clock, sleep
        self._began = clock()

    def checks(self) -> list[Check]:
        """Return them; both wait for the app, which takes what is told."""
        return [
            Check("webhook address", self._post, ("app",)),
            Check("webhook", self._wait, ("webhook address", "bucket PUT", "catalog writing")),
        ]

    def _post(self) -> str:
        """Tell the app of nothing, signed with our secret: so the server that runs has the same settings as we have."""
        secret = self._settings.webhook_secret.get_secret_value()
        if not secret:
            advice = (
                f"set {_SECRET}, and WEBHOOK_URL and WEBHOOK_SECRET in the Worker: until then what other S3 clients"
            )
            raise Trouble(f"{_SECRET} is not set", f"{advice} do is seen once a day", level="warn")
        event = {
            "eventId": secrets.token_hex(8),
            "eventType": "b2:TestEvent",
            "eventTimestamp": int(self._clock() * 1000),
        }
        body = json.dumps({"events": [event]}).encode()
        url = f"{self._settings.base_url}/hooks/b2"
        headers = {webhooks.HEADER: webhooks.sign(secret, body), "Content-Type": "application/json"}
        try:
            answer = self._web.ask("POST", url, headers, body)
        except Unreachable as e:
            raise Trouble(e.why, f"is {PREFIX}BASE_URL right?") from e
        if answer.status in (401, 404):
            advice = f"start the server again: it runs with another {_SECRET}, or with none"
            raise Trouble(f"the app refuses what we signed ({answer.status})", advice)
        if answer.status != 200:
            raise Trouble(f"{url} answers {answer.status}", "look at the server's log")
        return f"{url} takes what is signed with {_SECRET}"

    def _wait(self) -> str:
        if not self._settings.webhook_secret.get_secret_value():
            raise Trouble(f"not checked, because {_SECRET} is not set", "see 'webhook address'", level="skip")
        started = self._clock()
        while not self._catalog.changes.has_heard(self._key):
            if self._clock() - started > self._patience_s:
                raise self._lost()
            self._sleep(_PAUSE_S)
        return "the app was told of the object"

    def _lost(self) -> Trouble:
        refused_at = self._catalog.changes.refused_at()
        if refused_at and refused_at.timestamp() >= self._began:
            advice = f"put the same text as WEBHOOK_SECRET into the Worker and as {_SECRET} into the app"
            return Trouble("a notification came that is not signed with our secret", advice)
        seen = f"nothing was told within {self._patience_s:g} s"
        url = f"{self._settings.base_url}/hooks/b2"
        if self._is_behind_proxy():
            advice = (
                f"set WEBHOOK_URL of the Worker to {url}, which has to be reachable from outside; `npx wrangler tail`"
            )
            return Trouble(seen, f"{advice} names what it could not deliver")
        advice = f"the endpoint is not the signing proxy: B2 itself tells only by an event notification rule to {url}"
        return Trouble(seen, advice, level="warn")
