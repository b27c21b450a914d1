"""What rows mean, in Python: what each row makes of a document, and the rules that each table must keep."""

import inspect
import itertools
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from server.cash.rules.order import Coupon
from server.game.lifecycle import After, Document, Is, Keep, Move, Moved, Over, Row, Table, Test, With
from server.game.sealed import Sealed, SealedCode


def apply(move: Move, document: Document, now_ms: int) -> dict[str, Any] | None:
    """Return what a move makes of a document at this time; None if none of its rows fits."""
    for row in move.rows:
        if (
            document[move.field] in map(move.stored, row.begins)
            and all(passes(test, document, name) for name, test in row.where.items())
            and (row.when is None or _is_over(row.when, document, now_ms))
        ):
            became = {} if row.ends is None else {move.field: move.stored(row.ends)}
            return {**_changed(row, document, now_ms), **became, **_history(move, document, now_ms)}
    return None


def _history(move: Move, document: Document, now_ms: int) -> dict[str, list[Moved]]:
    """Return the field `history` after a move: the first ten moves, and the last ninety."""
    moves = [*document.get("history", []), Moved(move=move.name, at=now_ms, by=move.by)]
    return {"history": moves[:10] + moves[10:][-90:]} if move.by else {}


def passes(test: Test, document: Document, name: str) -> bool:
    """Whether a field passes a test."""
    if not isinstance(test, Is):
        return bool(name in document and document[name] == test)
    match test.how:
        case "present":
            return name in document
        case "absent":
            return name not in document
        case "not":
            return bool(document.get(name) != test.value)
        case "among":
            return document.get(name) in test.value
        case "not among":
            return document.get(name) not in test.value
        case "above":
            return bool(name in document and document[name] > test.value)
    return bool(name in document and document[name] <= test.value)


def _is_over(when: Over, document: Document, now_ms: int) -> bool:
    return all(
        now_ms > (document.get(time, 0) if isinstance(time, str) else time) + plus_ms
        for time, plus_ms in when.times
    )


def _changed(row: Row, document: Document, now_ms: int) -> dict[str, Any]:
    """Return the document as it is after this row, except for its state."""
    after = {name: value for name, value in document.items() if name not in row.drops.split()}
    after |= {name: _value(value, name, document, now_ms) for name, value in row.sets.items()}
    if row.owes:
        after["then"] = {**document.get("then", {}), **dict.fromkeys(row.owes.split(), 1)}
    return after


def _value(value: Any, name: str, document: Document, now_ms: int) -> Any:
    match value:
        case After():
            at_ms: int = max(now_ms, document.get(value.since, now_ms)) + value.ms
            return min(at_ms, document.get(value.until, at_ms))
        case Keep():
            return document[name] if name in document else _value(value.otherwise, name, document, now_ms)
        case With():
            there: list[str] = document.get(name, [])
            return there if value.item in there else [*there, value.item]
    return value


def examples(table: Table) -> Iterator[Move]:
    """Yield each row, called with an example of each kind of argument that its function declares."""
    for move in table.made.values():
        declared = inspect.unwrap(move)
        hints = get_type_hints(declared)
        names = list(inspect.signature(declared).parameters)
        for values in itertools.product(*(_examples(hints[name]) for name in names)):
            yield move(**dict(zip(names, values, strict=True)))


def _examples(hint: Any) -> list[Any]:
    """Return values of a declared type, one of each kind."""
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    if get_origin(hint) is list:
        return [_examples(get_args(hint)[0])]
    if get_origin(hint) in (types.UnionType, Union):
        return [value for each in get_args(hint) for value in _examples(each)]
    of_types: dict[Any, list[Any]] = {
        int: [1],
        str: ["x"],
        Sealed: [Sealed(key="x", box=b"x")],
        SealedCode: [SealedCode(key="x", box=b"x", hash="x")],
        Coupon: [Coupon(id="x", fen=1, merchant_fen=1)],
        bool: [False, True],
        types.NoneType: [None],
    }
    return of_types[hint]


def states(table: Table) -> frozenset[str]:
    """Return all states that the rows of a table name."""
    rows = [row for move in examples(table) for row in move.rows]
    return frozenset({table.first, *(s for row in rows for s in (*row.begins, row.ends or table.first))})


def faults(table: Table) -> list[str]:
    """Return in words each breach of the rules that all tables must keep; [] if there is none."""
    return list(_wrong(table))


def _wrong(table: Table) -> Iterator[str]:
    leaves: dict[str, set[str]] = {}
    for move in examples(table):
        for row in move.rows:
            for state in row.begins:
                leaves.setdefault(state, set()).add(row.ends or state)
    reached = {table.first}
    new = {table.first}
    while new := {to for state in new for to in leaves.get(state, ())} - reached:
        reached |= new
    yield from (f"{state} is never reached" for state in sorted(states(table) - reached))
    for state in sorted(states(table) - table.ends):
        if not leaves.get(state, set()) - {state}:
            yield f"{state} is no end, and nothing leaves it"
    for move in examples(table):
        for row in move.rows:
            if row.ends is not None and not move.by:
                yield f"{move.name} changes the state, and nobody makes it"
            if row.when is not None and (row.ends is None or row.ends in row.begins):
                yield f"{move.name} is by the clock and may leave the state as it is"
            is_due = row.ends in table.due or row.sets.get("due_at") is None
            if row.ends in table.ends and not row.owes and not is_due:
                yield f"{move.name} leaves an end due, which owes nothing"
            if row.owes and "due_at" not in row.sets:
                yield f"{move.name} owes something and is not due"
            if set(row.drops.split()) & set(row.sets):
                yield f"{move.name} drops what it sets"
