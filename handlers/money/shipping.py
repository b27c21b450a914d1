"""Goods by mail on their way: the publisher sends them, the winner receives them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from handlers.base import Interface, Reply
from handlers.parameters import Code, Depth, Unionid
from server.actions.money.ship import CARRIERS, Carrier, receive, ship
from server.game.prize import PrizeState
from server.store.money.prizes import Prize, parcel


class ShipPrizeRequest(msgspec.Struct):
    """`depth` is the winner's in `getWinners`. Within 24 hours another parcel may be named."""

    unionid: Unionid
    code: Code
    depth: Depth
    carrier: Annotated[Carrier, Meta(title="快递公司", description=f"{'、'.join(CARRIERS)}之一")]
    number: Annotated[
        str,
        Meta(
            pattern=r"\A[0-9A-Za-z]{5,40}\Z",
            extra={"keeps": lambda typed: "".join(typed.split())},
            title="运单号",
            description="5 到 40 位字母或数字",
        ),
    ]


class ShipmentReply(Reply, kw_only=True):
    """Goods on their way. `state`: sent or received. Times are unix ms, 0 for never."""

    depth: int
    state: PrizeState
    carrier: str
    number: str
    sent_at: int
    received_at: int


class ShipPrize(Interface):
    """The publisher says how goods by mail were sent. Safe to repeat."""

    path = "/shipPrize"
    method = "POST"
    takes = (ShipPrizeRequest,)
    gives = (ShipmentReply,)
    needs_token = True
    locks = True

    async def answer(self, request: ShipPrizeRequest) -> ShipmentReply:
        """Raises what `ship` raises."""
        publisher = await self.person()
        prize = await ship(
            self.context, request.code, publisher["_id"], request.depth, request.carrier, request.number
        )
        return _reply(prize)


class ReceivePrizeRequest(msgspec.Struct):
    """The task in which the caller won."""

    unionid: Unionid
    code: Code


class ReceivePrize(Interface):
    """The winner says that goods by mail have arrived. Safe to repeat; it happens by itself after 15 days."""

    path = "/receivePrize"
    method = "POST"
    takes = (ReceivePrizeRequest,)
    gives = (ShipmentReply,)
    needs_token = True
    locks = True

    async def answer(self, request: ReceivePrizeRequest) -> ShipmentReply:
        """Raises what `receive` raises."""
        winner = await self.person()
        return _reply(await receive(self.context, request.code, winner["_id"]))


def _reply(prize: Prize) -> ShipmentReply:
    return ShipmentReply(depth=prize["depth"], state=prize["state"], **parcel(prize))
