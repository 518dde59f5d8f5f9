"""One run of the set-up: both clouds are read, the steps are known, and then they are taken.

The order is such that a break between any two calls loses nothing: a secret is kept before what it replaces is deleted,
the rules of the image domain stand before its name leads anywhere, and the app is pointed there last.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..edge import keys, plan
from ..edge.account import Account, KeyPair
from ..edge.changes import Changes
from ..edge.plan import CREATE, REMOVE, Plan, Step
from ..edge.rules import CAPABILITIES, describe
from ..edge.worker import PROXY, READER
from ..edge.zone import PHASES, Zone
from ..errors import SetupError
from .wish import FILE, AppSettings, Wish
from .workers import WORKER, Workers, no_longer

KEY = "application key"
READER_CAPABILITIES = ("readFiles",)


def check_key(account: Account, *, with_master_key: bool) -> None:
    """Raise SetupError for the master key, unless it is meant."""
    if account.is_master and not with_master_key:
        raise SetupError(
            "this is the master key, which may do everything to every bucket: make a key for the set-up, or add"
            " --with-master-key to use it this once (it is not kept)"
        )


class Setup:
    """Made, it has read both clouds and knows its `plan`; nothing is changed before `apply`.

    `worker_root` is where the sources of the Workers are; `config` goes to B2's library. Raises SetupError for whatever
    is in the way, and Unavailable.
    """

    def __init__(self, wish: Wish, account: Account, zone: Zone, worker_root: Path, *, config: Any = None) -> None:
        self._wish, self._account, self._zone, self._config = wish, account, zone, config
        self._app = AppSettings(wish, account, zone)
        bucket = account.bucket(wish.site.bucket)
        self._changes = Changes(account, zone, bucket)
        self._workers = Workers(wish, account, zone, self._app, worker_root)
        self._pairs: dict[str, KeyPair] = {}
        self.left: list[Step] = []
        self.plan = self._plan(bucket)

    def apply(self, say: Callable[[Step], None]) -> None:
        """Take the steps, telling each one that is done. If one fails, `left` are those that were not done."""
        self.left = list(self.plan.steps)
        while self.left:
            self._do(self.left[0])
            say(self.left.pop(0))

    def _plan(self, bucket: dict[str, Any] | None) -> Plan:
        wish, site, edge = self._wish, self._wish.site, describe(self._wish.site)
        of_bucket = plan.bucket(edge.bucket, bucket, make_public=wish.make_public)
        main = self._choose(self._main_name, CAPABILITIES, PROXY, given=self._app.given, kept=self._app.kept)
        chosen = [main]
        steps = [*of_bucket.steps, *_new(main)]
        if wish.proxy_host:
            steps += [*self._workers.steps(PROXY, main.pair), *self._workers.domain_steps(PROXY, wish.proxy_host)]
        of_pair = self._app.pair_steps(main.pair)
        steps += of_pair
        if site.is_private:
            reader = self._choose(self._reader_name, READER_CAPABILITIES, READER)
            steps += [*_new(reader), *self._workers.steps(READER, reader.pair)]
            chosen.append(reader)
        steps += [Step(REMOVE, KEY, choice.name, id=one) for choice in chosen for one in choice.stale]
        of_host = self._host()
        steps += [*of_host.steps, *self._app.steps(is_made=bool(of_pair))]
        return Plan(steps, [*of_bucket.kept, *of_host.kept])

    def _host(self) -> Plan:
        """Return what makes the image domain stand: its rules, and then its name."""
        site, edge = self._wish.site, describe(self._wish.site)
        rulesets = {phase: self._zone.entry_point(phase) for phase in PHASES}
        for ruleset in rulesets.values():
            self._changes.know(ruleset)
        of_rules = plan.rules(edge, site.image_host, rulesets)
        if site.is_private:
            domain = self._workers.domain_steps(READER, site.image_host)
            # Where the Worker has the name already, the record that stands there is the Worker's.
            records = plan.records(edge, site.image_host, self._zone.records(site.image_host)).steps if domain else []
            names = [*records, *domain]
        else:
            domain = no_longer(self._zone, site.image_host)
            standing = [] if domain else self._zone.records(site.image_host)
            names = [*domain, *plan.records(edge, site.image_host, standing).steps]
        return Plan([*of_rules.steps, *names], of_rules.kept)

    @property
    def _main_name(self) -> str:
        return f"bowerbird-{self._wish.site.bucket}"

    @property
    def _reader_name(self) -> str:
        return f"{self._main_name}-read"

    def _choose(self, name: str, capabilities: tuple[str, ...], of: str, **pairs: KeyPair | None) -> keys.Choice:
        held = self._workers.held(of)
        bucket_id = self._changes.bucket_id
        choice = keys.choose(self._account, name, capabilities, bucket_id, held=held, config=self._config, **pairs)
        if choice.pair:
            self._pairs[name] = choice.pair
        return choice

    def _do(self, step: Step) -> None:
        if step.what == KEY and step.deed == CREATE:
            made = self._account.add_key(step.name, step.after["capabilities"], self._changes.bucket_id)
            self._pairs[step.name] = made
        elif step.what == KEY:
            self._account.remove_key(step.id)
        elif step.what == WORKER:
            self._workers.upload(step.name, self._pairs[self._main_name if step.name == PROXY else self._reader_name])
        elif step.what == FILE and step.name == str(self._wish.settings):
            self._app.write()
        elif step.what == FILE:
            self._app.write_pair(self._pairs[self._main_name])
        else:
            self._changes.do(step)


def _new(choice: keys.Choice) -> list[Step]:
    return [] if choice.pair else [Step(CREATE, KEY, choice.name, after={"capabilities": list(choice.capabilities)})]
