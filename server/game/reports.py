"""How much the reports of a task weigh together, which decides whether they hide it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple, TypeAlias

# What an operator decided about the reported task: to hide it (upheld), or to show it (dismissed).
Outcome: TypeAlias = Literal["upheld", "dismissed"]


class PastReport(NamedTuple):
    """A person's report of a task; `outcome` is "" while no operator has decided."""

    unionid: str
    code: str
    outcome: Outcome | Literal[""]


def weight_together(reporters: Collection[str], past: Iterable[PastReport]) -> float:
    """Return the summed weight of the reports by `reporters`; `past` are their reports of other tasks.

    One report weighs (upheld + 1) / (upheld + dismissed + 1), counted over its author's earlier reports: 1
    for somebody new, never more. People who reported another task together are one group, unless an operator
    upheld that report. A group weighs as much as its heaviest member. So the same few people can hide one
    task, but no second one before an operator has agreed with them about the first.
    """
    upheld: dict[str, int] = defaultdict(int)
    dismissed: dict[str, int] = defaultdict(int)
    together: dict[str, list[str]] = defaultdict(list)
    for report in past:
        if report.outcome == "upheld":
            upheld[report.unionid] += 1
            continue
        if report.outcome == "dismissed":
            dismissed[report.unionid] += 1
        together[report.code].append(report.unionid)
    groups = _Groups(reporters)
    for first, *others in together.values():
        for other in others:
            groups.join(first, other)
    heaviest: dict[str, float] = defaultdict(float)
    for person in reporters:
        weight = (1 + upheld[person]) / (1 + upheld[person] + dismissed[person])
        heaviest[groups.head(person)] = max(heaviest[groups.head(person)], weight)
    return sum(heaviest.values())


class _Groups:
    """Disjoint sets of people (union-find). Each is named by one of its members, its head."""

    def __init__(self, people: Iterable[str]) -> None:
        self._above = {person: person for person in people}

    def head(self, person: str) -> str:
        while self._above[person] != person:
            self._above[person] = person = self._above[self._above[person]]
        return person

    def join(self, one: str, other: str) -> None:
        self._above[self.head(one)] = self.head(other)
