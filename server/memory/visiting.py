"""Visits of tasks' pages, and share tokens: the token in a link stands for the task and who shared it.

A token is derived from a task's code and a person's id, so handing one out needs no read. The visit that
holds it is written before the reply, so it can be resolved. All visits of a moment are one write.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from server.errors import Unavailable
from server.keys import Keys
from server.memory.known_people import KnownPeople
from server.memory.line import Line
from server.random_codes import derived_code
from server.store import Store, is_unavailable
from server.store.visits import SHARE_CHARACTERS, Visit

REMEMBERED_SHARES = 10_000
SHARE_SECONDS = 60.0
# An unknown token is remembered as unknown for this long, against repeated tries.
UNKNOWN_SECONDS = 1.0


class NotNoted(Unavailable):
    """MongoDB does not take the note of a visit, or of who brought whom."""


class Share(NamedTuple):
    """Who shared which task."""

    code: str
    unionid: str


class Visiting:
    """One per process."""

    def __init__(
        self, store: Store, keys: Keys, people: KnownPeople, now_ms: Callable[[], int]
    ) -> None:
        self._store = store
        self._keys = keys
        self._people = people
        self._now_ms = now_ms
        self._shares: OrderedDict[str, tuple[Share | None, float]] = OrderedDict()
        self._visits = Line("visits", self._write_visits)
        self._brought = Line("shares", self._write_brought)
        self._tokens = Line("share tokens", self._read_tokens)

    def token(self, code: str, unionid: str) -> str:
        """Return the token that stands for a person and a task in links. It resolves after `open`."""
        return derived_code(self._keys.share_key, f"{code}:{unionid}", SHARE_CHARACTERS)

    async def open(self, code: str, unionid: str, sharer: str | None = None) -> str:
        """Record that a person opened a task, and who brought them: `sharer` is an id or a share token.

        Returns the person's own share token. A sharer who is unknown, or the person themselves, is ignored.
        Raises NotNoted if it cannot be written; and Unavailable, or what MongoDB raises, if the sharer cannot
        be read.
        """
        noted = _noted(self._visits, (code, unionid))
        if sharer is None:
            await noted
        else:
            await asyncio.gather(noted, self._note_sharer(code, sharer, unionid))
        return self.token(code, unionid)

    async def _note_sharer(self, code: str, sharer: str, newcomer: str) -> None:
        if len(sharer) == SHARE_CHARACTERS:
            share = await self._of_token(sharer)
            found = share.unionid if share is not None and share.code == code else None
        else:
            person = await self._people.find(sharer, None)
            found = None if person is None else person["_id"]
        if found is not None and found != newcomer:
            await _noted(self._brought, (code, found, newcomer))

    async def resolve(
        self, code_or_share: str, *, in_line: bool = True
    ) -> tuple[str | None, str | None]:
        """Return a task's code and, for a share token, the sharer's id. (None, None) for an unknown token.

        A code is returned unchecked. Digs pass `in_line=False`: they wait behind no page. Raises Unavailable.
        """
        if len(code_or_share) != SHARE_CHARACTERS:
            return code_or_share, None
        share = await self._of_token(code_or_share, in_line=in_line)
        return (None, None) if share is None else (share.code, share.unionid)

    async def _of_token(self, token: str, *, in_line: bool = True) -> Share | None:
        known = self._shares.get(token)
        if known is not None:
            share, read_at = known
            if _now() - read_at < (UNKNOWN_SECONDS if share is None else SHARE_SECONDS):
                return share
        if not in_line:
            return (await self._store.page_reads.answered(lambda: self._read_tokens([token]))).get(token)
        return await self._tokens.ask(token)

    async def close(self) -> None:
        """Refuse all who wait."""
        for line in (self._visits, self._brought, self._tokens):
            await line.close()

    async def _write_visits(self, opened: list[tuple[str, str]]) -> Mapping[tuple[str, str], None]:
        now_ms = self._now_ms()
        visits = [
            Visit(code=code, unionid=unionid, share=self.token(code, unionid), opened_at=now_ms)
            for code, unionid in opened
        ]
        await self._store.visits.open(visits)
        for visit in visits:
            self._shares.pop(visit["share"], None)  # it is remembered as unknown if somebody tried it before
        return {}

    async def _write_brought(
        self, brought: list[tuple[str, str, str]]
    ) -> Mapping[tuple[str, str, str], None]:
        await self._store.visits.record_shares(brought)
        return {}

    async def _read_tokens(self, tokens: list[str]) -> Mapping[str, Share]:
        began = _now()
        found = {
            token: Share(visit["code"], visit["unionid"])
            for token, visit in (await self._store.visits.of_shares(tokens)).items()
        }
        for token in tokens:
            self._shares[token] = found.get(token), began
            self._shares.move_to_end(token)
        while len(self._shares) > REMEMBERED_SHARES:
            self._shares.popitem(last=False)
        return found


async def _noted(line: Line[Any, None], key: tuple[str, ...]) -> None:
    try:
        await line.ask(key)
    except Unavailable as error:
        raise NotNoted from error
    except Exception as error:
        if not is_unavailable(error):
            raise
        raise NotNoted from error


def _now() -> float:
    return asyncio.get_running_loop().time()
