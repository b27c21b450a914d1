"""Parts of pipelines that several collections use: MongoDB's clock, and how a dig is found."""

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

Document: TypeAlias = dict[str, Any]

# A text plus this sorts after all texts that begin with it.
LAST_CHARACTER = "\U0010ffff"

# Fewer of one person's rows than this have the same millisecond.
SAME_TIME = 20
# Time is MongoDB's, since our servers' clocks differ: a whole number of milliseconds, as we tell it to all.
NOW_MS: Document = {"$toLong": "$$NOW"}
# All fields of a task but its seed.
SEEDLESS = {"seed_box": 0}


def look_up(collection: str, value: str, name: str, *stages: Document, field: str = "_id") -> Document:
    """Return the stage that adds, as the list `name`, the documents whose `field` equals our field `value`.

    Each look-up is by one field that has an index, so it costs the same however many documents there are.
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


def pending_digs(match: Document, *stages: Document) -> Document:
    """Return the $unionWith stage that adds digs recorded only in their task. `match` selects the tasks."""
    digs: list[Document] = [{"$match": {"pending": 1, **match}}, {"$replaceRoot": {"newRoot": "$last_dig"}}]
    return {"$unionWith": {"coll": "tasks", "pipeline": [*digs, *stages]}}


class Window(NamedTuple):
    """The part of a list that a page shows: `limit` rows after the first `skip`.

    With `after`, they are the rows behind the one with this time and id. The list has the newest rows first,
    rows of the same time by their ids.
    """

    limit: int
    skip: int = 0
    after: tuple[int, str] | None = None

    def condition(self, at: str) -> Document:
        """Return the condition that bounds the walk along an index by the time `at`."""
        return {} if self.after is None else {at: {"$lte": self.after[0]}}

    @property
    def most(self) -> int:
        """How many rows of such a walk have to be looked at."""
        return self.skip + self.limit + (0 if self.after is None else SAME_TIME)

    def has(self, at_ms: int, key: str) -> bool:
        """Whether the row with this time and id is not before the window."""
        return self.after is None or at_ms < self.after[0] or key > self.after[1]

    def stages(self, at: str) -> list[Document]:
        """Return the stages that leave the rows of the window; rows have only few fields here."""
        begins: Document = {"$skip": self.skip}
        if self.after is not None:
            begins = {"$match": {"$or": [{at: {"$lt": self.after[0]}}, {"_id": {"$gt": self.after[1]}}]}}
        return [{"$sort": {at: -1, "_id": 1}}, begins, {"$limit": self.limit}]


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
    is matched by equality, so that the index finds it: the last of the longest terms, because numbered names
    ("用户00017") differ at their ends.
    """
    *rest, last = sorted(terms, key=len)
    others: list[Document] = [{"$match": {"terms": {"$all": rest}}}] if rest else []
    since: Document = {at: {"$gte": since_ms}} if since_ms else {}
    return [{"$match": {"terms": last, **among, **since}}, *others, {"$sort": {at: -1}}, {"$limit": limit}]
