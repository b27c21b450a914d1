"""A server with the settings that some files need."""

from collections.abc import Iterator

import pytest

from support.servers import Running, a_server


@pytest.fixture(scope="session")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with a long random order, where one report hides a treasure."""
    with a_server(tmp_path_factory.mktemp("strict"), FAIR_START_MS="3000", REPORTS_TO_HOLD="1") as running:
        yield running
