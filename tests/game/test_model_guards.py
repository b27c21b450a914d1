"""Takes out each guard and each effect of the tables in turn.

Without any one of them the model must fail, unless `NOT_OF_THE_MODEL` gives a reason why it cannot.
"""

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import pytest

from server.cash.rules.bill import bill
from server.cash.rules.order import order
from server.cash.rules.refund import refund
from server.game.lifecycle import Move, Table
from server.game.prize import prize
from support.handing_over import explore_goods
from support.lifecycles import documents
from support.model import Found, Rows, Weakened
from support.paying_in import explore_orders
from support.paying_out import explore_packet
from support.rows import apply, examples

NOW_MS = 1_800_000_000_000
Explore = Callable[[Rows], Found[Any]]
# The worlds, the quickest to explore first. The worlds of a red packet differ in their numbers of attempts
# and freezes.
PACKETS: tuple[Explore, ...] = tuple(
    partial(explore_packet, attempts, freezes) for attempts, freezes in ((1, 0), (1, 1), (2, 0))
)
GOODS: tuple[Explore, ...] = (partial(explore_goods, "mail"), partial(explore_goods, "site"))
ORDERS: tuple[Explore, ...] = (partial(explore_orders, 1), partial(explore_orders, 2))
# Guards whose absence shows only with two attempts and a freeze together.
LARGE = ("prize.freed[0] attempt", "prize.frozen_unweighed[0] attempt")

ASKED_OFTEN = "it only limits how often WeChat is asked"
APART = "it only keeps refunds apart in time: WeChat pays a refund number once, however often it is sent"
AN_ALARM = "it only raises an alarm, once WeChat has said nothing for an hour"
AN_AMOUNT = "a notice of another amount, which the model does not send"
CORRECTED = "it only says for how long a winner or publisher may correct what they wrote"
ONCE = "it keeps something from being done twice, but the second time would change nothing"
TAKEN = "an earlier alternative already takes every document that this row would take without it"
CLAIMING = "only a prize in the state claiming can be freezing, and this row begins in another state"
LOST = "a bill is lost only if a request reaches WeChat later than the model allows"
SOMEBODY_ELSES = "the model's WeChat has no transfers of others; tests/money/test_restores.py does"
NOT_OF_THE_MODEL = {
    "order.looking[0] asked_at": ASKED_OFTEN,
    "order.unanswered[0] unknown_since": AN_ALARM,
    "order.unanswered[1] unknown_since": AN_ALARM,
    "order.paid[0] amount_fen": AN_AMOUNT,
    "order.expired[0] when": "its task may get a second order; if both are paid, one goes back whole",
    "order.unpaid[0] due_at": "it only keeps a `wake` from being undone: WeChat would be asked later",
    "order.unreported[0] then": "it only keeps an order that is done from coming due again",
    "bill.looking[0] asked_at": ASKED_OFTEN,
    "bill.unanswered[0] unknown_since": AN_ALARM,
    "bill.unanswered[1] unknown_since": AN_ALARM,
    "refund.unanswered[0] unknown_since": AN_ALARM,
    "refund.unanswered[1] unknown_since": AN_ALARM,
    "prize.given_by_mail[1] claimed_at": CORRECTED,
    "prize.sent[1] sent_at": CORRECTED,
    "prize.approved[0] weighed": ONCE,
    "prize.claimed[0] attempt": "the bill of an earlier attempt has failed, and frees the prize again",
    "prize.given_by_bill[0] attempt": "a bill that is given frees no prize for another attempt",
    "prize.extended[0] attempt": "it only moves a deadline",
    "prize.frozen[0] freezing": ONCE,
    "prize.frozen[1] freezing": "goods have no bill to be cancelled",
    "prize.frozen[2] freezing": CLAIMING,
    "prize.frozen[3] freezing": CLAIMING,
    **dict.fromkeys(("prize.frozen[1] amount_fen", "prize.freed[1] freezing"), TAKEN),
    **dict.fromkeys(("prize.released[2] given_at", "prize.released[3] given_at"), TAKEN),
    "prize.released_alone[1] given_at": TAKEN,
    **{f"prize.denied[{place}] {name}": TAKEN for place, name in ((1, "amount_fen"), (2, "amount_fen"))},
    "prize.denied[2] given_at": TAKEN,
    "prize.released_alone[2] given_at": TAKEN,
    **{f"order.refunding[{place}] refunding": APART for place in (0, 1)},
    **{f"order.refunding[{place}] refunding_at": APART for place in (0, 2)},
    **{f"prize.released[{place}] bill_lost": LOST for place in range(4)},
    **{f"prize.released_alone[{place}] bill_lost": LOST for place in range(3)},
    "bill.sending[0] unsendable": "`give_up` also looks at when the bill was sent",
    **{f"bill.voided[0] {what}": SOMEBODY_ELSES for what in ("alarm", "remote", "owes prize")},
    "bill.give_up[0] unsendable": "without it, a claim would go on and get no bill; no money is lost",
}


def guards() -> Iterator[tuple[Table, Move, Weakened]]:
    """Yield each guard and each effect of the tables that the models use, once."""
    seen: set[Weakened] = set()
    for table in (order, prize, bill, refund):
        for move in examples(table):
            for place, row in enumerate(move.rows):
                owed = [f"owes {effect}" for effect in row.owes.split()]
                for what in (*row.where, *(["when"] if row.when else []), *owed):
                    weakened = Weakened(table.name, move.name, place, what)
                    if weakened not in seen:
                        seen.add(weakened)
                        yield table, move, weakened


def is_told_twice(table: Table, move: Move, weakened: Weakened) -> bool:
    """Return whether the move does the same without this guard: an earlier alternative does it already."""
    return all(
        apply(move, made, NOW_MS) == apply(weakened.of(move), made, NOW_MS)
        for made in documents(table, move, 1, 300, NOW_MS)
    )


@pytest.mark.parametrize(
    ("table", "move", "weakened"), [pytest.param(*each, id=str(each[2])) for each in guards()]
)
def test_a_guard_that_is_taken_out_is_missed(table, move, weakened):
    listed = str(weakened) in NOT_OF_THE_MODEL
    worlds, quickest = (ORDERS, 1) if weakened.table == "order" else (GOODS + PACKETS, 3)
    if str(weakened) in LARGE:
        found = bool(explore_packet(2, 1, Rows(weakened)).wrong)
    else:
        # For a guard in the list, the quickest worlds are enough.
        found = any(is_missed(each, weakened) for each in worlds[: quickest if listed else None])
    assert found != listed or is_told_twice(table, move, weakened)


@cache
def rows_of(explore: Explore) -> Rows:
    """Return the results of all moves in a world with all guards."""
    rows = Rows()
    assert not explore(rows).wrong
    return rows


def is_missed(explore: Explore, weakened: Weakened) -> bool:
    """Return whether a world goes wrong without a guard. That takes a move whose result differs."""
    return rows_of(explore).would_differ(weakened) and bool(explore(Rows(weakened)).wrong)
