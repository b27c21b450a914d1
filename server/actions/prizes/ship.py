"""Goods by mail after their address is here: the publisher sends them, and they arrive. Safe to repeat."""

from typing import Literal, TypeAlias, get_args

from server.actions.announce import announce_claim
from server.actions.prizes.freeze import apply_freezes
from server.context import Context
from server.errors import NotSent, NotShippable, NotWon
from server.game import prize as row
from server.game.amounts import DAY_MS
from server.game.ranks import is_mailed
from server.store.prizes.prizes import Prize

# Winners read the carrier, so publishers choose from a list.
Carrier: TypeAlias = Literal[
    "顺丰", "中通", "圆通", "韵达", "申通", "极兔", "京东", "EMS", "邮政", "德邦", "其他"
]
CARRIERS: tuple[Carrier, ...] = get_args(Carrier)
_ENDINGS = ("速运", "快递", "速递", "物流", "快运")
CORRECTABLE_MS = DAY_MS
# Goods whose winner says nothing count as received after this.
ARRIVAL_MS = 15 * DAY_MS


def carrier_named(text: str) -> str:
    """Return what `CARRIERS` calls a carrier by its whole name, such as 顺丰速运; other texts as they are."""
    shorter = [text.removesuffix(ending) for ending in _ENDINGS if text.endswith(ending)]
    return next((name for name in shorter if name in CARRIERS), text)


async def ship(
    context: Context, code: str, person_id: str, depth: int, carrier: Carrier, number: str
) -> Prize:
    """Note that the publisher sent the prize of this depth, or correct its parcel within a day.

    A publisher's parcels go to one winner each. Raises NoSuchTask, NotShippable.
    """
    prizes = context.store.prizes
    now_ms = context.clock.now_ms()
    await context.store.tasks.get_own(code, person_id)
    prize_id = f"{code}:{depth}"
    prize = await prizes.find(prize_id)
    if prize is None:
        raise NotShippable(_why_not(None))
    await apply_freezes(context, prize)  # a simultaneous freeze may have missed this prize
    beside = await _beside(context, prize, number)
    sends = row.sent(carrier, number, beside, now_ms, now_ms + ARRIVAL_MS, now_ms - CORRECTABLE_MS)
    sent = await prizes.move_if_new(prize_id, sends)
    if sent is not None:
        await announce_claim(context, sent)
        return sent
    sent = await prizes.get(prize_id)
    # It is no error to name the same parcel again, even when the parcel may no longer be corrected.
    if (sent.get("carrier"), sent.get("number")) != (carrier, number):
        await _beside(context, prize, number)  # another prize may have got this parcel at this moment
        raise NotShippable(_why_not(sent))
    return sent


async def _beside(context: Context, prize: Prize, number: str) -> str:
    """Return what `beside` is for a prize in this parcel. Raises NotShippable if its publisher sent the
    parcel to another winner."""
    found = await context.store.prizes.in_parcel(prize["publisher"], number)
    others = [other for other in found if other["_id"] != prize["_id"]]
    if any(other["person_id"] != prize["person_id"] for other in others):
        raise NotShippable("这个运单号已经记给了另一位中奖者，请核对")
    return prize["_id"] if others else ""


def _why_not(prize: Prize | None) -> str:
    if prize is None:
        return "这一层没有人中奖，请在中奖者名单里选"
    if not is_mailed(prize):
        return "只有邮寄的奖品需要寄出"
    if prize["state"] == "sent":
        return "寄出超过 24 小时，快递信息不能再改"
    if prize["state"] == "received":
        return "中奖者已经收到，快递信息不能再改"
    if row.is_frozen(prize):
        return "这个奖品被平台冻结了，先不要寄出；有疑问请联系客服"
    if "denied" in prize:
        return "这个奖品已由平台退给你，不用寄出"
    if prize["state"] == "given":
        return "收货地址已删除，不能再寄出"
    return "中奖者还没有填收货地址，填好后再寄"


async def receive(context: Context, code: str, person_id: str) -> Prize:
    """Note that the winner has got the goods. Raises NotWon, NotSent."""
    prizes = context.store.prizes
    prize = await prizes.find_won(code, person_id)
    if prize is None:
        raise NotWon
    received = await prizes.move(prize["_id"], row.received(context.clock.now_ms()))
    if received is not None:
        await announce_claim(context, received)
    else:
        received = await prizes.get(prize["_id"])
    if received["state"] != "received":
        raise NotSent
    return received


async def settle_arrival(context: Context, prize: Prize) -> None:
    """Count goods as received if they were sent ARRIVAL_MS ago and the winner said nothing."""
    now_ms = context.clock.now_ms()
    arrived_ms = prize["sent_at"] + ARRIVAL_MS
    if now_ms >= arrived_ms:
        await context.store.prizes.moves(prize["_id"], row.received(now_ms).made_by("time"))
    else:
        await context.store.prizes.again(prize, arrived_ms)
