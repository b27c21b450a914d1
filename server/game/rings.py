"""People who play into each other's hands: who is tied to whom, and when a payout fits below a limit. Pure.

Two people are tied if money went from one to the other, and they met more often than by chance: in two
treasures (one paid the other there, or brought them there), or in one treasure and at one address. The money
must also be a considerable part of what its publisher paid: a publisher of many treasures has regular
winners. So a single win ties nobody. A ring is a group of people who are tied directly or through others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from server.game.amounts import DAY_MS

# A winner is tied to a publisher only if they got at least this part of all that the publisher paid.
PART = 1 / 20
# Of two simultaneous claims, each counts the other against the limit, so both may have to wait. They are
# tried again after this long: by then one of them has been decided.
AGAIN_MS = 60_000


class Paid(NamedTuple):
    """What one person's treasures paid another. `codes` are those treasures."""

    publisher: str
    winner: str
    codes: frozenset[str]
    fen: int


class Brought(NamedTuple):
    """Somebody opened a treasure through somebody else's link."""

    sharer: str
    newcomer: str
    code: str


class Link(NamedTuple):
    """Why two people are tied: in how many treasures one paid or brought the other, and a shared address."""

    paid: int
    brought: int
    address: bool
    fen: int


def tied(
    paid: Iterable[Paid],
    totals: Mapping[str, int],
    brought: Iterable[Brought],
    places: Iterable[Sequence[str]],
) -> dict[tuple[str, str], Link]:
    """Return the pairs that are tied. The two people of a pair are sorted.

    `totals` is what each publisher paid to all, in fen. `places` has the people of each address.
    """
    met: dict[tuple[str, str], set[str]] = defaultdict(set)
    money: dict[tuple[str, str], tuple[int, int]] = {}
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for each in paid:
        pair = _pair(each.publisher, each.winner)
        if each.fen < PART * totals.get(each.publisher, each.fen):
            continue
        treasures, fen = money.get(pair, (0, 0))
        money[pair] = treasures + len(each.codes), fen + each.fen
        met[pair] |= each.codes
    for sharer, newcomer, code in brought:
        pair = _pair(sharer, newcomer)
        met[pair].add(code)
        counts[pair] += 1
    neighbours = {_pair(one, other) for people in places for one in people for other in people if one < other}
    return {
        pair: Link(treasures, counts[pair], pair in neighbours, fen)
        for pair, (treasures, fen) in money.items()
        if len(met[pair]) + (pair in neighbours) > 1
    }


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


def fits_at(claims: Iterable[tuple[int, int, bool]], fen: int, most_fen: int, now_ms: int) -> int | None:
    """Return the time at which a payout fits below a limit of 24 hours (unix ms); 0: now, None: never.

    `claims` are the other claims of these 24 hours: when, how much in fen, and whether it was approved
    already.
    """
    others = list(claims)
    if sum(each for _, each, _ in others) + fen <= most_fen:
        return 0
    if fen > most_fen:
        return None
    room = most_fen - fen - sum(each for _, each, decided in others if decided)
    if room >= 0:
        return now_ms + AGAIN_MS
    for claimed_at, each, decided in sorted(others):
        room += each if decided else 0
        if room >= 0:
            return claimed_at + DAY_MS
    return now_ms + DAY_MS
