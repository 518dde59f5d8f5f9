"""`make fuzz SECONDS=60`: each fuzzer for so long, led by what it covers; what breaks one lies in .fuzz/broken/."""

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path

from fuzz.seeds import seeds
from fuzz.targets import TARGETS

HOME = Path(".fuzz")  # what was found so far, by target: the next run goes on from there
BROKEN = HOME / "broken"
MAX_BYTES, TIMEOUT_S, MEMORY_MB = 16_384, 10, 2048  # of one input


def main() -> int:
    """Return 1 if something broke."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all of them if left out"
    )
    parser.add_argument("--seconds", type=int, default=60, help="how long each one runs")
    given = parser.parse_args()
    if unknown := set(given.targets) - set(TARGETS):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    BROKEN.mkdir(parents=True, exist_ok=True)
    results = {name: run(name, given.seconds) for name in given.targets or TARGETS}
    for name, is_good in results.items():
        print(f"{name}: {'good' if is_good else 'BROKEN, see above'}")
    return 0 if all(results.values()) else 1


def run(target: str, seconds: int) -> bool:
    """Fuzz one target; return whether nothing broke."""
    folder = HOME / target
    folder.mkdir(exist_ok=True)
    for seed in seeds(target):
        (folder / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    print(f"== {target}", flush=True)
    limits = (
        f"-max_total_time={seconds}",
        f"-max_len={MAX_BYTES}",
        f"-timeout={TIMEOUT_S}",
        f"-rss_limit_mb={MEMORY_MB}",
    )
    command = [sys.executable, "-m", "fuzz.one", target, *limits, f"-artifact_prefix={BROKEN}/{target}-"]
    done = subprocess.run([*command, "-print_final_stats=1", str(folder)], check=False)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
