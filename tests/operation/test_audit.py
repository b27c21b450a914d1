"""The audit finds every difference in the ledger, and the metrics show the same sums."""

import asyncio
import sys
from typing import Any, get_args

import pytest

from server.cash import counting as cash_counting
from server.cash.audit import differences, read_money, remote_differences
from server.context import Context
from server.game.findings import LedgerWhat
from server.operation.findings import SENTENCES, line_of
from server.settings import Settings
from support.client import Client
from support.counting import count_now
from support.meanwhile import meanwhile
from support.purse import DAY_MS, sweep_until_quiet

# By name: collection, document, changes (None deletes the document), and a part of the audit's line.
TAMPERING: dict[str, tuple[str, dict[str, Any], dict[str, Any] | None, str]] = {
    "a payment missing in the ledger": ("ledger", {"kind": "paid"}, None, "the ledger says None"),
    "a payout missing in the ledger": ("ledger", {"kind": "given"}, None, "the ledger says None"),
    "a refund missing in the ledger": ("ledger", {"kind": "refunded"}, None, "the ledger says None"),
    "a prize missing in the ledger": ("ledger", {"kind": "owed"}, None, "the ledger says None"),
    "another amount in the ledger": ("ledger", {"kind": "paid"}, {"amount_fen": 1}, "the ledger says 1"),
    "a bill that was given and is called failed": (
        "bills",
        {"state": "given"},
        {"state": "failed"},
        "0 bills",
    ),
    "a bill of another amount": ("bills", {"state": "given"}, {"amount_fen": 300}, "is of 300 fen"),
    "a bill of no prize": ("bills", {"state": "given"}, {"prize": "nobody's"}, "pays no prize"),
    "a second bill that paid": ("bills", {"state": "failed"}, {"state": "given"}, "2 bills paid it"),
    "a bill that is out again": ("bills", {"state": "failed"}, {"state": "waiting"}, "1 bills are out"),
    "an order that is gone": ("orders", {"state": "spent"}, None, "was opened by"),
    "an order of another amount": ("orders", {"state": "spent"}, {"amount_fen": 500}, "is for 500 fen"),
    "a payment that is not used": ("orders", {"state": "spent"}, {"state": "paid"}, "was opened by"),
    "a refund of another amount": ("refunds", {"kind": "unwon"}, {"amount_fen": 100}, "instead of 200"),
    "a refund that is gone": ("refunds", {"kind": "unwon"}, None, "still held"),
    "a refund of another kind": ("refunds", {"kind": "unwon"}, {"kind": "whole"}, "refunded whole"),
    "a prize that is gone": ("prizes", {"depth": 1}, None, "there are prizes of"),
    "a prize of another amount": ("prizes", {"depth": 1}, {"amount_fen": 100}, "is of 100 fen"),
    "a prize that was given and is called won": ("prizes", {"depth": 1}, {"state": "won"}, "1 bills paid it"),
    "a red packet that was sent by mail": ("prizes", {"depth": 1}, {"state": "sent"}, "not sent by mail"),
    "a prize that was returned and is called given": (
        "prizes",
        {"depth": 2},
        {"state": "given"},
        "0 bills paid it",
    ),
    "a win that is gone": ("digs", {"depth": 2}, None, "there are prizes of"),
    "a task that was never paid": ("tasks", {}, {"paid_by": ""}, "nobody paid"),
    "a payment that did not come": ("orders", {"state": "spent"}, {"state": "closed"}, "0 fen are held"),
    "two refunds of one kind": ("refunds", {"kind": "unwon"}, {"kind": "unclaimed"}, "it has 2 refunds"),
    "a task that is gone": ("tasks", {}, None, "is of no task"),
    "a task that runs and is refunded": ("tasks", {}, {"status": 0}, "instead of None"),
}


async def at_wechat(context: Any, code: str) -> list[Any]:
    """Return where WeChat and our records of a task's money disagree."""
    money = await read_money(context.store, code)
    return await remote_differences(money, context.pay, await context.store.now_ms())


async def a_whole_story(client: Client, context: Context) -> str:
    """Return the code of a task with three prizes: one given by a second bill, one returned, one not won."""
    alice, bob, carol = await client.log_in_all("alice", "bob", "carol")
    code = await alice.won_packet(bob, carol, prizes=3)
    first = await bob.claim(code)
    await client.misbehave("fail", call="confirm")
    await client.confirm(first["package_info"])
    await bob.take(code)
    for _ in range(2):
        await sweep_until_quiet(context, 31 * DAY_MS)
    return code


async def test_the_audit_finds_every_change_behind_the_servers_back(client, context):
    code = await a_whole_story(client, context)
    assert differences(await read_money(context.store, code)) + await at_wechat(context, code) == []
    seen: set[str] = set()
    for name, (collection, which, changes, said) in TAMPERING.items():
        table = context.store.database[collection]
        before = await table.find_one({"code": code, **which} if collection != "tasks" else {"_id": code})
        assert before is not None, name
        if changes is None:
            await table.delete_one({"_id": before["_id"]})
        else:
            await table.update_one({"_id": before["_id"]}, {"$set": changes})
        found = differences(await read_money(context.store, code))
        assert any(said in line_of(finding) for finding in found), (name, found)
        seen |= {finding.what for finding in found}
        assert {(finding.kind, finding.code) for finding in found} == {("books", code)}
        assert all(SENTENCES[finding.what].count("{}") == len(finding.values) for finding in found)
        await table.replace_one({"_id": before["_id"]}, before, upsert=True)
        assert differences(await read_money(context.store, code)) == [], name
    assert seen == set(get_args(LedgerWhat)) - {"at_wechat"}


async def test_the_remote_audit_finds_what_differs_at_wechat(client, context):
    code = await a_whole_story(client, context)
    orders = context.sandbox.pay.orders
    bills = context.sandbox.pay.bills
    assert await at_wechat(context, code) == []  # WeChat answers for no bill older than 30 days
    await make_bills_known(context)
    cases: list[tuple[Any, dict[str, Any], dict[str, Any], str]] = [
        (orders, {}, {"trade_state": "NOTPAY"}, "WeChat says NOTPAY"),
        (orders, {}, {"total_fen": 500}, "500 fen"),
        (orders, {}, {"refunds.0.status": "CLOSED"}, "WeChat says CLOSED"),
        (orders, {}, {"refunds.0.amount_fen": 300}, "300 fen"),
        (bills, {"state": "SUCCESS"}, {"state": "FAIL"}, "WeChat says FAIL"),
        (bills, {"state": "SUCCESS"}, {"amount_fen": 300}, "300 fen"),
        (bills, {"state": "FAIL"}, {"state": "SUCCESS"}, "is failed here, and WeChat says SUCCESS"),
    ]
    for table, which, changes, said in cases:
        before = await table.find_one(which)
        await table.update_one({"_id": before["_id"]}, {"$set": changes})
        found = await at_wechat(context, code)
        assert any(said in line_of(finding) for finding in found), (changes, found)
        of_this = (code, "at_wechat", SENTENCES["at_wechat"].count("{}"))
        assert {(finding.code, finding.what, len(finding.values)) for finding in found} == {of_this}
        await table.replace_one({"_id": before["_id"]}, before)
    gone = await bills.find_one_and_delete({"state": "SUCCESS"})
    assert gone is not None
    found = await at_wechat(context, code)
    assert any("NOT_FOUND" in line_of(finding) for finding in found)


async def make_bills_known(context: Context) -> None:
    """Make the story's bills young enough for WeChat to know them."""
    await context.sandbox.pay.bills.update_many({}, {"$inc": {"created_at_ms": 60 * DAY_MS}})
    await context.store.database["bills"].update_many({}, {"$inc": {"created_at": 60 * DAY_MS}})


async def run_audit(settings: Settings, *arguments: str) -> tuple[int, str]:
    """Run the command as an operator does; return its exit code and what it printed."""
    environment = {
        "MONGODB_URI": settings.mongodb_uri,
        "PORT": str(settings.port),
        "DATA_DIR": settings.data_dir,
    }
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "audit", *arguments),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await child.communicate()
    assert child.returncode is not None
    return child.returncode, printed.decode()


@pytest.mark.gen_test(timeout=180)  # two processes start; on a busy machine that takes long
async def test_the_command_prints_the_differences_and_exits_with_1(client, context, settings):
    code = await a_whole_story(client, context)
    exit_code, printed = await run_audit(settings)
    assert (exit_code, printed) == (
        0,
        "1 tasks, in fen: paid 600, given 200, refunded 400, held 0, of which owed 0 and withheld 0\n",
    )
    await make_bills_known(context)
    await context.sandbox.pay.bills.update_one({"state": "SUCCESS"}, {"$set": {"state": "FAIL"}})
    exit_code, printed = await run_audit(settings, "--remote")
    assert (exit_code, f"{code}: " in printed, "WeChat says FAIL" in printed) == (1, True, True)


async def test_the_ledger_is_checked_in_turns_and_what_differs_each_time(context, monkeypatch, alice):
    codes = sorted([await alice.paid_packet() for _ in range(3)])
    monkeypatch.setattr(cash_counting, "LEDGER_RUN_SECONDS", 0.0)
    looked = meanwhile(monkeypatch, cash_counting, "audit_task")
    await context.books.ledger.rows.update_one({"code": codes[1]}, {"$set": {"amount_fen": 1}})
    found = []
    for run in range(5):
        await count_now(context)
        gauges = (await context.store.gauges.find())["gauges"]
        found += [gauge["code"] for gauge in gauges if gauge["labels"].get("kind") == "books"]
        if run == 3:
            await context.books.ledger.rows.update_one({"code": codes[1]}, {"$set": {"amount_fen": 200}})
    assert found == ["", codes[1], codes[1], codes[1], ""]
    assert [code for _, code, *_ in looked] == [codes[0], codes[1], codes[2], codes[0]]
