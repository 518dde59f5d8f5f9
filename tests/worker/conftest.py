"""The Worker in workerd, with Cloudflare before and behind it, B2 at the end, and an app that is told."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.b2 import B2, Key
from tests.b2.tls import make_certificate
from tests.edge import Egress, Ingress
from tests.edge.relay import Listener, Relay
from tests.worker.origin import Origin
from tests.worker.requests import BUCKET, Endpoint, Pair
from tests.workerd import Workerd

B2_HOST = "s3.us-west-004.backblazeb2.com"
APP_HOST = "up.example.com"
UPSTREAM = Pair("b2-key-id", "b2-application-key-of-the-tests")
CLIENT = Pair()
PREFIXED = Pair("prefixed-key-id", "prefixed-secret-access-key")
READER = Pair("reader-key-id", "reader-secret-access-key")
SMALL = Pair("small-key-id", "small-secret-access-key")
COPIER = Pair("copier-key-id", "copier-secret-access-key")
BLIND = Pair("blind-key-id", "blind-secret-access-key")
DOMAIN = "s3.example.com"
SECRET = "webhook-secret-of-the-tests"
CLIENT_KEYS = [
    {"accessKeyId": CLIENT.access_key_id, "secretAccessKey": CLIENT.secret_access_key, "bucket": BUCKET,
     "operations": ["get", "head", "put", "delete", "multipart", "list", "copy"]},
    {"accessKeyId": PREFIXED.access_key_id, "secretAccessKey": PREFIXED.secret_access_key, "bucket": BUCKET,
     "prefix": "mine/"},
    {"accessKeyId": READER.access_key_id, "secretAccessKey": READER.secret_access_key, "bucket": BUCKET,
     "operations": ["get", "head"]},
    {"accessKeyId": SMALL.access_key_id, "secretAccessKey": SMALL.secret_access_key, "bucket": BUCKET,
     "maxBytes": 1000},
    {"accessKeyId": COPIER.access_key_id, "secretAccessKey": COPIER.secret_access_key, "bucket": BUCKET,
     "prefix": "mine/", "operations": ["get", "put", "copy", "multipart"]},
    {"accessKeyId": BLIND.access_key_id, "secretAccessKey": BLIND.secret_access_key, "bucket": BUCKET,
     "operations": ["put", "copy", "multipart"]},
]  # fmt: skip


class Receiver(Listener):
    """The app's end of the webhook: keeps what is signed well, can refuse the next few, waits at its gate.

    `came` counts what has come to the gate. What an earlier test did may be told late: that is taken, and nothing else.
    """

    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, Any]] = []
        self.refused: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        self.failures = self.came = 0
        self.gate = threading.Event()
        self.gate.set()
        self._came = threading.Condition()
        self._since = ""

    def handle(self, request: Relay) -> None:
        body = b"".join(request.body())
        told = json.loads(body)
        events = told.get("events", [told])
        with self._came:
            if all(event["time"] < self._since for event in events):
                request.say(200, b"", "text/plain")
                return
            self.came += 1
            self._came.notify_all()
        self.gate.wait(20)
        expected = "v1=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        is_signed = hmac.compare_digest(request.headers.get("x-bz-event-notification-signature", ""), expected)
        with self._came:
            fails, self.failures = self.failures > 0, max(0, self.failures - 1)
            self.sizes.append(len(body))
            (self.refused if fails or not is_signed else self.events).extend(events)
            self._came.notify_all()
        request.say(503 if fails else 200 if is_signed else 401, b"", "text/plain")

    def wait(self, count: int, timeout_s: float = 25) -> list[dict[str, Any]]:
        """Return the first `count` events, once they are there."""
        with self._came:
            self._came.wait_for(lambda: len(self.events) >= count, timeout_s)
            return self.events[:]

    def wait_at_gate(self, count: int, timeout_s: float = 25) -> bool:
        """Return whether `count` deliveries have come to the gate in time."""
        with self._came:
            return self._came.wait_for(lambda: self.came >= count, timeout_s)

    def forget(self) -> None:
        time.sleep(0.002)  # what was just done may bear this very millisecond
        with self._came:
            self._since = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            self.events, self.refused, self.sizes, self.failures, self.came = [], [], [], 0, 0


@dataclass
class Proxy(Endpoint):
    """The whole way from a client to B2; `port` is where clients come in, `tls_port` where they do over TLS."""

    b2: B2 = field(kw_only=True)
    worker: Workerd = field(kw_only=True)
    app: Receiver = field(kw_only=True)
    egress: Egress = field(kw_only=True)
    tls_port: int = field(kw_only=True)
    ca_bundle: Path = field(kw_only=True)

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def tls_url(self) -> str:
        return f"https://127.0.0.1:{self.tls_port}"


def open_proxy(stack: ExitStack, b2: B2, *, queue: str | None = None, **variables: str) -> Proxy:
    """Start a Worker with these variables before `b2`, and Cloudflare around it; `queue` is where its queue is."""
    app = stack.enter_context(Receiver())
    egress = stack.enter_context(Egress({B2_HOST: b2.s3_address, APP_HOST: ("127.0.0.1", app.port)}))
    bindings = {
        "B2_ENDPOINT": B2_HOST,
        "B2_APPLICATION_KEY_ID": UPSTREAM.access_key_id,
        "B2_APPLICATION_KEY": UPSTREAM.secret_access_key,
        "CLIENT_KEYS": json.dumps(CLIENT_KEYS),
        "DOMAIN": DOMAIN,
        "WEBHOOK_URL": f"https://{APP_HOST}/hooks/b2",
        "WEBHOOK_SECRET": SECRET,
        **variables,
    }
    bindings = {name: value for name, value in bindings.items() if value}
    worker = stack.enter_context(Workerd(bindings, outbound="{}:{}".format(*egress.address), queue=queue))
    ingress = stack.enter_context(Ingress(("127.0.0.1", worker.port)))
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="proxy-")))
    certificate = make_certificate(folder, names=[DOMAIN, f"*.{DOMAIN}"])
    over_tls = stack.enter_context(Ingress(("127.0.0.1", worker.port), tls=certificate))
    return Proxy(
        ingress.port, b2=b2, worker=worker, app=app, egress=egress, tls_port=over_tls.port, ca_bundle=certificate[0]
    )


@pytest.fixture(scope="session")
def b2() -> Iterator[B2]:
    keys = [Key(UPSTREAM.access_key_id, UPSTREAM.secret_access_key)]
    with B2(keys=keys) as started:
        yield started


@pytest.fixture(scope="session")
def _proxy(b2: B2) -> Iterator[Proxy]:
    with ExitStack() as stack:
        yield open_proxy(stack, b2)


@pytest.fixture
def proxy(_proxy: Proxy) -> Proxy:
    """The way to B2, with nothing in the bucket and nothing remembered."""
    _proxy.b2.empty()
    _proxy.app.forget()
    return _proxy


@pytest.fixture
def make_proxy(b2: B2) -> Iterator[Callable[..., Proxy]]:
    """Make a way to B2 with other variables, perhaps a queue; an empty variable is not set."""
    b2.empty()
    with ExitStack() as stack:
        yield lambda **options: open_proxy(stack, b2, **options)


@pytest.fixture
def origin(proxy: Proxy) -> Iterator[Origin]:
    """What answers in place of B2."""
    known = dict(proxy.egress.hosts)
    with Origin() as started:
        proxy.egress.hosts[B2_HOST] = started.address
        yield started
    proxy.egress.hosts = known
