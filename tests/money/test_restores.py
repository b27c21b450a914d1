"""A database that was restored to an earlier time: WeChat still knows what happened since."""

from typing import Any

import msgspec
import pytest

from server.cash.actions.pay_out import note_bill
from server.cash.pay.answers import BillAnswer, Contradiction, PayRefused, PayUnknown
from server.cash.store.payouts import bill_number
from server.context import Context
from support.operators import operator
from support.purse import HOUR_MS, audit, find, only, sweep_after

ENVIRONMENT = {"TASK_DAYS": "5"}


async def stored(context: Context) -> dict[str, list[dict[str, Any]]]:
    """Return a backup of the database, without the sandbox's collections: WeChat is never restored."""
    database = context.store.database
    names = await database.list_collection_names()
    kept = [name for name in names if not name.startswith("sandbox") and name != "meta"]
    return {name: await find(context, name) for name in kept}


async def restore(context: Context, backup: dict[str, list[dict[str, Any]]]) -> None:
    """Put the backup in place of the database."""
    for name, documents in backup.items():
        collection = context.store.database[name]
        await collection.delete_many({})
        if documents:
            await collection.insert_many(documents)


async def test_after_a_restore_another_winner_gets_another_number(client, context, alice, bob, carol):
    code = await alice.paid_packet()
    backup = await stored(context)
    for winner in (bob, carol):
        await restore(context, backup)
        await winner.win(code)
        await client.confirm((await winner.claim(code))["package_info"])
        assert (await only(context, "prizes"))["state"] == "given"
        assert (await only(context, "bills"))["person_id"] == winner.id
    paid = await find(context, "sandbox_bills")
    assert [bill["state"] for bill in paid] == ["SUCCESS"] * 2
    assert len({bill["openid"] for bill in paid}) == 2


async def test_after_a_restore_the_same_winner_is_paid_once(client, context, alice, bob):
    code = await alice.won_packet(bob)
    backup = await stored(context)
    await client.confirm((await bob.claim(code))["package_info"])
    await restore(context, backup)
    await bob.claim(code)
    await sweep_after(context, HOUR_MS)
    assert (await only(context, "prizes"))["state"] == "given"
    await only(context, "sandbox_bills")


@pytest.mark.changes_ledger
@pytest.mark.parametrize("other", [{"openid": "o-somebody-else"}, {"transfer_amount": 100}])
async def test_a_number_known_from_another_transfer_is_a_contradiction(client, context, alice, bob, other):
    """WeChat refuses the transfer, then names another person or amount in a reply, and then in a notice."""
    code = await alice.won_packet(bob)
    await client.misbehave("error_before", call="transfer")
    await bob.claim(code)
    bill = await only(context, "bills")
    body = msgspec.json.decode(bytes(bill["body"])) | other
    await context.pay.transfer(msgspec.json.encode(body))
    for error in ("wechat_busy", "wechat_busy"):
        assert (await bob.claim(code))["error"] == error
        assert (await only(context, "bills"))["alarm"] == "CONTRADICTION"
    await context.sandbox.pay.bills.update_one({}, {"$set": {"state": "SUCCESS"}})
    assert (await bob.claim(code))["error"] == "wechat_busy"
    await sweep_after(context, HOUR_MS)
    names = {"openid": body["openid"], "amount_fen": body["transfer_amount"]}
    told = BillAnswer(out_bill_no=bill["_id"], state="SUCCESS", **names)
    with pytest.raises(Contradiction):
        await note_bill(context, told)
    after = await only(context, "bills")
    assert (after["state"], after["alarm"]) == ("asked", "CONTRADICTION")
    assert (await only(context, "prizes"))["state"] == "claiming"
    report = await audit(context.store, context.pay)
    assert [finding.values[1] for finding in report.waiting] == ["CONTRADICTION"]
    assert [finding.what for finding in report.differences] == ["at_wechat"]
    await operator(client)
    about = {"what": "prize", "code": code, "depth": 1, "reason": "查过了：没有付给这个人"}
    assert (await client.post("/ops/release", **about))["status"] == 0
    assert (await client.post("/ops/release", **about))["status"] != 0
    assert not (await audit(context.store)).waiting
    await client.confirm((await bob.claim(code))["package_info"])
    assert (await only(context, "prizes"))["state"] == "given"
    assert sorted(each["state"] for each in await find(context, "bills")) == ["failed", "given"]
    log = await find(context, "audit_log", act="release_prize")
    assert sorted(each["outcome"] for each in log) == ["bad_request", "done"]
    voided = await only(context, "bills", state="failed")
    assert [(each["move"], each["by"]) for each in voided["history"]][-1] == ("voided", "operator:管理员")


ODD = {"openid": "o-somebody-else"}


@pytest.mark.parametrize(
    ("lost", "meanwhile", "says"),
    [
        (False, False, {}),
        (True, True, ODD),
        (True, False, PayRefused("NOT_FOUND", "")),
        (True, False, PayUnknown("no answer")),
        (True, False, Contradiction("of another number")),
    ],
)
async def test_what_may_yet_pay_is_not_void(client, context, monkeypatch, alice, bob, lost, meanwhile, says):
    """WeChat's reply to the transfer is lost or not, and the operator's question answered oddly or not."""
    code = await alice.won_packet(bob)
    if lost:
        await client.misbehave("error_after", call="transfer")
    await bob.claim(code)
    number = (await only(context, "bills"))["_id"]
    with pytest.raises(Contradiction):
        await note_bill(context, BillAnswer(out_bill_no=number, state="WAIT_USER_CONFIRM", **ODD))
    asked = context.pay.query_transfer

    async def answer(number: str) -> BillAnswer:
        answer = await asked(number)
        if meanwhile:  # as another process notes it
            await note_bill(context, answer)
        if isinstance(says, Exception):
            raise says
        return msgspec.structs.replace(answer, **says)

    await operator(client)
    about = {"what": "prize", "code": code, "depth": 1, "reason": "查过了：没有付给这个人"}
    with monkeypatch.context() as patch:
        patch.setattr(context.pay, "query_transfer", answer)
        refused = await client.post("/ops/release", **about)
    assert (refused["error"], "没有作废" in refused["msg"]) == ("bad_request", True)
    assert (await only(context, "prizes"))["state"] == "claiming"
    await client.confirm((await bob.claim(code))["package_info"])
    assert (await only(context, "prizes"))["state"] == "given"
    assert (await only(context, "bills"))["_id"] == number
    assert (await only(context, "sandbox_bills"))["state"] == "SUCCESS"


def test_the_longest_number_is_one_that_wechat_takes():
    prize: Any = {"_id": "Z" * 12 + ":1", "code": "Z" * 12, "depth": 199_999_000, "attempt": 99}
    number = bill_number(prize | {"person_id": "u" * 40})
    assert len(number) <= 32
    assert number.isalnum()
