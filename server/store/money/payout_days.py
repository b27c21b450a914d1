"""The sum paid out on each day, `payout_days`: WeChat limits this sum for each merchant."""

from __future__ import annotations

from typing import TypedDict

from server.store.documents import Documents


class PayoutDay(TypedDict):
    """`_id` is the day, as `server/game/amounts.py` numbers it; `fen` is what counts against the day's
    limit."""

    _id: int
    fen: int


class PayoutDays(Documents[PayoutDay]):
    """Reads and writes of `payout_days`."""

    NAME = "payout_days"

    async def take(self, day: int, fen: int, most_fen: int) -> bool:
        """Count a payout before its bill is made; False if it would take the day above its limit.

        One update decides for all processes. If a process dies before it notes in the prize that this was
        counted, the prize is counted again: the day's sum is then too high until midnight, but it is never
        too low.
        """
        if fen > most_fen:
            return False
        fits = {"_id": day, "fen": {"$lte": most_fen - fen}}
        counted = {"$inc": {"fen": fen}}
        # The second try is for the case that another process began the day just now.
        return await self.upserts(fits, counted) or await self.upserts(fits, counted)

    async def give_back(self, day: int, fen: int) -> None:
        """Subtract a payout for which no bill was made."""
        await self.rows.update_one({"_id": day}, {"$inc": {"fen": -fen}})

    async def fen(self, day: int) -> int:
        """Return what counts against a day's limit."""
        found = await self.collection.find_one({"_id": day})
        return 0 if found is None else found["fen"]
