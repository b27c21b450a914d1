"""How many prizes a publisher handed over, and how fast. Pure."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from server.game.ranks import BY_MAIL

COUNTED = 500  # the newest prizes of a publisher


class Handed(NamedTuple):
    """`median_ms` is how long goods took, 0 if there are none. `all` is 0 if the publisher gave more than
    COUNTED prizes."""

    number: int
    all: int
    median_ms: int


def handed_over(given: Sequence[Mapping[str, Any]]) -> Handed:
    """Return how many prizes a publisher handed over, and how fast.

    `given` are the newest COUNTED + 1 of their prizes whose claim is final.

    Goods by mail count as handed over once they are sent. `median_ms` counts from the winner's claim, and
    leaves out red packets, since WeChat pays these.
    """
    counted = [prize for prize in given[:COUNTED] if prize["draw_type"] != BY_MAIL or "sent_at" in prize]
    took_ms = [
        prize.get("sent_at", prize["given_at"]) - prize["claimed_at"]
        for prize in counted
        if not prize["amount_fen"]
    ]
    median_ms = max(1, round(statistics.median(took_ms))) if took_ms else 0
    return Handed(len(counted), int(len(given) <= COUNTED), median_ms)
