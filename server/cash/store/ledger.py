"""The ledger: `ledger`, in fen. Entries are only ever added; an entry's id says what it records.

`ledger_sums` has what all entries before a time (`through`, unix ms) add up to.

paid:out_trade_no · owed:code:depth · given:out_bill_no · refunded:out_refund_no
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Literal, TypeAlias, TypedDict, get_args

import pymongo
from pymongo.errors import DuplicateKeyError

from server.game.amounts import DAY_MS
from server.store.documents import Documents, index
from server.store.driver import Database
from server.store.failures import Uncommitted
from server.store.pipelines import Document

EntryKind: TypeAlias = Literal["paid", "owed", "given", "refunded"]
ENTRY_KINDS: tuple[EntryKind, ...] = get_args(EntryKind)
CODES_AT_ONCE = 500
# An entry is written within this time after its `at`.
LATE_MS = DAY_MS
_SUMS = "all"

# How an entry changes the money that we hold. A debt to a winner does not change it.
_SIGN: dict[EntryKind, int] = {"paid": 1, "owed": 0, "given": -1, "refunded": -1}


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
    INDEXES = (
        index("sums_of_task", "code kind amount_fen"),
        index("made", "at kind amount_fen"),
    )

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._sums = database["ledger_sums"]

    async def enter(self, kind: EntryKind, of: str, code: str, amount_fen: int, now_ms: int) -> None:
        """Add the entry `kind:of`, unless it is there."""
        entry = Entry(_id=f"{kind}:{of}", kind=kind, code=code, amount_fen=amount_fen, at=now_ms)
        await self.add_or_read(entry)

    async def enter_all(self, kind: EntryKind, amounts: Iterable[tuple[str, str, int]], now_ms: int) -> None:
        """Do what `enter` does for each (of, code, amount_fen), in one write."""
        entries = [
            Entry(_id=f"{kind}:{of}", kind=kind, code=code, amount_fen=amount_fen, at=now_ms)
            for of, code, amount_fen in amounts
        ]
        taken = await self.insert_all(entries)
        if taken and await self.rows.count_documents({"_id": {"$in": taken}}) < len(taken):
            raise Uncommitted("entries of the ledger are taken by ones that may not last")

    async def of_task(self, code: str) -> list[Entry]:
        """Return a task's entries."""
        return await self.collection.find({"code": code}).to_list(None)

    async def task_fen(self, code: str) -> dict[EntryKind, int]:
        """Return the sum of each kind of a task's entries. This reads only an index."""
        return {row["_id"]: row["fen"] for row in await self.sums({"code": code}, "$kind", fen="$amount_fen")}

    async def held_fen(self, codes: list[str]) -> dict[str, int]:
        """Return what is held for each of these tasks: paid, and neither given nor refunded."""
        held = dict.fromkeys(codes, 0)
        by = {"code": "$code", "kind": "$kind"}
        for row in await self.sums({"code": {"$in": codes}}, by, fen="$amount_fen"):
            held[row["_id"]["code"]] += _SIGN[row["_id"]["kind"]] * row["fen"]
        return held

    async def codes(self, after: str = "") -> AsyncIterator[str]:
        """Yield the codes of all tasks with a ledger entry or a prize, in order and each once; only those
        above `after`.

        Each query is answered from an index alone, and its result is bounded.
        """
        while True:
            horizon = None
            page = set[str]()
            for name in (self.NAME, "orders", "prizes", "bills", "refunds"):
                rows = await self._codes_after(name, after)
                page.update(rows)
                if len(rows) == CODES_AT_ONCE:  # more codes may follow the last one
                    horizon = rows[-1] if horizon is None else min(horizon, rows[-1])
            for code in sorted(page):
                if horizon is None or code <= horizon:
                    yield code
            if horizon is None:
                return
            after = horizon

    async def _codes_after(self, collection: str, after: str) -> list[str]:
        found = self.rows.database[collection].find(
            {"code": {"$gt": after}},
            {"_id": 0, "code": 1},
            sort=[("code", pymongo.ASCENDING)],
            limit=CODES_AT_ONCE,
        )
        return [row["code"] for row in await found.to_list(CODES_AT_ONCE)]

    async def sums_fen(self, now_ms: int) -> dict[EntryKind, int]:
        """Return the sum of each kind of entry, over all tasks.

        Entries from before yesterday are added to the sums that are kept, a day at a time. The rest is added
        up each time. An entry that is written a day after its `at` would be missed.
        """
        kept = await self._kept_sums()
        today_ms = now_ms // DAY_MS * DAY_MS
        while kept["through"] < today_ms - LATE_MS:
            oldest = await self.rows.find_one(
                {"at": {"$gte": kept["through"]}}, {"_id": 0, "at": 1}, sort=[("at", pymongo.ASCENDING)]
            )
            if oldest is None or oldest["at"] >= today_ms - LATE_MS:
                break
            day_ms = oldest["at"] // DAY_MS * DAY_MS
            kept = await self._keep_sums(kept, day_ms + DAY_MS)
        rest = await self._sums_between(kept["through"], None)
        return {kind: kept[kind] + rest.get(kind, 0) for kind in ENTRY_KINDS}

    async def given_since_fen(self, since_ms: int) -> int:
        """Return the sum that winners have received since a time (unix ms)."""
        return (await self._sums_between(since_ms, None)).get("given", 0)

    async def _kept_sums(self) -> Document:
        found = await self._sums.find_one({"_id": _SUMS})
        return found or {"through": 0, **dict.fromkeys(ENTRY_KINDS, 0)}

    async def _keep_sums(self, kept: Document, end_ms: int) -> Document:
        """Add the entries up to a time to the sums that are kept, unless another process was first."""
        added = await self._sums_between(kept["through"], end_ms)
        sums = {kind: kept[kind] + added.get(kind, 0) for kind in ENTRY_KINDS} | {"through": end_ms}
        with suppress(DuplicateKeyError):  # another process made the document
            await self._sums.update_one(
                {"_id": _SUMS, "through": kept["through"]}, {"$set": sums}, upsert=kept["through"] == 0
            )
        return await self._kept_sums()

    async def _sums_between(self, begin_ms: int, end_ms: int | None) -> dict[EntryKind, int]:
        made = {"$gte": begin_ms} if end_ms is None else {"$gte": begin_ms, "$lt": end_ms}
        return {row["_id"]: row["fen"] for row in await self.sums({"at": made}, "$kind", fen="$amount_fen")}
