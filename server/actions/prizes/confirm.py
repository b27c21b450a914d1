"""Handing goods over on site: the publisher confirms a winner's pick-up code."""

from server.actions.announce import announce_claim
from server.actions.prizes.freeze import apply_freezes
from server.context import Context
from server.errors import ClaimOver, Locked, WrongPickup, refuse
from server.game.prize import handed_over, is_claiming
from server.game.reasons import is_claim_over, why_held
from server.store.prizes.prizes import Prize


async def confirm_pickup(context: Context, code: str, person_id: str, pickup: str) -> Prize:
    """Note that the prize of this pick-up code was handed over. Safe to repeat.

    Five wrong codes lock the task for ten minutes, in all processes: right codes are refused too. Raises
    NoSuchTask, NotYours, Locked, WrongPickup, PayoutHeld, ClaimOver.
    """
    store = context.store
    task = await store.tasks.get_own(code, person_id)
    tries_left = await store.pickups.begin_try(code)
    if tries_left is None:
        raise Locked
    prize = await store.prizes.find_pickup(code, context.keys.pickup_hashes(code, pickup))
    if prize is None:
        if not tries_left:
            raise WrongPickup("取件码不对，输错次数太多，请十分钟后再试")
        raise WrongPickup(f"取件码不对，请向中奖者核对后再试，还可以试 {tries_left} 次")
    now_ms = context.clock.now_ms()
    if is_claiming(prize) and not is_claim_over(task, prize, context.settings.claim_days, now_ms):
        await apply_freezes(context, prize)  # a simultaneous freeze may have missed this prize
        given = await store.prizes.move(prize["_id"], handed_over(now_ms))
        if given is not None:
            await store.pickups.forgive(code, locked_by_it=not tries_left)
            await announce_claim(context, given)
            return given
        prize = await store.prizes.get(prize["_id"])
    # This code is a real one, so it does not count as a wrong try. It does not reset the count either.
    await store.pickups.excuse(code, locked_by_it=not tries_left)
    refuse(why_held(prize))
    if "denied" in prize:
        raise ClaimOver("这个奖品已由平台退给你，不用交付")
    if prize["state"] != "given":
        raise ClaimOver
    return prize
