"""Digs while the store does not answer: the outcome is told once it is known, and no dig is made twice."""

from __future__ import annotations

import asyncio
import time

import pytest
from pymongo.errors import AutoReconnect
from tornado.log import app_log
from tornado.testing import ExpectLog

from server.actions.digging.dig import settle_pending
from server.game.dig import Dig
from server.settings import Settings
from server.store.digging.digs import Digs
from server.store.digging.tasks import Tasks, View
from support.client import Client, Someone
from support.invariants import check_history
from support.meanwhile import failing
from support.wire.faulty import FaultyWire, lose_reply
from support.wire.proxy import Link


@pytest.fixture
def settings(settings: Settings, wire: FaultyWire) -> Settings:
    """MongoDB is behind the wire."""
    return wire.before(settings)


def lose_reply_and_hold(wire: FaultyWire, link: Link, request: bytes) -> None:
    """Do the work, lose the reply, and answer no further command."""
    wire.hold()
    lose_reply(wire, link, request)


async def publisher_and_digger(client: Client) -> tuple[Someone, Someone]:
    alice, bob = await client.log_in_all("alice", "bob")
    await bob.get("/getMyInfo")
    return alice, bob


async def test_a_dig_whose_record_was_made_and_not_confirmed_is_told_as_made(client, context, wire):
    alice, bob = await publisher_and_digger(client)
    code = await alice.publish(cd=60, forecast_num=1000)
    wire.next("findAndModify", lose_reply)
    reply = await bob.dig(code)
    assert wire.done == ["findAndModify"]
    assert (reply["status"], reply["now_depth"], reply["joined"], reply["repeated"]) == (0, 1, 1, 0)
    assert len(await check_history(context, code)) == 1


async def test_a_dig_whose_outcome_nobody_knows_says_so_and_tells_it_when_asked_again(
    client, context, wire, monkeypatch
):
    monkeypatch.setattr("server.actions.digging.dig.DEADLINE_SECONDS", 1.0)
    alice, bob = await publisher_and_digger(client)
    code = await alice.publish(cd=60, forecast_num=1000)
    wire.next("findAndModify", lose_reply_and_hold)
    began = time.monotonic()
    unknown = await bob.dig(code)
    assert (unknown["status"], unknown["error"]) == (1, "outcome_unknown")
    assert time.monotonic() - began < 5
    wire.release()
    reply = await bob.dig(code)
    assert (reply["status"], reply["now_depth"], reply["joined"], reply["repeated"]) == (0, 1, 1, 1)
    assert len(await check_history(context, code)) == 1


async def test_a_repeated_dig_is_told_as_repeated_even_if_a_new_primary_did_not_know_it_yet(
    client, context, monkeypatch
):
    alice, bob = await publisher_and_digger(client)
    code = await alice.publish(cd=0, forecast_num=1000)
    view = context.store.tasks.view
    before = await view(code, bob.unionid, "bobs-dig-1")
    assert (await bob.dig(code, dig_id="bobs-dig-1"))["repeated"] == 0
    after = await view(code, bob.unionid, "bobs-dig-1")
    views = [View(**before | {"now": after["now"]})]

    async def late_view(*asked: str) -> View | None:
        return views.pop() if views else await view(*asked)

    monkeypatch.setattr(context.store.tasks, "view", late_view)
    reply = await bob.dig(code, dig_id="bobs-dig-1")
    assert not views
    assert (reply["status"], reply["now_depth"], reply["repeated"]) == (0, 1, 1)
    assert len(await check_history(context, code)) == 1


async def test_digs_while_the_store_is_away_change_nothing_and_none_waits_for_the_others(
    client, context, wire, monkeypatch
):
    monkeypatch.setattr("server.actions.digging.dig.DEADLINE_SECONDS", 1.0)
    alice, bob = await publisher_and_digger(client)
    code = await alice.publish(cd=60, forecast_num=1000)
    wire.hold()
    began = time.monotonic()
    replies = await asyncio.gather(*(bob.dig(code) for _ in range(5)))
    assert {reply["error"] for reply in replies} == {"unavailable"}
    assert time.monotonic() - began < 5
    wire.release()
    assert await check_history(context, code) == []
    assert (await bob.dig(code))["repeated"] == 0


async def test_a_dig_stays_pending_until_it_is_in_the_history(client, context, monkeypatch):
    alice, bob = await publisher_and_digger(client)
    code = await alice.publish(forecast_num=100_000, cd=0)
    insert = Digs.write
    refused: list[str] = []

    async def away_at_first(digs: Digs, dig: Dig) -> None:
        if not refused:
            refused.append(dig["_id"])
            raise AutoReconnect("gone")
        await insert(digs, dig)

    monkeypatch.setattr(Digs, "write", away_at_first)
    reply = await bob.dig(code)
    assert (reply["status"], reply["now_depth"], refused) == (0, 1, [f"{code}:1"])
    await context.background.finish()
    task = await context.store.tasks.get(code)
    assert task["pending"] == 1
    assert [user["no"] for user in (await bob.get("/getTaskDetails", code=code))["users"]] == [1]
    assert (await bob.dig(code))["now_depth"] == 2
    await context.background.finish()
    assert [dig["depth"] for dig in await check_history(context, code)] == [1, 2]
    assert await context.store.digs.collection.count_documents({"code": code}) == 2


@pytest.mark.parametrize("together", [False, True], ids=["alone", "together"])
async def test_a_task_whose_insert_was_made_and_not_confirmed_is_published_once(
    client, context, wire, together
):
    alice, _ = await publisher_and_digger(client)
    asked = await alice.draft()
    named = {"publish_id": "my-only-cat"}
    if together:  # the server's seed stands for `publish_id`
        named = {"sealed_seed": (await alice.get("/commitment"))["sealed_seed"], "nonce": "ab" * 16}
    wire.next("insert", lose_reply)
    unknown, reply = [await alice.post("/postTask", **asked, **named) for _ in range(2)]
    assert (unknown["error"], reply["status"], wire.done) == ("outcome_unknown", 0, ["insert"])
    assert [task["_id"] async for task in context.store.tasks.collection.find({})] == [reply["code"]]


async def test_a_publication_of_unknown_outcome_says_that_it_is_unknown(client, context, monkeypatch):
    alice, _ = await publisher_and_digger(client)
    asked = await alice.draft()
    silent = failing(AutoReconnect("gone"))
    monkeypatch.setattr(Tasks, "add", silent)
    assert (await alice.post("/postTask", **asked))["error"] == "outcome_unknown"
    monkeypatch.setattr(Tasks, "square", silent)
    assert (await alice.get("/getTaskList"))["error"] == "unavailable"


async def test_one_pending_dig_that_cannot_be_mended_does_not_keep_others_waiting(
    client, context, monkeypatch
):
    alice, bob = await publisher_and_digger(client)
    codes = [await alice.publish(forecast_num=100_000, cd=0) for _ in range(2)]
    for code in codes:
        await bob.dig(code)
    await context.background.finish()
    await context.store.digs.collection.delete_many({})
    await context.store.tasks.collection.update_many({}, {"$set": {"pending": 1, "last_dig.at": 0}})
    insert = Digs.write

    async def one_is_broken(digs: Digs, dig: Dig) -> None:
        if dig["code"] == codes[0]:
            raise ValueError("cannot be mended")
        await insert(digs, dig)

    monkeypatch.setattr(Digs, "write", one_is_broken)
    with ExpectLog(app_log, ".* stays pending"):
        await settle_pending(context)
    assert [dig["code"] async for dig in context.store.digs.collection.find({})] == [codes[1]]
