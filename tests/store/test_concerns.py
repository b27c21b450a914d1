"""Each command of the store asks for a majority: for reads, and for acknowledged writes."""

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pymongo.monitoring import CommandStartedEvent

from devtools.sandbox import Sandbox
from server.check.treasure import live
from server.context import Context
from server.settings import read_settings
from server.store import Store
from server.store.schema import prepare
from support.databases import with_database
from support.trips import Listener

READS = ("find", "aggregate", "count", "distinct")
WRITES = ("insert", "update", "delete", "findAndModify", "createIndexes")
WEAKER = "w=1&readConcernLevel=local"  # options of the URI must not weaken the store's own concerns


class Concerns(Listener):
    """Counts reads and writes, and keeps the commands that ask for less than a majority."""

    def __init__(self) -> None:
        self.reads = self.writes = 0
        self.weak: list[Mapping[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        command, name = event.command, event.command_name
        if name in READS:
            self.reads += 1
            holds = command.get("readConcern") == {"level": "majority"} or is_look_at_newest(command)
        else:
            self.writes += name in WRITES
            holds = name not in WRITES or command.get("writeConcern") == {"w": "majority"}
        if not holds:
            self.weak.append(command)


def is_look_at_newest(command: Mapping[str, Any]) -> bool:
    """Return whether a read is that of `Documents.taken` or `Digs.made_as`, which may be local."""
    asked = command.get("filter", {}).keys(), command.get("projection")
    return command.get("readConcern") == {"level": "local"} and asked in (
        ({"_id"}, {"_id": 1}),
        ({"made_as"}, {"made_as": 1}),
    )


@pytest.fixture
def uri(mongodb_uri: str) -> str:
    given = with_database(mongodb_uri, f"test_{secrets.token_hex(6)}")
    return f"{given}{'&' if '?' in given else '?'}{WEAKER}"


@pytest.fixture
def concerns() -> Concerns:
    return Concerns()


@pytest.fixture
def store(io_loop: Any, uri: str, mongodb_uri: str, concerns: Concerns) -> Iterator[Store]:
    opened, plain = Store(uri, [concerns]), Store(mongodb_uri)
    yield opened
    io_loop.run_sync(lambda: plain.client.drop_database(opened.database.name))
    for each in (opened, plain):
        each.close()


async def test_each_read_and_write_of_the_store_is_of_a_majority(store, concerns, redis_url):
    await prepare(store.database, store.indexes(), print)
    context = await Context.open(read_settings({"REDIS_URL": redis_url}), Sandbox, store=store)
    await live(context)
    await context.close()
    assert concerns.weak == []
    assert concerns.reads > 100
    assert concerns.writes > 50
