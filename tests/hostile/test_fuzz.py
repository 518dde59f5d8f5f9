"""fuzz/: every target takes what it starts from, and what once broke it; `make fuzz` goes on from there."""

import pytest

from fuzz.seeds import FOLDER, seeds
from fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_a_fuzzer_starts_from_what_is_taken(target):
    starts = list(seeds(target))

    for data in starts:
        TARGETS[target](data)
    assert starts


def test_what_once_broke_something_is_of_a_target_that_there_is():
    assert {path.name for path in FOLDER.iterdir() if path.is_dir()} <= set(TARGETS)
