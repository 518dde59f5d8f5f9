"""The fields and functions of Cloudflare's rules language that a zone on the Free plan may use.

Sources: https://developers.cloudflare.com/ruleset-engine/rules-language/fields/reference/,
https://developers.cloudflare.com/ruleset-engine/rules-language/functions/
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

RESPONSE_PHASES = ("http_response_headers_transform", "http_response_compression", "http_log_custom_fields")
PLANNED = ("matches", "regex_replace")  # from the Business plan on
_STRINGS = (
    "http.host",
    "http.request.method",
    "http.request.full_uri",
    "http.request.uri",
    "http.request.uri.path",
    "http.request.uri.path.extension",
    "http.request.uri.query",
    "http.user_agent",
    "http.referer",
    "http.cookie",
    "raw.http.request.full_uri",
    "raw.http.request.uri",
    "raw.http.request.uri.path",
    "raw.http.request.uri.query",
)
FIELDS = {
    **dict.fromkeys(_STRINGS, "string"),
    "ssl": "boolean",
    "http.request.headers": "map",
    "http.request.headers.names": "array",
    "http.request.headers.values": "array",
    "http.response.code": "integer",
    "http.response.headers": "map",
    "http.response.headers.names": "array",
    "http.response.headers.values": "array",
}


@dataclass(frozen=True)
class Function:
    """What a function gives back, which kinds it takes, and what it does; it is not called where a value is missing."""

    kind: str
    does: Callable[..., Any]
    takes: Callable[[Sequence[str]], bool]


def _kinds(*wanted: str, more: Sequence[str] = ()) -> Callable[[Sequence[str]], bool]:
    """Return the check for exactly `wanted`, and after them any of `more`, each at most once."""
    return lambda given: [*given] in [[*wanted, *more[:count]] for count in range(len(more) + 1)]


def _substring(text: str, start: int, end: int | None = None) -> str:
    return text.encode()[start:end].decode("utf-8", "replace")


def wildcard(source: str, pattern: str, *, is_strict: bool = False) -> re.Match[str] | None:
    """Return the match of the whole of `source`, with a group for each asterisk of `pattern`."""
    return re.fullmatch("(.*)".join(map(re.escape, pattern.split("*"))), source, 0 if is_strict else re.IGNORECASE)


def _wildcard_replace(source: str, pattern: str, replacement: str, flags: str = "") -> str:
    """Return `source` whole replaced where it matches `pattern`; ${1} is what its first asterisk stood for."""
    match = wildcard(source, pattern, is_strict="s" in flags)
    return re.sub(r"\$\{(\d)\}", lambda one: match[int(one[1])], replacement) if match else source


FUNCTIONS = {
    "any": Function("boolean", any, _kinds("boolean")),
    "all": Function("boolean", all, _kinds("boolean")),
    "concat": Function(
        "string",
        lambda *values: "".join(map(str, values)),
        lambda given: bool(given) and set(given) <= {"string", "integer"},
    ),
    "ends_with": Function("boolean", str.endswith, _kinds("string", "string")),
    "len": Function("integer", lambda value: len(value.encode()) if isinstance(value, str) else len(value),
                    lambda given: [*given] in (["string"], ["array"])),
    "lower": Function("string", str.lower, _kinds("string")),
    "starts_with": Function("boolean", str.startswith, _kinds("string", "string")),
    "substring": Function("string", _substring, _kinds("string", "integer", more=("integer",))),
    "to_string": Function("string", lambda value: str(value).lower() if isinstance(value, bool) else str(value),
                          lambda given: len(given) == 1 and given[0] in ("integer", "boolean")),
    "upper": Function("string", str.upper, _kinds("string")),
    "wildcard_replace": Function(
        "string", _wildcard_replace, _kinds("string", "string", "string", more=("string",))
    ),
}  # fmt: skip
