"""Cloudflare's own client finds the API that it was made for; what is wrong is refused as Cloudflare refuses it."""

from collections.abc import Callable, Iterator
from typing import Any

import cloudflare
import pytest
from cloudflare import Cloudflare

from tests.edge import Token
from tests.edge.standing import Standing
from tests.edge.zone import PERMISSIONS

Maker = Callable[..., Cloudflare]
REWRITE, HEADERS = "http_request_transform", "http_response_headers_transform"
RULE = {
    "ref": "theirs",
    "description": "of somebody else",
    "expression": '(http.host eq "www.example.com")',
    "action": "rewrite",
    "action_parameters": {"uri": {"path": {"value": "/x"}}},
}


def refusal(call: Callable[[], Any]) -> tuple[int, int]:
    """Return the status and Cloudflare's code of a call that is refused."""
    with pytest.raises(cloudflare.APIStatusError) as caught:
        call()
    body: Any = caught.value.body
    assert (body["success"], body["result"], body["messages"]) == (False, None, [])
    return caught.value.status_code, body["errors"][0]["code"]


@pytest.fixture
def with_token(edge: Standing) -> Iterator[Callable[..., Cloudflare]]:
    """Make clients with other tokens; with permissions, the token is one that is known."""
    made: list[Cloudflare] = []

    def make(value: str, *permissions: str) -> Cloudflare:
        if permissions:
            edge.account.tokens.append(Token(value, frozenset(permissions)))
        made.append(Cloudflare(api_token=value, base_url=edge.api_url, max_retries=0))
        return made[-1]

    yield make
    for client in made:
        client.close()


def test_it_works(edge: Standing, api: Cloudflare) -> None:
    assert api.user.tokens.verify().status == "active"
    [zone] = api.zones.list(name="example.com")
    assert (zone.id, zone.plan.id, zone.account.id) == (edge.zone_id, "free", edge.account.id)
    assert api.zones.get(zone_id=zone.id).name == "example.com"
    assert list(api.zones.list(name="example.net")) == []
    assert [account.id for account in api.accounts.list()] == [edge.account.id]


@pytest.mark.parametrize(
    ("value", "verified", "listed"), [("wrong", (401, 1000), (403, 9109)), ("two words", (400, 6003), (400, 6003))]
)
def test_a_token_that_is_none_is_refused(
    with_token: Maker, value: str, verified: tuple[int, int], listed: tuple[int, int]
) -> None:
    client = with_token(value)

    assert refusal(client.user.tokens.verify) == verified
    assert refusal(lambda: client.zones.list(name="example.com")) == listed


def test_a_token_that_was_taken_back_is_refused(edge: Standing, with_token: Maker) -> None:
    edge.account.tokens.append(Token("old", status="disabled"))

    assert refusal(lambda: with_token("old").zones.get(zone_id=edge.zone_id)) == (403, 9109)


CALLS: list[tuple[str, tuple[int, int], Callable[[Cloudflare, str, str], Any]]] = [
    ("Zone Read", (403, 9109), lambda c, zone, _: c.zones.get(zone_id=zone)),
    ("DNS Edit", (403, 10000), lambda c, zone, _: c.dns.records.list(zone_id=zone)),
    ("Zone Settings Edit", (403, 10000), lambda c, zone, _: c.zones.settings.get("ssl", zone_id=zone)),
    ("Transform Rules Edit", (403, 10000), lambda c, zone, _: c.rulesets.phases.get(REWRITE, zone_id=zone)),
    ("Config Rules Edit", (403, 10000), lambda c, zone, _: c.rulesets.phases.get("http_config_settings", zone_id=zone)),
    (
        "Cache Rules Edit",
        (403, 10000),
        lambda c, zone, _: c.rulesets.phases.get("http_request_cache_settings", zone_id=zone),
    ),
    ("Cache Purge", (403, 10000), lambda c, zone, _: c.cache.purge(zone_id=zone, hosts=["i.example.com"])),
    ("Account Settings Read", (403, 10000), lambda c, *_: c.accounts.list()),
    ("Workers Scripts Edit", (403, 10000), lambda c, _, account: c.workers.scripts.list(account_id=account)),
    ("Workers Routes Edit", (403, 10000), lambda c, zone, _: c.workers.routes.list(zone_id=zone)),
]


@pytest.mark.parametrize(("permission", "expected", "call"), CALLS, ids=[name for name, _, _ in CALLS])
def test_each_permission_is_needed_and_enough(
    edge: Standing, with_token: Maker, permission: str, expected: tuple[int, int], call: Callable[..., Any]
) -> None:
    others = with_token("all-but-one", *set(PERMISSIONS) - {permission})

    assert refusal(lambda: call(others, edge.zone_id, edge.account.id)) == expected
    call(with_token("just-one", permission), edge.zone_id, edge.account.id)


def test_every_permission_has_a_call() -> None:
    assert [name for name, _, _ in CALLS] == list(PERMISSIONS)


def test_reading_is_not_editing(edge: Standing, with_token: Maker) -> None:
    client = with_token("reader", "DNS Read", "Transform Rules Read")
    [record] = client.dns.records.list(zone_id=edge.zone_id)

    assert refusal(lambda: client.dns.records.delete(record.id, zone_id=edge.zone_id)) == (403, 10000)
    ruleset = client.rulesets.phases.get(REWRITE, zone_id=edge.zone_id)
    assert refusal(lambda: client.rulesets.delete(ruleset.id, zone_id=edge.zone_id)) == (403, 10000)


def test_a_zone_of_others_is_not_found(api: Cloudflare) -> None:
    assert refusal(lambda: api.dns.records.list(zone_id="0" * 32)) == (404, 7003)
    assert refusal(lambda: api.get("/nothing", cast_to=object)) == (404, 7003)


def test_a_record_is_made_found_changed_and_removed(edge: Standing, api: Cloudflare) -> None:
    cname: Any = {"type": "CNAME", "content": "f004.backblazeb2.com", "ttl": 1, "zone_id": edge.zone_id}
    made = api.dns.records.create(name="j", proxied=True, **cname)

    assert (made.name, made.proxied) == ("j.example.com", True)
    found = api.dns.records.list(zone_id=edge.zone_id, name={"exact": "j.example.com"}, type="CNAME")
    assert [one.id for one in found] == [made.id]
    changed = api.dns.records.edit(made.id, name="j.example.com", proxied=False, **cname)
    assert (changed.proxied, api.dns.records.get(made.id, zone_id=edge.zone_id).proxied) == (False, False)
    api.dns.records.delete(made.id, zone_id=edge.zone_id)
    assert [one.name for one in api.dns.records.list(zone_id=edge.zone_id)] == ["i.example.com"]
    assert refusal(lambda: api.dns.records.delete(made.id, zone_id=edge.zone_id)) == (404, 81044)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"type": "CNAME", "name": "i.example.com", "content": "elsewhere.example.net"}, (400, 81053)),
        ({"type": "A", "name": "i.example.com", "content": "192.0.2.1"}, (400, 81053)),
        ({"type": "CNAME", "name": "i.example.com", "content": "f004.backblazeb2.com"}, (400, 81058)),
        ({"type": "CNAMES", "name": "j.example.com", "content": "elsewhere.example.net"}, (400, 1004)),
        ({"type": "CNAME", "name": "j.example.com", "content": "x.example.net", "proxied": "yes"}, (400, 1004)),
        (
            {"type": "CNAME", "name": "j.example.com", "content": "x.example.net", "proxied": True, "ttl": 60},
            (400, 9004),
        ),
    ],
)
def test_a_record_that_cannot_be_is_refused(
    edge: Standing, api: Cloudflare, record: Any, expected: tuple[int, int]
) -> None:
    before = list(edge.zone.records)

    assert refusal(lambda: api.dns.records.create(zone_id=edge.zone_id, **{"ttl": 1, **record})) == expected
    assert edge.zone.records == before


def test_a_setting_is_read_and_changed(edge: Standing, api: Cloudflare) -> None:
    assert api.zones.settings.get("ssl", zone_id=edge.zone_id).value == "flexible"
    assert api.zones.settings.edit("ssl", zone_id=edge.zone_id, value="strict").value == "strict"
    assert edge.zone.settings["ssl"] == "strict"
    assert refusal(lambda: api.zones.settings.edit("ssl", zone_id=edge.zone_id, value="on")) == (400, 1007)
    assert refusal(lambda: api.zones.settings.edit("ssl", zone_id=edge.zone_id, value="never")) == (400, 1004)
    assert refusal(lambda: api.zones.settings.get("none", zone_id=edge.zone_id)) == (400, 1003)


def test_a_put_of_an_entry_point_replaces_all_its_rules(edge: Standing, api: Cloudflare) -> None:
    before = api.rulesets.phases.get(REWRITE, zone_id=edge.zone_id)

    after: Any = api.rulesets.phases.update(REWRITE, zone_id=edge.zone_id, rules=[RULE])

    assert (after["id"], before.version, after["version"]) == (before.id, "1", "2")
    assert [rule["ref"] for rule in edge.zone.rules(REWRITE)] == ["theirs"]


def test_a_dry_run_checks_and_changes_nothing(edge: Standing, api: Cloudflare) -> None:
    before = [dict(rule) for rule in edge.zone.rules(REWRITE)]
    of: Any = {"ruleset_phase": REWRITE, "zone_id": edge.zone_id, "dry_run": True}

    assert api.rulesets.phases.update(**of, rules=[RULE]) is None
    assert refusal(lambda: api.rulesets.phases.update(**of, rules=[RULE, RULE])) == (400, 20014)
    assert edge.zone.rules(REWRITE) == before


def test_a_phase_without_rules_has_no_entry_point_until_one_is_made(edge: Standing, api: Cloudflare) -> None:
    edge.zone.rulesets.clear()
    assert refusal(lambda: api.rulesets.phases.get(REWRITE, zone_id=edge.zone_id)) == (404, 10003)

    made: Any = {"kind": "zone", "name": "default", "phase": REWRITE, "rules": [RULE], "zone_id": edge.zone_id}
    ruleset_id = api.rulesets.create(**made)["id"]

    assert api.rulesets.phases.get(REWRITE, zone_id=edge.zone_id).id == ruleset_id
    assert refusal(lambda: api.rulesets.create(**made)) == (400, 20217)
    assert [(one.id, one.phase) for one in api.rulesets.list(zone_id=edge.zone_id)] == [(ruleset_id, REWRITE)]
    api.rulesets.delete(ruleset_id, zone_id=edge.zone_id)
    assert refusal(lambda: api.rulesets.get(ruleset_id, zone_id=edge.zone_id)) == (404, 10003)


def test_single_rules_are_added_changed_and_removed_and_the_others_stay(edge: Standing, api: Cloudflare) -> None:
    ruleset = edge.zone.entrypoint(REWRITE) or {}
    others = [dict(rule) for rule in ruleset["rules"]]
    of: Any = {"ruleset_id": ruleset["id"], "zone_id": edge.zone_id}

    api.rulesets.rules.create(**of, **RULE, position={"index": 1})
    theirs, *rest = ruleset["rules"]
    assert (theirs["ref"], rest, ruleset["version"]) == ("theirs", others, "2")
    changed = {**RULE, "enabled": False, "position": {"after": others[0]["id"]}}
    api.rulesets.rules.edit(theirs["id"], **of, **changed)
    assert [rule["ref"] for rule in ruleset["rules"]] == ["bowerbird_path", "theirs", "bowerbird_query"]
    assert (ruleset["rules"][1]["id"], ruleset["rules"][1]["version"]) == (theirs["id"], "2")
    assert [rule["ref"] for rule in edge.zone.rules(REWRITE)] == ["bowerbird_path", "bowerbird_query"]
    api.rulesets.rules.edit(theirs["id"], **of, position={"before": ""})
    assert [rule["ref"] for rule in ruleset["rules"]] == ["theirs", "bowerbird_path", "bowerbird_query"]
    assert ruleset["rules"][0]["description"] == "of somebody else"
    api.rulesets.rules.delete(theirs["id"], **of)
    assert ruleset["rules"] == others
    assert refusal(lambda: api.rulesets.rules.delete(theirs["id"], **of)) == (404, 10003)


def test_a_rule_that_stays_as_it_was_keeps_its_id_and_version(edge: Standing, api: Cloudflare) -> None:
    before = [dict(rule) for rule in edge.zone.rules(HEADERS)]
    own = ("id", "version", "last_updated")
    plain: Any = [{name: value for name, value in rule.items() if name not in own} for rule in before]

    api.rulesets.phases.update(HEADERS, zone_id=edge.zone_id, rules=plain)
    assert edge.zone.rules(HEADERS) == before
    plain[0]["description"] = "changed"
    api.rulesets.phases.update(HEADERS, zone_id=edge.zone_id, rules=plain)
    first, *rest = edge.zone.rules(HEADERS)
    assert (first["id"], first["version"], rest) == (before[0]["id"], "2", before[1:])


@pytest.mark.parametrize(
    ("phase", "changed", "code"),
    [
        (REWRITE, {"expression": "http.hots eq 1"}, 20127),
        (REWRITE, {"expression": 'http.host matches "x"'}, 20127),
        (REWRITE, {"expression": "http.response.code eq 200"}, 20127),
        (REWRITE, {"action_parameters": {"uri": {"path": {"expression": 'regex_replace(ssl, "", "")'}}}}, 20127),
        (REWRITE, {"action": "set_config", "action_parameters": {"ssl": "strict"}}, 20016),
        (REWRITE, {"action_parameters": {"uri": {"path": {"value": 1}}}}, 1004),
        (REWRITE, {"refs": "x"}, 10014),
        (HEADERS, {"action_parameters": {"headers": {"CF-Ray": {"operation": "remove"}}}}, 20087),
        (HEADERS, {"action_parameters": {"headers": {"server": {"operation": "set", "value": "x"}}}}, 20087),
        (HEADERS, {"action_parameters": {"headers": {"x": {"operation": "set"}}}}, 1004),
        (HEADERS, {"action_parameters": {"headers": {f"x-{n}": {"operation": "remove"} for n in range(31)}}}, 20030),
    ],
)
def test_a_rule_that_cloudflare_does_not_take_changes_nothing(
    edge: Standing, api: Cloudflare, phase: str, changed: Any, code: int
) -> None:
    before = [dict(rule) for rule in edge.zone.rules(phase)]
    rules: Any = [RULE | changed]

    def put() -> None:
        api.put(f"/zones/{edge.zone_id}/rulesets/phases/{phase}/entrypoint", body={"rules": rules}, cast_to=object)

    assert refusal(put) == (400, code)
    assert edge.zone.rules(phase) == before


def test_a_ref_stands_once_and_ten_rules_are_the_most(edge: Standing, api: Cloudflare) -> None:
    many: Any = [RULE | {"ref": f"r{number}"} for number in range(11)]

    assert refusal(lambda: api.rulesets.phases.update(REWRITE, zone_id=edge.zone_id, rules=[RULE, RULE])) == (
        400,
        20014,
    )
    assert refusal(lambda: api.rulesets.phases.update(REWRITE, zone_id=edge.zone_id, rules=many)) == (400, 20113)
    api.rulesets.phases.update(REWRITE, zone_id=edge.zone_id, rules=many[:10])
    assert len(edge.zone.rules(REWRITE)) == 10
