"""The mini-program as phones get it."""

from __future__ import annotations

import pytest

from support.phone import WHY_NOT, Phone, compile_program


@pytest.fixture(scope="session", autouse=True)
def _compiled_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compile the mini-program once: it takes two thirds of a phone's CPU time."""
    if not WHY_NOT:
        Phone.root = compile_program(tmp_path_factory.mktemp("program") / "miniprogram")
