"""The operator's interfaces: access, views, acts, and the log of acts."""

from dataclasses import replace
from typing import ClassVar

import pytest

from handlers.ops.operators import TRIES
from server.actions.operate import end_task
from server.runtime.background import Background
from server.store import Store
from server.store.audit_log import Actor
from support.counting import count_now
from support.meanwhile import failing
from support.operators import guess, operator
from support.steps import Killed, Steps


@pytest.mark.usefixtures("one_minute")
class TestBehindAProxy:
    """The proxy is trusted to write the address of a request's sender."""

    ENVIRONMENT: ClassVar = {"OPS_TOKEN": "open sesame", "TRUSTED_PROXIES": "127.0.0.1"}

    async def test_a_correct_token_is_accepted_whatever_others_guess(self, client, context):
        await context.bus.connected.wait()
        assert (await client.get("/ops/log"))["error"] == "token_required"
        for network in range(50):
            errors = [await guess(client, f"2001:db8:0:{network:x}::{k}") for k in range(TRIES + 1)]
            assert errors == ["bad_token"] * TRIES + ["too_many"]
        for address in ("2001:db8::1", "198.51.100.8"):
            assert await guess(client, address, "open sesame") == ""

    async def test_only_failed_logins_are_counted(self, client):
        for _ in range(TRIES + 2):
            assert await guess(client, "198.51.100.7", "open sesame") == ""
        assert await guess(client, "198.51.100.7") == "bad_token"


@pytest.mark.usefixtures("one_minute")
async def test_without_a_trusted_proxy_a_client_cannot_choose_its_address(client, context):
    await context.bus.connected.wait()  # until then tries are counted in memory
    errors = [await guess(client, f"198.51.100.{k}") for k in range(TRIES + 1)]
    assert errors == ["bad_token"] * TRIES + ["too_many"]


async def test_an_act_that_was_cut_off_is_logged_as_begun(client, context, settings):
    await operator(client)
    code = await (await client.log_in("alice")).publish(forecast_num=100_000)

    victim = replace(context, store=Store(settings.mongodb_uri), background=Background())
    Steps(victim, kill_after=1)
    with pytest.raises(Killed):
        await end_task(victim, Actor("管理员", shared=True), code, "违反规则", fraud=False)
    victim.store.close()
    acts = (await client.get("/ops/log"))["data"]
    assert [(act["act"], act["target"], act["outcome"]) for act in acts] == [("end", code, "begun")]


async def test_a_tasks_page_shows_no_seed_no_winning_depth_and_no_id(client, context, alice, bob):
    http = await operator(client)
    code = await alice.publish(forecast_num=100_000, cd=0)
    await bob.get("/getTaskDetails", code=code, is_share=1, from_unionid=alice.unionid)
    await bob.dig(code)
    reply = await client.get("/ops/task", code=code)
    assert reply["shares"] == {"opened": 1, "sharers": 1, "brought": 1, "most": 1}
    assert [dig["depth"] for dig in reply["digs"]] == [1]
    raw = (await http.get("/ops/task", params={"code": code})).text
    for secret in (alice.id, bob.id, "seed", "params", "winning"):
        assert secret not in raw


async def test_the_board_is_refused_to_who_is_no_operator(client):
    assert (await client.get("/ops/board"))["error"] == "token_required"


async def test_a_board_comes_without_alarm_even_if_the_running_treasures_cannot_be_counted(
    client, context, monkeypatch
):
    await context.bus.connected.wait()
    monkeypatch.setattr(context.store.task_lists, "stock", failing(TimeoutError()))
    alice = await client.log_in("alice")
    code = await alice.publish()
    await operator(client)
    board = await client.get("/ops/board")
    assert [task["code"] for task in board["tasks"]] == [code]
    assert (board["running"], board["counted_at"]) == (0, 0)
    assert board["alarms"] == []


async def test_the_running_treasures_are_counted_and_all_who_look_within_a_second_share_a_board(
    trips, client, context
):
    alice = await client.log_in("alice")
    await alice.publish(forecast_num=1)
    await operator(client)
    await client.get("/ops/board")
    await context.background.finish()
    context.board._due = 0.0
    board = await client.get("/ops/board")
    assert (board["running"], board["prizes"], board["prizes_left"]) == (1, 1, 1)
    context.board._due += 60
    trips.sent.clear()
    assert (await client.get("/ops/board"))["read_at"] == board["read_at"]
    assert trips.sent == []


async def test_while_mongodb_is_silent_the_last_board_is_shown_with_the_alarm(client, context):
    await operator(client)
    board = await client.get("/ops/board")
    context.outages._silent.add("mongodb")
    context.board._due = 0.0
    silent = await client.get("/ops/board")
    assert silent["read_at"] == board["read_at"]
    assert [alarm["kind"] for alarm in silent["alarms"] if alarm["kind"] != "redis"] == ["mongodb"]


async def test_a_wrong_history_a_ledger_that_does_not_balance_and_a_refused_bill_are_alarms(client, context):
    await operator(client)
    alice, bob = await client.log_in_all("alice", "bob")
    dug = await alice.publish(forecast_num=100_000, cd=0)
    unpaid = await alice.publish()
    await bob.dig(dug)
    await context.background.finish()
    await context.store.digs.collection.delete_one({"code": dug})
    await context.books.ledger.enter("paid", "nobody", unpaid, 800, context.clock.now_ms())
    packet = await alice.won_packet(bob)
    await client.misbehave("refuse", call="transfer", code="PARAM_ERROR")
    await bob.claim(packet)
    await context.leader.ask()
    await count_now(context)
    await context.monitor.compare()
    difference = {"what": "ledger", "values": ["800", "paid:nobody", ""]}
    expected = {
        "invariant": {"code": dug, "what": "", "values": ["2"]},  # digs, and participants
        "books": {"code": unpaid, "what": "", "values": ["1"]},
        "bill": {"code": packet, "what": "PARAM_ERROR", "values": ["1"]},
    }
    alarms = {
        row["kind"]: {name: row[name] for name in ("code", "what", "values")}
        for row in await context.store.alarms.find()
    }
    assert alarms == expected
    found = (await client.get("/ops/task", code=unpaid))["money"]
    assert (found["paid_fen"], found["held_fen"], found["owed_fen"]) == (0, 0, 0)
    assert found["differences"] == [difference]
    payments = (await client.get("/ops/task", code=packet))["money"]["payments"]
    assert [(each["kind"], each["alarm"]) for each in payments if each["alarm"]] == [("bill", "PARAM_ERROR")]
    assert 'wabao_money_alarms{alarm="PARAM_ERROR",kind="bill"} 1.0' in await client.scrape()
