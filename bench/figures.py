"""Figures out of samples: medians with their spread, and percentiles."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several rounds, and the least and the most of them."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of at least one value.

    >>> spread([3, 1, 2])
    Spread(median=2, low=1, high=3)
    """
    return Spread(statistics.median(values), min(values), max(values))


def ratios(values: Sequence[float], others: Sequence[float]) -> Spread | None:
    """Return the spread of the ratios, each taken within one round; None where the others have nothing to divide by.

    >>> ratios([2, 6, 4], [1, 2, 2])
    Spread(median=2.0, low=2.0, high=3.0)
    """
    if len(values) != len(others) or not values or not all(others):
        return None
    return spread([value / other for value, other in zip(values, others, strict=True)])


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least `percent` of a hundred of all values do not exceed (nearest rank).

    >>> percentile([1, 2, 3, 4], 50), percentile([1, 2, 3, 4], 99)
    (2, 4)
    """
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]
