"""Visits of tasks' pages, and share tokens: the token in a link stands for the task and who shared it.

A token is derived from a task's code and a person's id, so handing one out needs no read. The visit with the
token is written before the reply, so the token can be resolved. Simultaneous visits are one write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from cachetools import TLRUCache, TTLCache

from server.memory.batch_queue import BatchQueue
from server.security.keys import Keys
from server.security.random_codes import derived_code
from server.store import Store
from server.store.digging.visits import SHARE_CHARACTERS, Visit

REMEMBERED_SHARES = 10_000
SHARE_SECONDS = 60.0
# An unknown token is remembered as unknown for this long, against repeated tries.
UNKNOWN_SECONDS = 1.0
# A visit is not written again within this time: pages ask anew after each reconnect.
NOTED_SECONDS, REMEMBERED_VISITS = 60.0, 20_000


class Share(NamedTuple):
    """A task that was shared, and the person who shared it."""

    code: str
    unionid: str


class Visiting:
    """One per process."""

    def __init__(self, store: Store, keys: Keys, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._keys = keys
        self._now_ms = now_ms
        self._shares = TLRUCache[str, Share | None](REMEMBERED_SHARES, _trusted_until, _now)
        self._visits = BatchQueue("visits", self._write_visits)
        # Per person, the last visit that this process wrote: its share token, and the generation of the
        # person's login tokens.
        self._last = TTLCache[str, tuple[str, int]](REMEMBERED_VISITS, NOTED_SECONDS, _now)
        self._brought = BatchQueue("shares", self._write_brought)
        self._tokens = BatchQueue("share tokens", self._read_tokens)
        # Each visit needs its token twice: to write it, and to return it.
        self._token = lru_cache(REMEMBERED_SHARES)(derived_code)

    def token(self, code: str, unionid: str) -> str:
        """Return the token that stands for a person and a task in links. It resolves after `note_visit`."""
        return self._token(self._keys.share_key, f"{code}:{unionid}", SHARE_CHARACTERS)

    async def note_visit(self, code: str, unionid: str, generation: int | None) -> None:
        """Write that a person opened a task, unless it is the task that they opened here last, a minute ago
        at most.

        `generation` is that of the caller's token. The generation is a new one after an erasure, which also
        deletes the visits. Without a token (None) each visit is written: clients without tokens may ask for
        the participants of the task that they opened last. Raises Unavailable, or what MongoDB raises.
        """
        if generation is None:
            await self._visits.ask((code, unionid))
            return
        visit = self.token(code, unionid), generation
        if self._last.get(unionid) != visit:
            await self._visits.ask((code, unionid))
            self._last[unionid] = visit

    async def note_brought(self, code: str, sharer: str, newcomer: str) -> None:
        """Write who brought somebody to a task. Raises Unavailable, or what MongoDB raises."""
        await self._brought.ask((code, sharer, newcomer))

    async def resolve(
        self, code_or_share: str, *, in_queue: bool = True
    ) -> tuple[str | None, str | None]:
        """Return a task's code and, for a share token, the sharer's id. (None, None) for an unknown token.

        A code is returned unchecked. Digs do not wait in the queue of page reads: they pass
        `in_queue=False`. Raises Unavailable.
        """
        if len(code_or_share) != SHARE_CHARACTERS:
            return code_or_share, None
        share = await self._of_token(code_or_share, in_queue=in_queue)
        return (None, None) if share is None else (share.code, share.unionid)

    async def _of_token(self, token: str, *, in_queue: bool = True) -> Share | None:
        with suppress(KeyError):
            return self._shares[token]
        if not in_queue:
            return (await self._store.page_reads.answered(lambda: self._read_tokens([token]))).get(token)
        return await self._tokens.ask(token)

    async def close(self) -> None:
        """Refuse all who wait."""
        for queue in (self._visits, self._brought, self._tokens):
            await queue.close()

    async def _write_visits(self, opened: list[tuple[str, str]]) -> Mapping[tuple[str, str], None]:
        now_ms = self._now_ms()
        visits = [
            Visit(code=code, unionid=unionid, tokens=[self.token(code, unionid)], opened_at=now_ms)
            for code, unionid in opened
        ]
        await self._store.visits.open(visits)
        for visit in visits:
            # If somebody tried the token before it was written, it is remembered as unknown.
            self._shares.pop(visit["tokens"][0], None)
        return {}

    async def _write_brought(
        self, brought: list[tuple[str, str, str]]
    ) -> Mapping[tuple[str, str, str], None]:
        await self._store.shares.record(brought)
        return {}

    async def _read_tokens(self, tokens: list[str]) -> Mapping[str, Share]:
        found = {
            token: Share(visit["code"], visit["unionid"])
            for token, visit in (await self._store.visits.of_tokens(tokens)).items()
        }
        for token in tokens:
            self._shares[token] = found.get(token)
        return found


def _trusted_until(_token: str, share: Share | None, now: float) -> float:
    return now + (UNKNOWN_SECONDS if share is None else SHARE_SECONDS)


def _now() -> float:
    return asyncio.get_running_loop().time()
