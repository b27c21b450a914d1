"""A server with the settings that some files need."""

from collections.abc import Iterator

import pytest

from support.servers import Running, a_server


@pytest.fixture(scope="session")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with limits on red packets and a long random order, where one report hides a treasure."""
    settings = {
        "FAIR_START_MS": "3000",
        "REPORTS_TO_HOLD": "1",
        "CASH_LEAST_CD_SECONDS": "3",
        "CASH_LEAST_GAP": "2",
        "CASH_PRIVATE_DAY_YUAN": "200",
        "CASH_NEWCOMER_DAY_YUAN": "100",
    }
    with a_server(tmp_path_factory.mktemp("strict"), **settings) as running:
        yield running
