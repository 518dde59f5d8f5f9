"""Cloudflare's API at /client/v4, as its official clients call it, over the state of one account."""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.b2.messages import reset

from . import api_rulesets, api_workers, api_zones
from .call import Call, Listed, Raw, Refused, Route
from .payload import json_of, parsed
from .relay import Listener, Relay
from .schema import problem
from .zone import Account, Token

BASE = "/client/v4"


@dataclass
class Trouble:
    """What the next `times` calls of this method and of a path that contains `path` meet.

    `kind` is a status, or "reset" (the connection breaks), or "timeout" (no answer ever comes). With `is_done` the call
    takes effect, and only its answer is lost.
    """

    kind: int | str
    path: str = ""
    method: str | None = None
    times: int = 1
    is_done: bool = False

    def meets(self, method: str, path: str) -> bool:
        return self.times > 0 and self.method in (None, method) and self.path in path


class Api(Listener):
    """The API of one account. `calls` is every call that came: method, path below /client/v4, body."""

    def __init__(self, account: Account, port: int = 0) -> None:
        super().__init__(port)
        self.account = account
        self.calls: list[tuple[str, str, Any]] = []
        self.troubles: list[Trouble] = []
        self._routes = [*api_zones.routes(), *api_rulesets.routes(), *api_workers.routes()]
        self._lock = threading.Lock()  # one call after the other, so that each finds the state whole

    @property
    def base_url(self) -> str:
        """What a client is given as its base URL."""
        return f"{self.url}{BASE}"

    def trouble(self, kind: int | str, path: str = "", **more: Any) -> None:
        """Let the next calls of `path` fail; see Trouble."""
        self.troubles.append(Trouble(kind, path, **more))

    def changes(self) -> list[tuple[str, str, Any]]:
        """Return the calls that were to change something."""
        return [call for call in self.calls if call[0] != "GET"]

    def handle(self, request: Relay) -> None:
        raw = b"".join(request.body())
        path = urlsplit(request.path).path
        content_type = request.headers.get("content-type", "")
        with self._lock:
            found = next((one for one in self.troubles if one.meets(request.command, path)), None)
            if found:
                found.times -= 1
            try:
                body = parsed(raw, content_type)
                self.calls.append((request.command, path.removeprefix(BASE), body))
                answer = None if found and not found.is_done else self._answer(request, path, body)
                status, headers = 200, {}
            except Refused as refused:
                status, answer, headers = refused.status, _failure(refused.code, refused.message), refused.headers
        if found:
            return _fail(request, found.kind)
        shown = [(name.replace("_", "-"), value) for name, value in headers.items()]
        if isinstance(answer, Raw):
            return request.say(status, answer.content, answer.content_type)
        return request.say(status, json.dumps(answer).encode(), "application/json", shown)

    def _answer(self, request: Relay, path: str, body: Any) -> Any:
        query = dict(parse_qsl(urlsplit(request.path).query))
        token = self._token(request.headers.get("authorization"), path)
        path = path.removeprefix(BASE)
        for route in self._routes:
            ids = route.ids(request.command, path)
            if ids is None:
                continue
            if route.permission and not token.may(route.permission):
                raise _not_permitted(route)
            call = Call(request.command, path, query, body, self.account, token, ids)
            if ids.get("account_id", self.account.id) != self.account.id:
                raise Refused(403, 10000, "Authentication error")
            if wrong := problem(request.command.lower(), route.path, json_of(body)):
                raise Refused(400, 10021 if "workers" in path else 1004, f"invalid request body: {wrong}")
            result = route.does(call)
            return result if isinstance(result, Raw) else _envelope(result, query)
        raise Refused(404, 7003, f"Could not route to {path}, perhaps your object identifier is invalid?")

    def _token(self, authorization: str | None, path: str) -> Token:
        """Return the token of a call. Raises Refused with the codes that Cloudflare has for it."""
        if authorization is None:
            raise Refused(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
        if not re.fullmatch(r"Bearer [\w-]+", authorization):
            raise Refused(400, 6003, "Invalid request headers")
        value = authorization.removeprefix("Bearer ")
        token = next((one for one in self.account.tokens if one.value == value), None)
        if token is None or token.status != "active":
            raise (
                Refused(401, 1000, "Invalid API Token")
                if path.endswith("/user/tokens/verify")
                else Refused(403, 9109, "Invalid access token")
            )
        return token


def _not_permitted(route: Route) -> Refused:
    if route.path in ("/zones", "/zones/{zone_id}"):
        return Refused(403, 9109, "Unauthorized to access requested resource")
    return Refused(403, 10000, "Authentication error")


def _fail(request: Relay, kind: int | str) -> None:
    if kind == "timeout":
        request.close_connection = True
        request.connection.settimeout(60)
        request.connection.recv(1)  # until the client has had enough
    elif kind == "reset":
        reset(request)
    else:
        headers = [("Retry-After", "1")] if kind == 429 else []
        said = json.dumps(_failure(10001, f"Cloudflare fails with {kind}")).encode()
        request.say(int(kind), said, "application/json", headers)


def _envelope(result: Any, query: Mapping[str, str]) -> dict[str, Any]:
    whole: dict[str, Any] = {"success": True, "errors": [], "messages": [], "result": result}
    if isinstance(result, Listed):
        page, size, total = int(query.get("page", 1)), int(query.get("per_page", 100)), len(result.items)
        items = result.items[(page - 1) * size :][:size]
        about = {"page": page, "per_page": size, "count": len(items), "total_count": total}
        whole |= {"result": items, "result_info": {**about, "total_pages": -(-total // size)}}
    return whole


def _failure(code: int, message: str) -> dict[str, Any]:
    return {"success": False, "errors": [{"code": code, "message": message}], "messages": [], "result": None}
