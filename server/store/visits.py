"""Who opened which task, through whom: `visits` (a person and a task each), `shares` (who brought whom)."""

from __future__ import annotations

import secrets
import string
from typing import Any, ClassVar, TypedDict

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from server.store.tasks import NOW_MS

_Document = dict[str, Any]

SHARE_CHARACTERS = 20  # a task's code has 12, so that one can be told from the other


class Visit(TypedDict):
    """`share` is the token that stands for this person and task in links."""

    code: str
    unionid: str
    share: str
    opened_at: int


class Visits:
    """Reads and writes of `visits` and `shares`."""

    INDEXES: ClassVar[list[IndexModel]] = [
        IndexModel([("share", 1)], name="share_once", unique=True),
        IndexModel([("unionid", 1), ("opened_at", -1)], name="last_opened"),
    ]
    SHARE_INDEXES: ClassVar[list[IndexModel]] = [IndexModel([("code", 1)], name="of_task")]

    def __init__(self, database: AsyncIOMotorDatabase[_Document]) -> None:
        self.collection = database["visits"]
        self.shares = database["shares"]
        self._people = database["people"]

    async def open(self, code: str, unionid: str) -> Visit:
        """Note that a person opened a task's details; the share token is made the first time and stays."""
        letters = string.ascii_letters + string.digits
        share = "".join(secrets.choice(letters) for _ in range(SHARE_CHARACTERS))
        while True:
            try:
                visit: Visit | None = await self.collection.find_one_and_update(  # type: ignore[assignment]
                    {"_id": f"{code}:{unionid}"},
                    [
                        {
                            "$set": {
                                "code": {"$literal": code},
                                "unionid": {"$literal": unionid},
                                "share": {"$ifNull": ["$share", {"$literal": share}]},
                                "opened_at": NOW_MS,
                            }
                        }
                    ],
                    upsert=True,
                    return_document=True,
                )
            except DuplicateKeyError:  # two pages opened at once; the second finds what the first wrote
                continue
            if visit is not None:  # SecantusDB answers so in place of the error above
                return visit

    async def share_token(self, code: str, unionid: str) -> str:
        """Return the token that stands for this person and task in links and QR codes."""
        found = await self.collection.find_one({"_id": f"{code}:{unionid}"}, {"share": 1})
        return found["share"] if found is not None else (await self.open(code, unionid))["share"]

    async def of_share(self, share: str) -> Visit | None:
        """Return whose token this is and of which task."""
        found: Visit | None = await self.collection.find_one({"share": share})  # type: ignore[assignment]
        return found

    async def resolve(self, code_or_share: str) -> tuple[str | None, str | None]:
        """Return a task's code and, where a share token stands for it, whose it is; (None, None): unknown."""
        if len(code_or_share) != SHARE_CHARACTERS:
            return code_or_share, None
        visit = await self.of_share(code_or_share)
        return (None, None) if visit is None else (visit["code"], visit["unionid"])

    async def share_numbers(self, code: str) -> _Document:
        """Return how many people opened a task, and how many of them came by how many others' shares."""
        opened = await self.collection.count_documents({"code": code})
        pipeline: list[_Document] = [
            {"$match": {"code": code}},
            {"$group": {"_id": "$sharer", "brought": {"$sum": 1}}},
            {
                "$group": {
                    "_id": None,
                    "sharers": {"$sum": 1},
                    "brought": {"$sum": "$brought"},
                    "most": {"$max": "$brought"},
                }
            },
            {"$project": {"_id": 0}},
        ]
        found = await self.shares.aggregate(pipeline).to_list(1)
        return {"opened": opened, **(found[0] if found else {"sharers": 0, "brought": 0, "most": 0})}

    async def record_share(self, code: str, sharer: str, newcomer: str) -> None:
        """Note who brought whom to a task; once a pair and task, however often.

        `sharer` is an id or a share token. One that nobody has, or that is the newcomer's, is passed over.
        """
        by_token = len(sharer) == SHARE_CHARACTERS
        source = self.collection if by_token else self._people
        sharer_id = "$unionid" if by_token else "$_id"
        pipeline: list[_Document] = [
            {"$match": {"share": sharer, "code": code, "unionid": {"$ne": newcomer}}}
            if by_token
            else {"$match": {"_id": sharer}},
            {
                "$project": {
                    "_id": {"$concat": [code, ":", sharer_id, ":", {"$literal": newcomer}]},
                    "code": {"$literal": code},
                    "sharer": sharer_id,
                    "newcomer": {"$literal": newcomer},
                }
            },
            {"$merge": {"into": self.shares.name, "on": "_id", "whenMatched": "keepExisting"}},
        ]
        if sharer != newcomer:
            await source.aggregate(pipeline).to_list(None)
