"""What the parts of the document are made of: operations, answers, refusals, parameters, and samples for a shell."""

from collections.abc import Iterable, Iterator
from typing import Any

from ...errors import BowerbirdError, Busy, Forbidden, RateLimited, Unauthorized, UnsupportedType
from ..errors import status_of

Json = dict[str, Any]

KEY = "k7Wq3Zpa.png"

_REQUEST_ID = {"X-Request-ID": {"description": "What the log knows it by", "schema": {"type": "string"}}}
_HEADERS: dict[type[BowerbirdError], Json] = {
    Unauthorized: {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}},
    RateLimited: {"Retry-After": {"description": "In seconds", "schema": {"type": "integer"}, "required": True}},
    UnsupportedType: {"Accept-Post": {"description": "What is taken", "schema": {"type": "string"}}},
}
TOO_LONG = {"414": ("query", "uri_too_long"), "431": ("header", "headers_too_large")}  # see app/server.py
_WORDS = {
    400: "The request makes no sense",
    401: "No token, or one that is unknown, expired or revoked",
    403: "The token lacks the scope, another site sent the request, or what is asked for is switched off",
    404: "There is none",
    410: "There was one: it expired, was refused, or was deleted since",
    408: "The body came too slowly",
    409: "Another request is in the way",
    411: "A raw body needs a Content-Length",
    412: "A version of tus that is not spoken here",
    413: "Too large",
    415: "Not a type that is taken",
    422: "One of the types that are taken, but broken, or beyond a limit; or what is at an address did not come",
    414: "The address is too long",
    431: "A header is too long",
    423: "Another request has the upload",
    429: "Too many requests",
    460: "The body is not what its checksum says",
    500: "Something went wrong here",
    502: "The store is set up wrongly",
    503: "Something behind the server does not answer; the same request may work later",
    507: "No room: the store, or the token's quota, is full",
}


def operation(
    tag: str,
    name: str,
    summary: str,
    *,
    about: str = "",
    scopes: Iterable[str] = (),
    is_read: bool = False,
    parameters: Iterable[Json] = (),
    body: Json | None = None,
    answers: dict[str, Json],
    refused: Iterable[type[BowerbirdError]] = (),
    curl: str,
) -> Json:
    """Return an operation; `scopes` are those of which the token needs one, `refused` the errors beside those of every
    operation, `curl` how it is called."""
    scopes = sorted(scopes)
    made: Json = {"tags": [tag], "operationId": name, "summary": summary}
    if about:
        made["description"] = about
    if scopes:
        made["security"] = [{"bearer": scopes}, {"session": []} if is_read else {"session": [], "csrf": []}]
        refused = (*refused, Unauthorized, Forbidden, RateLimited)
    if parameters := list(parameters):
        made["parameters"] = parameters
    if body:
        made["requestBody"] = {"required": True, "content": body}
    made["responses"] = answers | _too_long(parameters) | _refusals((*refused, Busy, BowerbirdError))
    made["x-codeSamples"] = [{"lang": "Shell", "label": "curl", "source": curl}]
    return made


def _refusals(kinds: Iterable[type[BowerbirdError]]) -> dict[str, Json]:
    """Return the answers to errors, those of one status together: the codes are the errors' own."""
    by_status: dict[int, list[type[BowerbirdError]]] = {}
    for kind in kinds:
        by_status.setdefault(status_of(kind.__new__(kind)), []).append(kind)
    return {str(status): _refusal(status, found) for status, found in sorted(by_status.items())}


def _too_long(parameters: list[Json]) -> dict[str, Json]:
    """Return what the server itself answers where an address or a header is too long."""
    places = {one["in"] for one in parameters}
    return {
        status: reply(_WORDS[int(status)], {**ref("Error"), "properties": {"code": {"enum": [code]}}})
        for status, (place, code) in TOO_LONG.items()
        if place in places
    }


def _refusal(status: int, kinds: list[type[BowerbirdError]]) -> Json:
    codes = sorted({kind.code for kind in kinds})
    headers = {name: header for kind in kinds for name, header in _HEADERS.get(kind, {}).items()}
    return reply(_WORDS[status], {**ref("Error"), "properties": {"code": {"enum": codes}}}, **headers)


def tree(kind: type[BowerbirdError]) -> Iterator[type[BowerbirdError]]:
    """Yield an error and all that are one."""
    yield kind
    for below in kind.__subclasses__():
        yield from tree(below)


def reply(about: str, schema: Json, *, example: Any = None, **headers: Json) -> Json:
    """Return an answer in JSON."""
    media = {"schema": schema} | ({"example": example} if example is not None else {})
    return {"description": about, "headers": headers | _REQUEST_ID, "content": {"application/json": media}}


def page(about: str) -> Json:
    """Return an answer that is a page."""
    return {"description": about, "headers": _REQUEST_ID, "content": {"text/html": {"schema": {"type": "string"}}}}


def nothing(about: str) -> Json:
    """Return an answer without a body."""
    return {"description": about, "headers": _REQUEST_ID}


def ref(name: str) -> Json:
    """Return a reference to one of the schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def parameter(place: str, name: str, about: str, schema: Json, **more: Any) -> Json:
    """Return a parameter in `query`, `header` or `path`."""
    required = {"required": True} if place == "path" else {}
    return {"name": name, "in": place, "description": about, "schema": schema} | required | more


def key_parameter() -> Json:
    """Return the key of an upload as a part of the path."""
    about = "The key of an upload, or the name that another S3 client gave to an object"
    return parameter("path", "key", about, {"type": "string", "minLength": 1}, example=KEY)
