"""A person deletes their own account, and may keep it for some days after all (PIPL, articles 15 and 47).

Asking for the deletion is one write for each of their records, and so is taking it back. A record that was
left out, or begins later, is noted when it logs in (`account.py`). Then `erase` follows, once nothing of
theirs is under way.
"""

from __future__ import annotations

import asyncio
import logging

from server.actions.alone import Busy, alone, erasure_of
from server.actions.people.account import THEMSELVES, ban_of, delete_at, note_leaving, spoken
from server.actions.people.erase import (
    REASONS,
    CannotErase,
    choose_pseudonym,
    erase,
    needs_of_all,
)
from server.context import Context
from server.errors import CannotLeave, NotLoggedIn
from server.game.amounts import DAY_MS
from server.store.people.people import Person

DAYS = 7
# The most reasons that a refusal names at once.
TOLD = 5

log = logging.getLogger("wabao.people")


async def leave(context: Context, person: Person) -> int:
    """Delete all records of a person in `DAYS` days, and log them out; return that time (unix ms).

    Asked twice, the first day stays. Raises CannotLeave, which says what has to end before; NotLoggedIn.
    """
    store = context.store
    if "leaving" not in person:
        await _refuse(context, person)
        await note_leaving(context, person["_id"], await store.now_ms() + DAYS * DAY_MS)
    found = await store.people.find(person["_id"])
    if found is None or "leaving" not in found:  # an operator erases them at this moment
        raise NotLoggedIn
    # If this request is cut off here, the next login, or the leader after these days, notes the rest.
    for record in await store.people.of_openid(person["openid"]):
        if _is_kept(record):
            await note_leaving(context, record["_id"], found["leaving"]["until"])
    return found["leaving"]["until"]


async def _refuse(context: Context, person: Person) -> None:
    """Raise CannotLeave if anything stops the deletion of a person's account."""
    ban = ban_of(person, context.clock.now_ms())
    if ban is not None:
        until = f"{spoken(ban['until'])} 以后" if ban["until"] else "恢复使用以后"
        raise CannotLeave(f"账号停用期间不能注销，{until}再来，或联系客服")
    needs = await needs_of_all(context.store, person["openid"], parcels=True)
    if needs:
        told = list(dict.fromkeys(REASONS[need.why][1].format(**need._asdict()) for need in needs))
        more = f"；还有 {len(told) - TOLD} 项" if len(told) > TOLD else ""
        raise CannotLeave(f"现在还不能注销：{'；'.join(told[:TOLD])}{more}。办完再来")


def _is_kept(record: Person) -> bool:
    """Whether a record is neither to be deleted nor being erased."""
    return not {"leaving", "forgotten_as"} & record.keys()


async def stay(context: Context, person: Person) -> None:
    """Keep an account after all, with all records of the person. Safe to repeat."""
    if "leaving" not in person:
        return
    log_of = context.store.audit_log
    records = await context.store.people.of_openid(person["openid"])
    # This record last: until all are kept, the person is told that the account will be deleted.
    for record in sorted(records, key=lambda record: record["_id"] == person["_id"]):
        if "leaving" in record:
            pseudonym = record["leaving"]["pseudonym"]
            written = await log_of.begin(context.clock.now_ms(), THEMSELVES, "stay", pseudonym, "")
            kept = await context.store.people.stay(record["_id"])
            await log_of.conclude(written, "done" if kept else "refused")


async def erase_leavers(context: Context) -> None:
    """Erase the people whose days are over, all at the same time, since each erasure waits for requests under
    way.

    The leader repeats this. A person who is still needed for something is kept, and looked at again later.
    """
    due = await context.store.people.lease_leaving(context.clock.now_ms())
    for failed in await asyncio.gather(*(_erase(context, one) for one in due), return_exceptions=True):
        if failed is not None:
            raise failed


async def _erase(context: Context, person: Person) -> None:
    store, unionid = context.store, person["_id"]
    if "forgotten_as" not in person and await _have_others_days_left(context, person):
        return
    pseudonym = await choose_pseudonym(store, unionid)
    # An erasure that was cut off is always left to `erase`, which goes on or lets the person in again.
    needs = [] if "forgotten_as" in person else await needs_of_all(store, person["openid"], parcels=True)
    if needs:
        log.info("%s leaves later: %s", pseudonym, ", ".join(sorted({need.why for need in needs})))
        return
    written = await store.audit_log.begin(context.clock.now_ms(), THEMSELVES, "erase", pseudonym, "")
    try:
        async with alone(store, erasure_of(unionid)):
            await erase(store, unionid, pseudonym)
    except (CannotErase, Busy) as error:
        log.info("%s leaves later: %s", pseudonym, error)
        await store.audit_log.conclude(written, "refused")
    else:
        await store.audit_log.conclude(written, "done")


async def _have_others_days_left(context: Context, person: Person) -> bool:
    """Whether the person can still take the deletion back for another record of theirs.

    A record of which the deletion was not noted, because the request was cut off, has all its days from now
    on: nothing is deleted of which a login did not tell.
    """
    now_ms, have_left = await context.store.now_ms(), False
    for record in await context.store.people.of_openid(person["openid"]):
        if _is_kept(record):
            await note_leaving(context, record["_id"], now_ms + DAYS * DAY_MS)
        have_left |= _is_kept(record) or delete_at(record) > now_ms
    return have_left
