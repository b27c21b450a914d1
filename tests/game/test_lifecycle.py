"""The rules for all tables of lifecycles, and that a table which breaks a rule is reported."""

import pytest

from server.game.lifecycle import NOW, Over, Row, Table
from server.game.prize import claimed, prize
from support.lifecycles import TABLES
from support.rows import apply, faults


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_is_without_faults(table):
    assert faults(table) == []


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
        pytest.param([Row("a -> b")], "row0 changes the state, and nobody makes it", id="nobody"),
        pytest.param([Row("a -> b", owes="x")], "row0 owes something and is not due", id="not due"),
        pytest.param([Row("a -> b", sets={"f": 1}, drops="f")], "row0 drops what it sets", id="drops"),
    ],
)
def test_a_fault_is_found(rows, said):
    table = Table("planted", first="a", ends="b", effects="x")
    for number, each in enumerate(rows):
        table(planted(each, f"row{number}"))
    assert said in faults(table)


CLAIMED = {"state": "claiming", "attempt": 1, "due_at": 5, "then": {"bill": 1}}


@pytest.mark.parametrize(
    "since",
    [{"state": "held"}, {"attempt": 2}, {"then": {"ledger": 1, "bill": 1}}, {"freezing": 1, "due_at": 4}],
    ids=str,
)
def test_what_is_owed_since_a_document_was_read_stays_owed(since):
    done = prize.carried_out(CLAIMED)
    assert done is not None
    assert apply(done, CLAIMED, 0) == {"state": "claiming", "attempt": 1}
    assert apply(done, CLAIMED | since, 0) is None


def test_a_document_with_something_to_do_stays_due():
    for known in ({"state": "sent"}, {"state": "claiming", "freezing": 1}):
        done = prize.carried_out({**known, "due_at": 5, "then": {"message": 1}})
        assert done is not None
        assert apply(done, {**known, "due_at": 5, "then": {"message": 1}}, 0) == {**known, "due_at": 5}
        assert prize.carried_out({**known, "due_at": 5}) is None


def test_what_a_row_owes_is_added_to_what_is_owed():
    won = {"state": "won", "attempt": 0, "then": {"ledger": 1}}
    after = apply(claimed(0, 1, 2, 0, 0), won, 0)
    assert after["then"] == {"ledger": 1, "bill": 1}


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
