"""Parts of pipelines that several collections use: MongoDB's clock, and how a dig is found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]

# A text plus this sorts after all texts that begin with it.
LAST_CHARACTER = "\U0010ffff"

# Time is MongoDB's, since our servers' clocks differ. It is a whole number of milliseconds, since not every
# server that speaks MongoDB's protocol compares a stored date with $$NOW correctly.
NOW_MS: Document = {"$toLong": "$$NOW"}


def look_up(
    collection: str, value: str, name: str, *stages: Document, field: str = "_id"
) -> Document:
    """Return the stage that adds, as the list `name`, the documents whose `field` equals our field `value`.

    Each look-up is by one field that has an index: given only a pipeline, some servers read all documents.
    """
    found: Document = {"from": collection, "localField": value, "foreignField": field, "as": name}
    return {"$lookup": {**found, "pipeline": list(stages)} if stages else found}


def own_dig(value: str, field: str, name: str) -> Document:
    """Return the stage that adds, as `name`, the dig whose `field`, one of `digs.stored`, equals our `value`.

    The $limit gives the look-up a pipeline: without one, MongoDB may choose an engine that uses no sparse
    index.
    """
    return look_up("digs", value, name, {"$limit": 1}, field=field)


def only(fields: Iterable[str]) -> Document:
    """Return the stage that leaves only these fields, and `_id`."""
    return {"$project": dict.fromkeys(fields, 1)}


def pending_digs(match: Document) -> Document:
    """Return the $unionWith stage that adds digs recorded only in their task. `match` selects the tasks."""
    return {
        "$unionWith": {
            "coll": "tasks",
            "pipeline": [{"$match": {"pending": 1, **match}}, {"$replaceRoot": {"newRoot": "$last_dig"}}],
        }
    }


def judged_task(code: str) -> Document:
    """Return the $unionWith stage that adds the task's fields that say who may see it. No dig has these."""
    shown = {"_id": 0, **dict.fromkeys(("publisher", "hidden", "reported", "review"), 1)}
    return {"$unionWith": {"coll": "tasks", "pipeline": [{"$match": {"_id": code}}, {"$project": shown}]}}


def judged(rows: list[Document]) -> tuple[list[Document], Document | None]:
    """Return the rows without the task that `judged_task` added, and the task; None if there is none."""
    task = next((row for row in rows if "publisher" in row), None)
    return [row for row in rows if row is not task], task


def summed(by: Any = None, **fields: Any) -> Document:
    """Return the stage that adds up expressions for each value of `by`, which is the `_id` of its row."""
    return {"$group": {"_id": by, **{name: {"$sum": value} for name, value in fields.items()}}}


def begins_with(text: str) -> Document:
    """Return the condition that a field begins with this text."""
    return {"$gte": text, "$lt": text + LAST_CHARACTER}


def newest_with(terms: list[str], limit: int, since_ms: int, at: str, **among: Any) -> list[Document]:
    """Return the pipeline that finds the newest documents, by `at`, that have all `terms` (one or more).

    Only documents with the fields `among` count, and only those since a time (unix ms, 0 for all). One term
    is matched by equality, because some servers use an index only for that. It is the last of the longest
    terms, because numbered names ("用户00017") differ at their ends.
    """
    *rest, last = sorted(terms, key=len)
    others: list[Document] = [{"$match": {"terms": {"$all": rest}}}] if rest else []
    since: Document = {at: {"$gte": since_ms}} if since_ms else {}
    return [{"$match": {"terms": last, **among, **since}}, *others, {"$sort": {at: -1}}, {"$limit": limit}]
