"""Prizes that are held or frozen: the list of them, and what an operator decides."""

from typing import Annotated, Literal

import msgspec

from handlers.base import Reply, of_document
from handlers.ops.acts import Reason
from handlers.ops.operators import OperatorAct, OperatorInterface
from handlers.parameters import Code, NoParameters
from server.actions.operate import freeze, give_back, release
from server.actions.prizes.freeze import freezes_of
from server.decoding import named
from server.game.prize import Why, is_claiming, is_frozen
from server.store.prizes.freezes import Freeze, What
from server.store.prizes.prizes import Prize

LISTED = 200


class HeldPayout(msgspec.Struct):
    """A prize that waits for an operator. `amount_fen` is 0 for goods.

    `state`: held by a payout limit (`why`), frozen (by an operator), or freezing: its bill is being
    cancelled.
    `frozen_for` is why operators froze it, its task, its winner or its publisher.
    `only_back` is 1 if it cannot be released. Times are unix ms.
    """

    code: str
    depth: int
    name: str
    wxname: str
    amount_fen: int
    state: Literal["held", "frozen", "freezing"]
    why: Why | Literal[""]
    frozen_for: list[str]
    only_back: int
    won_at: int
    since: int


class Frozen(msgspec.Struct):
    """A freeze. `depth` is that of the prize, or of a dig by the frozen person (0: the person is the
    publisher).

    `wxname` is the winner's or the person's, "" for a task.
    """

    what: What
    code: str
    depth: int
    name: str
    wxname: str
    at: int
    reason: str


class OpsPayoutsReply(Reply, kw_only=True):
    """The 200 prizes that wait longest, and the newest 200 freezes."""

    data: list[HeldPayout]
    frozen: list[Frozen]


class OpsPayouts(OperatorInterface, path="/ops/payouts"):
    """The prizes that are held, and what is frozen."""

    async def answer(self, request: NoParameters) -> OpsPayoutsReply:
        store = self.context.store
        prizes = await store.prizes.waiting(LISTED)
        freezes = await store.freezes.newest(LISTED)
        codes = {prize["code"] for prize in prizes} | {freeze["code"] for freeze in freezes}
        keys = {key for prize in prizes for key in freezes_of(prize)}
        in_force = await store.freezes.frozen(sorted(keys))
        names = await store.tasks.names(codes)
        frozen = [each["of"] for each in freezes if each["what"] != "task"]
        wxnames = await store.prizes.winners(frozen) | await store.people.names(frozen)
        return OpsPayoutsReply(
            data=[
                of_document(
                    HeldPayout,
                    prize,
                    name=names.get(prize["code"], ""),
                    state="freezing" if is_claiming(prize) else "frozen" if is_frozen(prize) else "held",
                    why=prize.get("held_for", ""),
                    frozen_for=_reasons_of(prize, in_force),
                    only_back=int("bill_lost" in prize),
                    since=prize.get("withheld_at", 0),
                )
                for prize in prizes
            ],
            frozen=[
                of_document(
                    Frozen,
                    freeze,
                    name=names.get(freeze["code"], ""),
                    wxname=wxnames.get(freeze["of"], ""),
                )
                for freeze in freezes
            ],
        )


def _reasons_of(prize: Prize, in_force: dict[str, Freeze]) -> list[str]:
    """Return why a prize is frozen, each reason once."""
    reasons = (in_force[key]["reason"] for key in freezes_of(prize) if key in in_force)
    return list(dict.fromkeys(filter(None, reasons)))


class OpsPayoutRequest(msgspec.Struct):
    """A task, the prize at `depth`, or the person who dug there; depth 0 means the publisher."""

    what: Annotated[What, named("对象", "宝贝、奖品或人三种之一")]
    code: Code
    reason: Reason
    depth: Annotated[int, named("层数", "0（发布者）或挖到的层数", ge=0, le=100_000_000)] = 0


class OpsFreeze(OperatorAct, path="/ops/freeze", role="money"):
    """Freeze the prizes of a task or a person, or the prize at a depth. Pending bills are cancelled."""

    async def answer(self, request: OpsPayoutRequest) -> None:
        """Raises NoSuchTask, BadRequest."""
        await freeze(self.context, self.actor, request.what, request.code, request.depth, request.reason)


class OpsRelease(OperatorAct, path="/ops/release", role="money"):
    """Let winners claim what was frozen or held."""

    async def answer(self, request: OpsPayoutRequest) -> None:
        """Raises NoSuchTask, BadRequest."""
        await release(self.context, self.actor, request.what, request.code, request.depth, request.reason)


class OpsReturn(OperatorAct, path="/ops/return", role="money"):
    """Return frozen or held prizes to the publisher; their money goes back with that of unclaimed prizes."""

    async def answer(self, request: OpsPayoutRequest) -> None:
        """Raises NoSuchTask, BadRequest."""
        await give_back(self.context, self.actor, request.what, request.code, request.depth, request.reason)
