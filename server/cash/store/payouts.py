"""What red packets pay, read from `prizes` for the limits, and the number of a prize's bill."""

from collections.abc import Mapping
from typing import NamedTuple

from server.cash.rules.day_limits import Claimed
from server.security.random_codes import derived_code
from server.store.documents import Documents
from server.store.driver import aggregate
from server.store.pipelines import Document, summed
from server.store.prizes.prizes import Prize

# Claims within this time are added up for the limits of a day.
TOGETHER_MS = 30_000
WINNER_CHARACTERS = 6  # of a bill's number


class Paid(NamedTuple):
    """Red packets of one publisher that one person claimed: how many, and their sum."""

    publisher: str
    winner: str
    number: int
    fen: int


class Payouts(Documents[Prize]):
    """Sums over `prizes`. It writes nothing, and has no collection of its own."""

    NAME = "prizes"

    async def paid_out_fen(
        self, person_id: str, publisher: str, week_ago_ms: int, day_ago_ms: int
    ) -> Mapping[str, int]:
        """Return what a person's claims of the last week pay, in fen.

        "week" is the sum of all claims since `week_ago_ms`, "day" that of the claims since `day_ago_ms`.
        "pair" is the part of "week" that this publisher pays.
        """
        day = {"$cond": [{"$gte": ["$claimed_at", day_ago_ms]}, "$amount_fen", 0]}
        pair = {"$cond": [{"$eq": ["$publisher", {"$literal": publisher}]}, "$amount_fen", 0]}
        claimed = {"claimed_at": {"$gte": week_ago_ms}, "state": {"$in": ["claiming", "given"]}}
        [found] = await self.sums({"person_id": person_id, **claimed}, week="$amount_fen", day=day, pair=pair)
        return found

    async def were_paid(
        self, person_id: str, publisher: str, fen: int, since_ms: int, before_ms: int
    ) -> bool:
        """Whether this publisher's red packets that this person claimed since a time paid them at least this
        amount before another."""
        given = {"state": "given", "given_at": {"$lte": before_ms}, "claimed_at": {"$gte": since_ms}}
        paid = {"person_id": person_id, "publisher": publisher, **given}
        [found] = await self.sums(paid, fen="$amount_fen")
        return bool(found["fen"] >= fen)

    async def under_limit(self, scope: Document, since_ms: int, besides: str) -> list[Claimed]:
        """Return what was claimed since then.

        Claims within `TOGETHER_MS` are added up, since there may be thousands of small shares.
        A scope is a condition on people, `young` and `private`. The prize `besides` is left out.
        """
        began = {"$subtract": ["$claimed_at", {"$mod": ["$claimed_at", TOGETHER_MS]}]}
        claimed = {"claimed_at": {"$gte": since_ms}, "state": {"$in": ["claiming", "given"]}}
        others = {**scope, "_id": {"$ne": besides}, **claimed, "amount_fen": {"$gt": 0}}
        pipeline: list[Document] = [
            {"$match": others},
            {
                "$group": {
                    "_id": {
                        "began": began,
                        "decided": {"$eq": ["$weighed", "$attempt"]},
                    },
                    "at": {"$max": "$claimed_at"},
                    "fen": {"$sum": "$amount_fen"},
                }
            },
        ]
        return [
            Claimed(row["at"], row["fen"], row["_id"]["decided"])
            for row in await aggregate(self.rows, pipeline, None)
        ]

    async def paid_around(self, people: list[str], since_ms: int, limit: int) -> list[Paid]:
        """Add up what these people claimed, and what was claimed from them, by publisher and winner; the
        largest sums come first. Held prizes count too."""
        claimed = {"amount_fen": {"$gt": 0}, "claimed_at": {"$gte": since_ms}}
        added = summed({"publisher": "$publisher", "winner": "$person_id"}, number=1, fen="$amount_fen")
        won = {"person_id": {"$in": people}, "publisher": {"$nin": people}, **claimed}
        pipeline: list[Document] = [
            {"$match": {"publisher": {"$in": people}, **claimed}},
            added,
            {"$unionWith": {"coll": self.NAME, "pipeline": [{"$match": won}, added]}},
            {"$sort": {"fen": -1}},
            {"$limit": limit},
        ]
        found = await aggregate(self.rows, pipeline, limit)
        return [Paid(**row["_id"], number=row["number"], fen=row["fen"]) for row in found]

    async def number_won(self, person_id: str, since_ms: int, publisher: str = "") -> int:
        """Return how many red packets a person won since then; with `publisher`, only those of this
        publisher."""
        theirs = {"person_id": person_id, **({"publisher": publisher} if publisher else {})}
        won = {"won_at": {"$gte": since_ms}, "amount_fen": {"$gt": 0}}
        return await self.rows.count_documents({**theirs, **won})


def bill_number(prize: Prize) -> str:
    """Return the number, of at most 32 characters, of the bill for this prize's present attempt.

    The number follows from the prize and its winner, so every process makes the same number. After a restore
    of the database somebody else may win the prize: then the number is another one. If the same person wins
    it, the number is the same, and WeChat pays it once.
    """
    winner = derived_code(prize["person_id"].encode(), prize["_id"], WINNER_CHARACTERS)
    return f"{prize['code']}D{prize['depth']}A{prize['attempt']}W{winner}"
