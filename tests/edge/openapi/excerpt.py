"""`python -m tests.edge.openapi.excerpt OPENAPI.json`: write cloudflare.json, the part of Cloudflare's schema in use.

What is kept: the request bodies of OPERATIONS and every schema they refer to, without prose and examples.
"""

import json
import sys
from pathlib import Path
from typing import Any

EXCERPT = Path(__file__).parent / "cloudflare.json"
_ZONE, _ACCOUNT = "/zones/{zone_id}", "/accounts/{account_id}"
_RULESET = f"{_ZONE}/rulesets/{{ruleset_id}}"
_SCRIPT = f"{_ACCOUNT}/workers/scripts/{{script_name}}"
OPERATIONS = [
    ("post", f"{_ZONE}/dns_records"),
    ("put", f"{_ZONE}/dns_records/{{dns_record_id}}"),
    ("patch", f"{_ZONE}/dns_records/{{dns_record_id}}"),
    ("patch", f"{_ZONE}/settings/{{setting_id}}"),
    ("post", f"{_ZONE}/purge_cache"),
    ("post", f"{_ZONE}/rulesets"),
    ("put", f"{_ZONE}/rulesets/phases/{{ruleset_phase}}/entrypoint"),
    ("put", _RULESET),
    ("post", f"{_RULESET}/rules"),
    ("patch", f"{_RULESET}/rules/{{rule_id}}"),
    ("post", f"{_ZONE}/workers/routes"),
    ("put", f"{_ZONE}/workers/routes/{{route_id}}"),
    ("put", f"{_ACCOUNT}/workers/domains"),
    ("put", _SCRIPT),
]
SETTINGS = ("ssl", "development_mode", "always_use_https", "browser_cache_ttl")
_PROSE = {"description", "example", "examples", "title", "deprecated", "externalDocs", "default"}


def main(source: Path) -> None:
    whole = json.loads(source.read_text())
    paths: dict[str, Any] = {}
    for method, path in OPERATIONS:
        body = _resolved(whole, whole["paths"][path][method]["requestBody"])
        content = body["content"].get("multipart/form-data") or body["content"]["application/json"]
        paths.setdefault(path, {})[method] = content["schema"]
    # A change of a setting is its new value alone; the snapshot asks for the whole setting, whichever it is.
    value = {"anyOf": [{"$ref": f"#/components/schemas/zones_{name}_value"} for name in SETTINGS]}
    change = {"type": "object", "properties": {"value": value}, "required": ["value"], "additionalProperties": False}
    paths[f"{_ZONE}/settings/{{setting_id}}"]["patch"] = change
    schemas: dict[str, Any] = {}
    _collect(whole, paths, schemas)
    _correct(paths, schemas)
    excerpt = _plain({"paths": paths, "components": {"schemas": schemas}})
    EXCERPT.write_text(json.dumps(excerpt, indent=1, sort_keys=True) + "\n")


def _correct(paths: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Bring the snapshot to what Cloudflare takes today: the types of its Python package 5.9 are made from the schema
    of this year, and its Terraform provider's acceptance tests run against the service itself."""
    # The provider's own test takes the query off with "value": ""; today's types set no least length.
    for part in schemas["rulesets_RewriteUriPart"]["oneOf"]:
        part["properties"].get("value", {}).pop("minLength", None)
    # The snapshot's own actions, such as set_config, have what its pattern for actions leaves out.
    schemas["rulesets_RuleAction"]["pattern"] = "^[a-z_]+$"
    # `action` tells the kinds of rules apart; a change of a rule's place alone names none.
    kinds = schemas["rulesets_RequestRule"]
    kinds["anyOf"] = kinds.pop("oneOf")
    # Today only `mode` is required of an edge TTL, and a range of status codes may be open on one side.
    parameters = schemas["rulesets_SetCacheSettingsRule"]["allOf"][1]["properties"]["action_parameters"]["properties"]
    edge_ttl = parameters["edge_ttl"]
    edge_ttl["required"] = ["mode"]
    status_code = edge_ttl["properties"]["status_code_ttl"]["items"]["properties"]
    status_code["status_code_range"].pop("required")
    status_code["status_code"] = status_code.pop("status_code_value")
    # A browser TTL may be a plain bypass.
    parameters["browser_ttl"]["properties"]["mode"]["enum"].append("bypass")
    # Today a header may be added too.
    headers = schemas["rulesets_RewriteRule"]["allOf"][1]["properties"]["action_parameters"]["properties"]["headers"]
    for one in headers["additionalProperties"]["oneOf"][1:]:
        one["properties"]["operation"]["enum"].append("add")
    # Nor does it tell the three ways to give a position apart.
    for method, path in (("post", f"{_RULESET}/rules"), ("patch", f"{_RULESET}/rules/{{rule_id}}")):
        for way in paths[path][method]["allOf"][1]["properties"]["position"]["oneOf"]:
            way["allOf"][1]["required"] = list(way["allOf"][1]["properties"])
    # As the snapshot has it, each kind of purge takes a body of any other kind, and so anything.
    for name, schema in schemas.items():
        if name.startswith("cache-purge_"):
            schema["required"] = list(schema["properties"])
    # The other form of an upload, a rollback, has a schema that everything fits.
    paths[_SCRIPT]["put"] = paths[_SCRIPT]["put"]["oneOf"][0]
    # A custom domain needs no environment any more.
    domain = paths[f"{_ACCOUNT}/workers/domains"]["put"]
    domain["required"] = ["hostname", "service"]
    domain["properties"]["zone_name"] = {"type": "string"}
    # These two came after the snapshot.
    text = {"type": "string"}
    secret = {"name": text, "text": text, "type": {"type": "string", "enum": ["secret_text"]}}
    enabled = {"enabled": {"type": "boolean"}, "previews_enabled": {"type": "boolean"}}
    paths[f"{_SCRIPT}/secrets"] = {"put": {"type": "object", "properties": secret, "required": list(secret)}}
    paths[f"{_SCRIPT}/subdomain"] = {"post": {"type": "object", "properties": enabled, "required": ["enabled"]}}


def _resolved(whole: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    found: Any = whole
    for name in node["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def _collect(whole: dict[str, Any], node: Any, schemas: dict[str, Any]) -> None:
    """Put into `schemas` every schema that `node` refers to, and those that they refer to."""
    for one in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        _collect(whole, one, schemas)
    reference = node.get("$ref") if isinstance(node, dict) else None
    if isinstance(reference, str) and (name := reference.rpartition("/")[2]) not in schemas:
        schemas[name] = _resolved(whole, node)
        _collect(whole, schemas[name], schemas)


def _plain(node: Any, *, are_names: bool = False) -> Any:
    """Return `node` without prose; under `properties` and the like the keys are names, not keywords."""
    if isinstance(node, list):
        return [_plain(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        name: _plain(value, are_names=not are_names and name in ("properties", "schemas", "paths"))
        for name, value in node.items()
        if are_names or (name not in _PROSE and not name.startswith("x-"))
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
