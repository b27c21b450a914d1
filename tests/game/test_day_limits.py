"""When a payout fits below a day's limit."""

from server.cash.rules.day_limits import AGAIN_MS, Claimed, fits_at
from server.game.amounts import DAY_MS

NOW_MS = 10 * DAY_MS


def claimed(at_ms: int, fen: int, decided: bool = True) -> Claimed:
    return Claimed(at_ms, fen, decided)


def test_a_payout_fits_once_enough_is_a_day_old():
    claims = [claimed(NOW_MS - 3000, 60), claimed(NOW_MS - 2000, 30), claimed(NOW_MS - 1000, 10)]
    assert fits_at(claims, 100, 200, NOW_MS) == 0
    assert fits_at(claims, 50, 100, NOW_MS) == NOW_MS - 3000 + DAY_MS
    assert fits_at(claims, 80, 100, NOW_MS) == NOW_MS - 2000 + DAY_MS
    assert fits_at(claims, 100, 100, NOW_MS) == NOW_MS - 1000 + DAY_MS
    assert fits_at(claims, 101, 100, NOW_MS) is None


def test_what_is_not_decided_yet_counts_and_is_asked_about_again_soon():
    claims = [claimed(1, 60, decided=False)]
    assert fits_at(claims, 50, 100, 2) == 2 + AGAIN_MS
    assert fits_at(claims, 40, 100, 2) == 0
