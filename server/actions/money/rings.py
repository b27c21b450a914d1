"""Rings: the people around a publisher who are tied to each other. It only reads what the store holds."""

from __future__ import annotations

from server.context import Context
from server.errors import BadRequest
from server.game.amounts import DAY_MS
from server.game.rings import Brought, Link, Paid, tied

RING_MS = 30 * DAY_MS
# Bounds of a search: people in a ring, steps from the first person, and rows of each kind in a step.
PEOPLE, STEPS, ROWS = 200, 8, 2_000
# With more people, an address is a campus or a company: it tells nothing.
NEIGHBOURS = 20


class Ring:
    """`people` has at least the person whose ring it is. `links` are the pairs of people who are tied.

    `payments` are what they paid each other lately: publisher, winner, fen.
    """

    def __init__(self, first: str) -> None:
        self.people = {first}
        self.links: dict[tuple[str, str], Link] = {}
        self.payments: list[tuple[str, str, int]] = []


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


async def ring_of_prize(context: Context, code: str, depth: int) -> Ring:
    """Return the ring of a prize's publisher, with what its people paid each other. Raises BadRequest if
    nobody won the prize."""
    prize = await context.store.prizes.find(f"{code}:{depth}")
    if prize is None:
        raise BadRequest("这一层没有人中奖，请检查层数", param="depth")
    ring = await ring_of(context, prize["publisher"])
    since_ms = context.clock.now_ms() - RING_MS
    rows = await context.store.prizes.paid_around(sorted(ring.people), since_ms, ROWS)
    ring.payments = [
        (publisher, winner, fen)
        for publisher, winner, _, fen in rows
        if publisher in ring.people and winner in ring.people
    ]
    return ring


async def _ties(context: Context, people: list[str]) -> dict[tuple[str, str], Link]:
    store, since_ms = context.store, context.clock.now_ms() - RING_MS
    paid = [Paid(*row) for row in await store.prizes.paid_around(people, since_ms, ROWS)]
    if not paid:
        return {}
    publishers = sorted({each.publisher for each in paid})
    totals = await store.prizes.paid_in_all(publishers, since_ms)
    brought = [Brought(*row) for row in await store.shares.brought_around(people, ROWS)]
    places = await store.places.shared(people, since_ms, NEIGHBOURS, ROWS)
    return tied(paid, totals, brought, places)
