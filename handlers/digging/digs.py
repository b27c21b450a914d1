"""Who dug which depth of a task: public, the newest first."""

from __future__ import annotations

import msgspec

from handlers.base import Interface, Reply
from handlers.digging.cards import picture_url
from handlers.parameters import Code, Depth, Unionid
from handlers.reviews.shown import require_shown
from server.context import Context
from server.errors import NoSuchTask
from server.game.dig import Dig

PAGE_SIZE = 50


class GetDigsRequest(msgspec.Struct):
    """`before` is the least depth that the client has; without it, the newest digs are returned."""

    unionid: Unionid
    code: Code
    before: Depth | None = None


class DigRow(msgspec.Struct):
    """A dig. `no` is the digger's place among the participants; `at` is unix ms.

    `rank` is the place in the details' `ranks` of the prize that it won, from 1, and `money_fen` what that
    pays; 0 if it won nothing, or all prizes are alike.
    """

    depth: int
    no: int
    wxname: str
    wxheadpic: str
    is_prize: int
    at: int
    rank: int
    money_fen: int


class GetDigsReply(Reply, kw_only=True):
    """At most 50, the deepest first; `[]` above depth 1. Depths have no gaps."""

    data: list[DigRow]


class GetDigs(Interface):
    """The digs of a task, the newest first."""

    path = "/getDigs"
    takes = (GetDigsRequest,)
    gives = (GetDigsReply,)

    async def answer(self, request: GetDigsRequest) -> GetDigsReply:
        """However deep, a page costs the same. Raises NoSuchTask, NotShown."""
        await self.let_in()
        store, reads = self.context.store, self.context.store.page_reads
        digs, task = await reads.answered(
            lambda: store.digs.before(request.code, request.before, PAGE_SIZE)
        )
        if task is None:
            raise NoSuchTask
        await require_shown(self.context, request.code, task, request.unionid)
        return GetDigsReply(data=[_row(self.context, dig) for dig in digs])


def _row(context: Context, dig: Dig) -> DigRow:
    picture = picture_url(context, dig["wxheadpic"])
    won = dig.get("rank", 0), dig.get("fen", 0)
    return DigRow(dig["depth"], dig["no"], dig["wxname"], picture, dig["is_prize"], dig["at"], *won)
