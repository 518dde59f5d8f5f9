"""bowerbird setup: from two new accounts, or from used ones, to a working domain; and nothing of others is touched."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cli import cli
from app.edge.plan import OURS
from app.edge.rules import CAPABILITIES, Site, describe
from app.edge.zone import DNS_EDIT, PHASE_EDIT, PHASES, WORKERS_EDIT, ZONE_READ
from app.settings import load
from tests.edge.clouds import (
    BASE_URL,
    BUCKET,
    CLOUDFLARE_TOKEN,
    DOMAIN,
    OPERATOR,
    PROXY_HOST,
    Clouds,
    furnish,
    two_clouds,
)

EDGE = describe(Site(DOMAIN, BUCKET, "f004.backblazeb2.com"))
PROXY = ("--worker", PROXY_HOST, "--base-url", BASE_URL)


@pytest.fixture
def clouds(tmp_path: Path) -> Iterator[Clouds]:
    with two_clouds(tmp_path) as made:
        yield made


def test_it_works(clouds: Clouds) -> None:
    ended = clouds.run()

    assert (ended.code, ended.error) == (0, "")
    assert ended.out.splitlines() == [
        "created  bucket my-pictures",
        "created  application key bowerbird-my-pictures",
        f"created  settings file {clouds.path}: the key",
        *(f"created  ruleset {phase}" for phase in PHASES),
        "created  DNS record i.example.com",
        f"changed  settings file {clouds.path}",
    ]
    standing = {one["phase"]: one["rules"] for one in clouds.zone.rulesets}
    assert {
        phase: [{key: rule[key] for key in EDGE.rulesets[phase][0]} for rule in rules]
        for phase, rules in standing.items()
    } == EDGE.rulesets
    assert {key: clouds.zone.records[0][key] for key in EDGE.dns or {}} == EDGE.dns
    assert {key: clouds.bucket()[key] for key in EDGE.bucket} == EDGE.bucket
    clouds.check_usable()


def test_the_settings_file_is_all_the_app_needs_and_for_its_owner_alone(clouds: Clouds, tmp_path: Path) -> None:
    assert clouds.run("--base-url", BASE_URL).code == 0

    settings = load(_env_file=clouds.path, data_dir=tmp_path / "data")
    assert (settings.store, settings.s3_bucket, settings.s3_region) == ("s3", BUCKET, "us-west-004")
    assert settings.s3_endpoint == "https://s3.us-west-004.backblazeb2.com"
    assert (settings.public_url, settings.base_url) == ("https://i.example.com", BASE_URL)
    assert settings.cloudflare_zone_id == clouds.zone.id
    assert settings.cloudflare_api_token.get_secret_value() == CLOUDFLARE_TOKEN
    assert clouds.path.stat().st_mode & 0o777 == 0o600


MODES: dict[str, tuple[str, ...]] = {"direct": (), "proxy": PROXY, "private": ("--private",)}


@pytest.mark.parametrize("mode", MODES)
def test_a_second_run_makes_no_call_that_changes_anything(clouds: Clouds, mode: str) -> None:
    assert clouds.run(*MODES[mode]).code == 0
    before, text = clouds.state(), clouds.path.read_bytes()
    clouds.wire.reset()

    ended = clouds.run(*MODES[mode])

    assert (ended.code, ended.out) == (0, "nothing to change\n")
    assert clouds.wire.changes == []
    assert (clouds.state(), clouds.path.read_bytes()) == (before, text)


@pytest.mark.parametrize("mode", MODES)
def test_a_plan_changes_nothing_and_names_what_the_run_then_does(clouds: Clouds, mode: str) -> None:
    furnish(clouds)
    before = clouds.state()

    planned = clouds.run("--plan", *MODES[mode])

    assert planned.code == 0 and "nothing was changed" in planned.err
    assert clouds.wire.changes == [] and clouds.state() == before
    done = clouds.run(*MODES[mode])
    announced = [line.split(maxsplit=1) for line in planned.out.splitlines() if not line.startswith(("  ", "kept"))]
    told = [line.split(maxsplit=1) for line in done.out.splitlines() if not line.startswith("kept")]
    past = {"create": "created", "change": "changed", "remove": "removed"}
    assert told == [[past[deed], title] for deed, title in announced]


def test_a_plan_shows_each_value_before_and_after(clouds: Clouds) -> None:
    assert clouds.run().code == 0
    clouds.zone.records[0]["proxied"] = False
    rule = clouds.zone.entrypoint("http_config_settings")["rules"][0]
    rule["action_parameters"] = {"ssl": "flexible"}

    shown = clouds.run("--plan").out

    assert "change   DNS record i.example.com\n  proxied: false -> true\n" in shown
    assert 'action_parameters: {"ssl": "flexible"} -> {"ssl": "strict"}' in shown


def others(clouds: Clouds) -> dict[str, Any]:
    """Return all that is not the set-up's own."""
    bucket = clouds.bucket()
    return {
        "rules": {
            one["phase"]: [dict(rule) for rule in one["rules"] if not rule["ref"].startswith(OURS)]
            for one in clouds.zone.rulesets
        },
        "records": [dict(one) for one in clouds.zone.records if one["type"] != "CNAME"],
        "keys": [one for one in clouds.all_keys() if not one[0].startswith("bowerbird-")],
        "cors": [rule for rule in bucket["corsRules"] if rule["corsRuleName"] == "theirs"],
        "lifecycle": [rule for rule in bucket["lifecycleRules"] if rule["fileNamePrefix"]],
        "info": bucket["bucketInfo"]["owner"],
        "bucket": clouds.bucket("another-bucket"),
        "lines": [line for line in clouds.path.read_text().splitlines() if "theirs" in line or "BIND" in line],
    }


@pytest.mark.parametrize("mode", MODES)
def test_on_a_used_zone_and_bucket_nothing_of_others_changes(clouds: Clouds, mode: str) -> None:
    furnish(clouds)
    before = others(clouds)

    ended = clouds.run(*MODES[mode])

    assert ended.code == 0, ended.error
    assert others(clouds) == before
    kept = [line for line in ended.out.splitlines() if line.startswith("kept")]
    assert [line for line in kept if "3 rules of others" in line] == [
        f"kept     3 rules of others in {phase}" for phase in PHASES
    ]
    assert any("logs/" in line for line in kept) and any("theirs" in line for line in kept)
    for ruleset in clouds.zone.rulesets:
        ours = [rule["ref"] for rule in ruleset["rules"] if rule["ref"].startswith(OURS)]
        assert ours == [rule["ref"] for rule in EDGE.rulesets[ruleset["phase"]] if mode != "private"]
    assert not any("PUT" in call and "rulesets" in call for call in clouds.wire.changes)
    clouds.check_usable()
    assert clouds.run(*MODES[mode]).out.splitlines()[-1] == "nothing to change"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("is_furnished", [False, True], ids=["new", "used"])
@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
def test_broken_off_at_any_call_and_run_again_it_ends_the_same(
    tmp_path: Path, mode: str, is_furnished: bool, is_done: bool
) -> None:
    """Whether the call was carried out and its answer lost, or it was not: for each call there is."""
    arguments = MODES[mode]

    def fresh(name: str) -> Any:
        (tmp_path / name).mkdir()
        return two_clouds(tmp_path / name)

    with fresh("whole") as whole:
        if is_furnished:
            furnish(whole)
        assert whole.run(*arguments).code == 0
        wanted, changes = whole.state(), set(whole.wire.changes)
        # A read leaves what the change before it left, in whichever state it is lost: every third will do, once a mode.
        reads = range(0, len(whole.wire.calls), 3) if is_furnished and not is_done else ()
        numbers = [at for at, call in enumerate(whole.wire.calls) if call in changes or at in reads]
    assert len(numbers) > 5

    for at in numbers:
        with fresh(str(at)) as clouds:
            if is_furnished:
                furnish(clouds)
                before = others(clouds)
            clouds.wire.reset(at, is_done=is_done)
            broken = clouds.run(*arguments)
            assert broken.code != 0, at
            assert ("not done" in broken.err) == bool(clouds.wire.changes), broken
            clouds.wire.reset()

            again = clouds.run(*arguments)

            assert again.code == 0, (at, again.error)
            assert clouds.state() == wanted, at
            clouds.check_usable()
            if is_furnished:
                assert others(clouds) == before


@pytest.mark.parametrize("mode", MODES)
def test_no_secret_is_ever_printed(clouds: Clouds, mode: str) -> None:
    furnish(clouds)
    runs = [clouds.run("--plan", *MODES[mode]), clouds.run(*MODES[mode]), clouds.run("--plan", *MODES[mode])]
    runs += [clouds.run("--private", *MODES[mode]), clouds.run(CLOUDFLARE_API_TOKEN="not-a-known-token")]

    printed = "\n".join(f"{one.out}{one.err}{one.error}" for one in runs)
    assert len(clouds.secrets()) > 4
    assert [secret for secret in clouds.secrets() if secret in printed] == []


def test_the_guide_shows_what_is_really_printed_and_names_what_is_needed(clouds: Clouds) -> None:
    guide = (Path(__file__).parents[2] / "docs/setup.md").read_text()
    first, *_ = [block for block in guide.split("```")[1::2] if "created  bucket" in block]

    ended = clouds.run()

    said = (ended.out + ended.err).replace(str(clouds.path), ".env")
    assert said + "$ bowerbird setup" in first
    for permission in (ZONE_READ, DNS_EDIT, WORKERS_EDIT, *PHASE_EDIT.values()):
        assert f"| {permission} |" in guide
    for capability in (*OPERATOR, *CAPABILITIES):
        assert f"`{capability}`" in guide
    told = {option for one in cli.commands["setup"].params for option in shown(one)}
    assert told <= set(re.findall(r"`(--[a-z-]+)", guide)) | {"--help"}


def shown(parameter: Any) -> list[str]:
    return [] if parameter.hidden else [option for option in parameter.opts if option.startswith("--")]
