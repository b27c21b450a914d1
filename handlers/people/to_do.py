"""What waits for a person to act: prizes to claim, parcels to confirm, goods to send, treasures to pay."""

from typing import Literal, TypeAlias

import msgspec

from handlers.digging.cards import owed_fen
from server.actions.prizes.ship import ARRIVAL_MS
from server.context import Context
from server.game.amounts import DAY_MS, claim_days_of, claim_until_ms
from server.game.prize import claim_from_ms
from server.game.review import is_shown, review_of
from server.game.task import unpaid_until_ms
from server.store.prizes.prizes import Matter, WonPrize

AT_MOST = 50
# A task that waits longer for its review is shown only in its publisher's list.
PUBLISHED_WITHIN_MS = 30 * DAY_MS
Act: TypeAlias = Literal["claim", "receive", "ship", "pay"]


class ToDo(msgspec.Struct):
    """Something that waits for the caller, at a task, by `until` (unix ms), 0 for no deadline.

    `claim`: a prize of theirs. `receive`: confirm that goods came, which happens by itself at `until`.
    `ship`: send `unsent` prizes (otherwise 0). `pay`: pay `owed_fen` (otherwise 0) for a task, which is
    deleted at `until`.
    """

    act: Act
    code: str
    name: str
    until: int
    unsent: int
    owed_fen: int


async def to_do(context: Context, person_id: str) -> list[ToDo]:
    """Return what waits for a person, the nearest deadline first. It costs one round trip to the store."""
    since_ms = context.clock.now_ms() - PUBLISHED_WITHIN_MS
    matters = await context.store.prizes.matters(person_id, since_ms, AT_MOST)
    found = [made for matter in matters if (made := _made(context, matter)) is not None]
    return sorted(found, key=lambda each: each.until or DAY_MS**2)[:AT_MOST]


def _made(context: Context, matter: Matter) -> ToDo | None:
    task = matter["task"]
    made = ToDo("claim", task["_id"], task["name"], 0, 0, 0)
    if "prize" in matter:
        return _of_prize(context, matter, matter["prize"], made)
    if "unsent" in matter:
        made.act = "ship"
        made.unsent = matter["unsent"]
        # While the task is hidden, its publisher may not read the addresses.
        return made if is_shown(task) else None
    made.act = "pay"
    made.owed_fen = owed_fen(task)
    made.until = unpaid_until_ms(task)
    return made if made.owed_fen and review_of(task) != "hidden" else None


def _of_prize(context: Context, matter: Matter, prize: WonPrize, made: ToDo) -> ToDo | None:
    if prize["state"] == "sent":
        made.act = "receive"
        made.until = prize.get("sent_at", 0) + ARRIVAL_MS
        return made
    now_ms = context.clock.now_ms()
    task = matter["task"]
    claim_days = claim_days_of(task, context.settings.claim_days)
    made.until = claim_until_ms(task["ended_at"], claim_days, prize.get("released_at", 0))
    return None if claim_from_ms(prize, now_ms) or 0 < made.until <= now_ms else made
