"""Brakes on paying out: whether a prize that is being claimed may be given, or is held for the operator.

A claim is recorded before it is weighed, and weighed once, before its bill is made. So of two claims at the
same time each counts the other, and no bill is out for a prize that is held. What is frozen is never let
through.
"""

from __future__ import annotations

from server.actions.announce import announce_claim
from server.context import Context
from server.errors import PayoutHeld, PayoutWaits
from server.game.amounts import DAY_MS, FEN_PER_YUAN
from server.store.freezes import freeze_key
from server.store.prizes import Prize, Why

WEEK_MS = 7 * DAY_MS


def are_brakes_on(context: Context) -> bool:
    """Whether any setting may hold a payout."""
    settings = context.settings
    limits = (settings.cash_won_day_yuan, settings.cash_won_week_yuan, settings.cash_pair_week_yuan)
    return bool(settings.risk_held) or any(limits)


async def refuse_new_pair(context: Context, prize: Prize) -> None:
    """Raise PayoutWaits if this publisher never paid this winner, and the prize was won just now."""
    until_ms = prize["won_at"] + context.settings.payout_hold_seconds * 1000
    if context.clock.now_ms() >= until_ms or "let_off" in prize:
        return
    if not await context.store.held_prizes.were_paid(prize["unionid"], prize["publisher"]):
        raise PayoutWaits(claim_from=until_ms)


def refuse_held(prize: Prize) -> None:
    """Raise PayoutHeld if a prize is held or withheld, or its bill is being cancelled."""
    if prize["state"] == "held":
        raise PayoutHeld
    if prize["state"] == "withheld" or (prize["state"] == "claiming" and "freezing" in prize):
        raise _frozen(prize)


def _frozen(prize: Prize) -> PayoutHeld:
    if prize["amount_fen"]:
        return PayoutHeld("这个红包被运营者冻结了，暂时不能领取；有疑问请联系客服")
    return PayoutHeld("这个奖品被运营者冻结了，暂时不能领取，也不会寄出；有疑问请联系客服")


async def refuse_frozen_goods(context: Context, prize: Prize) -> None:
    """If these goods are frozen, withhold them and raise PayoutHeld.

    The freeze may have missed them while another freeze was being released.
    """
    if await withhold_if_frozen(context, prize):
        raise _frozen(prize)


async def weigh(context: Context, prize: Prize) -> bool:
    """Decide whether a prize that is `claiming` may be paid; hold it if not. Decided once per attempt.

    Freezes are looked at here too: one that came just as another was released may have missed this prize.
    """
    if prize.get("weighed") == prize["attempt"]:
        return True
    await withhold_if_frozen(context, prize)
    why = await _why_held(context, prize) if are_brakes_on(context) else None
    held_prizes = context.store.held_prizes
    if why is None:
        decided = await held_prizes.let_through(prize)
    else:
        decided = await held_prizes.hold(prize, why, context.clock.now_ms())
        if decided is not None:
            await announce_claim(context, decided)
    if decided is None:
        decided = await held_prizes.withhold_unweighed(prize) or await context.store.prizes.find(prize["_id"])
    return (
        decided is not None and decided["state"] == "claiming" and decided.get("weighed") == prize["attempt"]
    )


async def _why_held(context: Context, prize: Prize) -> Why | None:
    if "let_off" in prize:
        return None
    settings, now_ms = context.settings, context.clock.now_ms()
    paid = await context.store.held_prizes.paid_out_fen(
        prize["unionid"], prize["publisher"], now_ms - WEEK_MS, now_ms - DAY_MS
    )
    limits: tuple[tuple[Why, int, int], ...] = (
        ("pair", paid.of_publisher, settings.cash_pair_week_yuan),
        ("day", paid.lately, settings.cash_won_day_yuan),
        ("week", paid.since, settings.cash_won_week_yuan),
    )
    for why, fen, most in limits:
        if most and fen > most * FEN_PER_YUAN:
            return why
    if settings.risk_held and await context.store.risks.find_rank(prize["unionid"]) >= settings.risk_held:
        return "risk"
    return None


async def withhold_if_frozen(context: Context, prize: Prize) -> bool:
    """Withhold a prize if it, its task, its winner or its publisher is frozen; return whether one is.

    Safe to repeat.
    """
    if not await context.store.freezes.frozen(freezes_of(prize)):
        return False
    await context.store.held_prizes.withhold({"_id": prize["_id"]}, context.clock.now_ms())
    return True


def freezes_of(prize: Prize) -> list[str]:
    """Return the ids of all freezes that would concern a prize."""
    return [
        freeze_key("task", prize["code"]),
        freeze_key("prize", prize["_id"]),
        freeze_key("person", prize["unionid"]),
        freeze_key("person", prize["publisher"]),
    ]
