"""The people this process knows: the fields of their records that decide whether they are admitted.

A record that was read is trusted for a limited time. The bus brings news of changes in other processes;
without Redis, records are trusted for a shorter time.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from cachetools import LRUCache

from server.memory.batch_queue import BatchQueue
from server.runtime.deadline import loop_time
from server.store import Store
from server.store.people.people import ADMITTING, Person

TRUSTED_SECONDS = 60.0
TRUSTED_SECONDS_ALONE = 10.0  # while Redis is down
REMEMBERED = 50_000


class KnownPeople:
    """One per process.

    `connection()` is the number of the Redis connection that brings this news, 0 if there is none.
    `valid(person_id)` is the valid generation of a person's tokens if any of them ended recently, else 0.
    """

    def __init__(self, store: Store, connection: Callable[[], int], valid: Callable[[str], int]) -> None:
        self._store = store
        self._valid = valid
        self._connection = connection
        self._known = LRUCache[str, tuple[Person, float, int]](REMEMBERED)
        self._queue = BatchQueue(self._read)
        self._ids = BatchQueue(store.people.ids_of)

    async def find(self, person_id: str, generation: int | None) -> Person | None:
        """Return the fields of a person's record that admit them; None if there is no such person.

        `generation` is that of the valid token in the request, None for a bare id. A bare id is answered from
        memory only if memory says that the person is locked: then the bare id is refused. A person who is
        banned or deleting their account is read anew, because that may have been undone. Raises Unavailable.
        """
        person = self._trusted(person_id)
        # A token of a later generation than the known one comes from a login after the read.
        if generation is None:
            admits = person is not None and person.get("locked")
        else:
            admits = person is not None and person["generation"] == generation
        return person if admits else await self._queue.ask(person_id)

    async def id_of(self, unionid: str) -> str:
        """Return the id of the person whom clients without a token name so; "" if there is none. Raises
        Unavailable."""
        return await self._ids.ask(unionid) or ""

    def _trusted(self, person_id: str) -> Person | None:
        """Return what is known of a person; None if they must be read anew."""
        known = self._known.get(person_id)
        if known is None or "leaving" in known[0] or "banned" in known[0]:
            return None
        person, read_at, connection = known
        told = connection and connection == self._connection()
        trusted = TRUSTED_SECONDS if told else TRUSTED_SECONDS_ALONE
        current = person["generation"] >= self._valid(person_id) and loop_time() - read_at < trusted
        return person if current else None

    def is_locked(self, person_id: str) -> bool:
        """Whether memory says that a person is locked. This may be outdated if they were erased and came
        back."""
        known = self._known.get(person_id)
        return known is not None and bool(known[0].get("locked"))

    async def learn(self, read: Awaitable[Person | None]) -> Person | None:
        """Return a person's whole record as `read` returns it, and remember what admits them.

        Raises what the store raises.
        """
        began = loop_time()
        connection = self._connection()
        person = await read
        if person is not None:
            admitting = {name: person[name] for name in ADMITTING if name in person}  # type: ignore[literal-required]
            self._remember([cast(Person, admitting)], began, connection)
        return person

    async def close(self) -> None:
        """Refuse all who wait."""
        await self._queue.close()
        await self._ids.close()

    async def _read(self, person_ids: list[str]) -> Mapping[str, Person]:
        began = loop_time()
        connection = self._connection()
        found = await self._store.people.find_admissions(person_ids)
        self._remember(found, began, connection)
        return {person["_id"]: person for person in found}

    def _remember(self, people: list[Person], began: float, connection: int) -> None:
        for person in people:
            self._known[person["_id"]] = person, began, connection
