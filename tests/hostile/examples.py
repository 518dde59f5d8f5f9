"""How many examples the properties are tried with: a few, always the same, in the suite; many by `make fuzz`."""

import os
from typing import Any

from hypothesis import HealthCheck, settings

MANY = int(os.environ.get("FUZZ_EXAMPLES", "0"))  # of each property, new ones each time


def examples(few: int) -> Any:
    """Return the settings of a property that the suite tries `few` times."""
    return settings(
        max_examples=MANY or few,
        derandomize=not MANY,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    )
