"""Databases that are prepared once and used by one test after another, because preparing is slow."""

from typing import Any

from pymongo import MongoClient
from redis import Redis

from devtools.sandbox.store import SandboxStore
from devtools.sandbox.store.keys import SandboxKeyPairs, SandboxKeys
from server.running.worker import look_at_data
from server.settings import Settings
from server.store import Store
from server.store.schema import META
from support.wire.strict import OTHER, Strict

# A database is not used again if its test wrote to one of these collections, or (OTHER) sent a command that
# does not just read or write documents, or one that got no reply.
SPOIL = {META, SandboxKeys.NAME, OTHER}


async def prepare_for_tests(settings: Settings, key_pairs: SandboxKeyPairs) -> None:
    """Prepare the database that the settings name, with the sandbox's keys, for servers with any secrets."""
    await look_at_data(settings, prepares=True)
    store = Store(settings.mongodb_uri)
    await store.meta.rows.update_one({"_id": "database"}, {"$set": {"keys": {}}})
    if settings.sandboxed:
        await SandboxStore(store.database).prepare(key_pairs)
    await store.close()


class KeptDatabases:
    """Lends tests databases that are in the prepared state. `strict` notes every change that a test makes."""

    def __init__(self, client: MongoClient[dict[str, Any]], strict: Strict, redis: Redis) -> None:
        self.client = client
        self.strict = strict
        self.redis = redis
        self._lent: dict[str, bool] = {}  # by name: whether the database is prepared
        self._free: dict[str, bool] = {}  # by name: whether it has the sandbox's collections

    def clear(self) -> None:
        """Forget all databases, including the lent ones."""
        self._lent.clear()
        self._free.clear()

    def keep_lent(self) -> None:
        """Forget the databases that are lent now: `give_back` ignores them."""
        self._lent.clear()

    def lend(self, new: str, *, sandboxed: bool) -> str:
        """Return a prepared database if there is one, otherwise `new`, which the caller prepares."""
        for database, kind in list(self._free.items()):
            if kind != sandboxed or self.strict.under_way[database]:
                continue
            del self._free[database]
            changed = self.strict.changed.pop(database, set())
            if not changed & SPOIL:
                self._empty(database, changed)
                self._lent[database] = True
                return database
        self._lent[new] = False
        return new

    def is_prepared(self, database: str) -> bool:
        """Return whether this database is lent and prepared."""
        return self._lent.get(database, False)

    def note_prepared(self, database: str) -> None:
        """Note that a lent database has just been prepared and has had no other change."""
        if database in self._lent:
            self.strict.changed.pop(database, None)
            self._lent[database] = True

    def give_back(self, database: str, *, sandboxed: bool) -> None:
        """Take a lent database back. Its test has closed its connections."""
        if self._lent.pop(database, False):
            self._free[database] = sandboxed

    def _empty(self, database: str, collections: set[str]) -> None:
        for collection in collections:
            self.client[database][collection].delete_many({})
        self.strict.changed.pop(database, None)  # these deletes themselves
        self.redis.ping()  # Redis answers this after all earlier commands
        if keys := self.redis.keys(f"{database}:*"):
            self.redis.delete(*keys)
