"""All places in the database that show a person's name or WeChat's ids, and what is deleted with them.

A person's id of ours stays where it stands: it names nobody once the person's record is gone. Every method
may be interrupted and called again.
"""

from collections import defaultdict
from collections.abc import Mapping

from server.game.given_names import given_name
from server.game.task import Task
from server.store.digging.tasks import Tasks
from server.store.digging.terms import terms_of
from server.store.driver import Database
from server.store.files import ROUTE, Files
from server.store.pipelines import Document, begins_with
from server.store.prizes.prizes import WHERE_SENT
from server.store.reviews.moderation import Moderation

_ByCode = defaultdict[str, list[Document]]

BATCH = 500
# What stands in place of the name and the picture.
NAME = "已注销"
PICTURE = ""
_NOBODY = {"wxname": NAME, "wxheadpic": PICTURE}
# The collections from which the documents about a person are deleted, and the fields that name the person.
_DELETED = {
    "risks": "_id",
    "messages": "person_id",
    "consents": "person_id",
    "reports": "person_id",
    "follows": "follower publisher",
}


class Erasure:
    """Writes to all collections that name people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def erase_name(self, person_id: str) -> None:
        """Forget the name and the picture of a person who stays, wherever they stand.

        A task that its publisher signed with another name keeps the signature.
        """
        # The reviews go first: one that ends now would show what it is about.
        await self._database["reviews"].delete_many({"person_id": person_id, "code": ""})
        await self._database["people"].update_one(
            {"_id": person_id},
            {
                "$set": {"nickName": "", "avatarUrl": "", "terms": [], "forgotten": 1},
                "$unset": dict.fromkeys(("wxname", "wxheadpic", "chosen", "due_at", "naming_at"), ""),
            },
        )
        unnamed = {"wxname": given_name(person_id), "wxheadpic": PICTURE}
        await self.show_in_digs(person_id, unnamed)
        for task in await self.published(person_id):
            await self._delete_files({"metadata.made_for": begins_with(f"poster:{task['_id']}:")})
            own = unnamed["wxname"]
            name = {} if task["signed"] else {"wxname": own, "terms": terms_of(task["name"], own)}
            await self._database["tasks"].update_one(
                {"_id": task["_id"]},
                {"$set": {"wxheadpic": PICTURE, **name}, "$inc": {"renamed": 1}},
            )
        await self.delete_pictures(person_id)

    async def erase_received_addresses(self, person_id: str) -> None:
        """Delete the addresses to which goods came that a person won."""
        await self._database["prizes"].update_many(
            {"person_id": person_id, "state": "received", "address_box": {"$exists": True}},
            {"$set": {"address_deleted": 1}, "$unset": WHERE_SENT},
        )

    async def show_in_digs(self, person_id: str, shown: Mapping[str, str] = _NOBODY) -> int:
        """Put a name and a picture into a person's digs and prizes; return how many digs there are, without
        one that only its task has."""
        tasks = self._database["tasks"]
        digs = self._database["digs"]
        codes = await digs.distinct("code", {"person_id": person_id, "n": {"$gt": 0}})
        changed = await digs.update_many({"person_id": person_id}, {"$set": dict(shown)})
        await self._database["prizes"].update_many({"person_id": person_id}, {"$set": dict(shown)})
        last = {f"last_dig.{name}": value for name, value in shown.items()}
        await tasks.update_many({"pending": 1, "last_dig.person_id": person_id}, {"$set": last})
        for at in range(0, len(codes), BATCH):
            some = {"$in": codes[at : at + BATCH]}
            await tasks.update_many({"_id": some, "last_dig.person_id": person_id}, {"$set": last})
            # This comes last, once all names are replaced. It is done even if an earlier run has done it.
            await tasks.update_many({"_id": some}, {"$inc": {"renamed": 1}})
        return changed.matched_count

    async def erase_prizes(self, person_id: str) -> None:
        """Delete the addresses of what a person won, and their openid in the bills that paid it."""
        await self._database["prizes"].update_many(
            {"person_id": person_id, "address_box": {"$exists": True}},
            {"$set": {"address_deleted": 1}, "$unset": WHERE_SENT},
        )
        # `body` holds the openid. These bills have ended, so it is not sent again.
        await self._database["bills"].update_many({"person_id": person_id}, {"$set": {"body": b""}})

    async def published(self, person_id: str) -> list[Task]:
        """Return all tasks that a person published, without their seeds."""
        tasks = Tasks(self._database).collection
        return await tasks.find({"publisher": person_id}, {"seed_box": 0}).to_list(None)

    async def given_and_owed(self, person_id: str, codes: list[str]) -> list[_ByCode]:
        """Return the reviews, prizes, refunds and orders of a publisher's tasks, by code.

        Each collection is read once, however many tasks there are. Of each document it returns state and
        effects owed, of a prize also the sealed address, of payments the alarm, of a refund the kind.
        """
        asked: tuple[tuple[str, Document], ...] = (
            ("reviews", {"person_id": person_id}),
            ("prizes", {"publisher": person_id}),
            ("refunds", {"code": {"$in": codes}}),
            ("orders", {"publisher": person_id}),
        )
        return [await self._by_code(*each) for each in asked]

    async def _by_code(self, name: str, query: Document) -> _ByCode:
        fields = dict.fromkeys(("code", "state", "kind", "address_box", "then", "alarm"), 1)
        found: _ByCode = defaultdict(list)
        async for row in self._database[name].find(query, fields):
            found[row["code"]].append(row)
        return found

    async def erase_tasks(self, person_id: str) -> None:
        """Erase the name and the texts of what a person published, and their openid in what they paid.

        Posters that show the name are deleted.
        """
        for task in await self.published(person_id):
            await self._delete_files({"metadata.made_for": begins_with(f"poster:{task['_id']}:")})
            await self._database["tasks"].update_one(
                {"_id": task["_id"]},
                {
                    "$set": {
                        **_NOBODY,
                        "signed": 0,
                        "terms": terms_of(task["name"], NAME),
                        **dict.fromkeys(("place", "pickup_time", "contact"), ""),
                    },
                    "$unset": {"publisher_id": ""},
                    "$inc": {"renamed": 1},
                },
            )
        # Without the openid nothing can be reported to WeChat any more.
        orders = self._database["orders"]
        await orders.update_many(
            {"publisher": person_id, "then": {"$exists": True}},
            {"$set": {"alarm": ""}, "$unset": {"then": "", "due_at": ""}},
        )
        await orders.update_many({"publisher": person_id}, {"$set": {"openid": ""}})

    async def delete_pictures(self, person_id: str) -> None:
        """Delete what a person uploaded, except pictures of tasks."""
        files = self._database["pictures.files"]
        names = [file["_id"] async for file in files.find({"metadata.owner": person_id}, {"_id": 1})]
        paths = [ROUTE + name for name in names]
        used = await Moderation(self._database).pictures_among(paths) if paths else set()
        unused = [name for name in names if ROUTE + name not in used]
        await self._delete_files({"_id": {"$in": unused}})

    async def _delete_files(self, query: Document) -> None:
        """Delete all pictures that this condition finds, with their thumbnails."""
        files = Files(self._database)
        while rows := await files.collection.find(query, {"_id": 1}).to_list(BATCH):
            await files.delete([row["_id"] for row in rows])

    async def erase_reviews(self, person_id: str) -> None:
        """Delete the reviews of a person's profile, and the texts in the reviews of their tasks."""
        reviews = self._database["reviews"]
        await reviews.delete_many({"person_id": person_id, "code": ""})
        await reviews.update_many({"person_id": person_id}, {"$set": {"openid": "", "text": ""}})

    async def delete_rest(self, person_id: str) -> None:
        """Delete what is about a person alone. Followers, of whom there may be many, are deleted some at a
        time."""
        person = await self._database["people"].find_one({"_id": person_id}, {"followed": 1}) or {}
        for after in range(0, person.get("followed", 0), BATCH):
            numbers = {"$gt": after, "$lte": after + BATCH}
            await self._database["follows"].delete_many({"publisher": person_id, "n": numbers})
        for name, fields in _DELETED.items():
            for field in fields.split():
                await self._database[name].delete_many({field: person_id})
