"""The demo: the whole system on this machine, as `make demo` starts it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.conftest import free_port


def test_the_demo_runs_the_doctor_finds_it_well_and_a_port_that_is_taken_is_one_clear_line() -> None:
    ports = [f"--{name}-port={free_port()}" for name in ("app", "edge", "api", "worker", "s3", "friendly")]
    command = [sys.executable, "-m", "tests.demo", *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as demo:
        said = ""
        for line in demo.stdout or ():
            said += line
            if "bowerbird sxcu" in line:
                break
        folder = re.search(r"\(cd (\S+) && \S+/bowerbird doctor\)", said)[1]
        bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
        doctor = subprocess.run(
            [sys.executable, "-m", "app.cli", "doctor"],
            cwd=folder, env=bare, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        demo.send_signal(signal.SIGTERM)
        demo.wait(30)

    for words in ("export AWS_ACCESS_KEY_ID=demo-key-id", "export AWS_SECRET_ACCESS_KEY=demo-secret-access-key",
                  "export AWS_DEFAULT_REGION=us-west-004", "demo-owner-token", "bowerbird-demo"):  # fmt: skip
        assert words in said
    assert (doctor.returncode, doctor.stderr) == (0, "36 ok, 0 to look at, 0 wrong, 0 not checked\n")
    assert (second.returncode, len(second.stderr.splitlines())) == (2, 1)
    assert second.stderr.startswith("the demo cannot start: ")
    assert demo.returncode == 0
