"""Ending a task without a dig, and settling every task that has ended: refunds and expired prizes."""

import logging
import time

from server.actions.announce import announce_changed, announce_end, end_by
from server.actions.digging.win import record_prize
from server.actions.messages.write import tell_of_deadline, tell_of_end
from server.actions.reviews.submit import submit_task
from server.context import Context
from server.errors import Ended, HasDigs, refuse
from server.game.amounts import DAY_MS, claim_days_of, claim_until_ms, unwon_fen
from server.game.lifecycle import Move
from server.game.opening import ended, ended_undug
from server.game.opening import expired as time_over
from server.game.prize import GONE, UNCLAIMED, UNSETTLED, expired, is_claiming, returned
from server.game.ranks import pictures_of
from server.game.reasons import is_claim_over, why_not_end
from server.game.review import IN_REVIEW, is_checking, is_taken_down, reported_until_ms
from server.game.task import Task, unpaid_until_ms

LOOK_AGAIN_MS = 60_000
# Look at a task again after this time if all prizes that are left wait for an operator.
OPERATOR_LOOK_MS = 600_000
# Look at a task again after this time if the history still lacks a win: `settle_pending` writes it within
# seconds.
UNWRITTEN_MS = 2_000
# A thousand bills may be out at a deadline. Bills that are not done within this time wait until the task is
# due again: the lease on the task (`server/store/due.py`) must not run out first.
RETRACTING_SECONDS = 20.0

log = logging.getLogger("wabao.money")


async def end_own_task(context: Context, code: str, person_id: str) -> None:
    """End a task for its publisher, if nobody has dug it. What nobody won is refunded.

    Raises NoSuchTask, NotYours, Ended, HasDigs.
    """
    task = await context.store.tasks.get(code)
    refuse(why_not_end(task, person_id))
    await _end(context, code, ended_undug("publisher", ""))


async def end_task_as_operator(context: Context, code: str, note: str, by: str = "operator") -> None:
    """End a task for a reason, `note`, that everyone can read. Raises NoSuchTask, Ended."""
    await _end(context, code, ended("operator", note, unopened=False).made_by(by))


async def _end(context: Context, code: str, end: Move) -> None:
    if not await end_by(context, code, end):
        task = await context.store.tasks.get(code)
        raise Ended if task["status"] else HasDigs


async def settle_task(context: Context, task: Task) -> None:
    """Do what is due for a task: end it if it has expired, settle it if it has ended. If it never opened, use
    its payment or delete it.

    Raises PayUnknown, WeChatBusy, Contradiction.
    """
    if is_checking(task) and not task["status"]:  # the process died before it submitted the task to WeChat
        publisher = await context.store.people.find(task["publisher"])
        await submit_task(context, task, "" if publisher is None else publisher["openid"])
    if reported_until_ms(task):
        if await context.store.moderation.unhide_reported(task["_id"]):
            await announce_changed(context, task["_id"])
        task = await context.store.tasks.get(task["_id"])
    until_ms = reported_until_ms(task)
    if task["open"] and not task["status"] and context.clock.now_ms() >= task["expires_at"]:
        if await context.store.tasks.move(task["_id"], time_over()) is not None:
            await announce_end(context, task["_id"])
        task = await context.store.tasks.get(task["_id"])
    if task["status"]:
        await tell_of_end(context, task)
    settle = _settle_over if task["status"] else _settle_open if task["open"] else _settle_unopened
    again_ms = await settle(context, task)
    if until_ms:
        again_ms = min(again_ms or until_ms, until_ms)
    await context.store.tasks.again(task, again_ms)


async def _settle_open(context: Context, task: Task) -> int:
    """Write prizes that are missing; return when to look at the task again (unix ms)."""
    written = await _write_missing_prizes(context, task)
    if not written:
        return context.clock.now_ms() + UNWRITTEN_MS
    return reported_until_ms(task) or task["expires_at"]


async def _settle_unopened(context: Context, task: Task) -> int | None:
    """Use a payment that came during the review; delete a task that was not paid in time.

    Returns when to look at the task again (unix ms), None if it is gone.
    """
    until_ms = unpaid_until_ms(task)
    again_ms = context.clock.now_ms() + LOOK_AGAIN_MS
    over = task.get("review") not in IN_REVIEW and context.clock.now_ms() >= until_ms
    opens = not is_taken_down(task)
    if context.cash is not None and await context.cash.use_payment(task["_id"], opens=opens, last=over):
        return max(until_ms, again_ms)
    if not over:
        return max(until_ms, again_ms)
    await _delete_unpaid(context, task)
    return None


async def _delete_unpaid(context: Context, task: Task) -> None:
    for path in pictures_of(task):
        await context.store.files.take(path, None, context.clock.now_ms())  # A sweep deletes it later.
    # Delete these before the task: without the task nothing would find them.
    await context.store.reviews.delete_of_task(task["publisher"], task["_id"])
    await context.store.reports.delete_of_task(task["_id"])
    await context.store.tasks.delete_unpaid(task["_id"])


async def _settle_over(context: Context, task: Task) -> int | None:
    """Refund what nobody won and, after the claim deadline, what nobody claimed.

    Returns when to look at the task again (unix ms), None for never.
    """
    store = context.store
    code = task["_id"]
    now_ms = context.clock.now_ms
    # Refund a payment that waited. A payment that comes later is refunded when its order is followed.
    if not task["open"]:
        if context.cash is not None:
            await context.cash.use_payment(code, opens=False)
        return None
    if context.cash is not None:
        await context.cash.owe_refund("unwon", task, unwon_fen(task))
    claim_days = claim_days_of(task, context.settings.claim_days)
    deadline_ms = claim_until_ms(task["ended_at"], claim_days)
    if not await _write_missing_prizes(context, task):
        return now_ms() + UNWRITTEN_MS
    if task["prizes_left"] == task["prize_num"]:  # nobody won
        return None
    if now_ms() > deadline_ms:
        return await _expire_prizes(context, task, deadline_ms)
    # A day before the deadline, winners are told. If they have only a day to claim, the message of their win
    # has told them.
    if "claim_ends" in context.settings.templates and claim_days > 1:
        if now_ms() < deadline_ms - DAY_MS:
            return deadline_ms - DAY_MS
        await tell_of_deadline(context, await store.prizes.of_task(code), deadline_ms)
    return deadline_ms + 1


async def _write_missing_prizes(context: Context, task: Task) -> bool:
    """Write the prizes that a dead process left unwritten; return False if the history still lacks a win."""
    won = task["prize_num"] - task["prizes_left"]
    prizes = context.store.prizes
    if await prizes.number(task["_id"]) < won:
        for dig in await context.store.digs.wins(task["_id"]):
            await record_prize(context, dig)
        return await prizes.number(task["_id"]) >= won
    return True


async def _expire_prizes(context: Context, task: Task, deadline_ms: int) -> int | None:
    """Take back unclaimed prizes.

    Returns when to try again (unix ms), None once each prize is given or on its way back.
    """
    store = context.store
    code = task["_id"]
    await store.prizes.move_all({"code": code}, expired(deadline_ms))
    prizes = await store.prizes.of_task(code)
    until = time.monotonic() + RETRACTING_SECONDS
    for prize in prizes:
        over = is_claim_over(task, prize, context.settings.claim_days, context.clock.now_ms())
        if context.cash is not None and over and is_claiming(prize) and time.monotonic() < until:
            await context.cash.cancel_bill(prize)
    await store.prizes.move_all({"code": code}, expired(deadline_ms))
    prizes = await store.prizes.of_task(code)
    unsettled = {prize["state"] for prize in prizes}.intersection(UNSETTLED)
    if unsettled:
        rest_ms = LOOK_AGAIN_MS if unsettled.intersection(UNCLAIMED) else OPERATOR_LOOK_MS
        return context.clock.now_ms() + rest_ms
    unclaimed_fen = sum(p["amount_fen"] for p in prizes if p["state"] in GONE)
    if context.cash is not None and unclaimed_fen:  # this also returns unclaimed goods
        await context.cash.owe_refund("unclaimed", task, unclaimed_fen)
    else:
        await store.prizes.move_all({"code": code}, returned())
    return None
