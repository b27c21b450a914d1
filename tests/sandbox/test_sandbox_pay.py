"""The sandbox's WeChat Pay moves no money twice, and repeats its notices. Its refusals are seen where the
server meets them."""

import asyncio

import msgspec
import pytest

from devtools.sandbox import send_notices
from devtools.sandbox.pay_call import CALLS_A_SECOND
from devtools.sandbox.store import Calls, SandboxStore
from server.cash.pay.answers import PayRefused, PayUnknown
from support.merchant import Shop
from support.purse import let_refund


async def test_processes_that_start_at_once_make_one_set_of_keys_and_a_restart_keeps_it(context):
    await context.sandbox.keys.collection.delete_many({})
    merchants = await asyncio.gather(*(SandboxStore(context.store.database).merchant() for _ in range(6)))
    merchants.append(await SandboxStore(context.store.database).merchant())
    assert len({merchant.private_key for merchant in merchants}) == 1
    assert len({merchant.public_key for merchant in merchants}) == 1
    assert len({merchant.api_v3_key for merchant in merchants}) == 1
    assert await context.sandbox.keys.collection.count_documents({}) == 1


async def test_payments_at_the_same_time_pay_an_order_once(shop):
    number, prepay_id = await shop.order()
    parameters = shop.pay.payment_parameters(prepay_id)
    answers = await asyncio.gather(*(shop.request_payment(parameters) for _ in range(8)))
    assert answers.count("requestPayment:ok") == 1
    assert (await shop.notice()).resource.out_trade_no == number
    await shop.context.background.finish()
    assert shop.desk.taken.empty()


async def test_no_more_is_refunded_than_was_paid(shop):
    number = await shop.paid(amount_fen=100)
    with pytest.raises(PayRefused, match="可退金额"):
        await shop.pay.refund("RA", number, 101, 100, "退款")
    await shop.pay.refund("RB", number, 60, 100, "退款")
    with pytest.raises(PayRefused, match="可退金额"):
        await shop.pay.refund("RC", number, 41, 100, "退款")
    with pytest.raises(PayUnknown, match="相隔1分钟"):
        await shop.pay.refund("RD", number, 40, 100, "退款")
    await let_refund(shop.context)
    await shop.pay.refund("RD", number, 40, 100, "退款")


async def test_refunds_at_the_same_time_never_exceed_the_payment(shop):
    number = await shop.paid(amount_fen=100)
    made = await asyncio.gather(
        *(shop.pay.refund(f"RE{place}", number, 30, 100, "退款") for place in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, PayUnknown) for one in made) == 9  # refunds must be a minute apart
    kept = await shop.context.sandbox.pay.orders.find_one({"_id": number})
    assert (kept["refundable_fen"], len(kept["refunds"])) == (70, 1)


async def test_a_repeated_refund_is_the_same_and_another_amount_is_refused(shop):
    number = await shop.paid(amount_fen=100)
    refunds = [await shop.pay.refund("RF", number, 30, 100, "退款") for _ in range(3)]
    assert [refund.status for refund in refunds] == ["PROCESSING", "SUCCESS", "SUCCESS"]
    assert refunds[1] == refunds[2]
    for amount_fen, total_fen in ((31, 100), (30, 99)):
        with pytest.raises(PayRefused, match="不一致"):
            await shop.pay.refund("RF", number, amount_fen, total_fen, "退款")
    other = await shop.paid(amount_fen=100)
    with pytest.raises(PayRefused, match="不一致"):
        await shop.pay.refund("RF", other, 30, 100, "退款")


async def test_a_repeated_bill_is_the_same_and_another_under_its_number_is_refused(shop):
    bills = await asyncio.gather(*(shop.pay.transfer(shop.body("T1")) for _ in range(8)))
    assert len({bill.package_info for bill in bills}) == 8
    assert len({msgspec.structs.replace(bill, package_info=None) for bill in bills}) == 1
    for bill in bills:
        assert "不一致" in await shop.confirm(bill.package_info, user="小明")
    with pytest.raises(PayRefused):
        await shop.pay.transfer(shop.body("T1", 201))


async def test_a_person_who_declined_may_confirm_later_but_only_once(shop):
    bill = await shop.pay.transfer(shop.body("TA"))
    assert await shop.confirm(bill.package_info, decline=1) == "requestMerchantTransfer:cancel"
    assert (await shop.pay.query_transfer("TA")).state == "WAIT_USER_CONFIRM"
    answers = await asyncio.gather(*(shop.confirm(bill.package_info) for _ in range(6)))
    assert answers.count("requestMerchantTransfer:ok") == 1
    with pytest.raises(PayRefused, match="不支持撤销"):
        await shop.pay.cancel_transfer("TA")
    assert (await shop.pay.query_transfer("TA")).state == "SUCCESS"
    assert "fail" in await shop.confirm("nothing")
    assert "fail" in await shop.confirm(bill.package_info, mchId="1900000002")


async def test_a_confirmation_or_a_cancellation_at_the_same_time_wins_and_not_both(shop):
    for place in range(5):
        number = f"TC{place}"
        bill = await shop.pay.transfer(shop.body(number))
        confirmed, cancelled = await asyncio.gather(
            shop.confirm(bill.package_info), shop.pay.cancel_transfer(number), return_exceptions=True
        )
        state = (await shop.pay.query_transfer(number)).state
        if confirmed == "requestMerchantTransfer:ok":
            assert isinstance(cancelled, PayRefused)
            assert state == "SUCCESS"
        else:
            assert cancelled.state == "CANCELING"
            assert state == "CANCELLED"


async def test_no_more_calls_are_taken_in_a_second_than_wechat_takes(shop, monkeypatch):
    calls = Calls()
    assert [calls.count(call, second) for call, second in (("a", 1), ("a", 1), ("b", 1), ("a", 2))] == [
        1,
        2,
        1,
        1,
    ]
    monkeypatch.setitem(CALLS_A_SECOND, "query_transfer", 0)
    with pytest.raises(PayUnknown, match="FREQUENCY_LIMIT_EXCEED"):
        await shop.pay.query_transfer("T1")


async def make_due(shop: Shop) -> None:
    """Make all notices due, and send them as any process would."""
    await shop.context.background.finish()
    await shop.context.sandbox.notices.collection.update_many({}, {"$set": {"due_at_ms": 0}})
    await send_notices(shop.context)


async def states(shop: Shop) -> list[tuple[str, int]]:
    found = await shop.context.sandbox.notices.collection.find().to_list(None)
    return [(notice["state"], notice["attempts"]) for notice in found]


async def test_a_notice_is_repeated_until_it_is_acknowledged(shop):
    shop.desk.answers = [500, 404, 302, 200]
    _, prepay_id = await shop.order()
    await shop.request_payment(shop.pay.payment_parameters(prepay_id))
    notices = [await shop.notice()]
    for _ in range(3):
        await make_due(shop)
        notices.append(await shop.notice())
    assert len({notice.id for notice in notices}) == 1
    await make_due(shop)
    assert shop.desk.taken.empty()
    assert await states(shop) == [("done", 4)]


async def test_processes_that_send_at_once_send_once(shop):
    await shop.misbehave("delay_notice", seconds=60)
    _, prepay_id = await shop.order()
    await shop.request_payment(shop.pay.payment_parameters(prepay_id))
    await shop.context.background.finish()
    assert shop.desk.taken.empty()
    await shop.context.sandbox.notices.collection.update_many({}, {"$set": {"due_at_ms": 0}})
    await asyncio.gather(*(send_notices(shop.context) for _ in range(6)))
    assert shop.desk.taken.qsize() == 1
