"""How uploads go, told on standard error: bars on a terminal, a line for each elsewhere."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Self

import click

from ..amounts import show_size
from ..client.api import shown
from ..client.retry import Stopped
from ..client.sending import Outcome
from ..client.sources import Source

if TYPE_CHECKING:
    from rich.progress import TaskID


def failure(outcome: Outcome) -> str:
    """Return the line for what was not uploaded."""
    return f"bowerbird: {shown(outcome.source.label)}: {outcome.error}"


class Lines:
    """A line for what is there, what failed, and each wait; of `count` files, if that is known."""

    def __init__(self, count: int | None = None) -> None:
        self._count, self._ended = count, 0
        self._sizes: dict[int, int] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, source: Source, size: int) -> None:
        self._sizes[id(source)] = size

    def at(self, source: Source, position: int) -> None:
        pass

    def note(self, source: Source, text: str) -> None:
        click.echo(f"{shown(source.label)}: {shown(text)}", err=True)

    def end(self, outcome: Outcome) -> None:
        with self._lock:
            self._ended += 1
            number = f"{self._ended} of {self._count}: " if self._count else ""
        size = self._sizes.pop(id(outcome.source), 0)
        if not outcome.error:
            click.echo(f"{number}{shown(outcome.source.label)}, {show_size(size)}", err=True)
        elif not isinstance(outcome.error, Stopped):
            click.echo(failure(outcome), err=True)


class Bars:
    """A bar for each file that is being sent and one for all of them; they go away at the end."""

    def __init__(self, count: int) -> None:
        from rich.console import Console  # noqa: PLC0415 slow, and only needed on a terminal
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}% {task.fields[size]}", markup=False),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,  # it would put what is meant for a file onto the terminal
            redirect_stderr=False,
        )
        self._count, self._ended = count, 0
        self._all = self._bars.add_task(f"0 of {count}", total=count, visible=count > 1, size="")
        self._under_way: dict[int, tuple[TaskID, int]] = {}
        self._shares: dict[int, float] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def begin(self, source: Source, size: int) -> None:
        task = self._bars.add_task(shown(source.name)[:40], total=size, size=show_size(size))
        with self._lock:
            self._under_way[id(source)] = (task, size)

    def at(self, source: Source, position: int) -> None:
        task, size = self._under_way[id(source)]
        self._bars.update(task, completed=position)
        with self._lock:
            self._shares[id(source)] = position / size
            self._bars.update(self._all, completed=self._ended + sum(self._shares.values()))

    def note(self, source: Source, text: str) -> None:
        self._print(f"{shown(source.label)}: {shown(text)}")

    def end(self, outcome: Outcome) -> None:
        with self._lock:
            self._ended += 1
            self._shares.pop(id(outcome.source), None)
            self._bars.update(self._all, completed=self._ended, description=f"{self._ended} of {self._count}")
            if begun := self._under_way.pop(id(outcome.source), None):
                self._bars.remove_task(begun[0])
        if outcome.error and not isinstance(outcome.error, Stopped):
            self._print(failure(outcome))

    def _print(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)


def listener(count: int) -> Lines | Bars:
    """Return what tells how `count` uploads go."""
    return Bars(count) if sys.stderr.isatty() else Lines(count)
