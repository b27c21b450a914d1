"""The people this process knows: the part of their records that says whether to let them in.

What was read is trusted for a limited time. The bus tells of changes elsewhere; without Redis, that time is
shorter.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import cast

from server.reading.line import Line
from server.store import Store
from server.store.people import ADMITTING, Person

TRUSTED_SECONDS = 60.0
TRUSTED_SECONDS_ALONE = 10.0  # while Redis is down
REMEMBERED = 50_000


class KnownPeople:
    """One per process.

    `connection()` is the number of the Redis connection that tells of changes elsewhere, 0 if there is none.
    `ended(unionid)` is the valid generation of a person's tokens if one was ended recently, else 0.
    """

    def __init__(self, store: Store, connection: Callable[[], int], ended: Callable[[str], int]) -> None:
        self._store = store
        self._ended = ended
        self._connection = connection
        self._known: OrderedDict[str, tuple[Person, float, int]] = OrderedDict()
        self._proven = Line("people by token", self._read_proven)
        self._bare = Line("people", self._read)

    async def find(self, unionid: str, generation: int | None) -> Person | None:
        """Return the part of a person's record that says whether to let them in; None if there is none.

        `generation` is that of the valid token in the request; the record then notes that the person sends
        tokens. It is None for a bare id: then memory answers only if it says that the person sends
        tokens, since such an id is refused. Raises Unavailable.
        """
        proven = generation is not None
        known = self._known.get(unionid)
        if known is not None:
            person, read_at, connection = known
            told = connection and connection == self._connection()
            trusted = TRUSTED_SECONDS if told else TRUSTED_SECONDS_ALONE
            known_generation = person.get("generation", 0)
            # A token of a later generation than the known one comes from a login after the read.
            current = known_generation >= self._ended(unionid) and generation in (None, known_generation)
            if current and _now() - read_at < trusted and (proven or person.get("token_seen")):
                return person
        return await (self._proven if proven else self._bare).ask(unionid)

    async def read_whole(self, unionid: str) -> Person | None:
        """Return the whole record of a person who sent a valid token, and note there that they do.

        One round trip. Raises what the store raises.
        """
        if self._has_shown_token(unionid):
            return await self._store.people.find(unionid)
        began, connection = _now(), self._connection()
        person = await self._store.people.find_by_token(unionid)
        if person is not None:
            admitting = {name: person[name] for name in ADMITTING if name in person}  # type: ignore[literal-required]
            self._remember([cast(Person, admitting)], began, connection)
        return person

    async def close(self) -> None:
        """Refuse all who wait."""
        await self._proven.close()
        await self._bare.close()

    async def _read(self, unionids: list[str]) -> Mapping[str, Person]:
        began, connection = _now(), self._connection()
        found = await self._store.people.admitting(unionids)
        self._remember(found, began, connection)
        return {person["_id"]: person for person in found}

    def _remember(self, people: list[Person], began: float, connection: int) -> None:
        for person in people:
            self._known[person["_id"]] = person, began, connection
            self._known.move_to_end(person["_id"])
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    async def _read_proven(self, unionids: list[str]) -> Mapping[str, Person]:
        # Mark during the read, not after it, so that a person's first request takes no longer.
        fresh = [unionid for unionid in unionids if not self._has_shown_token(unionid)]
        marking = self._store.people.mark_tokens_seen(fresh) if fresh else asyncio.sleep(0)
        found, _ = await asyncio.gather(self._read(unionids), marking)
        for unionid in found:
            found[unionid]["token_seen"] = True
        return found

    def _has_shown_token(self, unionid: str) -> bool:
        known = self._known.get(unionid)
        return known is not None and bool(known[0].get("token_seen"))


def _now() -> float:
    return asyncio.get_running_loop().time()
