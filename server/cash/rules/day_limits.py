"""When a payout fits below a limit of 24 hours. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from server.game.amounts import DAY_MS

# Of two simultaneous claims, each counts the other against the limit, so both may have to wait. They are
# tried again after this long: by then one of them has been decided.
AGAIN_MS = 60_000


class Claimed(NamedTuple):
    """Claims of red packets at about the same time: when (unix ms), how much in fen, and whether they were
    approved already."""

    at: int
    fen: int
    decided: bool


def fits_at(claims: Iterable[Claimed], fen: int, most_fen: int, now_ms: int) -> int | None:
    """Return the time at which a payout fits below a limit (unix ms); 0: now, None: never.

    `claims` are the other claims of these 24 hours that count.
    """
    others = list(claims)
    if sum(each.fen for each in others) + fen <= most_fen:
        return 0
    if fen > most_fen:
        return None
    room = most_fen - fen - sum(each.fen for each in others if each.decided)
    if room >= 0:
        return now_ms + AGAIN_MS
    for each in sorted(others, key=lambda each: each.at):
        room += each.fen if each.decided else 0
        if room >= 0:
            return each.at + DAY_MS
    return now_ms + DAY_MS
