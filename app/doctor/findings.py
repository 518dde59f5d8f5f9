"""What a check has found, and the order in which checks are made: none before those that it needs have passed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from ..errors import BowerbirdError

Level = Literal["ok", "warn", "fail", "skip"]
_UNKNOWN = "this is not a known symptom; `bowerbird doctor --json` beside the server's log says most about it"


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` is what was checked, `seen` what was seen, `advice` what to do about it; a `skip` was not checked."""

    check: str
    seen: str
    advice: str | None = None
    level: Level = "ok"


class Trouble(Exception):
    """What a check raises instead of returning what it saw, where that is not as it should be."""

    def __init__(self, seen: str, advice: str, *, level: Level = "fail") -> None:
        super().__init__(seen)
        self.seen, self.advice, self.level = seen, advice, level


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `look` returns what was seen, or raises Trouble; `needs` are the checks without which it is idle."""

    name: str
    look: Callable[[], str]
    needs: tuple[str, ...] = ()


def run(checks: Iterable[Check]) -> Iterator[Finding]:
    """Make the checks one by one and yield what each of them finds. A warning is no reason to leave another out."""
    idle: dict[str, str] = {}  # a check, and the first one that failed before it
    for check in checks:
        cause = next((idle[name] for name in check.needs if name in idle), None)
        found = _skipped(check, cause) if cause else _made(check)
        if found.level in ("fail", "skip"):
            idle[check.name] = cause or check.name
        yield found


def _skipped(check: Check, cause: str) -> Finding:
    return Finding(check.name, f"not checked, because '{cause}' failed", level="skip")


def _made(check: Check) -> Finding:
    try:
        return Finding(check.name, check.look())
    except Trouble as e:
        return Finding(check.name, e.seen, e.advice, e.level)
    except BowerbirdError as e:
        return Finding(check.name, str(e), _UNKNOWN, "fail")
