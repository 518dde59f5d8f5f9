"""The repeated jobs as their owner sees them: what waits, what failed and why, and whether a worker lives."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .catalog import Catalog
from .catalog.jobs import MOST, JobRun, Queued
from .errors import BowerbirdError
from .heartbeat import Heartbeat

NOTED_EVERY = timedelta(minutes=1)  # while all is well: thumbnails alone are looked for twice a second
NAMES = ("thumbnails", "copies", "expiry", "deletions", "upkeep", "inspection", "comparison")
ALIVE = timedelta(minutes=3)  # longer than the longest pause between two successes of a job that is looked at


@dataclass(frozen=True, slots=True)
class JobState:
    """One job: `queued` wait for it, `failed` are given up (None: it has no queue); `failures` are those in a row, the
    last of them at `failed_at`, of `problem`. Times are UTC."""

    name: str
    queued: int | None
    failed: int | None
    failures: int
    problem: str | None
    succeeded_at: datetime | None
    failed_at: datetime | None

    @property
    def is_well(self) -> bool:
        return self.failures == 0


@dataclass(frozen=True, slots=True)
class Report:
    """All jobs. `worker_age_s` is since when the worker of this server is silent, None if none lives here; `is_worked`
    whether any worker did something of late, here or elsewhere."""

    jobs: list[JobState]
    worker_age_s: float | None
    is_worked: bool


class Record:
    """Writes down how jobs went: each failure, each change, and once a minute that all is well."""

    def __init__(self, catalog: Catalog, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._catalog = catalog
        self._clock = clock
        self._noted_at: dict[str, datetime] = {}

    def note(self, name: str, problem: str | None) -> None:
        """Write how the job of this name went just now: well, or of what it failed. A catalog that does not answer
        costs the note."""
        now = self._clock()
        noted_at = self._noted_at.pop(name, None)
        if problem is None and noted_at and timedelta(0) <= now - noted_at < NOTED_EVERY:
            self._noted_at[name] = noted_at
            return
        try:
            if problem is not None:
                self._catalog.jobs.failed(name, problem, now=now)
                return
            self._catalog.jobs.succeeded(name, now=now)
        except BowerbirdError:
            return
        self._noted_at[name] = now


def collect(catalog: Catalog, heartbeat: Heartbeat, *, now: datetime) -> Report:
    """Return how the jobs stand at this moment."""
    runs = {run.name: run for run in catalog.jobs.list()}
    queues = _queues(catalog.jobs.queued(now=now))
    names = [name for name in NAMES if name in runs or name in queues]
    names += [name for name in runs if name not in NAMES]
    states = [_state(runs.get(name, JobRun(name)), *queues.get(name, (None, None))) for name in names]
    is_worked = any(run.succeeded_at and now - run.succeeded_at < ALIVE for run in runs.values())
    return Report(states, heartbeat.age_s(now.timestamp()), is_worked)


def show_count(count: int) -> str:
    """Return a number of rows as people read it.

    >>> show_count(7), show_count(MOST)
    ('7', '10,000 or more')
    """
    return f"{count:,}" + (" or more" if count >= MOST else "")


def worker_line(found: Report) -> str:
    """Return whether a worker lives, in words."""
    if found.worker_age_s is not None:
        return f"lives, and began its last turn {found.worker_age_s:.0f} seconds ago"
    return "none on this server; one elsewhere works" if found.is_worked else "none works: bowerbird worker"


def state_line(one: JobState) -> str:
    """Return how a job stands, in words."""
    words = [] if one.queued is None else [f"{show_count(one.queued)} waiting"]
    if one.failed:
        words.append(f"{show_count(one.failed)} given up")
    words.append(f"last done {one.succeeded_at:%Y-%m-%d %H:%M} UTC" if one.succeeded_at else "never done yet")
    if not one.is_well:
        words.append(f"failed ({one.failures} in a row): {one.problem}")
    return ", ".join(words)


def _queues(queued: Queued) -> dict[str, tuple[int, int | None]]:
    """Return what waits for each job, and what it has given up."""
    return {
        "thumbnails": (queued.undrawn, queued.undrawable),
        "deletions": (queued.deletions, None),
        "expiry": (queued.overdue, None),
        "upkeep": (queued.pending, None),
        "inspection": (queued.found, None),
    }


def _state(run: JobRun, queued: int | None, failed: int | None) -> JobState:
    return JobState(run.name, queued, failed, run.failures, run.problem, run.succeeded_at, run.failed_at)
