"""A server serves only from a prepared database; data of an unknown version stops it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pymongo import IndexModel
from pymongo.errors import OperationFailure
from pymongo.monitoring import CommandStartedEvent

from server.errors import BadSettings
from server.running.worker import look_at_data
from server.settings import Settings, read_settings
from server.store import Store, schema
from server.store.schema import VERSION, compare, prepare, require_prepared
from support.databases import with_database
from support.trips import Listener
from support.wire.faulty import Fault, FaultyWire, delay, refuse
from support.wire.messages import command_of, message_of, request_id

INDEXES = {"digs": [IndexModel("code", name="of_task"), IndexModel([("n", -1)], name="n", unique=True)]}


@pytest.fixture
def store(io_loop: Any, own_uri: str) -> Iterator[Store]:
    """An empty database."""
    opened = Store(own_uri, limited=False)
    yield opened
    io_loop.run_sync(opened.close)


def settings_of(store: Store, mongodb_uri: str, redis_url: str, tmp_path: Path) -> Settings:
    return read_settings(
        {
            "MONGODB_URI": with_database(mongodb_uri, store.database.name),
            "REDIS_URL": redis_url,
            "DATA_DIR": str(tmp_path),
            "SECRET_KEY": "a secret that only the tests know, 32+",
        }
    )


async def test_an_empty_database_gets_all_indexes_and_the_version(store):
    said: list[str] = []
    with pytest.raises(BadSettings, match="the database is empty: run python -m server release"):
        await require_prepared(store.database, store.indexes())
    await prepare(store.database, store.indexes(), said.append)
    await _assert_prepared(store)
    assert not said, "there is nothing to change"


async def _assert_prepared(store: Store) -> None:
    assert (await require_prepared(store.database, store.indexes())).missing == {}
    meta = await store.database["meta"].find_one({"_id": "schema"})
    assert meta == {"_id": "schema", "version": VERSION}


async def test_missing_indexes_are_named_and_built_and_nothing_else_is_touched(store):
    await prepare(store.database, store.indexes(), print)
    await store.database["digs"].create_index([("own", 1)], name="an operator's own")
    await store.database["digs"].drop_index("used_once")
    await store.database["pictures.chunks"].drop_indexes()
    found = await require_prepared(store.database, store.indexes())
    assert found.missing_names == ["digs.used_once", "pictures.chunks.files_id_1_n_1"]
    said: list[str] = []
    await prepare(store.database, store.indexes(), said.append)
    assert said[0] == "building digs: used_once, over 0 documents"
    assert len(said) == 2
    assert (await compare(store.database, store.indexes())).missing == {}
    assert "an operator's own" in await store.database["digs"].index_information()


class Limits(Listener):
    """The time limits of the commands that were sent, by command."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}

    def started(self, event: CommandStartedEvent) -> None:
        self.found[event.command_name] = event.command.get("maxTimeMS")


async def test_a_build_has_no_limit_and_says_how_long_it_lasts(store, monkeypatch, mongodb_uri):
    monkeypatch.setattr(schema, "PROGRESS_SECONDS", 0.001)
    await prepare(store.database, {}, print)
    await store.database["digs"].insert_many([{"code": f"{n}", "n": n} for n in range(5_000)])
    limits = Limits()
    said = []
    for limited in (False, True):
        each = Store(mongodb_uri, [limits], name=store.database.name, limited=limited)
        await prepare(each.database, {"digs": INDEXES["digs"][limited:][:1]}, said.append)
        assert (limits.found["createIndexes"] is not None) == limited
        await each.close()
    assert said[0] == "building digs: of_task, over 5,000 documents"
    assert "building digs: 0 s" in said


def list_too(index: dict[str, Any]) -> Fault:
    """Return a fault that lists one more index: MongoDB lists an index while it still builds it."""

    def fault(wire: FaultyWire, link: Any, request: bytes) -> None:
        reply = command_of(wire.carry_out(link, request).reply)
        reply["cursor"]["firstBatch"].append({"v": 2, **index})
        link.answer(message_of(reply, request_id(request)))

    return fault


async def test_an_index_that_is_still_being_built_is_waited_for(store, wire):
    await prepare(store.database, store.indexes(), print)
    await store.database["digs"].drop_index("history")
    building = {"key": {"code": 1, "depth": 1}, "name": "history", "unique": True}
    wire.next("listIndexes", list_too(building), "digs")
    through = Store(wire.uri(store.database.name), limited=False)
    try:
        found = await prepare(through.database, through.indexes(), print)
    finally:
        await through.close()
    assert wire.done == ["listIndexes"]
    assert found.missing == {}, "the wire does not list it"
    assert (await store.database["digs"].index_information())["history"]["unique"]


async def test_a_build_goes_on_whatever_limit_the_uri_sets(store, wire):
    through = Store(wire.uri(store.database.name, socketTimeoutMS="100", timeoutMS="200"), limited=False)
    wire.next("createIndexes", delay(0.5))
    try:
        await prepare(through.database, INDEXES, print)
    finally:
        await through.close()
    assert wire.done == ["createIndexes"]


async def test_an_index_of_the_same_key_with_other_options_is_told_in_one_line(store, wire):
    wire.next("createIndexes", refuse(85))
    through = Store(wire.uri(store.database.name), limited=False)
    await prepare(store.database, {}, print)
    await store.database["digs"].insert_one({"n": 1})
    try:
        with pytest.raises(BadSettings, match=r"^MONGODB_URI: digs: 85: told to fail$"):
            await prepare(through.database, INDEXES, print)
    finally:
        await through.close()


async def test_an_index_that_changed_under_its_name_stops_a_release_before_it_changes_anything(store):
    await prepare(store.database, {}, print)
    await store.database["digs"].create_index([("code", 1), ("depth", 1)], name="of_task")
    for look in (prepare(store.database, INDEXES, print), require_prepared(store.database, INDEXES)):
        with pytest.raises(BadSettings, match=r"the index digs.of_task is .*: drop it, then run") as refused:
            await look
        assert "\n" not in str(refused.value)
    assert "n" not in await store.database["digs"].index_information()


async def test_documents_that_a_unique_index_forbids_are_told_in_one_line(store):
    await prepare(store.database, {}, print)
    await store.database["digs"].insert_many([{"n": 1}, {"n": 1}])
    with pytest.raises(BadSettings, match=r"digs has two documents that .* allows once, by {'n': -1}"):
        await prepare(store.database, INDEXES, print)


async def test_digs_that_are_sharded_may_have_plain_indexes_where_no_unique_one_can_be(store):
    digs = store.database["digs"]
    for field, name in (
        ("joined_by", "participant_once"),
        ("won_by", "winner_once"),
        ("made_as", "used_once"),
    ):
        await digs.create_index([(field, 1)], name=name, sparse=True)
    await prepare(store.database, store.indexes(), print)
    assert "unique" not in (await digs.index_information())["winner_once"]
    assert (await require_prepared(store.database, store.indexes())).missing == {}
    await digs.drop_index("history")
    await digs.create_index([("depth", 1), ("code", 1)], name="history", unique=True)
    with pytest.raises(BadSettings, match=r"the index digs\.history is"):
        await require_prepared(store.database, store.indexes())
    await digs.drop_index("history")
    await digs.create_index([("code", 1), ("depth", 1)], name="history")
    with pytest.raises(BadSettings, match=r"the index digs\.history is"):
        await require_prepared(store.database, store.indexes())


async def test_a_release_that_was_cut_off_is_run_again_and_one_that_was_done_changes_nothing(store, wire):
    through = Store(wire.uri(store.database.name), limited=False)
    wire.next("update", refuse(2))  # the release dies after the last index, before it writes the version
    with pytest.raises(OperationFailure):
        await prepare(through.database, through.indexes(), print)
    await through.close()
    for _ in range(2):
        await prepare(store.database, store.indexes(), print)
        await _assert_prepared(store)
    identity = await store.database["meta"].find_one({"_id": "database"})
    await prepare(store.database, store.indexes(), print)
    assert await store.database["meta"].find_one({"_id": "database"}) == identity


@pytest.mark.parametrize(
    ("noted", "version"),
    [(True, None), (True, "20"), (True, VERSION - 1), (True, VERSION + 1), (False, None)],
)
async def test_data_of_another_version_is_neither_served_nor_released(store, version, noted):
    """Nor is data that notes no version."""
    if noted:
        await store.database["meta"].insert_one({"_id": "schema", "version": version})
    else:
        await store.database["digs"].insert_one({"n": 1})
    before = await store.database.list_collection_names()
    age = "newer" if version == VERSION + 1 else "older"
    said = rf"the data is of version {version!r}, {age} than .*; nothing was changed"
    for look in (prepare(store.database, INDEXES, print), require_prepared(store.database, INDEXES)):
        with pytest.raises(BadSettings, match=said) as refused:
            await look
        assert "\n" not in str(refused.value)
    assert await store.database.list_collection_names() == before


async def test_a_worker_builds_no_missing_index(store, mongodb_uri, redis_url, tmp_path):
    settings = settings_of(store, mongodb_uri, redis_url, tmp_path)
    await look_at_data(settings, prepares=True)
    await store.database["tasks"].drop_index("due")
    await look_at_data(settings, prepares=False)
    assert "due" not in await store.database["tasks"].index_information()


async def test_only_a_start_in_development_prepares_a_new_database(store, mongodb_uri, redis_url, tmp_path):
    """Two workers start at once. Neither may end because the other is still preparing."""
    settings = settings_of(store, mongodb_uri, redis_url, tmp_path)
    for guarded in ({"app_env": "production"}, {"wechat_mchid": "1900000109"}):
        with pytest.raises(BadSettings, match="the database is empty: run python -m server release"):
            await look_at_data(msgspec.structs.replace(settings, **guarded), prepares=False)
    assert await store.database.list_collection_names() == []
    await asyncio.gather(*(look_at_data(settings, prepares=False) for _ in range(2)))
    await _assert_prepared(store)
