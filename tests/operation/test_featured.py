"""Treasures that operators feature are at the top of the square."""

from __future__ import annotations

import asyncio

from server.actions.announce import square_of
from server.actions.operate import MOST_FEATURED
from server.realtime.own_database import OwnDatabase
from server.store.digging import square
from support.drafts import publish_many
from support.operators import operator


async def test_up_to_five_are_on_top_while_they_can_be_dug_and_nowhere_twice(client, context, monkeypatch):
    monkeypatch.setattr(square, "MOST_OF_ONE", square.PAGE_SIZE)
    await operator(client)
    await context.database.look()
    alice, bob = await client.log_in_all("alice", "bob")
    unpaid = await alice.publish_packet()
    many = [{"name": f"第 {n} 个", "draw_type": 2, "forecast_num": 1} for n in range(24)]
    others = await publish_many(alice, *many, {"is_public": 0})
    private = others.pop()

    async def feature(code: str, featured: int = 1) -> str:
        reply = await client.post("/ops/feature", code=code, featured=featured, reason="好看")
        return str(reply.get("msg", "")) if reply["status"] else ""

    async def page(number: int = 1, **wanted: str) -> list[str]:
        square_of(context).forget()
        reply = await bob.get("/getTaskList", page=number, **wanted)
        listed = [card["code"] for card in reply["data"]]
        assert set(reply["featured"]) == set(chosen) & set(listed)
        return listed

    chosen: list[str] = []
    assert (await page())[0] != others[0]
    for code in others[:3]:
        assert await feature(code) == ""
        chosen.insert(0, code)
    first, second = await page(), await page(2)
    assert first[:3] == chosen
    assert sorted(first + second) == sorted(others)
    assert len(first) == 23
    by_mail = await page(kind="by_mail")  # at its usual place: the oldest are not on the first page
    assert by_mail == [*reversed(others)][:20]

    assert "私密" in await feature(private)
    assert await feature("0" * 12) != ""
    assert await feature(unpaid) == ""  # it is shown there once it is paid
    assert await feature(others[3]) == ""
    assert await feature(others[3]) == ""
    assert "最多 5 个精选，请先取消一个" in await feature(others[4])
    chosen.insert(0, others[3])
    assert (await page())[:5] == [*chosen, others[-1]]
    await alice.pay(unpaid)
    chosen.insert(0, unpaid)
    assert sorted((await page())[:5]) == sorted(chosen)
    listed = [task["code"] for task in (await client.get("/ops/list", of="featured"))["data"]]
    assert sorted(listed) == sorted(chosen)

    await client.post("/ops/hide", code=others[0], hidden=1, reason="看看")
    assert (await bob.dig(others[1]))["is_prize"] == 1  # this is its last prize, so the treasure ends
    chosen = [code for code in chosen if code not in others[:2]]
    first, second = await page(), await page(2)
    assert sorted(first[:3]) == sorted(chosen)
    assert others[0] not in first + second
    assert (first + second)[-1] == others[1]
    # An ended task leaves its place to another. Several acts at the same moment never feature a sixth
    # task.
    await asyncio.gather(*map(feature, others[4:8]))
    about = await context.store.meta.find()
    assert about is not None
    assert len(about["featured"]) == MOST_FEATURED
    another = OwnDatabase(context.store, context.keys)
    await another.look()
    assert another.featured == about["featured"][::-1]
    assert await feature(others[2], featured=0) == ""
    acts = [(act["act"], act["target"], act["outcome"]) for act in (await client.get("/ops/log"))["data"]]
    assert acts[0] == ("unfeature", others[2], "done")
    assert ("feature", private, "bad_request") in acts
