"""The pages of proofs that this process has read. They never change, so they are kept while there is room."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cachetools import LRUCache

from server.runtime.page_reads import PageReads

KEPT_BYTES = 8 << 20


class KnownProofs:
    """One per process. A page is kept as the reply's bytes."""

    def __init__(self) -> None:
        self._kept = LRUCache[tuple[str, int], bytes](KEPT_BYTES, len)
        # A page is large: it keeps MongoDB as busy as ten digs do.
        self._reads = PageReads("proofs", at_once=1)

    async def page(self, code: str, number: int, read: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return a page of a task's proof. Raises Unavailable, and what `read` raises."""

        async def read_once() -> bytes:
            if (code, number) not in self._kept:  # somebody before us in the queue may have read it
                self._kept[code, number] = await read()
            return self._kept[code, number]

        if (code, number) in self._kept:
            return self._kept[code, number]
        return await self._reads.answered(read_once)
