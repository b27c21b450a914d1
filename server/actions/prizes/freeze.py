"""Freezing, releasing and returning prizes, by an operator.

A freeze is saved first, then applied to each prize that it concerns. If the process dies, a sweep goes on.
Refunds to publishers are not frozen: they go back to the card that paid.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from server.actions.announce import announce_claim
from server.context import Context
from server.errors import BadRequest
from server.game.prize import (
    AWAITING_OPERATOR,
    denied,
    frozen,
    is_claiming,
    is_held,
    released,
    released_alone,
)
from server.store.prizes.freezes import Freeze, What, freeze_key
from server.store.prizes.prizes import Prize

LOOK_AGAIN_MS = 60_000
# A thousand bills may be out. This many bills are cancelled at a time, or this many winners are told at a
# time.
AT_ONCE = 10


async def freeze(
    context: Context, what: What, code: str, depth: int, reason: str = "", by: str = "operator"
) -> None:
    """Freeze a task, the prize at `depth`, or the person who dug there (at depth 0, the publisher). Safe to
    repeat.

    Only operators read the reason. A bill that was sent is cancelled; until WeChat confirms the cancellation,
    the winner may still take the money. Raises NoSuchTask, BadRequest.
    """
    of = await find_target(context, what, code, depth)
    now_ms = context.clock.now_ms()
    new = Freeze(
        _id=freeze_key(what, of),
        what=what,
        of=of,
        code=code,
        depth=depth,
        state="frozen",
        at=now_ms,
        reason=reason,
        by=by,
    )
    await settle_freeze(context, await context.store.freezes.put(new))


async def release(context: Context, what: What, code: str, depth: int, by: str = "operator") -> None:
    """Release what was frozen, and a prize that is held by a payout limit. Raises NoSuchTask, BadRequest.

    The next claim is checked against the limits, unless this prize was released individually. A prize whose
    bill has the number of somebody else's transfer only loses that bill: it can be claimed again, or is
    frozen if it was to be.
    """
    of = await find_target(context, what, code, depth)
    now_ms = context.clock.now_ms()
    if what == "prize":
        if context.cash is not None and await context.cash.void_bill(await context.store.prizes.get(of), by):
            return
        await _refuse_unreleasable(context, of)
    own = await context.store.freezes.begin_end(freeze_key(what, of), "releasing", now_ms, by)
    if own is not None:
        await settle_freeze(context, own)
        return
    alone = released_alone(now_ms).made_by(by)
    freed = await context.store.prizes.move(of, alone) if what == "prize" else None
    if freed is None:
        raise BadRequest("它没有被冻结，也不待核对")
    await apply_freezes(context, freed)  # a freeze may have come since we looked
    await announce_claim(context, freed)


async def _refuse_unreleasable(context: Context, prize_id: str) -> None:
    prize = await context.store.prizes.find(prize_id)
    if prize is None or prize["state"] not in AWAITING_OPERATOR:
        return
    if "bill_lost" in prize:
        raise BadRequest("微信没有说清上一笔转账的结果，为免付两次，只能退回")
    if (await context.store.freezes.frozen(freezes_of(prize))).keys() - {freeze_key("prize", prize_id)}:
        raise BadRequest("它的宝贝、中奖者或发布者也被冻结了，请先放行那一个")


async def give_back(context: Context, what: What, code: str, depth: int, by: str = "operator") -> None:
    """Return the held prizes of a task, or one held prize, to the publisher. The money is refunded together
    with that of unclaimed prizes.

    Raises NoSuchTask, BadRequest.
    """
    if what == "person":
        raise BadRequest("退回只能按宝贝或奖品来做", param="what")
    of = await find_target(context, what, code, depth)
    store = context.store
    held = [prize for prize in await store.prizes.of_scope(_scopes(what, of)[0]) if "freezing" not in prize]
    if not held:
        raise BadRequest("没有可以退回的奖品：没有被冻结，或它的转账还在撤销")
    gone: list[Prize] = []
    for prize in held:
        key = freeze_key("prize", prize["_id"])
        now_ms = context.clock.now_ms()
        own = await store.freezes.begin_end(key, "returning", now_ms, by)
        returned = await store.prizes.move(prize["_id"], denied().made_by(by))
        if own is not None:
            await settle_freeze(context, own)
        if returned is not None:
            gone.append(returned)
    if not gone:
        raise BadRequest("别人刚刚放行了，请刷新")
    _for_each(context, announce_claim, gone)


async def find_target(context: Context, what: What, code: str, depth: int) -> str:
    """Return the target: the code of a task, the id of a prize, or the id of a person. Raises NoSuchTask,
    BadRequest.

    Operators see no ids of people, so they name a person by a task that the person published or a depth that
    the person dug.
    """
    task = await context.store.tasks.get(code)
    if what == "task":
        return code
    if what == "prize":
        prize = await context.store.prizes.find(f"{code}:{depth}")
        if prize is None:
            raise BadRequest("这一层没有人中奖，请检查层数", param="depth")
        return prize["_id"]
    if not depth:
        return task["publisher"]
    digs = await context.store.digs.after(code, depth - 1, 1)
    if not digs or digs[0]["depth"] != depth:
        raise BadRequest("这一层还没有人挖过，请检查层数", param="depth")
    return digs[0]["person_id"]


def _scopes(what: What, of: str) -> list[dict[str, Any]]:
    fields = {"task": ("code",), "prize": ("_id",), "person": ("person_id", "publisher")}[what]
    return [{field: of} for field in fields]


async def settle_freeze(context: Context, freeze: Freeze) -> None:
    """Apply a freeze, or its end, to each prize that it concerns. Safe to repeat."""
    if freeze["state"] == "releasing":
        await _settle_release(context, freeze)
        return
    if freeze["state"] == "returning":
        await context.store.prizes.moves(freeze["of"], denied().made_by(freeze["by"]))
        await context.store.freezes.delete(freeze["_id"])
        return
    stopped: list[Prize] = []
    for scope in _scopes(freeze["what"], freeze["of"]):
        await context.store.prizes.move_all(scope, frozen(context.clock.now_ms()).made_by(freeze["by"]))
        stopped += await context.store.prizes.of_scope(scope)
    # Bills first: until a bill is cancelled, its winner may confirm it.
    stopped.sort(key=lambda prize: "freezing" not in prize)
    _for_each(context, _stop, stopped)
    await context.store.freezes.again(freeze, None)


async def _settle_release(context: Context, freeze: Freeze) -> None:
    store = context.store
    cancelling = False
    ended: list[Prize] = []
    end = released_alone if freeze["what"] == "prize" else released
    for scope in _scopes(freeze["what"], freeze["of"]):
        for prize in await store.prizes.of_scope(scope):
            if is_held(prize) or await store.freezes.frozen(freezes_of(prize)):
                continue
            if is_claiming(prize):
                cancelling = True
                continue
            free = await store.prizes.move(prize["_id"], end(context.clock.now_ms()).made_by(freeze["by"]))
            if free is not None:
                await apply_freezes(context, prize)  # a freeze may have come since we looked
                ended.append(free)
    _for_each(context, announce_claim, ended)
    if cancelling:  # a bill that is half cancelled cannot be sent again: first it has to end
        await store.freezes.again(freeze, context.clock.now_ms() + LOOK_AGAIN_MS)
    else:
        await store.freezes.delete(freeze["_id"])


async def _stop(context: Context, prize: Prize) -> None:
    """Cancel the bill of a prize that is being frozen, or tell its winner. A sweep cancels what is left."""
    await (settle_freezing if "freezing" in prize else announce_claim)(context, prize)


def _for_each(
    context: Context, do: Callable[[Context, Prize], Awaitable[None]], prizes: Sequence[Prize]
) -> None:
    """Call `do` for each prize, AT_ONCE at a time, in the background: WeChat or Redis may be slow."""

    async def some(share: Sequence[Prize]) -> None:
        for prize in share:
            await do(context, prize)

    for first in range(min(AT_ONCE, len(prizes))):
        context.background.spawn(some(prizes[first::AT_ONCE]))


async def settle_freezing(context: Context, prize: Prize) -> None:
    """Cancel the bill of a prize that is being frozen; look again later, until the bill has ended."""
    if context.cash is not None:
        await context.cash.cancel_bill(prize)
    await context.store.prizes.again(prize, context.clock.now_ms() + LOOK_AGAIN_MS)


async def apply_freezes(context: Context, prize: Prize) -> bool:
    """Freeze a prize if an operator froze it, its task, its winner or its publisher; return whether one did.

    Safe to repeat.
    """
    freezes = await context.store.freezes.frozen(freezes_of(prize))
    if not freezes:
        return False
    by = next(iter(freezes.values()))["by"]
    await context.store.prizes.moves(prize["_id"], frozen(context.clock.now_ms()).made_by(by))
    return True


def freezes_of(prize: Prize) -> list[str]:
    """Return the ids of all freezes that would concern a prize."""
    return [
        freeze_key("task", prize["code"]),
        freeze_key("prize", prize["_id"]),
        freeze_key("person", prize["person_id"]),
        freeze_key("person", prize["publisher"]),
    ]
