"""The programs of the system that some tests need."""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_NEEDED = {
    "chromium": "the tests of the page in a real browser",
    "exiftool": "the tests that ask exiftool what is left of the metadata",
    "fish": "the tests of the function for fish",
    "nginx": "the tests of the nginx configurations in docs/",
    "postgres": "the tests of the catalog on PostgreSQL",
    "rclone": "the test of rclone through the signing proxy",
    "shellcheck": "what shellcheck says of the clients' scripts",
    "systemd-analyze": "the test of the unit for systemd",
    "redis-server": "the test of a server over S3, PostgreSQL and Redis",
    "zsh": "the tests of the functions for zsh",
}


@functools.cache
def find(program: str) -> str | None:
    """Return where a program is, also where Debian hides PostgreSQL's and keeps those for root."""
    if program == "chromium" and (lighter := shutil.which("chromium-headless-shell")):
        return lighter  # the same engine without the windows around it: each page costs half
    if found := shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin"):
        return found
    hidden = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return str(hidden[-1]) if hidden else None


def node() -> str:
    """Return Node.js: the system's, or the one that scripts/node-modules has put beside Python."""
    beside = Path(sys.executable).parent / "node"
    return str(beside) if beside.exists() else (shutil.which("node") or "node")


@functools.cache
def missing() -> dict[str, str]:
    """Return the programs that are not here, and what cannot be tested without them."""
    found = {program: what for program, what in _NEEDED.items() if not find(program)}
    return found if may_mount() else found | {"the right to mount": "the tests of a full and of a read-only disk"}


@functools.cache
def may_mount() -> bool:
    """Whether this user may mount a file system in memory."""
    if os.geteuid() or not find("mount"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        is_done = subprocess.run(["mount", "-t", "tmpfs", "none", folder], capture_output=True, check=False)
        return is_done.returncode == 0 and not subprocess.run(["umount", folder], check=False).returncode
