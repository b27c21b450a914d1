"""A database that a test hands on to the next test is like a new database; otherwise it is not handed on.

These tests have a wire of their own: the wire of other tests may have open connections.
"""

import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from pymongo import MongoClient

from devtools.sandbox import Sandbox
from devtools.sandbox.store.keys import SandboxKeyPairs, SandboxKeys
from server.context import Context
from server.settings import Settings
from server.store.schema import META
from support.databases import with_database
from support.kept_databases import KeptDatabases, prepare_for_tests
from support.wire.strict_process import StrictWire

Found = dict[str, Any]
PATIENCE_SECONDS = 20


class Lender:
    """Lends databases and takes them back, all within one test."""

    def __init__(
        self, kept: KeptDatabases, wire: StrictWire, settings: Settings, key_pairs: SandboxKeyPairs
    ) -> None:
        self.kept = KeptDatabases(kept.client, wire, kept.redis)
        self._settings, self._key_pairs = settings, key_pairs

    def settings_of(self, name: str) -> Settings:
        return msgspec.structs.replace(self._settings, mongodb_uri=self.uri(name))

    def uri(self, name: str) -> str:
        uri = with_database(self._settings.mongodb_uri, name)
        return re.sub(r":\d+/", f":{self.kept.wire.port}/", uri)

    async def prepare(self, name: str) -> None:
        await prepare_for_tests(self.settings_of(name), self._key_pairs)

    async def lend_new(self, name: str) -> None:
        """Lend a new, prepared database."""
        assert self.kept.lend(name, sandboxed=True) == name
        await self.prepare(name)
        self.kept.note_prepared(name)

    def wait(self, name: str) -> None:
        """Wait until no connection is open that may use the database."""
        patience = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < patience:
            self.kept.wire.answer()
            self.kept.wire.uses.read()
            if not self.kept.wire.uses.users(name):
                return
        pytest.fail("a connection was left open")

    def lends_again(self, name: str, other: str) -> bool:
        """Wait for the database's earlier connections to close; return whether it is lent again."""
        patience = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < patience:
            if self.kept.lend(other, sandboxed=True) == name:
                return True
            self.kept.wire.answer()
        return False

    def look(self, name: str) -> Found:
        """Return each collection's documents, indexes and options; leave empty collections out."""
        database = self.kept.client[name]
        found = {}
        for each in database.list_collections():
            collection = database[each["name"]]
            found[collection.name] = list(collection.find()), list(collection.list_indexes()), each["options"]
            if found[collection.name] == ([], [{"v": 2, "key": {"_id": 1}, "name": "_id_"}], {}):
                del found[collection.name]
        for document in found.get(META, ([],))[0]:
            document.pop("identity", None)  # this differs from database to database
        return found

    def keys_in_redis(self, name: str) -> list[bytes]:
        return self.kept.redis.keys(f"*{name}*")


@pytest.fixture(scope="module")
def wire(
    kept_databases: KeptDatabases | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StrictWire]:
    if kept_databases is None:
        pytest.skip("a given MongoDB keeps no database for another test")
    own = StrictWire(kept_databases.client.address[1], tmp_path_factory.mktemp("wire"))
    yield own
    own.end()


@pytest.fixture
def lender(
    settings: Settings, key_pairs: SandboxKeyPairs, kept_databases: KeptDatabases, wire: StrictWire
) -> Lender:
    return Lender(kept_databases, wire, settings, key_pairs)


@pytest.fixture
def name() -> str:
    return f"test_{secrets.token_hex(6)}"


@pytest.fixture
def other(name: str) -> str:
    return f"{name}_other"


async def test_a_tests_documents_are_gone_and_all_else_is_as_in_a_new_database(lender, name, other):
    await lender.prepare(other)
    new = lender.look(other)
    assert len(new) > 20  # each collection that has indexes
    await lender.lend_new(name)
    context = await Context.open(lender.settings_of(name), Sandbox)
    await context.bus.connected.wait()
    while not lender.keys_in_redis(name):
        await context.bus.write_heartbeat(b"heartbeat")  # a busy Redis may not answer in time
    for written in (new.keys() - {META, SandboxKeys.NAME}) | {"of_no_store"}:
        await context.store.database[written].insert_one({"code": "c", "depth": 1, "n": 1})
    await context.close()
    lender.kept.give_back(name, sandboxed=True)
    assert lender.keys_in_redis(name) != []
    assert lender.kept.lend(other, sandboxed=False) == other
    assert lender.lends_again(name, other)
    assert lender.kept.is_prepared(name)
    assert lender.look(name) == new
    assert lender.keys_in_redis(name) == []
    assert lender.kept.lend(other, sandboxed=True) == other
    assert not lender.kept.is_prepared(other)


@pytest.mark.parametrize("used", [True, False])
async def test_a_database_is_handed_on_once_nobody_can_write_any_more(lender, name, other, used):
    await lender.lend_new(name)
    with MongoClient[Found](lender.uri(name)) as client:
        client[name if used else "admin"]["digs"].find_one()
        lender.kept.give_back(name, sandboxed=True)
        assert lender.kept.lend(other, sandboxed=True) == other
        client[name]["digs"].insert_one({"code": "late"})
    assert lender.lends_again(name, other)
    assert lender.kept.client[name]["digs"].count_documents({}) == 0


def test_a_test_that_starts_a_process_has_the_database_for_good(context, kept_databases):
    if kept_databases is None:
        pytest.skip("a given MongoDB keeps no database for another test")
    assert kept_databases.is_prepared(context.store.database.name)
    subprocess.run([sys.executable, "-c", ""], check=True)
    assert not kept_databases.is_prepared(context.store.database.name)
