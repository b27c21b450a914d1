"""A ring: people who play into each other's hands, what ties them, and their red packets that are held."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from handlers.base import Reply, of_document
from handlers.ops.acts import Reason
from handlers.ops.operators import OperatorAct, OperatorInterface
from handlers.parameters import Code
from server.actions.money.rings import ring_of_prize
from server.actions.operate import decide_ring, give_back, release

Depth = Annotated[int, Meta(ge=1, le=100_000_000, title="层数", description="挖到的层数")]


class OpsRingRequest(msgspec.Struct):
    """A red packet that is held because of its ring, by its task and depth."""

    code: Code
    depth: Depth


SeenAt = Annotated[int, Meta(ge=0, le=2**53, title="看到的时刻", description="这一圈的时刻（毫秒）")]


class OpsRingActRequest(msgspec.Struct):
    """As `OpsRingRequest`; and when the operator saw the ring (unix ms), and the reason of the decision."""

    code: Code
    depth: Depth
    seen_at: SeenAt
    reason: Reason


class RingMember(msgspec.Struct):
    """A member of the ring; its number is valid in this reply only. Sums count only red packets within the
    ring."""

    number: int
    wxname: str
    paid_fen: int
    won_fen: int


class RingLink(msgspec.Struct):
    """Why two members are tied. `paid` and `brought` are the numbers of treasures in which one of them paid
    the other, or brought the other there. `address` is 1 if they share an address."""

    one: int
    other: int
    paid: int
    brought: int
    address: int
    fen: int


class RingPrize(msgspec.Struct):
    """A held red packet; `publisher` and `winner` are numbers of members, `name` is that of the task."""

    code: str
    name: str
    depth: int
    publisher: int
    winner: int
    amount_fen: int
    won_at: int


class OpsRingReply(Reply, kw_only=True):
    """The ring as it is now, `at` (unix ms). It has no ids and no addresses."""

    at: int
    people: list[RingMember]
    links: list[RingLink]
    held: list[RingPrize]


class OpsRing(OperatorInterface):
    """The ring that a held red packet belongs to."""

    path = "/ops/ring"

    async def answer(self, request: OpsRingRequest) -> OpsRingReply:
        """Raises BadRequest if that prize was never won."""
        store, at = self.context.store, self.context.clock.now_ms()
        ring = await ring_of_prize(self.context, request.code, request.depth)
        people = sorted(ring.people)
        number = {person: place for place, person in enumerate(people, 1)}
        names = dict.fromkeys(people, "") | await store.people.names(people)
        paid, won = dict.fromkeys(people, 0), dict.fromkeys(people, 0)
        for publisher, winner, fen in ring.payments:
            paid[publisher] += fen
            won[winner] += fen
        held = await store.prizes.held_among(people, "ring", at)
        tasks = await store.tasks.names(prize["code"] for prize in held)
        return OpsRingReply(
            at=at,
            people=[RingMember(number[each], names[each], paid[each], won[each]) for each in people],
            links=[
                RingLink(number[one], number[other], link.paid, link.brought, int(link.address), link.fen)
                for (one, other), link in sorted(ring.links.items())
                if one in number and other in number
            ],
            held=[
                of_document(
                    RingPrize,
                    prize,
                    name=tasks.get(prize["code"], ""),
                    publisher=number[prize["publisher"]],
                    winner=number[prize["unionid"]],
                )
                for prize in held
            ],
        )


class OpsReleaseRing(OperatorAct):
    """Let the winners claim all that is held because of one ring."""

    path = "/ops/releaseRing"
    role = "money"

    async def answer(self, request: OpsRingActRequest) -> None:
        """Raises BadRequest if nothing is held."""
        seen = request.code, request.depth, request.seen_at
        await decide_ring(self.context, self.actor, release, *seen, request.reason)


class OpsReturnRing(OperatorAct):
    """Return all prizes that are held because of one ring to their publishers."""

    path = "/ops/returnRing"
    role = "money"

    async def answer(self, request: OpsRingActRequest) -> None:
        """Raises BadRequest if nothing is held."""
        seen = request.code, request.depth, request.seen_at
        await decide_ring(self.context, self.actor, give_back, *seen, request.reason)
