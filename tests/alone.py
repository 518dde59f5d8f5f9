"""The wheel as it is where nothing else was installed: a Python that finds it, and the libraries it asks for only."""

import re
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent

_BLOCK = """
import sys
sys.path.insert(0, {wheel!r})

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
import app
assert app.__file__.startswith({wheel!r}), app.__file__
"""


def unpacked_wheel(into: Path) -> Path:
    """Build the wheel, and return the folder that pip would unpack it into."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    [wheel] = into.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(into / "site-packages")
    return into / "site-packages"


def run_alone(wheel: Path, script: str, libraries: set[str], **options: object) -> subprocess.CompletedProcess[str]:
    """Run `script` over the unpacked wheel; all that can be imported is that and the `libraries` (distributions)."""
    owned = packages_distributions().items()
    absent = {name for name, owners in owned if not libraries & set(map(_plain, owners))} - {"app"}
    code = _BLOCK.format(wheel=str(wheel), absent=absent) + script
    command = [sys.executable, "-I", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)


def of_the_lock(path: Path) -> set[str]:
    """Return the distributions that a requirements file names."""
    return set(map(_plain, re.findall(r"(?m)^([A-Za-z0-9._-]+)==", path.read_text(encoding="utf-8"))))


def of_the_wheel(wheel: Path) -> set[str]:
    """Return the distributions that come with the wheel where no extra is asked for, and what these need in turn."""
    [metadata] = wheel.glob("*.dist-info/METADATA")
    found: set[str] = set()
    left = re.findall(r"(?m)^Requires-Dist: (.*)$", metadata.read_text(encoding="utf-8"))
    while left:
        wanted = Requirement(left.pop())
        name = _plain(wanted.name)
        if (wanted.marker is None or wanted.marker.evaluate({"extra": ""})) and name not in found:
            found.add(name)
            try:
                left += requires(name) or []
            except PackageNotFoundError:
                continue
    return found


def _plain(name: str) -> str:
    return str(canonicalize_name(name))
