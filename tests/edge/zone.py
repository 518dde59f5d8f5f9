"""An account at Cloudflare and its zones, as Cloudflare holds them: what the API changes, and the edge goes by."""

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .cache import Cache
from .cache_side import WorkerCache

# What `bowerbird setup` and the purge need, as the dashboard names it; "Edit" lets one read too.
PERMISSIONS = (
    "Zone Read",
    "DNS Edit",
    "Zone Settings Edit",
    "Transform Rules Edit",
    "Config Rules Edit",
    "Cache Rules Edit",
    "Cache Purge",
    "Account Settings Read",
    "Workers Scripts Edit",
    "Workers Routes Edit",
)
# New zones on the Free plan: https://developers.cloudflare.com/ssl/origin-configuration/ssl-modes/
SETTINGS = {"ssl": "flexible", "development_mode": "off", "always_use_https": "off", "browser_cache_ttl": 14400}

_OWN = ("id", "version", "last_updated", "position")  # of a rule, which nobody but Cloudflare sets


def new_id() -> str:
    """Return an identifier as Cloudflare makes them.

    >>> len(new_id())
    32
    """
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Token:
    """An API token: `value` is the secret, `permissions` are names out of PERMISSIONS."""

    value: str
    permissions: frozenset[str] = frozenset(PERMISSIONS)
    status: str = "active"
    id: str = field(default_factory=new_id)

    def may(self, permission: str) -> bool:
        return permission in self.permissions or permission.replace(" Read", " Edit") in self.permissions


@dataclass
class Zone:
    """One domain. `clock` gives seconds since the epoch, for the cache and the times of changes.

    `aliases` maps HOST:PORT on this machine to the host that is meant, for clients that cannot send another Host.
    `worker_caches` are what the Workers of this zone keep through the Cache API.
    """

    name: str
    id: str = field(default_factory=new_id)
    plan: str = "free"
    status: str = "active"
    clock: Callable[[], float] = time.time
    settings: dict[str, Any] = field(default_factory=lambda: dict(SETTINGS))
    records: list[dict[str, Any]] = field(default_factory=list)
    rulesets: list[dict[str, Any]] = field(default_factory=list)
    routes: list[dict[str, Any]] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    worker_caches: list[WorkerCache] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cache = Cache(self.clock)
        self.purges_left, self.purges_at = 25.0, self.clock()  # other purges than those of files are counted

    def now(self) -> str:
        return datetime.fromtimestamp(self.clock(), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

    def host_of(self, host: str) -> str:
        """Return the host that a Host header or a URL means."""
        return self.aliases.get(host.lower(), host.lower())

    def purge(self, kind: str, what: str = "", origin: str = "") -> None:
        """Forget one of `files` (kept for this Origin), `prefixes` or `hosts`, or everything.

        What Workers put into their caches is out of a file's reach: see WorkerCache.
        """
        if kind == "files":
            self.cache.purge_file(what, origin)
        elif kind in ("prefixes", "hosts"):
            self.cache.purge_prefix(what)
            for one in self.worker_caches:
                one.purge(what)
        elif kind == "purge_everything":
            self.cache.purge_everything()
            for one in self.worker_caches:
                one.forget()

    def record(self, host: str) -> dict[str, Any] | None:
        """Return the record that an address is looked up by."""
        return next(
            (one for one in self.records if one["name"] == host and one["type"] in ("A", "AAAA", "CNAME")), None
        )

    def entrypoint(self, phase: str) -> dict[str, Any] | None:
        return next((one for one in self.rulesets if one["phase"] == phase and one["kind"] == "zone"), None)

    def rules(self, phase: str) -> list[dict[str, Any]]:
        """Return the enabled rules of a phase in their order."""
        return [rule for rule in (self.entrypoint(phase) or {"rules": []})["rules"] if rule["enabled"]]

    def put_ruleset(self, phase: str, rules: Iterable[dict[str, Any]], *, name: str = "default") -> dict[str, Any]:
        """Replace all rules of a phase, as a PUT does; a rule that names a kept `id` or `ref` goes on under its id."""
        kept = self.entrypoint(phase)
        ruleset = kept or {"id": new_id(), "kind": "zone", "phase": phase, "version": "0", "rules": [], "name": name}
        if kept is None:
            self.rulesets.append(ruleset)
        ruleset["rules"] = [self._rule(rule, ruleset["rules"]) for rule in rules]
        ruleset["version"] = str(int(ruleset["version"]) + 1)
        ruleset["last_updated"] = self.now()
        return ruleset

    def _rule(self, given: dict[str, Any], before: list[dict[str, Any]]) -> dict[str, Any]:
        old = next((rule for rule in before if given.get("id") == rule["id"] or given.get("ref") == rule["ref"]), None)
        plain = {"enabled": True, "description": "", **{k: v for k, v in given.items() if k not in _OWN}}
        rule_id = old["id"] if old else new_id()
        plain.setdefault("ref", old["ref"] if old else rule_id)
        if old and plain == {name: value for name, value in old.items() if name not in _OWN}:
            return old
        version = str(int(old["version"]) + 1) if old else "1"
        return {"id": rule_id, "version": version, "last_updated": self.now(), **plain}


@dataclass
class Account:
    """One account: its zones, its Workers, and the tokens that may ask for them.

    `scripts` maps a name to {modules, metadata, secrets, subdomain}; `domains` are the custom domains of Workers.
    """

    zones: list[Zone]
    tokens: list[Token]
    name: str = "Bowerbird's Account"
    id: str = field(default_factory=new_id)
    subdomain: str | None = "bowerbird"
    scripts: dict[str, dict[str, Any]] = field(default_factory=dict)
    domains: list[dict[str, Any]] = field(default_factory=list)

    def zone(self, zone_id: str) -> Zone | None:
        return next((zone for zone in self.zones if zone.id == zone_id), None)

    def worker_of(self, host: str) -> str | None:
        """Return the name of the script whose custom domain `host` is."""
        return next((one["service"] for one in self.domains if one["hostname"] == host), None)
