"""Request bodies, checked against the excerpt of Cloudflare's published OpenAPI schema."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft4Validator  # what OpenAPI 3.0 is made of
from jsonschema.exceptions import best_match

from .openapi.excerpt import EXCERPT


def problem(method: str, path: str, body: Any) -> str | None:
    """Return what is wrong with a body; None if nothing is, or if the excerpt has no schema for the operation.

    `method` is in small letters, `path` is a template of the schema: /zones/{zone_id}/purge_cache.
    """
    validator = _validator(method, path)
    error = validator and best_match(validator.iter_errors(body))
    return f"{'/'.join(map(str, error.absolute_path)) or 'body'}: {error.message[:300]}" if error else None


def allowed(name: str, body: Any) -> bool:
    """Return whether the schema of this name takes `body`; also if there is none."""
    document = _document()
    if name not in document["components"]["schemas"]:
        return True
    return Draft4Validator({"allOf": [{"$ref": f"#/components/schemas/{name}"}], **document}).is_valid(body)


@cache
def _validator(method: str, path: str) -> Draft4Validator | None:
    document = _document()
    schema = document["paths"].get(path, {}).get(method)
    return Draft4Validator({"allOf": [schema], **document}) if schema else None


@cache
def _document() -> dict[str, Any]:
    document = json.loads(EXCERPT.read_text())
    schemas = document["components"]["schemas"]
    unsendable = {name for schema in schemas.values() for name in _read_only(schema, schemas)}
    return _for_requests(document, unsendable)


def _read_only(schema: Any, schemas: dict[str, Any]) -> set[str]:
    """Return the names of the properties that only Cloudflare sets: no request has to name them."""
    if isinstance(schema, list):
        return set().union(*(_read_only(one, schemas) for one in schema))
    if not isinstance(schema, dict):
        return set()
    found = {name for name, one in (schema.get("properties") or {}).items() if _is_read_only(one, schemas)}
    return found.union(*(_read_only(one, schemas) for one in schema.values()))


def _is_read_only(schema: Any, schemas: dict[str, Any]) -> bool:
    if not isinstance(schema, dict):
        return False
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return bool(schema.get("readOnly")) or any(
        _is_read_only(one, schemas) for one in [*schema.get("allOf", []), *([schemas[name]] if name else [])]
    )


def _for_requests(node: Any, unsendable: set[str]) -> Any:
    if isinstance(node, list):
        return [_for_requests(one, unsendable) for one in node]
    if not isinstance(node, dict):
        return node
    made = {name: _for_requests(value, unsendable) for name, value in node.items()}
    if isinstance(made.get("required"), list):
        made["required"] = [name for name in made["required"] if name not in unsendable]
        if not made["required"]:
            del made["required"]
    if made.pop("nullable", False) is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made
