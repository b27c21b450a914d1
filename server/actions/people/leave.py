"""A person deletes their own account, and can take that back for some days (PIPL, articles 15 and 47).

Asking for the deletion is one write, and so is taking it back. After these days `erase` follows, once nothing
of the person's is under way.
"""

import asyncio
import logging
from typing import Literal

from server.actions.people.account import ban_of
from server.actions.people.erase import REASONS, CannotErase, Need, erase, needs_of
from server.actions.people.whom import key_of
from server.context import Context
from server.errors import CannotLeave, NotLoggedIn, Obstacle
from server.game.amounts import DAY_MS, spoken
from server.realtime.news import Revoked
from server.store.audit_log import Actor
from server.store.people.people import Person

DAYS = 7
# The most reasons that a refusal names in its message, and in its list.
TOLD = 5
LISTED = 20
# The pages where a person does something about what stops the deletion, if not at the treasure's own.
_OPENS: dict[str, Literal["winners", ""]] = {"prizes": "winners", "unsent": "winners", "frozen": ""}
# What becomes of a prize that somebody won, by its state.
_NEXT = {
    "claiming": "接着把它领完",
    "given": "等发布者寄出",
    "sent": "收到了就点“确认收到”",
    "held": "等平台核对完",
    "frozen": "等平台核对完",
}
# What the operators' log calls a person who deletes their account: it must not have their name.
THEMSELVES = Actor("the person themselves", shared=False)

log = logging.getLogger("wabao.people")


async def leave(context: Context, person: Person) -> int:
    """Log a person out, and let their account be deleted in `DAYS` days; return when (unix ms).

    If a person asks twice, the time that the first request set stays. Raises CannotLeave, which says what has
    to end before; NotLoggedIn.
    """
    store = context.store
    person_id = person["_id"]
    if "leaving" not in person:
        await _refuse(context, person)
        written = await store.audit_log.begin(context.clock.now_ms(), THEMSELVES, "leave", key_of(person), "")
        asked = await begin_deletion(context, person)
        await store.audit_log.conclude(written, "done" if asked else "refused")
    found = await store.people.find(person_id)
    if found is None or "leaving" not in found:  # an operator erases them at this moment
        raise NotLoggedIn
    return found["leaving"]["until"]


async def begin_deletion(context: Context, person: Person) -> bool:
    """Let a person's account be deleted in `DAYS` days, and end their tokens; False if that was so before."""
    until_ms = await context.store.now_ms() + DAYS * DAY_MS
    asked = await context.store.people.ask_to_leave(person["_id"], until_ms)
    if asked is not None:
        await context.hub.announce_revoked(Revoked(asked["_id"], asked["generation"]))
    return asked is not None


async def _refuse(context: Context, person: Person) -> None:
    """Raise CannotLeave if anything stops the deletion of a person's account."""
    ban = ban_of(person, context.clock.now_ms())
    if ban is not None:
        until = f"{spoken(ban['until'])} 以后" if ban["until"] else "恢复使用以后"
        raise CannotLeave(f"账号停用期间不能注销，{until}再来，或联系客服")
    needs = await needs_of(context.store, person, parcels=True)
    if needs:
        told = list(dict.fromkeys(map(_obstacle, needs)))
        first = [each.text for each in told[:TOLD]]
        left = len(told) - TOLD
        if left > 0:
            first.append(f"还有 {left} 项")
        listed = told[:LISTED] + [Obstacle(f"还有 {len(told) - LISTED} 项")] * (len(told) > LISTED)
        raise CannotLeave(f"现在还不能注销：{'；'.join(first)}。办完再来", obstacles=listed)


def _obstacle(need: Need) -> Obstacle:
    text = REASONS[need.why][1].format(**need._asdict(), next=_NEXT.get(need.state, ""))
    return Obstacle(text, need.code, _OPENS.get(need.why, "treasure"))


async def stay(context: Context, person: Person) -> None:
    """Keep an account after all. Safe to repeat."""
    if "leaving" in person:
        log_of = context.store.audit_log
        written = await log_of.begin(context.clock.now_ms(), THEMSELVES, "stay", key_of(person), "")
        kept = await context.store.people.stay(person["_id"])
        await log_of.conclude(written, "done" if kept else "refused")


async def erase_leavers(context: Context) -> None:
    """Erase the people whose days to keep their account are over, all at the same time, since each erasure
    waits for requests under way.

    The leader repeats this. A person who is still needed for something is kept, and looked at again later.
    """
    due = [person async for person in context.store.people.lease_leaving(context.clock.now_ms)]
    for failed in await asyncio.gather(*(_erase(context, one) for one in due), return_exceptions=True):
        if failed is not None:
            raise failed


async def _erase(context: Context, person: Person) -> None:
    store = context.store
    person_id = person["_id"]
    key = key_of(person)
    # An erasure that was cut off is always left to `erase`, which goes on or lets the person in again.
    needs = [] if "erasing" in person else await needs_of(store, person, parcels=True)
    if needs:
        log.info("%s leaves later: %s", key, ", ".join(sorted({need.why for need in needs})))
        return
    written = await store.audit_log.begin(context.clock.now_ms(), THEMSELVES, "erase", key, "")
    try:
        await erase(store, person_id)
    except CannotErase as error:
        log.info("%s leaves later: %s", key, error)
        await store.audit_log.conclude(written, "refused")
    else:
        await store.audit_log.conclude(written, "done")
