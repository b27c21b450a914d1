"""A move of a lifecycle, compiled to one update of MongoDB. `server/game/lifecycle.py` says what it means."""

from collections.abc import Mapping
from typing import Any

from server.game.lifecycle import FIRST_MOVES, LAST_MOVES, After, Is, Keep, Move, Over, Row, Test, With
from server.store.pipelines import NOW_MS, Document

_OPERATORS = {"not": "$ne", "above": "$gt", "at most": "$lte", "among": "$in", "not among": "$nin"}


def condition(move: Move) -> Document:
    """Return the filter of documents that fit one of the rows, whatever the time is."""
    fits = [
        {
            move.field: {"$in": [move.stored(state) for state in row.begins]},
            **{name: _filter(test) for name, test in row.where.items()},
        }
        for row in move.rows
    ]
    return fits[0] if len(fits) == 1 else {"$or": fits}


def was_done(move: Move, after: Mapping[str, Any]) -> bool:
    """Whether `update` changed a document that matched `condition`; `after` is the document after the
    update."""
    ends = {move.stored(row.ends) for row in move.rows if row.ends is not None}
    return all(row.when is None for row in move.rows) or after[move.field] in ends


def update(move: Move) -> list[Document]:
    """Return the pipeline of the first row that fits, for documents that match `condition`.

    If a row compares with the clock and it is too early, the document stays as it is, and its state shows
    that.
    """
    changes = [(row, _changes(move, row)) for row in move.rows]
    if len(changes) == 1 and move.rows[0].when is None:
        return [{"$set": changes[0][1]}]
    names = sorted({name for _, changed in changes for name in changed})
    return [{"$set": {name: _first_that_fits(move, name, changes) for name in names}}]


def history_with(move: str, by: str) -> Document:
    """Return a document's history after one more move, made now; `by` is as in `Moved`."""
    history = {"$ifNull": ["$history", []]}
    later = {"$slice": [history, FIRST_MOVES, FIRST_MOVES + LAST_MOVES]}
    new = {"move": {"$literal": move}, "at": NOW_MS, "by": {"$literal": by}}
    return {"$concatArrays": [{"$slice": [history, FIRST_MOVES]}, {"$slice": [later, 1 - LAST_MOVES]}, [new]]}


def _first_that_fits(move: Move, name: str, changes: list[tuple[Row, Document]]) -> Any:
    value: Any = f"${name}"
    for row, changed in reversed(changes):
        value = {"$cond": [_fits(move, row), changed.get(name, f"${name}"), value]}
    return value


def _changes(move: Move, row: Row) -> Document:
    changed: Document = dict.fromkeys(row.drops.split(), "$$REMOVE")
    changed |= {name: _value(name, value) for name, value in row.sets.items()}
    if row.ends is not None:
        changed[move.field] = move.stored(row.ends)
    if row.owes:
        changed["then"] = {"$mergeObjects": ["$then", {"$literal": dict.fromkeys(row.owes.split(), 1)}]}
    if move.by:
        changed["history"] = history_with(move.name, move.by)
    return changed


def _value(name: str, value: Any) -> Any:
    match value:
        case After():
            begun: Any = {"$max": [NOW_MS, f"${value.since}"]} if value.since else NOW_MS
            at: Any = {"$add": [begun, value.ms]} if value.ms else begun
            return {"$min": [at, f"${value.until}"]} if value.until else at
        case Keep():
            return {"$ifNull": [f"${name}", _value(name, value.otherwise)]}
        case With():
            there = {"$ifNull": [f"${name}", []]}
            item = {"$literal": value.item}
            return {"$cond": [{"$in": [item, there]}, there, {"$concatArrays": [there, [item]]}]}
    return {"$literal": value}


def _filter(test: Test) -> Document:
    if not isinstance(test, Is):
        return {"$eq": test}
    if test.how in ("present", "absent"):
        return {"$exists": test.how == "present"}
    return {_OPERATORS[test.how]: list(test.value) if isinstance(test.value, tuple) else test.value}


def _fits(move: Move, row: Row) -> Document:
    tests: list[Document] = [{"$in": [f"${move.field}", [move.stored(state) for state in row.begins]]}]
    for name, test in row.where.items():
        tests += _expressions(f"${name}", test)
    if row.when is not None:
        tests.append(_over(row.when))
    return {"$and": tests}


def _expressions(field: str, test: Test) -> list[Document]:
    """Return the same test as `_filter` does, for the pipeline of an update."""
    [(operator, value)] = _filter(test).items()
    kind = {"$type": field}
    match operator:
        case "$exists":
            return [{"$ne" if value else "$eq": [kind, "missing"]}]
        case "$gt" | "$lte":
            return [{"$ne": [kind, "missing"]}, {operator: [field, value]}]
        case "$in":
            return [{"$in": [field, value]}]
        case "$nin":
            return [{"$not": [{"$in": [field, value]}]}]
    return [{operator: [field, {"$literal": value}]}]


def _over(when: Over) -> Document:
    times = [
        {"$add": [{"$ifNull": [f"${time}", 0]}, plus_ms]} if isinstance(time, str) else time + plus_ms
        for time, plus_ms in when.times
    ]
    return {"$gt": [NOW_MS, {"$max": times}]}
