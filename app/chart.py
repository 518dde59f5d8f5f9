"""A chart of bars: where each of them stands, for a drawing of 100 units in height."""

from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT = 100
STEP = 10  # from one bar to the next
_GAP = 2
_LEAST = 1.5  # of a bar that is not nothing: it has to be seen


@dataclass(frozen=True, slots=True)
class Bar:
    x: int
    y: float
    width: int
    height: float


def bars(values: Sequence[float]) -> list[Bar]:
    """Return a bar for each of `values`, none below zero; the largest is as high as the drawing.

    >>> bars([0, 5, 10])[1]
    Bar(x=11, y=50.0, width=8, height=50.0)
    """
    most = max(values, default=0) or 1
    heights = [round(max(value / most * HEIGHT, _LEAST if value else 0), 1) for value in values]
    return [
        Bar(number * STEP + _GAP // 2, round(HEIGHT - height, 1), STEP - _GAP, height)
        for number, height in enumerate(heights)
    ]
