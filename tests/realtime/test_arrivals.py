"""A crowd that opens its pages at the same time."""

import asyncio

from support.client import rest
from support.meanwhile import meanwhile


async def test_a_crowd_that_arrives_at_once_is_read_and_written_together(
    client, open_page, context, monkeypatch
):
    alice, *crowd = await client.log_in_all("alice", *(f"person{number}" for number in range(20)))
    code = await alice.publish()
    asked = meanwhile(monkeypatch, context.store.people, "find_admissions")
    written = meanwhile(monkeypatch, context.store.visits, "open")
    pages_opened = await asyncio.gather(*(open_page(person, code) for person in crowd))
    for page in pages_opened:
        assert (await page.next())["type"] == "snapshot"
    assert sum(len(unionids) for [unionids] in asked) == 20
    assert len(asked) <= 10
    details = await asyncio.gather(*(person.get("/getTaskDetails", code=code) for person in crowd))
    assert all(reply["status"] == 0 for reply in details)
    assert sum(len(unionids) for [unionids] in asked) == 20, "a known person must not be read again"
    await rest(context)
    assert sum(len(visits) for [visits] in written) == 20
    assert len(written) <= 10
