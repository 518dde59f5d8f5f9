"""One chain for all tests of the doctor; each finds it whole."""

from collections.abc import Iterator

import pytest

from tests.doctor.chain import Chain, open_chain


@pytest.fixture(scope="session")
def _chain() -> Iterator[Chain]:
    with open_chain() as chain:
        yield chain


@pytest.fixture
def chain(_chain: Chain) -> Iterator[Chain]:
    with _chain.unharmed():
        yield _chain
