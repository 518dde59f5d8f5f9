"""The whole chain on this machine: the app, the Worker in workerd, B2, and the edge as its rules make it."""

import copy
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.doctor import Finding, Patience, examine
from app.doctor.web import Address, Step, Unreachable, Web
from app.settings import Settings, load
from tests.b2 import B2, Key
from tests.b2.tls import make_certificate
from tests.conftest import Server, free_port, start_server
from tests.edge import Egress, Ingress, WorkerCache
from tests.edge.relay import Listener, Relay
from tests.edge.standing import Standing, standing
from tests.workerd import Workerd

REGION, BUCKET = "us-west-004", "bowerbird-demo"
B2_HOST = f"s3.{REGION}.backblazeb2.com"
IMAGE_HOST = "i.example.com"
WEBHOOK_SECRET = "webhook-secret-of-the-chain"
CLIENT = ("app-key-id", "secret-access-key-of-the-app")
_CLIENT = {"accessKeyId": CLIENT[0], "secretAccessKey": CLIENT[1], "bucket": BUCKET}
_RIGHTS = frozenset({"writeFiles", "deleteFiles", "readFiles", "listFiles"})
KEYS = (
    Key("b2-key-id", "b2-application-key", BUCKET, "", _RIGHTS),
    Key("no-delete", "b2-application-key", BUCKET, "", _RIGHTS - {"deleteFiles"}),
    Key("no-read", "b2-application-key", BUCKET, "", _RIGHTS - {"readFiles"}),
    Key("prefixed", "b2-application-key", BUCKET, "photos/", _RIGHTS),
    Key("elsewhere", "b2-application-key", "bowerbird-other", "", _RIGHTS),
    Key("anywhere", "b2-application-key", None, "", _RIGHTS),
)
PATIENCE = Patience(worker_s=5, webhook_s=5, purge_s=0.5)


class Front(Listener):
    """Port 443 of a host: TLS with a certificate for `names`, and behind it what listens without."""

    def __init__(self, folder: Path, names: tuple[str, ...], behind: tuple[str, int]) -> None:
        folder.mkdir()
        self.certificate, key = make_certificate(folder, names=names)
        super().__init__(tls=(self.certificate, key))
        self.behind = behind

    def handle(self, request: Relay) -> None:
        request.pass_on(self.behind, request.command, request.path, [*request.headers.items()])


@dataclass
class Chain:
    """What stands. A test may change anything of it for the time of `unharmed`."""

    stack: ExitStack
    folder: Path
    b2: B2
    edge: Standing
    app: Server
    front: Front
    bare: Front  # B2's own port 443
    endpoint: str
    changes: dict[str, Any] = field(default_factory=dict)

    def settings(self) -> Settings:
        """Return the settings of the app, and of the doctor."""
        own = {
            "cloudflare_api_token": self.edge.token,
            "cloudflare_zone_id": self.edge.zone_id,
            "cloudflare_api_url": self.edge.api_url,
        }
        named = app_settings(self.app.data_dir, self.app.port, self.endpoint)
        return load(**{"_env_file": None, **named, **own, **self.changes})

    def resolve(self, host: str, port: int) -> list[Address]:
        """Say where a host is, as the zone's records have it; of others only this machine has an address."""
        if host == "127.0.0.1":
            return [(host, port)]
        record = self.edge.zone.record(host)
        if host != IMAGE_HOST or record is None:
            raise Unreachable(Step.NAME, f"{host} has no address: Name or service not known")
        return [(self.front if record["proxied"] else self.bare).address]

    def visit(self, *, patience: Patience = PATIENCE, **options: Any) -> list[Finding]:
        """Let the doctor look at it."""
        web = Web(resolve=self.resolve, ca_bundle=self.folder / "trusted.pem")
        return list(examine(self.settings(), web=web, patience=patience, **options))

    def worker(self, **variables: str) -> None:
        """Put another Worker before B2, with other variables; it is the endpoint from now on."""
        self.endpoint = start_worker(self.stack, self.b2, self.app.port, **variables)

    def client(self, **changes: Any) -> None:
        """Let the Worker hold the app's key to something else."""
        self.worker(CLIENT_KEYS=json.dumps([{**_CLIENT, **changes}]))

    def read_worker(self, **variables: str) -> None:
        """Let the read Worker serve the image domain, as it does where the bucket is private; then no rules stand.
        An empty variable is not set."""
        self.edge.zone.rulesets.clear()
        cache = self.stack.enter_context(WorkerCache())
        egress = self.stack.enter_context(Egress({B2_HOST: self.b2.s3_address}))
        named = {
            "B2_ENDPOINT": B2_HOST,
            "B2_BUCKET": BUCKET,
            "B2_APPLICATION_KEY_ID": KEYS[0].access_key_id,
            "B2_APPLICATION_KEY": KEYS[0].secret_access_key,
            **variables,
        }
        named = {name: value for name, value in named.items() if value}
        # A purge by prefix reaches what Workers have put; whether one by file does is not to be relied on.
        self.edge.zone.cache.purge_prefix = cache.purge
        self.stack.callback(lambda: vars(self.edge.zone.cache).pop("purge_prefix"))
        ends = {"outbound": "{}:{}".format(*egress.address), "cache": "{}:{}".format(*cache.address)}
        worker = self.stack.enter_context(Workerd(named, entry="read/src/index.js", **ends))
        self.edge.world.workers["reader"] = ("127.0.0.1", worker.port)
        self.edge.account.domains.append({"hostname": IMAGE_HOST, "service": "reader"})
        self.stack.callback(self.edge.account.domains.clear)

    @contextmanager
    def unharmed(self) -> Iterator[None]:
        """Give back, at the end, what is changed meanwhile."""
        zone = self.edge.zone
        kept = copy.deepcopy((zone.records, zone.rulesets, zone.settings, self.edge.account.tokens))
        origins, endpoint, stack = copy.copy(self.edge.world.origins), self.endpoint, self.stack
        behind = self.front.behind
        self.b2.empty()
        zone.cache.purge_everything()
        zone.purges_left = 25.0
        with ExitStack() as self.stack:
            yield
        self.stack, self.endpoint, self.front.behind = stack, endpoint, behind
        zone.records, zone.rulesets, zone.settings, self.edge.account.tokens = kept
        self.edge.world.origins = origins
        self.edge.api.troubles.clear()
        self.changes = {}


def app_settings(data_dir: Path, port: int, endpoint: str) -> dict[str, str]:
    """Return the settings of the app in the chain."""
    return {
        "data_dir": str(data_dir),
        "bind": f"127.0.0.1:{port}",
        "public_url": f"https://{IMAGE_HOST}",
        "store": "s3",
        "s3_endpoint": endpoint,
        "s3_region": REGION,
        "s3_bucket": BUCKET,
        "s3_access_key_id": CLIENT[0],
        "s3_secret_access_key": CLIENT[1],
        "webhook_secret": WEBHOOK_SECRET,
    }


def start_worker(stack: ExitStack, b2: B2, app_port: int, **variables: str) -> str:
    """Start a Worker between Cloudflare's two sides and return its address; an empty variable is not set."""
    egress = stack.enter_context(Egress({B2_HOST: b2.s3_address}))
    bindings = {
        "B2_ENDPOINT": B2_HOST,
        "B2_APPLICATION_KEY_ID": KEYS[0].access_key_id,
        "B2_APPLICATION_KEY": KEYS[0].secret_access_key,
        "CLIENT_KEYS": json.dumps([_CLIENT]),
        "WEBHOOK_URL": f"http://127.0.0.1:{app_port}/hooks/b2",
        "WEBHOOK_SECRET": WEBHOOK_SECRET,
        **variables,
    }
    named = {name: value for name, value in bindings.items() if value}
    worker = stack.enter_context(Workerd(named, outbound="{}:{}".format(*egress.address)))
    return stack.enter_context(Ingress(("127.0.0.1", worker.port))).url


@contextmanager
def open_chain() -> Iterator[Chain]:
    """Start all of it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chain-")))
        b2 = stack.enter_context(B2(REGION, BUCKET, KEYS))
        edge = stack.enter_context(standing(b2, scheme="https"))
        front = stack.enter_context(Front(folder / "edge", (IMAGE_HOST,), edge.edge.address))
        bare = stack.enter_context(Front(folder / "bare", ("*.backblazeb2.com",), b2.friendly_address))
        trusted = front.certificate.read_text() + bare.certificate.read_text()
        (folder / "trusted.pem").write_text(trusted)
        port = free_port()
        endpoint = start_worker(stack, b2, port)
        named = app_settings(folder / "data", port, endpoint)
        app = start_server(folder / "data", port, **{k: v for k, v in named.items() if k not in ("data_dir", "bind")})
        stack.callback(app.kill)
        yield Chain(stack, folder, b2, edge, app, front, bare, endpoint)
