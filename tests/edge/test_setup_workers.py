"""bowerbird setup with Workers: the signing proxy before the bucket, the read Worker before a private one."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.edge import worker
from app.resources import folder
from tests.edge.clouds import BASE_URL, BUCKET, DOMAIN, PROXY_HOST, Clouds, foreign_rule, two_clouds
from tests.workerd import WORKER, compatibility_date

WITH_PROXY = ("--worker", PROXY_HOST, "--base-url", BASE_URL)
PROXY, READER = worker.PROXY, worker.READER


@pytest.fixture
def clouds(tmp_path: Path) -> Iterator[Clouds]:
    with two_clouds(tmp_path) as made:
        yield made


def plain(clouds: Clouds, name: str) -> dict[str, str]:
    bindings = clouds.api.account.scripts[name]["bindings"]
    return {one["name"]: one["text"] for one in bindings if one["type"] == "plain_text"}


def test_the_signing_proxy_is_between_the_app_and_the_bucket(clouds: Clouds) -> None:
    ended = clouds.run(*WITH_PROXY)

    assert ended.code == 0, ended.error
    settings, script = clouds.settings(), clouds.api.account.scripts[PROXY]
    assert settings["S3_ENDPOINT"] == f"https://{PROXY_HOST}"
    assert settings["S3_ACCESS_KEY_ID"].startswith("app-") and len(settings["S3_SECRET_ACCESS_KEY"]) == 40
    assert script["modules"] == {
        f"src/{path.name}": path.read_text()
        for path in (WORKER / "src").glob("*.js")
        if f"src/{path.name}" in worker.modules(WORKER, PROXY)
    }
    assert (plain(clouds, PROXY)["B2_ENDPOINT"], plain(clouds, PROXY)["WEBHOOK_URL"]) == (
        "s3.us-west-004.backblazeb2.com",
        f"{BASE_URL}/hooks/b2",
    )
    assert sorted(script["secrets"]) == ["B2_APPLICATION_KEY", "CLIENT_KEYS", "WEBHOOK_SECRET"]
    [domain] = clouds.api.account.domains
    assert (domain["hostname"], domain["service"]) == (PROXY_HOST, PROXY)
    clouds.check_usable()


def test_a_pair_that_the_app_had_goes_on_in_the_proxy(clouds: Clouds) -> None:
    assert clouds.run().code == 0
    before = clouds.settings()
    clouds.wire.reset()

    assert clouds.run(*WITH_PROXY).code == 0

    assert plain(clouds, PROXY)["B2_APPLICATION_KEY_ID"] == before["S3_ACCESS_KEY_ID"]
    assert not [call for call in clouds.wire.changes if "key" in call]
    clouds.check_usable()


def test_new_code_goes_up_with_the_secrets_and_what_others_bound_to_it_left_as_they_are(
    clouds: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert clouds.run(*WITH_PROXY).code == 0
    script = clouds.api.account.scripts[PROXY]
    clients = [*json.loads(script["secrets"]["CLIENT_KEYS"]), {"accessKeyId": "phone"}]
    script["secrets"]["CLIENT_KEYS"] = json.dumps(clients)
    script["bindings"] += [
        {"type": "queue", "name": "EVENTS", "queue_name": "bowerbird-events"},
        {"type": "plain_text", "name": "DOMAIN", "text": PROXY_HOST},
    ]
    before, keys = dict(script["secrets"]), clouds.all_keys()
    monkeypatch.setattr(worker, "COMPATIBILITY_DATE", "2026-11-16")

    ended = clouds.run(*WITH_PROXY)

    assert ended.out == f"changed  Worker {PROXY}\n"
    after = clouds.api.account.scripts[PROXY]
    assert (after["secrets"], clouds.all_keys()) == (before, keys)
    assert after["metadata"]["compatibility_date"] == "2026-11-16"
    assert {"EVENTS", "DOMAIN"} <= {one["name"] for one in after["bindings"]}


def test_a_file_that_lost_the_apps_pair_gets_a_new_one_and_the_proxy_too(clouds: Clouds) -> None:
    assert clouds.run(*WITH_PROXY).code == 0
    keys = clouds.all_keys()
    clouds.path.unlink()

    assert clouds.run(*WITH_PROXY).code == 0

    assert clouds.all_keys() == keys
    clouds.check_usable()


def test_another_base_url_or_secret_reaches_the_proxy(clouds: Clouds) -> None:
    assert clouds.run("--worker", PROXY_HOST).code == 0
    assert "WEBHOOK_SECRET" not in clouds.api.account.scripts[PROXY]["secrets"]

    assert clouds.run(*WITH_PROXY).code == 0
    first = clouds.settings()["WEBHOOK_SECRET"]
    clouds.path.write_text(clouds.path.read_text().replace(first, "another-secret-of-the-owner"))
    assert clouds.run("--worker", PROXY_HOST, "--base-url", "https://new.example.com").code == 0

    assert clouds.api.account.scripts[PROXY]["secrets"]["WEBHOOK_SECRET"] == "another-secret-of-the-owner"
    assert plain(clouds, PROXY)["WEBHOOK_URL"] == "https://new.example.com/hooks/b2"
    assert clouds.settings()["BASE_URL"] == "https://new.example.com"


def test_a_private_bucket_is_read_by_a_worker_with_a_key_that_reads_and_no_more(clouds: Clouds) -> None:
    ended = clouds.run("--private")

    assert ended.code == 0, ended.error
    assert clouds.bucket()["bucketType"] == "allPrivate"
    assert (clouds.zone.records, clouds.zone.rulesets) == ([], [])
    assert [(one["hostname"], one["service"]) for one in clouds.api.account.domains] == [(DOMAIN, READER)]
    bucket_id = clouds.bucket()["bucketId"]
    assert (f"bowerbird-{BUCKET}-read", ("readFiles",), (bucket_id,)) in clouds.all_keys()
    assert plain(clouds, READER)["B2_BUCKET"] == BUCKET
    clouds.check_usable()


def test_the_read_workers_modules_keep_their_places_so_that_they_find_each_other(clouds: Clouds) -> None:
    assert clouds.run("--private").code == 0

    script = clouds.api.account.scripts[READER]
    assert script["metadata"]["main_module"] == "read/src/index.js"
    assert {"read/src/index.js", "src/sigv4.js"} <= set(script["modules"])
    assert script["modules"] == {name: (folder("worker") / name).read_text() for name in script["modules"]}


def test_from_public_to_private_and_back_only_ours_goes(clouds: Clouds) -> None:
    assert clouds.run().code == 0
    public = clouds.state()
    for phase in public["rules"]:
        rules = clouds.zone.entrypoint(phase)["rules"]
        clouds.zone.put_ruleset(phase, [foreign_rule(phase, 1), *rules])

    there = clouds.run("--private")
    private = clouds.state()
    back = clouds.run("--make-public")

    assert (there.code, back.code) == (0, 0), (there.error, back.error)
    assert private["records"] == []
    assert {tuple(rule["ref"] for rule in rules) for rules in private["rules"].values()} == {("theirs_1",)}
    after = clouds.state()
    assert (after["domains"], after["records"]) == ([], public["records"])
    for phase, rules in after["rules"].items():
        assert [rule for rule in rules if rule["ref"] != "theirs_1"] == public["rules"][phase]
    clouds.check_usable()


def test_the_names_and_the_date_are_those_of_wrangler() -> None:
    for name, entry in worker.ENTRIES.items():
        place = WORKER / entry.replace("src/index.js", "wrangler.jsonc")
        assert f'"name": "{name}"' in place.read_text()
        assert f'"compatibility_date": "{worker.COMPATIBILITY_DATE}"' in place.read_text()
    assert compatibility_date() == worker.COMPATIBILITY_DATE


def test_every_variable_that_a_worker_gets_is_one_that_it_reads(clouds: Clouds) -> None:
    assert clouds.run("--private", *WITH_PROXY).code == 0

    for name, entry in worker.ENTRIES.items():
        code = (WORKER / entry.replace("index.js", "env.js")).read_text()
        script = clouds.api.account.scripts[name]
        told = {*plain(clouds, name), *script["secrets"]} - {worker.CODE, worker.CLIENT, worker.WEBHOOK}
        assert {variable for variable in told if variable not in code} == set()
