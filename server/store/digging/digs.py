"""The history: `digs`, one per depth. Once written, a dig changes only if its person is erased.

A dig is first recorded in its task (`last_dig`, `pending`) and then here. Queries that must not miss the
newest dig add it with `pending_digs`; the docstrings of the other queries say "in the history".
"""

from operator import itemgetter
from typing import ClassVar, NamedTuple, NotRequired, TypedDict

import pymongo
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from server.game.dig import Dig
from server.game.invariants import Totals
from server.game.task import Participant, Task
from server.store.documents import COUNTED, Documents, index
from server.store.driver import aggregate
from server.store.pipelines import (
    Document,
    Window,
    begins_with,
    judged,
    judged_task,
    look_up,
    only,
    own_dig,
    pending_digs,
    summed,
)
from server.store.prizes.prizes import WonPrize

NEVER_MS = 2**53


def stored(dig: Dig) -> Document:
    """Return a dig as the history holds it, with the fields by which it is looked up and kept unique.

    `made_as`, `joined_by` and `won_by` have an index each, so that a look-up costs the same however much a
    person dug.
    """
    who = f"{dig['code']}:{dig['person_id']}"
    document: Document = {**dig, "made_as": f"{who}:{dig['dig_id']}"}
    for name, there in (("joined_by", "n" in dig), ("won_by", dig["is_prize"])):
        document.pop(name, None)
        if there:
            document[name] = who
    return document


# The fields of a participant.
_SHOWN = {"_id": 0, "person_id": 1, "no": 1, "wxname": 1, "wxheadpic": 1, "is_prize": 1, "layers": 1}
_ONCE_EACH: list[Document] = [
    {"$group": {"_id": "$_id", "dig": {"$first": "$$ROOT"}}},
    {"$replaceRoot": {"newRoot": "$dig"}},
]


def _found(code: str, depths: Document, order: Document, limit: int, *, won: bool = False) -> list[Document]:
    """Return the stages that find the first `limit` digs of a task, in this order, at these depths; pending
    digs too. With `won`, they find only digs that won, of which there are at most 1,000."""
    asked: Document = {"won_by": begins_with(f"{code}:")} if won else {"code": code}
    asked["depth"] = depths
    of_task: Document = {"_id": code, "last_dig.depth": depths}
    if won:
        of_task["last_dig.is_prize"] = 1
    return [
        {"$match": asked}, {"$sort": order}, {"$limit": limit}, pending_digs(of_task),
        *_ONCE_EACH,
        {"$sort": {**order, "_id": pymongo.ASCENDING}}, {"$limit": limit},
    ]


def _keys(asked: Document, window: Window) -> list[Document]:
    """Return the stages that find a window of one person's digs: `_id`, `code`, `at`, and `pending`, which is
    the whole dig if perhaps only its task has it.

    The history is read from an index alone, so that a far page reads no more digs than the first.
    """
    found = {**asked, **window.condition("at")}
    of_task = {f"last_dig.{name}": value for name, value in found.items()}
    whole = {"$project": {"code": 1, "at": 1, "pending": "$$ROOT"}}
    return [
        {"$match": found},
        {"$sort": {"at": pymongo.DESCENDING}},
        {"$limit": window.most},
        only(("code", "at")),
        pending_digs(of_task, whole),
        {
            "$group": {
                "_id": "$_id",
                **{name: {"$max": f"${name}"} for name in ("code", "at", "pending")},
            }
        },
        *window.stages("at"),
    ]


class WonTask(Task):
    """A task, with the prize that the caller won in it; the prize is absent until it is written. `listed` is
    as in JoinedTask."""

    listed: tuple[int, str]
    prize: NotRequired[WonPrize]


class Numbers(NamedTuple):
    """How often a person dug, in how many tasks, the sum of the digs' chances, and how many digs won."""

    digs: int
    tasks: int
    chances: float
    wins: int


class Found(TypedDict):
    """A find in a person's book, with the time (unix ms) and the task of the first dig that brought it up."""

    find: int
    at: int
    code: str


class OwnDig(Dig):
    """A dig with the fields that say what its task was and who may see the task; `wins` as in JoinedTask."""

    task: Task
    wins: int


class JoinedTask(Task):
    """A task with the number of prizes that the caller won there, 0 or 1. `listed` are the time and the id of
    the dig for which it is in the list."""

    listed: tuple[int, str]
    wins: int


class Digs(Documents[Dig]):
    """Reads and writes of `digs`."""

    NAME = "digs"
    # The update of the task already keeps the keys of these three indexes unique: it fails if anybody dug
    # since the read that found no such dig. If `digs` is sharded by code, the indexes cannot be unique, and
    # need not be.
    MAY_REPEAT: ClassVar[frozenset[str]] = frozenset({"participant_once", "winner_once", "used_once"})
    INDEXES = (
        index("participant_once", "joined_by", unique=True, sparse=True),
        index("winner_once", "won_by", unique=True, sparse=True),
        index("used_once", "made_as", unique=True, sparse=True),
        index("place_once", "code n", unique=True, only={"n": {"$gt": 0}}),
        index("history", "code depth", unique=True),
        # A person's digs in order, and their numbers and chances, without reading a dig.
        index("own", "person_id -at n is_prize was_one_in code _id"),
        index("own_joins", "person_id -at n code _id", only={"n": {"$gt": 0}}),
        # A person's book of finds.
        index("own_finds", "person_id find at code", only={"find": {"$gt": 0}}),
        index("own_wins", "person_id is_prize -at code _id", only={"is_prize": 1}),
    )

    async def write(self, dig: Dig) -> None:
        """Write a dig that its task holds already; writing it again changes nothing."""
        fields = stored(dig)
        try:
            await self.rows.insert_one(dict(fields))
        except DuplicateKeyError:
            # Another process wrote the same dig: this waits until a majority has it. If another dig took this
            # depth or this person's place, which must never be, this fails. An upsert into a sharded
            # collection must name the shard key, here the code.
            this = {name: fields.pop(name) for name in ("_id", "code")}
            await self.collection.update_one(this, {"$setOnInsert": fields}, upsert=True)

    async def participants(
        self, code: str, page: int, page_size: int = 50
    ) -> tuple[list[Participant], Document | None]:
        """Return one page of a task's participants, in the order they joined; each page costs the same.

        The second value is the task: see `judged_task`.
        """
        places = {"$gt": (page - 1) * page_size, "$lte": page * page_size}
        pipeline: list[Document] = [
            {"$match": {"code": code, "n": places}},
            # A pending win may be by somebody who joined earlier: then the dig has no `n`.
            pending_digs({"_id": code, "$or": [{"last_dig.n": places}, {"last_dig.is_prize": 1}]}),
            *_ONCE_EACH,
            {"$sort": {"no": pymongo.ASCENDING}},
            {"$project": {**_SHOWN, "n": 1}},
            judged_task(code),
        ]
        rows, task = judged(await aggregate(self.rows, pipeline, page_size + 2))
        joined = [f"{code}:{row['person_id']}" for row in rows]
        wins = self.rows.find({"won_by": {"$in": joined}}, {"person_id": 1}, batch_size=len(joined) + 1)
        winners = {row["person_id"] for row in [*rows, *await wins.to_list(None)] if row.get("is_prize", 1)}
        found = [
            {**row, "is_prize": int(row["person_id"] in winners)}
            for row in rows
            if places["$gt"] < row.get("n", 0) <= places["$lte"]
        ]
        return found, task  # type: ignore[return-value]  # each row has a participant's fields

    async def after(self, code: str, depth: int, limit: int) -> list[Dig]:
        """Return at most `limit` digs of a task deeper than `depth`, in order."""
        found = _found(code, {"$gt": depth}, {"depth": pymongo.ASCENDING}, limit)
        return await aggregate(self.rows, found, limit)  # type: ignore[return-value]  # plain documents

    async def following(self, task: Task, depth: int, limit: int) -> list[Dig]:
        """Return at most `limit` digs of a task deeper than `depth`, in order: all that the task had when it
        was read, perhaps more.

        Of these, the history may have lacked only the newest, and the task itself has that. So this needs no
        second collection, whose state of another moment would leave a gap.
        """
        digs = await self.in_order({"code": task["_id"], "depth": {"$gt": depth}}, "depth", limit)
        last = task.get("last_dig")
        if last is not None and last["depth"] > (digs[-1]["depth"] if digs else depth) and len(digs) < limit:
            digs.append(last)
        return digs

    async def early(self, code: str, places: int) -> list[Dig]:
        """Return from the history the digs of a task's first participants, then its wins."""
        joins = await self.in_order({"code": code, "n": {"$gt": 0, "$lte": places}}, "n", places)
        return [*joins, *await self.wins(code)]

    async def numbers(self, person_id: str) -> Numbers:
        """Return how often and how luckily a person dug, in their newest 10,000 digs. This reads only an
        index."""
        chance = {"$cond": [{"$gt": ["$was_one_in", 0]}, {"$divide": [1, "$was_one_in"]}, 0]}
        joins = {"$cond": [{"$gt": ["$n", 0]}, 1, 0]}
        count = summed(digs=1, tasks=joins, chances=chance, wins="$is_prize")
        pending: list[Document] = [
            {"$match": {"pending": 1, "last_dig.person_id": person_id}},
            {"$replaceRoot": {"newRoot": "$last_dig"}},
            look_up("digs", "_id", "written"),
            {"$match": {"written": []}},
            count,
        ]
        pipeline: list[Document] = [
            {"$match": {"person_id": person_id}},
            {"$sort": {"at": pymongo.DESCENDING}},
            {"$limit": COUNTED},
            count,
            {"$unionWith": {"coll": "tasks", "pipeline": pending}},
            summed(**{field: f"${field}" for field in Numbers._fields}),
        ]
        for row in await aggregate(self.rows, pipeline, 1):
            return Numbers(*(row[field] for field in Numbers._fields))
        return Numbers(0, 0, 0.0, 0)

    async def book(self, person_id: str) -> list[Found]:
        """Return what a person found, in the history, each once. This reads only an index, of which MongoDB
        looks at the first entry of each find."""
        pipeline: list[Document] = [
            {"$match": {"person_id": person_id, "find": {"$gt": 0}}},
            {"$sort": {"find": pymongo.ASCENDING, "at": pymongo.ASCENDING}},
            {"$group": {"_id": "$find", "at": {"$first": "$at"}, "code": {"$first": "$code"}}},
        ]
        rows = await aggregate(self.rows, pipeline, None)
        return sorted(
            (Found(find=row["_id"], at=row["at"], code=row["code"]) for row in rows), key=itemgetter("find")
        )

    async def own(self, person_id: str, window: Window) -> list[OwnDig]:
        """Return the digs of a person, pending ones too, the last one first."""
        shown = ("name", "publisher", "hidden", "reported", "review", "ranks")
        pipeline: list[Document] = [
            *_keys({"person_id": person_id}, window),
            look_up("tasks", "code", "task", only(shown)),
            {"$unwind": "$task"},
            look_up("digs", "_id", "written"),
            {"$set": {"who": {"$concat": ["$code", f":{person_id}"]}}},
            own_dig("who", "won_by", "won"),
        ]
        # All in one trip: a cursor knows that it has ended if the batch has room for one more.
        found = await aggregate(self.rows, pipeline, window.limit, batchSize=window.limit + 1)
        # Each row gets the fields of OwnDig that its readers use.
        for row in found:
            row |= {**next(iter(row["written"]), row.get("pending", {})), "wins": len(row["won"])}
        return found  # type: ignore[return-value]

    async def tasks_joined(self, person_id: str, window: Window) -> list[JoinedTask]:
        """Return the tasks a person took part in, without seeds, the last joined first."""
        # The pipeline of this method, and that of the next, ends with whole tasks.
        return await self._tasks_of(person_id, {"n": {"$gt": 0}}, window)  # type: ignore[return-value]

    async def tasks_won(self, person_id: str, window: Window) -> list[WonTask]:
        """Return the tasks a person won, without seeds, the last won first."""
        return await self._tasks_of(person_id, {"is_prize": 1}, window)  # type: ignore[return-value]

    async def _tasks_of(self, person_id: str, such: Document, window: Window) -> list[Document]:
        """Return the tasks of such digs, of which each task has one by this person."""
        pipeline: list[Document] = [
            *_keys({"person_id": person_id, **such}, window),
            look_up("tasks", "code", "task"),
            {"$set": {"who": {"$concat": ["$code", f":{person_id}"]}}},
            own_dig("who", "won_by", "won"),
            # A prize has the id of the dig that won it.
            look_up("prizes", "_id", "prize", only(WonPrize.__annotations__)),
            {"$unwind": "$task"},
            {"$unwind": {"path": "$prize", "preserveNullAndEmptyArrays": True}},
            {
                "$replaceRoot": {
                    "newRoot": {
                        "$mergeObjects": [
                            "$task",
                            {"prize": "$prize", "wins": {"$size": "$won"}, "listed": ["$at", "$_id"]},
                        ]
                    }
                }
            },
            {"$unset": "seed_box"},
        ]
        # All in one trip: a cursor knows that it has ended if the batch has room for one more.
        return await aggregate(self.rows, pipeline, window.limit, batchSize=window.limit + 1)

    async def totals(self, code: str) -> Totals:
        """Return what a task's history adds up to, pending digs included."""
        pipeline: list[Document] = [
            {"$match": {"code": code}},
            {"$project": {"depth": 1, "is_prize": 1, "n": 1}},
            pending_digs({"_id": code}),
            *_ONCE_EACH,
            {
                "$group": {
                    "_id": None,
                    "digs": {"$sum": 1},
                    "deepest": {"$max": "$depth"},
                    "wins": {"$sum": "$is_prize"},
                    "participants": {"$sum": {"$cond": [{"$gt": ["$n", 0]}, 1, 0]}},
                }
            },
            {"$unset": "_id"},
        ]
        found = await aggregate(self.rows, pipeline, 1)
        return Totals(**found[0]) if found else Totals(0, 0, 0, 0)

    async def made_as(self, made_as: list[str]) -> set[str]:
        """Return which of these texts `code:person_id:dig_id` belong to a dig that is in the history now.

        Before MongoDB 8 a new primary may not know at once that a majority has a dig. Then a `majority` read
        would miss it: https://jira.mongodb.org/browse/SERVER-53813. `Tasks.view` decides about a dig that is
        found.
        """
        newest = self.collection.with_options(read_concern=ReadConcern("local"))
        found = newest.find({"made_as": {"$in": made_as}}, {"made_as": 1}, batch_size=len(made_as) + 1)
        return {dig["made_as"] async for dig in found}

    async def wins(self, code: str) -> list[Dig]:
        """Return the digs in the history that won a task's prizes, at most 1,000."""
        return await self.collection.find({"won_by": begins_with(f"{code}:")}, batch_size=1001).to_list(1000)

    async def joins_of(
        self, person_id: str, limit: int, since_ms: int = 0, before_ms: int = NEVER_MS
    ) -> list[Dig]:
        """Return the digs with which a person joined tasks between two times, in the history, the newest
        first."""
        joins = {"person_id": person_id, "n": {"$gt": 0}, "at": {"$gte": since_ms, "$lt": before_ms}}
        return await self.in_order(joins, "-at", limit)

    async def joined(self, person_id: str, codes: list[str]) -> set[str]:
        """Return which of these tasks a person joined, in the history."""
        names = [f"{code}:{person_id}" for code in codes]
        found = self.collection.find({"joined_by": {"$in": names}}, {"code": 1}, batch_size=len(names) + 1)
        return {dig["code"] for dig in await found.to_list(len(names))} if names else set()

    async def depths_of(self, code: str, person_id: str, limit: int = 1000) -> list[int]:
        """Return the depths that a person dug in a task, in the history."""
        mine = {"made_as": begins_with(f"{code}:{person_id}:")}
        found = self.collection.find(mine, {"depth": 1}, limit=limit)
        return [row["depth"] for row in await found.to_list(limit)]

    async def won_codes(self, person_id: str) -> list[str]:
        """Return the codes of the tasks that a person won, pending digs included."""
        pipeline: list[Document] = [
            {"$match": {"person_id": person_id, "is_prize": 1}},
            pending_digs({"last_dig.person_id": person_id, "last_dig.is_prize": 1}),
            {"$group": {"_id": "$code"}},
        ]
        return [row["_id"] for row in await aggregate(self.rows, pipeline, None)]

    async def before(
        self, code: str, depth: int | None, limit: int, *, won: bool = False
    ) -> tuple[list[Dig], Document | None]:
        """Return at most `limit` digs of a task, the newest first, and the task: see `judged_task`.

        With `depth`, it returns only digs that are less deep, and with `won`, only digs that won.
        """
        shallower: Document = {"$gt": 0} if depth is None else {"$gt": 0, "$lt": depth}
        found = _found(code, shallower, {"depth": pymongo.DESCENDING}, limit, won=won)
        pipeline = [*found, judged_task(code)]
        # The pipeline ends with whole digs, then the task.
        return judged(await aggregate(self.rows, pipeline, limit + 1))  # type: ignore[return-value]

    async def won_depths(self, code: str) -> list[int]:
        """Return the depths of a task's digs that won."""
        pipeline: list[Document] = [
            {"$match": {"won_by": begins_with(f"{code}:")}},
            {"$project": {"depth": 1}},
            pending_digs({"_id": code, "last_dig.is_prize": 1}),
            {"$group": {"_id": "$depth"}},
        ]
        return [row["_id"] for row in await aggregate(self.rows, pipeline, None)]

    async def outcomes(self, code: str, first: int, last: int) -> list[Dig]:
        """Return depth, is_prize and find of the digs in the history between two depths, in order."""
        between = {"$gte": first, "$lte": last}
        shown = {"_id": 0, "depth": 1, "is_prize": 1, "find": 1}
        return await self.in_order({"code": code, "depth": between}, "depth", last - first + 1, shown)
