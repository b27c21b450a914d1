"""Whether others see a task: its review, operators and reports decide. Safe to repeat for a review."""

from server.game.review import IN_REVIEW, REPORTED_MS
from server.game.task import Task
from server.store.digging.tasks import APART_MS
from server.store.documents import Documents
from server.store.pipelines import NOW_MS, SEEDLESS, Document
from server.store.transitions import history_with

# Once a task that was never opened is shown, it opens if it is goods; a red packet waits for its payment.
_UNOPENED: Document = {"open": 0, "status": 0}
# The end of a task that reports hide no longer: the time for which they hid it is added.
_RUNS_HIDDEN: Document = {"$and": [{"$eq": ["$reported", 1]}, {"$eq": ["$status", 0]}]}
_LATER: Document = {"$add": ["$expires_at", {"$subtract": [NOW_MS, "$reported_at"]}]}
_SINCE_REPORTED: Document = {"$cond": [_RUNS_HIDDEN, _LATER, "$expires_at"]}


class Moderation(Documents[Task]):
    """What shows tasks to others, and hides them."""

    NAME = "tasks"

    async def hold(self, code: str, note: str, edited: int) -> None:
        """Let this edition of a task in review wait for an operator, unless an operator has decided
        meanwhile."""
        await self.collection.update_one(
            {"_id": code, "review": {"$in": list(IN_REVIEW)}, "edited": edited or None},
            {"$set": {"review": "held", "review_note": note}},
        )

    async def note_prepaid(self, code: str) -> bool:
        """Note that a task in review is paid; False if that is noted, or the task is no longer in review."""
        found = await self.collection.update_one(
            {"_id": code, "review": {"$in": list(IN_REVIEW)}, **_UNOPENED}, {"$set": {"prepaid": 1}}
        )
        return found.modified_count == 1

    async def set_hidden(self, code: str, *, hidden: bool, note: str = "") -> int:
        """Hide a task from all but its publisher, who is told why, and its winners; or show it again.

        Only operators decide this, never reviews. Returns how often operators have hidden or shown the task,
        this time included; 0 if there is no such task, or if a refused task is to be shown. A task that is
        hidden before it opened is due: it may have an order, which has to be closed.
        """
        unopened = {"$and": [{"$eq": [f"${field}", value]} for field, value in _UNOPENED.items()]}
        changes: Document = {
            "hidden": int(hidden),
            "hidden_note": {"$literal": note} if hidden else "$$REMOVE",
            **dict.fromkeys(("reported", "reported_at"), "$$REMOVE"),
            "expires_at": _SINCE_REPORTED,
            "decided": {"$add": [{"$ifNull": ["$decided", 0]}, 1]},
            **({"due_at": {"$cond": [unopened, NOW_MS, "$due_at"]}} if hidden else {}),
        }
        may_be = {} if hidden else {"review": {"$ne": "refused"}}
        task = await self.find_one_and_update(
            {"_id": code, **may_be}, [{"$set": changes}], projection={"decided": 1}
        )
        return 0 if task is None else task["decided"]

    async def is_hidden(self, code: str) -> bool:
        """Whether a task is hidden or refused."""
        return await self.rows.find_one({"_id": code, "hidden": 1}, {"_id": 1}) is not None

    async def by_mail(self, publisher: str, since_ms: int, limit: int) -> list[Task]:
        """Return the newest goods by mail that a person published since that time: what tells their
        number."""
        mailed = {"publisher": publisher, "created_at": {"$gte": since_ms}, "kinds": "by_mail"}
        fields = ["goods_type", "draw_type", "prize_num", "ranks"]
        return await self.in_order(mailed, "-created_at _id", limit, fields)

    async def pictures_among(self, paths: list[str]) -> set[str]:
        """Return which of these paths are the pictures of tasks."""
        own = await self.collection.distinct("pic", {"pic": {"$in": paths}})
        found = self.rows.find({"ranks.pic": {"$in": paths}}, {"ranks.pic": 1})
        of_ranks = {rank["pic"] for row in await found.to_list(None) for rank in row["ranks"]}
        return {*own, *of_ranks}.intersection(paths)

    async def shows_picture(self, path: str) -> bool:
        """Whether a task that others may see (`review.is_shown`) shows this upload."""
        shown = {**_has_picture(path), "hidden": 0, "review": {"$nin": list(IN_REVIEW)}}
        return await self.rows.find_one(shown, {"_id": 1}) is not None

    async def hides_picture(self, path: str) -> bool:
        """Whether an upload is the picture of hidden or refused tasks only."""
        return await self.rows.distinct("hidden", _has_picture(path)) == [1]

    async def hide_reported(self, code: str, decided: int, note: str) -> bool:
        """Hide a task from all but publisher and winners, until an operator decides or `unhide_reported`
        shows it. Until then it stands still: it does not end.

        Returns whether this call hid it. It does not hide the task if the task is hidden already, if
        operators have made more decisions than `decided`, or if reports have hidden the task since the last
        decision.
        """
        changes = {
            "hidden": 1,
            "reported": 1,
            "reported_at": NOW_MS,
            "hidden_note": {"$literal": note},
            "history": history_with("hidden_by_reports", "people"),
            "due_at": {"$min": ["$due_at", {"$add": [NOW_MS, REPORTED_MS]}]},
        }
        found = await self.collection.update_one(
            # None finds tasks without the field; a field that would be 0 is left out, too.
            {"_id": code, "hidden": 0, "decided": decided or None, "reported_at": None},
            [{"$set": changes}],
        )
        return found.modified_count == 1

    async def unhide_reported(self, code: str) -> bool:
        """Show a task that reports alone have hidden for REPORTED_MS, by MongoDB's clock; return whether this
        call did.

        `reported_at` stays: until an operator decides, reports do not hide it again.
        """
        over = {"$lte": ["$reported_at", {"$subtract": [NOW_MS, REPORTED_MS]}]}
        changes = {
            "hidden": 0,
            "expires_at": _SINCE_REPORTED,
            **dict.fromkeys(("reported", "hidden_note"), "$$REMOVE"),
        }
        found = await self.collection.update_one(
            {"_id": code, "reported": 1},
            [{"$set": {field: {"$cond": [over, new, f"${field}"]} for field, new in changes.items()}}],
        )
        return found.modified_count == 1

    async def cut_hiding(self, now_ms: int) -> None:
        """Let what reports hide since later than now be hidden since now: MongoDB's clock was set back."""
        cut = {"reported_at": NOW_MS, "due_at": {"$min": ["$due_at", {"$add": [NOW_MS, REPORTED_MS]}]}}
        await self.collection.update_many(
            {"reported": 1, "reported_at": {"$gt": now_ms + APART_MS}}, [{"$set": cut}]
        )

    async def reported(self, limit: int) -> list[Task]:
        """Return the tasks that reports hide, without seeds, the longest hidden first."""
        return await self.in_order({"reported": 1}, "reported_at", limit, SEEDLESS)

    async def reported_number(self) -> int:
        """Return how many tasks reports alone hide."""
        return await self.rows.count_documents({"reported": 1})


def _has_picture(path: str) -> Document:
    """Return the query that finds tasks which have this picture, or have a kind of prizes with this
    picture."""
    return {"$or": [{"pic": path}, {"ranks.pic": path}]}
