"""The suite runs against any MongoDB: a test's own database is reached as the same user."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymongo.uri_parser import parse_uri

from server.running.stores import free_port
from server.settings import Settings
from support.databases import primary_of, with_database
from support.wire.faulty import SET_NAME, FaultyWire


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ("mongodb://db.example/wabao", None),
        ("mongodb://me:secret@db.example/wabao", "wabao"),
        ("mongodb://me:secret@db.example", "admin"),
        ("mongodb://me:secret@a.example:1,b.example:2/?replicaSet=rs0", "admin"),
        ("mongodb://me:s%2Fcret@db.example/wabao?authSource=users&w=1", "users"),
    ],
)
def test_another_database_is_opened_by_the_same_user(given, source):
    before, after = parse_uri(given), parse_uri(with_database(given, "test_1"))
    assert after["database"] == "test_1"
    assert after["options"].get("authSource") == source
    for name in ("nodelist", "username", "password"):
        assert after[name] == before[name]
    kept = {name: value for name, value in after["options"].items() if name != "authSource"}
    assert kept == {name: value for name, value in before["options"].items() if name != "authSource"}


def test_the_database_of_a_users_record_is_left_to_dns_where_that_says_it():
    given = "mongodb+srv://me:secret@cluster.example/wabao?retryWrites=true"
    assert with_database(given, "x") == "mongodb+srv://me:secret@cluster.example/x?retryWrites=true"


@pytest.fixture
def mongodb_uri(mongodb_uri: str) -> Iterator[str]:
    """A replica set of which the first host does not answer."""
    member = FaultyWire(*primary_of(mongodb_uri))
    member.start()
    yield f"mongodb://127.0.0.1:{free_port()},127.0.0.1:{member.port}/wabao?replicaSet={SET_NAME}"
    member.end()


@pytest.fixture
def settings(settings: Settings, wire: FaultyWire) -> Settings:
    """MongoDB is behind the wire."""
    return wire.before(settings)


async def test_a_wire_stands_before_the_primary_of_several_hosts(client, wire):
    alice = await client.log_in("alice")
    assert (await alice.get("/getMyInfo"))["status"] == 0
