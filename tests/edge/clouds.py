"""Both clouds as `bowerbird setup` finds them: B2's own simulator, a stand-in for Cloudflare, a settings file."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from b2sdk.v3 import B2HttpApiConfig, RawSimulator
from b2sdk.v3.exception import B2ConnectionError
from click.testing import CliRunner

from app import settings_file
from app.cli import cli
from app.edge.rules import CAPABILITIES
from app.edge.zone import PHASES
from app.errors import BowerbirdError, SettingsError
from tests.edge.api import Api
from tests.edge.relay import Relay
from tests.edge.zone import Account, Token, Zone

DOMAIN, BUCKET, PROXY_HOST, BASE_URL = "i.example.com", "my-pictures", "s3.example.com", "https://up.example.com"
CLOUDFLARE_TOKEN = "the-token-of-the-set-up"
OPERATOR = ("listBuckets", "writeBuckets", "listKeys", "writeKeys", "deleteKeys")
READS = ("authorize_account", "list_buckets", "list_keys")
CHANGES = ("create_bucket", "update_bucket", "create_key", "delete_key")


@dataclass
class Wire:
    """Counts calls to either cloud, and writes of the file. Call `at` fails: before it was carried out, or after."""

    at: int | None = None
    is_done: bool = False
    calls: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)

    def meets(self, name: str, *, is_change: bool) -> bool:
        self.calls.append(name)
        if is_change:
            self.changes.append(name)
        return len(self.calls) - 1 == self.at

    def reset(self, at: int | None = None, *, is_done: bool = False) -> None:
        self.at, self.is_done = at, is_done
        self.calls.clear()
        self.changes.clear()


class Simulator(RawSimulator):
    """Backblaze's own simulator at the addresses of a region. `refusals` maps a call to what it raises."""

    S3_API_URL = "https://s3.us-west-004.backblazeb2.com"
    DOWNLOAD_URL = "https://f004.backblazeb2.com"

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self.wire = wire
        self.refusals: dict[str, Exception] = {}


def _on_the_wire(name: str) -> Callable[..., Any]:
    def call(self: Simulator, *args: Any, **more: Any) -> Any:
        fails = self.wire.meets(name, is_change=name in CHANGES)
        if fails and not self.wire.is_done:
            raise B2ConnectionError("broken off")
        if name in self.refusals:
            raise self.refusals[name]
        answer = copy.deepcopy(getattr(RawSimulator, name)(self, *args, **more))
        if fails:
            raise B2ConnectionError("broken off")
        return answer

    return call


for _name in (*READS, *CHANGES):
    setattr(Simulator, _name, _on_the_wire(_name))


class CountedApi(Api):
    """The stand-in for Cloudflare, its calls on the wire."""

    def __init__(self, account: Account, wire: Wire) -> None:
        super().__init__(account)
        self._wire = wire

    def handle(self, request: Relay) -> None:
        is_change = request.command != "GET"
        if self._wire.meets(f"{request.command} {request.path}", is_change=is_change):
            # A read that breaks off would be repeated, and that takes a while.
            self.trouble("reset" if is_change else 403, is_done=is_change and self._wire.is_done)
        super().handle(request)


@dataclass
class Outcome:
    """What a run printed and how it ended, as `main` would have it."""

    code: int
    out: str
    err: str
    error: str


class Clouds:
    """Two accounts and a settings file. `run` is the command, `state` is all there is but what differs by chance."""

    def __init__(self, folder: Path, wire: Wire, api: CountedApi) -> None:
        self.wire, self.api = wire, api
        self.zone = api.account.zones[0]
        self.path = folder / ".env"
        self.b2 = Simulator(wire)
        self.account_id, self.master_key = self.b2.create_account()
        self.token = self.b2.authorize_account("", self.account_id, self.master_key)["authorizationToken"]
        self.key_id, self.key = self.make_key(OPERATOR)
        wire.reset()

    def make_key(
        self, capabilities: tuple[str, ...], name: str = "operator", bucket_id: str | None = None
    ) -> tuple[str, str]:
        made = RawSimulator.create_key(
            self.b2, self.b2.API_URL, self.token, self.account_id, list(capabilities), name, None,
            [bucket_id] if bucket_id else None, None,
        )  # fmt: skip
        return made["applicationKeyId"], made["applicationKey"]

    def make_bucket(self, name: str = BUCKET, kind: str = "allPublic", **more: Any) -> str:
        made = RawSimulator.create_bucket(self.b2, self.b2.API_URL, self.token, self.account_id, name, kind, **more)
        return str(made["bucketId"])

    def run(self, *arguments: str, **environment: str | None) -> Outcome:
        """Run `bowerbird setup` with the usual arguments, and these."""
        config = B2HttpApiConfig(_raw_api_class=lambda _: self.b2)
        usual = {
            "B2_APPLICATION_KEY_ID": self.key_id,
            "B2_APPLICATION_KEY": self.key,
            "CLOUDFLARE_API_TOKEN": CLOUDFLARE_TOKEN,
            "BOWERBIRD_CLOUDFLARE_API_URL": self.api.base_url,
            "CLOUDFLARE_EMAIL": "somebody@example.com",  # what is there for other tools must not be in the way
            "CLOUDFLARE_API_KEY": "another-key",
        }
        command = ["setup", "--domain", DOMAIN, "--bucket", BUCKET, "--settings", str(self.path), *arguments]
        ended = CliRunner().invoke(cli, command, obj=config, env={**usual, **environment})
        error = ended.exception
        if isinstance(error, BowerbirdError):
            code = 2 if isinstance(error, SettingsError) else 1
            return Outcome(code, ended.stdout, ended.stderr, str(error))
        if error and not isinstance(error, SystemExit):
            raise error
        return Outcome(ended.exit_code, ended.stdout, ended.stderr, "")

    def settings(self) -> dict[str, str]:
        return {name.removeprefix("BOWERBIRD_"): value for name, value in settings_file.read(self.path).items()}

    def bucket(self, name: str = BUCKET) -> dict[str, Any]:
        return self.b2.bucket_name_to_bucket[name].bucket_dict(self.token)

    def all_keys(self) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
        found = [one.as_key() for one in self.b2.all_application_keys]
        return sorted((one["keyName"], tuple(one["capabilities"]), tuple(one["bucketIds"] or ())) for one in found)

    def state(self) -> Any:
        """Return everything at both clouds and in the file, but for ids, times and secrets."""
        own = ("id", "version", "last_updated", "created_on", "modified_on", "revision", "options")
        scripts = self.api.account.scripts.items()
        known = {key.application_key_id: key.name for key in self.b2.all_application_keys}
        values = {name: known.get(value, value) for name, value in self.settings().items()}
        if values.get("S3_ACCESS_KEY_ID", "").startswith("app-"):
            values["S3_ACCESS_KEY_ID"] = "the app's"
        told = {
            "buckets": [_without(one.bucket_dict(self.token), own) for one in self.b2.bucket_name_to_bucket.values()],
            "keys": self.all_keys(),
            "records": [_without(one, own) for one in self.zone.records],
            "rules": {
                one["phase"]: [_without(rule, own) for rule in one["rules"]]
                for one in sorted(self.zone.rulesets, key=lambda one: str(one["phase"]))
            },
            "scripts": {name: (one["modules"], sorted(_names(one)), sorted(one["secrets"])) for name, one in scripts},
            "domains": sorted((one["hostname"], one["service"]) for one in self.api.account.domains),
            "file": {name: "…" if "SECRET" in name else value for name, value in values.items()},
        }
        return copy.deepcopy(told)

    def secrets(self) -> set[str]:
        """Return every secret there is."""
        found = {key.key for key in self.b2.all_application_keys} | {self.master_key, CLOUDFLARE_TOKEN}
        found |= {value for name, value in self.settings().items() if "SECRET" in name or "TOKEN" in name}
        for script in self.api.account.scripts.values():
            found |= {*script["secrets"].values()}
            found |= {one["secretAccessKey"] for one in json.loads(script["secrets"].get("CLIENT_KEYS", "[]"))}
        return found

    def check_usable(self) -> None:
        """Assert that the pairs that the app and the Workers have are those that are there, of this bucket alone."""
        bucket_id, settings = self.bucket()["bucketId"], self.settings()
        scripts = self.api.account.scripts
        pairs = {"bowerbird-read-worker": ("readFiles",), "bowerbird-signing-proxy": CAPABILITIES}
        for name, script in scripts.items():
            key_id = next(one["text"] for one in script["bindings"] if one["name"] == "B2_APPLICATION_KEY_ID")
            self._check_pair(key_id, script["secrets"]["B2_APPLICATION_KEY"], bucket_id, pairs[name])
        pair = settings["S3_ACCESS_KEY_ID"], settings["S3_SECRET_ACCESS_KEY"]
        if settings["S3_ENDPOINT"] == f"https://{PROXY_HOST}":
            secrets = scripts["bowerbird-signing-proxy"]["secrets"]
            [client] = json.loads(secrets["CLIENT_KEYS"])
            assert (client["accessKeyId"], client["secretAccessKey"], client["bucket"]) == (*pair, BUCKET)
            assert secrets.get("WEBHOOK_SECRET") == settings.get("WEBHOOK_SECRET")
        else:
            self._check_pair(*pair, bucket_id, CAPABILITIES)

    def _check_pair(self, key_id: str, secret: str, bucket_id: str, capabilities: tuple[str, ...]) -> None:
        key = self.b2.key_id_to_key[key_id]
        assert (key.key, tuple(key.capabilities)) == (secret, capabilities)
        assert [one["id"] for one in key.buckets_or_none] == [bucket_id]


def _names(script: Mapping[str, Any]) -> list[str]:
    return [one["name"] for one in script["bindings"]]


def _without(one: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name not in names}


def foreign_rule(phase: str, number: int) -> dict[str, Any]:
    """Return a rule as somebody else would have it."""
    parameters: dict[str, Any] = {"headers": {"x-theirs": {"operation": "set", "value": str(number)}}}
    if phase == "http_config_settings":
        parameters = {"ssl": "full"}
    elif phase == "http_request_cache_settings":
        parameters = {"cache": False}
    elif phase == "http_request_transform":
        parameters = {"uri": {"path": {"value": f"/{number}"}}}
    action = {"http_config_settings": "set_config", "http_request_cache_settings": "set_cache_settings"}
    return {
        "ref": f"theirs_{number}",
        "description": "theirs",
        "enabled": bool(number % 2),
        "expression": f'(http.host eq "www{number}.example.com")',
        "action": action.get(phase, "rewrite"),
        "action_parameters": parameters,
    }


def furnish(clouds: Clouds) -> None:
    """Put there what others have: a bucket with settings of its own, rules in every phase, records, keys, a file."""
    cors = {
        "corsRuleName": "theirs", "allowedOrigins": ["https://theirs.example"], "allowedOperations": ["s3_put"],
        "allowedHeaders": ["*"], "exposeHeaders": [], "maxAgeSeconds": 60,
    }  # fmt: skip
    logs = {"fileNamePrefix": "logs/", "daysFromHidingToDeleting": 30, "daysFromUploadingToHiding": None}
    clouds.make_bucket(bucket_info={"owner": "they"}, cors_rules=[cors], lifecycle_rules=[logs])
    clouds.make_bucket("another-bucket")
    clouds.make_key(("readFiles",), "theirs")
    for phase in PHASES:
        clouds.zone.put_ruleset(phase, [foreign_rule(phase, number) for number in range(3)])
    for name, kind, content in (("www", "A", "192.0.2.7"), ("i", "TXT", "theirs"), ("", "MX", "mx.example.net")):
        host = f"{name}.example.com".removeprefix(".")
        record = {"id": content, "name": host, "type": kind, "content": content, "proxied": False, "ttl": 300}
        clouds.zone.records.append(record)
    clouds.path.write_text("# theirs\nBOWERBIRD_BIND=127.0.0.1:9000\nOTHER='theirs'\n")
    clouds.wire.reset()


@contextmanager
def two_clouds(folder: Path) -> Iterator[Clouds]:
    """Stand up two accounts, with the zone example.com and nothing else in them."""
    wire = Wire()
    write = settings_file.write

    def counted(path: Path, values: Mapping[str, str]) -> None:
        fails = wire.meets(f"write {path}", is_change=True)
        if fails and not wire.is_done:
            raise SettingsError(["broken off"])
        write(path, values)
        if fails:
            raise SettingsError(["broken off"])

    account = Account([Zone("example.com", id="2" * 32)], [Token(CLOUDFLARE_TOKEN)])
    with pytest.MonkeyPatch.context() as patch, CountedApi(account, wire) as api:
        patch.setattr(settings_file, "write", counted)
        yield Clouds(folder, wire, api)
