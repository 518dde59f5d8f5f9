"""What was written to an SQLite catalog lasts, though SQLite itself is told not to wait for the disk."""

import errno
import os
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from app.catalog.engine import Database
from app.errors import StoreUnavailable
from tests.waiting import soon

fdatasync = os.fdatasync


@pytest.fixture
def database(tmp_path):
    made = Database(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    with made.write() as connection:
        connection.execute(text("CREATE TABLE notes (note INTEGER PRIMARY KEY)"))
    made.sync()
    yield made
    made.close()


def write(database, note):
    with database.write() as connection:
        connection.execute(text("INSERT INTO notes VALUES (:note)"), {"note": note})


def notes(path):
    with sqlite3.connect(path) as connection:
        found = {note for (note,) in connection.execute("SELECT note FROM notes")}
    connection.close()
    return found


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """What a power cut would leave: the files as they were when the sync that was done last had begun."""
    copies, lock = tmp_path / "disk", threading.Lock()
    copies.mkdir()

    def sync(descriptor):
        with lock:
            for path in tmp_path.glob("catalog.sqlite3*"):
                shutil.copy(path, copies / f"{path.name}.new")
            fdatasync(descriptor)
            for path in copies.glob("*.new"):
                path.rename(path.with_suffix(""))

    monkeypatch.setattr("os.fdatasync", sync)

    def after_a_power_cut():
        with lock:
            shutil.copytree(copies, found := tmp_path / f"found-{threading.get_ident()}", dirs_exist_ok=True)
        return notes(found / "catalog.sqlite3")

    return after_a_power_cut


def test_what_was_written_survives_a_power_cut_whoever_else_writes(database, disk):
    def writer(first):
        for note in range(first, first + 10):
            write(database, note)
            assert note in disk()

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(writer, 100 * number) for number in range(4)]:
            done.result()
    assert len(disk()) == 40


def test_while_one_waits_for_the_disk_others_write_and_one_sync_serves_them_all(database, tmp_path, monkeypatch):
    may_go_on, syncs = threading.Event(), []

    def sync(descriptor):
        syncs.append(descriptor)
        assert may_go_on.wait(30)

    monkeypatch.setattr("os.fdatasync", sync)
    with ThreadPoolExecutor(8) as threads:
        try:
            written = [threads.submit(write, database, 0)]
            soon(lambda: syncs)
            written += [threads.submit(write, database, note) for note in range(1, 8)]
            soon(lambda: len(notes(tmp_path / "catalog.sqlite3")) == 8)
            assert not any(one.done() for one in written), "nobody is told before it lasts"
        finally:
            may_go_on.set()
        for one in written:
            one.result()
    assert len(syncs) <= 3


def test_what_finds_in_a_transaction_what_another_has_written_is_told_so_once_it_lasts(database, disk, monkeypatch):
    write(database, 1)
    working = os.fdatasync

    def fail(descriptor):
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr("os.fdatasync", fail)
    with pytest.raises(StoreUnavailable):
        write(database, 2)
    with pytest.raises(StoreUnavailable), database.write() as connection:
        assert connection.scalar(text("SELECT count(*) FROM notes")) == 2
    monkeypatch.setattr("os.fdatasync", working)
    with database.write() as connection:
        assert connection.scalar(text("SELECT count(*) FROM notes")) == 2
    write(database, 3)
    assert disk() == {1, 2, 3}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_is_no_success_and_is_not_believed_the_next_time(number, database, tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.fdatasync", fail)
    with pytest.raises(StoreUnavailable, match="not known"):
        write(database, 1)
    monkeypatch.setattr("os.fdatasync", lambda descriptor: None)  # it says that all is well, and has lost the log
    write(database, 2)
    shutil.copy(tmp_path / "catalog.sqlite3", tmp_path / "alone.sqlite3")
    assert notes(tmp_path / "alone.sqlite3") >= {1}


def test_the_log_is_synced_where_sqlite_has_it_through_one_descriptor(tmp_path, monkeypatch):
    (tmp_path / "disk").mkdir()
    (tmp_path / "catalog.sqlite3").symlink_to(tmp_path / "disk" / "real.sqlite3")
    database, synced = Database(f"sqlite:///{tmp_path / 'catalog.sqlite3'}"), []

    def sync(descriptor):
        synced.append((descriptor, str(Path(f"/proc/self/fd/{descriptor}").readlink())))

    monkeypatch.setattr("os.fdatasync", sync)
    with database.write() as connection:
        connection.execute(text("CREATE TABLE notes (note INTEGER PRIMARY KEY)"))
    write(database, 1)
    assert set(synced) == {(synced[0][0], str(tmp_path / "disk" / "real.sqlite3-wal"))}
    database.close()
    write(database, 2)
    assert len(synced) == 3
    database.close()


def test_where_there_can_be_no_such_log_a_commit_waits_for_who_reads(tmp_path, monkeypatch):
    monkeypatch.setattr("app.catalog.sqlite_file._LOG", "DELETE")
    database = Database(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    with database.write() as connection:
        connection.execute(text("CREATE TABLE notes (note INTEGER PRIMARY KEY)"))
    reader = sqlite3.connect(tmp_path / "catalog.sqlite3", isolation_level=None, check_same_thread=False)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM notes").fetchall()
    timer = threading.Timer(0.3, reader.rollback)
    timer.start()
    write(database, 1)
    timer.join()
    reader.close()
    assert notes(tmp_path / "catalog.sqlite3") == {1}
    database.close()


def test_a_block_that_raises_leaves_nothing_and_the_next_one_begins_anew(database):
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        connection.execute(text("INSERT INTO notes VALUES (1)"))
        raise ZeroDivisionError
    write(database, 2)
    with database.read() as connection:
        assert connection.scalars(text("SELECT note FROM notes")).all() == [2]


def test_the_log_is_moved_into_the_database_now_and_then(database, tmp_path):
    for note in range(40):
        write(database, note)
    shutil.copy(tmp_path / "catalog.sqlite3", tmp_path / "alone.sqlite3")
    assert len(notes(tmp_path / "alone.sqlite3")) >= 20
