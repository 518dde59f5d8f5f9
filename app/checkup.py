"""The doctor's visit, asked for from elsewhere: in a process of its own, which has its time and a clean end."""

import json
import subprocess
import sys
from collections.abc import Sequence

from .doctor import Finding
from .errors import Busy, Unavailable

TIMEOUT_S = 60.0
CLEAN_UP_S = 20.0  # after that: what it has put into the bucket is removed
COMMAND = (sys.executable, "-m", "app.cli", "doctor", "--json")


def visit(command: Sequence[str] = COMMAND, *, timeout_s: float = TIMEOUT_S) -> list[Finding]:
    """Return what the doctor finds, over the settings of this process's environment.

    Raises Busy if that takes longer than `timeout_s`, Unavailable if the doctor itself breaks down.
    """
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        told, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as e:
        raise Busy(f"the checks took longer than {timeout_s:.0f} seconds; on the server: bowerbird doctor") from e
    finally:
        _end(process)
    try:
        return [Finding(**one) for one in json.loads(told)]
    except (ValueError, TypeError) as e:
        raise Unavailable("the checks came to no end; on the server: bowerbird doctor") from e


def _end(process: "subprocess.Popen[bytes]") -> None:
    """See to it that the process is gone, and that it could remove first what it had put into the bucket."""
    if process.poll() is None:
        process.terminate()
        try:
            process.communicate(timeout=CLEAN_UP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
