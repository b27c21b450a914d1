"""A crowd that opens its pages at the same time."""

from __future__ import annotations

import asyncio
from typing import Any


async def test_a_crowd_that_arrives_at_once_is_read_and_written_together(
    client, open_page, context, monkeypatch
):
    alice, *crowd = await client.log_in_all("alice", *(f"person{number}" for number in range(20)))
    code = await alice.publish()
    people, admitting = context.store.people, context.store.people.admitting
    visits, opened = context.store.visits, context.store.visits.open
    asked: list[int] = []
    written: list[int] = []

    async def read(unionids: list[str]) -> Any:
        asked.append(len(unionids))
        return await admitting(unionids)

    async def write(found: list[Any]) -> None:
        written.append(len(found))
        await opened(found)

    monkeypatch.setattr(people, "admitting", read)
    monkeypatch.setattr(visits, "open", write)
    pages_opened = await asyncio.gather(*(open_page(person, code) for person in crowd))
    for page in pages_opened:
        assert (await page.next())["type"] == "snapshot"
    assert sum(asked) == 20
    assert len(asked) <= 10
    details = await asyncio.gather(*(person.get("/getTaskDetails", code=code) for person in crowd))
    assert all(reply["status"] == 0 for reply in details)
    assert sum(asked) == 20, "a known person must not be read again"
    assert sum(written) == 20
    assert len(written) <= 10
