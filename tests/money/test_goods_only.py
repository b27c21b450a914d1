"""A server with red packets off: none can be published or paid, and goods work as always."""

from __future__ import annotations

import msgspec

from support.purse import find


async def test_where_there_are_goods_only_no_red_packet_is_published_or_paid(context, alice, bob):
    before = await alice.publish_packet(money=3)
    assert (await alice.get("/getMyInfo"))["red_packets"] == 1
    context.settings = msgspec.structs.replace(context.settings, red_packets=0)
    assert (await alice.get("/getMyInfo"))["red_packets"] == 0
    asked = {"goods_type": 1, "name": "x", "money": 1, "prize_num": 1, "forecast_num": 9}
    refused = await alice.post("/postTask", **asked)
    assert (refused["error"], refused["param"]) == ("bad_request", "goods_type")
    assert "只能埋实物" in refused["msg"]
    assert (await alice.post("/payTask", code=before, money=3))["error"] == "wechat_busy"
    assert [task["_id"] for task in await find(context, "tasks")] == [before]
    assert await find(context, "orders") == []
    assert (await bob.dig(await alice.publish()))["status"] == 0
