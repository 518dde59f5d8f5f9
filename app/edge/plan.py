"""The difference between what has to stand and what stands: steps in their order, each one call or none."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import SetupError
from .rules import Edge, Rule

CREATE, CHANGE, REMOVE = "create", "change", "remove"
BUCKET, RECORD, RULESET, RULE = "bucket", "DNS record", "ruleset", "rule"
OURS = "bowerbird_"
_FRIENDLY = re.compile(r"f\d{3}\.backblazeb2\.com")
_PLACES = ("A", "AAAA", "CNAME")  # the kinds that say where a name leads; TXT, MX and the like stay beside them


@dataclass(frozen=True, slots=True)
class Step:
    """One change: `deed` to the `what` called `name`. `before` and `after` never hold a secret.

    `id` is of what stands there; `phase` of a rule's ruleset, whose own id is `ruleset_id`; `position` is where a rule
    goes, as ("after" | "before", ref), or None for the end or where it is.
    """

    deed: str
    what: str
    name: str
    before: Any = None
    after: Any = None
    id: str = ""
    phase: str = ""
    ruleset_id: str = ""
    position: tuple[str, str] | None = None

    @property
    def title(self) -> str:
        """What it is about, in a line."""
        return f"{self.what} {self.name}" + (f" ({self.phase})" if self.phase not in ("", self.name) else "")


@dataclass(slots=True)
class Plan:
    """`steps` in their order, and what is `kept` of others, a line for each place."""

    steps: list[Step] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def bucket(wanted: Mapping[str, Any], there: Mapping[str, Any] | None, *, make_public: bool = False) -> Plan:
    """Return what makes the bucket `there` (None: there is none) as it is `wanted`, both as B2's native API has them.

    What others put into bucket info, CORS rules of other names and lifecycle rules of other prefixes stay.
    Raises SetupError if that would show everyone what a private bucket holds.
    """
    name = wanted["bucketName"]
    if there is None:
        return Plan([Step(CREATE, BUCKET, name, after=dict(wanted))])
    if (there["bucketType"], wanted["bucketType"]) == ("allPrivate", "allPublic") and not make_public:
        raise SetupError(
            f"the bucket {name} is there and private: setting it up would show everyone what it holds."
            " If that is meant, add --make-public; else add --private, or choose another bucket"
        )
    merged = {
        "bucketType": wanted["bucketType"],
        "bucketInfo": {**there["bucketInfo"], **wanted["bucketInfo"]},
        "lifecycleRules": _merged(there["lifecycleRules"], wanted["lifecycleRules"], "fileNamePrefix"),
        "corsRules": _merged(there["corsRules"], wanted["corsRules"], "corsRuleName"),
    }
    changed = [key for key, value in merged.items() if _plain(value) != _plain(there[key])]
    kept = [
        f"{len(others)} of others in the {title} of {name}: {', '.join(others)}"
        for title, key, own in (
            ("lifecycle rules", "lifecycleRules", "fileNamePrefix"),
            ("CORS rules", "corsRules", "corsRuleName"),
        )
        if (others := _others(there[key], wanted[key], own))
    ]
    if others := sorted(set(there["bucketInfo"]) - set(wanted["bucketInfo"])):
        kept.append(f"{len(others)} of others in the bucket info of {name}: {', '.join(others)}")
    if not changed:
        return Plan([], kept)
    before, after = ({key: of[key] for key in changed} for of in (there, merged))
    return Plan([Step(CHANGE, BUCKET, name, before, after, id=there["bucketId"])], kept)


def records(edge: Edge, host: str, there: Sequence[Mapping[str, Any]]) -> Plan:
    """Return what makes the DNS records `there` of `host` lead where the edge says: nowhere, if a Worker serves it.

    Raises SetupError if something stands there that is not a name for B2.
    """
    standing = [one for one in there if one["name"] == host and one["type"] in _PLACES]
    for one in standing:
        if one["type"] != "CNAME" or not _FRIENDLY.fullmatch(str(one["content"])):
            raise SetupError(
                f"{host} already stands in the DNS as {one['type']} {one['content']}, which is not B2's:"
                " remove this record at Cloudflare, or choose another name"
            )
    if edge.dns is None:
        return Plan([Step(REMOVE, RECORD, host, _record(one), id=str(one["id"])) for one in standing])
    if not standing:
        return Plan([Step(CREATE, RECORD, host, after=edge.dns)])
    first, *rest = standing
    steps = [Step(REMOVE, RECORD, host, _record(one), id=str(one["id"])) for one in rest]
    before = _record(first)
    if before != edge.dns:
        steps.append(Step(CHANGE, RECORD, host, before, edge.dns, id=str(first["id"])))
    return Plan(steps)


def rules(edge: Edge, host: str, there: Mapping[str, Mapping[str, Any] | None]) -> Plan:
    """Return what makes our rules stand, in their order. `there` maps each phase to its entry point (id and rules), or
    to None if it has none. Rules of others are not in any step: one that is put somewhere leaves them where they are.

    Raises SetupError if Bowerbird's rules of another host stand there.
    """
    whole = Plan()
    for phase, ruleset in there.items():
        wanted = edge.rulesets.get(phase, [])
        if ruleset is None:
            if wanted:
                whole.steps.append(Step(CREATE, RULESET, phase, after=wanted, phase=phase))
            continue
        standing = [dict(rule) for rule in ruleset.get("rules") or ()]
        ours = [rule for rule in standing if str(rule.get("ref", "")).startswith(OURS)]
        _check_host(ours, host)
        if foreign := len(standing) - len(ours):
            whole.kept.append(f"{foreign} rule{'s' if foreign > 1 else ''} of others in {phase}")
        whole.steps += _phase(phase, str(ruleset["id"]), wanted, ours)
    return whole


def _phase(phase: str, ruleset_id: str, wanted: Sequence[Rule], ours: Sequence[Mapping[str, Any]]) -> list[Step]:
    steps, standing = [], dict[str, Mapping[str, Any]]()
    refs = [rule["ref"] for rule in wanted]
    for rule in ours:
        if rule["ref"] in refs and rule["ref"] not in standing:
            standing[rule["ref"]] = rule
        else:
            steps.append(Step(REMOVE, RULE, rule["ref"], _seen(rule), None, rule["id"], phase, ruleset_id))
    order = list(standing)
    for at, rule in enumerate(wanted):
        ref = rule["ref"]
        previous = refs[at - 1] if at else None
        if ref not in standing:
            position = ("after", previous) if previous else ("before", order[0]) if order else None
            steps.append(Step(CREATE, RULE, ref, None, rule, "", phase, ruleset_id, position))
            _put(order, ref, previous)
            continue
        is_late = previous is not None and order.index(ref) < order.index(previous)
        before = {key: standing[ref].get(key) for key in rule}
        if is_late or before != rule:
            position = ("after", previous) if is_late and previous else None
            steps.append(Step(CHANGE, RULE, ref, before, rule, standing[ref]["id"], phase, ruleset_id, position))
            if is_late:
                order.remove(ref)
                _put(order, ref, previous)
    return steps


def _put(order: list[str], ref: str, previous: str | None) -> None:
    order.insert(order.index(previous) + 1 if previous else 0, ref)


def _check_host(ours: Sequence[Mapping[str, Any]], host: str) -> None:
    for rule in ours:
        found = re.search(r'http\.host eq "([^"]*)"', rule["expression"])
        if found and found[1] != host:
            raise SetupError(
                f"this zone has Bowerbird's rules for {found[1]}: a zone has room for one image domain."
                f" Remove the rules whose names begin with 'Bowerbird:', or set up {found[1]}"
            )


def _merged(there: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]], key: str) -> list[dict[str, Any]]:
    """Put each of `wanted` in the place of the one of its name, or at the end."""
    named = {rule[key]: dict(rule) for rule in wanted}
    merged = [named.pop(rule[key], None) or dict(rule) for rule in there]
    return [*merged, *named.values()]


def _others(there: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    return [str(rule[key]) for rule in there if rule[key] not in {one[key] for one in wanted}]


def _plain(value: Any) -> Any:
    """Leave out what is null: B2 answers with fewer nulls than it was sent, or more."""
    if isinstance(value, list):
        return [{key: inner for key, inner in rule.items() if inner is not None} for rule in value]
    return value


def _record(there: Mapping[str, Any]) -> dict[str, Any]:
    return {key: there.get(key) for key in ("type", "name", "content", "proxied", "ttl")}


def _seen(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {key: rule.get(key) for key in ("ref", "description", "enabled", "expression", "action")}
