"""The Worker as Cloudflare gets it: it builds, it says what it needs, and a queue delivers what a minute could not."""

import hashlib
import hmac
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.programs import node
from tests.worker.conftest import SECRET
from tests.workerd import WORKER, compatibility_date

ROOT = WORKER.parent
ENVIRONMENT = {"WRANGLER_SEND_METRICS": "false", "CI": "1"}


def all_of_it(path: Path) -> str:
    """Return a configuration with everything in it that stands there as a comment to be taken away."""
    return re.sub(r"^(\s*)// (?=[\"}\]]| +\")", r"\1", path.read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("config", ["wrangler.jsonc", "read/wrangler.jsonc"])
def test_what_stands_in_comments_can_be_taken_as_it_is(config: str) -> None:
    whole = WORKER / config.replace("wrangler", "wrangler.test")
    whole.write_text(all_of_it(WORKER / config))
    wrangler = WORKER / "node_modules/wrangler/bin/wrangler.js"
    command = [node(), str(wrangler), "deploy", "--dry-run", "--config", str(whole)]

    done = subprocess.run(
        command, cwd=WORKER, env=os.environ | ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False
    )
    whole.unlink()

    assert done.returncode == 0, done.stdout + done.stderr
    assert ("EVENTS" in done.stdout) is (config == "wrangler.jsonc")


@pytest.mark.parametrize("config", ["wrangler.jsonc", "read/wrangler.jsonc"])
def test_wrangler_builds_it(tmp_path: Path, config: str) -> None:
    wrangler = WORKER / "node_modules/wrangler/bin/wrangler.js"
    environment = os.environ | ENVIRONMENT | {"HOME": str(tmp_path)}
    command = [node(), str(wrangler), "deploy", "--dry-run", "--config", config, f"--outdir={tmp_path / 'built'}"]

    done = subprocess.run(
        command, cwd=WORKER, env=environment, capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "--dry-run: exiting now" in done.stdout
    built = (tmp_path / "built/index.js").read_text()
    assert len(built) < 64 * 1024
    assert "node_modules" not in built, "nothing of others goes along"


def test_it_depends_on_nothing_and_its_lock_names_no_place() -> None:
    package = json.loads((WORKER / "package.json").read_text())
    lock = (WORKER / "package-lock.json").read_text()

    assert "dependencies" not in package
    assert all(re.fullmatch(r"[\d.]+|\$\w+", version) for version in package["devDependencies"].values())
    assert '"resolved"' not in lock and "integrity" in lock
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", compatibility_date())


def test_every_variable_of_the_workers_stands_in_the_guide() -> None:
    code = "".join((WORKER / name).read_text() for name in ("src/env.js", "read/src/env.js"))
    guide = (ROOT / "docs/signing-proxy.md").read_text()
    read = set(re.findall(r"env\.([A-Z][A-Z0-9_]+)", code)) | {"EVENTS"}

    assert read == set(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \|", guide, re.MULTILINE))


def test_both_workers_run_as_of_the_same_day_and_the_reader_is_not_on_workers_dev() -> None:
    proxy, reader = ((WORKER / name).read_text() for name in ("wrangler.jsonc", "read/wrangler.jsonc"))

    assert f'"compatibility_date": "{compatibility_date()}"' in proxy and compatibility_date() in reader
    assert '"workers_dev": false' in reader, "the Cache API does nothing there"


def test_a_queue_keeps_what_the_app_did_not_take_and_brings_it_again() -> None:
    """Miniflare's queue, which is Cloudflare's own stand-in for theirs."""
    done = subprocess.run(
        [node(), "test/queue.mjs", SECRET], cwd=WORKER, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    tries = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["status"] for one in tries] == [503, 200]
    assert len({one["body"] for one in tries}) == 1
    for one in tries:
        assert one["signature"] == "v1=" + hmac.new(SECRET.encode(), one["body"].encode(), hashlib.sha256).hexdigest()
