"""A lifecycle is a table: the states of a document, and each change from one to another. Pure.

    bill = Table("bill", first="asked", ends="given failed", effects="ledger prize")

    @bill
    def given(amount_fen: int, now_ms: int) -> Row:
        return Row("asked waiting -> given", where={"amount_fen": amount_fen},
                   sets={"remote": "SUCCESS", "ended_at": now_ms}, drops="unknown_since", owes="prize ledger")

`given(200, now_ms)` is a `Move`: one conditional update of one document. `apply` says what it makes of a
document, and `server/store/transitions.py` compiles it to MongoDB's update; a test holds that both do the
same. A row whose states and tests do not fit a document leaves it alone. Several rows of one move are
alternatives: the first that fits is done, by one update.

A change may have effects in other documents, such as an entry in the ledger. The row names them in `owes`,
and the update writes them into the field `then` of the document, where they stay until they are done. An
effect is safe to repeat, so any process may do it, late or twice. A call to WeChat is no effect: one move
notes that the call begins, and another takes its answer.
"""

from __future__ import annotations

import inspect
import itertools
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, ParamSpec, TypeAlias, Union, get_args, get_origin, get_type_hints

from server.game.sealed import Sealed

Document: TypeAlias = Mapping[str, Any]
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Present:
    """A test: the field is there, whatever its value."""


@dataclass(frozen=True, slots=True)
class Absent:
    """A test: the field is not there."""


@dataclass(frozen=True, slots=True)
class IsNot:
    """A test: the field has another value than this, or is not there."""

    value: int | str


@dataclass(frozen=True, slots=True)
class Above:
    """A test: the field is a number greater than this."""

    value: int


@dataclass(frozen=True, slots=True)
class AtMost:
    """A test: the field is there, and a number not greater than this."""

    value: int


@dataclass(frozen=True, slots=True)
class Among:
    """A test: the field has one of these values."""

    values: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class NotAmong:
    """A test: the field has none of these values, or is not there."""

    values: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class After:
    """A value: MongoDB's time at the update plus this many milliseconds.

    It is counted from the time in the field `since` if that is later, and is at most the time in the field
    `until`. A field that the document lacks does not count.
    """

    ms: int
    since: str = ""
    until: str = ""

    def reckon(self, document: Document, now_ms: int) -> int:
        """Return this time of a document."""
        at_ms: int = max(now_ms, document.get(self.since, now_ms)) + self.ms
        until_ms: int = document.get(self.until, at_ms)
        return min(at_ms, until_ms)


@dataclass(frozen=True, slots=True)
class Keep:
    """A value: what the field has already, or else this."""

    otherwise: Any


@dataclass(frozen=True, slots=True)
class With:
    """A value: the field's list, [] if it has none, with this item in it once."""

    item: str


NOW = After(0)
PRESENT = Present()
ABSENT = Absent()

Test: TypeAlias = int | str | Document | Present | Absent | IsNot | Above | AtMost | Among | NotAmong


@dataclass(frozen=True, slots=True)
class Over:
    """A test by MongoDB's clock at the update: it is later than each of these times, in unix ms.

    A time is a number, or the name of a field, which counts as 0 if it is not there. To each is added a
    number of ms.
    """

    times: tuple[tuple[int | str, int], ...]

    def passes(self, document: Document, now_ms: int) -> bool:
        """Whether `now_ms` is later than all these times."""
        return all(
            now_ms > (document.get(time, 0) if isinstance(time, str) else time) + plus_ms
            for time, plus_ms in self.times
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One change. `moves` is "from states -> to state"; without an arrow, the state stays.

    `where` has tests of fields. `when` compares with MongoDB's clock; such a row must change the state, for
    otherwise nobody could tell whether it was done. `drops` names the fields that it deletes, `owes` the
    effects of the change; names are divided by spaces.
    """

    moves: str
    where: Mapping[str, Test] = field(default_factory=dict)
    when: Over | None = None
    sets: Mapping[str, Any] = field(default_factory=dict)
    drops: str = ""
    owes: str = ""

    @property
    def begins(self) -> tuple[str, ...]:
        """The states in which the change may begin."""
        return tuple(self.moves.partition("->")[0].split())

    @property
    def ends(self) -> str | None:
        """The state in which the change ends, None if the state stays."""
        return self.moves.partition("->")[2].strip() or None

    def fits(self, document: Document, state: str) -> bool:
        """Whether state and fields allow it, whatever the time is."""
        return state in self.begins and all(
            passes(test, document, name) for name, test in self.where.items()
        )

    def changed(self, document: Document, now_ms: int) -> dict[str, Any]:
        """Return the document as it is after this row, except for its state."""
        after = dict(document)
        for name in self.drops.split():
            after.pop(name, None)
        for name, value in self.sets.items():
            after[name] = _value(value, name, document, now_ms)
        if self.owes:
            after["then"] = {**document.get("then", {}), **dict.fromkeys(self.owes.split(), 1)}
        return after


@dataclass(frozen=True, slots=True)
class Move:
    """One conditional update of one document: the first of its rows that fits is done.

    The document has its state in `field`: as the number that `values` gives it, or by its name without
    `values`.
    """

    table: str
    name: str
    rows: tuple[Row, ...]
    field: str = "state"
    values: Mapping[str, int] | None = None

    def stored(self, state: str) -> int | str:
        """Return the value by which a document has this state."""
        return state if self.values is None else self.values[state]


def passes(test: Test, document: Document, name: str) -> bool:
    """Whether a field passes a test."""
    match test:
        case Present():
            return name in document
        case Absent():
            return name not in document
        case IsNot():
            return bool(document.get(name) != test.value)
        case Above():
            return bool(name in document and document[name] > test.value)
        case AtMost():
            return bool(name in document and document[name] <= test.value)
        case Among():
            return document.get(name) in test.values
        case NotAmong():
            return document.get(name) not in test.values
    return bool(name in document and document[name] == test)


def apply(move: Move, document: Document, now_ms: int) -> dict[str, Any] | None:
    """Return what a move makes of a document at this time; None if none of its rows fits."""
    state = next((state for state in _states(move) if move.stored(state) == document[move.field]), "")
    for row in move.rows:
        if row.fits(document, state) and (row.when is None or row.when.passes(document, now_ms)):
            became = {} if row.ends is None else {move.field: move.stored(row.ends)}
            return {**row.changed(document, now_ms), **became}
    return None


def _states(move: Move) -> set[str]:
    return {state for row in move.rows for state in row.begins}


def _value(value: Any, name: str, document: Document, now_ms: int) -> Any:
    match value:
        case After():
            return value.reckon(document, now_ms)
        case Keep():
            return document[name] if name in document else _value(value.otherwise, name, document, now_ms)
        case With():
            there: list[str] = document.get(name, [])
            return there if value.item in there else [*there, value.item]
    return value


class Table:
    """The moves of one lifecycle, by name. It decorates each function that returns a row, or alternatives.
    `first` is the state of a new document, and `ends` are the states in which it may stay for good. `effects`
    are all effects that its rows name in `owes`; `owes` are those of a new document. Once its effects are
    done, a document stays due only in a state or with a field that `due` names. If a field of `marks`
    changes, the effects may have to be done again. `field` and `values` are as in `Move`.
    """

    def __init__(
        self,
        name: str,
        *,
        first: str,
        ends: str,
        due: str = "",
        effects: str = "",
        owes: str = "",
        marks: str = "",
        field: str = "state",
        values: Mapping[str, int] | None = None,
    ) -> None:
        self.field, self.values = field, values
        self.name, self.first = name, first
        self.ends, self.due, self.effects = (frozenset(names.split()) for names in (ends, due, effects))
        self.owes, self.marks = dict.fromkeys(owes.split(), 1), tuple(marks.split())
        self._made: dict[str, Callable[..., Move]] = {}

    def __call__(self, rows: Callable[P, Row | Sequence[Row]]) -> Callable[P, Move]:
        """Add a row; the function then returns it as a `Move`."""
        name = rows.__name__
        if name in self._made:
            raise ValueError(f"{self.name} has two rows of the name {name}")

        def move(*args: P.args, **kwargs: P.kwargs) -> Move:
            made = rows(*args, **kwargs)
            made = (made,) if isinstance(made, Row) else tuple(made)
            return Move(self.name, name, made, self.field, self.values)

        move.__doc__, move.__name__, move.__wrapped__ = rows.__doc__, name, rows  # type: ignore[attr-defined]
        self._made[name] = move
        return move

    def carried_out(self, document: Document) -> Move | None:
        """Return the move that notes that all effects in `then` are done; None if there is nothing to note.

        It does not fit a document that has changed since it was read, so an effect added since is kept.
        """
        stays_due = self.due & {document["state"], *document}
        drops = [name for name in ("then", "" if stays_due else "due_at") if name in document]
        same = {name: document.get(name, ABSENT) for name in ("then", *self.marks)}
        if not drops:
            return None
        return Move(self.name, "carried_out", (Row(document["state"], where=same, drops=" ".join(drops)),))

    def examples(self) -> Iterator[Move]:
        """Yield each row, called with an example of each kind of argument that its function declares."""
        for move in self._made.values():
            declared = inspect.unwrap(move)
            hints = get_type_hints(declared)
            names = list(inspect.signature(declared).parameters)
            for values in itertools.product(*(_examples(hints[name]) for name in names)):
                yield move(**dict(zip(names, values, strict=True)))

    @property
    def states(self) -> frozenset[str]:
        """All states that the rows name."""
        rows = [row for move in self.examples() for row in move.rows]
        return frozenset({self.first, *(s for row in rows for s in (*row.begins, row.ends or self.first))})

    def faults(self) -> list[str]:
        """Return where this table breaks the rules for all tables, in words; [] if nowhere."""
        return [*self._wrong_states(), *self._wrong_rows(), *self._wrong_effects()]

    def _wrong_states(self) -> Iterator[str]:
        leaves: dict[str, set[str]] = {}
        for move in self.examples():
            for row in move.rows:
                for state in row.begins:
                    leaves.setdefault(state, set()).add(row.ends or state)
        reached, new = {self.first}, {self.first}
        while new := {to for state in new for to in leaves.get(state, ())} - reached:
            reached |= new
        yield from (f"{state} is never reached" for state in sorted(self.states - reached))
        for state in sorted(self.states - self.ends):
            if not leaves.get(state, set()) - {state}:
                yield f"{state} is no end, and nothing leaves it"

    def _wrong_rows(self) -> Iterator[str]:
        for move in self.examples():
            for row in move.rows:
                if row.when is not None and (row.ends is None or row.ends in row.begins):
                    yield f"{move.name} is by the clock and may leave the state as it is"
                is_due = row.ends in self.due or row.sets.get("due_at") is None
                if row.ends in self.ends and not row.owes and not is_due:
                    yield f"{move.name} leaves an end due, which owes nothing"
                if row.owes and "due_at" not in row.sets:
                    yield f"{move.name} owes something and is not due"
                if set(row.drops.split()) & set(row.sets):
                    yield f"{move.name} drops what it sets"
            for one, other in itertools.combinations(move.rows, 2):
                if not _exclude_each_other(one, other):
                    yield f"{move.name} has alternatives that may both fit"

    def _wrong_effects(self) -> Iterator[str]:
        rows = [row for move in self.examples() for row in move.rows]
        owed = set(self.owes).union(*(row.owes.split() for row in rows))
        yield from (f"{effect} is owed and not among the effects" for effect in sorted(owed - self.effects))
        yield from (f"{effect} is an effect that nothing owes" for effect in sorted(self.effects - owed))


def _exclude_each_other(one: Row, other: Row) -> bool:
    """Whether no document fits both rows: by their states, or by tests of one field."""
    if not set(one.begins) & set(other.begins):
        return True
    both = set(one.where) & set(other.where)
    return any(_contradict(one.where[name], other.where[name]) for name in both) or any(
        _contradict(other.where[name], one.where[name]) for name in both
    )


def _contradict(one: Test, other: Test) -> bool:
    match one:
        case Absent():
            return not isinstance(other, Absent | IsNot)
        case Above():
            return isinstance(other, AtMost) and one.value >= other.value
        case IsNot():
            return one.value == other
        case int() | str():
            return isinstance(other, int | str) and one != other
    return False


def _examples(hint: Any) -> list[Any]:
    """Return values of a declared type, one of each kind."""
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    if get_origin(hint) is list:
        return [_examples(get_args(hint)[0])]
    if get_origin(hint) in (types.UnionType, Union):
        return [value for each in get_args(hint) for value in _examples(each)]
    examples: dict[Any, list[Any]] = {
        int: [1],
        str: ["x"],
        Sealed: [Sealed(key="x", box=b"x")],
        bool: [False, True],
        types.NoneType: [None],
    }
    return examples[hint]
