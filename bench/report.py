"""What a run has found: tables in Markdown for people, the same figures in JSON for programs."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.figures import Spread

NONE = "–"
VERSION = 1  # of the JSON; it grows when a name changes its meaning


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: `key` names the figure in a row, `show` makes text of it."""

    title: str
    key: str
    show: Callable[[Any], str] = str


@dataclass(frozen=True, slots=True)
class Measure:
    """A table: `name` is stable, `how` says how each figure came to be, `rows` hold plain values and Spreads."""

    name: str
    title: str
    how: str
    columns: Sequence[Column]
    rows: list[dict[str, Any]] = field(default_factory=list)

    def markdown(self) -> str:
        """Return the measure as a section."""
        lines = [f"## {self.title}", "", self.how, ""]
        lines.append("| " + " | ".join(column.title for column in self.columns) + " |")
        lines.append("|" + "---|" * len(self.columns))
        for row in self.rows:
            shown = (_cell(column, row.get(column.key)) for column in self.columns)
            lines.append("| " + " | ".join(shown) + " |")
        refusals = [f"{row.get('contender')}: {row['refusal']}" for row in self.rows if row.get("refusal")]
        if refusals:
            lines += ["", "Not taken:", "", *(f"- `{_flat(one)}`" for one in dict.fromkeys(refusals))]
        return "\n".join(lines) + "\n"


def markdown(machine: Mapping[str, str], measures: Sequence[Measure]) -> str:
    """Return the whole report."""
    facts = "\n".join(f"- {name}: {value}" for name, value in machine.items())
    return "\n".join(["# Bowerbird's bench\n", facts, "", *(one.markdown() for one in measures)])


def to_json(machine: Mapping[str, str], measures: Sequence[Measure]) -> str:
    """Return the whole report for programs: `machine`, and the rows of each measure under its name."""
    told = {one.name: [{key: _plain(value) for key, value in row.items()} for row in one.rows] for one in measures}
    return json.dumps({"version": VERSION, "machine": dict(machine), "measures": told}, indent=2) + "\n"


def number(digits: int) -> Callable[[float], str]:
    """Return what shows a figure with so many digits after the point."""
    return lambda value: f"{value:,.{digits}f}"


def spreading(digits: int, unit: str = "") -> Callable[[Spread], str]:
    """Return what shows a median, with its spread behind it."""
    return lambda one: f"{one.median:,.{digits}f}{unit} ({one.low:,.{digits}f} to {one.high:,.{digits}f})"


def show_bytes(size: int) -> str:
    """Return a size as the bench's own options take it.

    >>> show_bytes(40_000), show_bytes(20_000_000), show_bytes(1_500)
    ('40 kB', '20 MB', '1.5 kB')
    """
    unit, divisor = ("MB", 1_000_000) if size >= 1_000_000 else ("kB", 1000)
    return f"{size / divisor:g} {unit}"


def show_mib(size: int) -> str:
    """Return an amount of memory."""
    return f"{size / 2**20:,.0f} MiB"


def _cell(column: Column, value: Any) -> str:
    return NONE if value is None else _flat(column.show(value))


def _flat(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("`", "'")


def _plain(value: Any) -> Any:
    return asdict(value) if isinstance(value, Spread) else value
