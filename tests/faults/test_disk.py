"""The server's own disk: full, then with room again, read-only, then writable again; and nobody starts it anew."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import OWNER
from tests.faults.conftest import House, is_honest
from tests.processes import ROOT
from tests.programs import may_mount

FULL = (507, "store_full")
READ_ONLY = (502, "store_misconfigured")

pytestmark = pytest.mark.skipif(not may_mount(), reason="the summary says so")


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 6 MB."""
    path = tmp_path / "disk"
    path.mkdir()
    mount("-t", "tmpfs", "-o", "size=6m", "none", str(path))
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture
def house(make_app: Callable[..., Flask], disk: Path) -> House:
    """An app that has everything on the small disk."""
    return House(make_app(data_dir=disk / "data"))


def fill(disk: Path, left: int = 0) -> Path:
    """Write until the disk is full but for `left` bytes."""
    path = disk / "ballast"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            file.truncate(max(0, file.tell() - left))
    return path


@pytest.mark.parametrize("left", [0, 4096, 60 * 1024], ids=["to its last byte", "but for a page", "but for a few"])
def test_on_a_full_disk_an_upload_is_refused_and_what_is_there_is_served(house: House, disk: Path, left: int) -> None:
    assert house.send(1).status_code == 201
    ballast = fill(disk, left)

    answers = [house.send(number, f"k{number}") for number in range(2, 6)]
    assert all(answer.status_code == 201 or is_honest(answer, *FULL) for answer in answers)
    assert left or not any(answer.status_code == 201 for answer in answers)
    assert house.readyz() == 507
    assert house.app.test_client().get(house.acknowledged[0].url).status_code == 200
    assert house.app.test_client().get("/api/uploads", headers={"Authorization": f"Bearer {OWNER}"}).status_code == 200

    ballast.unlink()
    assert house.readyz() == 200
    assert [house.send(number, f"k{number}").status_code for number in range(2, 6)] == [201] * 4
    assert house.settle().faults == {}


def test_where_the_images_are_read_only_an_upload_is_refused_and_nothing_is_kept(house: House, disk: Path) -> None:
    assert house.send(1).status_code == 201
    objects = disk / "data" / "objects"
    mount("--bind", str(objects), str(objects))
    mount("-o", "remount,bind,ro", str(objects))

    try:
        assert is_honest(house.send(2, "k"), *READ_ONLY)
        assert house.readyz() == 502
        assert house.app.test_client().get(house.acknowledged[0].url).status_code == 200
    finally:
        subprocess.run(["umount", str(objects)], check=True)
    assert house.send(2, "k").status_code == 201
    assert house.readyz() == 200
    assert house.settle().faults == {}


@pytest.mark.parametrize("is_new", [True, False], ids=["of a new server", "of a server that ran before"])
def test_over_a_read_only_folder_no_server_starts_and_one_line_says_why(
    disk: Path, made_tables: Path, is_new: bool
) -> None:
    if not is_new:
        (disk / "data").mkdir()
        shutil.copy(made_tables, disk / "data" / "catalog.sqlite3")
    mount("-o", "remount,ro", str(disk))
    environment = {
        "PATH": os.environ["PATH"],
        "BOWERBIRD_DATA_DIR": str(disk / "data"),
        "BOWERBIRD_BIND": "127.0.0.1:0",
    }

    command = [sys.executable, "-m", "app.cli", "serve"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)

    assert done.returncode in (1, 2)
    assert done.stdout == "" and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("bowerbird: ")
