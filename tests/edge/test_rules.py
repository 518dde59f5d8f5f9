"""The edge as data: what Cloudflare's published schema says of it, and what must never be in it."""

from typing import Any

import pytest

from app.edge.headers import B2_HEADERS, VIEWER_HEADERS
from app.edge.rules import Edge, Site, describe, friendly_host
from tests.edge.expressions import compile_filter, compile_value
from tests.edge.schema import problem

SITE = Site("i.example.com", "my-pictures", "f004.backblazeb2.com")
ZONE = "/zones/{zone_id}"
RULES = [(phase, rule) for phase, rules in describe(SITE).rulesets.items() for rule in rules]


def named(value: Any) -> str:
    return value["ref"] if isinstance(value, dict) else str(value)


@pytest.mark.parametrize("phase", describe(SITE).rulesets)
def test_a_whole_phase_is_as_the_schema_wants_it(phase: str) -> None:
    body = {"rules": describe(SITE).rulesets[phase]}

    assert problem("put", f"{ZONE}/rulesets/phases/{{ruleset_phase}}/entrypoint", body) is None


@pytest.mark.parametrize(("phase", "rule"), RULES, ids=named)
def test_each_rule_is_as_the_schema_wants_it_and_compiles(phase: str, rule: dict[str, Any]) -> None:
    assert problem("post", f"{ZONE}/rulesets/{{ruleset_id}}/rules", rule) is None
    assert compile_filter(rule["expression"], phase)
    for part in [
        *rule["action_parameters"].get("headers", {}).values(),
        *rule["action_parameters"].get("uri", {}).values(),
    ]:
        assert "value" in part or part.get("operation") == "remove" or compile_value(part["expression"], phase)


@pytest.mark.parametrize(("phase", "rule"), RULES, ids=named)
def test_each_rule_is_for_the_image_host_alone(phase: str, rule: dict[str, Any]) -> None:
    assert rule["expression"].startswith('(http.host eq "i.example.com"')
    holds = compile_filter(rule["expression"], phase)
    answered = {"http.response.code": 200, "http.response.headers": {"x-bz-content-sha1": ["0" * 40]}}
    requests = [
        {"http.request.uri.path": path, "raw.http.request.uri.path": path, **answered}
        for path in ("/a.png", "/file/my-pictures/a.png")
    ]
    assert any(holds(one | {"http.host": "i.example.com"}) for one in requests)
    assert not any(holds(one | {"http.host": "www.example.com"}) for one in requests)


def test_the_schema_knows_what_is_wrong() -> None:
    path = f"{ZONE}/rulesets/phases/{{ruleset_phase}}/entrypoint"
    rule = describe(SITE).rulesets["http_request_cache_settings"][0]
    wrong = {**rule, "action_parameters": {**rule["action_parameters"], "edge_ttl": {"mode": "for_ever"}}}

    assert problem("put", path, {}) is not None
    assert problem("put", path, None) is not None
    assert problem("put", path, {"rules": [wrong]}) is not None
    assert problem("put", path, {"rules": [{**rule, "action": "rewrite_all"}]}) is not None


def test_the_dns_record_is_as_the_schema_wants_it() -> None:
    record = describe(SITE).dns

    assert problem("post", f"{ZONE}/dns_records", record) is None
    assert record == {
        "type": "CNAME", "name": "i.example.com", "content": "f004.backblazeb2.com", "proxied": True, "ttl": 1,
    }  # fmt: skip


def test_each_ref_is_one_of_a_kind_and_does_not_change() -> None:
    refs = [rule["ref"] for _, rule in RULES]

    assert sorted(refs) == [
        "bowerbird_cache", "bowerbird_etag_content", "bowerbird_etag_version", "bowerbird_headers", "bowerbird_path",
        "bowerbird_query", "bowerbird_ssl",
    ]  # fmt: skip
    other = describe(Site("pics.example.org", "others-pictures", "f001.backblazeb2.com"))
    assert [rule["ref"] for rules in other.rulesets.values() for rule in rules] == refs


def test_no_rule_changes_more_headers_than_cloudflare_takes() -> None:
    site = Site("i.example.com", "my-pictures", "f004.backblazeb2.com", file_info=tuple(f"n{at}" for at in range(50)))
    rules = describe(site).rulesets["http_response_headers_transform"]
    changed = [rule["action_parameters"]["headers"] for rule in rules if rule["ref"].startswith("bowerbird_headers")]

    assert [rule["ref"] for rule in rules[:3]] == ["bowerbird_headers", "bowerbird_headers_1", "bowerbird_headers_2"]
    assert all(len(headers) <= 30 for headers in changed)
    names = [name for headers in changed for name in headers]
    assert len(names) == len(set(names))
    assert {*B2_HEADERS, "x-bz-info-n0", "x-bz-info-n49", *map(str.lower, VIEWER_HEADERS)} == {
        name for name in names if not name.startswith("x-bz-info-n") or name in ("x-bz-info-n0", "x-bz-info-n49")
    }


@pytest.mark.parametrize(
    "changed",
    [
        {"image_host": 'i.example.com" or true or http.host eq "x'},
        {"image_host": "I.example.com"},
        {"image_host": "localhost"},
        {"image_host": "i.example.com:8081"},
        {"image_host": "i.example.com\n"},
        {"friendly_host": "https://f004.backblazeb2.com"},
        {"friendly_host": ""},
        {"bucket": "my-pictures/"},
        {"bucket": "b2-pictures"},
        {"bucket": "short"},
        {"bucket": 'my-pictures")'},
        {"bucket": "p" * 64},
        {"file_info": ("mtime: x",)},
        {"file_info": ("",)},
        {"file_info": ("n" * 51,)},
    ],
)
def test_a_name_that_could_break_out_is_refused(changed: dict[str, Any]) -> None:
    named = {"image_host": "i.example.com", "bucket": "my-pictures", "friendly_host": "f004.backblazeb2.com"} | changed

    with pytest.raises(ValueError, match="is not the name of"):
        Site(**named)


def test_a_private_site_has_no_rules_and_a_private_bucket() -> None:
    site = Site("i.example.com", "my-pictures", "f004.backblazeb2.com", is_private=True)

    edge = describe(site)
    assert edge == Edge(None, {}, {**describe(SITE).bucket, "bucketType": "allPrivate"})
    assert describe(SITE).bucket["bucketType"] == "allPublic"


def test_the_friendly_host_of_a_region() -> None:
    assert [friendly_host(region) for region in ("us-west-004", "eu-central-003")] == [
        "f004.backblazeb2.com",
        "f003.backblazeb2.com",
    ]
