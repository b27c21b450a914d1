"""Databases that are prepared once and used by one test after another: making one takes most of a test."""

from __future__ import annotations

from typing import Any

from pymongo import MongoClient
from redis import Redis

from devtools.sandbox.store import SandboxStore
from devtools.sandbox.store.keys import SandboxKeyPairs, SandboxKeys
from server.running.worker import look_at_data
from server.settings import Settings
from server.store import Store
from server.store.schema import META
from support.wire.strict_process import StrictWire
from support.wire.uses import OTHER

# The database of a test that writes to these collections, or does more than read and write documents, is not
# used again.
SPOIL = {META, SandboxKeys.NAME, OTHER}


async def prepare_for_tests(settings: Settings, key_pairs: SandboxKeyPairs) -> None:
    """Make the database that the settings name, with the sandbox's keys, for servers with any secrets."""
    await look_at_data(settings, prepares=True)
    store = Store(settings.mongodb_uri)
    await store.meta.rows.update_one({"_id": "database"}, {"$set": {"keys": {}}})
    if settings.sandboxed:
        await SandboxStore(store.database).prepare(key_pairs)
    store.close()


class KeptDatabases:
    """Lends a test a database that is as it was prepared, if there is one.

    It relies on the wire, which sees all that a test changes, and which connections may still send something.
    """

    def __init__(self, client: MongoClient[dict[str, Any]], wire: StrictWire, redis: Redis) -> None:
        """`client` connects past the wire, so that its own work does not count as use of a database."""
        self.client, self.wire, self.redis = client, wire, redis
        self._lent: dict[str, bool] = {}  # by name, whether it is prepared
        # By name: whether it has the sandbox's collections, and which connections were open when it came
        # back.
        self._free: dict[str, tuple[bool, set[str]]] = {}

    def clear(self) -> None:
        """Forget all databases, the lent ones too."""
        self._lent.clear()
        self._free.clear()

    def keep_lent(self) -> None:
        """Let the tests keep the databases that are lent now: `give_back` ignores them."""
        self._lent.clear()

    def lend(self, new: str, *, sandboxed: bool) -> str:
        """Return a prepared database, or else `new`, which the caller prepares."""
        uses = self.wire.uses
        uses.read()
        used = set().union(*uses.open.values())
        for database, (kind, there) in list(self._free.items()):
            if kind != sandboxed or there & uses.open.keys() or database in used:
                continue
            del self._free[database]
            changed = uses.changed.pop(database, set())
            if not changed & SPOIL:
                self._empty(database, changed)
                self._lent[database] = True
                return database
        self._lent[new] = False
        return new

    def is_prepared(self, database: str) -> bool:
        """Whether this database is lent, and was prepared."""
        return self._lent.get(database, False)

    def note_prepared(self, database: str) -> None:
        """Note that a lent database has just been prepared, and that nothing else was done in it yet."""
        if database in self._lent:
            self.wire.uses.read()
            self.wire.uses.changed.pop(database, None)
            self._lent[database] = True

    def give_back(self, database: str, *, sandboxed: bool) -> None:
        """Take a lent database back. Its test has closed its connections."""
        if self._lent.pop(database, False):
            self.wire.answer()  # earlier connections are known from here on
            self.wire.uses.read()
            self._free[database] = sandboxed, self.wire.uses.users(database)

    def _empty(self, database: str, collections: set[str]) -> None:
        for collection in collections:
            self.client[database][collection].delete_many({})
        self.redis.ping()  # once it is answered, Redis has done all that was sent before
        if keys := self.redis.keys(f"wabao:{database}:*"):
            self.redis.delete(*keys)
