"""Known holes of libraries: the floors under which none may be, and the script that asks for new ones."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent.parent
FLOORS = {
    "flask": "3.1.3",  # GHSA-68rp-wp8r-4726: Vary: Cookie was missing
    "werkzeug": "3.1.7",  # CVE-2024-49767, CVE-2023-46136, CVE-2023-25577; 3.1.4 to 3.1.6 corrupt some uploads
    "gunicorn": "26.1",  # CVE-2024-1135 and CVE-2024-6827, and cut chunked bodies were taken for whole
    "pillow": "12.3",  # CVE-2026-25990, -40192, -42310, -54058, -59198 to -59204
}


def test_no_library_may_be_older_than_the_mend_of_a_known_hole():
    server = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["server"]
    asked = {canonicalize_name(one.name): one.specifier for one in map(Requirement, server)}

    for name, floor in FLOORS.items():
        (least,) = [Version(one.version) for one in asked[name] if one.operator == ">="]
        assert least >= Version(floor), name


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_the_locks_hold_the_floors(lock):
    pinned = dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))

    for name, floor in FLOORS.items():
        assert Version(pinned[name]) >= Version(floor), name


KNOWN = "jinja2 2.4.1   PYSEC-2014-8 2.7.2"
HOLE = '{"auditReportVersion": 2, "metadata": {"vulnerabilities": {"total": 3}}}'
NONE = '{"auditReportVersion": 2, "metadata": {"vulnerabilities": {"total": 0}, "dependencies": {"total": 90}}}'
SILENT = "No known vulnerabilities found"


@pytest.mark.parametrize(
    ("known", "locks", "npm", "status", "told"),
    [
        (KNOWN, SILENT, NONE, 0, []),
        (SILENT, SILENT, NONE, 0, ["NO RESULT for Python"]),
        (
            "Traceback",
            "Traceback",
            "npm error audit endpoint",
            0,
            ["Python", "the Worker's packages"],
        ),
        (KNOWN, "pillow 9.0 PYSEC-2022-8", NONE, 1, []),
        (KNOWN, SILENT, HOLE, 1, []),
        (SILENT, SILENT, HOLE, 1, ["NO RESULT for Python"]),
    ],
)
def test_the_audit_fails_for_a_hole_and_tells_what_is_no_result(tmp_path, known, locks, npm, status, told):
    """pip-audit says "no known vulnerabilities" with exit 0 where it could ask nobody."""

    def program(name, lines):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\n" + lines)
        path.chmod(0o755)

    found = 'case "$*" in *known.txt*) echo "{}"; exit {};; *) echo "{}"; exit {};; esac\n'
    program("python", found.format(known, int("PYSEC" in known), locks, int("PYSEC" in locks)))
    program("npm", f"cat <<'E'\n{npm}\nE\nexit {int(npm != NONE)}\n")
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}

    done = subprocess.run(
        [ROOT / "scripts" / "audit", tmp_path], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == status, done.stderr
    assert done.stderr.count("NO RESULT") == len(told)
    assert all(words in done.stderr for words in told)
