"""Decoder processes as the tests watch them, and an image that keeps one at work."""

import io
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from PIL import Image

SOON_S = 20
ROOT = Path(__file__).parent.parent


def _slow() -> bytes:
    """Return a JPEG of a few kilobytes and many seconds of work."""
    file = io.BytesIO()
    Image.new("L", (2000, 1500)).save(file, "JPEG", progressive=True)
    whole = file.getvalue()
    return whole[:-2] + whole[whole.rindex(b"\xff\xda") : -2] * 5000 + whole[-2:]


SLOW = _slow()


def decoders() -> set[int]:
    """Return the process ids of all decoders of this process, dead ones that nobody waited for included."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            found |= {int(child) for child in (task / "children").read_text().split() if _is_decoder(child)}
    return found


def _is_decoder(process: str) -> bool:
    command = Path(f"/proc/{process}/cmdline").read_text()
    return not command or "app.decoder" in command


def at_work(before: set[int]) -> int:
    """Wait until a decoder that is not one of `before` has decoded for a while; return its process id."""
    deadline = time.monotonic() + SOON_S
    while time.monotonic() < deadline:
        for child in decoders() - before:
            if int(Path(f"/proc/{child}/schedstat").read_text().split()[0]) > 400_000_000:  # ns: it starts in 100 ms
                return child
    raise AssertionError("no decoder started to work")


def python(code: str, given: bytes = b"") -> bytes:
    """Run `code` in a Python of its own and return what it prints."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, input=given, capture_output=True, check=True, timeout=SOON_S, cwd=ROOT).stdout
