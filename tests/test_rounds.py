"""The repeated jobs: each at its own pace, and none of them held up by another that fails."""

from app.errors import EdgeUnavailable, StoreUnavailable
from app.rounds import LONGEST_PAUSE_S, Job, run_due


class House:
    """Two jobs and a clock; `quick` fails as long as it is told to."""

    def __init__(self):
        self.now, self.ran, self.said, self.error = 0.0, [], [], None
        self.jobs = [Job("quick", 2, self.quick), Job("slow", 60, lambda: self.ran.append("slow"))]

    def quick(self):
        self.ran.append("quick")
        if self.error:
            raise self.error

    def go(self, seconds):
        """Let the time go by as a worker does, and return what ran."""
        self.ran, end = [], self.now + seconds
        while self.now < end:
            self.now += run_due(self.jobs, lambda: self.now, self.said.append)
        return self.ran


def test_each_job_runs_at_its_own_pace():
    house = House()

    ran = house.go(120)

    assert (ran.count("quick"), ran.count("slow")) == (60, 2)


def test_a_job_that_fails_pauses_longer_each_time_and_holds_up_no_other():
    house = House()
    house.error = StoreUnavailable("the store does not answer")
    house.error.retry_after_s = 0

    ran = house.go(600)

    assert ran.count("slow") == 10
    assert 10 <= ran.count("quick") <= 16
    assert house.said[0] == "quick: the store does not answer; again in 4 seconds"
    assert house.said[-1].endswith(f"again in {LONGEST_PAUSE_S:.0f} seconds")


def test_a_job_that_recovers_is_back_at_its_pace():
    house = House()
    house.error = StoreUnavailable("the store does not answer")
    house.go(600)
    house.error = None
    house.go(60)

    assert house.go(60).count("quick") == 30


def test_a_wait_that_was_asked_for_is_kept_up_to_a_minute():
    house = House()
    house.error = EdgeUnavailable("too many requests", 30)
    house.go(1)
    assert house.said == ["quick: too many requests; again in 30 seconds"]

    house.error = EdgeUnavailable("too many requests", 3600)
    house.go(31)

    assert house.said[-1] == "quick: too many requests; again in 60 seconds"


def test_a_job_whose_time_has_not_come_is_not_noted_as_done():
    noted, answers = [], iter([True, False, False])
    jobs = [Job("backup", 60, lambda: next(answers))]
    times = iter(range(0, 1000, 60))
    for _ in range(3):
        run_due(jobs, lambda: next(times), noted.append, lambda *told: noted.append(told))

    assert noted == [("backup", None)]
