"""A model of everything that can happen to money: the lifecycles' rows, WeChat and operators, in any order.

The model has no processes. A row whose guard holds may be done by anybody who can know its arguments, at
once, late, twice or never; so crashes and any number of processes are covered. An answer of WeChat may be
noted at any later time. A request on its way reaches WeChat before the step "time passes", or never: this is
the server's only assumption about time (`UNDER_WAY_MS`).

Times are NOW or LONG_AGO; the step "time passes" turns NOW into LONG_AGO. Fields that no guard reads are left
out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Generic, TypeVar

from server.game.lifecycle import Move
from support.rows import apply

NOW = 10**10  # further apart than any period that a row of a table waits for
LONG_AGO = 9 * 10**9
BEFORE = 10**9  # a deadline that is over, and a future deadline
LATER = 20 * 10**9

Document = tuple[tuple[str, Any], ...]
W = TypeVar("W")
Step = tuple[str, W]


@dataclass(frozen=True)
class Weakened:
    """A guard or an effect to take out of a row. `place` is the index of the row's alternative.

    `what` is a field's name in `where`, or "when", or "owes " with an effect's name.
    """

    table: str
    row: str
    place: int
    what: str

    def __str__(self) -> str:
        return f"{self.table}.{self.row}[{self.place}] {self.what}"

    def of(self, move: Move) -> Move:
        """Return the move without this guard or effect."""
        if (move.table, move.name) != (self.table, self.row):
            return move
        row = move.rows[self.place]
        if self.what == "when":
            row = replace(row, when=None)
        elif self.what.startswith("owes "):
            row = replace(row, owes=" ".join(e for e in row.owes.split() if e != self.what[5:]))
        else:
            row = replace(row, where={name: test for name, test in row.where.items() if name != self.what})
        return replace(move, rows=(*move.rows[: self.place], row, *move.rows[self.place + 1 :]))


def freeze(document: dict[str, Any]) -> Document:
    """Return a document in a hashable form, as part of a state."""
    if "then" in document:
        document = {**document, "then": tuple(sorted(document["then"]))}
    return tuple(sorted(document.items()))


def thawed(document: Document) -> dict[str, Any]:
    """Return a state's document in the form that rows take."""
    known = dict(document)
    if "then" in known:
        known["then"] = dict.fromkeys(known["then"], 1)
    return known


class Rows:
    """Does moves, and caches their results: most states have the same few documents."""

    def __init__(self, weakened: Weakened | None = None) -> None:
        self._weakened = weakened
        self._moves: dict[Any, tuple[Move, tuple[str, ...]]] = {}
        self._done: dict[Any, Document | None] = {}

    def do(
        self, document: Document, kept: tuple[str, ...], row: Callable[..., Move], *values: Any
    ) -> Document | None:
        """Return the document after a row, with the fields `kept`; None if the row does not fit."""
        key = (document, row, values)
        if key in self._done:
            return self._done[key]
        known = self._moves.get((row, values))
        if known is None:
            made = row(*values)
            move = self._weakened.of(made) if self._weakened else made
            known = self._moves[row, values] = move, kept
        done = self._done[key] = _does(known[0], document, kept)
        return done

    def would_differ(self, weakened: Weakened) -> bool:
        """Return whether any move so far would have had another result without this guard."""
        for (document, row, values), done in self._done.items():
            move, kept = self._moves[row, values]
            without = weakened.of(move)
            if without is not move and _does(without, document, kept) != done:
                return True
        return False


def _does(move: Move, document: Document, kept: tuple[str, ...]) -> Document | None:
    made = apply(move, thawed(document), NOW)
    return None if made is None else freeze({name: made[name] for name in kept if name in made})


@cache
def older(document: Document) -> Document:
    """Return the document after time has passed."""
    return tuple((name, LONG_AGO if value == NOW else value) for name, value in document)


@dataclass
class Found(Generic[W]):
    """The result of an exploration. `wrong` says what is wrong; `story` is a shortest way to it."""

    states: int
    wrong: str = ""
    story: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.wrong}, in a world of {self.states}:\n" + "\n".join(self.story)


def explore(
    first: W, steps: Callable[[W], Iterator[Step[W]]], wrong: Callable[[W], str], is_end: Callable[[W], bool]
) -> Found[W]:
    """Visit every state. In each state nothing may be wrong, and a way to an end must exist."""
    worlds = [first]
    numbers = {first: 0}
    came: list[tuple[int, str]] = [(0, "")]  # the state before, and the step
    leads: list[list[int]] = [[]]
    for number, world in enumerate(worlds):  # the list grows during the loop
        if said := wrong(world):
            return Found(len(worlds), said, _story(worlds, came, number))
        for label, after in steps(world):
            place = numbers.setdefault(after, len(worlds))
            if place == len(worlds):
                worlds.append(after)
                came.append((number, label))
                leads.append([])
            leads[place].append(number)
    good = [number for number, world in enumerate(worlds) if is_end(world)]
    reaching = set(good)
    while good:
        for before in leads[good.pop()]:
            if before not in reaching:
                reaching.add(before)
                good.append(before)
    for number in range(len(worlds)):  # nearest first
        if number not in reaching:
            return Found(len(worlds), "there is no way to an end", _story(worlds, came, number))
    return Found(len(worlds))


def _story(worlds: list[W], came: list[tuple[int, str]], number: int) -> list[str]:
    told: list[str] = [repr(worlds[number])]
    while number:
        number, label = came[number]
        told.append(label)
    return told[::-1]
