"""Digs of people who may not dig (the publisher, winners, banned people) do not delay other digs."""

from __future__ import annotations

import asyncio
import gc

from server.actions.digging.dig import dig, digging_of
from server.actions.digging.end_task import end_task_as_operator
from server.errors import OwnTask, Refusal
from support.client import admit
from support.invariants import check_history
from support.meanwhile import meanwhile


async def test_two_hundred_digs_of_a_publisher_take_no_turn_and_a_few_reads(context, monkeypatch, alice, bob):
    code = await alice.publish(cd=0)
    assert (await bob.dig(code))["now_depth"] == 1  # after this dig the process knows whose task it is
    reads = meanwhile(monkeypatch, context.store.tasks, "view")
    async with digging_of(context).turn(code):
        refused = await asyncio.gather(
            *(dig(context, code, alice.unionid, f"alices-dig-{k}", admit, 0) for k in range(200)),
            return_exceptions=True,
        )
    assert {type(each) for each in refused} == {OwnTask}
    assert len(reads) <= 3
    assert len(await check_history(context, code)) == 1


async def test_digs_of_a_publisher_that_wait_for_their_turn_give_it_up_once_it_is_known_whose_task_it_is(
    other, monkeypatch, alice
):
    code = await alice.publish(cd=60)
    reads = meanwhile(monkeypatch, other.store.tasks, "view")
    refused = await asyncio.gather(
        *(dig(other, code, alice.unionid, f"alices-dig-{k}", admit, 0) for k in range(200)),
        return_exceptions=True,
    )
    assert {type(each) for each in refused} == {OwnTask}
    assert len(reads) <= 20  # digs that wait together share a read


async def test_a_winner_who_asks_again_gets_the_reply_of_their_dig_without_a_turn(context, alice, bob):
    code = await alice.publish(cd=60, prize_num=2, forecast_num=2, interval=1, fluctuation=0)
    assert (await bob.dig(code, dig_id="bobs-dig-1"))["is_prize"] == 1
    async with digging_of(context).turn(code):
        for asked in ({"dig_id": "bobs-dig-1"}, {"dig_id": "bobs-dig-2"}, {}):
            again = await bob.dig(code, **asked)
            assert (again["status"], again["now_depth"], again["repeated"]) == (0, 1, 1)


async def test_a_known_publisher_and_a_known_winner_are_told_first_that_the_task_has_ended(other, alice, bob):
    code = await alice.publish(cd=0, prize_num=2, forecast_num=2, interval=1, fluctuation=0)
    await bob.dig(code)
    for who, error in ((alice, "own_task"), (bob, "already_won")):
        assert (await who.dig(code))["error"] == error
    await end_task_as_operator(other, code, "违反规则")
    for who in (alice, bob):
        assert (await who.dig(code))["error"] == "ended"


async def test_refused_digs_leave_nothing_for_the_garbage_collector(alice, bob, carol):
    code, ended = await alice.publish(cd=60), await alice.publish()
    await bob.dig(code)
    await alice.post("/endTask", code=ended)
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(2):
            assert (await carol.dig(code))["error"] == "cooling_down"
            assert (await carol.dig(ended))["error"] == "ended"
        gc.collect()
        # Not isinstance(): of a dead weakref.proxy it asks the object.
        assert not [found for found in gc.garbage if issubclass(type(found), Refusal)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
