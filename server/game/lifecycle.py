"""A lifecycle is a table: the states of a document, and each change from one to another. Pure.

    bill = Table("bill", first="asked", ends="given failed", effects="ledger prize")

    @bill.by("wechat")
    def given(now_ms: int) -> Row:
        return Row("asked waiting -> given",
                   sets={"remote": "SUCCESS", "due_at": now_ms}, drops="unknown_since", owes="prize ledger")

`given(now_ms)` is a `Move`: one conditional update of one document, which `server/store/transitions.py`
compiles for MongoDB; a test checks that the store then does what `tests/support/rows.py` does in Python. A
row whose states and tests do not fit a document leaves it alone. Several rows of one move are alternatives:
the first that fits is done, by one update.

A change may have effects in other documents, such as an entry in the ledger. The row names them in `owes`,
and the update writes them into the field `then` of the document, where they stay until they are done. An
effect is safe to repeat, so any process may do it, late or twice. A call to WeChat is no effect: one move
notes that the call begins, and another takes its answer.

The same update appends the move to the document's `history`, with who makes it (`by`). A move that nobody
makes is no event: it only notes that somebody is asked, or when to look again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, ParamSpec, TypeAlias, TypedDict

Document: TypeAlias = Mapping[str, Any]
P = ParamSpec("P")
# A history keeps so many of its first moves, and so many of its last.
FIRST_MOVES = 10
LAST_MOVES = 90


class Moved(TypedDict):
    """A move that was made, at a time (unix ms by MongoDB's clock).

    `by` is a "person" (who won, or asked), the "publisher", "people" (who reported it), an "operator" or
    "operator:" and their name, "wechat", the "server", the "time", "limit:" and the limit's name, or a "dig".
    It never is an id.
    """

    move: str
    at: int
    by: str


@dataclass(frozen=True, slots=True)
class Is:
    """A test of a field other than for equality, such as `Is("at most", 5)`.

    A field that is not there passes only "absent", "not" and "not among".
    """

    how: Literal["present", "absent", "not", "above", "at most", "among", "not among"]
    value: Any = None


@dataclass(frozen=True, slots=True)
class After:
    """A value: MongoDB's time at the update plus this many milliseconds.

    If the time in the field `since` is later than the update, the milliseconds are counted from that time.
    The value is at most the time in the field `until`. A field that the document lacks is ignored.
    """

    ms: int
    since: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Keep:
    """A value: what the field has already, or this value if the field is absent."""

    otherwise: Any


@dataclass(frozen=True, slots=True)
class With:
    """A value: the field's list, [] if it has none, with this item in it once."""

    item: str


NOW = After(0)
PRESENT = Is("present")
ABSENT = Is("absent")

# A plain value tests for equality.
Test: TypeAlias = int | str | Document | Is


@dataclass(frozen=True, slots=True)
class Over:
    """A test by MongoDB's clock at the update: the clock is later than each of these times, in unix ms.

    A time is a number, or the name of a field, which counts as 0 if it is not there. A number of ms is added
    to each time.
    """

    times: tuple[tuple[int | str, int], ...]


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


@dataclass(frozen=True, slots=True)
class Move:
    """One conditional update of one document: the first of its rows that fits is done.

    The document has its state in `field`: the state's name or, if there are `values`, the number that they
    give the state. `by` is as in `Moved`, "" if the move is no event.
    """

    table: str
    name: str
    rows: tuple[Row, ...]
    field: str = "state"
    values: Mapping[str, int] | None = None
    by: str = ""

    def made_by(self, by: str) -> Move:
        """Return the same move, made by somebody else; see `Moved`."""
        return replace(self, by=by)

    def stored(self, state: str) -> int | str:
        """Return the value by which a document has this state."""
        return state if self.values is None else self.values[state]


class Table:
    """The moves of one lifecycle, by name. It decorates each function that returns a row, or alternatives.
    `first` is the state of a new document, and `ends` are the states in which it may stay for good. `effects`
    are all effects that its rows name in `owes`; `owes` are what a new document owes. Once its effects are
    done, a document stays due only in a state or with a field that `due` names. If a field of `marks`
    changes, the effects may have to be done again. `field` and `values` are as in `Move`."""

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
        self.field = field
        self.values = values
        self.name = name
        self.first = first
        self.ends, self.due, self.effects = (frozenset(names.split()) for names in (ends, due, effects))
        self.owes = dict.fromkeys(owes.split(), 1)
        self.marks = tuple(marks.split())
        self.made: dict[str, Callable[..., Move]] = {}

    def by(self, who: str) -> Callable[[Callable[P, Row | Sequence[Row]]], Callable[P, Move]]:
        """Return the decorator of rows that somebody makes; see `Moved`."""

        def add(rows: Callable[P, Row | Sequence[Row]]) -> Callable[P, Move]:
            return self(rows, who)

        return add

    def __call__(self, rows: Callable[P, Row | Sequence[Row]], by: str = "") -> Callable[P, Move]:
        """Add a row; the function then returns it as a `Move`."""
        name = rows.__name__
        if name in self.made:
            raise ValueError(f"{self.name} has two rows of the name {name}")

        def move(*args: P.args, **kwargs: P.kwargs) -> Move:
            made = rows(*args, **kwargs)
            made = (made,) if isinstance(made, Row) else tuple(made)
            return Move(self.name, name, made, self.field, self.values, by)

        move.__doc__ = rows.__doc__
        move.__name__ = name
        move.__wrapped__ = rows  # type: ignore[attr-defined]
        self.made[name] = move
        return move

    def carried_out(self, document: Document) -> Move | None:
        """Return the move that notes that all effects in `then` are done; None if there is nothing to note.

        The move does not fit a document that has changed since it was read, so an effect added since is kept.
        """
        stays_due = self.due & {document["state"], *document}
        drops = [name for name in ("then", "" if stays_due else "due_at") if name in document]
        same = {name: document.get(name, ABSENT) for name in ("then", *self.marks)}
        if not drops:
            return None
        return Move(self.name, "carried_out", (Row(document["state"], where=same, drops=" ".join(drops)),))
