"""What was won: `prizes`, one per winning dig, by "code:depth". One document, one state.

Red packets: won → claiming (a bill is out) → given. If the bill fails: back to won, or to
expiring if it was given up. Instead of being paid: claiming → held, won or claiming → withheld
(`held_prizes.py`); from both back to won, or to expiring.
Goods by mail: won → given (the address is here) → sent → received.
Goods on site: won → claiming (a pick-up code is out) → given.
Goods that nobody has yet: → withheld; from there back to where they were, or to returned.
At the deadline: won, or claiming on site, → expiring → returned.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NotRequired, TypeAlias, TypedDict

import pymongo
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from server.game.amounts import RELEASED_MS
from server.game.sealed import Sealed
from server.store.due import DUE_INDEX, DueDocuments
from server.store.pipelines import NOW_MS, begins_with
from server.store.sealed_values import sealed_index

_Document = dict[str, Any]

PrizeState: TypeAlias = Literal[
    "won", "claiming", "given", "sent", "received", "held", "withheld", "expiring", "returned"
]
# Why a payout is held: what the publisher pays the winner, what the winner gets a day or a week, their risk,
# what a ring pays itself, a pattern (`again`, `luck`), or a single prize above what a newcomer gets a day, or
# what private treasures pay.
Why: TypeAlias = Literal["pair", "day", "week", "risk", "ring", "again", "luck", "newcomer", "private"]
# Why a payout waits for a time: what a publisher's private treasures pay a day, what a newcomer gets, what
# all newcomers get, and what they get from newcomers.
Wait: TypeAlias = Literal["private", "newcomer", "newcomers", "among_newcomers"]
# Neither claimed nor on its way back: somebody has to decide, or to act.
UNSETTLED: tuple[PrizeState, ...] = ("won", "claiming", "held", "withheld")
# Claimed for good: the winner has the prize, or has said where to send it.
GIVEN: tuple[PrizeState, ...] = ("given", "sent", "received")


# The fields that tell where goods went.
WHERE_SENT = {"address_box": "", "carrier": "", "number": ""}


class Prize(TypedDict):
    """Times are unix milliseconds, 0 for never. `amount_fen` is 0 for goods.

    `attempt` counts the bills of a red packet; the last one is `bill_number(prize)`. `address_box` is
    sealed for the prize's own id; `address_shown_at` is when its publisher could first read it, and
    `address_deleted` is there once it was deleted. `carrier` and `number` are
    those of the parcel, and are deleted with the address.

    `weighed` is the attempt that was let through. `withheld_at` is there while a prize is held, withheld or
    `freezing`. `bill_lost`: WeChat never said that its bill failed, so it gets no other.
    `denied`: an operator let it go back to the publisher. `released_at` only moves the deadline.
    `let_off`: an operator released this prize by itself, so no brake weighs it again.

    Since its claim, `private` is 1 if its task is not public; `young` is 1 if its winner is a newcomer, 2 if
    its publisher is too. `waits_for` is why it was put off until `waits_until`.
    """

    _id: str
    code: str
    depth: int
    unionid: str
    publisher: str
    wxname: str
    wxheadpic: str
    goods_type: int
    draw_type: int
    amount_fen: int
    state: PrizeState
    attempt: int
    won_at: int
    claimed_at: int
    given_at: int
    pickup: NotRequired[str]
    address_box: NotRequired[Sealed]
    address_shown_at: NotRequired[int]
    address_deleted: NotRequired[int]
    carrier: NotRequired[str]
    number: NotRequired[str]
    sent_at: NotRequired[int]
    received_at: NotRequired[int]
    weighed: NotRequired[int]
    held_for: NotRequired[Why]
    withheld_at: NotRequired[int]
    freezing: NotRequired[int]
    released_at: NotRequired[int]
    let_off: NotRequired[int]
    bill_lost: NotRequired[int]
    denied: NotRequired[int]
    young: NotRequired[int]
    private: NotRequired[int]
    waits_for: NotRequired[Wait]
    waits_until: NotRequired[int]
    due_at: NotRequired[int]


class WonPrize(TypedDict):
    """What lists and a task's page show of a prize, as `prizes` has it."""

    state: PrizeState
    released_at: NotRequired[int]
    carrier: NotRequired[str]
    number: NotRequired[str]
    sent_at: NotRequired[int]
    received_at: NotRequired[int]


class Parcel(TypedDict):
    """What winner and publisher see of goods by mail: "" and 0 before they are sent."""

    carrier: str
    number: str
    sent_at: int
    received_at: int


class Prizes(DueDocuments[Prize]):
    """Reads and writes of `prizes`. Each change is one update, conditional on the state before it."""

    NAME = "prizes"
    INDEXES: ClassVar[list[IndexModel]] = [
        IndexModel([("code", 1), ("unionid", 1)], name="winner_once", unique=True),
        IndexModel([("code", 1), ("depth", 1)], name="of_task"),
        IndexModel([("unionid", 1), ("won_at", -1)], name="of_winner"),
        IndexModel([("publisher", 1)], name="of_publisher"),
        IndexModel(
            [("publisher", 1), ("state", 1), ("given_at", 1), ("_id", 1)],
            name="unsent",
            partialFilterExpression={"address_box": {"$exists": True}},
        ),
        IndexModel(
            [("code", 1), ("pickup", 1)],
            name="pickup_once",
            unique=True,
            partialFilterExpression={"pickup": {"$exists": True}},
        ),
        IndexModel([("wxname", 1), ("won_at", -1)], name="winners_name"),
        IndexModel(
            [("won_at", -1)], name="money_won", partialFilterExpression={"amount_fen": {"$gt": 0}}
        ),
        IndexModel(
            [("withheld_at", 1)],
            name="withheld",
            partialFilterExpression={"withheld_at": {"$exists": True}},
        ),
        IndexModel(
            [("young", 1), ("claimed_at", -1)],
            name="newcomers",
            partialFilterExpression={"young": {"$gt": 0}},
        ),
        IndexModel(
            [("given_at", 1)], name="addresses", partialFilterExpression={"address_box": {"$exists": True}}
        ),
        sealed_index("address_box"),
        DUE_INDEX,
    ]

    async def insert(self, prize: Prize) -> None:
        """Write a prize that a dig won; writing it again changes nothing."""
        try:
            await self.rows.insert_one(dict(prize))
        except DuplicateKeyError:
            # Which unique index the error names depends on the server, and on others who write now.
            if await self.taken(prize["_id"]) is None:
                raise  # this person has another prize of this task, which must never be

    async def find(self, prize_id: str) -> Prize | None:
        """Return a prize."""
        return await self.collection.find_one({"_id": prize_id})

    async def find_won(self, code: str, unionid: str) -> Prize | None:
        """Return the prize that this person won in this task."""
        return await self.collection.find_one({"code": code, "unionid": unionid})

    async def find_pickup(self, code: str, pickup: str) -> Prize | None:
        """Return the prize of a task that this pick-up code stands for."""
        return await self.collection.find_one({"code": code, "pickup": pickup})

    async def of_task(self, code: str) -> list[Prize]:
        """Return a task's prizes that were won, by depth."""
        found = self.collection.find({"code": code}, sort=[("depth", pymongo.ASCENDING)])
        return await found.to_list(None)

    async def of_winner(self, unionid: str) -> list[Prize]:
        """Return all that a person won."""
        return await self.collection.find({"unionid": unionid}).to_list(None)

    async def search_winners(self, text: str, limit: int) -> list[Prize]:
        """Return prizes whose winner's name begins with this text: equal names first, then the newest."""
        found = self.collection.find(
            {"wxname": begins_with(text)},
            {"address_box": 0},
            sort=[("wxname", pymongo.ASCENDING), ("won_at", pymongo.DESCENDING)],
            limit=limit,
        )
        return await found.to_list(limit)

    async def number(self, code: str) -> int:
        """Return how many of a task's prizes are written here."""
        return await self.collection.count_documents({"code": code})

    async def find_shown(self, code: str, unionid: str) -> WonPrize | None:
        """Return what a page shows of the prize this person won in this task; None if it is not written."""
        return await self.collection.find_one(
            {"code": code, "unionid": unionid}, dict.fromkeys(WonPrize.__annotations__, 1)
        )

    async def begin_claiming(
        self, prize: Prize, now_ms: int, due_at_ms: int, *, young: int = 0, private: int = 0
    ) -> Prize | None:
        """Let the next bill of a red packet be weighed, and then made; None if it is no longer free."""
        return await self._change(
            {"_id": prize["_id"], "state": "won", "attempt": prize["attempt"]},
            {
                "state": "claiming",
                "attempt": prize["attempt"] + 1,
                "claimed_at": now_ms,
                "due_at": due_at_ms,
                "young": young,
                "private": private,
            },
        )

    async def give_by_bill(self, prize_id: str, attempt: int, now_ms: int) -> Prize | None:
        """Note that this bill paid the prize out; None if that is known already."""
        return await self.find_one_and_update(
            {"_id": prize_id, "state": "claiming", "attempt": attempt},
            {
                "$set": {"state": "given", "given_at": now_ms},
                "$unset": {"freezing": "", "withheld_at": ""},  # it was confirmed before it was cancelled
            },
            return_document=True,
        )

    async def free_from_bill(
        self, prize_id: str, attempt: int, state: Literal["won", "expiring"], *, lost: bool = False
    ) -> Prize | None:
        """Note that this bill pays nothing: the prize may be claimed again, or is on its way back.

        If it is being frozen, it is withheld instead; for good if the bill is `lost`.
        """
        freezing = {"$eq": ["$freezing", 1]}
        changes: _Document = {"state": {"$cond": [freezing, "withheld", state]}, "freezing": "$$REMOVE"}
        if lost:
            changes["bill_lost"] = {"$cond": [freezing, 1, "$$REMOVE"]}
        return await self.find_one_and_update(
            {"_id": prize_id, "state": "claiming", "attempt": attempt},
            [{"$set": changes}],
            return_document=True,
        )

    async def give_by_mail(self, prize_id: str, address_box: Sealed, now_ms: int) -> Prize | None:
        """Keep the sealed address, which makes the prize given; None if the prize is not free."""
        return await self._change(
            {"_id": prize_id, "state": "won"},
            {"state": "given", "address_box": address_box, "claimed_at": now_ms, "given_at": now_ms},
        )

    async def replace_address(
        self, prize_id: str, address_box: Sealed, claimed_after_ms: int
    ) -> Prize | None:
        """Keep another address; None if the first is older than `claimed_after_ms`."""
        return await self._change(
            {"_id": prize_id, "state": "given", "claimed_at": {"$gt": claimed_after_ms}},
            {"address_box": address_box},
        )

    async def unsent(self, publisher: str, but: list[str], limit: int) -> set[str]:
        """Return the ids of a publisher's goods that are to be sent, those whose address came first.

        `but` are codes of tasks that are left out.
        """
        addressed: _Document = {"publisher": publisher, "state": "given", "address_box": {"$exists": True}}
        addressed["code"] = {"$nin": but}
        came_first = [("given_at", pymongo.ASCENDING), ("_id", pymongo.ASCENDING)]
        found = self.rows.find(addressed, {"_id": 1}, sort=came_first, limit=limit)
        return {row["_id"] for row in await found.to_list(limit)}

    async def note_address_shown(self, prize_ids: list[str], now_ms: int) -> None:
        """Note that from now on the publisher may read these addresses."""
        await self.collection.update_many(
            {"_id": {"$in": prize_ids}, "address_shown_at": {"$exists": False}},
            {"$set": {"address_shown_at": now_ms}},
        )

    async def mark_sent(
        self, prize_id: str, carrier: str, number: str, now_ms: int, due_at_ms: int
    ) -> Prize | None:
        """Note that goods were sent; None if no address is here, or they were sent before."""
        return await self._change(
            {"_id": prize_id, "state": "given", "address_box": {"$exists": True}},
            {"state": "sent", "carrier": carrier, "number": number, "sent_at": now_ms, "due_at": due_at_ms},
        )

    async def change_parcel(
        self, prize_id: str, carrier: str, number: str, sent_after_ms: int
    ) -> Prize | None:
        """Correct carrier and number; None if it was not sent after `sent_after_ms`, or is received."""
        return await self._change(
            {"_id": prize_id, "state": "sent", "sent_at": {"$gt": sent_after_ms}},
            {"carrier": carrier, "number": number},
        )

    async def receive(self, prize_id: str, now_ms: int) -> Prize | None:
        """Note that goods arrived; None if they are not on their way."""
        return await self.find_one_and_update(
            {"_id": prize_id, "state": "sent"},
            {"$set": {"state": "received", "received_at": now_ms}, "$unset": {"due_at": ""}},
            return_document=True,
        )

    async def await_arrival(self, prize_id: str, due_at_ms: int) -> None:
        """Look at goods that are on their way again at `due_at_ms`."""
        await self.collection.update_one(
            {"_id": prize_id, "state": "sent"}, {"$set": {"due_at": due_at_ms}}
        )

    async def find_old_address(self, before_ms: int) -> bool:
        """Whether there is an address that came, and its goods arrived, before that time."""
        return await self.collection.find_one(old_address(before_ms), {"_id": 1}) is not None

    async def delete_old_addresses(self, before_ms: int, age_ms: int) -> None:
        """Delete those of these addresses whose goods arrived `age_ms` ago by MongoDB's clock.

        Goods that were never sent count from when their address came, or from their release.
        """
        without = {"address_deleted": 1} | dict.fromkeys(WHERE_SENT, "$$REMOVE")
        arrived = {"$max": [{"$ifNull": ["$received_at", "$given_at"]}, "$released_at"]}
        old = {"$lte": [arrived, {"$subtract": [NOW_MS, age_ms]}]}
        await self.collection.update_many(
            old_address(before_ms),
            [{"$set": {field: {"$cond": [old, new, f"${field}"]} for field, new in without.items()}}],
        )

    async def await_pickup(self, prize_id: str, pickup: str, now_ms: int) -> Prize | None:
        """Give out a pick-up code; None if the prize is not free, or the code is another prize's."""
        try:
            return await self._change(
                {"_id": prize_id, "state": "won"},
                {"state": "claiming", "pickup": pickup, "claimed_at": now_ms},
            )
        except DuplicateKeyError:
            return None

    async def give_on_site(self, prize_id: str, now_ms: int) -> Prize | None:
        """Note that the publisher handed the prize over; None if it is not waiting for that."""
        return await self._change(
            {"_id": prize_id, "state": "claiming", "pickup": {"$exists": True}},
            {"state": "given", "given_at": now_ms},
        )

    async def begin_expiring(self, code: str, deadline_ms: int) -> None:
        """Let nobody claim a task's prizes any more. Bills under way go on, and what is held stays held.

        Changes nothing before the deadline, by MongoDB's clock.
        """
        released_until = {"$add": [{"$ifNull": ["$released_at", 0]}, RELEASED_MS]}
        over = {"$gt": [NOW_MS, {"$max": [deadline_ms, released_until]}]}
        expire: list[_Document] = [{"$set": {"state": {"$cond": [over, "expiring", "$state"]}}}]
        await self.collection.update_many({"code": code, "state": "won"}, expire)
        await self.collection.update_many(
            {"code": code, "state": "claiming", "pickup": {"$exists": True}}, expire
        )

    async def return_expired(self, code: str) -> None:
        """Note that a task's expired prizes are the publisher's again."""
        await self.collection.update_many(
            {"code": code, "state": "expiring"}, {"$set": {"state": "returned"}}
        )

    async def finish(self, prize: Prize) -> None:
        """Note that nothing is left to do about a prize in this state until its bill or task changes it."""
        await self.collection.update_one(
            {
                "_id": prize["_id"],
                "state": prize["state"],
                "attempt": prize["attempt"],
                "freezing": {"$exists": False},
            },
            {"$unset": {"due_at": ""}},
        )

    async def _change(self, condition: _Document, changes: _Document) -> Prize | None:
        return await self.find_one_and_update(condition, {"$set": changes}, return_document=True)


def old_address(before_ms: int) -> _Document:
    """Return the query that finds addresses of goods that came, and arrived, before that time."""
    return {
        "address_box": {"$exists": True},
        "given_at": {"$gt": 0, "$lte": before_ms},
        "received_at": {"$not": {"$gt": before_ms}},
        "released_at": {"$not": {"$gt": before_ms}},
        # The winner still needs the parcel's number, the publisher the address once the goods are released.
        "state": {"$nin": ["sent", "withheld"]},
    }


def parcel(prize: Prize | WonPrize) -> Parcel:
    """Return the parcel of a prize; its fields are empty until the prize is sent."""
    return Parcel(
        carrier=prize.get("carrier", ""),
        number=prize.get("number", ""),
        sent_at=prize.get("sent_at", 0),
        received_at=prize.get("received_at", 0),
    )


def claimable_until_ms(prize: Prize, deadline_ms: int) -> int:
    """Return until when a prize can be claimed, in unix ms, if its task's deadline is this."""
    return max(deadline_ms, prize.get("released_at", 0) + RELEASED_MS)


def bill_number(prize: Prize) -> str:
    """Return the number of the bill of this prize's present attempt: at most 32 characters.

    It follows from the prize, so every process makes the same one.
    """
    return f"{prize['code']}D{prize['depth']}A{prize['attempt']}"
