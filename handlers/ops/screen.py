"""What operators see, behind a token: the feed, a task's page, and with `lists.py` lists of tasks.

Nothing here shows a seed, a winning depth that is not dug yet, or anybody's id.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from tornado.web import HTTPError

from handlers.base import Reply, interfaces_in
from handlers.ops import (
    acts,
    export,
    lists,
    log,
    operators,
    payouts,
    person,
    reports,
    reviews,
    search,
    timeline,
)
from handlers.ops.operators import COOKIE, OperatorInterface, session_of
from handlers.ops.timeline import Difference
from handlers.parameters import Code
from handlers.pictures.operators import operators_picture
from handlers.websocket import IDENTITY_REFUSED, Socket
from server.errors import TokenRequired
from server.game.daily import may_be_daily
from server.operation.feed import BoardTask, board_task
from server.operation.findings import texts_of

SHOWN_DIGS = 100
SHOWN_PAYMENTS = 100
SHOWN_SUMS = ("paid_fen", "given_fen", "refunded_fen", "held_fen", "owed_fen")
# A frame `history` has at most 1.5 MB, if each of its seconds has every refusal and every close code. A frame
# `heartbeat` has at most 0.1 MB. Operators are few.
UNSENT_BYTES = 4 << 20


class OpsTaskRequest(msgspec.Struct):
    """Which task."""

    code: Code


class OpsDig(msgspec.Struct):
    """A dig as an operator sees it."""

    depth: int
    wxname: str
    is_prize: int
    no: int
    at: int


class Shares(msgspec.Struct):
    """How many people opened the task, how many sharers brought people, how many people they brought
    together, and how many the best sharer brought."""

    opened: int
    sharers: int
    brought: int
    most: int


class Payment(msgspec.Struct):
    """An order, a bill to a winner or a refund to the publisher. `alarm`: why the operator must act."""

    number: str
    kind: str
    amount_fen: int
    state: str
    alarm: str
    at: int


class Money(msgspec.Struct):
    """Where a task's money is. `held_fen` is neither given nor refunded; `owed_fen` is part of `held_fen`.

    `prizes` counts prizes by state. `differences` is [] if everything balances.
    """

    paid_fen: int
    given_fen: int
    refunded_fen: int
    held_fen: int
    owed_fen: int
    prizes: dict[str, int]
    payments: list[Payment]
    differences: list[Difference]


class OpsTaskReply(Reply, kw_only=True):
    """A task with its 100 newest digs, its numbers of shares, and its money.

    `featured` is 1 if it is on top of the square while it can be dug. `daily` is the day of which it is the
    daily one, "" if of none, and `may_daily` whether it can become one.
    """

    task: BoardTask
    featured: int
    daily: str
    may_daily: int
    pic: str
    synopsis: str
    commitment: str
    end_note: str
    created_at: int
    opened_at: int
    expires_at: int
    ended_at: int
    shares: Shares
    money: Money
    digs: list[OpsDig]


class OpsTask(OperatorInterface, path="/ops/task"):
    """A task's page."""

    async def answer(self, request: OpsTaskRequest) -> OpsTaskReply:
        """Raises NoSuchTask."""
        store = self.context.store
        task = await store.tasks.get(request.code)
        digs, _ = await store.digs.before(request.code, None, SHOWN_DIGS)
        prizes = await store.prizes.states(request.code)
        money = {} if self.context.cash is None else await self.context.cash.money(request.code)
        opened = await store.visits.opened_number(request.code)
        return OpsTaskReply(
            task=board_task(task, self.context.hub.watchers(request.code)),
            featured=int(request.code in self.context.database.featured),
            daily=task.get("daily", ""),
            may_daily=int(may_be_daily(task, self.context.settings.daily_at, self.context.clock.now_ms())),
            pic=operators_picture(task["pic"]),
            synopsis=task["synopsis"],
            commitment=task["commitment"],
            end_note=task.get("end_note", ""),
            created_at=task["created_at"],
            opened_at=task["opened_at"],
            expires_at=task["expires_at"],
            ended_at=task["ended_at"],
            shares=Shares(opened, **await store.visits.brought_numbers(request.code)),
            money=money_of(prizes, money),
            digs=[OpsDig(d["depth"], d["wxname"], d["is_prize"], d["no"], d["at"]) for d in digs],
        )


def money_of(prizes: Mapping[Any, int], money: Mapping[str, Any]) -> Money:
    """Return what an operator sees of a task's money (`Cash.money`), with at most SHOWN_PAYMENTS payments."""
    return Money(
        **{name: money.get(name, 0) for name in SHOWN_SUMS},
        prizes={**prizes},
        payments=[Payment(*each) for each in money.get("payments", ())][:SHOWN_PAYMENTS],
        differences=[Difference(found.what, texts_of(found)) for found in money.get("differences", ())],
    )


class OpsFeed(Socket):
    """`/ops/feed`: the websocket of an operator's screen."""

    # The frame `history` may be queued on a slow link, and the frames behind it.
    unsent_bytes_allowed = UNSENT_BYTES

    def check_origin(self, origin: str) -> bool:
        """Let only our own page connect: here identity comes from a cookie."""
        return origin.partition("://")[2] == self.request.host

    async def prepare(self) -> None:  # type: ignore[override]
        """Refuse before the handshake if there is no operator's session."""
        super().prepare()
        if self.get_status() == 426:  # it asked for no websocket
            return
        try:
            self._ends_at = session_of(self.context, self.get_cookie(COOKIE)).ends_at
        except TokenRequired:
            raise HTTPError(403) from None

    async def open(self, *args: str, **kwargs: str) -> None:
        """Send the frame `history` and those that follow."""
        await super().open()
        await self.context.feed.show(self)
        if self.iostream.closed():  # it closed while `history` was made, and `on_close` is over
            self.context.feed.leave(self)

    def send(self, frames: bytes) -> None:
        """Send frames, or close if the session is over: it may end while the screen is open."""
        if self.context.clock.now_ms() >= self._ends_at:
            self.end()
        else:
            super().send(frames)

    def end(self) -> None:
        """Close: the session is over."""
        self.context.feed.leave(self)
        self.leave(IDENTITY_REFUSED, TokenRequired.error)

    def on_queued(self) -> None:
        """Let the hub check this connection once a second with `cut_if_stuck`."""
        self.context.hub.congested.add(self)

    def on_message(self, message: str | bytes) -> None:
        """Ignore messages: an operator's screen sends none."""

    def on_close(self) -> None:
        super().on_close()
        self.context.feed.leave(self)


OPS_INTERFACES = [
    *interfaces_in(operators, search, lists, timeline, reports, person),
    *interfaces_in(acts, payouts, export, log, reviews),
    OpsTask,
]
