"""`bowerbird doctor` as it is typed: lines or JSON on stdout, talk on stderr, exit 0 or 1."""

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner

from app.cli import cli
from app.doctor import Finding

command = importlib.import_module("app.cli.doctor")  # by its name it is the click command

GREEN = [Finding("catalog", "it answers"), Finding("public deletion", "nobody may purge", "set a token", "warn")]
RED = [*GREEN, Finding("worker", "none runs", "start one", "fail"), Finding("x", "not checked", level="skip")]


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Give back what the command does about signals."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, action in zip(numbers, before, strict=True):
        signal.signal(number, action)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Callable[..., tuple]:
    monkeypatch.setenv("BOWERBIRD_DATA_DIR", str(tmp_path))
    asked: list[dict] = []

    def invoke(findings: list[Finding], *arguments: str):
        def examine(settings, **options):
            asked.append(options)
            yield from findings

        monkeypatch.setattr(command, "examine", examine)
        return CliRunner().invoke(cli, ["doctor", *arguments]), asked[-1]

    return invoke


def test_each_finding_is_a_line_and_what_to_do_stands_below(run: Callable[..., tuple]) -> None:
    result, asked = run(RED)

    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "ok    catalog                   it answers"
    assert lines[1].startswith("warn  public deletion")
    assert lines[2] == " " * 32 + "> set a token"
    assert lines[3].startswith("FAIL  worker") and lines[5].startswith("-     x")
    assert result.stderr == "1 ok, 1 to look at, 1 wrong, 1 not checked\n"
    assert asked == {"only_public": False}


def test_a_warning_is_no_failure(run: Callable[..., tuple]) -> None:
    assert run(GREEN)[0].exit_code == 0


def test_json_is_a_list_for_machines(run: Callable[..., tuple]) -> None:
    result, asked = run(RED, "--json", "--public-only")

    assert result.exit_code == 1
    assert [one["level"] for one in json.loads(result.stdout)] == ["ok", "warn", "fail", "skip"]
    assert set(json.loads(result.stdout)[0]) == {"check", "seen", "advice", "level"}
    assert asked == {"only_public": True}


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_every_setting_that_is_wrong_is_a_finding(tmp_path, arguments: list[str]) -> None:
    environment = os.environ | {"BOWERBIRD_STORE": "s3", "BOWERBIRD_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "app.cli", "doctor", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "BOWERBIRD_S3_BUCKET: must be set" in done.stdout and "BOWERBIRD_S3_REGION: must be set" in done.stdout
    if arguments:
        assert {(one["check"], one["level"]) for one in json.loads(done.stdout)} == {("settings", "fail")}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_visit_as_it_should_end(monkeypatch, tmp_path, number: int) -> None:
    ended = []

    def examine(settings, **options):
        try:
            yield GREEN[0]
            os.kill(os.getpid(), number)
            yield GREEN[1]
        finally:
            os.kill(os.getpid(), number)  # who asks again does not keep it from cleaning up
            ended.append("cleaned")

    monkeypatch.setenv("BOWERBIRD_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(command, "examine", examine)

    result = CliRunner().invoke(cli, ["doctor"])

    assert ended == ["cleaned"]
    assert result.exit_code == 1
    assert "public deletion" not in result.stdout
