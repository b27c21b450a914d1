"""Goods by mail on their way: the publisher sends them, the winner receives them."""

import asyncio
from typing import Annotated

import msgspec

from handlers.base import ProvenAct, Reply
from handlers.parameters import Code, Depth, TaskRequest, Unionid
from server.actions.prizes.ship import CARRIERS, Carrier, carrier_named, receive, ship
from server.actions.prizes.ship_all import ShippedRow, parcels_of, ship_all
from server.decoding import named
from server.game.prize import PrizeState
from server.store.prizes.prizes import Prize, parcel


class ShipPrizeRequest(msgspec.Struct):
    """`depth` is the winner's in `getWinners`. Within 24 hours another parcel may be named."""

    unionid: Unionid
    code: Code
    depth: Depth
    carrier: Annotated[
        Carrier, named("快递公司", f"{'、'.join(CARRIERS)}之一", extra={"keeps": carrier_named})
    ]
    number: Annotated[
        str,
        named(
            "运单号",
            "5 到 40 位字母或数字",
            pattern=r"\A[0-9A-Za-z]{5,40}\Z",
            extra={"keeps": lambda typed: "".join(typed.split())},
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


class ShipPrize(ProvenAct, path="/shipPrize"):
    """The publisher says how goods by mail were sent. Safe to repeat."""

    async def answer(self, request: ShipPrizeRequest) -> ShipmentReply:
        """Raises what `ship` raises."""
        publisher = await self.person()
        prize = await ship(
            self.context, request.code, publisher["_id"], request.depth, request.carrier, request.number
        )
        return _reply(prize)


class ReceivePrize(ProvenAct, path="/receivePrize"):
    """The winner says that goods by mail have arrived. Safe to repeat; it happens by itself after 15 days."""

    async def answer(self, request: TaskRequest) -> ShipmentReply:
        """Raises what `receive` raises."""
        winner = await self.person()
        return _reply(await receive(self.context, request.code, winner["_id"]))


class ShipPrizesRequest(msgspec.Struct):
    """`table` is the file of `getWinners`, with carriers and numbers filled in: CSV in UTF-8 or GB 18030."""

    unionid: Unionid
    code: Code
    table: Annotated[
        bytes, named("表格", "填好的 CSV 文件，按 BASE64 传，最多 1 MB", min_length=1, max_length=1_000_000)
    ]


class ShipPrizesReply(Reply, kw_only=True):
    """All rows with a parcel, in order. Rows without one, and rows that change nothing, are left out."""

    data: list[ShippedRow]


class ShipPrizes(ProvenAct, path="/shipPrizes"):
    """The publisher says for many winners at once how goods by mail were sent. Safe to repeat.

    Each row is checked separately, and a refused row changes nothing. At most 100 rows may change something.
    """

    body_limit_bytes = 2 << 20

    async def answer(self, request: ShipPrizesRequest) -> ShipPrizesReply:
        """Raises BadRequest if the file is not the table of `getWinners`, and what `ship_all` raises."""
        publisher = await self.person()
        rows = await asyncio.to_thread(parcels_of, request.table)
        return ShipPrizesReply(data=await ship_all(self.context, request.code, publisher["_id"], rows))


def _reply(prize: Prize) -> ShipmentReply:
    return ShipmentReply(depth=prize["depth"], state=prize["state"], **parcel(prize))
