"""A crowd that opens its pages all at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from conftest import Client
from test_push import open_page, pages  # noqa: F401  (fixtures)

from server.context import Context
from server.hub import ARRIVALS_AT_ONCE


@pytest.mark.gen_test
async def test_arrivals_leave_room_in_the_stores_queue(
    client: Client,
    open_page: Any,  # noqa: F811
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alice = await client.log_in("alice")
    code = await alice.publish()
    people, find = context.store.people, context.store.people.find
    asking, most = 0, 0

    async def counted(unionid: str) -> Any:
        nonlocal asking, most
        asking += 1
        most = max(most, asking)
        try:
            return await find(unionid)
        finally:
            asking -= 1

    monkeypatch.setattr(people, "find", counted)
    opened = await asyncio.gather(*(open_page(alice, code) for _ in range(5 * ARRIVALS_AT_ONCE)))
    for page in opened:
        assert (await page.next())["type"] == "snapshot"
    assert most == ARRIVALS_AT_ONCE
