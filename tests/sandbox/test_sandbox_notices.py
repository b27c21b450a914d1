"""The sandbox's notices, and how it misbehaves on request."""

from __future__ import annotations

import asyncio

from devtools.sandbox import send_notices
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
