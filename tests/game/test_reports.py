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
def test_a_person_weighs_one_a_group_one_and_people_who_were_wrong_less(past, weight):
    assert weight_together(FIVE, past) == pytest.approx(weight)
    assert weight_together(FIVE[::-1], past[::-1]) == pytest.approx(weight)


def test_without_reporters_the_weight_is_0():
    assert weight_together([], []) == 0
