"""Who paid whom lately, around a red packet."""

from typing import Annotated

import msgspec

from handlers.base import Reply
from handlers.ops.operators import OperatorInterface
from handlers.parameters import Code
from server.actions.people.whom import key_of
from server.cash.audit import books_of
from server.decoding import named
from server.errors import BadRequest
from server.game.amounts import DAY_MS
from server.store.people.people import shown_name

LISTED_MS = 30 * DAY_MS
SHOWN = 100


class OpsPaidRequest(msgspec.Struct):
    """A red packet that was won, by its task and depth."""

    code: Code
    depth: Annotated[int, named("层数", "挖到的层数", ge=1, le=100_000_000)]


class PaidPair(msgspec.Struct):
    """What one person's red packets paid another: how many, and how much.

    `publisher_key` and `winner_key` name the two for `/ops/person`; they are "" for who was erased.
    """

    publisher: str
    publisher_key: str
    winner: str
    winner_key: str
    number: int
    fen: int


class OpsPaidReply(Reply, kw_only=True):
    """What the red packet's publisher and its winner paid, and were paid, in 30 days; the largest first."""

    data: list[PaidPair]


class OpsPaid(OperatorInterface, path="/ops/paid"):
    """Who paid whom, around the publisher and the winner of a red packet."""

    async def answer(self, request: OpsPaidRequest) -> OpsPaidReply:
        """Raises BadRequest if nobody won that red packet."""
        store = self.context.store
        prize = await store.prizes.find(f"{request.code}:{request.depth}")
        if prize is None:
            raise BadRequest("这一层没有人中奖，请检查层数", param="depth")
        both = [prize["publisher"], prize["person_id"]]
        since_ms = self.context.clock.now_ms() - LISTED_MS
        rows = await books_of(store).payouts.paid_around(both, since_ms, SHOWN)
        people = {row.publisher for row in rows} | {row.winner for row in rows}
        found = await store.people.find_all(sorted(people))
        named = {person["_id"]: (shown_name(person), key_of(person)) for person in found}
        return OpsPaidReply(
            data=[
                PaidPair(
                    *named.get(row.publisher, ("", "")),
                    *named.get(row.winner, ("", "")),
                    row.number,
                    row.fen,
                )
                for row in rows
            ]
        )
