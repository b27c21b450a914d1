"""A person, as an operator sees them: what they published, won, were paid, and whether they are banned.

A person is named by what they did: the publisher of a task, or who dug one of its depths. No id, no openid
and no address is shown.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import msgspec
from msgspec import Meta

from handlers.base import Reply
from handlers.ops.lists import board_tasks
from handlers.ops.operators import OperatorInterface
from handlers.parameters import Code
from server.actions.operate import find_person
from server.operation.feed import BoardTask
from server.store.people import shown_name

SHOWN_TASKS = 50
Depth = Annotated[
    int, Meta(ge=0, le=100_000_000, title="层数", description="0（发布者）或挖到的层数")
]


class OpsPersonRequest(msgspec.Struct):
    """The person who dug `depth`; 0 is the task's publisher."""

    code: Code
    depth: Depth


class ShownBan(msgspec.Struct):
    """A ban, also one that is over: since when and until when (unix ms; 0: until it is lifted)."""

    reason: str
    at: int
    until: int


class OpsPersonReply(Reply, kw_only=True):
    """A person's numbers and their 50 newest tasks. `prizes` counts what they won by state."""

    wxname: str
    created_at: int
    released: int
    dug: int
    joined: int
    prizes: dict[str, int]
    paid_fen: int
    won_fen: int
    given_fen: int
    reported: int
    ban: ShownBan | None
    tasks: list[BoardTask]


class OpsPerson(OperatorInterface):
    """What a person did, and their ban."""

    path = "/ops/person"
    takes = (OpsPersonRequest,)
    gives = (OpsPersonReply,)

    async def operate(self, request: OpsPersonRequest) -> OpsPersonReply:
        """Read it from the store. Raises NoSuchTask, BadRequest."""
        store = self.context.store
        person = await find_person(self.context, request.code, request.depth)
        unionid = person["_id"]
        dug, joined = await store.digs.numbers(unionid)
        prizes = await store.prizes.of_winner(unionid)
        tasks = await store.tasks.released(unionid, 0, SHOWN_TASKS)
        given = [prize for prize in prizes if prize["state"] == "given"]
        return OpsPersonReply(
            wxname=shown_name(person),
            created_at=person.get("created_at", 0),
            released=await store.tasks.released_number(unionid),
            dug=dug,
            joined=joined,
            prizes=dict(Counter(prize["state"] for prize in prizes)),
            paid_fen=await store.orders.paid_fen(unionid),
            won_fen=sum(prize["amount_fen"] for prize in prizes),
            given_fen=sum(prize["amount_fen"] for prize in given),
            reported=await store.reports.number_by(unionid),
            ban=msgspec.convert(person["banned"], ShownBan) if "banned" in person else None,
            tasks=await board_tasks(self.context, tasks),
        )
