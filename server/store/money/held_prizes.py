"""Prizes that their winners do not get for now: those of `prizes` with `withheld_at`, and what decides that.

held: a brake holds the payout of a red packet until an operator decides. withheld: an operator froze it;
`held_for` stays. A bill that is out when a red packet is frozen is cancelled first: meanwhile the prize is
still `claiming`, and `freezing`. Goods are withheld until they are sent or handed over.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pymongo

from server.store.documents import Documents
from server.store.money.prizes import Prize, Wait, Why

_Document = dict[str, Any]

HELD = ["held", "withheld"]
_LEAVES = dict.fromkeys(("withheld_at", "held_for", "freezing"), "$$REMOVE")
# What a withheld prize was before: goods whose address is here, goods whose pick-up code is out, or won.
_UNCLAIMED = {"$cond": [{"$eq": [{"$type": "$pickup"}, "string"]}, "claiming", "won"]}
_BEFORE = {"$cond": [{"$gt": ["$given_at", 0]}, "given", _UNCLAIMED]}


class PaidOut(NamedTuple):
    """Fen that a person claimed. `lately` begins later than `since`; `of_publisher` begins with `since`."""

    since: int
    lately: int
    of_publisher: int


class Won(NamedTuple):
    """Red packets that have these fields in common. `code` is the task of the newest."""

    of: dict[str, str]
    number: int
    fen: int
    code: str


class HeldPrizes(Documents[Prize]):
    """Reads and writes of `prizes`. Each change is one update, conditional on the state before it."""

    NAME = "prizes"

    async def paid_out_fen(self, unionid: str, publisher: str, since_ms: int, lately_ms: int) -> PaidOut:
        """Return what a person's claims since these times pay, `of_publisher` since the first."""
        lately = {"$cond": [{"$gte": ["$claimed_at", lately_ms]}, "$amount_fen", 0]}
        pair = {"$cond": [{"$eq": ["$publisher", {"$literal": publisher}]}, "$amount_fen", 0]}
        pipeline: list[_Document] = [
            {
                "$match": {
                    "unionid": unionid,
                    "claimed_at": {"$gte": since_ms},
                    "state": {"$in": ["claiming", "given"]},
                }
            },
            {
                "$group": {
                    "_id": None,
                    "since": {"$sum": "$amount_fen"},
                    "lately": {"$sum": lately},
                    "pair": {"$sum": pair},
                }
            },
        ]
        for row in await self.rows.aggregate(pipeline).to_list(1):
            return PaidOut(row["since"], row["lately"], row["pair"])
        return PaidOut(0, 0, 0)

    async def were_paid(self, unionid: str, publisher: str, fen: int, before_ms: int) -> bool:
        """Whether this publisher's red packets paid this person so much or more before that time."""
        pipeline: list[_Document] = [
            {
                "$match": {
                    "unionid": unionid,
                    "publisher": publisher,
                    "state": "given",
                    "given_at": {"$lte": before_ms},
                }
            },
            {"$group": {"_id": None, "fen": {"$sum": "$amount_fen"}}},
        ]
        return any(row["fen"] >= fen for row in await self.rows.aggregate(pipeline).to_list(1))

    async def under_limit(
        self, scope: _Document, since_ms: int, besides: str, limit: int
    ) -> list[tuple[int, int, bool]]:
        """Return what was claimed since then, at most `limit`: when, fen, and whether it was let through.

        A scope is a condition of fields of people, `young` and `private`. `besides` is left out.
        """
        found = self.collection.find(
            {
                **scope,
                "_id": {"$ne": besides},
                "claimed_at": {"$gte": since_ms},
                "amount_fen": {"$gt": 0},
                "state": {"$in": ["claiming", "given"]},
            },
            {"claimed_at": 1, "amount_fen": 1, "attempt": 1, "weighed": 1},
            limit=limit,
        )
        return [
            (row["claimed_at"], row["amount_fen"], row.get("weighed") == row["attempt"])
            for row in await found.to_list(limit)
        ]

    async def paid_around(
        self, people: list[str], since_ms: int, limit: int
    ) -> list[tuple[str, str, frozenset[str], int]]:
        """Return what these people paid and were paid: publisher, winner, treasures, fen; the largest first.

        What is claimed counts, also if it is held.
        """
        claimed = {"amount_fen": {"$gt": 0}, "claimed_at": {"$gte": since_ms}}
        pipeline: list[_Document] = [
            {"$match": {"$or": [{"publisher": {"$in": people}}, {"unionid": {"$in": people}}], **claimed}},
            {
                "$group": {
                    "_id": {"publisher": "$publisher", "winner": "$unionid"},
                    "codes": {"$addToSet": "$code"},
                    "fen": {"$sum": "$amount_fen"},
                }
            },
            {"$sort": {"fen": -1}},
            {"$limit": limit},
        ]
        found = await self.rows.aggregate(pipeline).to_list(limit)
        return [
            (row["_id"]["publisher"], row["_id"]["winner"], frozenset(row["codes"]), row["fen"])
            for row in found
        ]

    async def paid_in_all(self, publishers: list[str], since_ms: int) -> dict[str, int]:
        """Return what each of these publishers' red packets paid since then, in fen."""
        pipeline: list[_Document] = [
            {
                "$match": {
                    "publisher": {"$in": publishers},
                    "amount_fen": {"$gt": 0},
                    "claimed_at": {"$gte": since_ms},
                }
            },
            {"$group": {"_id": "$publisher", "fen": {"$sum": "$amount_fen"}}},
        ]
        return {row["_id"]: row["fen"] async for row in self.rows.aggregate(pipeline)}

    async def won_of(self, unionid: str, publisher: str, since_ms: int) -> int:
        """Return how many of a publisher's red packets a person won since then."""
        return await self.collection.count_documents(
            {
                "unionid": unionid,
                "won_at": {"$gte": since_ms},
                "publisher": publisher,
                "amount_fen": {"$gt": 0},
            }
        )

    async def number_won(self, unionid: str, since_ms: int) -> int:
        """Return how many red packets a person won since then."""
        return await self.collection.count_documents(
            {"unionid": unionid, "won_at": {"$gte": since_ms}, "amount_fen": {"$gt": 0}}
        )

    async def held_among(self, people: list[str], why: Why, until_ms: int) -> list[Prize]:
        """Return what is held for this reason, since then or longer, of what these people owe each other."""
        found = self.collection.find(
            {
                "publisher": {"$in": people},
                "unionid": {"$in": people},
                "state": "held",
                "held_for": why,
                "withheld_at": {"$lte": until_ms},
            }
        )
        return await found.to_list(None)

    async def put_off(self, prize: Prize, why: Wait, until_ms: int) -> Prize | None:
        """Let a prize be claimed again at that time; None if it was decided already, or is being frozen."""
        return await self._decide(
            prize,
            {"state": "won", "waits_for": why, "waits_until": until_ms, "released_at": until_ms},
        )

    async def let_through(self, prize: Prize) -> Prize | None:
        """Note that this attempt may be paid; None if it was decided already, or is being frozen."""
        return await self._decide(prize, {"weighed": prize["attempt"]})

    async def hold(self, prize: Prize, why: Why, now_ms: int) -> Prize | None:
        """Hold an attempt that has no bill yet; None if it was decided already, or is being frozen."""
        return await self._decide(prize, {"state": "held", "held_for": why, "withheld_at": now_ms})

    async def _decide(self, prize: Prize, changes: _Document) -> Prize | None:
        attempt = prize["attempt"]
        return await self.find_one_and_update(
            {
                "_id": prize["_id"],
                "state": "claiming",
                "attempt": attempt,
                "weighed": {"$ne": attempt},
                "freezing": {"$exists": False},
            },
            {"$set": changes},
            return_document=True,
        )

    async def withhold_unweighed(self, prize: Prize) -> Prize | None:
        """Withhold a prize that is being frozen and was not weighed: it has no bill to be cancelled."""
        attempt = prize["attempt"]
        return await self.find_one_and_update(
            {
                "_id": prize["_id"],
                "state": "claiming",
                "attempt": attempt,
                "weighed": {"$ne": attempt},
                "freezing": 1,
            },
            {"$set": {"state": "withheld"}, "$unset": {"freezing": ""}},
            return_document=True,
        )

    async def withhold(self, scope: _Document, now_ms: int) -> None:
        """Withhold the prizes of a scope that are not given out; those whose bill is out become `freezing`.

        Goods by mail are given out once they are sent. A scope is a condition of one equal field: `_id`,
        `code`, `unionid` or `publisher`. It is one update: between two, a bill that fails could take a prize
        past both.
        """
        billed = {"$and": [{"$eq": ["$state", "claiming"]}, {"$gt": ["$amount_fen", 0]}]}
        changes = {
            "state": {"$cond": [billed, "claiming", "withheld"]},
            "freezing": {"$cond": [billed, 1, "$$REMOVE"]},
            "due_at": {"$cond": [billed, now_ms, "$due_at"]},
            "withheld_at": {"$ifNull": ["$withheld_at", now_ms]},
        }
        await self.rows.update_many(
            {
                **scope,
                "$or": [
                    {"state": {"$in": ["won", "held", "claiming"]}},
                    {"state": "given", "address_box": {"$exists": True}},
                ],
                "freezing": {"$exists": False},
            },
            [{"$set": changes}],
        )

    async def of_scope(self, scope: _Document) -> list[Prize]:
        """Return the prizes of a scope that are held, withheld or being frozen."""
        found = self.collection.find({**scope, "withheld_at": {"$exists": True}})
        return await found.to_list(None)

    async def release(self, prize_id: str, now_ms: int) -> Prize | None:
        """End that a prize is withheld; None if it is not, or its bill was lost.

        Brakes stay on: one that held it holds it again, others weigh its next claim.
        """
        free = {"$eq": [{"$ifNull": ["$held_for", ""]}, ""]}
        changes = {
            "state": {"$cond": [free, _BEFORE, "held"]},
            "released_at": now_ms,
            "withheld_at": {"$cond": [free, "$$REMOVE", "$withheld_at"]},
        }
        return await self.find_one_and_update(
            {"_id": prize_id, "state": "withheld", "bill_lost": {"$exists": False}},
            [{"$set": changes}],
            return_document=True,
        )

    async def let_off(self, prize_id: str, now_ms: int) -> Prize | None:
        """Let the winner claim it, whatever brakes say; None if it is not held, or its bill was lost."""
        return await self.find_one_and_update(
            {"_id": prize_id, "state": {"$in": HELD}, "bill_lost": {"$exists": False}},
            [{"$set": {"state": _BEFORE, "released_at": now_ms, "let_off": 1} | _LEAVES}],
            return_document=True,
        )

    async def give_back(self, prize_id: str) -> Prize | None:
        """Let a held prize go back to its publisher; None if it is not held.

        A red packet goes back with all that is unclaimed. Goods are the publisher's at once, and where they
        were to be sent is deleted.
        """
        changes: _Document = {
            "state": {"$cond": [{"$gt": ["$amount_fen", 0]}, "expiring", "returned"]},
            "denied": 1,
            "address_deleted": {"$cond": [{"$gt": ["$given_at", 0]}, 1, "$$REMOVE"]},
            "address_box": "$$REMOVE",
        }
        return await self.find_one_and_update(
            {"_id": prize_id, "state": {"$in": HELD}},
            [{"$set": changes | _LEAVES}],
            return_document=True,
        )

    async def look_again(self, prize_id: str, due_at_ms: int) -> None:
        """Look again at a prize whose bill is being cancelled."""
        await self.collection.update_one(
            {"_id": prize_id, "state": "claiming", "freezing": 1}, {"$set": {"due_at": due_at_ms}}
        )

    async def won_since(self, since_ms: int, by: list[str], least: int, limit: int) -> list[Won]:
        """Add up the red packets won since a time by these fields, where they are `least` or more.

        All are read, and those of the most money come first, so that no flood of small ones hides others.
        """
        pipeline: list[_Document] = [
            {"$match": {"amount_fen": {"$gt": 0}, "won_at": {"$gte": since_ms}}},
            {"$sort": {"won_at": -1}},
            {
                "$group": {
                    "_id": {field: f"${field}" for field in by},
                    "number": {"$sum": 1},
                    "fen": {"$sum": "$amount_fen"},
                    "code": {"$first": "$code"},
                }
            },
            {"$match": {"number": {"$gte": least}}},
            {"$sort": {"fen": -1}},
            {"$limit": limit},
        ]
        found = await self.rows.aggregate(pipeline).to_list(limit)
        return [Won(row["_id"], row["number"], row["fen"], row["code"]) for row in found]

    async def waiting(self, limit: int) -> list[Prize]:
        """Return the prizes that are held, withheld or being frozen, the longest first."""
        found = self.collection.find(
            {"withheld_at": {"$exists": True}}, sort=[("withheld_at", pymongo.ASCENDING)], limit=limit
        )
        return await found.to_list(limit)

    async def waiting_fen(self) -> dict[str, tuple[int, int]]:
        """Return of each state of those: how many there are, and their sum in fen."""
        pipeline: list[_Document] = [
            {"$match": {"withheld_at": {"$exists": True}}},
            {"$group": {"_id": "$state", "number": {"$sum": 1}, "fen": {"$sum": "$amount_fen"}}},
        ]
        return {row["_id"]: (row["number"], row["fen"]) async for row in self.rows.aggregate(pipeline)}
