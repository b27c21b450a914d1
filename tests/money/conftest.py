"""Each test of money ends with an audit."""

from collections.abc import Iterator
from typing import Any

import pytest

from support.purse import expect_balance


@pytest.fixture(autouse=True)
def _ledger_balances(request: pytest.FixtureRequest, io_loop: Any) -> Iterator[None]:
    """Assert at a test's end that the audit finds no difference in the ledger or at WeChat.

    Tests that change the ledger themselves are marked `changes_ledger`.
    """
    if "context" not in request.fixturenames or request.node.get_closest_marker("changes_ledger"):
        yield
        return
    context = request.getfixturevalue("context")
    client = request.getfixturevalue("client")
    yield

    async def check() -> None:
        await client.rest()
        await client.misbehave("behave")
        await expect_balance(context)

    io_loop.run_sync(check)
