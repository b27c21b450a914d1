"""Rings: the people around a publisher who are tied to each other. It only reads what the store holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.game.amounts import DAY_MS
from server.game.rings import Brought, Link, Paid, tied

if TYPE_CHECKING:
    from server.context import Context

RING_MS = 30 * DAY_MS
# The most that is read: people of a ring, steps from its first, and rows of each kind a step.
PEOPLE, STEPS, ROWS = 200, 8, 2_000
# With more people, an address is a campus or a company: it tells nothing.
NEIGHBOURS = 20


class Ring:
    """`people` has at least the one it was looked for. `links` are the pairs that tie them."""

    def __init__(self, first: str) -> None:
        self.people = {first}
        self.links: dict[tuple[str, str], Link] = {}


async def ring_of(context: Context, unionid: str) -> Ring:
    """Return the ring of a person, as far as it is within the bounds."""
    ring, new = Ring(unionid), {unionid}
    for _ in range(STEPS):
        links = await _ties(context, sorted(new))
        near = {pair: link for pair, link in links.items() if new.intersection(pair)}
        ring.links |= near
        new = {person for pair in near for person in pair} - ring.people
        new = set(sorted(new)[: PEOPLE - len(ring.people)])
        if not new:
            break
        ring.people |= new
    return ring


async def _ties(context: Context, people: list[str]) -> dict[tuple[str, str], Link]:
    store, since_ms = context.store, context.clock.now_ms() - RING_MS
    paid = [Paid(*row) for row in await store.held_prizes.paid_around(people, since_ms, ROWS)]
    if not paid:
        return {}
    publishers = sorted({each.publisher for each in paid})
    totals = await store.held_prizes.paid_in_all(publishers, since_ms)
    brought = [Brought(*row) for row in await store.visits.brought_around(people, ROWS)]
    places = await store.places.shared(people, since_ms, NEIGHBOURS, ROWS)
    return tied(paid, totals, brought, places)
