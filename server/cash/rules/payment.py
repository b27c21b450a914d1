"""What the lifecycles of an order, a bill and a refund share. Pure."""

from server.game.amounts import begins_at, day_of
from server.game.lifecycle import ABSENT, Is, Row

# If WeChat has given no clear answer about a payment for this long, the alarm UNKNOWN begins. It ends with a
# clear answer.
UNKNOWN_MS = 3_600_000
UNKNOWN = "UNKNOWN"
# WeChat is asked again after ASK_AGAIN_MS. A payment that it has not finished after SLOW_MS raises an alarm.
ASK_AGAIN_MS = 60_000
SLOW_MS = 3_600_000


def unanswered_in(states: str, now_ms: int) -> list[Row]:
    """Return the rows for a payment in one of these states if WeChat gives no clear answer about it.

    After an hour without a clear answer, an alarm calls the operator.
    """
    return [
        Row(states, where={"unknown_since": ABSENT}, sets={"unknown_since": now_ms}),
        Row(states, where={"unknown_since": Is("at most", now_ms - UNKNOWN_MS)}, sets={"alarm": UNKNOWN}),
    ]


def tomorrow_ms(now_ms: int) -> int:
    """Return the time at which the next day after this time begins, in unix ms."""
    return begins_at(day_of(now_ms) + 1)
