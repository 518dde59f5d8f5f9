"""The plan: the difference between what has to stand and what stands, and nothing of others in it."""

import copy
import itertools
import random
from typing import Any

import pytest

from app.edge import plan
from app.edge.rules import HEADERS_PHASE, REWRITE_PHASE, Site, describe
from app.errors import SetupError

HOST = "i.example.com"
SITE = Site(HOST, "my-pictures", "f004.backblazeb2.com")
EDGE = describe(SITE)
PRIVATE = describe(Site(HOST, "my-pictures", "f004.backblazeb2.com", is_private=True))
FOREIGN = {"id": "other", "ref": "other", "expression": "true", "action": "rewrite", "enabled": True}


def entry(phase: str, rules: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    rules = EDGE.rulesets[phase] if rules is None else rules
    return {"id": phase, "rules": [{"id": f"id-{rule['ref']}", "version": "1", **rule} for rule in rules]}


def take(ruleset: dict[str, Any], steps: list[plan.Step]) -> list[dict[str, Any]]:
    """Do what Cloudflare does with each call."""
    rules = copy.deepcopy(ruleset["rules"])
    for step in steps:
        place = len(rules)
        if step.deed != plan.CREATE:
            place = next(at for at, rule in enumerate(rules) if rule["id"] == step.id)
            old = rules.pop(place)
        if step.deed == plan.REMOVE:
            continue
        if step.position:
            way, ref = step.position
            place = next(at for at, rule in enumerate(rules) if rule["ref"] == ref) + (way == "after")
        new_id = step.id or f"new-{step.name}"
        rules.insert(place, {**(old if step.deed == plan.CHANGE else {}), **step.after, "id": new_id})
    return rules


def test_where_nothing_stands_each_phase_is_made_in_one_call() -> None:
    steps = plan.rules(EDGE, HOST, dict.fromkeys(EDGE.rulesets)).steps

    assert [(step.deed, step.what, step.phase) for step in steps] == [
        ("create", "ruleset", phase) for phase in EDGE.rulesets
    ]
    assert [step.after for step in steps] == list(EDGE.rulesets.values())


def test_what_stands_as_it_should_takes_no_step() -> None:
    there = {phase: entry(phase) for phase in EDGE.rulesets}

    assert plan.rules(EDGE, HOST, there) == plan.Plan()
    assert plan.bucket(EDGE.bucket, {**EDGE.bucket, "bucketId": "b"}) == plan.Plan()
    assert plan.records(EDGE, HOST, [{**(EDGE.dns or {}), "id": "1", "comment": None}]) == plan.Plan()


@pytest.mark.parametrize("seed", range(60))
def test_from_any_state_of_a_phase_the_steps_lead_to_ours_in_order_and_leave_others_alone(seed: int) -> None:
    chance = random.Random(seed)
    ours = [rule for rule in EDGE.rulesets[HEADERS_PHASE] if chance.random() < 0.7]
    chance.shuffle(ours)
    ours = [{**rule, "enabled": chance.random() < 0.7} for rule in ours]
    gone = {**FOREIGN, "ref": "bowerbird_once", "expression": f'(http.host eq "{HOST}")'}
    doubled = [{**rule} for rule in ours[:1]]
    rules = [*ours, gone, *doubled, *({**FOREIGN, "ref": f"other{n}"} for n in range(3))]
    chance.shuffle(rules)
    there = {"id": "r", "rules": [{**rule, "id": f"id{n}"} for n, rule in enumerate(rules)]}
    others = [rule for rule in there["rules"] if rule["ref"].startswith("other")]

    steps = plan.rules(EDGE, HOST, {HEADERS_PHASE: there}).steps
    after = take(there, steps)

    wanted = EDGE.rulesets[HEADERS_PHASE]
    stands = [rule for rule in after if rule["ref"].startswith(plan.OURS)]
    assert [{key: rule[key] for key in wanted[0]} for rule in stands] == wanted
    assert [rule for rule in after if rule["ref"].startswith("other")] == others
    assert plan.rules(EDGE, HOST, {HEADERS_PHASE: {"id": "r", "rules": after}}).steps == []


def test_each_order_of_ours_is_put_right() -> None:
    for order in itertools.permutations(EDGE.rulesets[HEADERS_PHASE]):
        there = entry(HEADERS_PHASE, list(order))

        after = take(there, plan.rules(EDGE, HOST, {HEADERS_PHASE: there}).steps)

        assert [rule["ref"] for rule in after] == [rule["ref"] for rule in EDGE.rulesets[HEADERS_PHASE]]


def test_rules_for_another_image_domain_are_not_taken_over() -> None:
    with pytest.raises(SetupError, match=r"rules for pics\.example\.com"):
        other = describe(Site("pics.example.com", "my-pictures", "f004.backblazeb2.com"))
        plan.rules(EDGE, HOST, {REWRITE_PHASE: entry(REWRITE_PHASE, other.rulesets[REWRITE_PHASE])})


def test_a_private_bucket_needs_no_rules_and_no_record() -> None:
    there = {phase: entry(phase, [*EDGE.rulesets[phase], FOREIGN]) for phase in EDGE.rulesets}
    record = {**(EDGE.dns or {}), "id": "1"}

    steps = [*plan.rules(PRIVATE, HOST, there).steps, *plan.records(PRIVATE, HOST, [record]).steps]

    assert {step.deed for step in steps} == {"remove"}
    assert len(steps) == sum(map(len, EDGE.rulesets.values())) + 1
    assert "id-other" not in {step.id for step in steps}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("A", "192.0.2.1"),
        ("AAAA", "2001:db8::1"),
        ("CNAME", "pages.example.net"),
        ("CNAME", "f004.backblazeb2.com.evil.net"),
    ],
)
def test_what_else_stands_under_the_name_is_not_touched(kind: str, content: str) -> None:
    there = [{"id": "1", "name": HOST, "type": kind, "content": content, "proxied": True, "ttl": 1}]

    for edge in (EDGE, PRIVATE):
        with pytest.raises(SetupError, match=f"as {kind} {content}"):
            plan.records(edge, HOST, there)


def test_mail_and_text_may_stay_beside_the_name() -> None:
    there = [{"id": n, "name": HOST, "type": kind, "content": "x"} for n, kind in enumerate(("TXT", "MX", "CAA"))]

    [step] = plan.records(EDGE, HOST, there).steps

    assert (step.deed, step.after) == ("create", EDGE.dns)


def test_a_name_that_leads_to_another_host_of_b2_is_put_right() -> None:
    there = [
        {"id": "1", "name": HOST, "type": "CNAME", "content": "f000.backblazeb2.com", "proxied": False, "ttl": 300}
    ]

    [step] = plan.records(EDGE, HOST, there).steps

    assert (step.deed, step.id, step.after) == ("change", "1", EDGE.dns)
    assert step.before == {
        "type": "CNAME",
        "name": HOST,
        "content": "f000.backblazeb2.com",
        "proxied": False,
        "ttl": 300,
    }


def bucket(**values: Any) -> dict[str, Any]:
    return {**EDGE.bucket, "bucketId": "b", "revision": 3, **values}


def test_of_a_bucket_only_what_differs_is_changed_and_what_others_set_stays() -> None:
    ours, logs = EDGE.bucket["lifecycleRules"][0], {"fileNamePrefix": "logs/", "daysFromHidingToDeleting": 30}
    cors = {**EDGE.bucket["corsRules"][0], "corsRuleName": "theirs", "allowedOrigins": ["https://theirs.example"]}
    there = bucket(
        bucketInfo={"owner": "me", "Cache-Control": "max-age=1"},
        lifecycleRules=[logs, {**ours, "daysFromHidingToDeleting": 7}],
        corsRules=[cors],
    )

    made = plan.bucket(EDGE.bucket, there)

    [step] = made.steps
    assert step.after == {
        "bucketInfo": {"owner": "me", **EDGE.bucket["bucketInfo"]},
        "lifecycleRules": [logs, ours],
        "corsRules": [cors, *EDGE.bucket["corsRules"]],
    }
    assert len(made.kept) == 3 and "logs/" in made.kept[0] and "theirs" in made.kept[1] and "owner" in made.kept[2]
    assert plan.bucket(EDGE.bucket, {**there, **step.after}).steps == []


def test_b2_leaves_out_what_is_null_and_that_is_no_difference() -> None:
    [rule] = EDGE.bucket["lifecycleRules"]
    there = bucket(lifecycleRules=[{key: value for key, value in rule.items() if value is not None}])

    assert plan.bucket(EDGE.bucket, there).steps == []


def test_a_private_bucket_is_shown_to_everyone_only_if_that_is_meant() -> None:
    there = bucket(bucketType="allPrivate")

    with pytest.raises(SetupError, match="--make-public"):
        plan.bucket(EDGE.bucket, there)

    assert plan.bucket(EDGE.bucket, there, make_public=True).steps[0].after == {"bucketType": "allPublic"}
    assert plan.bucket(PRIVATE.bucket, bucket()).steps[0].after["bucketType"] == "allPrivate"
