"""The rules of a zone at work on one request: what is known of it, and what each phase makes of that.

Within a phase every rule sees the values that the phase began with; where two set the same, the later one counts.
Source: https://developers.cloudflare.com/ruleset-engine/about/phases/
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from .cache import Answer, Headers
from .expressions import Facts, compile_filter, compile_value
from .zone import Zone

REWRITE, CONFIG, CACHE = "http_request_transform", "http_config_settings", "http_request_cache_settings"
RESPONSE = "http_response_headers_transform"
_UNRESERVED = re.compile(r"%(2[DE]|3\d|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])")


@dataclass(frozen=True)
class Seen:
    """A request as the rules see it. `path` and `query` are None until a rule rewrites them."""

    method: str
    scheme: str
    host: str
    raw_path: str
    raw_query: str
    headers: Headers
    path: str | None = None
    query: str | None = None

    @property
    def clean_path(self) -> str:
        return normalized(self.raw_path)

    @property
    def target(self) -> str:
        """What the origin is asked for: what no rule has rewritten goes there as the viewer wrote it.

        Source: https://developers.cloudflare.com/rules/normalization/settings/ ("URLs to origin" is off by default)
        """
        path = self.raw_path if self.path is None else self.path
        query = self.raw_query if self.query is None else self.query
        return f"{path}?{query}" if query else path

    def facts(self) -> dict[str, Any]:
        path = self.clean_path if self.path is None else self.path
        query = self.raw_query if self.query is None else self.query
        uri, raw = (
            one[0] + (f"?{one[1]}" if one[1] else "") for one in ((path, query), (self.raw_path, self.raw_query))
        )
        headers = _map(self.headers)
        first = {name: headers.get(name, [""])[0] for name in ("user-agent", "referer", "cookie")}
        return {
            "http.host": self.host,
            "http.request.method": self.method,
            "http.request.uri": uri,
            "http.request.full_uri": f"{self.scheme}://{self.host}{uri}",
            "http.request.uri.path": path,
            "http.request.uri.path.extension": _extension(path),
            "http.request.uri.query": query,
            "http.user_agent": first["user-agent"],
            "http.referer": first["referer"],
            "http.cookie": first["cookie"],
            "raw.http.request.uri": raw,
            "raw.http.request.full_uri": f"{self.scheme}://{self.host}{raw}",
            "raw.http.request.uri.path": self.raw_path,
            "raw.http.request.uri.query": self.raw_query,
            "ssl": self.scheme == "https",
            "http.request.headers": headers,
            "http.request.headers.names": [name.lower() for name, _ in self.headers],
            "http.request.headers.values": [value for _, value in self.headers],
        }


def rewritten(zone: Zone, seen: Seen) -> Seen:
    """Return the request with the path and query that the rewrite rules give it."""
    facts, changes = seen.facts(), {}
    for parameters in _matching(zone, REWRITE, facts):
        for part, how in parameters.get("uri", {}).items():
            value = _value(how, REWRITE, facts)
            if value is not None:
                changes[part] = quote(value, safe="/%:@!$&'()*+,;=~?") if part == "path" else value
    return replace(seen, **changes)


def settings(zone: Zone, phase: str, seen: Seen) -> dict[str, Any]:
    """Return what the rules of a phase of settings add up to for this request."""
    merged: dict[str, Any] = {}
    for parameters in _matching(zone, phase, seen.facts()):
        merged |= parameters
    return merged


def shown(zone: Zone, seen: Seen, answer: Answer) -> Headers:
    """Return the headers of an answer after the rules for response headers."""
    facts = seen.facts() | {
        "http.response.code": answer.status,
        "http.response.headers": _map(answer.headers),
        "http.response.headers.names": [name.lower() for name, _ in answer.headers],
        "http.response.headers.values": [value for _, value in answer.headers],
    }
    headers = list(answer.headers)
    for parameters in _matching(zone, RESPONSE, facts):
        for name, how in parameters.get("headers", {}).items():
            if how["operation"] != "add":
                headers = [one for one in headers if one[0].lower() != name.lower()]
            value = _value(how, RESPONSE, facts) if how["operation"] != "remove" else None
            if value:  # an empty one, or one with a part that is not there, leaves the header off
                headers.append((name, value))
    return headers


def normalized(path: str) -> str:
    r"""Return a path as Cloudflare's own normalization makes it, which is on for incoming URLs by default.

    Source: https://developers.cloudflare.com/rules/normalization/how-it-works/

    >>> normalized("/%68ello//pa\\th"), normalized("/a/%2e%2e/b/./c"), normalized("/..%2fother")
    ('/hello/pa/th', '/b/c', '/..%2Fother')
    """
    path = re.sub(r"/+", "/", path.replace("\\", "/"))
    path = re.sub("%[0-9a-fA-F]{2}", lambda one: one[0].upper(), path)
    path = _UNRESERVED.sub(lambda one: chr(int(one[1], 16)), path)
    kept: list[str] = []
    parts = path.removeprefix("/").split("/")
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        if part == "..":
            kept = kept[:-1]
        elif part != ".":
            kept.append(part)
        if part in (".", "..") and is_last:
            kept.append("")
    return "/" + quote("/".join(kept), safe="/%:@!$&'()*+,;=~?#[]")


def _matching(zone: Zone, phase: str, facts: Facts) -> Iterator[dict[str, Any]]:
    for rule in zone.rules(phase):
        if compile_filter(rule["expression"], phase)(facts):
            yield rule.get("action_parameters", {})


def _value(how: dict[str, str], phase: str, facts: Facts) -> str | None:
    return how["value"] if "value" in how else compile_value(how["expression"], phase)(facts)


def _map(headers: Headers) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    return found


def _extension(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""
