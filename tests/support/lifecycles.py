"""The lifecycles of all documents, and random documents that fit their rows or nearly do."""

from random import Random
from typing import Any

from server.cash.rules.bill import bill
from server.cash.rules.order import order
from server.cash.rules.refund import refund
from server.game.lifecycle import ABSENT, After, Is, Keep, Move, Row, Table, Test, With
from server.game.opening import ending, opening
from server.game.prize import prize
from server.game.review import review
from support.rows import examples, states

MONEY = (order, prize, bill, refund)
TABLES = (*MONEY, review, opening, ending)
# Longer than any test takes, and longer than any period that a row of a table waits for.
FAR_MS = 10**12
# A field that only has to exist is an object, because the field of owed effects must be one.
THERE = {"there": 1}


def diagram() -> str:
    """Return the tables of money as a Mermaid diagram: each change of state, with its rows."""
    lines = ["stateDiagram-v2", "    direction LR"]
    for table in MONEY:
        names = sorted(states(table))
        lines.append(f"    state {table.name} {{")
        # Names in a diagram are unique, but several tables have states of the same name.
        lines += [f'        state "{state}" as {table.name}_{state}' for state in names]
        lines.append(f"        [*] --> {table.name}_{table.first}")
        for (begin, end), rows in sorted(_changes(table).items()):
            said = ", ".join(name.replace("_", " ") for name in rows)
            lines.append(f"        {table.name}_{begin} --> {table.name}_{end}: {said}")
        lines += [f"        {table.name}_{state} --> [*]" for state in sorted(table.ends)]
        lines.append("    }")
    return "\n".join(lines) + "\n"


def _changes(table: Table) -> dict[tuple[str, str], list[str]]:
    changes: dict[tuple[str, str], list[str]] = {}
    for move in examples(table):
        for row in move.rows:
            for begin in row.begins:
                if row.ends not in (None, begin):
                    rows = changes.setdefault((begin, str(row.ends)), [])
                    rows += [move.name] if move.name not in rows else []
    return changes


def documents(table: Table, move: Move, seed: int, number: int, now_ms: int) -> list[dict[str, Any]]:
    """Return random documents.

    Each field is absent, or has a value that a row needs or sets, or a value just beside such a value.
    Half of the documents fit a row of this move, or nearly do.
    """
    random = Random(seed)
    values = values_of_fields(table, now_ms)
    made: list[dict[str, Any]] = []
    for key in range(number):
        drawn = {name: random.choice(of) for name, of in values.items()}
        drawn[table.field] = move.stored(random.choice(sorted(states(table))))
        if key % 2:
            row = random.choice(move.rows)
            drawn[table.field] = move.stored(random.choice(row.begins))
            drawn |= {name: _fitting(test) for name, test in row.where.items() if random.random() < 0.9}
        there = {name: value for name, value in drawn.items() if value is not ABSENT}
        made.append({"_id": f"{key}", **there})
    return made


def _fitting(test: Test) -> Any:
    if not isinstance(test, Is):
        return test
    match test.how:
        case "above":
            return test.value + 1
        case "at most":
            return test.value
        case "among":
            return test.value[0]
        case "present":
            return dict(THERE)
    return ABSENT


def values_of_fields(table: Table, now_ms: int) -> dict[str, list[Any]]:
    """Return the possible values of each field that the rows name."""
    old = {"move": "x", "by": "y"}
    values: dict[str, list[Any]] = {
        "history": [ABSENT, *([{**old, "at": at} for at in range(number)] for number in (1, 9, 10, 99, 100))]
    }
    for move in examples(table):
        for row in move.rows:
            for name, found in _values(row, now_ms):
                values.setdefault(name, [ABSENT]).extend(found)
    return values


def _values(row: Row, now_ms: int) -> list[tuple[str, list[Any]]]:
    times = row.when.times if row.when else ()
    return [
        *((name, _around(test)) for name, test in row.where.items()),
        *((name, [_plain(value, now_ms)]) for name, value in row.sets.items()),
        *((name, []) for name in row.drops.split()),
        *([("then", [{"what is owed already": 1}])] if row.owes else []),
        *((time, [1, FAR_MS + now_ms]) for time, _ in times if isinstance(time, str)),
        *(
            (time, [1, FAR_MS + now_ms])
            for value in row.sets.values()
            if isinstance(value, After)
            for time in (value.since, value.until)
            if time
        ),
    ]


def _around(test: Test) -> list[Any]:
    if not isinstance(test, Is):
        return [test, _other(test)] if isinstance(test, int | str) else []
    match test.how:
        case "above" | "at most":
            return [test.value, test.value + 1]
        case "not":
            return [test.value, _other(test.value)]
        case "among" | "not among":
            return [*test.value, _other(test.value[0])]
        case "present":
            return [dict(THERE)]
    return []


def _other(value: int | str) -> int | str:
    return f"{value} not" if isinstance(value, str) else value + 1


def _plain(value: Any, now_ms: int) -> Any:
    if isinstance(value, With):
        return [value.item]
    if isinstance(value, Keep):
        return _plain(value.otherwise, now_ms)
    return now_ms + value.ms if isinstance(value, After) else value
