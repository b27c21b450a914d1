"""What was won: `prizes`, one per winning dig, by "code:depth". Their lifecycle is `game/prize.py`."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Literal, NotRequired, TypedDict

import pymongo
from pymongo.errors import DuplicateKeyError

from server.game.amounts import FEN_PER_YUAN
from server.game.lifecycle import Move, Moved
from server.game.prize import GIVEN, UNCLAIMED, PrizeState, Wait, Why
from server.game.prize import prize as lifecycle
from server.game.sealed import Sealed, SealedCode
from server.game.task import Task
from server.store.documents import index
from server.store.driver import aggregate
from server.store.due import DUE_INDEX, DueDocuments
from server.store.pipelines import NOW_MS, Document, look_up

GIVEN_AT_ONCE = 200  # Prizes that are read in one trip.
# The fields that tell where goods went.
WHERE_SENT = {"address_box": "", "phone_hash": "", "carrier": "", "number": "", "beside": ""}


class WonPrize(TypedDict):
    """What lists and a task's page show of a prize; see `Prize`."""

    state: PrizeState
    goods_type: int
    draw_type: int
    amount_fen: int
    rank: NotRequired[int]
    released_at: NotRequired[int]
    released_alone: NotRequired[int]
    waits_for: NotRequired[Wait]
    waits_until: NotRequired[int]
    carrier: NotRequired[str]
    number: NotRequired[str]
    sent_at: NotRequired[int]
    received_at: NotRequired[int]
    thanks: NotRequired[str]


class Prize(WonPrize):
    """Times are unix milliseconds, 0 for never. `amount_fen` is 0 for goods.

    `attempt` counts the bills of a red packet; the last one is `bill_number(prize)`. `address_box` is sealed
    for the prize's own id; `address_deleted` is there once it was deleted. `phone_hash` is a keyed hash of
    its phone, by which operators find it. `carrier` and `number` are those of the parcel, and are deleted
    with the address; `beside` is "" for the first prize in its parcel, and the prize's own id for another one
    of its winner.

    `weighed` is the attempt that was approved. `withheld_at` is the time from which a prize is held, frozen
    or `freezing`. `bill_lost`: WeChat never said that its bill failed, so the prize gets no other bill.
    `denied`: an operator let it go back to the publisher. `released_at` only moves the deadline.
    `released_alone`: an operator released this prize individually, so it is not checked against the limits
    again. `rank` is its kind, from 1, if its task has
    ranks.

    Since its claim, `private` is 1 if its task is not public; `young` is 1 if its winner is a newcomer.
    `waits_for` is why it was put off until `waits_until`. `thanks` is the sign by which its winner thanked.
    """

    _id: str
    code: str
    depth: int
    person_id: str
    publisher: str
    wxname: str
    wxheadpic: str
    attempt: int
    won_at: int
    claimed_at: int
    given_at: int
    pickup: NotRequired[SealedCode]
    address_box: NotRequired[Sealed]
    phone_hash: NotRequired[str]
    beside: NotRequired[str]
    address_deleted: NotRequired[int]
    weighed: NotRequired[int]
    held_for: NotRequired[Why]
    withheld_at: NotRequired[int]
    freezing: NotRequired[int]
    bill_lost: NotRequired[int]
    denied: NotRequired[int]
    young: NotRequired[int]
    private: NotRequired[int]
    due_at: NotRequired[int]
    then: NotRequired[dict[str, int]]
    history: NotRequired[list[Moved]]


class Matter(TypedDict):
    """Something that may wait for a person to act: their prize, their task with `unsent` goods, or their
    unpaid task."""

    task: Task
    prize: NotRequired[WonPrize]
    unsent: NotRequired[int]


def unwritten(task: Mapping[str, Any]) -> WonPrize:
    """Return what is shown of a win whose prize is not written yet."""
    amount_fen = task["money"] * FEN_PER_YUAN
    return WonPrize(
        state="won", goods_type=task["goods_type"], draw_type=task["draw_type"], amount_fen=amount_fen
    )


class Parcel(TypedDict):
    """What winner and publisher see of goods by mail: "" and 0 before they are sent."""

    carrier: str
    number: str
    sent_at: int
    received_at: int


class Prizes(DueDocuments[Prize]):
    """Reads and writes of `prizes`. Its changes are the rows of `game/prize.py`."""

    NAME = "prizes"
    TABLE = lifecycle
    INDEXES = (
        index("winner_once", "code person_id", unique=True),
        # What `keys_of_task` returns, too.
        index("in_task", "code depth _id state given_at released_at goods_type draw_type"),
        index("of_winner", "person_id -won_at"),
        index("states_of_winner", "person_id state -won_at amount_fen"),
        # What was claimed since a time: the limits of money read no prize.
        index(
            "claims_from_publisher",
            "publisher -claimed_at state amount_fen person_id private weighed attempt _id",
        ),
        index(
            "claims_by_winner",
            "person_id -claimed_at state amount_fen publisher given_at weighed attempt _id",
        ),
        index("unsent", "publisher state given_at _id", there="address_box"),
        index("pickup_once", "code pickup.hash", unique=True, there="pickup"),
        index("in_parcel", "number", sparse=True),
        index("parcel_once", "publisher number beside", unique=True, there="number"),
        index("to_phone", "phone_hash", sparse=True),
        index("waiting", "withheld_at", sparse=True),
        index("claimed_by_newcomers", "young -claimed_at"),
        index("given", "given_at _id", only={"given_at": {"$gt": 0}}),
        index("addresses", "given_at", there="address_box"),
        # What `given_by` returns, too.
        index(
            "given_by_publisher",
            "publisher -given_at draw_type amount_fen claimed_at sent_at",
            only={"given_at": {"$gt": 0}},
        ),
        index("sealed", "address_box.key _id", there="address_box.key"),
        index("sealed_pickup", "pickup.key _id", there="pickup.key"),
        DUE_INDEX,
    )

    async def find_won(self, code: str, person_id: str) -> Prize | None:
        """Return the prize that this person won in this task."""
        return await self.collection.find_one({"code": code, "person_id": person_id})

    async def thank(self, code: str, person_id: str, sign: str) -> bool:
        """Note the sign by which a winner thanks, unless they thanked before; return whether this did."""
        unthanked = {"code": code, "person_id": person_id, "thanks": {"$exists": False}}
        return (await self.collection.update_one(unthanked, {"$set": {"thanks": sign}})).matched_count > 0

    async def thanks(self, code: str) -> dict[int, str]:
        """Return the signs by which a task's winners thanked, by depth."""
        found = await self.in_order(
            {"code": code, "thanks": {"$exists": True}}, "depth", fields={"depth": 1, "thanks": 1}
        )
        return {prize["depth"]: prize["thanks"] for prize in found}

    async def find_pickup(self, code: str, hashes: list[str]) -> Prize | None:
        """Return the prize of a task whose pick-up code has one of these keyed hashes."""
        return await self.collection.find_one({"code": code, "pickup.hash": {"$in": hashes}})

    async def of_task(self, code: str) -> list[Prize]:
        """Return a task's prizes that were won, by depth."""
        return await self.in_order({"code": code}, "depth")

    async def keys_of_task(self, code: str) -> list[Prize]:
        """Return of a task's prizes, by depth, only what says on which page of its winners each stands."""
        fields = dict.fromkeys(("state", "given_at", "released_at", "goods_type", "draw_type"), 1)
        return await self.in_order({"code": code}, "depth", fields=fields)

    async def winners(self, keys: list[str]) -> dict[str, str]:
        """Return the names of these prizes' winners, as they were at the dig, by the prize's id."""
        return {row["_id"]: row["wxname"] for row in await self.find_all(keys, {"wxname": 1})}

    async def waiting_number(self) -> int:
        """Return how many prizes are held, frozen or being frozen."""
        return await self.rows.count_documents({"withheld_at": {"$exists": True}})

    async def of_winner(self, person_id: str, limit: int = 0) -> list[Prize]:
        """Return what a person won, the newest first: all, or at most `limit`."""
        return await self.in_order({"person_id": person_id}, "-won_at", limit)

    async def won_by(self, person_id: str) -> dict[PrizeState, tuple[int, int]]:
        """Return how many prizes a person won, and what they pay in fen, by their state. This reads only an
        index."""
        found = await self.sums({"person_id": person_id}, "$state", number=1, fen="$amount_fen")
        return {row["_id"]: (row["number"], row["fen"]) for row in found}

    async def states(self, code: str) -> dict[PrizeState, int]:
        """Return how many of a task's prizes are in each state. This reads only an index."""
        return {row["_id"]: row["number"] for row in await self.sums({"code": code}, "$state", number=1)}

    async def given_by(self, publisher: str, limit: int) -> list[Prize]:
        """Return the times at which a publisher's prizes were claimed for good, the newest first."""
        given = {"publisher": publisher, "given_at": {"$gt": 0}}
        fields = dict.fromkeys(("draw_type", "amount_fen", "claimed_at", "given_at", "sent_at"), 1)
        return await self.in_order(given, "-given_at", limit, {**fields, "_id": 0})

    async def given_between(self, from_ms: int, until_ms: int) -> AsyncGenerator[list[Prize]]:
        """Yield the prizes that winners were given at `from_ms` (above 0) or later, and before `until_ms`,
        some at a time."""
        found = self.collection.find(
            {"given_at": {"$gte": from_ms, "$lt": until_ms}, "state": {"$in": [*GIVEN]}},
            sort=[("given_at", pymongo.ASCENDING), ("_id", pymongo.ASCENDING)],
            batch_size=GIVEN_AT_ONCE,  # MongoDB's own batches have 16 MB
        )
        try:
            while prizes := await found.to_list(GIVEN_AT_ONCE):
                yield prizes
        finally:
            await found.close()

    async def found_by(
        self, name: Literal["phone_hash", "number"], texts: list[str], limit: int
    ) -> list[Prize]:
        """Find the prizes that go to a phone number, by its keyed hashes, or in a parcel, by its number."""
        found = self.collection.find({name: {"$in": texts}}, {"address_box": 0}, limit=limit)
        return await found.to_list(limit)

    async def number(self, code: str) -> int:
        """Return how many of a task's prizes are written here."""
        return await self.collection.count_documents({"code": code})

    async def find_shown(self, code: str, person_id: str) -> WonPrize | None:
        """Return what a page shows of the prize this person won in this task; None if it is not written."""
        return await self.collection.find_one(
            {"code": code, "person_id": person_id}, dict.fromkeys(WonPrize.__annotations__, 1)
        )

    async def matters(self, person_id: str, since_ms: int, limit: int) -> list[Matter]:
        """Return what may wait for a person, in one trip: prizes won, goods to send, tasks not paid.

        Returns at most `limit` prizes won and at most `limit` unpaid tasks, the newest of each. Unpaid tasks
        from before `since_ms` are left out. Of the goods to send, those that wait longest are counted, at
        most twice `limit`.
        """
        won: list[Document] = [
            {"$match": {"person_id": person_id, "state": {"$in": [*UNCLAIMED, "sent"]}}},
            {"$sort": {"won_at": pymongo.DESCENDING}},
            {"$limit": limit},
            {"$project": {"code": 1, "prize": {field: f"${field}" for field in WonPrize.__annotations__}}},
        ]
        to_send: list[Document] = [
            {"$match": {"publisher": person_id, "state": "given", "address_box": {"$exists": True}}},
            {"$sort": {"given_at": pymongo.ASCENDING}},
            {"$limit": 2 * limit},
            {"$group": {"_id": "$code", "unsent": {"$sum": 1}}},
            {"$project": {"code": "$_id", "unsent": 1}},
        ]
        to_pay: list[Document] = [
            {"$match": {"publisher": person_id, "created_at": {"$gte": since_ms}, "open": 0, "status": 0}},
            {"$sort": {"created_at": pymongo.DESCENDING}},
            {"$limit": limit},
            {"$project": {"code": "$_id"}},
        ]
        pipeline = [
            *won,
            {"$unionWith": {"coll": self.NAME, "pipeline": to_send}},
            {"$unionWith": {"coll": "tasks", "pipeline": to_pay}},
            look_up("tasks", "code", "task"),
            {"$unwind": "$task"},
            {"$unset": "task.seed_box"},
        ]
        # The pipeline ends with the fields of Matter.
        return await aggregate(self.rows, pipeline, None)  # type: ignore[return-value]

    async def in_parcel(self, publisher: str, number: str) -> list[Prize]:
        """Return two of the prizes that a publisher sent in a parcel of this number, if there are so many."""
        return await self.collection.find({"publisher": publisher, "number": number}, limit=2).to_list(2)

    async def delete_old_addresses(self, before_ms: int, age_ms: int) -> None:
        """Delete what `old_address` finds, if the goods arrived `age_ms` ago by MongoDB's clock.

        For goods that were never sent, the time counts from when their address came. After a release from a
        freeze, it counts from the release.
        """
        without = {"address_deleted": 1} | dict.fromkeys(WHERE_SENT, "$$REMOVE")
        arrived = {"$max": [{"$ifNull": ["$received_at", "$given_at"]}, "$released_at"]}
        old = {"$lte": [arrived, {"$subtract": [NOW_MS, age_ms]}]}
        await self.collection.update_many(
            old_address(before_ms),
            [{"$set": {field: {"$cond": [old, new, f"${field}"]} for field, new in without.items()}}],
        )

    async def move_if_new(self, prize_id: str, move: Move) -> Prize | None:
        """Apply a move to one prize as `move` does; return None, too, if another prize has its pick-up code
        or its parcel."""
        try:
            return await self.move(prize_id, move)
        except DuplicateKeyError:
            return None

    async def of_scope(self, scope: Document) -> list[Prize]:
        """Return the prizes of a scope that are held, frozen or being frozen."""
        return await self.collection.find({**scope, "withheld_at": {"$exists": True}}).to_list(None)

    async def waiting(self, limit: int) -> list[Prize]:
        """Return the prizes that are held, frozen or being frozen, the longest first."""
        return await self.in_order({"withheld_at": {"$exists": True}}, "withheld_at", limit)

    async def waiting_fen(self) -> tuple[int, int]:
        """Return how many prizes are held, frozen or being frozen, and their sum in fen."""
        [found] = await self.sums({"withheld_at": {"$exists": True}}, number=1, fen="$amount_fen")
        return found["number"], found["fen"]


def old_address(before_ms: int) -> Document:
    """Return the query that finds the addresses that came, and whose goods arrived if they were sent, before
    that time."""
    return {
        "address_box": {"$exists": True},
        "given_at": {"$gt": 0, "$lte": before_ms},
        "received_at": {"$not": {"$gt": before_ms}},
        "released_at": {"$not": {"$gt": before_ms}},
        # A winner still needs the number of a parcel, and after a release the publisher needs the address.
        "state": {"$nin": ["sent", "frozen"]},
    }


def parcel(prize: Prize | WonPrize) -> Parcel:
    """Return the parcel of a prize; its fields are empty until the prize is sent."""
    return Parcel(
        carrier=prize.get("carrier", ""),
        number=prize.get("number", ""),
        sent_at=prize.get("sent_at", 0),
        received_at=prize.get("received_at", 0),
    )
