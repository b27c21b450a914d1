"""Parts of pipelines that several collections use: MongoDB's clock, and how a dig is found."""

from __future__ import annotations

from typing import Any

_Document = dict[str, Any]

# Time is MongoDB's, as a whole number of milliseconds: servers' clocks differ, and not every server that
# speaks MongoDB's protocol compares a stored date with $$NOW rightly.
NOW_MS: _Document = {"$toLong": "$$NOW"}


def own_dig(value: str, field: str, name: str) -> _Document:
    """Return the $lookup stage that adds the dig whose `field`, one of those of `stored`, equals `value`.

    The limit is not idle: without a pipeline, MongoDB may choose an engine that takes no sparse index.
    """
    return {
        "$lookup": {
            "from": "digs",
            "localField": value,
            "foreignField": field,
            "pipeline": [{"$limit": 1}],
            "as": name,
        }
    }


def pending_digs(match: _Document) -> _Document:
    """Return the $unionWith stage that adds digs recorded in their task alone; `match` is on `last_dig.`."""
    return {
        "$unionWith": {
            "coll": "tasks",
            "pipeline": [{"$match": {"pending": 1, **match}}, {"$replaceRoot": {"newRoot": "$last_dig"}}],
        }
    }
