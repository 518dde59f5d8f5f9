"""The repeated jobs as their owner sees them, and what it costs the catalog to remember how they went."""

from datetime import timedelta

import pytest

from app import jobs
from app.catalog.records import State
from app.errors import Busy, StoreUnavailable
from app.heartbeat import Heartbeat
from app.jobs import Record
from app.rounds import Job, run_due
from tests.test_uploads import House


@pytest.fixture
def house(make_settings):
    made = House(make_settings())
    yield made
    made.close()


def report(house, data_dir):
    return jobs.collect(house.catalog, Heartbeat(data_dir), now=house.clock())


def run_of(house, name):
    return next((run for run in house.catalog.jobs.list() if run.name == name), None)


class Writes:
    """A catalog that counts what is written to its table of jobs, and may be away."""

    def __init__(self, catalog):
        self.jobs, self.count, self._catalog, self.is_away = self, 0, catalog, False

    def _write(self, write, *args, **kwargs):
        self.count += 1
        if self.is_away:
            raise Busy("the catalog does not answer")
        write(*args, **kwargs)

    def succeeded(self, *args, **kwargs):
        self._write(self._catalog.jobs.succeeded, *args, **kwargs)

    def failed(self, *args, **kwargs):
        self._write(self._catalog.jobs.failed, *args, **kwargs)


def test_while_all_is_well_it_is_written_once_a_minute(house):
    catalog = Writes(house.catalog)
    record = Record(catalog, house.clock)

    for _ in range(240):  # two minutes, at the pace of the thumbnails
        record.note("thumbnails", None)
        house.clock.tick(seconds=0.5)

    assert catalog.count == 2
    assert run_of(house, "thumbnails").succeeded_at == house.clock() - timedelta(minutes=1)


def test_each_change_is_written_at_once(house):
    record = Record(house.catalog, house.clock)
    record.note("deletions", None)
    house.clock.tick(seconds=1)
    record.note("deletions", "the store is gone")
    record.note("deletions", "the store is still gone")

    failing = run_of(house, "deletions")
    house.clock.tick(seconds=1)
    record.note("deletions", None)
    well = run_of(house, "deletions")

    assert (failing.failures, failing.problem) == (2, "the store is still gone")
    assert failing.succeeded_at == failing.failed_at - timedelta(seconds=1)
    assert (well.failures, well.succeeded_at, well.problem) == (0, house.clock(), "the store is still gone")


def test_several_workers_write_to_one_row(house):
    one, other = Record(house.catalog, house.clock), Record(house.catalog, house.clock)
    one.note("expiry", "no")
    other.note("expiry", "no")
    assert run_of(house, "expiry").failures == 2

    other.note("expiry", None)

    assert run_of(house, "expiry").failures == 0


def test_a_catalog_that_does_not_answer_ends_no_worker_and_is_told_later(house):
    catalog = Writes(house.catalog)
    record = Record(catalog, house.clock)
    catalog.is_away = True
    record.note("upkeep", None)
    record.note("upkeep", "the catalog does not answer")
    assert run_of(house, "upkeep") is None

    catalog.is_away = False
    record.note("upkeep", None)

    assert run_of(house, "upkeep").succeeded_at == house.clock()


def test_a_round_tells_how_each_job_went(house):
    def fail():
        raise StoreUnavailable("the store is gone")

    def break_down():
        raise KeyError("bug")

    record = Record(house.catalog, house.clock)
    run_due([Job("well", 1, lambda: None), Job("ill", 1, fail)], lambda: 0.0, lambda _: None, record.note)
    with pytest.raises(KeyError):
        run_due([Job("broken", 1, break_down)], lambda: 0.0, lambda _: None, record.note)

    assert [(run.name, run.failures, run.problem) for run in house.catalog.jobs.list()] == [
        ("broken", 1, "unforeseen: KeyError"),
        ("ill", 1, "the store is gone"),
        ("well", 0, None),
    ]


def test_what_waits_is_told_by_its_kind(house, tmp_path):
    gone, broken = house.send().key, house.send(key="b").key
    house.catalog.thumbnails.failed(house.catalog.uploads.get(broken), "cut off", is_over=True)
    house.send(key="c", expires_at=house.clock() + timedelta(hours=1))
    house.catalog.uploads.retire([gone], states=(State.LIVE,))
    house.clock.tick(hours=2)

    states = {one.name: one for one in report(house, tmp_path).jobs}

    assert (states["thumbnails"].queued, states["thumbnails"].failed) == (1, 1)
    assert (states["deletions"].queued, states["expiry"].queued, states["inspection"].queued) == (1, 1, 0)


def test_jobs_that_others_add_are_shown_too(house, tmp_path):
    house.catalog.jobs.failed("backup", "the disk is full", now=house.clock())

    last = report(house, tmp_path).jobs[-1]

    assert (last.name, last.problem, last.is_well, last.queued) == ("backup", "the disk is full", False, None)


def test_whether_a_worker_lives_is_seen_here_and_elsewhere(house, tmp_path):
    assert (report(house, tmp_path).worker_age_s, report(house, tmp_path).is_worked) == (None, False)
    house.catalog.jobs.succeeded("expiry", now=house.clock())
    assert report(house, tmp_path).is_worked
    house.clock.tick(minutes=4)
    assert not report(house, tmp_path).is_worked

    heart = Heartbeat(tmp_path)
    heart.beat()

    assert report(house, tmp_path).worker_age_s is not None
    heart.stop()
