"""A finding is a value: the command line makes a sentence of it, the screen gets its values as texts."""

from __future__ import annotations

from server.game.findings import Finding
from server.operation.findings import line_of, texts_of


def test_a_line_begins_with_the_task_and_names_each_value():
    finding = Finding("books", "CODE", "ledger", (None, "paid:1", 200))
    assert line_of(finding) == "CODE: the ledger says None fen for paid:1, and the documents 200"
    finding = Finding("books", "CODE", "refunded_whole", (("A", "B"), ()))
    assert line_of(finding) == "CODE: orders ['A', 'B'] could not be used, and refunded whole are []"
    assert line_of(Finding("books", "CODE", "unpaid")) == "CODE: it is open and nobody paid"


def test_a_screen_gets_values_as_plain_texts():
    assert texts_of(Finding("books", "CODE", "ledger", (800, "paid:1", None))) == ("800", "paid:1", "")
    assert texts_of(Finding("books", "CODE", "prizes_of", ((3, 8), ()))) == ("3, 8", "")


def test_wechats_own_words_are_not_changed():
    said = "'{0}' [waits: None"
    finding = Finding("refund", "CODE", "waits", ("R1", said))
    assert texts_of(finding) == ("R1", said)
    assert line_of(finding) == f"CODE: R1 waits: {said}"
