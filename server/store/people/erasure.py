"""All places in the database that name a person, and how a pseudonym is put there instead.

To move something is to put the pseudonym in place of the person's id in it. Every method may be interrupted
and called again: the next call goes on with what still has the old id. `new` is the pseudonym, the same in
all places, so that a person who took part once still counts once.
"""

from __future__ import annotations

import secrets
from collections import defaultdict

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import UpdateOne

from server.game.task import Task
from server.store.digging.digs import Digs, stored
from server.store.digging.tasks import Tasks
from server.store.digging.terms import terms_of
from server.store.files import ROUTE, Files
from server.store.money.prizes import WHERE_SENT
from server.store.pipelines import Document, begins_with

_ByCode = defaultdict[str, list[Document]]

BATCH = 500
NAME, PICTURE = "已注销", ""
_PSEUDONYM = "forgotten:"
# The fields in which the pseudonym replaces a person's id, by collection.
_MOVED = {
    "digs": "unionid",
    "tasks": "publisher",
    "prizes": "unionid publisher",
    "bills": "unionid",
    "orders": "publisher",
    "visits": "unionid",
    "shares": "sharer newcomer",
    "pictures.files": "metadata.owner",
    "reviews": "unionid",
}
# The collections from which the documents about a person are deleted, and the fields that name the person.
_DELETED = {
    "risks": "_id",
    "places": "unionid",
    "messages": "unionid",
    "consents": "unionid",
    "reports": "unionid",
    "follows": "follower publisher",
}


def new_pseudonym() -> str:
    """Return a new pseudonym."""
    return f"{_PSEUDONYM}{secrets.token_hex(16)}"


def is_pseudonym(unionid: str) -> bool:
    """Whether this is the pseudonym of an erased person."""
    return unionid.startswith(_PSEUDONYM)


class Erasure:
    """Writes to all collections that name people."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._database = database

    async def move_digs(self, old: str, new: str) -> int:
        """Move a person's digs; return how many. A dig that only its task has is written to `digs` first."""
        tasks, digs = self._database["tasks"], self._database["digs"]
        who = {"unionid": new, "wxname": NAME, "wxheadpic": PICTURE}
        for task in await tasks.find({"pending": 1, "last_dig.unionid": old}, {"last_dig": 1}).to_list(None):
            await Digs(self._database).write(task["last_dig"])
        moved = 0
        while page := await digs.find({"unionid": old}).to_list(BATCH):
            updates = []
            for dig in page:
                fields = stored({**dig, **who})  # type: ignore[typeddict-item]  # a dig, read as a plain dict
                del fields["_id"], fields["code"]
                updates.append(UpdateOne({"_id": dig["_id"], "unionid": old}, {"$set": fields}))
            await digs.bulk_write(updates, ordered=False)
            moved += len(page)
        changes = {f"last_dig.{name}": value for name, value in who.items()}
        for codes in await self._codes_dug(new):
            some = {"$in": codes}
            await tasks.update_many({"_id": some, "last_dig.unionid": old}, {"$set": changes})
            # This comes last, once all names are replaced. It is done even if an earlier pass has done it.
            await tasks.update_many({"_id": some}, {"$inc": {"renamed": 1}})
        return moved

    async def move_prizes(self, old: str, new: str) -> None:
        """Move what a person won and the bills that paid it; addresses are deleted."""
        prizes, bills = self._database["prizes"], self._database["bills"]
        await prizes.update_many(
            {"unionid": old, "address_box": {"$exists": True}},
            {"$set": {"address_deleted": 1}, "$unset": WHERE_SENT},
        )
        await prizes.update_many(
            {"unionid": old}, {"$set": {"unionid": new, "wxname": NAME, "wxheadpic": PICTURE}}
        )
        won = [prize["_id"] for prize in await prizes.find({"unionid": new}, {"_id": 1}).to_list(None)]
        for start in range(0, len(won), BATCH):
            # `body` holds the person's openid. These bills have ended, so it is not sent again.
            await bills.update_many(
                {"prize": {"$in": won[start : start + BATCH]}, "unionid": old},
                {"$set": {"unionid": new, "body": b""}},
            )

    async def published(self, unionid: str) -> list[Task]:
        """Return all tasks that a person published, without their seeds."""
        tasks = Tasks(self._database).collection
        return await tasks.find({"publisher": unionid}, {"seed_box": 0}).to_list(None)

    async def given_and_owed(self, unionid: str, codes: list[str]) -> list[_ByCode]:
        """Return the reviews, prizes, refunds and orders of a publisher's tasks, by code.

        Each collection is read once, however many tasks there are. Of each document it returns state and
        effects owed, of a prize also the sealed address, of payments the alarm, of a refund the kind.
        """
        asked: tuple[tuple[str, Document], ...] = (
            ("reviews", {"unionid": unionid}),
            ("prizes", {"publisher": unionid}),
            ("refunds", {"code": {"$in": codes}}),
            ("orders", {"publisher": unionid}),
        )
        return [await self._by_code(*each) for each in asked]

    async def _by_code(self, name: str, query: Document) -> _ByCode:
        fields = dict.fromkeys(("code", "state", "kind", "address_box", "then", "alarm"), 1)
        found: _ByCode = defaultdict(list)
        async for row in self._database[name].find(query, fields):
            found[row["code"]].append(row)
        return found

    async def move_tasks(self, old: str, new: str) -> None:
        """Move what a person published and paid for; posters that show the name are deleted."""
        database = self._database
        for task in await self.published(old):
            code = task["_id"]
            await database["prizes"].update_many({"code": code}, {"$set": {"publisher": new}})
            await self._delete_files({"metadata.made_for": begins_with(f"poster:{code}:")})
            await database["tasks"].update_one(
                {"_id": code, "publisher": old},
                {
                    "$set": {
                        "publisher": new,
                        "wxname": NAME,
                        "wxheadpic": PICTURE,
                        "signed": 0,
                        "terms": terms_of(task["name"], NAME),
                        **dict.fromkeys(("place", "pickup_time", "contact"), ""),
                    },
                    "$unset": {"publisher_id": ""},
                    "$inc": {"renamed": 1},
                },
            )
        # Without the openid nothing can be reported to WeChat any more.
        await database["orders"].update_many(
            {"publisher": old, "then": {"$exists": True}},
            {"$set": {"alarm": ""}, "$unset": {"then": "", "due_at": ""}},
        )
        await database["orders"].update_many({"publisher": old}, {"$set": {"publisher": new, "openid": ""}})

    async def move_pictures(self, old: str, new: str) -> None:
        """Delete what a person uploaded, except pictures of tasks, which only get the pseudonym."""
        files = self._database["pictures.files"]
        names = [file["_id"] async for file in files.find({"metadata.owner": old}, {"_id": 1})]
        paths = [ROUTE + name for name in names]
        used = await Tasks(self._database).pictures_among(paths) if paths else set()
        unused = [name for name in names if ROUTE + name not in used]
        await self._delete_files({"_id": {"$in": unused}})
        await files.update_many({"metadata.owner": old}, {"$set": {"metadata.owner": new}})

    async def _delete_files(self, query: Document) -> None:
        """Delete all pictures that this condition finds, with their thumbnails."""
        files = Files(self._database)
        while rows := await files.collection.find(query, {"_id": 1}).to_list(BATCH):
            await files.delete([row["_id"] for row in rows])

    async def move_visits(self, old: str, new: str) -> None:
        """Move what a person opened and whom they brought. Links that they shared still lead to the task."""
        visits, shares = self._database["visits"], self._database["shares"]
        while page := await visits.find({"unionid": old}).to_list(BATCH):
            for visit in page:
                moved = {**visit, "_id": f"{visit['code']}:{new}", "unionid": new}
                await visits.update_one({"_id": moved.pop("_id")}, {"$setOnInsert": moved}, upsert=True)
                await visits.delete_one({"_id": visit["_id"]})
        brought = {"$or": [{"sharer": old}, {"newcomer": old}]}
        while page := await shares.find(brought).to_list(BATCH):
            for share in page:
                pair = {name: new if share[name] == old else share[name] for name in ("sharer", "newcomer")}
                key = f"{share['code']}:{pair['sharer']}:{pair['newcomer']}"
                moved = {"code": share["code"], **pair}
                await shares.update_one({"_id": key}, {"$setOnInsert": moved}, upsert=True)
                await shares.delete_one({"_id": share["_id"]})

    async def move_reviews(self, old: str, new: str) -> None:
        """Delete the reviews of a person's profile, and put the pseudonym into the reviews of their tasks.

        The texts in the tasks' reviews are deleted, since the person's name is among them.
        """
        reviews = self._database["reviews"]
        await reviews.delete_many({"unionid": old, "code": ""})
        await reviews.update_many({"unionid": old}, {"$set": {"unionid": new, "openid": "", "text": ""}})

    async def delete_rest(self, old: str) -> None:
        """Delete what is about a person alone. Followers, of whom there may be many, are deleted some at a
        time."""
        person = await self._database["people"].find_one({"_id": old}, {"followed": 1}) or {}
        for after in range(0, person.get("followed", 0), BATCH):
            numbers = {"$gt": after, "$lte": after + BATCH}
            await self._database["follows"].delete_many({"publisher": old, "n": numbers})
        for name, fields in _DELETED.items():
            for field in fields.split():
                await self._database[name].delete_many({field: old})

    async def remaining(self, old: str, new: str) -> list[str]:
        """Return the collections that still name a person, besides their own record, after all `move_…`
        methods ran."""
        found = {
            name
            for name, fields in (_MOVED | _DELETED).items()
            for field in fields.split()
            if await self._database[name].find_one({field: old}, {"_id": 1})
        }
        if await self._is_last(old, new):
            found.add("tasks")
        return sorted(found)

    async def _is_last(self, old: str, new: str) -> bool:
        """Whether `old` still stands in the newest dig of a task that the person dug."""
        tasks = self._database["tasks"]
        if await tasks.find_one({"pending": 1, "last_dig.unionid": old}, {"_id": 1}):
            return True
        for some in await self._codes_dug(new):
            if await tasks.find_one({"_id": {"$in": some}, "last_dig.unionid": old}, {"_id": 1}):
                return True
        return False

    async def _codes_dug(self, unionid: str) -> list[list[str]]:
        """Return the codes of the tasks that a person dug, some at a time."""
        codes = await self._database["digs"].distinct("code", {"unionid": unionid, "n": {"$gt": 0}})
        return [codes[at : at + BATCH] for at in range(0, len(codes), BATCH)]
