"""Where the app runs: the Procfile's lines, the unit for systemd and the container's context do what they say."""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import free_port
from tests.programs import find, missing

ROOT = Path(__file__).parent.parent
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())


@pytest.fixture
def run(tmp_path):
    """Run a line of the Procfile as a platform does: in a shell, the command on the path, the port in PORT."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BOWERBIRD_")}
    path = f"{Path(sys.executable).parent}:{kept['PATH']}"
    processes = []

    def run(name, **more):
        environment = {**kept, "PATH": path, "BOWERBIRD_DATA_DIR": str(tmp_path / "data"), **more}
        processes.append(
            subprocess.Popen(
                PROCFILE[name],
                shell=True,
                cwd=tmp_path,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        )
        return processes[-1]

    yield run
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, 15)
        process.wait(40)
        process.stdout.close()


def test_a_platform_releases_and_then_reaches_the_web_process_at_its_port(run):
    assert run("release").wait(60) == 0
    port = free_port()

    web = run("web", PORT=str(port))
    for line in web.stdout:
        if "bowerbird sxcu" in line:
            break

    for _ in range(200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            with pytest.raises(subprocess.TimeoutExpired):
                web.wait(0.1)
    raise AssertionError("the web process does not answer")


def test_the_worker_process_stays(run):
    worker = run("worker")

    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(3)


if "systemd-analyze" not in missing():

    @pytest.mark.parametrize("name", ["bowerbird.service", "bowerbird-worker.service"])
    def test_systemd_understands_the_unit_and_finds_it_closed_enough(tmp_path, name):
        text = (ROOT / "docs" / name).read_text()
        command = re.search(r"^ExecStart=(\S+) (serve|worker)$", text, re.MULTILINE)[1]
        unit = tmp_path / name
        unit.write_text(text.replace(command, sys.executable))

        verified = subprocess.run(
            [find("systemd-analyze"), "verify", unit], capture_output=True, text=True, check=False
        )
        judged = subprocess.run(
            [find("systemd-analyze"), "security", "--offline=yes", "--threshold=25", unit],
            capture_output=True,
            text=True,
            check=False,
        )

        assert (verified.returncode, verified.stderr) == (0, "")
        assert judged.returncode == 0, judged.stdout


def test_a_container_is_given_all_that_the_package_is_made_of_and_nothing_else(tmp_path):
    context = tmp_path / "context"
    context.mkdir()
    rules = (ROOT / ".dockerignore").read_text().split()
    assert rules[0] == "*"
    for name in (rule[1:] for rule in rules if rule.startswith("!")):
        source = ROOT / name
        ignored = shutil.ignore_patterns("node_modules", "__pycache__")
        shutil.copytree(source, context / name, ignore=ignored) if source.is_dir() else shutil.copy(source, context)

    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=context, check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    assert list(tmp_path.glob("bowerbird-*.whl"))
    copied = re.findall(r"^COPY (\S+) ", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert all(name == "." or any(fnmatch.fnmatch(f"!{name}", rule) for rule in rules) for name in copied)
    assert not any(secret in rule for rule in rules for secret in (".env", "data"))
