"""What `setup --print` and `setup --terraform` give to those who do it by hand: all of it, and nobody is asked."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.edge import dashboard
from app.edge.rules import Site, describe
from app.edge.worker import PROXY, READER
from tests.edge.clouds import BASE_URL, PROXY_HOST, Clouds, two_clouds

ENDPOINT = "https://s3.us-west-004.backblazeb2.com"
PUBLIC = Site("i.example.com", "my-pictures", "f004.backblazeb2.com", file_info=("hash",))
PRIVATE = Site("i.example.com", "my-pictures", "f004.backblazeb2.com", is_private=True)
NOBODY: dict[str, str | None] = {
    "B2_APPLICATION_KEY_ID": None, "B2_APPLICATION_KEY": None, "CLOUDFLARE_API_TOKEN": None,
}  # fmt: skip


@pytest.fixture
def clouds(tmp_path: Path) -> Iterator[Clouds]:
    with two_clouds(tmp_path) as made:
        yield made


def values(node: object) -> Iterator[str]:
    """Yield every expression, header and value that a rule has."""
    for name, inner in node.items() if isinstance(node, dict) else ():
        if name == "headers":
            yield from inner
        if name in ("expression", "value") and isinstance(inner, str) and inner:
            yield inner
        yield from values(inner)


def test_every_value_of_every_rule_stands_in_the_instructions() -> None:
    told, edge = dashboard.instructions(PUBLIC, ENDPOINT), describe(PUBLIC)

    for rules in edge.rulesets.values():
        for rule in rules:
            assert f"Rule name: {rule['description']}\n" in told
            assert [value for value in values(rule) if value not in told] == []
    assert "x-bz-info-hash" in told
    assert told.count("Rule name") == sum(map(len, edge.rulesets.values()))
    assert told.index("Target: f004.backblazeb2.com") > told.rindex("Rule name")
    assert json.dumps(edge.bucket["bucketInfo"]) in told


def test_the_steps_are_numbered_without_a_gap() -> None:
    told = dashboard.instructions(PUBLIC, ENDPOINT, proxy_host=PROXY_HOST)

    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", told, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_with_workers_it_names_them_and_the_settings_that_go_with_them() -> None:
    told = dashboard.instructions(PRIVATE, ENDPOINT, proxy_host=PROXY_HOST, base_url=BASE_URL)

    assert "Files in Bucket are: Private" in told and "Rule name" not in told
    assert f"{READER} > Settings > Domains & Routes > Add > Custom domain: i.example.com" in told
    assert f"{PROXY} > Settings > Domains & Routes > Add > Custom domain: {PROXY_HOST}" in told
    assert f"BOWERBIRD_S3_ENDPOINT=https://{PROXY_HOST}\n" in told and f"BOWERBIRD_BASE_URL={BASE_URL}\n" in told


def test_with_a_region_nobody_is_asked_and_nothing_is_written(clouds: Clouds) -> None:
    ended = clouds.run("--print", "--region", "us-west-004", "--file-info", "hash", **NOBODY)

    assert (ended.code, ended.out) == (0, dashboard.instructions(PUBLIC, ENDPOINT))
    assert clouds.wire.calls == [] and not clouds.path.exists()


def test_without_a_region_b2_says_where_it_is(clouds: Clouds) -> None:
    ended = clouds.run("--print", "--file-info", "hash", CLOUDFLARE_API_TOKEN=None)

    assert (ended.code, ended.out) == (0, dashboard.instructions(PUBLIC, ENDPOINT))
    assert clouds.wire.calls == ["authorize_account"]


def test_terraform_goes_into_a_folder_whose_files_are_named_on_stdout(clouds: Clouds, tmp_path: Path) -> None:
    target = tmp_path / "new" / "edge"

    ended = clouds.run(
        "--terraform", str(target), "--region", "us-west-004", "--private", "--worker", PROXY_HOST, **NOBODY
    )

    assert ended.code == 0
    named = [Path(line) for line in ended.out.splitlines()]
    assert sorted(named) == sorted(path for path in target.rglob("*") if path.is_file())
    assert json.loads((target / "main.tf.json").read_text())["terraform"]
    assert (target / "worker/read/src/index.js").is_file() and (target / "worker/src/index.js").is_file()
    assert clouds.wire.calls == []


def test_a_folder_that_cannot_be_written_is_said(clouds: Clouds, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    ended = clouds.run("--terraform", str(tmp_path / "file" / "x"), "--region", "us-west-004", **NOBODY)

    assert (ended.code, "cannot write" in ended.error) == (2, True)


def test_as_a_command_it_ends_in_one_line_and_a_status(tmp_path: Path) -> None:
    environment = {
        name: value for name, value in os.environ.items() if not re.match("B2_|CLOUDFLARE_|BOWERBIRD_", name)
    }
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "app.cli", "setup", "--domain", "i.example.com", "--bucket", "my-pictures"]

    ended = subprocess.run(
        command, cwd=tmp_path, env=environment | {"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert ended.stderr.startswith("bowerbird: set B2_APPLICATION_KEY_ID, B2_APPLICATION_KEY and CLOUDFLARE_API_TOKEN")
