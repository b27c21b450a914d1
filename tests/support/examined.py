"""How many index keys and documents MongoDB examines for a query.

A named MongoDB says it itself (`explain`). The embedded store's `explain` knows no limits and no joins, so
for that store the numbers follow from the rules in `planner.py` and from what is stored.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pymongo import IndexModel
from pymongo.database import Database

from support.planner import ID, Indexes, has_all, is_bounded, is_equal, is_in_order

Document = dict[str, Any]
Examined = Counter[str]  # of "keys" and "documents"
_FIELD = re.compile(r"'\$(\w+)'(?!:)")


def explained(database: Database[Document], query: Mapping[str, Any]) -> Examined:
    """Return what a MongoDB says that it examined for a query, in the form that `explainable` gives."""
    plan = database.command("explain", query, verbosity="executionStats")
    return sum(_stats(plan), Examined())


def _stats(node: Any) -> Iterator[Examined]:
    if isinstance(node, list):
        for each in node:
            yield from _stats(each)
    elif isinstance(node, Mapping):
        said = node.get("executionStats", node)
        if "totalDocsExamined" in said:  # of a plan, or of a $lookup
            yield Examined(keys=int(said["totalKeysExamined"]), documents=int(said["totalDocsExamined"]))
        for name, each in node.items():
            if name not in ("executionStats", "queryPlanner"):
                yield from _stats(each)


class Rules:
    """Counts by rules, for a database with these indexes, which nobody changes meanwhile."""

    def __init__(self, database: Database[Document], indexes: Indexes) -> None:
        self._database = database
        self._indexes = indexes
        self._known: dict[str, list[Any]] = {}

    def examined(self, query: Mapping[str, Any]) -> Examined:
        """Return what MongoDB would examine for a query, in the form that `explainable` gives."""
        name, collection = next(iter(query.items()))
        if name == "aggregate":
            return self._pipeline(collection, query["pipeline"])
        condition = query.get("filter", query.get("query", {}))
        most = query.get("limit", 0) and query.get("skip", 0) + query["limit"]
        fields = {query["key"]} if name == "distinct" else _shown(query.get("projection"))
        return self._find(collection, condition, query.get("sort") or {}, most, fields)

    def _pipeline(self, collection: str, stages: Sequence[Document]) -> Examined:
        condition = Document()
        order = Document()
        most = 0
        at = 0
        while at < len(stages) and "$match" in stages[at]:
            condition |= stages[at]["$match"]
            at += 1
        if at < len(stages) and "$sort" in stages[at]:
            order = stages[at]["$sort"]
            at = at + 1
        for name in ("$skip", "$limit"):
            if at < len(stages) and name in stages[at]:
                most = most + stages[at][name]
                at = at + 1
        found = self._find(collection, condition, order, most, _used(stages[at:]))
        for place, stage in enumerate(stages[at:], at):
            if "$unionWith" in stage:
                found += self._pipeline(stage["$unionWith"]["coll"], stage["$unionWith"]["pipeline"])
            elif "$lookup" in stage:
                found += self._join(collection, stages[:place], stage["$lookup"])
        return found

    def _join(self, collection: str, before: Sequence[Document], join: Document) -> Examined:
        """Count a $lookup: one find for each row that comes to it."""
        values = {"$project": {"_id": 0, "value": f"${join['localField']}"}}
        rows = self._database[collection].aggregate([*before, values])
        found = Examined()
        for row in rows:
            asked = {"$match": {join["foreignField"]: row.get("value")}}
            found += self._pipeline(join["from"], [asked, *join.get("pipeline", ())])
        return found

    def _find(
        self, collection: str, condition: Document, order: Document, most: int, fields: set[str] | None
    ) -> Examined:
        there = [ID, *self._indexes.get(collection, ())]
        plans = [
            self._by(collection, index, condition, order, most, fields)
            for index in there
            if _usable(index, condition, order)
        ]
        branches = condition.get("$or", ())
        if branches:
            rest = {field: value for field, value in condition.items() if field != "$or"}
            each = (self._find(collection, {**rest, **branch}, order, most, fields) for branch in branches)
            plans.append(sum(each, Examined()))
        if not plans:
            everything = self._database[collection].estimated_document_count()
            return Examined(keys=0, documents=everything)
        return min(plans, key=lambda plan: (plan["documents"], plan["keys"]))

    def _by(
        self,
        collection: str,
        index: IndexModel,
        condition: Document,
        order: Document,
        most: int,
        fields: set[str] | None,
    ) -> Examined:
        """Count a walk along an index: to the last row that is wanted, or through all that it bounds."""
        keys = dict(index.document["key"])
        bounds = Document()
        for field in keys:
            if not is_bounded(condition.get(field)):
                break
            bounds[field] = condition[field]
            if not (is_equal(condition[field]) or "$in" in condition[field]):
                break
        if isinstance(condition.get("_id"), str):  # at most one document
            return Examined(keys=1, documents=1)
        seen = {field: value for field, value in condition.items() if field in keys}
        walked = self._ids(collection, bounds, order)
        fetched = set(walked if len(seen) == len(bounds) else self._ids(collection, seen))
        if most and is_in_order(keys, condition, order):
            matched = fetched if condition.keys() <= seen.keys() else set(self._ids(collection, condition))
            walked = _until(walked, matched, most)
        covered = fields is not None and (fields | condition.keys()) <= keys.keys()
        documents = 0 if covered else len(fetched.intersection(walked))
        return Examined(keys=len(walked), documents=documents)

    def _ids(self, collection: str, condition: Document, order: Document | None = None) -> list[Any]:
        key = f"{collection} {condition} {order}"
        if key not in self._known:
            by = [*(order or {}).items()] or None
            found = self._database[collection].find(condition, {"_id": 1}, sort=by)
            self._known[key] = [row["_id"] for row in found]
        return self._known[key]


def _usable(index: IndexModel, condition: Document, order: Document) -> bool:
    if not has_all(index, condition):
        return False
    keys = dict(index.document["key"])
    first = next(iter(keys))
    if index.document.get("sparse") and not is_bounded(condition.get(first)):
        return False
    return is_bounded(condition.get(first)) or (bool(order) and is_in_order(keys, condition, order))


def _until(walked: list[Any], matched: set[Any], most: int) -> list[Any]:
    """Return the part of a walk up to the last of `most` matches."""
    found = 0
    for place, key in enumerate(walked, 1):
        found += key in matched
        if found == most:
            return walked[:place]
    return walked


def _shown(projection: Any) -> set[str] | None:
    """Return the fields that a projection shows; None for all."""
    if not projection or not any(projection.get(name) == 1 for name in projection):
        return None
    return {name for name, shown in projection.items() if shown} | {"_id"} - {
        name for name, shown in projection.items() if not shown
    }


def _used(stages: Sequence[Document]) -> set[str] | None:
    """Return the fields that the rest of a pipeline needs, as far as MongoDB works that out; None for all."""
    for stage in stages[:1]:
        if "$group" in stage:
            return set(_FIELD.findall(str(stage)))
        if "$project" in stage and 1 in stage["$project"].values():
            shown = stage["$project"]
            return (_shown({name: each for name, each in shown.items() if each in (0, 1)}) or set()) | set(
                _FIELD.findall(str(shown))
            )
    return None
