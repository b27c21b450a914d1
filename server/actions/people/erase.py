"""Forgetting a person who asks for it: `python -m server forget UNIONID`.

A random pseudonym replaces the id, the name and the picture everywhere; the person's own record is deleted
last. The pseudonym is written into that record first, so an interrupted run can be repeated. What the books
and the draw need stays: the number of participants does not change, and every fen stays where it was.
"""

from __future__ import annotations

import asyncio
import secrets

from server.game.task import Task
from server.store import Store
from server.store.money.freezes import freeze_key
from server.store.money.prizes import GIVEN

# Longer than a process caches a person's record, plus the longest request after that.
UNDER_WAY_SECONDS = 20.0
# Longer than a process caches whose a share token was. Visits noted until then are moved afterwards.
REMEMBERED_SECONDS = 65.0
PASSES = 5


class CannotErase(Exception):
    """A person cannot be forgotten. The message has one reason per line. Nothing was changed."""


async def choose_pseudonym(store: Store, unionid: str) -> str:
    """Return the pseudonym of a person: a new one, or that of a run that was cut off."""
    person = await store.people.find(unionid)
    chosen = None if person is None else person.get("forgotten_as")
    return chosen or f"forgotten:{secrets.token_hex(16)}"


async def forget(store: Store, unionid: str, pseudonym: str = "") -> int:
    """Forget a person; return how many of their digs stay under the pseudonym. Raises CannotErase.

    `pseudonym` is what `choose_pseudonym` returned, if somebody needs to know it before.
    Waits `UNDER_WAY_SECONDS` for the person's requests under way to end, and `REMEMBERED_SECONDS` until no
    process can write anything more about them.
    """
    person = await store.people.find(unionid)
    if person is None:
        raise CannotErase("nobody with this id has logged in, or they are forgotten already")
    if "moving" not in person:
        if "banned" in person:
            raise CannotErase("they are banned, and could come back as somebody new: lift the ban first")
        try:
            await _refuse_while_needed(store, unionid)
            pseudonym = pseudonym or await choose_pseudonym(store, unionid)
            person = await store.people.lock_out(person, pseudonym)
            await asyncio.sleep(UNDER_WAY_SECONDS)
            # Something may have begun just before the person was locked out.
            await _refuse_while_needed(store, unionid)
        except CannotErase:
            await store.people.let_in(unionid)
            raise
        await store.people.begin_moving(unionid)
    return await _forget(store, unionid, person["forgotten_as"])


async def _forget(store: Store, old: str, new: str) -> int:
    erasure, digs = store.erasure, 0
    for number in range(PASSES):
        if number == 1:
            await asyncio.sleep(REMEMBERED_SECONDS)
        digs += await erasure.move_digs(old, new)
        await erasure.move_prizes(old, new)
        await erasure.delete_risk(old)
        await erasure.move_tasks(old, new)
        await erasure.move_pictures(old, new)
        await erasure.move_visits(old, new)
        await erasure.delete_messages(old)
        await erasure.delete_reports(old)
        await erasure.move_reviews(old, new)
        if number and not await erasure.remaining(old, new):
            await store.people.delete_forgotten(old, new)
            return digs
    raise RuntimeError(f"{await erasure.remaining(old, new)} still name the person: run it again")


async def _refuse_while_needed(store: Store, unionid: str) -> None:
    """Raise CannotErase if somebody still waits for this person, or this person for a payment."""
    reasons = []
    for published in await store.erasure.published(unionid):
        reasons += await _open_about_task(store, published)
    for prize in await store.prizes.of_winner(unionid):
        if prize["state"] in ("claiming", "held", "withheld", "expiring"):
            reasons.append(f"their prize {prize['_id']} is {prize['state']}: wait for its end")
    if await store.freezes.find(freeze_key("person", unionid)) is not None:
        reasons.append("an operator froze them: release them at /ops")
    for code in await store.digs.won_codes(unionid):
        task = await store.tasks.find(code)
        if task is not None and not task["status"]:
            reasons.append(f"they won in task {code}, which still runs: once forgotten, they could win again")
    if reasons:
        raise CannotErase("\n".join(reasons))


async def _open_about_task(store: Store, task: Task) -> list[str]:
    code = task["_id"]
    if not task["status"]:
        return [f"task {code} of theirs runs: end it at /ops, or wait for its end"]
    reasons = []
    review = await store.reviews.find(f"task:{code}")
    if review is not None and review["state"] in ("checking", "held"):
        reasons.append(f"their task {code} is {review['state']}: wait for its check, or decide at /ops")
    prizes = await store.prizes.of_task(code)
    if len(prizes) < task["prize_num"] - task["prizes_left"] or any(
        prize["state"] not in (*GIVEN, "returned") for prize in prizes
    ):
        reasons.append(f"prizes of their task {code} are neither given nor returned: wait until they are")
    refunds = await store.refunds.of_task(code)
    unwon = task["open"] and task["money"] and task["prizes_left"]
    if any(refund["state"] not in ("refunded", "closed") for refund in refunds) or (unwon and not refunds):
        reasons.append(f"a refund of their task {code} is under way: wait until it is refunded")
    if any(order["state"] in ("asked", "paid") for order in await store.orders.of_task(code)):
        reasons.append(f"a payment of their task {code} is under way: wait until WeChat's answer is known")
    return reasons
