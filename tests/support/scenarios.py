"""What a process may be doing when it dies.

Each scenario is set up by one process and acted by another, the victim.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from server.actions.digging.dig import dig
from server.actions.digging.end_task import end_own_task
from server.actions.money.claim import claim
from server.actions.money.confirm import confirm_pickup
from server.actions.money.freeze import freeze, give_back, release
from server.actions.money.pay_in import look_at_payment, order_payment
from server.actions.money.ship import receive, ship
from server.actions.operate import hide_task
from server.actions.sweep import sweep
from server.context import Context
from server.errors import PayoutHeld, PayoutWaits, WeChatBusy
from server.game import prize as row
from server.game.payouts import day_of
from server.store.audit_log import Actor
from server.wechat.pay.client import DAY_REFUSED
from support.client import Client, Someone, admit
from support.purse import (
    DAY_MS,
    confirm,
    find,
    let_pass,
    misbehave,
    order,
    paid_packet,
    pay,
    publish_red_packet,
    rest,
    win,
    won_packet,
    wx,
)

OPERATOR = Actor("a", shared=False)


@dataclass(frozen=True)
class Stage:
    """Two people, the process that is not killed, and their task."""

    client: Client
    context: Context
    alice: Someone
    bob: Someone
    code: str = ""

    def of(self, code: str) -> Stage:
        """Return the same stage with this task."""
        return Stage(self.client, self.context, self.alice, self.bob, code)


async def _person(context: Context, someone: Someone) -> Any:
    return await context.store.people.find(someone.unionid)


async def unpaid(stage: Stage) -> Stage:
    """A red packet that nobody has ordered."""
    return stage.of(await publish_red_packet(stage.alice))


async def paid_unheard(stage: Stage) -> Stage:
    """A red packet that was paid; WeChat's notice was lost."""
    code = await publish_red_packet(stage.alice)
    await misbehave(stage.client, "lose_notice")
    await pay(stage.client, stage.context, stage.alice, code)
    return stage.of(code)


async def paid_too_late(stage: Stage) -> Stage:
    """A red packet that was ended, then paid; WeChat's notice was lost."""
    code = await publish_red_packet(stage.alice)
    parameters = await order(stage.alice, code)
    await stage.alice.post("/endTask", code=code)
    await misbehave(stage.client, "lose_notice")
    await wx(stage.client, "pay", appId=stage.context.settings.appid, **parameters)
    await rest(stage.context)
    await let_pass(stage.context, 61_000)
    return stage.of(code)


async def paid_by_card(stage: Stage) -> Stage:
    """A red packet that was paid by a credit card, though none may; WeChat's notice was lost."""
    code = await publish_red_packet(stage.alice)
    parameters = await order(stage.alice, code)
    await misbehave(stage.client, "lose_notice")
    await wx(stage.client, "pay", appId=stage.context.settings.appid, **parameters, credit=1)
    await rest(stage.context)
    await let_pass(stage.context, 61_000)
    return stage.of(code)


async def ordered(stage: Stage) -> Stage:
    """A red packet whose publisher has not paid yet."""
    code = await publish_red_packet(stage.alice)
    await order(stage.alice, code)
    return stage.of(code)


async def ordered_and_ended(stage: Stage) -> Stage:
    """The same, which its publisher ended."""
    stage = await ordered(stage)
    await stage.alice.post("/endTask", code=stage.code)
    return stage


async def paid_and_taken_down(stage: Stage) -> Stage:
    """A red packet that was paid just before an operator took it down; WeChat's notice was lost."""
    stage = await paid_unheard(stage)
    await hide_task(stage.context, OPERATOR, stage.code, "违法", hidden=True)
    return stage


async def open_packet(stage: Stage) -> Stage:
    """A red packet that anybody can dig, and the first dig wins."""
    code = await paid_packet(stage.client, stage.context, stage.alice)
    return stage.of(code)


async def report(stage: Stage) -> None:
    """Let WeChat be told of the delivery, so that later sweeps need not."""
    await let_pass(stage.context, 61_000)
    await sweep(stage.context, ["orders"])


async def undelivered(stage: Stage) -> Stage:
    """The same, a minute later: its delivery is to be reported."""
    stage = await open_packet(stage)
    await let_pass(stage.context, 61_000)
    return stage


async def undeliverable(stage: Stage) -> Stage:
    """The same, and WeChat refuses the report."""
    stage = await undelivered(stage)
    await misbehave(stage.client, "refuse", call="shipping", code="10060031")
    return stage


async def open_and_frozen(stage: Stage) -> Stage:
    """The same, whose treasure an operator froze before."""
    stage = await open_packet(stage)
    await freeze(stage.context, "task", stage.code, 0)
    return stage


async def won_unwritten(stage: Stage) -> Stage:
    """A red packet with three prizes. Bob won one, and his process died before the history had the dig."""
    code = await won_packet(stage.client, stage.context, stage.alice, stage.bob, prizes=3)
    for name in ("digs", "prizes", "ledger"):
        await stage.context.store.database[name].delete_many({"code": code, "kind": {"$ne": "paid"}})
    await stage.context.store.tasks.collection.update_one({"_id": code}, {"$set": {"pending": 1}})
    return stage.of(code)


async def won(stage: Stage) -> Stage:
    """A red packet that Bob has won."""
    stage = await open_packet(stage)
    await win(stage.client, stage.context, stage.bob, stage.code)
    return stage


async def privately_won(stage: Stage) -> Stage:
    """A private red packet that Bob has won; Carol was paid another one of Alice's today."""
    codes = []
    for winner in (stage.client.people["carol"], stage.bob):
        codes.append(await publish_red_packet(stage.alice, is_public=0))
        await pay(stage.client, stage.context, stage.alice, codes[-1])
        await win(stage.client, stage.context, winner, codes[-1])
    await stage.client.people["carol"].post("/drawPrize", code=codes[0])
    return stage.of(codes[1])


async def claimed(stage: Stage) -> Stage:
    """A red packet that Bob has to confirm."""
    stage = await won(stage)
    assert (await stage.bob.post("/drawPrize", code=stage.code))["package_info"]
    return stage


async def confirmed_unheard(stage: Stage) -> Stage:
    """A red packet that Bob has confirmed; WeChat's notice was lost."""
    stage = await claimed(stage)
    [bill] = await find(stage.context, "bills")
    await misbehave(stage.client, "lose_notice")
    await confirm(stage.client, stage.context, bill["package_info"])
    return stage


async def failed_unheard(stage: Stage) -> Stage:
    """A red packet whose bill failed; WeChat's notice was lost."""
    stage = await claimed(stage)
    [bill] = await find(stage.context, "bills")
    await misbehave(stage.client, "fail", call="confirm")
    await misbehave(stage.client, "lose_notice")
    await confirm(stage.client, stage.context, bill["package_info"])
    return stage


async def won_and_refused(stage: Stage) -> Stage:
    """A red packet that Bob has won, which WeChat does not transfer from this address."""
    stage = await won(stage)
    await misbehave(stage.client, "refuse", call="transfer", code="ADDRESS_REFUSED")
    return stage


async def won_and_refused_today(stage: Stage) -> Stage:
    """A red packet that Bob has won, on a day on which WeChat transfers nothing more."""
    stage = await won(stage)
    await misbehave(stage.client, "refuse", call="transfer", code=DAY_REFUSED)
    return stage


async def won_and_failing(stage: Stage) -> Stage:
    """A red packet that Bob has won, and of which WeChat says at once that he cannot get it today."""
    stage = await won(stage)
    await misbehave(stage.client, "fail", call="transfer", code="DAY_RECEIVED_QUOTA_EXCEED")
    return stage


async def won_on_a_full_day(stage: Stage) -> Stage:
    """A red packet that Bob has won, on a day on which 2 yuan were paid out already."""
    stage = await won(stage)
    await stage.context.store.payout_days.take(day_of(stage.context.clock.now_ms()), 200, 200)
    return stage


async def frozen(stage: Stage) -> Stage:
    """A red packet that Bob has won, and an operator froze."""
    stage = await won(stage)
    await freeze(stage.context, "prize", stage.code, 1)
    await rest(stage.context)
    return stage


async def held_and_frozen(stage: Stage) -> Stage:
    """A red packet that a payout limit held when Bob claimed it, and whose treasure was frozen then."""
    stage = await won(stage)
    await act_held(dataclasses.replace(stage.context), stage)
    await freeze(stage.context, "task", stage.code, 0)
    return stage


async def half_won_and_expired(stage: Stage) -> Stage:
    """A red packet with two prizes, one of them won, past its expiry."""
    code = await won_packet(stage.client, stage.context, stage.alice, stage.bob, prizes=2)
    await report(stage)
    await let_pass(stage.context, 31 * DAY_MS)
    return stage.of(code)


async def unclaimed(stage: Stage) -> Stage:
    """A red packet that Bob won and did not claim, past the deadline."""
    stage = await won(stage)
    await report(stage)
    await let_pass(stage.context, 31 * DAY_MS)
    return stage


async def claimed_and_over(stage: Stage) -> Stage:
    """A red packet that Bob has still to confirm, past the deadline."""
    stage = await won(stage)
    await report(stage)
    await let_pass(stage.context, 30 * DAY_MS - 3_600_000)
    await stage.bob.post("/drawPrize", code=stage.code)
    await let_pass(stage.context, 3_601_000)
    return stage


async def refused_and_over(stage: Stage) -> Stage:
    """A red packet that WeChat refuses to pay out to Bob, past the deadline."""
    stage = await won(stage)
    await report(stage)
    await misbehave(stage.client, "refuse", call="transfer", code="NO_AUTH")
    await stage.bob.post("/drawPrize", code=stage.code)
    await let_pass(stage.context, 61 * DAY_MS)
    return stage


async def ordered_a_while_ago(stage: Stage) -> Stage:
    """A red packet whose publisher has not paid for a minute."""
    stage = await ordered(stage)
    await let_pass(stage.context, 61_000)
    return stage


async def silent_about_an_order(stage: Stage) -> Stage:
    """The same, and WeChat does not answer."""
    stage = await ordered_a_while_ago(stage)
    await misbehave(stage.client, "error_before", call="query_order")
    return stage


async def silent_about_a_bill(stage: Stage) -> Stage:
    """A red packet that Bob has to confirm, and WeChat does not answer."""
    stage = await claimed(stage)
    await report(stage)
    await let_pass(stage.context, 660_000)
    await misbehave(stage.client, "error_before", call="query_transfer")
    return stage


async def silent_about_a_refund(stage: Stage) -> Stage:
    """A red packet that goes back, and WeChat does not answer."""
    stage = await unclaimed(stage)
    await misbehave(stage.client, "error_before", call="refund")
    return stage


async def refused_a_refund(stage: Stage) -> Stage:
    """A red packet that goes back, which WeChat refuses."""
    stage = await unclaimed(stage)
    await misbehave(stage.client, "refuse", call="refund")
    return stage


async def refunded_unheard(stage: Stage) -> Stage:
    """A red packet that went back; WeChat's notice was lost."""
    stage = await unclaimed(stage)
    await misbehave(stage.client, "pending", call="refund")
    await act_sweep(stage.context, stage)
    [refund] = await find(stage.context, "refunds")
    await misbehave(stage.client, "lose_notice")
    await wx(stage.client, "misbehave", what="settle", number=refund["_id"])
    await let_pass(stage.context, 61_000)
    return stage


async def claim_begun(stage: Stage) -> Stage:
    """A red packet whose claim was saved by a process that then died."""
    stage = await won(stage)
    now_ms = stage.context.clock.now_ms()
    begun = row.claimed(0, now_ms, now_ms + 60_000, young=0, private=0)
    assert await stage.context.store.prizes.moves(f"{stage.code}:1", begun)
    return stage


async def goods(stage: Stage, draw_type: int) -> Stage:
    """Goods that Bob has won."""
    code = await stage.alice.publish(forecast_num=1, draw_type=draw_type)
    await win(stage.client, stage.context, stage.bob, code)
    return stage.of(code)


async def act_order(victim: Context, stage: Stage) -> None:
    """payTask."""
    await order_payment(victim, await _person(victim, stage.alice), stage.code, 2)


async def act_look(victim: Context, stage: Stage) -> None:
    """The publisher opens the details."""
    await victim.store.orders.collection.update_many({}, {"$set": {"asked_at": 0}})
    await look_at_payment(victim, stage.code)


async def act_dig(victim: Context, stage: Stage) -> None:
    """The winning dig."""
    await dig(victim, stage.code, stage.bob.unionid, "", admit)
    await rest(victim)


async def act_overtake(victim: Context, stage: Stage) -> None:
    """The next dig, by somebody else."""
    await act_dig(victim, dataclasses.replace(stage, bob=stage.client.people["carol"]))


async def act_claim(victim: Context, stage: Stage) -> None:
    """drawPrize."""
    await claim(victim, stage.code, stage.bob.unionid, "王小红", "13800001111", "文三路 90 号")


async def act_move(victim: Context, stage: Stage) -> None:
    """drawPrize, with another address."""
    await claim(victim, stage.code, stage.bob.unionid, "王小红", "13800001111", "文三路 91 号")


async def act_claim_in_vain(victim: Context, stage: Stage) -> None:
    """drawPrize, which WeChat refuses."""
    with suppress(WeChatBusy, PayoutWaits):
        await act_claim(victim, stage)


async def act_weighed(victim: Context, stage: Stage) -> None:
    """drawPrize, where there are limits that this winner does not reach."""
    victim.settings = replace(victim.settings, cash_won_day_yuan=1000)
    await act_claim(victim, stage)


async def act_held(victim: Context, stage: Stage) -> None:
    """drawPrize, of more than a limit."""
    victim.settings = replace(victim.settings, cash_pair_week_yuan=1)
    with suppress(PayoutHeld):
        await act_claim(victim, stage)


async def act_put_off(victim: Context, stage: Stage) -> None:
    """drawPrize of a private red packet, whose publisher paid another one today."""
    victim.settings = replace(victim.settings, cash_private_day_yuan=3)
    with suppress(PayoutWaits):
        await act_claim(victim, stage)


async def act_wait(victim: Context, stage: Stage) -> None:
    """drawPrize, on a day on which WeChat transfers no more."""
    victim.settings = replace(victim.settings, payout_day_yuan=3)
    with suppress(PayoutWaits):
        await act_claim(victim, stage)


async def act_freeze(victim: Context, stage: Stage) -> None:
    """An operator freezes the treasure."""
    await freeze(victim, "task", stage.code, 0)
    await rest(victim)


async def act_take_down(victim: Context, stage: Stage) -> None:
    """An operator takes the treasure down, and what follows."""
    await hide_task(victim, OPERATOR, stage.code, "违法", hidden=True)
    await act_sweep(victim, stage)


async def act_release(victim: Context, stage: Stage) -> None:
    """An operator releases the prize."""
    await release(victim, "prize", stage.code, 1)


async def act_release_task(victim: Context, stage: Stage) -> None:
    """An operator releases the treasure."""
    await release(victim, "task", stage.code, 0)


async def act_return(victim: Context, stage: Stage) -> None:
    """An operator returns the prize."""
    await give_back(victim, "prize", stage.code, 1)


async def open_goods_frozen(stage: Stage) -> Stage:
    """Goods that anybody can dig, and the first dig wins; an operator froze their treasure before."""
    code = await stage.alice.publish(forecast_num=1, draw_type=2)
    await freeze(stage.context, "task", code, 0)
    return stage.of(code)


async def addressed_and_frozen(stage: Stage) -> Stage:
    """Goods by mail for which Bob has given his address, and which an operator froze."""
    stage = await addressed(stage)
    await freeze(stage.context, "prize", stage.code, 1)
    await rest(stage.context)
    return stage


async def act_hand_over(victim: Context, stage: Stage) -> None:
    """confirmDraw."""
    prize = (await find(stage.context, "prizes", code=stage.code))[0]
    await confirm_pickup(victim, stage.code, stage.alice.unionid, prize["pickup"])


async def act_ship(victim: Context, stage: Stage) -> None:
    """shipPrize."""
    await ship(victim, stage.code, stage.alice.unionid, 1, "顺丰", "SF1234567890")


async def act_correct(victim: Context, stage: Stage) -> None:
    """shipPrize, with another number."""
    await ship(victim, stage.code, stage.alice.unionid, 1, "顺丰", "SF1234567891")


async def act_receive(victim: Context, stage: Stage) -> None:
    """receivePrize."""
    await receive(victim, stage.code, stage.bob.unionid)


async def act_end(victim: Context, stage: Stage) -> None:
    """endTask."""
    await end_own_task(victim, stage.code, stage.alice.unionid)


async def act_sweep(victim: Context, stage: Stage) -> None:
    """The sweep, three times, so that what is due takes several steps."""
    for _ in range(3):
        await sweep(victim)


async def on_site_claimed(stage: Stage) -> Stage:
    """Goods that Bob has claimed and can fetch."""
    stage = await goods(stage, 1)
    await stage.bob.post("/drawPrize", code=stage.code)
    return stage


async def ended_unrefunded(stage: Stage) -> Stage:
    """A red packet that its publisher has just ended."""
    stage = await open_packet(stage)
    await stage.alice.post("/endTask", code=stage.code)
    return stage


async def by_mail(stage: Stage) -> Stage:
    """Goods that Bob has won, to be sent by mail."""
    return await goods(stage, 2)


async def addressed(stage: Stage) -> Stage:
    """Goods by mail for which Bob has given his address."""
    stage = await by_mail(stage)
    await act_claim(stage.context, stage)
    return stage


async def sent(stage: Stage) -> Stage:
    """Goods by mail that are on their way to Bob."""
    stage = await addressed(stage)
    await act_ship(stage.context, stage)
    return stage


async def sent_long_ago(stage: Stage) -> Stage:
    """Goods by mail that were sent to Bob, who has said nothing."""
    stage = await sent(stage)
    await let_pass(stage.context, 15 * DAY_MS)
    return stage


async def on_site(stage: Stage) -> Stage:
    """Goods that Bob has won, to be fetched on site."""
    return await goods(stage, 1)


SCENARIOS: dict[
    str, tuple[Callable[[Stage], Awaitable[Stage]], Callable[[Context, Stage], Awaitable[None]]]
] = {
    "a payment is ordered": (unpaid, act_order),
    "a payment is heard of": (paid_unheard, act_look),
    "a payment that came too late is heard of": (paid_too_late, act_sweep),
    "a payment by a credit card is heard of": (paid_by_card, act_sweep),
    "what is ordered is taken down": (ordered, act_take_down),
    "what was taken down is paid": (paid_and_taken_down, act_sweep),
    "what was ordered has ended": (ordered_and_ended, act_sweep),
    "a delivery is reported": (undelivered, act_sweep),
    "the report of a delivery is refused": (undeliverable, act_sweep),
    "an order is not paid yet": (ordered_a_while_ago, act_sweep),
    "WeChat does not tell of an order": (silent_about_an_order, act_sweep),
    "WeChat does not tell of a bill": (silent_about_a_bill, act_sweep),
    "WeChat does not tell of a refund": (silent_about_a_refund, act_sweep),
    "a refund is refused": (refused_a_refund, act_sweep),
    "a refund is heard of": (refunded_unheard, act_sweep),
    "a red packet is won": (open_packet, act_dig),
    "a red packet of a frozen treasure is won": (open_and_frozen, act_dig),
    "a win is overtaken by the next": (won_unwritten, act_overtake),
    "a red packet is claimed": (won, act_claim),
    "a confirmation is heard of": (confirmed_unheard, act_claim),
    "a failure is heard of and a new bill made": (failed_unheard, act_claim),
    "a transfer is refused": (won_and_refused, act_claim_in_vain),
    "a transfer is refused for the day": (won_and_refused_today, act_claim_in_vain),
    "a transfer fails at once": (won_and_failing, act_claim_in_vain),
    "a claim is weighed": (won, act_weighed),
    "a payout is held": (won, act_held),
    "a payout waits for tomorrow": (won_on_a_full_day, act_wait),
    "a payout is put off": (privately_won, act_put_off),
    "a treasure is frozen while a bill is out": (claimed, act_freeze),
    "a treasure is frozen while its prize is claimed": (claim_begun, act_freeze),
    "a frozen prize is released": (frozen, act_release),
    "a frozen treasure is released": (held_and_frozen, act_release_task),
    "a frozen prize is returned": (frozen, act_return),
    "a task is ended by its publisher": (open_packet, act_end),
    "what nobody won is refunded": (ended_unrefunded, act_sweep),
    "a task expires": (half_won_and_expired, act_sweep),
    "what nobody claimed is refunded": (unclaimed, act_sweep),
    "a bill is cancelled at the deadline": (claimed_and_over, act_sweep),
    "a bill that WeChat never held is given up at the deadline": (refused_and_over, act_sweep),
    "goods are claimed by mail": (by_mail, act_claim),
    "an address is replaced": (addressed, act_move),
    "a parcel is corrected": (sent, act_correct),
    "goods are sent": (addressed, act_ship),
    "goods are received": (sent, act_receive),
    "goods were sent long ago": (sent_long_ago, act_sweep),
    "goods are claimed on site": (on_site, act_claim),
    "goods are handed over": (on_site_claimed, act_hand_over),
    "goods of a frozen treasure are won": (open_goods_frozen, act_dig),
    "goods are frozen": (on_site_claimed, act_freeze),
    "frozen goods are released": (addressed_and_frozen, act_release),
    "frozen goods are returned": (addressed_and_frozen, act_return),
}
