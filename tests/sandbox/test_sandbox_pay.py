"""The sandbox's WeChat Pay moves no money twice, and repeats its notices. Its refusals are seen where the
server meets them."""

import asyncio

import pytest

from devtools.sandbox import send_notices
from devtools.sandbox.pay_call import CALLS_A_SECOND
from devtools.sandbox.store import Calls, SandboxStore
from server.cash.pay.answers import PayUnknown
from support.merchant import Shop


async def test_processes_that_start_at_once_make_one_set_of_keys_and_a_restart_keeps_it(context):
    await context.sandbox.keys.collection.delete_many({})
    merchants = await asyncio.gather(*(SandboxStore(context.store.database).merchant() for _ in range(6)))
    merchants.append(await SandboxStore(context.store.database).merchant())
    assert len({merchant.private_key for merchant in merchants}) == 1
    assert len({merchant.public_key for merchant in merchants}) == 1
    assert len({merchant.api_v3_key for merchant in merchants}) == 1
    assert await context.sandbox.keys.collection.count_documents({}) == 1


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
