"""A red packet is paid in, won, claimed and confirmed."""

from __future__ import annotations

from support.purse import check_books, confirm, find, pay, publish_red_packet, sweep_until_quiet, win


async def test_a_red_packet_goes_all_the_way_round(client, context):
    alice, bob = await client.log_in_all("alice", "bob")
    code = await publish_red_packet(alice)
    assert (await bob.dig(code))["error"] == "not_paid"
    assert (await bob.get("/getTaskList"))["data"] == []
    details = await alice.get("/getTaskDetails", code=code)
    assert (details["need_pay"], details["owed"], details["why"]) == (1, 2, "not_paid")
    await pay(client, context, alice, code)
    assert [card["code"] for card in (await bob.get("/getTaskList"))["data"]] == [code]
    details = await alice.get("/getTaskDetails", code=code)
    assert (details["need_pay"], details["owed"], details["why"]) == (0, 0, "own_task")
    await win(client, context, bob, code)
    claimed = await bob.post("/drawPrize", code=code)
    assert (claimed["status"], claimed["is_draw"], claimed["state"]) == (0, 0, "claiming")
    assert claimed["package_info"]
    assert (await bob.get("/getTaskDetails", code=code))["is_draw"] == 0
    again = await bob.post("/drawPrize", code=code)
    assert again["package_info"] == claimed["package_info"]
    assert (await confirm(client, context, claimed["package_info"])).endswith(":ok")
    assert (await bob.get("/getTaskDetails", code=code))["is_draw"] == 1
    assert (await bob.get("/getMyPrize"))["data"][0]["is_draw"] == 1
    await sweep_until_quiet(context)
    await check_books(context)
    entries = {entry["_id"].partition(":")[0]: entry["amount_fen"] for entry in await find(context, "ledger")}
    assert entries == {"paid": 200, "owed": 200, "given": 200}
