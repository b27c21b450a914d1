"""The books: `ledger`, in fen. Entries are only ever added; an entry's id says what it records.

paid:out_trade_no · owed:code:depth · given:out_bill_no · refunded:out_refund_no
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any, ClassVar, Literal, TypeAlias, TypedDict

import pymongo
from pymongo import IndexModel
from pymongo.errors import BulkWriteError, DuplicateKeyError

from server.store.documents import Documents

_Document = dict[str, Any]

DUPLICATE_KEY = 11000

EntryKind: TypeAlias = Literal["paid", "owed", "given", "refunded"]


class Entry(TypedDict):
    """`at` is when the entry was made, in unix milliseconds."""

    _id: str
    kind: EntryKind
    code: str
    amount_fen: int
    at: int


class Ledger(Documents[Entry]):
    """Reads of `ledger`, and the one kind of write there is: to add entries."""

    NAME = "ledger"
    INDEXES: ClassVar[list[IndexModel]] = [
        IndexModel([("code", 1)], name="of_task"),
        IndexModel([("kind", 1), ("amount_fen", 1)], name="sums"),
    ]

    async def enter(self, kind: EntryKind, of: str, code: str, amount_fen: int, now_ms: int) -> None:
        """Add the entry `kind:of`, unless it is there."""
        try:
            await self.rows.insert_one(
                {"_id": f"{kind}:{of}", "kind": kind, "code": code, "amount_fen": amount_fen, "at": now_ms}
            )
        except DuplicateKeyError:
            return  # it is there

    async def enter_all(self, kind: EntryKind, amounts: Iterable[tuple[str, str, int]], now_ms: int) -> None:
        """Add entries, given as (of, code, amount_fen), in one write; those that are there stay."""
        entries = [
            {"_id": f"{kind}:{of}", "kind": kind, "code": code, "amount_fen": amount_fen, "at": now_ms}
            for of, code, amount_fen in amounts
        ]
        try:
            await self.rows.insert_many(entries, ordered=False)
        except BulkWriteError as error:
            if any(
                failed["code"] != DUPLICATE_KEY for failed in (error.details or {}).get("writeErrors", ())
            ):
                raise

    async def of_task(self, code: str) -> list[Entry]:
        """Return a task's entries."""
        return await self.collection.find({"code": code}).to_list(None)

    async def codes(self) -> AsyncIterator[str]:
        """Yield the code of each task with an entry, order, prize, bill or refund; each once, in order."""
        pipeline: list[_Document] = [{"$project": {"code": 1}}]
        pipeline += [
            {"$unionWith": {"coll": other, "pipeline": [{"$project": {"code": 1}}]}}
            for other in ("orders", "prizes", "bills", "refunds")
        ]
        pipeline += [{"$group": {"_id": "$code"}}, {"$sort": {"_id": pymongo.ASCENDING}}]
        async for row in self.rows.aggregate(pipeline, allowDiskUse=True):
            yield row["_id"]

    async def sums_fen(self) -> dict[EntryKind, int]:
        """Return the sum of each kind of entry, over all tasks."""
        pipeline: list[_Document] = [{"$group": {"_id": "$kind", "amount_fen": {"$sum": "$amount_fen"}}}]
        sums: dict[EntryKind, int] = {"paid": 0, "owed": 0, "given": 0, "refunded": 0}
        async for row in self.rows.aggregate(pipeline):
            sums[row["_id"]] = row["amount_fen"]
        return sums
