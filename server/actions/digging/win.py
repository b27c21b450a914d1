"""From a winning dig to its prize. Any process may write the prize; it is written once."""

from collections.abc import Collection

from server.actions.messages.write import tell_winner
from server.actions.prizes.freeze import apply_freezes
from server.actions.transition import Effects, carry_out
from server.context import Context
from server.game.amounts import FEN_PER_YUAN, FOLLOWED_MS
from server.game.dig import Dig
from server.game.prize import prize as lifecycle
from server.game.task import Task
from server.store.prizes.prizes import Prize


async def record_prize(context: Context, dig: Dig) -> None:
    """Write the prize that a dig won, if any, and enter it as owed. Safe to repeat; if the process dies, a
    sweep writes it."""
    if dig["is_prize"]:
        await _write(context, await context.store.tasks.get(dig["code"]), dig)


async def ensure_prize(context: Context, task: Task, person_id: str) -> Prize | None:
    """Return the prize that this person won in this task, or None. Writes it if it is not written yet."""
    prize = await context.store.prizes.find_won(task["_id"], person_id)
    if prize is None:
        view = await context.store.tasks.view(task["_id"], person_id)
        if view is not None and view["won"] is not None:
            await _write(context, task, view["won"])
            prize = await context.store.prizes.find_won(task["_id"], person_id)
    return prize


async def _write(context: Context, task: Task, dig: Dig) -> None:
    of = task["ranks"][dig["rank"] - 1] if "rank" in dig else task
    prize = Prize(
        _id=dig["_id"],
        code=dig["code"],
        depth=dig["depth"],
        person_id=dig["person_id"],
        publisher=task["publisher"],
        wxname=dig["wxname"],
        wxheadpic=dig["wxheadpic"],
        goods_type=of["goods_type"],
        draw_type=of["draw_type"],
        amount_fen=dig["fen"] if "rank" in dig else task["money"] * FEN_PER_YUAN,
        state="won",
        attempt=0,
        won_at=dig["at"],
        claimed_at=0,
        given_at=0,
    )
    if "rank" in dig:
        prize["rank"] = dig["rank"]
    prize["due_at"] = context.clock.now_ms() + FOLLOWED_MS
    prize["then"] = dict(lifecycle.owes)
    # Raises if this person has another prize of this task, which must never be.
    await context.store.prizes.add_or_read(prize)
    await follow_prize(context, prize)


async def follow_prize(context: Context, prize: Prize, done: Collection[str] = ()) -> None:
    """Carry out the effects that a prize owes, except those in `done`. Safe to repeat."""
    await carry_out(context, context.store.prizes, prize, EFFECTS, done)


async def _owe_prize(context: Context, prize: Prize) -> None:
    if context.cash is not None:
        await context.cash.owe_prize(prize)


async def _make_bill(context: Context, prize: Prize) -> None:
    if context.cash is not None:
        await context.cash.make_bill(prize)


EFFECTS: Effects = {
    "ledger": _owe_prize,
    "freezes": apply_freezes,
    "message": tell_winner,
    "bill": _make_bill,
}
