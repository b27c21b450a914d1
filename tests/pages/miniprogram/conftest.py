"""What plays phones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.phone import WHY_NOT, Phone, PhonesProcess, compile_program


@pytest.fixture(scope="session", autouse=True)
def _phones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One process plays all phones of the run, compiled once: both take more than what the phones do."""
    if WHY_NOT:
        yield
        return
    Phone.plays = PhonesProcess(compile_program(tmp_path_factory.mktemp("program") / "miniprogram"))
    yield
    Phone.plays.end()
