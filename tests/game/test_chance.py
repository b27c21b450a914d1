"""The chance that a dig wins, by the rules of the draw, and the chance of at least this many wins."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.game.chance import Outlook, chance_to_win, luck, outlook
from server.game.draw import make_rules, winning_depths

SEEDS = 4_000


@pytest.mark.parametrize(
    ("prizes", "forecast", "interval", "fluctuation"),
    [(1, 6, 0, 0), (2, 1, 3, 2), (3, 20, 4, 1), (2, 9, 2, 0)],
)
def test_the_chances_are_those_of_the_draw(prizes, forecast, interval, fluctuation):
    rules = make_rules("A" * 12, prizes, forecast, interval, fluctuation)
    dug: Counter[tuple[int, int]] = Counter()
    won: Counter[tuple[int, int]] = Counter()
    for number in range(SEEDS):
        depths = winning_depths(number.to_bytes(32, "big"), rules)
        last = 0
        for depth in range(1, depths[-1] + 1):
            known = outlook(rules, depth - 1, last, sum(each >= depth for each in depths))
            following = next(each for each in depths if each >= depth)
            assert known.nearest <= following <= depths[-1] <= known.deepest <= rules.max_depth
            assert (known.one_in == 0) == (known.nearest > depth)
            if known.one_in == 1:
                assert following == depth
            dug[depth, last] += 1
            if depth in depths:
                won[depth, last] += 1
                last = depth
    for (depth, last), digs in dug.items():
        chance = chance_to_win(rules, depth, last)
        error = (chance * (1 - chance) / digs) ** 0.5
        assert abs(won[depth, last] / digs - chance) <= 5 * error + 1e-9, (depth, last)


def test_the_outlook_ends_where_no_prize_can_lie():
    one = make_rules("A" * 12, 1, 23, 0, 0)
    assert outlook(one, 0, 0, 1) == Outlook(one_in=23, nearest=1, deepest=23)
    assert outlook(one, 22, 0, 1) == Outlook(one_in=1, nearest=23, deepest=23)
    assert outlook(one, 5, 5, 0) == Outlook(one_in=0, nearest=0, deepest=5)
    # A forecast of 500 does not make a level reachable at which no prize can lie.
    several = make_rules("A" * 12, 3, 500, 10, 2)
    assert outlook(several, 0, 0, 3) == Outlook(one_in=0, nearest=8, deepest=36)
    assert outlook(several, 9, 9, 2) == Outlook(one_in=0, nearest=17, deepest=33)
    assert outlook(several, 18, 9, 2) == Outlook(one_in=3, nearest=19, deepest=33)


@given(st.lists(st.floats(0, 1), max_size=7), st.integers(0, 8))
def test_luck_is_the_sum_over_all_outcomes(chances, wins):
    total = 0.0
    for outcome in product((0, 1), repeat=len(chances)):
        if sum(outcome) >= wins:
            probability = 1.0
            for won, chance in zip(outcome, chances, strict=True):
                probability *= chance if won else 1 - chance
            total += probability
    assert luck(chances, wins) == pytest.approx(total, abs=1e-9)


def test_many_digs_of_one_chance_are_binomial():
    expected = 1 - sum(comb(1000, k) * 0.01**k * 0.99 ** (1000 - k) for k in range(20))
    assert luck([0.01] * 1000, 20) == pytest.approx(expected, rel=1e-6)
