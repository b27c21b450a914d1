"""A replica set whose primary changes or is cut off, in every way: nobody is told anything untrue."""

import asyncio
import time
from collections.abc import Awaitable, Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from pymongo.errors import DuplicateKeyError, PyMongoError

from devtools.sandbox import Sandbox
from server.actions.digging.dig import DigAttempt, dig
from server.context import Context
from server.errors import Unavailable
from server.settings import Settings
from server.store import is_unavailable
from server.store.gauges import Counted
from server.store.messages.messages import MOST_CONSENTS
from support.client import a_picture
from support.invariants import check_history
from support.servers import PATIENCE_SECONDS
from support.wire.faulty import (
    FaultyWire,
    cut_in_reply,
    delay,
    interrupt,
    leave_uncommitted,
    lose_reply,
    lose_request,
    refuse,
)

PROMISED_SECONDS = 8.0  # 5 s, and what a busy machine adds
PASSING = (
    *(6, 7, 24, 64, 89, 91, 100, 112, 133, 134, 150, 175, 189, 202, 217, 237, 246, 262, 365, 462, 8000, 9001),
    *(10107, 11600, 11601, 11602, 13388, 13435, 13436, 14031),
)


@pytest.fixture
def settings(settings: Settings, wire: FaultyWire) -> Settings:
    """MongoDB is behind the wire."""
    return wire.before(settings)


async def test_a_dig_that_a_cut_off_primary_alone_has_is_not_told(context, wire, open_page, alice, bob):
    await bob.get("/getMyInfo")
    code = await alice.publish(cd=60, forecast_num=1000)
    wire.cut_off()
    wire.next("findAndModify", lose_reply, "tasks")
    unknown = await bob.dig(code, dig_id="the-lost-dig")
    assert wire.done == ["findAndModify"]
    assert wire.written == 1, "the cut-off primary has not recorded the dig"
    assert unknown["error"] == "outcome_unknown"
    page = await open_page(bob, code)
    assert (await page.next())["now_depth"] == 0
    assert wire.heal() > 0
    assert await check_history(context, code) == []
    made = await bob.dig(code, dig_id="the-lost-dig")
    assert (made["status"], made["now_depth"], made["no"], made["repeated"]) == (0, 1, 1, 0)
    assert len(await check_history(context, code)) == 1


async def test_a_dig_is_told_again_by_a_primary_unaware_of_its_majority(context, wire, alice, bob, carol):
    """This can happen before MongoDB 8. Here somebody else's cooldown runs meanwhile."""
    code = await alice.publish(cd=1, forecast_num=100_000)
    await bob.get("/getMyInfo")
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"cd_ms": 60_000}})
    wire.fall_behind()
    first = await bob.dig(code, dig_id="bobs-dig")
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"cd_until": 0}})
    context.hub.cooldowns.forget(code)
    assert (await carol.dig(code, dig_id="bobs-dig"))["now_depth"] == 2  # of another person: another dig
    await context.background.finish()
    wire.elect_unaware()
    again = await bob.dig(code, dig_id="bobs-dig")
    assert (again["status"], again.get("now_depth"), again.get("no")) == (0, 1, first["no"])
    assert (await bob.dig(code, dig_id="another-dig"))["error"] == "cooling_down"
    assert await context.store.digs.collection.count_documents({}) == 2


async def test_a_dig_that_cannot_be_committed_yet_is_acknowledged_later(context, wire, alice, bob, carol):
    """Before MongoDB 8, while the other members are slow. Until the commit, reads show the older state."""
    await asyncio.gather(bob.get("/getMyInfo"), carol.get("/getMyInfo"))
    code = await alice.publish(cd=60, forecast_num=1000)
    await context.background.finish()
    wire.fall_behind()
    wire.elect_unaware(commits=False)
    first = asyncio.create_task(bob.dig(code))
    assert await asyncio.to_thread(wire.held.wait, PROMISED_SECONDS)
    assert wire.written
    assert (await carol.get("/getTaskDetails", code=code))["now_depth"] == 0
    second = asyncio.create_task(carol.dig(code))
    assert (await carol.get("/getTaskUser", code=code, page=1))["data"] == []
    assert not first.done()
    assert not second.done()
    wire.become_aware()
    made = await first
    assert (made["status"], made["now_depth"], made["repeated"]) == (0, 1, 0)
    assert (await second)["error"] in ("cooling_down", "outcome_unknown", "unavailable")
    assert len(await check_history(context, code)) == 1


async def test_a_task_that_a_new_primary_does_not_see_at_first_comes_back(context, wire, open_page, alice):
    wire.fall_behind()
    code = await alice.publish(cd=60)
    page = await open_page(alice, code)
    await page.next()
    await context.background.finish()
    wire.elect_unaware()
    await context.hub._poll()
    # The first write to the new primary: after it, `majority` reads show all again.
    await context.store.gauges.save(Counted(at=0, gauges=[], after="", differ=[]))
    await context.hub._poll()
    assert (await alice.get("/getTaskDetails", code=code))["status"] == 0


async def test_a_dig_whose_commitment_is_unknown_is_read_again_and_told_as_made(context, wire, alice, bob):
    for code in (64, 91, 11602):  # the test below has the others
        wire.done.clear()
        task = await alice.publish(cd=60, forecast_num=1000)
        wire.next("aggregate", refuse(code), "tasks")
        wire.next("findAndModify", leave_uncommitted(code), "tasks")
        reply = await bob.dig(task)
        assert (reply["status"], reply["now_depth"], reply["joined"], reply["repeated"]) == (0, 1, 1, 0), code
        assert wire.done == ["aggregate", "findAndModify"], code
        assert len(await check_history(context, task)) == 1


async def test_a_write_of_unknown_outcome_is_told_as_such(wire, alice):
    await alice.get("/getMyInfo")
    asked = {"wxname": "另一个名字", "wxheadpic": (await alice.upload(a_picture()))["url"]}
    faults = {f"{code}, uncommitted": leave_uncommitted(code) for code in (64, 91, 11602)}
    faults |= {f"{code}, refused": refuse(code) for code in PASSING}
    faults |= {label: refuse(18, label=label) for label in ("SystemOverloadedError", "RetryableWriteError")}
    faults |= {fault.__name__: fault for fault in (lose_reply, lose_request, cut_in_reply)}
    faults["interrupted"] = interrupt(11602)
    for name, fault in faults.items():
        wire.done.clear()
        wire.next("update", fault, "people")
        reply = await alice.post("/setProfile", **asked)
        assert (wire.done, reply["error"]) == (["update"], "outcome_unknown"), name
        assert (await alice.post("/setProfile", **asked))["status"] == 0, name


async def test_without_a_primary_reads_are_unavailable_and_a_new_one_serves(wire, alice):
    await alice.publish()
    wire.step_down(1.0)
    wire.next("find", refuse(13435), "tasks", times=3)
    assert (await alice.get("/getMyRelease"))["error"] == "unavailable"
    while (await alice.get("/getMyRelease"))["status"]:
        pass


async def test_every_request_to_a_store_that_holds_them_all_is_answered_in_time(client, context, wire):
    alice, *crowd = await client.log_in_all("alice", *(f"person{number}" for number in range(30)))
    code = await alice.publish(cd=0, forecast_num=1000)

    async def answered(request: Awaitable[dict[str, Any]]) -> tuple[str, float]:
        began = time.monotonic()
        return (await request).get("error", "none"), time.monotonic() - began

    wire.hold()
    try:
        replies = await asyncio.gather(
            *(answered(who.post("/logout")) for who in crowd),
            *(answered(who.claim(code)) for who in crowd),
            *(answered(who.get("/getMyInfo")) for who in crowd),
            answered(crowd[0].dig(code, dig_id="a-held-dig")),
        )
    finally:
        wire.release()
    assert {error for error, _ in replies} <= {"unavailable", "outcome_unknown"}
    assert max(seconds for _, seconds in replies) < PROMISED_SECONDS


async def test_a_request_of_several_slow_operations_is_answered_in_time(wire, alice):
    await alice.get("/getMyInfo")
    asked = await alice.draft()
    wire.next("", delay(3.0), times=3)
    began = time.monotonic()
    assert (await alice.post("/postTask", **asked, publish_id="the-slow-cat"))["error"] == "outcome_unknown"
    assert time.monotonic() - began < PROMISED_SECONDS
    wire.calm()
    assert (await alice.post("/postTask", **asked, publish_id="the-slow-cat"))["status"] == 0


async def test_twenty_operations_that_wait_keep_no_other_from_beginning(client, context, wire):
    wire.next("find", delay(2.0), "people", times=20)
    slow = [asyncio.create_task(context.store.people.find("nobody")) for _ in range(20)]
    await asyncio.wait(slow, timeout=0.2)  # until all have begun
    async with asyncio.timeout(1.5):
        assert await context.store.tasks.find("A" * 12) is None
    await asyncio.gather(*slow)


async def test_a_dig_waits_no_longer_than_its_own_limit_behind_others(context, wire, alice, bob, carol, dave):
    code = await alice.publish(cd=60, forecast_num=1000)
    await bob.dig(code)
    await context.background.finish()
    wire.hold()
    try:
        first = asyncio.create_task(carol.dig(code, dig_id="carols-dig"))
        assert await asyncio.to_thread(wire.held.wait, PATIENCE_SECONDS)
        began = time.monotonic()
        second = await dave.dig(code, dig_id="daves-dig")
        assert second["error"] == "unavailable"
        assert time.monotonic() - began < PROMISED_SECONDS
        assert (await first)["error"] == "unavailable"
    finally:
        wire.release()
    assert (await dave.dig(code, dig_id="daves-dig"))["error"] == "cooling_down"


async def test_the_limit_of_a_dig_counts_from_its_arrival(context, wire, bob, code):
    """Its code may have been looked up first, and the whole request has a limit too."""
    arrived = asyncio.get_running_loop().time() - 4
    wire.hold()
    try:
        with pytest.raises(Unavailable):
            async with asyncio.timeout(4):
                await dig(context, DigAttempt(code, bob.id, arrived=arrived))
    finally:
        wire.release()


async def test_a_publication_sent_again_with_its_publish_id_is_the_same_task(context, wire, alice, bob):
    asked = await alice.draft()
    wire.next("insert", leave_uncommitted(91), "tasks")
    assert (await alice.post("/postTask", **asked, publish_id="the-cat-1"))["error"] == "outcome_unknown"
    first, again = [await alice.post("/postTask", **asked, publish_id="the-cat-1") for _ in range(2)]
    assert (first["status"], again["code"]) == (0, first["code"])
    assert await context.store.tasks.collection.count_documents({}) == 1
    other = await alice.post("/postTask", **asked, publish_id="the-cat-2")
    asked["url"] = (await bob.upload(a_picture()))["url"]
    bobs = await bob.post("/postTask", **asked, publish_id="the-cat-1")
    assert len({first["code"], other["code"], bobs["code"]}) == 3


async def test_a_key_taken_by_a_write_that_may_not_last_counts_as_no_answer(context, wire):
    numbers = dict.fromkeys(("amount_fen", "total_fen", "created_at", "ended_at", "due_at"), 1)
    refund = {
        "_id": "R1",
        "kind": "whole",
        "code": "A" * 12,
        "out_trade_no": "O1",
        "state": "asked",
        **numbers,
    }
    wire.cut_off()
    wire.next("insert", lose_reply, "refunds")
    with pytest.raises(PyMongoError):
        await context.books.refunds.insert(refund)
    wire.next("insert", leave_uncommitted(64), "refunds")
    with pytest.raises(PyMongoError) as raised:
        await context.books.refunds.insert(refund)
    assert is_unavailable(raised.value)
    assert not isinstance(raised.value, DuplicateKeyError)
    wire.heal()
    assert await context.books.refunds.insert(refund)
    assert not await context.books.refunds.insert(refund)


async def test_a_first_consent_that_comes_while_another_one_is_written_counts_too(context, wire):
    """Both updates find no document and insert one. MongoDB answers the second that the key is taken."""
    consents = context.store.consents
    wire.next("update", refuse(11000), "consents")
    await consents.add("bob", "template")
    assert wire.done == ["update"]
    assert await consents.left("bob", ["template"]) == {"template": 1}
    for _ in range(MOST_CONSENTS):
        await consents.add("bob", "template")
    assert await consents.left("bob", ["template"]) == {"template": MOST_CONSENTS}


async def test_several_ledger_entries_that_may_not_last_count_as_no_answer(context, wire):
    ledger = context.books.ledger
    entries = [("O1", "A" * 12, 1), ("O2", "A" * 12, 2)]
    await ledger.enter_all("paid", entries[:1], 0)
    wire.next("insert", leave_uncommitted(64), "ledger")
    with pytest.raises(PyMongoError) as raised:
        await ledger.enter_all("paid", entries, 0)
    assert is_unavailable(raised.value)
    await ledger.enter_all("paid", entries, 0)
    assert await ledger.sums_fen(0) == {"paid": 3, "owed": 0, "given": 0, "refunded": 0}


async def test_a_dig_that_the_driver_could_try_again_is_told_as_made(context, wire, elsewhere, alice, bob):
    """As in production: PyMongo numbers its writes, and MongoDB says which of them PyMongo may send again."""
    code = await alice.publish(cd=60, forecast_num=1000)
    wire.next("findAndModify", leave_uncommitted(11602), "tasks", times=2)  # the driver tries twice
    reply = await replace(bob, client=elsewhere).dig(code)
    assert (reply["status"], reply["now_depth"], reply["repeated"]) == (0, 1, 0)
    assert len(await check_history(context, code)) == 1


@pytest.fixture
def other(io_loop: Any, context: Context, settings: Settings) -> Iterator[Context]:
    """A second process, whose driver retries."""
    uri = settings.mongodb_uri.replace("&retryWrites=false&retryReads=false", "")
    there = msgspec.structs.replace(settings, mongodb_uri=uri)
    opened = io_loop.run_sync(lambda: Context.open(there, Sandbox))
    yield opened
    io_loop.run_sync(opened.close)
