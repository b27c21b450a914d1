"""What every table of a lifecycle must fulfil, and that a table which does not is told so."""

from __future__ import annotations

import pytest

from server.game.lifecycle import ABSENT, NOW, PRESENT, Above, AtMost, IsNot, Over, Row, Table, apply
from support.lifecycles import TABLES


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_is_without_faults(table: Table):
    assert table.faults() == []


def planted(rows: Row | list[Row], name: str):
    def row() -> Row | list[Row]:
        return rows

    row.__name__ = name
    return row


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        pytest.param([Row("a -> b"), Row("c -> b")], "c is never reached", id="unreached"),
        pytest.param([Row("a -> c"), Row("a -> b")], "c is no end, and nothing leaves it", id="stuck"),
        pytest.param(
            [Row("a b -> b", when=Over(((1, 0),)))],
            "row0 is by the clock and may leave the state as it is",
            id="clock",
        ),
        pytest.param(
            [Row("a -> b", sets={"due_at": NOW})], "row0 leaves an end due, which owes nothing", id="due end"
        ),
        pytest.param([Row("a -> b", owes="x")], "row0 owes something and is not due", id="not due"),
        pytest.param([Row("a -> b", sets={"f": 1}, drops="f")], "row0 drops what it sets", id="drops"),
        pytest.param(
            [[Row("a -> b", {"f": PRESENT}), Row("a -> b", {"f": Above(1)})]],
            "row0 has alternatives that may both fit",
            id="overlap",
        ),
        pytest.param(
            [Row("a -> b", sets={"due_at": NOW}, owes="y")],
            "y is owed and not among the effects",
            id="undeclared",
        ),
        pytest.param([Row("a -> b")], "x is an effect that nothing owes", id="unowed"),
    ],
)
def test_a_fault_is_found(rows: list[Row | list[Row]], said: str):
    table = Table("planted", first="a", ends="b", effects="x")
    for number, each in enumerate(rows):
        table(planted(each, f"row{number}"))
    assert said in table.faults()


@pytest.mark.parametrize(
    ("one", "other"),
    [(ABSENT, PRESENT), (ABSENT, AtMost(3)), (Above(0), AtMost(0)), (IsNot(1), 1), (1, 2), ("a", "b")],
)
def test_alternatives_may_begin_alike_if_their_tests_contradict(one: object, other: object):
    table = Table("planted", first="a", ends="b")
    table(planted([Row("a -> b", {"f": one}), Row("a -> b", {"f": other})], "row"))  # type: ignore[dict-item]
    assert table.faults() == []


def test_a_name_stands_for_one_row():
    table = Table("planted", first="a", ends="b")
    table(planted(Row("a -> b"), "row"))
    with pytest.raises(ValueError, match="two rows of the name row"):
        table(planted(Row("a -> b"), "row"))


def test_a_row_by_the_clock_waits_for_the_latest_of_its_times():
    table = Table("planted", first="a", ends="b")
    move = table(planted(Row("a -> b", when=Over(((100, 5), ("until", 10)))), "row"))()
    assert apply(move, {"state": "a"}, 105) is None
    assert apply(move, {"state": "a"}, 106) == {"state": "b"}
    assert apply(move, {"state": "a", "until": 200}, 210) is None
    assert apply(move, {"state": "a", "until": 200}, 211) == {"state": "b", "until": 200}
