"""A winner thanks the giver by one of the signs of cheers, once a win."""

from server.actions.announce import announce_claim
from server.actions.digging.win import ensure_prize
from server.context import Context
from server.errors import AlreadyThanked, NotWon
from server.realtime.frames import Sign


async def thank(context: Context, code: str, person_id: str, sign: Sign) -> None:
    """Note the thanks with the prize, and tell the giver. Safe to repeat. Raises NoSuchTask, NotWon,
    AlreadyThanked."""
    prizes = context.store.prizes
    prize = await ensure_prize(context, await context.store.tasks.get(code), person_id)
    if prize is None:
        raise NotWon("你没有挖到这个宝贝，不用道谢")
    if await prizes.thank(code, person_id, sign):
        await announce_claim(context, prize)
        return
    thanked = await prizes.find_won(code, person_id)
    if thanked is None or thanked.get("thanks") != sign:
        raise AlreadyThanked
