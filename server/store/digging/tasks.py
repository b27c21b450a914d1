"""The tasks: `tasks`, by code. Each method is one operation; `server/actions` decides what may happen.

`square.py`, `task_lists.py` and `store/reviews/moderation.py` have what the square, operators and moderation
read and write of the same collection.
"""

from collections.abc import Iterable
from typing import Any, TypedDict

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from server.errors import NoSuchTask, NotYours
from server.game.dig import Dig
from server.game.review import IN_REVIEW
from server.game.sealed import Sealed
from server.game.task import Task
from server.store.digging.square import INDEXES as LISTED_INDEXES
from server.store.digging.square import LISTED_KEYS
from server.store.documents import COUNTED, index
from server.store.driver import aggregate
from server.store.due import DUE_INDEX, DueDocuments
from server.store.people.people import Person
from server.store.pipelines import NOW_MS, SEEDLESS, Document, Window, look_up, own_dig
from server.store.transitions import history_with

# What tells whether a task changed without a dig, or is not the task that was known.
POSITION = (
    "now_depth", "status", "open", "renamed", "hidden", "reported", "review", "prepaid",
    "cd_until", "last_dig.at",
)
# By clocks of two members that are less than this apart, a dig may have been made later than now.
APART_MS = 5000
MOST_DAILY = 60  # treasures of as many days: four weeks, and those that were announced


class View(TypedDict):
    """A task, and what one caller has to do with it; `now` is MongoDB's clock at the read (unix ms)."""

    task: Task
    now: int
    person: Person | None
    first: Dig | None
    won: Dig | None
    same: Dig | None


class Tasks(DueDocuments[Task]):
    """Reads and writes of `tasks`."""

    NAME = "tasks"
    INDEXES = (
        *LISTED_INDEXES,
        index("running", "status open prize_num prizes_left", only={"status": 0}),
        index("picture", "pic"),
        index("rank_picture", "ranks.pic", there="ranks.pic"),
        index("released", "publisher -created_at _id"),
        IndexModel([("publisher", 1), *LISTED_KEYS, ("review", 1)], name="shown_of_publisher"),
        index("unpaid_of_publisher", "publisher status -created_at", only={"open": 0}),
        index("dug_last", "-last_dig.at"),
        index("hidden_by_reports", "reported reported_at", only={"reported": 1}),
        index("pending", "pending last_dig.person_id", only={"pending": 1}),
        index("hidden", "hidden -created_at", only={"hidden": 1}),
        index("unpaid", "open status -created_at", only={"open": 0}),
        index("with_money", "due_at paid_by", there="paid_by"),
        index("sealed", "seed_box.key _id", there="seed_box.key"),
        index("daily_once", "daily", unique=True, there="daily"),
        DUE_INDEX,
    )

    async def add(self, task: Task) -> Task | None:
        """Write a new task and return it; None if another person's task has its code.

        Safe to repeat after a lost reply: the same publisher gets the task that was stored. Raises
        Uncommitted while the stored task may be undone.
        """
        taken = await self.add_or_read(task)
        return taken if taken["publisher"] == task["publisher"] else None

    async def find(self, code: str) -> Task | None:
        """Return a task without its seed, None if there is none."""
        return await self.collection.find_one({"_id": code}, SEEDLESS)

    async def get(self, code: str) -> Task:
        """Return a task without its seed. Raises NoSuchTask."""
        task = await self.find(code)
        if task is None:
            raise NoSuchTask
        return task

    async def get_own(self, code: str, publisher: str) -> Task:
        """Return a task of this publisher without its seed. Raises NoSuchTask, NotYours."""
        task = await self.get(code)
        if task["publisher"] != publisher:
            raise NotYours
        return task

    async def view(self, code: str, person_id: str, dig_id: str = "") -> View | None:
        """Return the task together with the caller's record and own digs of it, in one round trip.

        `first` is the dig that made them a participant, `won` the one that won, `same` the one they made
        under `dig_id`. A pending dig counts too.
        """
        who = {"$literal": f"{code}:{person_id}"}
        asked = {"task": "$$ROOT", "now": NOW_MS, "person_id": {"$literal": person_id}, "who": who}
        pipeline: list[Document] = [
            {"$match": {"_id": code}},
            {"$replaceRoot": {"newRoot": asked | {"made_as": {"$literal": f"{code}:{person_id}:{dig_id}"}}}},
            look_up("people", "person_id", "person"),
            own_dig("who", "joined_by", "first"),
            own_dig("who", "won_by", "won"),
        ]
        if dig_id:
            pipeline.append(own_dig("made_as", "made_as", "same"))
        found = await aggregate(self.rows, pipeline, 1)
        if not found:
            return None
        row = found[0]
        task: Task = row["task"]
        last = task.get("last_dig")
        own: list[Dig] = [last] if last is not None and last["person_id"] == person_id else []
        return View(
            task=task,
            now=row["now"],
            person=next(iter(row["person"]), None),
            first=next((dig for dig in [*row["first"], *own] if "n" in dig), None),
            won=next((dig for dig in [*row["won"], *own] if dig["is_prize"]), None),
            same=next(
                (dig for dig in [*row.get("same", []), *own] if dig_id and dig["dig_id"] == dig_id), None
            ),
        )

    async def record_dig(self, dig: Dig, cd_ms: int) -> Dig | None:
        """Record a dig in its task, if the task is open and shown, has not ended and is not cooling down.

        The dig's depth must be the task's next. `at` and `cd_until` are set from MongoDB's clock; `cd_until`
        is 0 if the task has no cooldown or ends with this dig. Returns the dig as recorded; None if it was
        not recorded.
        """
        cd_until: Any = 0 if "end" in dig or not cd_ms else {"$add": [NOW_MS, cd_ms]}
        changes: Document = {
            "now_depth": dig["depth"],
            "participants": dig["participants"],
            "prizes_left": dig["prizes_left"],
            "cd_until": cd_until,
            "pending": 1,
            # What people typed stays inside $literal: without it, the name "$seed_box" would copy that field.
            "last_dig": {"$mergeObjects": [{"$literal": dict(dig)}, {"at": NOW_MS, "cd_until": cd_until}]},
        }
        if "rank" in dig:
            changes |= {"ranks_left": dig["ranks_left"], "left_fen": dig["left_fen"]}
        if "find" in dig:
            changes["finds"] = {"$setUnion": [{"$ifNull": ["$finds", []]}, [dig["find"]]]}
        if "end" in dig:
            changes |= {
                "status": 1,
                "end_reason": {"$literal": dig["end"]},
                "ended_at": NOW_MS,
                "history": history_with("ended", "dig"),
            }
        if "end" in dig or dig["is_prize"]:
            changes["due_at"] = NOW_MS  # a sweep then writes the prize and settles the end, if nobody has
        may_be_dug: Document = {
            "$and": [
                {"$eq": ["$status", 0]},
                {"$eq": ["$open", 1]},
                {"$eq": ["$hidden", 0]},
                # An edit is checked as the whole task was before.
                {"$not": {"$in": ["$review", list(IN_REVIEW)]}},
                {"$lte": ["$cd_until", NOW_MS]},
            ]
        }
        found = await self.find_one_and_update(
            # The other conditions stand inside the update: each in the filter would have indexes weighed for
            # it, and the cooldown would need $expr there.
            {"_id": dig["code"], "now_depth": dig["depth"] - 1},
            [{"$replaceWith": {"$cond": [may_be_dug, {"$mergeObjects": ["$$ROOT", changes]}, "$$ROOT"]}}],
            projection={"last_dig": 1},
        )
        recorded: Dig | None = None if found is None else found.get("last_dig")
        if recorded is None or recorded["_id"] != dig["_id"] or recorded["dig_id"] != dig["dig_id"]:
            return None
        return recorded

    async def cut_cooldowns(self, now_ms: int) -> int:
        """End the cooldowns of digs that were made later than now after one more cooldown at most: MongoDB's
        clock was set back. Return how many were cut."""
        longest = {"$add": [NOW_MS, "$cd_ms"]}
        cut = await self.rows.update_many(
            {"last_dig.at": {"$gt": now_ms + APART_MS}, "status": 0},
            [{"$set": {"cd_until": {"$min": ["$cd_until", longest]}}}],
        )
        return cut.modified_count

    async def edit(self, task: Task, changes: Document) -> Task | None:
        """Change a task's texts, pictures and start; None if somebody has dug, or if the task has ended, is
        hidden, or opened or was edited since it was read.

        An edit needs a task without digs, and a dig needs the depth unchanged, so if both come at the same
        moment, only one succeeds. After an edit each process reads the names again.
        """
        undug = {"_id": task["_id"], "now_depth": 0, "status": 0, "hidden": 0}
        undug |= {name: task.get(name) for name in ("open", "edited")}
        counted: Document = {"$set": changes, "$inc": {"edited": 1, "renamed": 1}}
        if "starts_at" in changes:
            counted["$unset"] = {"daily": ""}  # it was that of the day of its old start
        return await self.find_one_and_update(undug, counted, projection=SEEDLESS)

    async def delete_unpaid(self, code: str) -> None:
        """Delete a task that was never paid, is not in review and has not ended."""
        await self.collection.delete_one(
            {"_id": code, "open": 0, "status": 0, "review": {"$nin": list(IN_REVIEW)}}
        )

    async def find_many(self, codes: list[str]) -> list[Task]:
        """Return these tasks, as far as they exist, without seeds."""
        return await self.find_all(codes, SEEDLESS)

    async def daily_from(self, day: str) -> list[Task]:
        """Return the daily tasks from a day on, by their day, without seeds."""
        return await self.in_order({"daily": {"$gte": day}}, "daily", MOST_DAILY, SEEDLESS)

    async def set_daily(self, task: Task, day: str) -> bool:
        """Make a task that of a day, or of none if `day` is "".

        Returns False if that day has another task, or if the task was moved or ended since it was read.
        """
        read = {name: task.get(name) for name in ("_id", "status", "starts_at", "daily")}
        change = {"$set": {"daily": day}} if day else {"$unset": {"daily": ""}}
        try:
            changed = await self.collection.update_one(read, change)
        except DuplicateKeyError:
            return False
        return changed.matched_count == 1

    async def names(self, codes: Iterable[str]) -> dict[str, str]:
        """Return the names of these tasks, as far as they exist, by code."""
        wanted = sorted({code for code in codes if code})
        return {row["_id"]: row["name"] for row in await self.find_all(wanted, {"name": 1})}

    async def unmark_pending(self, code: str, depth: int) -> None:
        """Remove the mark `pending`: `digs` has the dig of this depth, and `prizes` what it won."""
        await self.collection.update_one(
            {"_id": code, "pending": 1, "now_depth": depth}, {"$unset": {"pending": ""}}
        )

    async def pending(self, older_than_ms: int, limit: int = 100) -> list[Dig]:
        """Return digs at least `older_than_ms` old that are perhaps not finished; their tasks have them."""
        pipeline: list[Document] = [
            {"$match": {"pending": 1}},
            {"$match": {"$expr": {"$lte": ["$last_dig.at", {"$subtract": [NOW_MS, older_than_ms]}]}}},
            {"$limit": limit},
            {"$replaceRoot": {"newRoot": "$last_dig"}},
        ]
        # The pipeline ends with `last_dig`.
        return await aggregate(self.rows, pipeline, limit)  # type: ignore[return-value]

    async def find_at(self, code: str) -> tuple[Task, int] | None:
        """Return a task without its seed, and MongoDB's clock at the read."""
        pipeline: list[Document] = [
            {"$match": {"_id": code}},
            {"$set": {"now": NOW_MS}},
            {"$unset": "seed_box"},
        ]
        found = await aggregate(self.rows, pipeline, 1)
        if not found:
            return None
        now_ms: int = found[0].pop("now")
        return found[0], now_ms  # type: ignore[return-value]  # a task, now that `now` is taken out

    async def positions(self, codes: list[str]) -> list[Document]:
        """Return `_id` and the fields of POSITION of these tasks, and `now`: MongoDB's clock."""
        pipeline: list[Document] = [
            {"$match": {"_id": {"$in": codes}}},
            {"$project": {**dict.fromkeys(POSITION, 1), "now": NOW_MS}},
        ]
        return await aggregate(self.rows, pipeline, len(codes), batchSize=len(codes) + 1)

    async def released(self, person_id: str, window: Window) -> list[Task]:
        """Return the tasks that a person published, newest first."""
        published = {"publisher": person_id, **window.condition("created_at")}
        most = window.most - window.skip
        found = await self.on_page(published, "-created_at _id", window.skip, most, SEEDLESS)
        return [task for task in found if window.has(task["created_at"], task["_id"])][: window.limit]

    async def released_number(self, person_id: str) -> int:
        """Return how many tasks a person published, at most 10,000."""
        return await self.collection.count_documents({"publisher": person_id}, limit=COUNTED)

    async def seed_box(self, code: str) -> Sealed:
        """Return a task's sealed seed. Raises LookupError if there is no such task."""
        found = await self.collection.find_one({"_id": code}, {"seed_box": 1})
        if found is None:
            raise LookupError(f"no task {code}")
        return found["seed_box"]
