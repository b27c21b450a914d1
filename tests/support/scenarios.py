"""Scenarios of a process that dies while it deals with money.

One process sets a scenario up. Another process, the victim, plays it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from msgspec.structs import replace

from server.actions.digging.dig import DigAttempt, dig
from server.actions.digging.end_task import end_own_task
from server.actions.operate import hide_task
from server.actions.prizes.claim import claim, open_pickup
from server.actions.prizes.confirm import confirm_pickup
from server.actions.prizes.freeze import freeze, give_back, release
from server.actions.prizes.ship import receive, ship
from server.cash.actions.pay_in import look_for_payment, order_payment
from server.context import Context
from server.errors import PayoutHeld, PayoutWaits, Refusal, WeChatBusy
from server.game import prize as row
from server.leading.sweep import sweep
from server.store.audit_log import Actor
from support.cash import cash_of
from support.client import Client, Someone, rest
from support.purse import DAY_MS, find, let_pass
from support.stored import person_of

OPERATOR = Actor("a", shared=False)


@dataclass(frozen=True)
class Stage:
    """Two people, their task, and the process that is not killed."""

    client: Client
    context: Context
    alice: Someone
    bob: Someone
    code: str = ""

    def of(self, code: str) -> Stage:
        """Return the same stage with this task."""
        return Stage(self.client, self.context, self.alice, self.bob, code)


Prepare = Callable[[Stage], Awaitable[Stage]]
Act = Callable[[Context, Stage], Awaitable[Any]]


def and_then(prepare: Prepare, act: Callable[[Stage], Awaitable[Any]]) -> Prepare:
    """Return a preparation that does `prepare` and then `act`."""

    async def prepared(stage: Stage) -> Stage:
        stage = await prepare(stage)
        await act(stage)
        return stage

    return prepared


def and_acted(prepare: Prepare, act: Act) -> Prepare:
    """Return a preparation after which the process that is not killed acts on the stage."""
    return and_then(prepare, lambda stage: act(stage.context, stage))


def misbehaving(prepare: Prepare, what: str, **wish: Any) -> Prepare:
    """Return a preparation after which WeChat misbehaves once."""
    return and_then(prepare, lambda stage: stage.client.misbehave(what, **wish))


def later(prepare: Prepare, milliseconds: int) -> Prepare:
    """Return a preparation after which time passes."""
    return and_then(prepare, lambda stage: let_pass(stage.context, milliseconds))


def and_drawn(prepare: Prepare) -> Prepare:
    """Return a preparation after which Bob calls drawPrize."""
    return and_then(prepare, lambda stage: stage.bob.claim(stage.code))


def frozen(prepare: Prepare, what: Literal["task", "prize"]) -> Prepare:
    """Return a preparation after which an operator freezes the task or its first prize."""

    async def freeze_it(stage: Stage) -> None:
        await freeze(stage.context, what, stage.code, int(what == "prize"))
        await rest(stage.context)

    return and_then(prepare, freeze_it)


async def unpaid(stage: Stage) -> Stage:
    """A red packet that nobody has ordered."""
    return stage.of(await stage.alice.publish_packet())


async def paid_by_credit(stage: Stage) -> Stage:
    """A red packet that was paid by a credit card, which is forbidden. WeChat's notice was lost."""
    code = await stage.alice.publish_packet()
    parameters = await stage.alice.order(code)
    await stage.client.misbehave("lose_notice")
    await stage.client.wx("pay", **parameters, credit=1)
    await rest(stage.context)
    await let_pass(stage.context, 61_000)
    return stage.of(code)


async def open_packet(stage: Stage) -> Stage:
    """A red packet that anybody can dig. The first dig wins."""
    code = await stage.alice.paid_packet()
    return stage.of(code)


async def report(stage: Stage) -> None:
    """Report the delivery to WeChat, so that later sweeps need not do it."""
    await let_pass(stage.context, 61_000)
    await sweep(stage.context, ["orders"])


# A red packet that is ordered and not paid; and a red packet that was paid, but WeChat's notice was lost.
ordered = and_then(unpaid, lambda stage: stage.alice.order(stage.code))
paid_unheard = and_then(misbehaving(unpaid, "lose_notice"), lambda stage: stage.alice.pay(stage.code))
# A red packet that Bob has won; the same once its delivery was reported; and the same after its deadline.
won = and_then(open_packet, lambda stage: stage.bob.win(stage.code))
reported_won = and_then(won, report)
unclaimed = later(reported_won, 31 * DAY_MS)


async def won_unwritten(stage: Stage) -> Stage:
    """A red packet with three prizes. Bob won one, and his process died before the history had the dig."""
    code = await stage.alice.won_packet(stage.bob, prizes=3)
    for name in ("digs", "prizes", "ledger"):
        await stage.context.store.database[name].delete_many({"code": code, "kind": {"$ne": "paid"}})
    await stage.context.store.tasks.collection.update_one({"_id": code}, {"$set": {"pending": 1}})
    return stage.of(code)


async def privately_won(stage: Stage) -> Stage:
    """A private red packet that Bob has won; today Carol was paid from another packet of Alice's."""
    codes = []
    for winner in (stage.client.people["carol"], stage.bob):
        codes.append(await stage.alice.publish_packet(is_public=0))
        await stage.alice.pay(codes[-1])
        await winner.win(codes[-1])
    await stage.client.people["carol"].claim(codes[0])
    return stage.of(codes[1])


async def claimed(stage: Stage) -> Stage:
    """A red packet that Bob has to confirm."""
    stage = await won(stage)
    assert (await stage.bob.claim(stage.code))["package_info"]
    return stage


async def confirm_unheard(stage: Stage) -> None:
    """Let Bob confirm; WeChat's notice is lost."""
    [bill] = await find(stage.context, "bills")
    await stage.client.misbehave("lose_notice")
    await stage.client.confirm(bill["package_info"])


async def held(stage: Stage) -> Stage:
    """A red packet that a payout limit held when Bob claimed it."""
    stage = await won(stage)
    await claiming(PayoutHeld, cash_pair_week_yuan=1)(dataclasses.replace(stage.context), stage)
    return stage


async def half_won(stage: Stage) -> Stage:
    """A red packet with two prizes, one of which Bob has won."""
    return stage.of(await stage.alice.won_packet(stage.bob, prizes=2))


async def refunded_unheard(stage: Stage) -> Stage:
    """A red packet that went back; WeChat's notice was lost."""
    stage = await unclaimed(stage)
    await stage.client.misbehave("pending", call="refund")
    await act_sweep(stage.context, stage)
    [refund] = await find(stage.context, "refunds")
    await stage.client.misbehave("lose_notice")
    await stage.client.wx("misbehave", what="settle", number=refund["_id"])
    await let_pass(stage.context, 61_000)
    return stage


async def claim_begun(stage: Stage) -> Stage:
    """A red packet whose claim was saved by a process that then died."""
    stage = await won(stage)
    now_ms = stage.context.clock.now_ms()
    begun = row.claimed(0, now_ms, now_ms + 60_000, young=0, private=0)
    assert await stage.context.store.prizes.moves(f"{stage.code}:1", begun)
    return stage


def won_goods(draw_type: int) -> Prepare:
    """Return a preparation in which Bob wins goods that are picked up on site (1) or sent by mail (2)."""

    async def prepared(stage: Stage) -> Stage:
        code = await stage.alice.won_goods(stage.bob, draw_type=draw_type)
        return stage.of(code)

    return prepared


async def open_goods(stage: Stage) -> Stage:
    """Goods that anybody can dig. The first dig wins."""
    return stage.of(await stage.alice.publish(forecast_num=1))


async def act_order(victim: Context, stage: Stage) -> None:
    """Call payTask."""
    await order_payment(cash_of(victim), await person_of(victim, stage.alice), stage.code, 2)


def claiming(*refused: type[Refusal], **limits: int) -> Act:
    """Return an act that calls drawPrize under these limits; it ignores these refusals."""

    async def act(victim: Context, stage: Stage) -> None:
        if limits:
            victim.settings = replace(victim.settings, **limits)
        with suppress(*refused):
            await claim(victim, stage.code, stage.bob.id, "王小红", "13800001111", "杭州市文三路 90 号")

    return act


async def act_ship(victim: Context, stage: Stage) -> None:
    """Call shipPrize."""
    await ship(victim, stage.code, stage.alice.id, 1, "顺丰", "SF1234567890")


async def act_receive(victim: Context, stage: Stage) -> None:
    """Call receivePrize."""
    await receive(victim, stage.code, stage.bob.id)


async def act_end(victim: Context, stage: Stage) -> None:
    """Call endTask."""
    await end_own_task(victim, stage.code, stage.alice.id)


def releasing(what: Literal["task", "prize"]) -> Act:
    """Return an act in which an operator releases the treasure or its first prize."""
    return lambda victim, stage: release(victim, what, stage.code, int(what == "prize"))


async def act_return(victim: Context, stage: Stage) -> None:
    """An operator returns the prize."""
    await give_back(victim, "prize", stage.code, 1)


async def act_look(victim: Context, stage: Stage) -> None:
    """The publisher opens the details."""
    await cash_of(victim).books.orders.collection.update_many({}, {"$set": {"asked_at": 0}})
    await look_for_payment(cash_of(victim), stage.code)


async def act_dig(victim: Context, stage: Stage) -> None:
    """The winning dig."""
    proven = victim.keys.read_token(stage.bob.token)  # a bare id does not do: they may have claimed before
    assert proven is not None
    await dig(victim, DigAttempt(stage.code, proven.person_id, generation=proven.generation))
    await rest(victim)


async def act_overtake(victim: Context, stage: Stage) -> None:
    """The next dig, by somebody else."""
    await act_dig(victim, dataclasses.replace(stage, bob=stage.client.people["carol"]))


async def act_freeze(victim: Context, stage: Stage) -> None:
    """An operator freezes the treasure."""
    await freeze(victim, "task", stage.code, 0)
    await rest(victim)


async def act_hide(victim: Context, stage: Stage) -> None:
    """An operator takes the treasure down."""
    await hide_task(victim, OPERATOR, stage.code, "违法", hidden=True)


async def act_take_down(victim: Context, stage: Stage) -> None:
    """An operator takes the treasure down, with all that follows from this."""
    await act_hide(victim, stage)
    await act_sweep(victim, stage)


async def act_hand_over(victim: Context, stage: Stage) -> None:
    """Call confirmDraw."""
    prize = await stage.context.store.prizes.get(f"{stage.code}:1")
    await confirm_pickup(victim, stage.code, stage.alice.id, open_pickup(victim, prize))


async def act_sweep(victim: Context, stage: Stage) -> None:
    """Sweep three times, since some work takes several sweeps."""
    for _ in range(3):
        await sweep(victim)


ordered_a_while_ago = later(ordered, 61_000)
# A red packet of which WeChat wants a report, which is due.
undelivered = later(misbehaving(open_packet, "managed", call="managed", times=1000), 61_000)
confirmed_unheard = and_then(claimed, confirm_unheard)
failed_unheard = and_then(misbehaving(claimed, "fail", call="confirm"), confirm_unheard)
silent_about_a_bill = misbehaving(
    later(and_then(claimed, report), 660_000), "error_before", call="query_transfer"
)
claimed_and_over = later(and_drawn(later(reported_won, 30 * DAY_MS - 3_600_000)), 3_601_000)
refused_and_over = later(
    and_drawn(misbehaving(reported_won, "refuse", call="transfer", code="NO_AUTH")), 61 * DAY_MS
)

act_claim = claiming()
on_site = won_goods(1)
by_mail = won_goods(2)
on_site_claimed = and_acted(on_site, act_claim)
addressed = and_acted(by_mail, act_claim)
sent = and_acted(addressed, act_ship)
won_and_frozen = frozen(won, "prize")

SCENARIOS: dict[str, tuple[Prepare, Act]] = {
    "a payment is ordered": (unpaid, act_order),
    "a payment is heard of": (paid_unheard, act_look),
    "a payment by a credit card is heard of": (paid_by_credit, act_sweep),
    "what is ordered is taken down": (ordered, act_take_down),
    "what was taken down is paid": (and_acted(paid_unheard, act_hide), act_sweep),
    "a delivery is reported": (undelivered, act_sweep),
    "the report of a delivery is refused": (
        misbehaving(undelivered, "refuse", call="shipping", code="10060031"),
        act_sweep,
    ),
    "an order is not paid yet": (ordered_a_while_ago, act_sweep),
    "WeChat does not tell of an order": (
        misbehaving(ordered_a_while_ago, "error_before", call="query_order"),
        act_sweep,
    ),
    "WeChat does not tell of a bill": (silent_about_a_bill, act_sweep),
    "WeChat does not tell of a refund": (misbehaving(unclaimed, "error_before", call="refund"), act_sweep),
    "a refund is refused": (misbehaving(unclaimed, "refuse", call="refund"), act_sweep),
    "a refund is heard of": (refunded_unheard, act_sweep),
    "a red packet is won": (open_packet, act_dig),
    "a red packet of a frozen treasure is won": (frozen(open_packet, "task"), act_dig),
    "a win is overtaken by the next": (won_unwritten, act_overtake),
    "a red packet is claimed": (won, act_claim),
    "a confirmation is heard of": (confirmed_unheard, act_claim),
    "a failure is heard of and a new bill made": (failed_unheard, act_claim),
    "a transfer is refused": (
        misbehaving(won, "refuse", call="transfer", code="ADDRESS_REFUSED"),
        claiming(WeChatBusy),
    ),
    "a transfer fails at once": (
        misbehaving(won, "fail", call="transfer", code="DAY_RECEIVED_QUOTA_EXCEED"),
        claiming(WeChatBusy),
    ),
    "a payout is held": (won, claiming(PayoutHeld, cash_pair_week_yuan=1)),
    "a payout is put off": (privately_won, claiming(PayoutWaits, cash_private_day_yuan=3)),
    "a treasure is frozen while a bill is out": (claimed, act_freeze),
    "a treasure is frozen while its prize is claimed": (claim_begun, act_freeze),
    "a frozen prize is released": (won_and_frozen, releasing("prize")),
    "a frozen treasure is released": (frozen(held, "task"), releasing("task")),
    "a frozen prize is returned": (won_and_frozen, act_return),
    "a task is ended by its publisher": (open_packet, act_end),
    "what nobody won is refunded": (and_acted(open_packet, act_end), act_sweep),
    "a task expires": (later(and_then(half_won, report), 31 * DAY_MS), act_sweep),
    "what nobody claimed is refunded": (unclaimed, act_sweep),
    "a bill is cancelled at the deadline": (claimed_and_over, act_sweep),
    "a bill that WeChat never held is given up at the deadline": (refused_and_over, act_sweep),
    "goods are claimed by mail": (by_mail, act_claim),
    "goods are sent": (addressed, act_ship),
    "goods are received": (sent, act_receive),
    "goods were sent long ago": (later(sent, 15 * DAY_MS), act_sweep),
    "goods are claimed on site": (on_site, act_claim),
    "goods are handed over": (on_site_claimed, act_hand_over),
    "goods of a frozen treasure are won": (frozen(open_goods, "task"), act_dig),
    "goods are frozen": (on_site_claimed, act_freeze),
}
