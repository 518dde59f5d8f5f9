"""`bowerbird worker` beside `serve`: whatever it says is a line of the log."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from app.cli.worker import _jobs
from app.inventory import Compared


def start(folder, *options, **settings):
    """Run the worker as long as it takes to fail."""
    command = [sys.executable, "-m", "app.cli", "worker", *options]
    env = {**os.environ, "BOWERBIRD_DATA_DIR": str(folder / "data"), "PYTHONPATH": str(Path.cwd()), **settings}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"BOWERBIRD_MAX_FRAMES": "many"},
        {"BOWERBIRD_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/none"},
    ],
)
def test_what_keeps_it_from_starting_is_a_line_of_the_log_and_by_itself_one_to_be_read(tmp_path, wrong):
    beside = start(tmp_path, "--with-parent", **wrong)
    alone = start(tmp_path, **wrong)

    [line] = [json.loads(line) for line in beside.stderr.splitlines()]
    assert (beside.returncode, line["event"], line["level"]) == (1, "the worker cannot start", "error")
    assert alone.returncode in (1, 2)
    assert alone.stderr == f"bowerbird: {line['why']}\n"


def test_that_many_uploads_have_no_object_is_a_line_of_the_log(capfd):
    compared = Compared(dangling=12, live=20, refused=True)
    opened = SimpleNamespace(inventory=SimpleNamespace(compare=lambda *, grace_s: compared))
    [job] = [job for job in _jobs(SimpleNamespace(store="s3"), opened) if job.name == "comparison"]

    with capture_logs() as logged:
        job.run()

    [line] = logged
    assert line["why"].startswith("12 of 20 uploads have no object: is it the right bucket?")
    assert capfd.readouterr() == ("", "")
