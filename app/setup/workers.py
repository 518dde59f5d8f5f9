"""The Workers that are asked for: which, as they have to be, and the steps to there."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from ..edge import worker
from ..edge.account import Account, KeyPair
from ..edge.changes import DOMAIN
from ..edge.plan import CHANGE, CREATE, REMOVE, Step
from ..edge.worker import CLIENT, PROXY, READER, Worker
from ..edge.zone import Zone
from ..errors import SetupError
from .wish import AppSettings, Wish

WORKER = "Worker"


class Workers:
    """The signing proxy and the read Worker. Made, it has read what is there of them.

    `root` is where their sources are. Raises SetupError for a Worker of our name that somebody else made.
    """

    def __init__(self, wish: Wish, account: Account, zone: Zone, app: AppSettings, root: Path) -> None:
        self._wish, self._account, self._zone, self._app, self._root = wish, account, zone, app, root
        names = [*([PROXY] if wish.proxy_host else []), *([READER] if wish.site.is_private else [])]
        self._there = {name: zone.bindings(name) for name in names}
        for name, there in self._there.items():
            if there is not None:
                worker.check_ours(name, there)
        if wish.proxy_host and not f".{wish.proxy_host}".endswith(f".{zone.name}"):
            raise SetupError(f"{wish.proxy_host} is not in the zone {zone.name}, where its Worker would have to be")

    def held(self, name: str) -> str:
        """Return the id of the key that a Worker has, or ""."""
        return worker.bound(self._there.get(name) or (), "B2_APPLICATION_KEY_ID")

    def steps(self, name: str, pair: KeyPair | None) -> list[Step]:
        """Return what brings a Worker's code and variables up to date; `pair` is its key of B2, None if it is new."""
        there, wanted = self._there[name], self._wanted(name, pair or KeyPair(""))
        if there is not None and pair and wanted.is_current(there):
            return []
        shown = {"modules": sorted(wanted.modules), "variables": sorted({*wanted.plain, *wanted.secrets})}
        return [Step(CREATE if there is None else CHANGE, WORKER, name, after=shown)]

    def upload(self, name: str, pair: KeyPair) -> None:
        wanted = self._wanted(name, pair)
        self._zone.upload(name, wanted.modules, wanted.metadata(self._there[name] or ()))

    def domain_steps(self, name: str, host: str) -> list[Step]:
        """Return what makes `host` the Worker's. Raises SetupError if something else stands there."""
        there = self._zone.domain(host)
        if there is None:
            if host == self._wish.proxy_host and (standing := self._zone.records(host)):
                told = f"{standing[0]['type']} {standing[0].get('content') or ''}"
                raise SetupError(
                    f"{host} already stands in the DNS as {told}: remove this record at Cloudflare, or choose another"
                    " name for --worker"
                )
            return [Step(CREATE, DOMAIN, host, after={"service": name})]
        if there["service"] != name:
            raise _anothers(host, there["service"])
        return []

    def _wanted(self, name: str, pair: KeyPair) -> Worker:
        plain = {
            "B2_ENDPOINT": urlsplit(self._account.endpoint).netloc,
            "B2_REGION": self._account.region,
            "B2_APPLICATION_KEY_ID": pair.id,
        }
        key: dict[str, str | None] = {"B2_APPLICATION_KEY": pair.secret or None}
        make: Callable[..., Worker] = self._proxy if name == PROXY else self._reader
        return make(worker.modules(self._root, name), plain, key)

    def _reader(self, modules: dict[str, bytes], plain: dict[str, str], key: dict[str, str | None]) -> Worker:
        return Worker(READER, modules, {**plain, "B2_BUCKET": self._wish.site.bucket}, key)

    def _proxy(self, modules: dict[str, bytes], plain: dict[str, str], key: dict[str, str | None]) -> Worker:
        client, bucket, app = self._app.client or KeyPair(""), self._wish.site.bucket, self._app
        mark = worker.client_mark(client.id, client.secret, bucket)
        # What the owner added to CLIENT_KEYS by hand stays as long as the app's own pair does.
        is_known = worker.bound(self._there[PROXY] or (), CLIENT) == mark
        keys = [{"accessKeyId": client.id, "secretAccessKey": client.secret, "bucket": bucket}]
        secrets = {**key, "CLIENT_KEYS": None if is_known else json.dumps(keys)}
        plain[CLIENT] = mark
        if app.base_url and app.webhook_secret:
            plain["WEBHOOK_URL"] = f"{app.base_url.rstrip('/')}/hooks/b2"
            plain[worker.WEBHOOK] = worker.webhook_mark(client.secret, app.webhook_secret)
            secrets["WEBHOOK_SECRET"] = app.webhook_secret
        return Worker(PROXY, modules, plain, secrets)


def no_longer(zone: Zone, host: str) -> list[Step]:
    """Return what takes the image domain from the read Worker, where the bucket has become public."""
    there = zone.domain(host)
    if there is None:
        return []
    if there["service"] != READER:
        raise _anothers(host, there["service"])
    return [Step(REMOVE, DOMAIN, host, before={"service": READER}, id=there["id"])]


def _anothers(host: str, service: str) -> SetupError:
    return SetupError(f"{host} is the domain of another Worker, {service}: take it away there, or choose another name")
