"""The sandbox's notices, and how it misbehaves on request."""

from __future__ import annotations

import asyncio
import time

import pytest

from devtools.sandbox import send_notices
from devtools.sandbox.notices import PAUSES_SECONDS
from server.wechat.pay import PayRefused
from support.merchant import Shop


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


async def test_a_notice_is_sent_fifteen_times_at_most(shop):
    shop.desk.answers = [500] * 50
    _, prepay_id = await shop.order()
    await shop.request_payment(shop.pay.payment_parameters(prepay_id))
    for _ in range(20):
        await make_due(shop)
    assert shop.desk.taken.qsize() == len(PAUSES_SECONDS) + 1 == 15
    assert await states(shop) == [("given_up", 15)]


async def test_a_notice_waits_for_a_merchant_who_cannot_be_reached(shop):
    _, prepay_id = await shop.order()
    shop.desk.server.stop()
    await shop.request_payment(shop.pay.payment_parameters(prepay_id))
    await shop.context.background.finish()
    assert await states(shop) == [("waiting", 1)]
    kept = await shop.context.sandbox.notices.collection.find_one({})
    assert kept["due_at_ms"] > time.time() * 1000


async def test_processes_that_send_at_once_send_once(shop):
    await shop.misbehave("delay_notice", seconds=60)
    _, prepay_id = await shop.order()
    await shop.request_payment(shop.pay.payment_parameters(prepay_id))
    await shop.context.background.finish()
    assert shop.desk.taken.empty()
    await shop.context.sandbox.notices.collection.update_many({}, {"$set": {"due_at_ms": 0}})
    await asyncio.gather(*(send_notices(shop.context) for _ in range(6)))
    assert shop.desk.taken.qsize() == 1


async def test_a_notice_may_be_lost_or_repeated_or_follow_a_forged_one(shop):
    for what, comes in (("lose_notice", 0), ("repeat_notice", 2), ("forge_notice", 2), ("", 1)):
        if what:
            await shop.misbehave(what)
        number, prepay_id = await shop.order()
        await shop.request_payment(shop.pay.payment_parameters(prepay_id))
        await make_due(shop)
        assert shop.desk.taken.qsize() == comes
        taken = [await shop.taken() for _ in range(comes)]
        if what == "forge_notice":
            _, headers, _ = taken.pop(0)
            assert headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")
        for path, headers, body in taken:
            assert path == "/payNotify"
            assert shop.pay.read_notice(headers, body).resource.out_trade_no == number


async def test_each_kind_of_notice_has_an_address_of_its_own(shop):
    number = await shop.paid(amount_fen=100)
    await shop.pay.refund("RK", number, 100, 100, "退款")
    assert (await shop.taken())[0] == "/refundNotify"
    bill = await shop.pay.transfer(shop.body("TI"))
    await shop.confirm(bill.package_info)
    assert (await shop.taken())[0] == "/transferNotify"


async def test_a_wish_applies_only_to_its_call_and_number_and_so_many_times(shop):
    await shop.misbehave("refuse", call="transfer", number="TJ", times=2)
    assert (await shop.pay.transfer(shop.body("TK"))).state == "WAIT_USER_CONFIRM"
    for _ in range(2):
        with pytest.raises(PayRefused, match="NOT_ENOUGH"):
            await shop.pay.transfer(shop.body("TJ"))
    assert (await shop.pay.transfer(shop.body("TJ"))).state == "WAIT_USER_CONFIRM"
    await shop.misbehave("refuse", times=100)
    await shop.misbehave("behave")
    assert (await shop.pay.query_transfer("TJ")).state == "WAIT_USER_CONFIRM"


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"what": "explode"},
        {"what": "refuse", "code": "NO_SUCH_CODE"},
        {"what": "refuse", "times": 0},
        {"what": "refuse", "call": "everything"},
        {"what": "expire", "number": "nothing"},
        {"what": "settle", "number": "nothing"},
        {"what": "delay_notice", "seconds": -1},
        {"what": "refuse", "number": {"$ne": ""}},
    ],
)
async def test_a_wish_that_cannot_be_granted_gets_the_reason(shop, wish):
    answer = await shop.http.post("/sandbox/misbehave", json=wish)
    assert answer.status_code == 400
    assert answer.json()["errMsg"].startswith("misbehave:fail ")
    assert await shop.context.sandbox.misbehaviours.collection.count_documents({}) == 0


async def test_confirming_takes_a_form_too(shop):
    bill = await shop.pay.transfer(shop.body("TL"))
    answer = await shop.http.post(
        "/sandbox/confirm", data={"package_info": bill.package_info, "decline": "1"}
    )
    assert answer.json() == {"errMsg": "requestMerchantTransfer:cancel"}
    for body in (b"\xff", b"[]", b"{", b""):
        answer = await shop.http.post("/sandbox/confirm", content=body)
        assert answer.status_code == 400
        assert answer.json()["errMsg"].startswith("requestMerchantTransfer:fail ")
