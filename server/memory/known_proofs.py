"""The finished proofs this process has read. They never change, so they are kept while there is room."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from functools import partial

from server.runtime.page_reads import PageReads
from server.store import Store
from server.store.digging.proofs import WrittenProof

RECORDS_KEPT = 1_000
PARTS_KEPT_BYTES = 8 << 20


class KnownProofs:
    """One per process. `turn` lets requests write missing proofs one at a time."""

    def __init__(self, store: Store) -> None:
        self.turn = asyncio.Lock()
        self._store = store
        # A part is large: it keeps MongoDB as busy as ten digs do.
        self._reads = PageReads("proofs", at_once=1)
        self._records: OrderedDict[str, WrittenProof] = OrderedDict()
        self._parts: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._parts_bytes = 0

    async def find(self, code: str) -> WrittenProof | None:
        """Return a finished proof's record; None if there is none. Raises what the store raises."""
        record = self._records.get(code) or await self._store.proofs.find(code)
        if record is not None:
            self._records[code] = record
            self._records.move_to_end(code)
            while len(self._records) > RECORDS_KEPT:
                self._records.popitem(last=False)
        return record

    async def part(self, code: str, number: int) -> bytes:
        """Return a part of a finished proof, from 0. Raises LookupError and what the store raises."""
        kept = self._parts.get((code, number))
        if kept is None:
            return await self._reads.answered(partial(self._read, code, number))
        self._parts.move_to_end((code, number))
        return kept

    async def _read(self, code: str, number: int) -> bytes:
        kept = self._parts.get((code, number))  # somebody before us in the line may have read it
        if kept is not None:
            return kept
        data = await self._store.proofs.find_part(code, number)
        self._parts[code, number] = data
        self._parts_bytes += len(data)
        while self._parts_bytes > PARTS_KEPT_BYTES:
            _, dropped = self._parts.popitem(last=False)
            self._parts_bytes -= len(dropped)
        return data
