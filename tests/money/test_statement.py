"""A publisher's statement of a task: its numbers agree with what happened and with the ledger."""

from __future__ import annotations

from typing import Any

from support.purse import DAY_MS, let_pass, rest, sweep_until_quiet


async def test_a_red_packets_statement_follows_its_money(context, alice, bob, carol, dave):
    code = await alice.publish_packet(prizes=3)

    async def said() -> dict[str, Any]:
        return await alice.get("/getStatement", code=code)

    money = ("paid_fen", "given_fen", "refunded_fen", "held_fen")
    assert [(await said())[name] for name in money] == [0, 0, 0, 0]
    await alice.pay(code, 6)
    assert [(await said())[name] for name in money] == [600, 0, 0, 600]
    shared = await bob.get("/getTaskDetails", code=code)
    for newcomer in (carol, dave):
        await newcomer.get("/getTaskDetails", code=shared["share"])
    for winner in (bob, carol):
        await winner.win(code)
    await bob.take(code)
    statement = await said()
    assert [statement[name] for name in money] == [600, 200, 0, 400]
    assert [statement[name] for name in ("participants", "digs", "max_depth")] == [2, 2, 3]
    assert [statement[name] for name in ("opened", "sharers", "brought")] == [3, 1, 2]
    assert [statement[name] for name in ("prize_num", "prizes_won", "prizes_given")] == [3, 2, 1]
    for _ in range(2):
        await let_pass(context, 31 * DAY_MS)
        await sweep_until_quiet(context)
    assert [(await said())[name] for name in money] == [600, 200, 400, 0]


async def test_goods_by_mail_are_counted_as_they_go(alice, bob, carol):
    code = await alice.publish(prize_num=2, forecast_num=2, interval=1, fluctuation=0)
    for depth, winner in enumerate((bob, carol), 1):
        await winner.win(code)
        await winner.claim(code, receiver="王", phone="12345", address="路")
        await alice.post("/shipPrize", code=code, depth=depth, carrier="顺丰", number="SF12345")
    await bob.post("/receivePrize", code=code)
    statement = await alice.get("/getStatement", code=code)
    names = ("prizes_won", "prizes_given", "prizes_sent", "prizes_received", "paid_fen", "held_fen")
    assert [statement[name] for name in names] == [2, 2, 2, 1, 0, 0]


async def test_only_the_publisher_gets_a_statement(context, alice, bob):
    code = await alice.publish()
    assert (await bob.get("/getStatement", code=code))["error"] == "not_yours"
    assert (await alice.get("/getStatement", code="0" * 12))["error"] == "no_such_task"
    await rest(context)
