"""Lists of tasks, as cards: the square, and what a person published, dug and won."""

from collections.abc import Awaitable, Callable, Sequence
from operator import itemgetter
from typing import Annotated, TypeVar

import msgspec

from handlers.base import Interface, Reply
from handlers.digging.cards import Card, card, card_fields, owed_fen, owed_fields, value_of
from handlers.parameters import After, ListPage, Page, Unionid, next_of, window_of
from server.context import Context
from server.decoding import named
from server.game.amounts import FEN_PER_YUAN, claim_days_of, claim_until_ms
from server.game.prize import GIVEN, PrizeState, claim_from_ms
from server.game.ranks import GivenAs
from server.game.reasons import may_see
from server.game.review import ReviewShown, note_of, review_of
from server.game.task import Task
from server.security.plain_text import ONE_LINE
from server.store.digging.digs import JoinedTask, WonTask
from server.store.digging.square import Wanted
from server.store.pipelines import Window
from server.store.prizes.prizes import parcel, unwritten

NEWEST = 500
PAGE_SIZE = 20
_Row = TypeVar("_Row")


class SquareRequest(msgspec.Struct):
    """Which page; `kind` narrows the list to tasks with such prizes, `name` to tasks with this text in name
    or signature.

    `upcoming` 1 lists tasks that have not started yet, the soonest first, in place of running ones.
    """

    unionid: Unionid
    page: Page = 1
    kind: Annotated[GivenAs, named("里面是什么", "邮寄、现场领取等几种之一")] | None = None
    name: Annotated[str, named("要找的字", "最多 50 个字", max_length=50, extra=ONE_LINE)] = ""
    upcoming: Annotated[int, named("即将开挖", "0 或 1", ge=0, le=1)] = 0


class CardsReply(Reply, kw_only=True):
    """`[]` if the page is past the end."""

    data: list[Card]


class SquareReply(CardsReply, kw_only=True):
    """`mine` and `won` have the codes of this page's running tasks that the caller published or won.

    `featured` has the codes of those that the operator features, in no order.
    """

    featured: list[str]
    mine: list[str]
    won: list[str]


class GetTaskList(Interface, path="/getTaskList"):
    """The square: running tasks first, then tasks ended within 7 days, newest first; 20 per page.

    A page has at most three tasks of a publisher; the publisher's other tasks are on later pages. So a page
    may have fewer than 20 although more pages follow; only an empty page ends the list. Up to five tasks that
    the operator features stand before the 20 of the first page and on no other page; with `kind` or `name`
    they stand in their usual place. `name` finds any part of a task's or its publisher's name, in the same
    order.
    """

    async def answer(self, request: SquareRequest) -> SquareReply:
        """Return a page, at most a second old. The cards are made again only if a countdown changed."""
        await self.let_in()
        wanted = Wanted(request.kind, request.name, bool(request.upcoming))
        page = await self.context.square.page(request.page, wanted)
        now_ms = self.context.clock.now_ms()
        if page.prepared is None or not page.prepared[0] <= now_ms <= page.prepared[1]:
            cards = [card(self.context, task) for task in page.tasks]
            page.prepared = now_ms, now_ms + _unchanged_ms(page.tasks, now_ms), cards
        mine = self.caller.person_id
        running = [task for task in page.tasks if not task["status"]]
        return SquareReply(
            data=page.prepared[2],
            featured=[task["_id"] for task in running if task["_id"] in self.context.database.featured],
            mine=[task["_id"] for task in running if task["publisher"] == mine],
            won=[task["_id"] for task in running if {"person_id": mine} in task["winners"]],
        )


def _unchanged_ms(tasks: Sequence[Task], now_ms: int) -> int:
    """Return for how many milliseconds no card's countdown changes, at most 1000."""
    left = [task["cd_until"] - now_ms for task in tasks if not task["status"] and task["cd_until"] > now_ms]
    return min(((left_ms - 1) % 1000 for left_ms in left), default=1000)


class OwnListRequest(msgspec.Struct):
    """Without `page` and `after`: the newest 500. With `page`: 20 per page. With `after`, the `next` of a
    reply: the 20 that follow."""

    unionid: Unionid
    page: ListPage | None = None
    after: After | None = None

    def window(self) -> Window:
        """Return which rows to show."""
        whole = self.page is None and self.after is None
        return Window(NEWEST) if whole else window_of(self.after, self.page or 1, PAGE_SIZE)


class OwnList(Interface):
    """A list of what the caller has to do with."""

    async def rows(
        self,
        request: OwnListRequest,
        read: Callable[[str, Window], Awaitable[list[_Row]]],
        place: Callable[[_Row], tuple[int, str]],
    ) -> tuple[list[_Row], str]:
        """Return the rows to show, and what to send as `after` for those that follow.

        `read` reads the rows of a person; `place` returns the time and the id of a row.
        """
        await self.let_in()
        window = request.window()
        rows = await self.context.store.page_reads.answered(lambda: read(self.caller.person_id, window), None)
        return rows, next_of([place(row) for row in rows], window)


class OwnCardsReply(Reply, kw_only=True):
    """`next` is what to send as `after` for the cards that follow; "" if none follow."""

    next: str


class ReleasedCard(Card, kw_only=True):
    """`owed` is in whole yuan, rounded up; `need_pay` is 1 if `owed` is not 0.

    Others see the task if `review` is "shown".
    """

    review: ReviewShown
    review_note: str
    need_pay: int
    owed: int
    owed_fen: int


class ReleasedReply(OwnCardsReply, kw_only=True):
    """Newest first."""

    data: list[ReleasedCard]


class GetMyRelease(OwnList, path="/getMyRelease"):
    """The tasks that the caller published, also unpaid ones."""

    async def answer(self, request: OwnListRequest) -> ReleasedReply:
        tasks, after = await self.rows(
            request, self.context.store.tasks.released, lambda task: (task["created_at"], task["_id"])
        )
        return ReleasedReply(data=[_released_card(self.context, task) for task in tasks], next=after)


def _released_card(context: Context, task: Task) -> ReleasedCard:
    own = {
        **owed_fields(owed_fen(task)),
        "review": review_of(task),
        "review_note": note_of(task),
    }
    return msgspec.convert(card_fields(context, task) | own, ReleasedCard)


class PartakenCard(Card, kw_only=True):
    """The original interface document calls the publisher's picture `wxheadimgurl` here; the reply has both
    names.

    `is_prize` is 1 if the caller won. If the caller may not see the task now, the publisher's texts and all
    pictures are "", `signed` is 0, and `ranks` is [].
    """

    wxheadimgurl: str
    is_prize: int


class PartakenReply(OwnCardsReply, kw_only=True):
    """The task joined last is first."""

    data: list[PartakenCard]


class GetMyPartake(OwnList, path="/getMyPartake"):
    """The tasks that the caller dug."""

    async def answer(self, request: OwnListRequest) -> PartakenReply:
        joined = self.context.store.digs.tasks_joined
        tasks, after = await self.rows(request, joined, itemgetter("listed"))
        return PartakenReply(data=[_partaken_card(self.context, task) for task in tasks], next=after)


def _partaken_card(context: Context, task: JoinedTask) -> PartakenCard:
    fields = card_fields(context, task)
    if not may_see(review_of(task), mine=False, won=bool(task["wins"])):
        # Signatures and names of ranks are content too. With `signed` 0 clients would show the publisher's
        # picture, so that picture is hidden as well.
        unseen = ("name", "pic", "thumbnail", "wxname", "wxheadpic", "publisher_id", "place", "pickup_time")
        fields |= dict.fromkeys(unseen, "") | {"signed": 0, "ranks": []}
    return msgspec.convert(
        fields | {"wxheadimgurl": fields["wxheadpic"], "is_prize": task["wins"]}, PartakenCard
    )


class PrizeCard(Card, kw_only=True):
    """`is_draw` is 1 once the prize is given.

    `goods_type`, `draw_type`, `money`, `money_fen` and `value` are those of the caller's prize. `rank` is its
    place in `ranks`, from 1; 0 if all prizes are alike.

    `claim_until` is the last moment to claim the prize; 0 while the task runs. If a day's limit put the claim
    off, `claim_from` is when the prize can be claimed; otherwise it is 0. `prize_state` has the values of
    `state` in `getWinners`, and the fields about goods by mail mean the same as in `getWinners`. Times are
    unix ms, 0 for never.
    """

    is_draw: int
    rank: int
    money_fen: int
    claim_until: int
    claim_from: int
    prize_state: PrizeState
    carrier: str
    number: str
    sent_at: int
    received_at: int


class PrizesReply(OwnCardsReply, kw_only=True):
    """The prize won last is first."""

    data: list[PrizeCard]


class GetMyPrize(OwnList, path="/getMyPrize"):
    """The tasks in which the caller won."""

    async def answer(self, request: OwnListRequest) -> PrizesReply:
        won = self.context.store.digs.tasks_won
        tasks, after = await self.rows(request, won, itemgetter("listed"))
        return PrizesReply(data=[_prize_card(self.context, task) for task in tasks], next=after)


def _prize_card(context: Context, task: WonTask) -> PrizeCard:
    prize = task.get("prize") or unwritten(task)
    own = {
        "goods_type": prize["goods_type"],
        "draw_type": prize["draw_type"],
        "money": prize["amount_fen"] // FEN_PER_YUAN,
        "money_fen": prize["amount_fen"],
        "value": value_of(task, prize),
        "rank": prize.get("rank", 0),
        "is_draw": int(prize["state"] in GIVEN),
        "claim_until": claim_until_ms(
            task["ended_at"],
            claim_days_of(task, context.settings.claim_days),
            prize.get("released_at", 0),
        ),
        "claim_from": claim_from_ms(prize, context.clock.now_ms()),
        "prize_state": prize["state"],
        **parcel(prize),
    }
    return msgspec.convert(card_fields(context, task) | own, PrizeCard)
