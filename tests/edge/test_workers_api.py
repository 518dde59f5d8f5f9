"""Workers, by Cloudflare's own client; and calls that fail as they do on a bad day."""

from collections.abc import Callable
from typing import Any

import cloudflare
import pytest
from cloudflare import Cloudflare

from tests.edge.standing import Standing

MODULES = [
    ("index.js", b"export default {}", "application/javascript+module"),
    ("keys.js", b"export const KEYS = 1", "application/javascript+module"),
]
METADATA: Any = {
    "main_module": "index.js",
    "compatibility_date": "2026-01-01",
    "bindings": [
        {"type": "plain_text", "name": "DOMAIN", "text": "up.example.com"},
        {"type": "secret_text", "name": "B2_APPLICATION_KEY", "text": "hush"},
    ],
}
Refusal = Callable[[Callable[[], Any]], tuple[int, int]]


@pytest.fixture
def refusal() -> Refusal:
    def refused(call: Callable[[], Any]) -> tuple[int, int]:
        with pytest.raises(cloudflare.APIStatusError) as caught:
            call()
        return caught.value.status_code, int(caught.value.errors[0].code or 0)

    return refused


def upload(edge: Standing, api: Cloudflare, **changed: Any) -> None:
    files: Any = changed.pop("files", MODULES)
    api.workers.scripts.update("proxy", account_id=edge.account.id, metadata=METADATA | changed, files=files)


def test_a_worker_is_kept_with_its_modules_bindings_and_secrets(edge: Standing, api: Cloudflare) -> None:
    upload(edge, api)

    script = edge.account.scripts["proxy"]
    assert script["modules"] == {"index.js": "export default {}", "keys.js": "export const KEYS = 1"}
    assert (script["secrets"], [one["name"] for one in script["bindings"]]) == (
        {"B2_APPLICATION_KEY": "hush"},
        ["DOMAIN"],
    )
    assert [one.id for one in api.workers.scripts.list(account_id=edge.account.id)] == ["proxy"]
    assert api.workers.scripts.get("proxy", account_id=edge.account.id) == "export default {}"
    settings = api.workers.scripts.script_and_version_settings.get("proxy", account_id=edge.account.id)
    assert [(one.name, getattr(one, "text", None)) for one in settings.bindings or []] == [
        ("DOMAIN", "up.example.com"),
        ("B2_APPLICATION_KEY", None),
    ]


def test_an_upload_keeps_only_the_bindings_it_is_told_to_keep(edge: Standing, api: Cloudflare) -> None:
    upload(edge, api)
    api.workers.scripts.secrets.update(
        "proxy", account_id=edge.account.id, name="WEBHOOK_SECRET", text="x", type="secret_text"
    )
    upload(edge, api, bindings=[], keep_bindings=["secret_text"])
    script = edge.account.scripts["proxy"]
    assert (script["bindings"], sorted(script["secrets"])) == ([], ["B2_APPLICATION_KEY", "WEBHOOK_SECRET"])

    upload(edge, api, bindings=[])
    assert edge.account.scripts["proxy"]["secrets"] == {}


def test_secrets_are_named_and_never_shown(edge: Standing, api: Cloudflare, refusal: Refusal) -> None:
    upload(edge, api)
    of: Any = {"script_name": "proxy", "account_id": edge.account.id}

    shown = [one.to_dict() for one in api.workers.scripts.secrets.list(**of)]

    assert shown == [{"name": "B2_APPLICATION_KEY", "type": "secret_text"}]
    api.workers.scripts.secrets.delete("B2_APPLICATION_KEY", **of)
    assert refusal(lambda: api.workers.scripts.secrets.delete("B2_APPLICATION_KEY", **of)) == (404, 10056)


@pytest.mark.parametrize(
    "changed",
    [
        {"main_module": "none.js"},
        {"files": [("index.js", b"export default {}", "text/html")]},
        {"bindings": "none"},
        {"compatibility_date": 20260101},
    ],
)
def test_an_upload_that_cannot_run_is_refused(
    edge: Standing, api: Cloudflare, refusal: Refusal, changed: dict[str, Any]
) -> None:
    assert refusal(lambda: upload(edge, api, **changed)) == (400, 10021)
    assert edge.account.scripts == {}


def test_a_custom_domain_waits_for_its_worker_and_for_a_free_name(
    edge: Standing, api: Cloudflare, refusal: Refusal
) -> None:
    def take(hostname: str) -> Any:
        domain: Any = {"hostname": hostname, "service": "proxy", "zone_id": edge.zone_id}
        return api.workers.domains.update(account_id=edge.account.id, **domain)

    assert refusal(lambda: take("up.example.com")) == (404, 10007)
    upload(edge, api)
    assert refusal(lambda: take("i.example.com")) == (409, 100117)
    assert refusal(lambda: take("up.example.net")) == (400, 100114)
    made = take("up.example.com")
    assert (take("up.example.com").id, edge.account.worker_of("up.example.com")) == (made.id, "proxy")
    listed = api.workers.domains.list(account_id=edge.account.id, hostname="up.example.com")
    assert [one.id for one in listed] == [made.id]
    assert refusal(lambda: api.workers.scripts.delete("proxy", account_id=edge.account.id)) == (400, 10064)
    api.workers.domains.delete(made.id, account_id=edge.account.id)
    api.workers.scripts.delete("proxy", account_id=edge.account.id)
    assert refusal(lambda: api.workers.scripts.get("proxy", account_id=edge.account.id)) == (404, 10007)


def test_routes_and_the_subdomain(edge: Standing, api: Cloudflare, refusal: Refusal) -> None:
    upload(edge, api)
    route: Any = {"zone_id": edge.zone_id, "pattern": "up.example.com/*", "script": "proxy"}
    made = api.workers.routes.create(**route)

    assert refusal(lambda: api.workers.routes.create(**route)) == (409, 10020)
    assert [one.pattern for one in api.workers.routes.list(zone_id=edge.zone_id)] == ["up.example.com/*"]
    api.workers.routes.update(made.id, **route | {"pattern": "up.example.com/b/*"})
    assert [one["pattern"] for one in edge.zone.routes] == ["up.example.com/b/*"]
    api.workers.routes.delete(made.id, zone_id=edge.zone_id)
    assert edge.zone.routes == []
    of: Any = {"script_name": "proxy", "account_id": edge.account.id}
    assert api.workers.scripts.subdomain.create(**of, enabled=True).enabled
    assert api.workers.scripts.subdomain.get(**of).previews_enabled
    assert api.workers.subdomains.get(account_id=edge.account.id).subdomain == "bowerbird"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (500, cloudflare.InternalServerError),
        (503, cloudflare.InternalServerError),
        (429, cloudflare.RateLimitError),
        ("reset", cloudflare.APIConnectionError),
        ("timeout", cloudflare.APITimeoutError),
    ],
)
@pytest.mark.parametrize("is_done", [False, True])
def test_calls_fail_as_told_and_then_no_more(
    edge: Standing, api: Cloudflare, kind: Any, error: type[Exception], is_done: bool
) -> None:
    edge.api.trouble(kind, "/settings/ssl", method="PATCH", is_done=is_done)
    patient = api.with_options(timeout=0.3)

    assert patient.zones.settings.get("ssl", zone_id=edge.zone_id).value == "flexible"
    with pytest.raises(error):
        patient.zones.settings.edit("ssl", zone_id=edge.zone_id, value="strict")
    assert edge.zone.settings["ssl"] == ("strict" if is_done else "flexible")
    assert patient.zones.settings.edit("ssl", zone_id=edge.zone_id, value="full").value == "full"


def test_every_call_is_noted(edge: Standing, api: Cloudflare) -> None:
    api.user.tokens.verify()
    api.cache.purge(zone_id=edge.zone_id, files=["https://i.example.com/a.png"])

    body = {"files": ["https://i.example.com/a.png"]}
    purge = ("POST", f"/zones/{edge.zone_id}/purge_cache", body)
    assert edge.api.calls == [("GET", "/user/tokens/verify", None), purge]
    assert edge.api.changes() == [purge]
