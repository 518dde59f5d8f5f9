"""One zone at Cloudflare, read and changed by Cloudflare's own library; its errors become ours here."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import SetupError, Unavailable
from .plan import OURS
from .rules import CACHE_PHASE, CONFIG_PHASE, HEADERS_PHASE, REWRITE_PHASE, Rule
from .sdk import load

API_URL = "https://api.cloudflare.com/client/v4"
ZONE_READ = "Zone > Zone > Read"
DNS_EDIT = "Zone > DNS > Edit"
WORKERS_EDIT = "Account > Workers Scripts > Edit"
PHASE_EDIT = {
    REWRITE_PHASE: "Zone > Transform Rules > Edit",
    CONFIG_PHASE: "Zone > Config Rules > Edit",
    CACHE_PHASE: "Zone > Cache Rules > Edit",
    HEADERS_PHASE: "Zone > Transform Rules > Edit",
}
PHASES = tuple(PHASE_EDIT)
_RETRIES = 3  # of reads alone; what became of a write that broke off is seen by the next run


class Zone:
    """The zone that a domain is in; `id`, `account_id`, `name`, `status` and `name_servers` are Cloudflare's.

    Every method raises SetupError that names the permission the token lacks, or what Cloudflare said, and Unavailable
    if it does not answer.
    """

    def __init__(self, reads: Any, writes: Any, found: Any) -> None:
        self._reads, self._writes = reads, writes
        self.id: str = found.id
        self.account_id: str = found.account.id
        self.name: str = found.name
        self.status: str = found.status
        self.name_servers: list[str] = getattr(found, "name_servers", None) or []  # a zone without has none yet

    def records(self, host: str) -> list[dict[str, Any]]:
        """Return the DNS records of `host`, of every kind."""
        with _asked("list DNS records", DNS_EDIT):
            return [one.to_dict() for one in self._reads.dns.records.list(zone_id=self.id, name={"exact": host})]

    def add_record(self, record: Mapping[str, Any]) -> None:
        with _asked(f"add the DNS record {record['name']}", DNS_EDIT):
            self._writes.dns.records.create(zone_id=self.id, **record)

    def change_record(self, record_id: str, record: Mapping[str, Any]) -> None:
        with _asked(f"change the DNS record {record['name']}", DNS_EDIT):
            self._writes.dns.records.edit(record_id, zone_id=self.id, **record)

    def remove_record(self, record_id: str) -> None:
        with _asked("remove a DNS record", DNS_EDIT):
            self._writes.dns.records.delete(record_id, zone_id=self.id)

    def entry_point(self, phase: str) -> dict[str, Any] | None:
        """Return the phase's own ruleset with its rules, or None if there is none yet."""
        with _asked(f"read the rules of {phase}", PHASE_EDIT[phase]):
            try:
                return _ruleset(self._reads.rulesets.phases.get(phase, zone_id=self.id))
            except load("cloudflare").NotFoundError:
                return None

    def add_ruleset(self, phase: str, rules: Sequence[Rule]) -> None:
        """Make the entry point of a phase that has none. Unlike a PUT, this cannot replace one that somebody made."""
        with _asked(f"make the ruleset of {phase}", PHASE_EDIT[phase]):
            self._writes.rulesets.create(zone_id=self.id, kind="zone", name=f"{OURS}{phase}", phase=phase, rules=rules)

    def add_rule(self, phase: str, ruleset_id: str, rule: Rule, position: dict[str, str] | None) -> dict[str, Any]:
        """Add one rule; return the whole ruleset as it is then."""
        extra = {"position": position} if position else {}
        with _asked(f"add the rule {rule['ref']}", PHASE_EDIT[phase]):
            return _ruleset(self._writes.rulesets.rules.create(ruleset_id, zone_id=self.id, **rule, **extra))

    def change_rule(
        self, phase: str, ruleset_id: str, rule_id: str, rule: Rule, position: dict[str, str] | None
    ) -> dict[str, Any]:
        """Change one rule; return the whole ruleset as it is then."""
        extra = {"position": position} if position else {}
        with _asked(f"change the rule {rule['ref']}", PHASE_EDIT[phase]):
            changed = self._writes.rulesets.rules.edit(rule_id, ruleset_id=ruleset_id, zone_id=self.id, **rule, **extra)
            return _ruleset(changed)

    def remove_rule(self, phase: str, ruleset_id: str, rule_id: str) -> None:
        with _asked("remove a rule", PHASE_EDIT[phase]):
            self._writes.rulesets.rules.delete(rule_id, ruleset_id=ruleset_id, zone_id=self.id)

    def bindings(self, script: str) -> list[dict[str, Any]] | None:
        """Return the variables of a Worker, of secrets the names alone; None if there is no such Worker."""
        with _asked("read Workers", WORKERS_EDIT):
            try:
                read = self._reads.workers.scripts.script_and_version_settings.get(script, account_id=self.account_id)
            except load("cloudflare").NotFoundError:
                return None
            return [one.to_dict() for one in read.bindings or ()]

    def upload(self, script: str, modules: Mapping[str, bytes], metadata: Mapping[str, Any]) -> None:
        """Put a Worker of ES modules there, in one call: its code and its variables."""
        files = [(name, code, "application/javascript+module") for name, code in modules.items()]
        with _asked(f"upload the Worker {script}", WORKERS_EDIT):
            self._writes.workers.scripts.update(script, account_id=self.account_id, metadata=metadata, files=files)

    def domain(self, host: str) -> dict[str, Any] | None:
        """Return which Worker serves `host` as its own domain (`id`, `service`), or None."""
        with _asked("read the domains of Workers", WORKERS_EDIT):
            found = self._reads.workers.domains.list(account_id=self.account_id, hostname=host)
            return next((one.to_dict() for one in found if one.hostname == host), None)

    def add_domain(self, host: str, script: str) -> None:
        with _asked(f"let the Worker {script} serve {host}", WORKERS_EDIT):
            self._writes.workers.domains.update(
                account_id=self.account_id,
                zone_id=self.id,
                hostname=host,
                service=script,
            )

    def remove_domain(self, domain_id: str) -> None:
        with _asked("take a domain from a Worker", WORKERS_EDIT):
            self._writes.workers.domains.delete(domain_id, account_id=self.account_id)


@contextmanager
def open_zone(token: str, domain: str, *, api_url: str = API_URL) -> Iterator[Zone]:
    """Yield the zone that `domain` is in: of those the token may see, the one with the longest name.

    Raises SetupError if the token is not valid or sees no such zone.
    """
    with load("cloudflare").Cloudflare(api_token=token, base_url=api_url, max_retries=_RETRIES) as reads:
        writes = reads.with_options(max_retries=0)
        for client in (reads, writes):
            # Where the environment has an e-mail address or a global key, the library would send these, not the token.
            client.api_email = client.api_key = client.user_service_key = None
        _check_token(reads)
        yield Zone(reads, writes, _find(reads, domain))


def _find(reads: Any, domain: str) -> Any:
    labels = domain.split(".")
    with _asked("list zones", ZONE_READ):
        for at in range(len(labels) - 1):
            name = ".".join(labels[at:])
            if found := next((one for one in reads.zones.list(name=name) if one.name == name), None):
                return found
    raise SetupError(
        f"the Cloudflare token sees no zone for {domain}: add {'.'.join(labels[-2:])} to Cloudflare,"
        f" or give the token the permission {ZONE_READ} on it"
    )


def _check_token(client: Any) -> None:
    cloudflare = load("cloudflare")
    advice = "make one under My Profile > API Tokens and give it as CLOUDFLARE_API_TOKEN"
    with _asked("check the token", ZONE_READ):
        try:
            status = client.user.tokens.verify().status
        except (cloudflare.BadRequestError, cloudflare.AuthenticationError, cloudflare.PermissionDeniedError) as e:
            raise SetupError(f"Cloudflare does not know this API token: {advice}") from e
    if status != "active":
        raise SetupError(f"the Cloudflare API token is {status}: {advice}")


@contextmanager
def _asked(what: str, permission: str) -> Iterator[None]:
    """Turn the library's errors into ours: a refusal names `what` was refused, and the permission it takes."""
    cloudflare = load("cloudflare")
    try:
        yield
    except (cloudflare.AuthenticationError, cloudflare.PermissionDeniedError) as e:
        raise SetupError(f"the Cloudflare token may not {what}: it lacks the permission {permission}") from e
    except (cloudflare.APIConnectionError, cloudflare.InternalServerError, cloudflare.RateLimitError) as e:
        raise Unavailable(f"Cloudflare does not answer ({what}: {_said(e)}): run it again later") from e
    except cloudflare.APIStatusError as e:
        raise SetupError(f"Cloudflare refused to {what}: {_said(e)}") from e


def _said(error: Any) -> str:
    """Return what Cloudflare itself said, without the request."""
    return "; ".join(f"{one.message} ({one.code})" for one in error.errors or ()) or error.__class__.__name__


def _ruleset(read: Any) -> dict[str, Any]:
    """Return what the library read: some of its methods answer with a model, some with the JSON as it came."""
    whole = read if isinstance(read, dict) else read.to_dict()
    return {"id": whole["id"], "rules": whole.get("rules") or []}
