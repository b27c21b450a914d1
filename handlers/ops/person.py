"""A person, as an operator sees them: what they published, won, were paid, and whether they are banned.

A person is named by what they did: published a task, dug one of its depths, chose a name; or by their public
number. No id, no openid and no address is shown.
"""

from typing import Annotated

import msgspec

from handlers.base import Reply
from handlers.ops.lists import board_tasks
from handlers.ops.operators import OperatorInterface
from handlers.parameters import Code
from server.actions.people.account import delete_at
from server.actions.people.whom import KEY_PATTERN, BroughtBy, Whom, brought_by, find_person, key_of
from server.decoding import named
from server.errors import BadRequest
from server.operation.feed import BoardTask
from server.store.people.people import shown_name
from server.store.pipelines import Window

SHOWN_TASKS = 50
Depth = Annotated[int, named("层数", "0（发布者）或挖到的层数", ge=0, le=100_000_000)]
PersonKey = Annotated[str, named("哪一条", "列表中的一条", pattern=KEY_PATTERN)]


class Named(msgspec.Struct, kw_only=True):
    """A person: the digger of `depth` of `code` (0: its publisher), or else the person with `key` in a
    list."""

    code: Code | None = None
    depth: Depth | None = None
    key: PersonKey | None = None

    def whom(self) -> Whom:
        """Return the person that is named. Raises BadRequest unless exactly one is named."""
        if self.key is not None:
            if self.code is not None or self.depth is not None:
                raise BadRequest("“编号”和“层数”，或“哪一条”，只能填一种", param="key")
            return Whom(key=self.key)
        if self.code is None:
            raise BadRequest("请填写“宝贝编号”，应为 12 位字母或数字", param="code")
        if self.depth is None:
            raise BadRequest("请填写“层数”，应为 0（发布者）或挖到的层数", param="depth")
        return Whom(self.code, self.depth)


class OpsPersonRequest(Named, kw_only=True):
    """The person whose page is asked for."""


class ShownBan(msgspec.Struct):
    """A ban, which may be over: since when and until when (unix ms; 0: until it is lifted)."""

    reason: str
    at: int
    until: int


class OpsPersonReply(Reply, kw_only=True):
    """A person's numbers and their 50 newest tasks. `prizes` counts the prizes that they won, by state.

    `trusted` is 1 if what they pay a day has no limit. `brought_by` has at most 10. `delete_at` is when the
    account will be deleted (unix ms), 0 unless its owner asked for it. `key` names them for `/ops/person`
    and, behind the colon, for `/ops/log`.
    """

    key: str
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
    delete_at: int
    ban: ShownBan | None
    trusted: int
    brought_by: list[BroughtBy]
    tasks: list[BoardTask]


class OpsPerson(OperatorInterface, path="/ops/person"):
    """What a person did, and their ban."""

    async def answer(self, request: OpsPersonRequest) -> OpsPersonReply:
        """Raises NoSuchTask, BadRequest."""
        store = self.context.store
        person = await find_person(self.context, request.whom())
        person_id = person["_id"]
        dug, joined, *_ = await store.digs.numbers(person_id)
        won = await store.prizes.won_by(person_id)
        tasks = await store.tasks.released(person_id, Window(SHOWN_TASKS))
        return OpsPersonReply(
            key=key_of(person),
            wxname=shown_name(person),
            created_at=person["created_at"],
            released=await store.tasks.released_number(person_id),
            dug=dug,
            joined=joined,
            prizes={state: number for state, (number, _) in won.items()},
            paid_fen=0 if store.books is None else await store.books.orders.paid_fen(person_id),
            won_fen=sum(fen for _, fen in won.values()),
            given_fen=won["given"][1] if "given" in won else 0,
            reported=await store.reports.number_by(person_id),
            delete_at=delete_at(person),
            ban=msgspec.convert(person["banned"], ShownBan) if "banned" in person else None,
            trusted=person.get("trusted", 0),
            brought_by=await brought_by(self.context, person_id),
            tasks=board_tasks(self.context, tasks),
        )
