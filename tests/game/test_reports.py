"""The weight of several reports: 1 for a new person, 1 for a group, less for people who were wrong before."""

import itertools

import pytest

from server.game.reports import Outcome, PastReport, weight_together

FIVE = ["a", "b", "c", "d", "e"]


def together(code: str, outcome: Outcome | str, people: list[str] | str) -> list[PastReport]:
    return [PastReport(person, code, outcome) for person in people]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("past", "weight"),
    [
        ([], 5),
        (together("X", "", FIVE), 1),
        (together("X", "dismissed", FIVE), 0.5),
        (together("X", "upheld", FIVE), 5),
        (together("X", "", "ab") + together("Y", "", "bc"), 3),
        (together("X", "", "ab") + together("Y", "", "cd"), 3),
        (together("X", "", "a") + together("Y", "", "b"), 5),
        (together("X", "dismissed", "a"), 4.5),
        (together("X", "dismissed", "a") + together("Y", "upheld", "a"), 4 + 2 / 3),
        (list(itertools.chain(*(together(f"{k}", "upheld", "a") for k in range(50)))), 5),
    ],
)
def test_people_weigh_one_each_groups_once_and_who_was_wrong_less(past, weight):
    assert weight_together(FIVE, past) == pytest.approx(weight)
    assert weight_together(FIVE[::-1], past[::-1]) == pytest.approx(weight)


def test_nobody_weighs_nothing():
    assert weight_together([], []) == 0
