"""The queues of operators: names in place of ids, no query per row, and the tabs' counts in the feed."""

from __future__ import annotations

import json
from typing import Any

from support.operators import open_feed, operator

ROWS = 12


async def test_each_queue_has_names_counts_and_no_trip_a_row(trips, client, context, settings):
    http = await operator(client)
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish(name="机械键盘", forecast_num=1)
    await bob.win(code)
    for what, depth in (("task", 0), ("prize", 1), ("person", 1)):
        frozen = await client.post("/ops/freeze", what=what, code=code, depth=depth, reason="先看看")
        assert frozen["status"] == 0
    store = context.store
    prize, task = await store.prizes.find(f"{code}:1"), await store.tasks.collection.find_one({"_id": code})
    assert prize is not None
    assert task is not None
    report = {"reason": "fraud", "text": "假的", "counts": 1, "open": 1, "unionid": bob.unionid}
    held = {"state": "held", "text": "名字", "picture": "", "why": "", "created_at": 1}
    for n in range(ROWS):
        other = f"{n:012}"
        copied = {"_id": other, "commitment": other, "hidden": 1, "reported": 1, "reported_at": n + 1}
        await store.tasks.rows.insert_one({**task, **copied, "name": f"宝贝{n}"})
        await store.prizes.rows.insert_one({**prize, "_id": f"{other}:1", "code": other})
        await store.reports.rows.insert_one({**report, "_id": f"{other}:bob", "code": other, "at": n + 1})
        await store.reviews.rows.insert_one(
            {**held, "unionid": bob.unionid, "_id": f"task:{other}", "code": other}
        )
    replies: dict[str, dict[str, Any]] = {}
    for path in ("payouts", "reviews", "reports", "alarms", "log"):
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
    feed = await open_feed(http, settings)
    while True:
        frame = json.loads(await feed.read_message() or "")
        if frame["type"] == "board" and frame["queues"]:
            break
    feed.close()
    queues = frame["queues"]
    assert (queues["payouts"], queues["reviews"], queues["reports"]) == (ROWS + 1, ROWS, ROWS)
    assert [task["name"] for task in queues["hidden"]] == [f"宝贝{n}" for n in range(ROWS)]
