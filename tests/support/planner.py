"""Tells by the rules of MongoDB's manual whether an index serves a query: the embedded store's rules differ.

https://www.mongodb.com/docs/manual/core/indexes/index-types/index-compound/#index-prefixes
https://www.mongodb.com/docs/manual/core/index-partial/#query-coverage
https://www.mongodb.com/docs/manual/tutorial/sort-results-with-indexes/
https://www.mongodb.com/docs/manual/reference/operator/query/all/
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pymongo import IndexModel

ID = IndexModel([("_id", 1)], unique=True)
_RANGES = ("$gt", "$gte", "$lt", "$lte")

Indexes = Mapping[str, Sequence[IndexModel]]


def without_index(command: Mapping[str, Any], indexes: Indexes) -> Iterator[str]:
    """Yield each part of a query that no index serves."""
    name = next(iter(command))
    if name == "aggregate":
        yield from _pipeline(command[name], command["pipeline"], indexes)
    else:
        condition = command.get("filter", command.get("query", {}))
        yield from _find(command[name], condition, dict(command.get("sort") or {}), indexes)


def _pipeline(collection: str, stages: Sequence[Mapping[str, Any]], indexes: Indexes) -> Iterator[str]:
    condition: dict[str, Any] = {}
    rest = list(stages)
    while rest and "$match" in rest[0]:
        condition |= rest.pop(0)["$match"]
    order = dict(rest[0]["$sort"]) if rest and "$sort" in rest[0] else {}
    yield from _find(collection, condition, order, indexes)
    for stage in rest:
        if "$unionWith" in stage:
            yield from _pipeline(stage["$unionWith"]["coll"], stage["$unionWith"]["pipeline"], indexes)
        elif "$lookup" in stage:
            equal = {stage["$lookup"]["foreignField"]: "a value"}
            yield from _find(stage["$lookup"]["from"], equal, {}, indexes)


def _find(
    collection: str, condition: Mapping[str, Any], order: dict[str, int], indexes: Indexes
) -> Iterator[str]:
    there = [ID, *indexes.get(collection, ())]
    if not any(_serves(index, condition, order) for index in there):
        branches = condition.get("$or", ())
        rest = {field: value for field, value in condition.items() if field != "$or"}
        if not branches or not all(
            any(_serves(index, {**rest, **branch}, order) for index in there) for branch in branches
        ):
            yield f"{collection}: {condition} by {order}"


def _serves(index: IndexModel, condition: Mapping[str, Any], order: dict[str, int]) -> bool:
    keys = dict(index.document["key"])
    if not has_all(index, condition):
        return False
    if not is_bounded(condition.get(next(iter(keys)))) and (condition or not order):
        return False
    asked = condition.get("_id")
    if index is ID and is_equal(asked) and not (isinstance(asked, Mapping) and "$in" in asked):
        return True  # at most one document matches, so the order does not matter
    return is_in_order(keys, condition, order)


def has_all(index: IndexModel, condition: Mapping[str, Any]) -> bool:
    """Return whether an index, which may be partial, has all that meets a query's condition."""
    partial = index.document.get("partialFilterExpression", {})
    return all(_implies(condition.get(field), wanted) for field, wanted in partial.items())


def is_in_order(keys: Mapping[str, Any], condition: Mapping[str, Any], order: Mapping[str, Any]) -> bool:
    """Return whether an index has what a query finds in this order, so that a walk may end early."""
    wanted = [(field, way) for field, way in order.items() if not is_equal(condition.get(field))]
    there = [(field, way) for field, way in keys.items() if not is_equal(condition.get(field))]
    given = there[: len(wanted)]
    return given == wanted or given == [(field, -way) for field, way in wanted]


def is_equal(value: Any) -> bool:
    """Return whether a condition asks for single values. MongoDB merges the index entries of several."""
    equal = (["$eq"], ["$all"], ["$in"])
    return value is not None and (not isinstance(value, Mapping) or list(value) in equal)


def is_bounded(value: Any) -> bool:
    """Return whether a condition of a field bounds a walk along an index."""
    if not isinstance(value, Mapping):
        return value is not None
    return any(name in value for name in ("$eq", "$in", "$all", *_RANGES)) or value.get("$exists") is True


def _implies(value: Any, wanted: Any) -> bool:
    """Return whether each value that meets a query's condition also meets the partial index's condition."""
    if not isinstance(wanted, Mapping):
        return bool(value == wanted)
    if wanted == {"$exists": True}:
        return is_bounded(value)
    least = wanted["$gt"]
    if not isinstance(value, Mapping):
        return value is not None and value > least
    return ("$gt" in value and value["$gt"] >= least) or ("$gte" in value and value["$gte"] > least)
