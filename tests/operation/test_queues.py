"""Operators' queues and lists: names in place of ids, no query per row, what is featured, and counts."""

import asyncio
from typing import Any

from server.actions.operate import MOST_FEATURED
from server.operation.own_database import OwnDatabase
from server.runtime.background import Background
from server.store.digging import square
from support.client import Client
from support.drafts import publish_many
from support.operators import hide, operator
from support.purse import HOUR_MS

ROWS = 12


async def test_each_queue_has_names_counts_and_no_trip_a_row(trips, client, context, feed, alice, bob):
    await operator(client)
    code = await alice.won_goods(bob, name="机械键盘")
    for what, depth in (("task", 0), ("prize", 1), ("person", 1)):
        frozen = await client.post("/ops/freeze", what=what, code=code, depth=depth, reason="先看看")
        assert frozen["status"] == 0
    store = context.store
    prize = await store.prizes.find(f"{code}:1")
    task = await store.tasks.collection.find_one({"_id": code})
    assert prize is not None
    assert task is not None
    report = {"reason": "fraud", "text": "假的", "counts": 1, "open": 1, "person_id": bob.id}
    held = {"state": "held", "text": "名字", "picture": "", "why": "", "created_at": 1, "person_id": bob.id}
    for n in range(ROWS):
        other = f"{n:012}"
        copied = {"_id": other, "commitment": other, "hidden": 1, "reported": 1, "reported_at": n + 1}
        await store.tasks.rows.insert_one({**task, **copied, "name": f"宝贝{n}"})
        await store.prizes.rows.insert_one({**prize, "_id": f"{other}:1", "code": other})
        await store.reports.rows.insert_one({**report, "_id": f"{other}:bob", "code": other, "at": n + 1})
        await store.reviews.rows.insert_one({**held, "_id": f"task:{other}", "code": other})
    replies: dict[str, dict[str, Any]] = {}
    for path in ("payouts", "reviews", "reports", "log"):
        await context.background.finish()
        trips.sent.clear()
        replies[path] = await client.get(f"/ops/{path}")
        assert replies[path]["status"] == 0, replies[path]
        assert len(trips.sent) < ROWS, (path, trips.sent)
    frozen_rows = {each["what"]: (each["name"], each["wxname"]) for each in replies["payouts"]["frozen"]}
    assert frozen_rows == {
        "task": ("机械键盘", ""),
        "prize": ("机械键盘", "bob"),
        "person": ("机械键盘", "bob"),
    }
    assert {(each["name"], each["wxname"]) for each in replies["reviews"]["data"]} == {
        (f"宝贝{n}", "bob") for n in range(ROWS)
    }
    assert replies["reports"]["data"][3]["reporters"][0]["wxname"] == "bob"
    opened = await feed()
    while not (queues := (await opened.until("board"))["queues"]):
        pass
    assert (queues["payouts"], queues["reviews"], queues["reports"]) == (ROWS + 1, ROWS, ROWS)
    assert [task["name"] for task in queues["hidden"]] == [f"宝贝{n}" for n in range(ROWS)]


async def codes(client: Client, **asked: str) -> list[str]:
    return [task["code"] for task in (await client.get("/ops/list", **asked))["data"]]


async def test_hidden_unpaid_and_held_tasks_are_listed(client, context, alice, bob):
    await operator(client)
    plain = await alice.publish()
    unpaid = await alice.publish_packet()
    paid = await alice.paid_packet()
    assert await codes(client, of="hidden") == []
    await hide(client, plain, 1, "看看")
    assert await codes(client, of="hidden") == [plain]
    goods = await alice.publish()
    await context.store.tasks.rows.update_one({"_id": goods}, {"$set": {"open": 0}})  # it is being checked
    assert await codes(client, of="unpaid") == [unpaid]
    held = await client.get("/ops/list", of="held")
    assert [task["code"] for task in held["data"]] == [paid]
    whole = held["held_fen"][paid]
    assert whole == (await client.get("/ops/task", code=paid))["money"]["held_fen"] > 0
    await bob.win(paid)
    assert (await client.get("/ops/list", of="held"))["held_fen"][paid] == whole  # all owed money is held
    await hide(client, plain, 0, "好了")
    assert await codes(client, of="hidden") == []
    assert (await client.get("/ops/list", of="odd"))["error"] == "bad_request"


async def test_up_to_five_are_on_top_while_they_can_be_dug_and_once(client, context, monkeypatch, alice, bob):
    monkeypatch.setattr(square, "MOST_OF_ONE", square.PAGE_SIZE)
    await operator(client)
    await context.database.look()
    unpaid = await alice.publish_packet()
    many = [{"name": f"第 {n} 个", "draw_type": 2, "forecast_num": 1} for n in range(24)]
    *others, private = await publish_many(alice, *many, {"is_public": 0})
    chosen: list[str] = []

    async def feature(code: str, featured: int = 1) -> str:
        reply = await client.post("/ops/feature", code=code, featured=featured, reason="好看")
        return str(reply.get("msg", "")) if reply["status"] else ""

    async def listed(**wanted: str) -> list[str]:
        """Return the tasks on both pages; assert that featured ones are marked."""
        found = []
        for number in (1, 2):
            context.square.forget()
            reply = await bob.get("/getTaskList", page=number, **wanted)
            found += [card["code"] for card in reply["data"]]
            assert set(reply["featured"]) <= set(chosen) & set(found)
        return found

    for code in others[:4]:
        assert [await feature(code) for _ in range(2)] == ["", ""]
        chosen.insert(0, code)
    assert await feature(unpaid) == ""  # it is shown there once it is paid
    assert "私密" in await feature(private)
    assert await feature("0" * 12) != ""
    assert "最多 5 个精选，请先取消一个" in await feature(others[4])
    assert await listed() == [*chosen, *others[:3:-1]]
    assert await listed(kind="by_mail") == others[::-1]  # there they have their usual places
    await alice.pay(unpaid)
    chosen.insert(0, unpaid)
    assert sorted((await listed())[:5]) == sorted(chosen)
    assert sorted(await codes(client, of="featured")) == sorted(chosen)

    await hide(client, others[0], 1, "看看")
    assert (await bob.dig(others[1]))["is_prize"] == 1  # this is its last prize, so the treasure ends
    chosen = [code for code in chosen if code not in others[:2]]
    found = await listed()
    assert sorted(found[:3]) == sorted(chosen)
    assert (others[0] in found, found[-1]) == (False, others[1])
    # A task that ended makes room for another. Several acts at the same moment never feature a sixth task.
    await asyncio.gather(*map(feature, others[4:8]))
    about = await context.store.meta.find()
    assert len(about["featured"]) == MOST_FEATURED
    another = OwnDatabase(context.store, context.keys)
    await another.look()
    assert another.featured == about["featured"][::-1]
    assert await feature(others[2], featured=0) == ""
    acts = [(act["act"], act["target"], act["outcome"]) for act in (await client.get("/ops/log"))["data"]]
    assert acts[0] == ("unfeature", others[2], "done")
    assert ("feature", private, "bad_request") in acts


async def test_a_clock_that_jumps_back_does_not_silence_the_feed(client, context, feed):
    await context.bus.connected.wait()
    pulsing = Background()
    context.heartbeats.begin(pulsing)
    await operator(client)
    opened = await feed()
    while not (await opened.until("heartbeat"))["seconds"]:
        pass
    context.clock._offset_ms -= HOUR_MS
    beat = await opened.until("heartbeat")
    while not any(second[0] * 1000 < beat["now"] for second in beat["seconds"]):
        beat = await opened.until("heartbeat")
    assert [row["process"] for row in beat["processes"]] == [context.bus.process]
    await pulsing.end()
