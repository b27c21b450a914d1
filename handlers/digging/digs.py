"""The digs of a task, each with its digger: public, the newest first."""

from typing import Annotated

import msgspec

from handlers.base import Interface, Reply, of_document
from handlers.digging.cards import picture_url
from handlers.parameters import After, Code, Depth, OwnPageRequest, Unionid, next_of, window_of
from handlers.reviews.shown import require_shown
from server.context import Context
from server.decoding import named
from server.errors import NoSuchTask
from server.game.dig import Dig
from server.game.reasons import may_see
from server.game.review import review_of
from server.store.digging.digs import OwnDig

PAGE_SIZE = 50
OWN_PAGE_SIZE = 20


class GetDigsRequest(msgspec.Struct):
    """`before` is the least depth that the client has; without it, the newest digs are returned. `won` 1:
    only digs that won."""

    unionid: Unionid
    code: Code
    before: Depth | None = None
    won: Annotated[int, named("只看挖到的", "0 或 1", ge=0, le=1)] = 0


class DigRow(msgspec.Struct):
    """A dig. `no` is the digger's place among the participants; `at` is unix ms.

    If it won and prizes have ranks, `rank` is the place of its prize in the details' `ranks`, from 1, and
    `money_fen` what this prize pays; otherwise both are 0. `find` is what it brought up, 0 if nothing;
    `layers` is how many layers of finds were whole in the digger's book.
    """

    depth: int
    no: int
    wxname: str
    wxheadpic: str
    is_prize: int
    at: int
    rank: int
    money_fen: int
    find: int
    layers: int


class GetDigsReply(Reply, kw_only=True):
    """At most 50, the deepest first; `[]` if `before` is 1. Unless `won`, depths have no gaps."""

    data: list[DigRow]


class GetDigs(Interface, path="/getDigs"):
    """The digs of a task, the newest first."""

    async def answer(self, request: GetDigsRequest) -> GetDigsReply:
        """A page costs the same at any depth. Raises NoSuchTask, NotShown."""
        await self.let_in()
        store = self.context.store
        reads = self.context.store.page_reads
        digs, task = await reads.answered(
            lambda: store.digs.before(request.code, request.before, PAGE_SIZE, won=bool(request.won))
        )
        if task is None:
            raise NoSuchTask
        await require_shown(self.context, request.code, task, self.caller.person_id)
        return GetDigsReply(data=[_row(self.context, dig) for dig in digs])


def _row(context: Context, dig: Dig) -> DigRow:
    picture = picture_url(context, dig["wxheadpic"])
    won = dig.get("rank", 0), dig.get("fen", 0)
    found = dig.get("find", 0), dig.get("layers", 0)
    return DigRow(dig["depth"], dig["no"], dig["wxname"], picture, dig["is_prize"], dig["at"], *won, *found)


class OwnDigRow(msgspec.Struct):
    """One of the caller's digs. Its chance to win was 1 / `was_one_in`; 0 means that it could not win.
    `prize` is what it won, if its task has ranks; `find` is what it brought up, 0 if nothing. `name` is "" if
    the caller may not see the task now; `at` is unix ms."""

    code: str
    name: str
    depth: int
    is_prize: int
    prize: str
    money_fen: int
    was_one_in: int
    find: int
    at: int


class GetMyDigsRequest(OwnPageRequest):
    """The person who asks, and which page; with `after`, the `next` of a reply, the 20 that follow it."""

    after: After | None = None


class GetMyDigsReply(Reply, kw_only=True):
    """At most 20, the last one first. `next` is what to send as `after` for those that follow, "" if none
    follow."""

    data: list[OwnDigRow]
    next: str


class GetMyDigs(Interface, path="/getMyDigs"):
    """The caller's digs: where, how likely, and what came of each."""

    async def answer(self, request: GetMyDigsRequest) -> GetMyDigsReply:
        await self.let_in()
        store = self.context.store
        window = window_of(request.after, request.page, OWN_PAGE_SIZE)
        digs = await store.page_reads.answered(lambda: store.digs.own(self.caller.person_id, window), None)
        places = [(dig["at"], dig["_id"]) for dig in digs]
        return GetMyDigsReply(data=[_own_row(dig) for dig in digs], next=next_of(places, window))


def _own_row(dig: OwnDig) -> OwnDigRow:
    task = dig["task"]
    seen = may_see(review_of(task), mine=False, won=bool(dig["wins"]))
    return of_document(
        OwnDigRow,
        dig,
        name=task["name"] if seen else "",
        prize=task["ranks"][dig["rank"] - 1]["name"] if seen and "rank" in dig else "",
        money_fen=dig.get("fen", 0),
        find=dig.get("find", 0),
    )
