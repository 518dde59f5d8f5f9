"""Cloudflare's API: rulesets, of which each phase of a zone has one as its entry point."""

from typing import Any

from .call import Call, Refused, Route
from .expressions import BadExpression, compile_filter, compile_value

# Each phase needs a permission of its own.
# Source: https://developers.cloudflare.com/fundamentals/api/reference/permissions/
_PERMISSIONS = {
    "http_request_transform": "Transform Rules",
    "http_response_headers_transform": "Transform Rules",
    "http_config_settings": "Config Rules",
    "http_request_cache_settings": "Cache Rules",
}
_ACTIONS = {
    "http_request_transform": "rewrite",
    "http_response_headers_transform": "rewrite",
    "http_config_settings": "set_config",
    "http_request_cache_settings": "set_cache_settings",
}
MAX_HEADERS = 30  # in one rule
MAX_RULES = 10  # in one phase on the Free plan
# Nobody but Cloudflare sets these.
# Source: https://developers.cloudflare.com/rules/transform/response-header-modification/
_FORBIDDEN = ("server", "eh-cache-tag", "eh-cdn-cache-control", "connection", "transfer-encoding", "content-length")
_RULE = ("id", "version", "last_updated", "ref", "description", "enabled", "expression", "action", "action_parameters")
_MORE = ("categories", "logging", "position", "ratelimit", "exposed_credential_check")
_ALL = "/zones/{zone_id}/rulesets"
_ENTRYPOINT = f"{_ALL}/phases/{{ruleset_phase}}/entrypoint"
_ONE = f"{_ALL}/{{ruleset_id}}"


def routes() -> list[Route]:
    return [
        Route("GET", _ALL, None, _list),
        Route("POST", _ALL, None, _create),
        Route("GET", _ENTRYPOINT, None, _get_entrypoint),
        Route("PUT", _ENTRYPOINT, None, _put_entrypoint),
        Route("GET", _ONE, None, lambda call: _ruleset(call, "Read")),
        Route("PUT", _ONE, None, _put),
        Route("DELETE", _ONE, None, _delete),
        Route("POST", f"{_ONE}/rules", None, _add_rule),
        Route("PATCH", f"{_ONE}/rules/{{rule_id}}", None, _change_rule),
        Route("DELETE", f"{_ONE}/rules/{{rule_id}}", None, _delete_rule),
    ]


def _check_permitted(call: Call, phase: str, level: str) -> None:
    permission = _PERMISSIONS.get(phase)
    if permission is None or not call.token.may(f"{permission} {level}"):
        raise Refused(403, 10000, "Authentication error")


def _list(call: Call) -> list[dict[str, Any]]:
    if not any(call.token.may(f"{permission} Read") for permission in _PERMISSIONS.values()):
        raise Refused(403, 10000, "Authentication error")
    return [{name: value for name, value in one.items() if name != "rules"} for one in call.zone.rulesets]


def _create(call: Call) -> dict[str, Any] | None:
    body, zone = call.body, call.zone
    _check_permitted(call, body["phase"], "Edit")
    if zone.entrypoint(body["phase"]):
        raise Refused(400, 20217, f"A similar configuration with rules already exists in phase {body['phase']}")
    return _store(call, body["phase"], body.get("rules", []), name=body["name"])


def _get_entrypoint(call: Call) -> dict[str, Any]:
    phase = call.ids["ruleset_phase"]
    _check_permitted(call, phase, "Read")
    found = call.zone.entrypoint(phase)
    if found is None:
        raise Refused(404, 10003, f'could not find entrypoint ruleset in the "{phase}" phase')
    return found


def _put_entrypoint(call: Call) -> dict[str, Any] | None:
    phase = call.ids["ruleset_phase"]
    _check_permitted(call, phase, "Edit")
    return _store(call, phase, call.body["rules"])


def _ruleset(call: Call, level: str) -> dict[str, Any]:
    found = next((one for one in call.zone.rulesets if one["id"] == call.ids["ruleset_id"]), None)
    if found is None:
        raise Refused(404, 10003, f"could not find ruleset {call.ids['ruleset_id']}")
    _check_permitted(call, found["phase"], level)
    return found


def _put(call: Call) -> dict[str, Any] | None:
    return _store(call, _ruleset(call, "Edit")["phase"], call.body["rules"])


def _delete(call: Call) -> None:
    call.zone.rulesets.remove(_ruleset(call, "Edit"))


def _add_rule(call: Call) -> dict[str, Any] | None:
    ruleset = _ruleset(call, "Edit")
    rules = list(ruleset["rules"])
    rules.insert(_place(rules, call.body.get("position", {})), call.body)
    return _store(call, ruleset["phase"], rules)


def _change_rule(call: Call) -> dict[str, Any] | None:
    ruleset = _ruleset(call, "Edit")
    old = _rule(call, ruleset)
    rules = [one for one in ruleset["rules"] if one is not old]
    position = call.body.get("position")
    at = _place(rules, position) if position else ruleset["rules"].index(old)
    # What the body does not name goes back to its default: a PATCH takes a whole rule, or its new place alone.
    rules.insert(at, old if set(call.body) == {"position"} else {**call.body, "id": old["id"]})
    return _store(call, ruleset["phase"], rules)


def _delete_rule(call: Call) -> dict[str, Any] | None:
    ruleset = _ruleset(call, "Edit")
    old = _rule(call, ruleset)
    return _store(call, ruleset["phase"], [one for one in ruleset["rules"] if one is not old])


def _rule(call: Call, ruleset: dict[str, Any]) -> dict[str, Any]:
    found = next((one for one in ruleset["rules"] if one["id"] == call.ids["rule_id"]), None)
    if found is None:
        raise Refused(404, 10003, f"could not find rule {call.ids['rule_id']}")
    return found


def _place(rules: list[dict[str, Any]], position: dict[str, Any]) -> int:
    ids = [rule.get("id") for rule in rules]
    if "index" in position:
        return int(position["index"]) - 1
    if position.get("before") in ids:
        return ids.index(position["before"])
    if "before" in position:
        return 0
    return ids.index(position["after"]) + 1 if position.get("after") in ids else len(rules)


def _store(call: Call, phase: str, rules: list[dict[str, Any]], name: str = "default") -> dict[str, Any] | None:
    """Keep `rules` as all the rules of a phase. Raises Refused, and changes nothing, if one is not fit for it.

    A call with dry_run=true changes nothing either way, and answers null.
    """
    if len(rules) > MAX_RULES:
        raise Refused(400, 20113, f"exceeded maximum number of rules in the phase {phase}: {len(rules)} > {MAX_RULES}")
    refs = [rule["ref"] for rule in rules if "ref" in rule]
    if len(refs) != len(set(refs)):
        raise Refused(400, 20014, "the ref of a rule must be unique in its ruleset")
    for rule in rules:
        _check(rule, phase)
    return None if call.query.get("dry_run") == "true" else call.zone.put_ruleset(phase, rules, name=name)


def _check(rule: dict[str, Any], phase: str) -> None:
    unknown = sorted(set(rule) - {*_RULE, *_MORE})
    if unknown:
        raise Refused(400, 10014, f'invalid JSON: unknown field "{unknown[0]}"')
    if rule.get("action") != _ACTIONS[phase]:
        raise Refused(400, 20016, f"action {rule.get('action')!r} is not allowed in the phase {phase}")
    parameters = rule.get("action_parameters", {})
    headers = parameters.get("headers", {})
    if len(headers) > MAX_HEADERS:
        raise Refused(400, 20030, f"a rule changes {MAX_HEADERS} headers at most")
    for name, change in headers.items():
        if name.lower() in _FORBIDDEN or name.lower().startswith(("cf-", "x-cf-")):
            word = change["operation"]
            message = f"'{word}' is not a valid value for operation because it cannot be used on header '{name}'"
            raise Refused(400, 20087, message)
    parts = [*headers.values(), *parameters.get("uri", {}).values()]
    try:
        compile_filter(rule.get("expression", ""), phase)
        for part in parts:
            if "expression" in part:
                compile_value(part["expression"], phase)
    except BadExpression as e:
        raise Refused(400, 20127, str(e)) from e
