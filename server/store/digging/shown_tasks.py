"""What decides whether others see a task: its review, and an operator who hides it. Writes to `tasks`."""

from __future__ import annotations

from typing import Any

import pymongo

from server.game.review import IN_REVIEW
from server.game.task import Task
from server.store.documents import Documents
from server.store.pipelines import NOW_MS

_Document = dict[str, Any]

_GOODS = 2
# Once it is shown, a task that was never opened opens if it is goods; a red packet waits for its payment.
_UNOPENED: _Document = {"open": 0, "status": 0}


class ShownTasks(Documents[Task]):
    """Each change is one update. Those of a review can be repeated."""

    NAME = "tasks"

    async def show(self, code: str, lasts_ms: int) -> bool:
        """Let everybody see a task that was in review, unless it is hidden; return whether that opened it.

        An unpaid red packet is due: it may be paid already.
        """
        reviewed = {"_id": code, "review": {"$in": list(IN_REVIEW)}}
        shown = {"review": "shown", "review_note": "$$REMOVE", "shown_at": NOW_MS}
        opens = {
            **shown,
            "open": 1,
            "opened_at": NOW_MS,
            "expires_at": {"$add": [NOW_MS, lasts_ms]},
            "due_at": {"$add": [NOW_MS, lasts_ms]},
        }
        found = await self.collection.update_one(
            {**reviewed, **_UNOPENED, "goods_type": _GOODS}, [{"$set": opens}]
        )
        if found.modified_count:
            return True
        await self.collection.update_one(
            {**reviewed, **_UNOPENED, "goods_type": {"$ne": _GOODS}}, [{"$set": {**shown, "due_at": NOW_MS}}]
        )
        await self.collection.update_one(
            {**reviewed, "$or": [{"open": 1}, {"status": 1}]}, [{"$set": shown}]
        )
        return False

    async def hold(self, code: str, note: str) -> None:
        """Let a task in review wait for an operator. One that was decided about meanwhile stays as it is."""
        await self.collection.update_one(
            {"_id": code, "review": {"$in": list(IN_REVIEW)}},
            {"$set": {"review": "held", "review_note": note}},
        )

    async def refuse(self, code: str, note: str) -> bool:
        """Keep a task from all but its publisher for good, and end it; return whether this ended it."""
        said = {"review": "refused", "review_note": {"$literal": note}, "hidden": 1}
        ends = {
            "status": 1,
            "end_reason": "refused",
            "end_note": {"$literal": note},
            "ended_at": NOW_MS,
            "due_at": NOW_MS,
        }
        reviewed = {"_id": code, "review": {"$in": list(IN_REVIEW)}}
        found = await self.collection.update_one({**reviewed, "status": 0}, [{"$set": said | ends}])
        if found.modified_count:
            return True
        await self.collection.update_one({**reviewed, "status": 1}, [{"$set": said}])
        return False

    async def note_prepaid(self, code: str) -> bool:
        """Note that a task in review is paid; False if that is noted, or it is not in review any more."""
        found = await self.collection.update_one(
            {"_id": code, "review": {"$in": list(IN_REVIEW)}, **_UNOPENED}, {"$set": {"prepaid": 1}}
        )
        return found.modified_count == 1

    async def set_hidden(self, code: str, *, hidden: bool, note: str = "") -> int:
        """Hide a task from all but its publisher, who is told why, and its winners; or show it again.

        Operators decide so, reviews never. Returns how often operators have hidden or shown the task, this
        time included. 0 if there is no such task, or if a refused one is to be shown. What is hidden before
        it opened is due: it may have an order, which has to be closed.
        """
        unopened = {"$and": [{"$eq": [f"${field}", value]} for field, value in _UNOPENED.items()]}
        changes: _Document = {
            "hidden": int(hidden),
            "hidden_note": {"$literal": note} if hidden else "$$REMOVE",
            **dict.fromkeys(("reported", "reported_at", "unhidden_at"), "$$REMOVE"),
            "decided": {"$add": [{"$ifNull": ["$decided", 0]}, 1]},
            **({"due_at": {"$cond": [unopened, NOW_MS, "$due_at"]}} if hidden else {}),
        }
        may_be = {} if hidden else {"review": {"$ne": "refused"}}
        task = await self.find_one_and_update(
            {"_id": code, **may_be},
            [{"$set": changes}],
            projection={"decided": 1},
            return_document=True,
        )
        return 0 if task is None else task["decided"]

    async def end_taken_down(self, code: str, note: str) -> bool:
        """End what an operator hid before it opened, unless it is in review; return whether this ended it."""
        said = {"end_reason": "operator", "end_note": {"$literal": note}}
        ends = {**said, "status": 1, "ended_at": NOW_MS, "due_at": NOW_MS}
        found = await self.collection.update_one(
            {"_id": code, "hidden": 1, "reported": None, "review": {"$nin": list(IN_REVIEW)}, **_UNOPENED},
            [{"$set": ends}],
        )
        return found.modified_count == 1

    async def is_hidden(self, code: str) -> bool:
        """Whether a task is hidden or refused."""
        return await self.rows.find_one({"_id": code, "hidden": 1}, {"_id": 1}) is not None

    async def hidden_of(self, publisher: str, limit: int) -> list[str]:
        """Return the codes of a person's tasks that are hidden or refused, the newest first."""
        found = self.rows.find(
            {"publisher": publisher, "hidden": 1},
            {"_id": 1},
            sort=[("created_at", pymongo.DESCENDING), ("_id", pymongo.ASCENDING)],
            limit=limit,
        )
        return [row["_id"] for row in await found.to_list(limit)]

    async def shows_picture(self, path: str) -> bool:
        """Whether a task that others may see has this upload, as `review.is_shown` says."""
        shown = {"pic": path, "hidden": 0, "review": {"$nin": list(IN_REVIEW)}}
        return await self.rows.find_one(shown, {"_id": 1}) is not None

    async def hides_picture(self, path: str) -> bool:
        """Whether an upload is the picture of hidden or refused tasks only."""
        return await self.rows.distinct("hidden", {"pic": path}) == [1]

    async def hide_reported(self, code: str, decided: int, note: str) -> bool:
        """Hide a task from all but publisher and winners until an operator decides, or `unhide_reported`.

        Returns whether this did it: not if it is hidden, nor if an operator has decided since there were
        `decided` decisions, nor if reports hid it since then and no operator looked in time.
        """
        changes = {"hidden": 1, "reported": 1, "reported_at": NOW_MS, "hidden_note": {"$literal": note}}
        found = await self.collection.update_one(
            # None: it is 0, or not there.
            {"_id": code, "hidden": 0, "decided": decided or None, "unhidden_at": None},
            [{"$set": changes}],
        )
        return found.modified_count == 1

    async def long_reported(self, before_ms: int, limit: int) -> list[str]:
        """Return the codes of tasks that reports alone hide since before that time, the longest first."""
        longest = [("reported_at", pymongo.ASCENDING)]
        found = self.rows.find(long_reported(before_ms), {"_id": 1}, sort=longest, limit=limit)
        return [row["_id"] for row in await found.to_list(limit)]

    async def unhide_reported(self, code: str, age_ms: int) -> bool:
        """Show a task that reports alone have hidden for `age_ms`, by MongoDB's clock; whether this did it.

        Until an operator decides, reports do not hide it again.
        """
        over = {"$lte": ["$reported_at", {"$subtract": [NOW_MS, age_ms]}]}
        changes = {
            "hidden": 0,
            "unhidden_at": NOW_MS,
            **dict.fromkeys(("reported", "reported_at", "hidden_note"), "$$REMOVE"),
        }
        found = await self.collection.update_one(
            {"_id": code, "reported": 1},
            [{"$set": {field: {"$cond": [over, new, f"${field}"]} for field, new in changes.items()}}],
        )
        return found.modified_count == 1

    async def reported_number(self) -> int:
        """Return how many tasks reports alone hide."""
        return await self.rows.count_documents({"reported": 1})


def long_reported(before_ms: int) -> _Document:
    """Return the query that finds tasks that reports alone hide since before that time."""
    return {"reported": 1, "reported_at": {"$lte": before_ms}}
