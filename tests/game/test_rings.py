"""Ties between people, and when a payout fits below a day's limit."""

import pytest

from server.game.amounts import DAY_MS
from server.game.rings import AGAIN_MS, Brought, Paid, fits_at, tied


def paid(publisher: str, winner: str, *codes: str, fen: int = 1000) -> Paid:
    return Paid(publisher, winner, frozenset(codes), fen)


def test_a_single_win_ties_nobody():
    assert tied([paid("a", "b", "one")], {"a": 1000}, [], []) == {}


def test_a_link_to_the_same_treasure_is_how_anybody_comes_to_win_it():
    assert tied([paid("a", "b", "one")], {"a": 1000}, [Brought("a", "b", "one")], []) == {}


@pytest.mark.parametrize(
    ("payments", "brought", "places"),
    [
        ([paid("a", "b", "one", "two")], [], []),
        ([paid("a", "b", "one"), paid("b", "a", "two")], [], []),
        ([paid("a", "b", "one")], [Brought("b", "a", "two")], []),
        ([paid("a", "b", "one")], [], [["a", "b"]]),
    ],
)
def test_who_met_twice_and_paid_is_tied(payments, brought, places):
    assert tied(payments, {"a": 1000, "b": 1000}, brought, places).keys() == {("a", "b")}


def test_nobody_is_tied_without_money():
    assert tied([], {}, [Brought("a", "b", "one"), Brought("a", "b", "two")], [["a", "b"]]) == {}


def test_a_regular_winner_of_somebody_who_pays_many_is_not_tied():
    payments = [paid("a", "b", "one", "two", fen=100)]
    assert tied(payments, {"a": 2000}, [], []).keys() == {("a", "b")}
    assert tied(payments, {"a": 2001}, [], []) == {}


def test_a_payout_fits_once_enough_is_a_day_old():
    now_ms = 10 * DAY_MS
    claims = [(now_ms - 3000, 60, True), (now_ms - 2000, 30, True), (now_ms - 1000, 10, True)]
    assert fits_at(claims, 100, 200, now_ms) == 0
    assert fits_at(claims, 50, 100, now_ms) == now_ms - 3000 + DAY_MS
    assert fits_at(claims, 80, 100, now_ms) == now_ms - 2000 + DAY_MS
    assert fits_at(claims, 100, 100, now_ms) == now_ms - 1000 + DAY_MS
    assert fits_at(claims, 101, 100, now_ms) is None


def test_what_is_not_decided_yet_counts_and_is_asked_about_again_soon():
    claims = [(1, 60, False)]
    assert fits_at(claims, 50, 100, 2) == 2 + AGAIN_MS
    assert fits_at(claims, 40, 100, 2) == 0
