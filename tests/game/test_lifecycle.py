"""The rules for all tables of lifecycles."""

import pytest

from server.game.lifecycle import Row, Table
from server.game.prize import claimed, prize
from support.lifecycles import TABLES
from support.rows import apply, faults


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_is_without_faults(table):
    assert faults(table) == []


CLAIMED = {"state": "claiming", "attempt": 1, "due_at": 5, "then": {"bill": 1}}


@pytest.mark.parametrize(
    "since",
    [{"state": "held"}, {"attempt": 2}, {"then": {"ledger": 1, "bill": 1}}, {"freezing": 1, "due_at": 4}],
    ids=str,
)
def test_what_is_owed_since_a_document_was_read_stays_owed(since):
    done = prize.carried_out(CLAIMED)
    assert apply(done, CLAIMED, 0) == {"state": "claiming", "attempt": 1}
    assert apply(done, CLAIMED | since, 0) is None


def test_a_document_with_something_to_do_stays_due():
    for known in ({"state": "sent"}, {"state": "claiming", "freezing": 1}):
        done = prize.carried_out({**known, "due_at": 5, "then": {"message": 1}})
        assert apply(done, {**known, "due_at": 5, "then": {"message": 1}}, 0) == {**known, "due_at": 5}
        assert prize.carried_out({**known, "due_at": 5}) is None


def test_what_a_row_owes_is_added_to_what_is_owed():
    won = {"state": "won", "attempt": 0, "then": {"ledger": 1}}
    after = apply(claimed(0, 1, 2, 0, 0), won, 0)
    assert after["then"] == {"ledger": 1, "bill": 1}


def test_a_name_stands_for_one_row():
    table = Table("planted", first="a", ends="b")

    def row() -> Row:
        return Row("a -> b")

    table(row)
    with pytest.raises(ValueError, match="two rows of the name row"):
        table(row)
