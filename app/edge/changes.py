"""Takes the steps of a plan that need nothing but the two clouds, one call each."""

from typing import Any

from .account import Account
from .plan import BUCKET, CHANGE, CREATE, RECORD, REMOVE, RULE, RULESET, Step
from .zone import Zone

DOMAIN = "Worker's domain"


class Changes:
    """The changes of one run. `bucket` is the bucket as it was found, or None; `bucket_id` is known once it exists."""

    def __init__(self, account: Account, zone: Zone, bucket: dict[str, Any] | None) -> None:
        self._account = account
        self._zone = zone
        self._revision = int(bucket["revision"]) if bucket else 0
        self.bucket_id = str(bucket["bucketId"]) if bucket else ""
        self._ids: dict[str, str] = {}  # ref to id, of the rules that are there

    def know(self, ruleset: dict[str, Any] | None) -> None:
        """Learn the ids of the rules in `ruleset`, which a position is told by."""
        self._ids |= {rule["ref"]: rule["id"] for rule in (ruleset or {"rules": ()})["rules"] if "ref" in rule}

    def do(self, step: Step) -> None:
        """Take one step. Raises SetupError or Unavailable; whether it was done is then seen by the next run."""
        {
            BUCKET: self._bucket,
            RECORD: self._record,
            RULESET: self._ruleset,
            RULE: self._rule,
            DOMAIN: self._domain,
        }[step.what](step)

    def _bucket(self, step: Step) -> None:
        if step.deed == CREATE:
            self.bucket_id = self._account.add_bucket(step.after)
        else:
            self._account.change_bucket(step.id, step.after, self._revision)

    def _record(self, step: Step) -> None:
        if step.deed == CREATE:
            self._zone.add_record(step.after)
        elif step.deed == CHANGE:
            self._zone.change_record(step.id, step.after)
        else:
            self._zone.remove_record(step.id)

    def _ruleset(self, step: Step) -> None:
        self._zone.add_ruleset(step.phase, step.after)

    def _rule(self, step: Step) -> None:
        where = {step.position[0]: self._ids[step.position[1]]} if step.position else None
        if step.deed == REMOVE:
            self._zone.remove_rule(step.phase, step.ruleset_id, step.id)
        elif step.deed == CREATE:
            self.know(self._zone.add_rule(step.phase, step.ruleset_id, step.after, where))
        else:
            self.know(self._zone.change_rule(step.phase, step.ruleset_id, step.id, step.after, where))

    def _domain(self, step: Step) -> None:
        if step.deed == REMOVE:
            self._zone.remove_domain(step.id)
        else:
            self._zone.add_domain(step.name, step.after["service"])
