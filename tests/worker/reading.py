"""The read Worker in workerd: Cloudflare before it, its cache beside it, a private bucket behind it."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from urllib.parse import quote

from tests.b2 import B2, Key
from tests.edge import Egress, Ingress, WorkerCache
from tests.worker.requests import BUCKET, NO_HEADERS, Answer, Endpoint, Pair, Signer
from tests.workerd import Workerd

B2_HOST = "s3.us-west-004.backblazeb2.com"
IMAGE_HOST = "i.example.com"
ENTRY = "read/src/index.js"
WRITER = Pair("writer-key-id", "writer-application-key")
READER = Pair("reader-key-id", "reader-application-key")
KEYS = [
    Key(WRITER.access_key_id, WRITER.secret_access_key),
    Key(READER.access_key_id, READER.secret_access_key, BUCKET, capabilities=frozenset({"readFiles"})),
]


class Clock:
    """A clock that stands until somebody moves it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class ImageDomain(Endpoint):
    """Where viewers ask; `port` is Cloudflare's."""

    b2: B2 = field(kw_only=True)
    cache: WorkerCache = field(kw_only=True)
    worker: Workerd = field(kw_only=True)
    clock: Clock = field(kw_only=True)

    def get(self, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
        return self.send(method, path, {"host": IMAGE_HOST, **(headers or {})})

    def put(self, key: str, body: bytes, content_type: str = "image/png", **more: str) -> str:
        """Store an object as the app does, or as `more` says; return its ETag."""
        headers = {"content-type": content_type} | {name.replace("_", "-"): value for name, value in more.items()}
        endpoint = Endpoint(self.b2.s3_address[1])
        answer = endpoint.signed("PUT", f"/{BUCKET}/{quote(key)}", body, headers, signer=Signer(WRITER))
        assert answer.status == 200, answer.body
        self.b2.forget()
        return answer.headers["etag"]

    def delete(self, key: str) -> None:
        Endpoint(self.b2.s3_address[1]).signed(
            "DELETE", f"/{BUCKET}/{quote(key)}", headers=NO_HEADERS, signer=Signer(WRITER)
        )


def variables(**changed: str) -> dict[str, str]:
    """Return the Worker's variables and secrets; an empty one is not set."""
    bindings = {
        "B2_ENDPOINT": B2_HOST,
        "B2_BUCKET": BUCKET,
        "B2_APPLICATION_KEY_ID": READER.access_key_id,
        "B2_APPLICATION_KEY": READER.secret_access_key,
    }
    return {name: value for name, value in (bindings | changed).items() if value}


def open_domain(stack: ExitStack, b2: B2, **changed: str) -> ImageDomain:
    """Start a read Worker with these variables before `b2`, and Cloudflare around it."""
    clock = Clock()
    cache = stack.enter_context(WorkerCache(clock=clock))
    egress = stack.enter_context(Egress({B2_HOST: b2.s3_address}))
    ends = {"outbound": "{}:{}".format(*egress.address), "cache": "{}:{}".format(*cache.address)}
    worker = stack.enter_context(Workerd(variables(**changed), entry=ENTRY, **ends))
    ingress = stack.enter_context(Ingress(("127.0.0.1", worker.port)))
    return ImageDomain(ingress.port, b2=b2, cache=cache, worker=worker, clock=clock)
