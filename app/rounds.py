"""The repeated jobs of a worker: each at its own pace, and after each failure in a row a longer pause."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .errors import BowerbirdError

LONGEST_PAUSE_S = 60.0


@dataclass(slots=True)
class Job:
    """`run` is called every `every_s` seconds; when it fails, after pauses that double from there to a minute. It
    returns False if it was not its time yet."""

    name: str
    every_s: float
    run: Callable[[], object]
    due_at: float = float("-inf")
    failures: int = 0


def run_due(
    jobs: Sequence[Job],
    clock: Callable[[], float],
    complain: Callable[[str], None],
    note: Callable[[str, str | None], None] = lambda _name, _problem: None,
) -> float:
    """Run the jobs whose time has come, and return how many seconds the next one is away.

    `clock` counts seconds. What a job raises of our errors is told to `complain` in one line, and holds up no other.
    `note` is told after each job how it went: its name, and what it failed of.
    """
    for job in jobs:
        if clock() < job.due_at:
            continue
        pause_s = job.every_s
        try:
            is_done = job.run() is not False
            job.failures = 0
            if is_done:
                note(job.name, None)
        except BowerbirdError as e:
            job.failures += 1
            note(job.name, str(e))
            asked_s = getattr(e, "retry_after_s", 0)
            pause_s = max(min(job.every_s * 2 ** min(job.failures, 10), LONGEST_PAUSE_S), min(asked_s, LONGEST_PAUSE_S))
            complain(f"{job.name}: {e}; again in {pause_s:.0f} seconds")
        except Exception as e:
            note(job.name, f"unforeseen: {type(e).__name__}")
            raise
        job.due_at = clock() + pause_s
    return max(0.0, min(job.due_at for job in jobs) - clock())
