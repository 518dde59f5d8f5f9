"""Cloudflare's API: tokens, accounts, zones, DNS records, settings, and the purge of what the edge keeps."""

from math import ceil
from typing import Any

from .call import Call, Listed, Refused, Route
from .schema import allowed
from .zone import Zone, new_id

# Cloudflare's pages say 30 in one place and 100 in another; who keeps to 30 is right either way.
# Source: https://developers.cloudflare.com/cache/how-to/purge-cache/purge_by_prefix/
MAX_PURGED = 30
BUCKET, REFILL_PER_S = 25, 5 / 60  # of the Free plan: https://developers.cloudflare.com/cache/how-to/purge-cache/
_ADDRESSES = ("A", "AAAA", "CNAME")
_ZONE = "/zones/{zone_id}"
_RECORD = f"{_ZONE}/dns_records/{{dns_record_id}}"


def routes() -> list[Route]:
    return [
        Route("GET", "/user/tokens/verify", None, _verify),
        Route("GET", "/accounts", "Account Settings Read", lambda call: Listed([_account(call)])),
        Route("GET", "/zones", "Zone Read", _zones),
        Route("GET", _ZONE, "Zone Read", lambda call: _shown(call.zone, call)),
        Route("GET", f"{_ZONE}/dns_records", "DNS Read", _records),
        Route("POST", f"{_ZONE}/dns_records", "DNS Edit", _add_record),
        Route("GET", _RECORD, "DNS Read", _record),
        Route("PUT", _RECORD, "DNS Edit", _change_record),
        Route("PATCH", _RECORD, "DNS Edit", _change_record),
        Route("DELETE", _RECORD, "DNS Edit", _delete_record),
        Route("GET", f"{_ZONE}/settings/{{setting_id}}", "Zone Settings Read", _setting),
        Route("PATCH", f"{_ZONE}/settings/{{setting_id}}", "Zone Settings Edit", _change_setting),
        Route("POST", f"{_ZONE}/purge_cache", "Cache Purge", _purge),
    ]


def _verify(call: Call) -> dict[str, Any]:
    return {"id": call.token.id, "status": call.token.status}


def _account(call: Call) -> dict[str, Any]:
    return {"id": call.account.id, "name": call.account.name, "type": "standard", "settings": {}}


def _shown(zone: Zone, call: Call) -> dict[str, Any]:
    return {
        "id": zone.id,
        "name": zone.name,
        "status": zone.status,
        "paused": False,
        "type": "full",
        "plan": {"id": zone.plan, "name": "Free Website", "legacy_id": zone.plan},
        "account": {"id": call.account.id, "name": call.account.name},
        "permissions": sorted(call.token.permissions),
    }


def _zones(call: Call) -> Listed:
    name = call.query.get("name")
    found = [_shown(zone, call) for zone in call.account.zones if name in (None, zone.name)]
    return Listed(found)


def _records(call: Call) -> Listed:
    """Return the records; filters are name, name.exact, type and content."""
    query = call.query
    wanted = {"name": query.get("name.exact") or query.get("name"), "type": query.get("type")}
    wanted["content"] = query.get("content.exact") or query.get("content")
    return Listed(
        [one for one in call.zone.records if all(value in (None, one[field]) for field, value in wanted.items())]
    )


def _record(call: Call) -> dict[str, Any]:
    found = next((one for one in call.zone.records if one["id"] == call.ids["dns_record_id"]), None)
    if found is None:
        raise Refused(404, 81044, "Record does not exist.")
    return found


def _add_record(call: Call) -> dict[str, Any]:
    made = {"id": new_id(), "created_on": call.zone.now(), **_checked(call, call.body, None)}
    call.zone.records.append(made)
    return made


def _change_record(call: Call) -> dict[str, Any]:
    old = _record(call)
    kept = old if call.method == "PATCH" else {"id": old["id"], "created_on": old["created_on"]}
    made = _checked(call, {**kept, **call.body}, old)
    old.clear()
    old.update(made)
    return old


def _delete_record(call: Call) -> dict[str, Any]:
    call.zone.records.remove(_record(call))
    return {"id": call.ids["dns_record_id"]}


def _checked(call: Call, given: dict[str, Any], old: dict[str, Any] | None) -> dict[str, Any]:
    """Return a record as it is kept. Raises Refused where another one stands in its way."""
    zone = call.zone
    name = given["name"].rstrip(".").lower()
    if name == "@":
        name = zone.name
    if name != zone.name and not name.endswith(f".{zone.name}"):
        name = f"{name}.{zone.name}"
    others = [one for one in zone.records if one is not old and one["name"] == name]
    for one in others:
        if (one["type"], one["content"]) == (given["type"], given.get("content")):
            raise Refused(400, 81058, "An identical record already exists.")
        if "CNAME" in (one["type"], given["type"]) and one["type"] in _ADDRESSES:
            raise Refused(400, 81053, "An A, AAAA, or CNAME record with that host already exists.")
    if given.get("proxied") and given.get("ttl", 1) != 1:
        raise Refused(400, 9004, "ttl must be 1 for a proxied record")
    defaults = {"proxied": False, "ttl": 1, "comment": None, "tags": [], "settings": {}, "meta": {}}
    own = {"name": name, "modified_on": zone.now(), "proxiable": given["type"] in _ADDRESSES}
    return {**defaults, **given, **own}


def _setting(call: Call) -> dict[str, Any]:
    name = call.ids["setting_id"]
    if name not in call.zone.settings:
        raise Refused(400, 1003, "Undefined zone setting")
    return {"id": name, "value": call.zone.settings[name], "editable": True, "modified_on": None}


def _change_setting(call: Call) -> dict[str, Any]:
    name, value = _setting(call)["id"], call.body["value"]
    if not allowed(f"zones_{name}_value", value):
        raise Refused(400, 1007, f"Invalid value for zone setting {name}")
    call.zone.settings[name] = value
    return _setting(call)


def _purge(call: Call) -> dict[str, Any]:
    zone, body = call.zone, call.body or {}
    if len(body) != 1 or next(iter(body)) not in ("files", "prefixes", "hosts", "tags", "purge_everything"):
        message = 'Request must contain one of "purge_everything", "files", "tags", "hosts" or "prefixes"'
        raise Refused(400, 1012, message)
    ((kind, what),) = body.items()
    if kind != "purge_everything" and not 1 <= len(what) <= MAX_PURGED:
        raise Refused(400, 1094, f"Unable to purge: {len(what)} {kind}, the limit is {MAX_PURGED} per API call")
    if kind != "files":
        _spend(zone)
    meant = [_meant(zone, kind, one) for one in what] if kind in ("files", "prefixes", "hosts") else [("", "")]
    for name, origin in meant:
        zone.purge(kind, name, origin)
    return {"id": zone.id}


def _meant(zone: Zone, kind: str, one: Any) -> tuple[str, str]:
    """Return what one entry of a purge names, by the host that the zone keeps it under, and the Origin."""
    url, headers = (one, {}) if isinstance(one, str) else (one.get("url", ""), one.get("headers") or {})
    scheme, separator, rest = url.partition("://") if kind == "files" else ("", "", url)
    if kind == "prefixes" and ("://" in url or "?" in url or "#" in url):
        raise Refused(400, 1116, f"Unable to purge {url}: a prefix is HOST/PATH, without a scheme or a query")
    host, slash, path = rest.partition("/")
    origin = next((value for name, value in headers.items() if name.lower() == "origin"), "")
    return f"{scheme}{separator}{_own(zone, host, url)}{slash}{path}", origin


def _own(zone: Zone, host: str, whole: str) -> str:
    """Return the host under which the zone keeps what is to be purged. Raises Refused for a host of others."""
    name = zone.host_of(host)
    if name != zone.name and not name.endswith(f".{zone.name}"):
        raise Refused(400, 1107, f"Unable to purge {whole}, which is no URL of the zone {zone.name}")
    return name


def _spend(zone: Zone) -> None:
    """Take one purge out of the bucket. Raises Refused with the seconds until the next one may come."""
    now = zone.clock()
    left = min(BUCKET, zone.purges_left + (now - zone.purges_at) * REFILL_PER_S)
    zone.purges_left, zone.purges_at = left, now
    if left < 1:
        wait_s = ceil(round((1 - left) / REFILL_PER_S, 6))
        message = "Unable to purge, rate limit reached. Please wait if you need to perform more operations."
        raise Refused(429, 1134, message, Retry_After=str(wait_s))
    zone.purges_left = left - 1
