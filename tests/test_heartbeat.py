"""Whether a worker lives is seen by a lock that no death leaves behind."""

import os
import subprocess
import sys
from pathlib import Path

from app.heartbeat import Heartbeat

_SCRIPT = """
import sys
from pathlib import Path
from app.heartbeat import Heartbeat
heart = Heartbeat(Path(sys.argv[1]))
heart.beat()
print("beats", flush=True)
sys.stdin.read()
"""


def test_where_none_ever_ran_none_lives(tmp_path: Path) -> None:
    assert Heartbeat(tmp_path).age_s(0) is None


def test_a_beat_has_an_age_until_the_worker_stops(tmp_path: Path) -> None:
    heart = Heartbeat(tmp_path)
    heart.beat()
    os.utime(tmp_path / "worker.alive", (1000, 1000))

    assert Heartbeat(tmp_path).age_s(1060) == 60
    heart.beat()
    assert Heartbeat(tmp_path).age_s(1060) == 0
    heart.stop()
    assert Heartbeat(tmp_path).age_s(1060) is None


def test_two_workers_may_share_a_folder(tmp_path: Path) -> None:
    first, second = Heartbeat(tmp_path), Heartbeat(tmp_path)
    first.beat()
    second.beat()
    first.stop()

    assert Heartbeat(tmp_path).age_s(0) == 0
    second.stop()
    assert Heartbeat(tmp_path).age_s(0) is None


def test_a_worker_that_was_killed_does_not_live(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _SCRIPT, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert Heartbeat(tmp_path).age_s(0) == 0
        process.kill()
        process.wait()

    assert Heartbeat(tmp_path).age_s(0) is None
