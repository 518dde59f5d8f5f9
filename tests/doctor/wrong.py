"""How one thing of the chain is made wrong."""

import io
from collections.abc import Callable
from typing import Any

from PIL import Image

from tests.conftest import free_port
from tests.doctor.chain import B2_HOST, BUCKET, IMAGE_HOST, KEYS, Chain
from tests.edge import Origin, Token
from tests.edge.relay import Listener, Relay

CLOUDFLARE = [("Server", "cloudflare"), ("CF-RAY", "8f00ba4b0c00-AMS")]


class Says(Listener):
    """Something that always answers the same."""

    def __init__(self, status: int, body: str, content_type: str, headers: Any = ()) -> None:
        super().__init__()
        self._answer = (status, body.encode(), content_type, headers)

    def handle(self, request: Relay) -> None:
        b"".join(request.body())
        request.say(*self._answer)


class Changes(Listener):
    """Something on the way that changes the answers of what is behind it."""

    def __init__(self, behind: tuple[str, int], change: Callable[[dict[str, str], bytes], bytes]) -> None:
        super().__init__()
        self._behind, self._change = behind, change

    def handle(self, request: Relay) -> None:
        relay = self

        class Answer:
            """What came from behind, changed."""

            def __init__(self, response: Any) -> None:
                named = {name.lower(): value for name, value in response.getheaders()}
                body = relay._change(named, response.read())
                named["content-length"] = str(len(body))
                self.status, self.reason, self.headers, self._body = response.status, response.reason, named, body

            def getheaders(self) -> list[tuple[str, str]]:
                return list(self.headers.items())

            def read(self, _size: int) -> bytes:
                body, self._body = self._body, b""
                return body

        # Of the class: one connection has many requests, and one `request`.
        request.answer = lambda response: Relay.answer(request, Answer(response))  # type: ignore[method-assign]
        request.pass_on(self._behind, request.command, request.path, [*request.headers.items()])


def page(number: int) -> str:
    return f"<!DOCTYPE html><html><title>Error {number}</title><body>cloudflare, error code: {number}</body></html>"


def rule(ref: str, **changes: Any) -> Callable[[Chain], None]:
    """Change a rule at the edge."""
    return lambda chain: chain.edge.rule(ref).update(changes)


def parameters(ref: str, **changes: Any) -> Callable[[Chain], None]:
    return lambda chain: chain.edge.rule(ref)["action_parameters"].update(changes)


def without(*names: str) -> Callable[[Chain], None]:
    def harm(chain: Chain) -> None:
        for name in names:
            del chain.edge.rule("headers")["action_parameters"]["headers"][name]

    return harm


def record(**changes: Any) -> Callable[[Chain], None]:
    return lambda chain: chain.edge.zone.record(IMAGE_HOST).update(changes)


def settings(**changes: Any) -> Callable[[Chain], None]:
    return lambda chain: chain.changes.update(changes)


def worker(**variables: str) -> Callable[[Chain], None]:
    return lambda chain: chain.worker(**variables)


def endpoint_says(status: int, body: str, content_type: str = "text/html", headers: Any = ()) -> Callable:
    def harm(chain: Chain) -> None:
        chain.endpoint = chain.stack.enter_context(Says(status, body, content_type, headers)).url

    return harm


def viewers_get(status: int, body: str, content_type: str, headers: Any = CLOUDFLARE) -> Callable:
    def harm(chain: Chain) -> None:
        chain.front.behind = chain.stack.enter_context(Says(status, body, content_type, headers)).address

    return harm


def seen_through(change: Callable[[dict[str, str], bytes], bytes]) -> Callable[[Chain], None]:
    def harm(chain: Chain) -> None:
        chain.front.behind = chain.stack.enter_context(Changes(chain.front.behind, change)).address

    return harm


def origin(host: str, origin: Origin) -> Callable[[Chain], None]:
    def harm(chain: Chain) -> None:
        chain.edge.world.origins[host] = origin

    return harm


def s3_host(chain: Chain) -> None:
    chain.edge.world.origins[B2_HOST] = Origin(chain.b2.s3_address, (B2_HOST,))
    chain.edge.zone.record(IMAGE_HOST)["content"] = B2_HOST


def no_record(chain: Chain) -> None:
    chain.edge.zone.records.clear()


def polish(headers: dict[str, str], body: bytes) -> bytes:
    if headers.get("content-type") != "image/png" or not body:
        return body
    smaller = io.BytesIO()
    Image.open(io.BytesIO(body)).save(smaller, "PNG", optimize=True)
    return smaller.getvalue()


def to_webp(headers: dict[str, str], body: bytes) -> bytes:
    if headers.get("content-type") != "image/png" or not body:
        return body
    headers["content-type"], smaller = "image/webp", io.BytesIO()
    Image.open(io.BytesIO(body)).save(smaller, "WEBP")
    return smaller.getvalue()


def as_text(headers: dict[str, str], body: bytes) -> bytes:
    if headers.get("content-type") == "image/png":
        headers["content-type"] = "binary/octet-stream"
    return body


def old_proxy(headers: dict[str, str], body: bytes) -> bytes:
    headers["x-bowerbird-proxy"] = "0.0.9"
    return body


def older(chain: Chain) -> None:
    host, port = chain.endpoint.removeprefix("http://").split(":")
    chain.endpoint = chain.stack.enter_context(Changes((host, int(port)), old_proxy)).url


def idle_purge(chain: Chain) -> None:
    cache = chain.edge.zone.cache
    cache.purge_file = cache.purge_prefix = lambda *_: None
    chain.stack.callback(lambda: [vars(cache).pop(name) for name in ("purge_file", "purge_prefix")])


def no_purge_right(chain: Chain) -> None:
    chain.edge.account.tokens = [Token(chain.edge.token, frozenset({"Zone Read"}))]


def seen_path_alone(chain: Chain) -> None:
    """Let the rule look at the path as Cloudflare reads it, and not as it was written."""
    inside = f'starts_with(http.request.uri.path, "/file/{BUCKET}/")'
    for ref, condition in (("path", f"not {inside}"), ("query", inside)):
        chain.edge.rule(ref)["expression"] = f'(http.host eq "{IMAGE_HOST}" and {condition})'


def reader(**variables: str) -> Callable[[Chain], None]:
    return lambda chain: chain.read_worker(**variables)


def plain_query(chain: Chain) -> None:
    del chain.edge.rule("path")["action_parameters"]["uri"]["query"]


def straight(**changes: Any) -> Callable[[Chain], None]:
    """Let the app ask B2 itself."""

    def harm(chain: Chain) -> None:
        own = {"s3_access_key_id": KEYS[0].access_key_id, "s3_secret_access_key": KEYS[0].secret_access_key}
        chain.changes.update({"s3_endpoint": chain.b2.endpoint, **own, **changes})

    return harm


def nowhere(name: str) -> Callable[[Chain], None]:
    return lambda chain: chain.changes.update({name: f"http://127.0.0.1:{free_port()}"})
