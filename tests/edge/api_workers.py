"""Cloudflare's API: Workers, their settings and secrets, their custom domains and routes."""

import json
from typing import Any

from .call import Call, Raw, Refused, Route
from .zone import new_id

_SCRIPTS = "/accounts/{account_id}/workers/scripts"
_SCRIPT = f"{_SCRIPTS}/{{script_name}}"
_DOMAINS = "/accounts/{account_id}/workers/domains"
_ROUTES = "/zones/{zone_id}/workers/routes"
_READ, _EDIT = "Workers Scripts Read", "Workers Scripts Edit"


def routes() -> list[Route]:
    return [
        Route("GET", _SCRIPTS, _READ, lambda call: [_about(name, one) for name, one in call.account.scripts.items()]),
        Route("PUT", _SCRIPT, _EDIT, _upload),
        Route("GET", _SCRIPT, _READ, lambda call: _main(_script(call))),
        Route("DELETE", _SCRIPT, _EDIT, _delete),
        Route("GET", f"{_SCRIPT}/settings", _READ, _settings),
        Route("GET", f"{_SCRIPT}/secrets", _READ, lambda call: [_secret(name) for name in _script(call)["secrets"]]),
        Route("PUT", f"{_SCRIPT}/secrets", _EDIT, _put_secret),
        Route("DELETE", f"{_SCRIPT}/secrets/{{secret_name}}", _EDIT, _delete_secret),
        Route("GET", f"{_SCRIPT}/subdomain", _READ, lambda call: _script(call)["subdomain"]),
        Route("POST", f"{_SCRIPT}/subdomain", _EDIT, _put_subdomain),
        Route("GET", "/accounts/{account_id}/workers/subdomain", _READ, _subdomain),
        Route("GET", _DOMAINS, _READ, _domains),
        Route("PUT", _DOMAINS, _EDIT, _put_domain),
        Route("GET", f"{_DOMAINS}/{{domain_id}}", _READ, _domain),
        Route("DELETE", f"{_DOMAINS}/{{domain_id}}", _EDIT, _delete_domain),
        Route("GET", _ROUTES, "Workers Routes Read", lambda call: call.zone.routes),
        Route("POST", _ROUTES, "Workers Routes Edit", _add_route),
        Route("PUT", f"{_ROUTES}/{{route_id}}", "Workers Routes Edit", _change_route),
        Route("DELETE", f"{_ROUTES}/{{route_id}}", "Workers Routes Edit", _delete_route),
    ]


def _script(call: Call) -> dict[str, Any]:
    found = call.account.scripts.get(call.ids["script_name"])
    if found is None:
        raise Refused(404, 10007, "This Worker does not exist on your account.")
    return found


def _upload(call: Call) -> dict[str, Any]:
    """Take a Worker of modules; `metadata.main_module` names the one that answers. Secrets stay where asked to."""
    if not isinstance(call.body, list):
        raise Refused(400, 10021, "a Worker of modules comes as multipart/form-data")
    metadata = json.loads(next(part["content"] for part in call.body if part["name"] == "metadata"))
    modules = {part["filename"] or part["name"]: part for part in call.body if part["name"] != "metadata"}
    if metadata.get("main_module") not in modules:
        raise Refused(400, 10021, f"No such module {metadata.get('main_module')!r}: the main module is missing")
    for name, part in modules.items():
        if not part["content_type"].endswith("javascript+module"):
            raise Refused(400, 10021, f"{name} is sent as {part['content_type']}, which is no module")
    old = call.account.scripts.get(call.ids["script_name"], {"secrets": {}, "subdomain": _off(), "bindings": []})
    bindings, kept = metadata.get("bindings", []), metadata.get("keep_bindings", [])
    secrets = dict(old["secrets"]) if "secret_text" in kept else {}
    secrets |= {one["name"]: one["text"] for one in bindings if one["type"] == "secret_text"}
    inherited = [one for one in old["bindings"] if one["type"] in kept]
    plain = [one for one in bindings if one["type"] != "secret_text"]
    names = {one["name"] for one in plain}
    made = {
        "modules": {name: part["content"].decode() for name, part in modules.items()},
        "metadata": metadata,
        "bindings": [*plain, *(one for one in inherited if one["name"] not in names)],
        "secrets": secrets,
        "subdomain": old["subdomain"],
    }
    call.account.scripts[call.ids["script_name"]] = made
    return _about(call.ids["script_name"], made)


def _off() -> dict[str, bool]:
    return {"enabled": False, "previews_enabled": False}


def _about(name: str, script: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": name,
        "handlers": ["fetch"],
        "compatibility_date": script["metadata"].get("compatibility_date"),
        "compatibility_flags": script["metadata"].get("compatibility_flags", []),
        "usage_model": "standard",
        "has_modules": True,
    }


def _main(script: dict[str, Any]) -> Raw:
    return Raw(script["modules"][script["metadata"]["main_module"]].encode(), "application/javascript+module")


def _delete(call: Call) -> None:
    _script(call)
    name = call.ids["script_name"]
    if any(one["service"] == name for one in call.account.domains) and call.query.get("force") != "true":
        raise Refused(400, 10064, f"{name} has a custom domain: remove it first, or delete by force")
    del call.account.scripts[name]


def _settings(call: Call) -> dict[str, Any]:
    script = _script(call)
    secrets = [{"type": "secret_text", "name": name} for name in script["secrets"]]
    return {
        "bindings": [*script["bindings"], *secrets],
        "compatibility_date": script["metadata"].get("compatibility_date"),
        "compatibility_flags": script["metadata"].get("compatibility_flags", []),
        "usage_model": "standard",
    }


def _secret(name: str) -> dict[str, str]:
    return {"name": name, "type": "secret_text"}


def _put_secret(call: Call) -> dict[str, str]:
    _script(call)["secrets"][call.body["name"]] = call.body["text"]
    return _secret(call.body["name"])


def _delete_secret(call: Call) -> None:
    if _script(call)["secrets"].pop(call.ids["secret_name"], None) is None:
        raise Refused(404, 10056, f"Binding {call.ids['secret_name']} not found")


def _put_subdomain(call: Call) -> dict[str, Any]:
    script = _script(call)
    script["subdomain"] = {"previews_enabled": call.body["enabled"], **call.body}
    return script["subdomain"]


def _subdomain(call: Call) -> dict[str, Any]:
    if call.account.subdomain is None:
        raise Refused(404, 10007, "There is no workers.dev subdomain for your account.")
    return {"subdomain": call.account.subdomain}


def _domains(call: Call) -> list[dict[str, Any]]:
    wanted = {name: call.query.get(name) for name in ("hostname", "service", "zone_id", "zone_name")}
    return [one for one in call.account.domains if all(value in (None, one[name]) for name, value in wanted.items())]


def _put_domain(call: Call) -> dict[str, Any]:
    """Point a host to a Worker. Cloudflare makes the DNS record itself, and stops at one that is there already."""
    body, account = call.body, call.account
    zone = next(
        (one for one in account.zones if body.get("zone_id") in (None, one.id) and body["hostname"].endswith(one.name)),
        None,
    )
    if zone is None:
        raise Refused(400, 100114, f"no zone of this account has the host {body['hostname']}")
    if body["service"] not in account.scripts:
        raise Refused(404, 10007, "This Worker does not exist on your account.")
    old = next((one for one in account.domains if one["hostname"] == body["hostname"]), None)
    if old is None and zone.record(body["hostname"]):
        message = f"Hostname '{body['hostname']}' already has externally managed DNS records (A, CNAME, etc)."
        raise Refused(
            409, 100117, f"{message} Either delete them, try a different hostname, or use the option to override."
        )
    made = old or {"id": new_id(), "hostname": body["hostname"], "environment": "production"}
    made |= {"service": body["service"], "zone_id": zone.id, "zone_name": zone.name}
    if old is None:
        account.domains.append(made)
    return made


def _domain(call: Call) -> dict[str, Any]:
    found = next((one for one in call.account.domains if one["id"] == call.ids["domain_id"]), None)
    if found is None:
        raise Refused(404, 100104, "domain not found")
    return found


def _delete_domain(call: Call) -> None:
    call.account.domains.remove(_domain(call))


def _route(call: Call) -> dict[str, Any]:
    found = next((one for one in call.zone.routes if one["id"] == call.ids["route_id"]), None)
    if found is None:
        raise Refused(404, 10021, "workers.api.error.route_not_found")
    return found


def _add_route(call: Call) -> dict[str, Any]:
    if any(one["pattern"] == call.body["pattern"] for one in call.zone.routes):
        raise Refused(409, 10020, "workers.api.error.duplicate_route")
    made = {"id": new_id(), "script": None, **call.body}
    call.zone.routes.append(made)
    return made


def _change_route(call: Call) -> dict[str, Any]:
    found = _route(call)
    found.update(call.body)
    return found


def _delete_route(call: Call) -> dict[str, Any]:
    call.zone.routes.remove(_route(call))
    return {"id": call.ids["route_id"]}
