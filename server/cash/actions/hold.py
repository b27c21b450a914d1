"""Payout limits: whether a prize that is being claimed may be given, waits, or is held for the operator.

A claim is first recorded, then checked once against the limits, and only then gets its bill. So two
simultaneous claims count each other, and no bill is out for a prize that is held. A frozen prize is never
approved.

The limits count a person and a publisher over all their treasures. A newcomer is a person whose account is
younger than a week, or who has dug only in treasures of this publisher.
"""

from typing import Any, Literal

from server.actions.announce import announce_claim
from server.actions.prizes.freeze import apply_freezes
from server.cash.context import CashContext
from server.cash.patterns import PAIR, is_lucky
from server.cash.rules.day_limits import Claimed, fits_at
from server.errors import PayoutWaits
from server.game.amounts import DAY_MS, FEN_PER_YUAN, WEEK_MS
from server.game.prize import Wait, Why, approved, frozen_unweighed, held, is_claiming, is_held, put_off
from server.game.task import Task
from server.store.prizes.prizes import Prize
from server.wechat.messages import moment

PAID_MS = 30 * DAY_MS
# How many of the treasures that a person dug last are looked at to tell whether the person is a newcomer.
DUG = 50
# Who has claimed no more than this within 24 hours never waits for what other newcomers are paid.
SMALL_FEN = 10 * FEN_PER_YUAN
# A prize above this is held if WeChat had not seen its winner in the mini-program when they dug.
UNSEEN_FEN = 20 * FEN_PER_YUAN
# Why a claim waits, in words; the numbers come from the settings.
_WAITS: dict[str, str] = {
    "publisher": "一位发布者一天最多发出 {0.cash_publisher_day} 元红包，这一位今天的满了",
    "private": "不公开的红包，一位发布者一天最多发出 {0.cash_private_day_yuan} 元，这一位今天的满了",
    "newcomer": "刚来的人一天最多领 {0.cash_newcomer_day_yuan} 元红包，你今天的满了",
    "newcomers": "今天刚来的人一共领的红包满了",
}


async def refuse_waiting(context: CashContext, prize: Prize) -> None:
    """Raise PayoutWaits if this red packet cannot be claimed yet.

    Either a limit has put it off; or it was won just now, and this publisher has not paid this winner as much
    within 30 days. A prize that was paid during this wait does not count as paid before: otherwise a first
    win of 1 yuan would end the wait for the next prize.
    """
    now_ms = context.clock.now_ms()
    hold_ms = context.settings.payout_hold_seconds * 1000
    if "released_alone" in prize:
        return
    if now_ms < prize.get("waits_until", 0) and prize.get("waits_for") != "wechat":
        raise _put_off(context, prize)
    until_ms = prize["won_at"] + hold_ms
    if now_ms < until_ms and not await context.books.payouts.were_paid(
        prize["person_id"], prize["publisher"], prize["amount_fen"], now_ms - PAID_MS, now_ms - hold_ms
    ):
        raise PayoutWaits(claim_from=until_ms)


def _put_off(context: CashContext, prize: Prize) -> PayoutWaits:
    until_ms = prize.get("waits_until", 0)
    said = _WAITS[prize.get("waits_for", "newcomers")].format(context.settings)
    return PayoutWaits(f"{said}：{moment(until_ms)} 以后再来领，不会丢失", claim_from=until_ms)


async def newness_of(context: CashContext, task: Task, prize: Prize) -> tuple[int, int]:
    """Return what the limits of newcomers and of private treasures have to know about a claim.

    `young`: 1 if the winner is a newcomer. `private`: 1 if the task is private.
    """
    settings = context.settings
    limited = settings.cash_newcomer_day_yuan or settings.cash_young_day_yuan
    return int(limited > 0 and await _is_newcomer(context, prize)), 1 - task["is_public"]


async def _is_newcomer(context: CashContext, prize: Prize) -> bool:
    store = context.store
    person_id = prize["person_id"]
    person = await store.people.find(person_id)
    if person is not None and context.clock.now_ms() - person["created_at"] < WEEK_MS:
        return True
    joins = await store.digs.joins_of(person_id, DUG, before_ms=prize["won_at"])
    codes = {dig["code"] for dig in joins} - {prize["code"]}
    return {task["publisher"] for task in await store.tasks.find_many(sorted(codes))} <= {prize["publisher"]}


async def weigh(context: CashContext, prize: Prize) -> bool:
    """Decide whether a prize that is `claiming` may be paid; hold it if not. Decided once per attempt.

    Freezes are applied here too: a freeze that came just as another was released may have missed this prize.
    """
    if prize.get("weighed") == prize["attempt"]:
        return True
    await apply_freezes(context, prize)
    found: Why | tuple[Wait, int] | None = None
    if "released_alone" not in prize:
        found = await _why_held(context, prize) or await _why_waits(context, prize)
        found = found or await _why_patterned(context, prize)
    prizes = context.store.prizes
    attempt = prize["attempt"]
    if found is None:
        decision = approved(attempt)
    elif isinstance(found, tuple):
        decision = put_off(attempt, *found).made_by(f"limit:{found[0]}")
    else:
        decision = held(attempt, found, context.clock.now_ms()).made_by(f"limit:{found}")
    decided = await prizes.move(prize["_id"], decision)
    if decided is None:
        unweighed = frozen_unweighed(attempt)
        decided = await prizes.move(prize["_id"], unweighed) or await prizes.get(prize["_id"])
    elif is_held(decided):
        await announce_claim(context, decided)
    return is_claiming(decided) and decided.get("weighed") == attempt


async def _why_waits(context: CashContext, prize: Prize) -> Why | tuple[Wait, int] | None:
    """Check the limits of 24 hours. If several limits are exceeded, the one with the longest wait counts."""
    settings = context.settings
    now_ms = context.clock.now_ms()
    fen = prize["amount_fen"]
    publisher = {"publisher": prize["publisher"]}
    young = prize.get("young")
    limits: list[tuple[Literal["publisher", "private", "newcomer"], dict[str, Any], int]] = []
    if settings.cash_publisher_day and not await context.store.people.is_trusted(prize["publisher"]):
        limits.append(("publisher", publisher, settings.cash_publisher_day))
    if prize.get("private"):
        limits.append(("private", {**publisher, "private": 1}, settings.cash_private_day_yuan))
    if young:
        limits.append(("newcomer", {"person_id": prize["person_id"]}, settings.cash_newcomer_day_yuan))
    waits: list[tuple[int, Wait]] = []
    for why, scope, most_yuan in limits:
        if not most_yuan:
            continue
        until_ms = fits_at(await _today(context, prize, scope), fen, most_yuan * FEN_PER_YUAN, now_ms)
        if until_ms is None:
            return why
        waits.append((until_ms, why))
    if young and settings.cash_young_day_yuan:
        until_ms = await _purse_fits_at(context, prize)
        if until_ms is None:
            return "newcomer"
        waits.append((until_ms, "newcomers"))
    until_ms, name = max(waits, default=(0, "newcomers"))
    return (name, until_ms) if until_ms else None


async def _purse_fits_at(context: CashContext, prize: Prize) -> int | None:
    """Return when a newcomer's claim fits into what all newcomers together are paid a day, as `fits_at` does.

    Who has claimed little today does not wait for it at all.
    """
    fen = prize["amount_fen"]
    most_fen = context.settings.cash_young_day_yuan * FEN_PER_YUAN
    mine = await _today(context, prize, {"person_id": prize["person_id"]})
    if sum(each.fen for each in mine) + fen <= SMALL_FEN:
        return 0
    return fits_at(await _today(context, prize, {"young": 1}), fen, most_fen, context.clock.now_ms())


async def _today(context: CashContext, prize: Prize, scope: dict[str, Any]) -> list[Claimed]:
    """Return the claims of the last 24 hours that fit a condition, without this prize."""
    since_ms = context.clock.now_ms() - DAY_MS
    return await context.books.payouts.under_limit(scope, since_ms, prize["_id"])


async def _why_patterned(context: CashContext, prize: Prize) -> Why | None:
    """Check patterns of repeated wins."""
    if not context.settings.cash_patterns_held:
        return None
    now_ms = context.clock.now_ms()
    wins = await context.books.payouts.number_won(prize["person_id"], now_ms - WEEK_MS, prize["publisher"])
    if wins >= PAIR:
        return "again"
    return "luck" if await is_lucky(context, prize["person_id"], now_ms) else None


async def _why_held(context: CashContext, prize: Prize) -> Why | None:
    settings = context.settings
    now_ms = context.clock.now_ms()
    most_yuan: dict[Why, int] = {
        "pair": settings.cash_pair_week_yuan,
        "day": settings.cash_won_day_yuan,
        "week": settings.cash_won_week_yuan,
    }
    if any(most_yuan.values()):
        fen = await context.books.payouts.paid_out_fen(
            prize["person_id"], prize["publisher"], now_ms - WEEK_MS, now_ms - DAY_MS
        )
        for why, most in most_yuan.items():
            if most and fen[why] > most * FEN_PER_YUAN:
                return why
    if settings.risk_held:
        # People dig in the mini-program. If WeChat has not seen somebody there, a script digs for them.
        rank, unseen = await context.books.risks.find_rank(prize["person_id"])
        if rank >= settings.risk_held or (unseen and prize["amount_fen"] > UNSEEN_FEN):
            return "risk"
    return None
