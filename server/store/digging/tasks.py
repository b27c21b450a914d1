"""The tasks: `tasks`, by code. Each method is one operation; `server/actions` decides what may happen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypedDict

import pymongo
from pymongo import IndexModel

from server.errors import NoSuchTask, NotYours
from server.game.dig import Dig
from server.game.review import IN_REVIEW, REPORTED_MS
from server.game.sealed import Sealed
from server.game.task import Task
from server.store.digging.square import (
    ALL,
    ARRANGED,
    LISTED_KEYS,
    PAGE_SIZE,
    Place,
    Wanted,
    arranged,
    listed,
)
from server.store.digging.square import INDEXES as LISTED_INDEXES
from server.store.digging.terms import asked_terms
from server.store.documents import COUNTED, index
from server.store.due import DUE_INDEX, DueDocuments
from server.store.people.people import Person
from server.store.pipelines import NOW_MS, Document, Window, look_up, own_dig, summed

COUNTED_TASKS = 200_000
_SEEDLESS = {"seed_box": 0}
# Once a task that was never opened is shown, it opens if it is goods; a red packet waits for its payment.
_UNOPENED: Document = {"open": 0, "status": 0}
# The condition for a task in strangers' lists. An edit is reviewed while its task stays open.
_LISTED: Document = {"is_public": 1, "hidden": 0, "open": 1, "review": {"$nin": list(IN_REVIEW)}}
# The end of a task that reports hide no longer: the time for which they hid it is added.
_RUNS_HIDDEN: Document = {"$and": [{"$eq": ["$reported", 1]}, {"$eq": ["$status", 0]}]}
_LATER: Document = {"$add": ["$expires_at", {"$subtract": [NOW_MS, "$reported_at"]}]}
_SINCE_REPORTED: Document = {"$cond": [_RUNS_HIDDEN, _LATER, "$expires_at"]}
SPARE = 40  # How many more places are read for a page of the square, since some stand on later pages.
# What tells whether a task changed without a dig, or is not the task that was known.
POSITION = (
    *("now_depth", "status", "open", "renamed", "hidden", "reported", "review", "prepaid"),
    *("cd_until", "last_dig.at"),
)
# By clocks of two members that are less than this apart, a dig may have been made later than now.
APART_MS = 5000

class Winner(TypedDict):
    """A winner, as a page of the square needs it."""

    unionid: str


class ListedTask(Task):
    """A task of the square. `winners` is empty once the task has ended, since nobody can dig it then."""

    winners: list[Winner]


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
        index("pending", "pending last_dig.unionid", only={"pending": 1}),
        index("hidden", "hidden -created_at", only={"hidden": 1}),
        index("unpaid", "open status -created_at", only={"open": 0}),
        index("with_money", "due_at paid_by", there="paid_by"),
        index("sealed", "seed_box.key _id", there="seed_box.key"),
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
        return await self.collection.find_one({"_id": code}, _SEEDLESS)

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

    async def view(self, code: str, unionid: str, dig_id: str = "") -> View | None:
        """Return the task together with the caller's record and own digs of it, in one round trip.

        `first` is the dig that made them a participant, `won` the one that won, `same` the one they made
        under `dig_id`. A pending dig counts too.
        """
        who = {"$literal": f"{code}:{unionid}"}
        asked = {"task": "$$ROOT", "now": NOW_MS, "unionid": {"$literal": unionid}, "who": who}
        pipeline: list[Document] = [
            {"$match": {"_id": code}},
            {"$replaceRoot": {"newRoot": asked | {"made_as": {"$literal": f"{code}:{unionid}:{dig_id}"}}}},
            look_up("people", "unionid", "person"),
            own_dig("who", "joined_by", "first"),
            own_dig("who", "won_by", "won"),
        ]
        if dig_id:
            pipeline.append(own_dig("made_as", "made_as", "same"))
        found = await self.rows.aggregate(pipeline).to_list(1)
        if not found:
            return None
        row = found[0]
        task: Task = row["task"]
        last = task.get("last_dig")
        own: list[Dig] = [last] if last is not None and last["unionid"] == unionid else []
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
            }
        if "end" in dig or dig["is_prize"]:
            changes["due_at"] = NOW_MS  # a sweep then writes the prize and settles the end, if nobody has
        cooled = {"$lte": ["$cd_until", NOW_MS]}
        found = await self.find_one_and_update(
            # The cooldown is compared inside the update, because with $expr in the filter some servers read
            # all tasks.
            {
                "_id": dig["code"],
                "status": 0,
                "open": 1,
                "hidden": 0,
                "review": {"$nin": list(IN_REVIEW)},  # an edit is checked as the whole task was before
                "now_depth": dig["depth"] - 1,
            },
            [{"$replaceWith": {"$cond": [cooled, {"$mergeObjects": ["$$ROOT", changes]}, "$$ROOT"]}}],
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

    async def edit(self, code: str, publisher: str, changes: Document) -> Task | None:
        """Change a task's texts and pictures; None if somebody has dug, or if the task has ended, is hidden
        or is not this publisher's.

        An edit needs a task without digs, and a dig needs the depth unchanged, so if both come at the same
        moment, only one succeeds. After an edit each process reads the names again.
        """
        undug = {"_id": code, "publisher": publisher, "now_depth": 0, "status": 0, "hidden": 0}
        counted = {"$set": changes, "$inc": {"edited": 1, "renamed": 1}}
        return await self.find_one_and_update(undug, counted, projection=_SEEDLESS)

    async def delete_unpaid(self, code: str) -> None:
        """Delete a task that was never paid, is not in review and has not ended."""
        await self.collection.delete_one(
            {"_id": code, "open": 0, "status": 0, "review": {"$nin": list(IN_REVIEW)}}
        )

    async def pictures_among(self, paths: list[str]) -> set[str]:
        """Return which of these paths are the pictures of tasks."""
        own = await self.collection.distinct("pic", {"pic": {"$in": paths}})
        found = self.rows.find({"ranks.pic": {"$in": paths}}, {"ranks.pic": 1})
        of_ranks = {rank["pic"] for row in await found.to_list(None) for rank in row["ranks"]}
        return {*own, *of_ranks}.intersection(paths)

    async def find_many(self, codes: list[str]) -> list[Task]:
        """Return these tasks, as far as they exist, without seeds."""
        return await self.find_all(codes, _SEEDLESS)

    async def names(self, codes: Iterable[str]) -> dict[str, str]:
        """Return the names of these tasks, as far as they exist, by code."""
        wanted = sorted({code for code in codes if code})
        return {row["_id"]: row["name"] for row in await self.find_all(wanted, {"name": 1})}

    async def matter_now(self, watched: list[str], limit: int) -> list[Task]:
        """Return the watched tasks and the tasks dug last, without seeds; at most `limit` of each."""
        found = await self.in_order({}, "-last_dig.at", limit, _SEEDLESS)
        dug = {task["_id"] for task in found}
        # Most watched tasks were dug lately; a second read gets the others.
        return found + await self.find_many([code for code in watched[:limit] if code not in dug])

    async def stock(self) -> Document:
        """Return how many tasks run (200,000 are counted at most), and how many prizes they still hide."""
        pipeline: list[Document] = [
            {"$match": {"status": 0, "open": 1}},
            {"$limit": COUNTED_TASKS},
            summed(running=1, prizes="$prize_num", prizes_left="$prizes_left"),
            {"$project": {"_id": 0}},
        ]
        found = await self.rows.aggregate(pipeline).to_list(1)
        return found[0] if found else {"running": 0, "prizes": 0, "prizes_left": 0}

    async def note_written(self, code: str, depth: int) -> None:
        """Note that the dig of this depth is written in `digs`."""
        await self.collection.update_one(
            {"_id": code, "pending": 1, "now_depth": depth}, {"$unset": {"pending": ""}}
        )

    async def pending(self, older_than_ms: int, limit: int = 100) -> list[Dig]:
        """Return digs at least `older_than_ms` old that `digs` may lack; their tasks have them."""
        pipeline: list[Document] = [
            {"$match": {"pending": 1}},
            {"$match": {"$expr": {"$lte": ["$last_dig.at", {"$subtract": [NOW_MS, older_than_ms]}]}}},
            {"$limit": limit},
            {"$replaceRoot": {"newRoot": "$last_dig"}},
        ]
        # The pipeline ends with `last_dig`.
        return await self.rows.aggregate(pipeline).to_list(limit)  # type: ignore[return-value]

    async def find_at(self, code: str) -> tuple[Task, int] | None:
        """Return a task without its seed, and MongoDB's clock at the read."""
        pipeline: list[Document] = [
            {"$match": {"_id": code}},
            {"$set": {"now": NOW_MS}},
            {"$unset": "seed_box"},
        ]
        found = await self.rows.aggregate(pipeline).to_list(1)
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
        return await self.rows.aggregate(pipeline, batchSize=len(codes) + 1).to_list(len(codes))

    async def square(
        self, page: int, now_ms: int, lasts_ms: int, wanted: Wanted = ALL, featured: Sequence[str] = ()
    ) -> list[ListedTask]:
        """Return a page of the square, as `listed` orders it and `arranged` arranges it.

        If all tasks are wanted, the running tasks among the `featured` come first on the first page, and on
        no other page. Running tasks come with their winners.
        """
        top = featured if wanted == ALL else ()
        codes = await self._codes_on(page, *listed(wanted, now_ms, lasts_ms), now_ms, top)
        asked = [*(top if page == 1 else ()), *codes]
        if not asked:
            return []
        some_won = {"$and": [{"$eq": ["$status", 0]}, {"$lt": ["$prizes_left", "$prize_num"]}]}
        pipeline: list[Document] = [
            # Since the codes were read, a task may have been hidden, or an edit of it submitted to review.
            {"$match": {"_id": {"$in": asked}, **_LISTED}},
            {"$unset": "seed_box"},
            # No prize has the code "".
            {"$set": {"won_in": {"$cond": [some_won, "$_id", ""]}}},
            look_up("prizes", "won_in", "winners", {"$project": {"_id": 0, "unionid": 1}}, field="code"),
            {"$unset": "won_in"},
        ]
        # All in one trip: a cursor knows that it has ended if the batch has room for one more.
        found = await self.rows.aggregate(pipeline, batchSize=len(asked) + 1).to_list(len(asked))
        rows: dict[str, ListedTask] = {row["_id"]: row for row in found}  # type: ignore[misc]  # plain documents
        shown = dict.fromkeys(code for code in top if code in rows and _runs(rows[code], now_ms))
        return [rows[code] for code in shown | dict.fromkeys(codes) if code in rows]

    async def _codes_on(
        self,
        page: int,
        parts: list[Document],
        order: list[tuple[str, int]],
        now_ms: int,
        top: Sequence[str],
    ) -> list[str]:
        """Return the codes on a page of the square. Mostly, it reads only few more tasks than it returns."""
        for limit in (min(page * PAGE_SIZE + SPARE, ARRANGED), ARRANGED):
            places = await self._places(parts, order, now_ms, limit)
            if limit < ARRANGED and len(places) == limit and places[-1].turned:
                continue  # what starts soonest is still to come
            pages = arranged(place for place in places if place.status or place.code not in top)
            on_page = pages[page - 1] if page <= len(pages) else []
            if len(on_page) == PAGE_SIZE or len(places) < limit:
                break
        return on_page

    async def _places(
        self, parts: list[Document], order: list[tuple[str, int]], now_ms: int, limit: int
    ) -> list[Place]:
        """Return this many places of the parts, one part after the other, each in this order; but among the
        tasks that have not started, the soonest come first.

        Tasks of the same time stay in the index's order, so that the order does not depend on the limit.
        """
        rows: list[Document] = []
        for condition in parts:
            left = limit - len(rows)
            found = self.rows.find(
                condition,
                {"publisher": 1, "status": 1, "opened_at": 1},
                sort=order,
                limit=left,
                batch_size=left,  # all in one trip
            )
            rows += await found.to_list(left)
            if len(rows) == limit:
                break
        # Tasks that have not started have the newest `opened_at`, so they come first. A list of only such
        # tasks needs no sorting here: its `order` begins with the soonest.
        newest_first = dict(order)["opened_at"] == pymongo.DESCENDING
        later = [row for row in rows if newest_first and row["opened_at"] > now_ms and not row["status"]]
        rows[: len(later)] = sorted(later, key=lambda row: row["opened_at"])
        return [
            Place(row["_id"], row["publisher"], row["status"], turned=number < len(later))
            for number, row in enumerate(rows)
        ]

    async def released(self, unionid: str, window: Window) -> list[Task]:
        """Return the tasks that a person published, newest first."""
        published = {"publisher": unionid, **window.condition("created_at")}
        most = window.most - window.skip
        found = await self.on_page(published, "-created_at _id", window.skip, most, _SEEDLESS)
        return [task for task in found if window.has(task["created_at"], task["_id"])][: window.limit]

    async def public_of(self, publisher: str, skip: int, limit: int) -> list[Task]:
        """Return the tasks of a person that the square lists or listed: first those that have not ended.

        Within both groups the newest come first, so a task that has not started comes before a task that
        runs.
        """
        listed = {"publisher": publisher, **_LISTED}
        return await self.on_page(listed, "status -opened_at _id", skip, limit, _SEEDLESS)

    async def released_number(self, unionid: str) -> int:
        """Return how many tasks a person published, at most 10,000."""
        return await self.collection.count_documents({"publisher": unionid}, limit=COUNTED)

    async def seed_box(self, code: str) -> Sealed:
        """Return a task's sealed seed. Raises LookupError if there is no such task."""
        found = await self.collection.find_one({"_id": code}, {"seed_box": 1})
        if found is None:
            raise LookupError(f"no task {code}")
        return found["seed_box"]

    # Its review, operators and reports decide whether others see a task. What a review calls here is safe to
    # repeat.

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

    async def reported(self, limit: int) -> list[Task]:
        """Return the tasks that reports hide, without seeds, the longest hidden first."""
        return await self.in_order({"reported": 1}, "reported_at", limit, _SEEDLESS)

    async def reported_number(self) -> int:
        """Return how many tasks reports alone hide."""
        return await self.rows.count_documents({"reported": 1})

    # Operators' lists. Each has an index in its order, so that it reads no more than it returns.

    async def search(self, text: str, limit: int, now_ms: int) -> list[Task]:
        """Return the task with this code, then the tasks with this text in name or signature.

        Of the tasks with this text, running ones come before ended ones. Within both groups the tasks that
        opened last come first.
        """
        coded = await self.find(text)
        tasks = {} if coded is None else {text: coded}
        terms = asked_terms(text)
        for status in (0, 1) if terms else ():
            if len(tasks) < limit:
                found = await self.newest_with(
                    terms, limit - len(tasks), now_ms, "opened_at", {"$unset": "seed_box"}, status=status
                )
                tasks |= {task["_id"]: task for task in found}
        return list(tasks.values())

    async def hidden(self, limit: int) -> list[Task]:
        """Return the newest hidden tasks, without seeds."""
        return await self.in_order({"hidden": 1}, "-created_at", limit, _SEEDLESS)

    async def unpaid(self, limit: int) -> list[Task]:
        """Return the newest red packets that wait for their payment, without seeds."""
        # Unopened goods wait for a review instead.
        pays = {"$or": [{"money": {"$gt": 0}}, {"ranks.fen": {"$gt": 0}}]}
        return await self.in_order({"open": 0, "status": 0, **pays}, "-created_at", limit, _SEEDLESS)

    async def with_money(self, limit: int) -> list[Task]:
        """Return paid red packets that are not settled yet, the next due first, without seeds."""
        unsettled = {"paid_by": {"$exists": True}, "due_at": {"$gt": 0}}
        return await self.in_order(unsettled, "due_at", limit, _SEEDLESS)


def _runs(task: Task, now_ms: int) -> bool:
    return not task["status"] and task["opened_at"] <= now_ms


def _has_picture(path: str) -> Document:
    """Return the query that finds tasks which have this picture, or have a kind of prizes with this
    picture."""
    return {"$or": [{"pic": path}, {"ranks.pic": path}]}
