"""How much the reports of a task weigh together, which decides whether they hide it. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
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
    upheld, dismissed = Counter[str](), Counter[str]()
    together: dict[str, set[str]] = defaultdict(set)
    for report in past:
        if report.outcome == "upheld":
            upheld[report.unionid] += 1
        else:
            dismissed[report.unionid] += report.outcome == "dismissed"
            together[report.code].add(report.unionid)
    groups = [{person} for person in reporters]
    for people in together.values():
        if len(people) > 1:
            joined = set().union(*(group for group in groups if group & people))
            groups = [joined, *(group for group in groups if not group & people)]

    def weight(person: str) -> float:
        return (1 + upheld[person]) / (1 + upheld[person] + dismissed[person])

    return sum(max(map(weight, group)) for group in groups)
