"""`python -m server check`: it tries all that the server needs of a store, and says what a store lacks."""

import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymongo import IndexModel

from server import check as checking
from server.check import Row, check, line_of
from server.game import draw
from server.settings import Settings, read_settings
from server.store import Store
from server.store.cluster import Cluster, Reading, look, read_clocks
from server.store.plans import Recorder, explainable, slow_parts
from server.store.schema import prepare
from server.store.sharding import SHARD_KEYS
from server.wechat import WeChat
from support.databases import primary_of, with_database
from support.planner import without_index
from support.redis_cluster import RedisCluster
from support.wire.faulty import refuse
from support.wire.mongos import Mongos


@pytest.fixture
def uri(mongodb_uri: str) -> str:
    """The URI of a database of the test's own. It does not exist yet, and no check may create it."""
    return with_database(mongodb_uri, f"test_{secrets.token_hex(6)}")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def store(io_loop: Any, uri: str, recorder: Recorder) -> Iterator[Store]:
    """A server's store over the test's own database, which no check reads."""
    opened = Store(uri, [recorder])
    yield opened

    async def drop() -> None:
        await opened.client.drop_database(opened.database.name)

    io_loop.run_sync(drop)
    opened.close()


async def of_checks(store: Store) -> set[str]:
    """Return the names of the databases that checks of this database made. Other databases come and go."""
    names = await store.client.list_database_names()
    return {name for name in names if name.startswith(f"{store.database.name[:23]}_check_")}


async def rows_of(settings: Settings, uri: str) -> list[Row]:
    return [row async for row in check(settings, uri)]


def settings_with(redis_url: str, **values: str) -> Settings:
    return read_settings({"REDIS_URL": redis_url, **values})


async def test_mongodb_has_an_index_for_every_query_of_a_treasures_life(store, uri, recorder, redis_url):
    await prepare(store.database, store.indexes(), print)
    rows = await checking._treasure_rows(settings_with(redis_url), Store(uri, [recorder]), recorder)
    assert [row.found for row in rows] == ["published, dug, won, claimed, verified"]
    assert len(recorder.queries) > 100
    found = [query["filter"] for query in recorder.queries.values() if query.get("find") == "tasks"]
    lists = [each["$or"][0] for each in found if "is_public" in each.get("$or", [{}])[0]]
    assert {"terms" in part for part in lists} == {False, True}, "the square, and a search in it"
    indexes = store.indexes()
    assert [lack for query in recorder.queries.values() for lack in without_index(query, indexes)] == []


INDEXES = {
    "tasks": [
        IndexModel([("a", 1), ("b", -1), ("_id", 1)]),
        IndexModel([("c", 1)], partialFilterExpression={"n": {"$gt": 0}}),
        IndexModel([("d", 1)], partialFilterExpression={"d": {"$exists": True}}),
    ]
}


@pytest.mark.parametrize(
    ("served", "command"),
    [
        (True, {"find": "tasks", "filter": {"_id": "x", "z": 1}}),
        (True, {"find": "tasks", "filter": {"a": 1}, "sort": {"b": -1}}),
        (True, {"find": "tasks", "filter": {"a": 1}, "sort": {"b": 1, "_id": -1}}),
        (True, {"find": "tasks", "filter": {}, "sort": {"a": 1}}),
        (True, {"find": "tasks", "filter": {"$or": [{"a": 1, "b": 2}, {"a": 1, "b": {"$gt": 3}}]}}),
        (True, {"find": "tasks", "filter": {"c": 1, "n": {"$gt": 5}}}),
        (True, {"find": "tasks", "filter": {"d": {"$lte": 5}}, "sort": {"d": 1}}),
        (False, {"find": "tasks", "filter": {"b": 1}}),
        (False, {"find": "tasks", "filter": {}}),
        (False, {"find": "tasks", "filter": {"a": {"$gt": 1}}, "sort": {"b": -1}}),
        (False, {"find": "tasks", "filter": {"a": 1}, "sort": {"b": 1, "_id": 1}}),
        (False, {"find": "tasks", "filter": {"c": 1}}),
        (False, {"find": "tasks", "filter": {"c": 1, "n": {"$gte": 0}}}),
        (False, {"find": "tasks", "filter": {"a": {"$exists": False}}}),
        (False, {"find": "tasks", "filter": {"$or": [{"a": 1}, {"b": 1}]}}),
        (False, {"aggregate": "tasks", "pipeline": [{"$group": {"_id": "$a"}}]}),
        (
            False,
            {
                "aggregate": "tasks",
                "pipeline": [
                    {"$match": {"a": 1}},
                    {"$unionWith": {"coll": "tasks", "pipeline": [{"$match": {"b": 1}}]}},
                ],
            },
        ),
        (
            False,
            {
                "aggregate": "tasks",
                "pipeline": [{"$match": {"a": 1}}, {"$lookup": {"from": "tasks", "foreignField": "b"}}],
            },
        ),
    ],
)
def test_the_rules_know_which_query_an_index_serves(served, command):
    assert (not list(without_index(command, INDEXES))) == served


def test_a_write_is_explained_by_the_find_of_what_it_changes():
    update = {"update": "tasks", "updates": [{"q": {"_id": 1}, "u": {}}, {"q": {"a": 2}, "u": {}}]}
    assert list(explainable("update", update)) == [
        {"find": "tasks", "filter": {"_id": 1}},
        {"find": "tasks", "filter": {"a": 2}},
    ]
    modify = {"findAndModify": "tasks", "query": {"a": 1}, "update": {}, "sort": {"b": 1}, "new": True}
    assert list(explainable("findAndModify", modify)) == [
        {"find": "tasks", "filter": {"a": 1}, "sort": {"b": 1}, "limit": 1}
    ]
    assert list(explainable("find", {"find": "tasks", "filter": {}, "limit": 1})) == []
    assert list(explainable("insert", {"insert": "tasks", "documents": [{}]})) == []


def test_plans_are_read_as_mongodb_writes_them():
    index = {"stage": "FETCH", "inputStage": {"stage": "IXSCAN", "indexName": "due"}}
    scan = {"stage": "SORT", "sortPattern": {"at": -1}, "inputStage": {"stage": "COLLSCAN"}}
    good = {"queryPlanner": {"winningPlan": index, "rejectedPlans": [scan]}}
    bad = {"queryPlanner": {"winningPlan": {"queryPlan": scan, "slotBasedPlan": {"stages": "…"}}}}
    assert list(slow_parts(good)) == []
    assert set(slow_parts(bad)) == {"COLLSCAN", "SORT by at"}
    union = {"stages": [{"$cursor": good}, {"$unionWith": {"coll": "x", "pipeline": [{"$cursor": bad}]}}]}
    assert set(slow_parts(union)) == {"COLLSCAN", "SORT by at"}
    lookup = {"stages": [{"$cursor": good}, {"$lookup": {"from": "x"}, "collectionScans": 3}]}
    assert list(slow_parts(lookup)) == ["$lookup without an index"]
    assert set(slow_parts({"shards": {"a": bad, "b": good}})) == {"COLLSCAN", "SORT by at"}


async def test_a_check_says_what_it_could_not_ask_and_drops_only_what_it_or_an_old_one_made(
    store, uri, redis_url
):
    served, now_ms = store.database.name, await store.now_ms()
    await store.database["tasks"].insert_one({"_id": "served"})
    hour_ms = 3_600_000
    marks: dict[str, dict[str, Any] | None] = {
        "killed": {"_id": served, "at": now_ms - hour_ms - 60_000},
        "working": {"_id": served, "at": now_ms - hour_ms + 60_000},
        "of another": {"_id": f"{served}2", "at": 0},
        "not a check's": None,
    }
    theirs = {who: store.client[f"{served[:23]}_check_{secrets.token_hex(4)}"] for who in marks}
    for who, mark in marks.items():
        await theirs[who]["something" if mark is None else "wabao_check"].insert_one(mark or {})
    before = await of_checks(store)
    assert before == {database.name for database in theirs.values()}
    rows = {row.subject: row for row in await rows_of(settings_with(redis_url), uri)}
    assert [row for row in rows.values() if row.verdict == "FAILED"] == []
    if (await look(store.client)).embedded:
        not_asked = {subject for subject, row in rows.items() if row.verdict == "not asked"}
        assert not_asked >= {"MongoDB's version", "a replica set", "each query's plan"}
    assert rows["a treasure's life"].verdict == "ok"
    assert rows["clocks"].verdict == "ok"
    assert await of_checks(store) == before - {theirs["killed"].name}
    assert await store.database["tasks"].find().to_list(None) == [{"_id": "served"}], "it was not touched"
    for database in theirs.values():
        await store.client.drop_database(database.name)


@pytest.fixture
def mongos(mongodb_uri: str) -> Iterator[Callable[..., Mongos]]:
    """Starts a mongos in front of the MongoDB of this run, with the version that it has to claim."""
    started: list[Mongos] = []

    def start(*version: int) -> Mongos:
        started.append(Mongos(*primary_of(mongodb_uri), version))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.end()


async def test_through_a_mongos_all_is_tried_on_a_database_sharded_as_documented(store, mongos, redis_url):
    through = mongos(7, 0, 1)
    found = await rows_of(settings_with(redis_url), through.uri(store.database.name))
    rows = {row.subject: row for row in found}
    assert rows["a replica set"].found == "sharded"
    assert rows["sharding"].verdict == "ok"
    assert rows["a treasure's life"].verdict == "ok"
    assert {name.partition(".")[2]: key for name, key in through.sharded.items()} == SHARD_KEYS
    assert {name.partition("_check_")[0] for name in through.sharded} == {store.database.name}


async def test_a_cluster_too_old_for_it_fails_if_digs_is_sharded(store, mongos):
    through = mongos(5, 0, 7)
    behind = Store(through.uri(store.database.name))
    cluster = await look(behind.client)
    row = await checking._sharding_row(behind, behind, cluster)
    assert (row.verdict, row.found) == ("not asked", "digs is whole, as it must be before MongoDB 5.1")
    through.sharded[f"{store.database.name}.digs"] = {"code": 1}
    row = await checking._sharding_row(behind, behind, cluster)
    assert (row.verdict, row.found) == ("FAILED", "digs is sharded, which takes MongoDB 5.1")
    for code, found in ((26, "digs is whole, as it must be before MongoDB 5.1"), (13, "13: told to")):
        through.refused["collStats"] = code
        row = await checking._sharding_row(behind, behind, cluster)
        assert (row.verdict, row.found) == ("not asked", found)
    behind.close()


@pytest.mark.parametrize(("code", "verdict"), [(13, "not asked"), (72, "FAILED")])
async def test_a_user_who_may_not_shard_is_told_and_what_mongodb_refuses_fails(store, mongos, code, verdict):
    through = mongos(8, 0, 0)
    through.refused["shardCollection"] = code
    behind = Store(through.uri(store.database.name))
    await prepare(behind.database, {"digs": behind.indexes()["digs"]}, print)
    row = await checking._sharding_row(behind, behind, await look(behind.client))
    assert (row.verdict, row.found) == (verdict, f"{code}: told to")
    behind.close()


@pytest.mark.parametrize(
    ("wish", "verdict", "found"),
    [
        ({"what": "behave"}, "ok", "are made for each paid order: WeChat freezes payments until then"),
        ({"what": "unmanaged", "call": "managed"}, "ok", "WeChat wants none"),
        ({"what": "refuse", "call": "managed", "code": "40013"}, "not asked", "40013: invalid appid"),
        ({"what": "refuse", "call": "managed", "code": "48001"}, "FAILED", checking._OPEN_SHIPPING),
    ],
)
async def test_wechat_is_asked_whether_deliveries_must_be_reported(client, context, wish, verdict, found):
    await client.http.post("/sandbox/misbehave", json=wish)
    settings = context.settings
    wechat = WeChat(settings.appid, settings.app_secret, settings.wechat_api, context.store.leases)
    row = await checking._delivery_row(wechat)
    assert (row.verdict, row.found.endswith(found)) == (verdict, True)


async def test_a_user_who_may_not_drop_a_database_makes_none(store, wire, redis_url):
    wire.next("dropDatabase", refuse(13))
    rows = await rows_of(settings_with(redis_url), wire.uri(store.database.name))
    assert [row.verdict for row in rows if row.subject == "a scratch database"] == ["not asked"]
    assert await of_checks(store) == set()


@pytest.mark.gen_test(timeout=90)
async def test_two_checks_at_once_disturb_each_other_in_nothing(store, uri, redis_url):
    settings = settings_with(redis_url)
    for rows in await asyncio.gather(rows_of(settings, uri), rows_of(settings, uri)):
        assert [row for row in rows if row.verdict == "FAILED"] == []
        assert {row.subject: row for row in rows}["a treasure's life"].verdict == "ok"


async def test_what_mongodb_refuses_in_a_treasures_life_is_told_without_a_document(store, wire, redis_url):
    wire.next("findAndModify", refuse(2, said="bad value in { name: 'a long text' }"))
    rows = await rows_of(settings_with(redis_url), wire.uri(store.database.name))
    failed = [row for row in rows if row.verdict == "FAILED"]
    assert [row.subject for row in failed] == ["findAndModify", "a treasure's life"]
    assert failed[0].found.startswith("2: bad value in")
    assert "a long text" not in failed[0].found
    assert await of_checks(store) == set()


async def test_a_life_that_is_not_as_promised_fails(store, uri, redis_url, monkeypatch):
    monkeypatch.setattr(draw, "differences", lambda *_, **__: ["the seed hashes to something else"])
    failed = [row for row in await rows_of(settings_with(redis_url), uri) if row.verdict == "FAILED"]
    assert [(row.subject, row.found) for row in failed] == [
        ("a treasure's life", "the seed hashes to something else")
    ]


@pytest.mark.parametrize(
    ("cluster", "failed"),
    [
        (Cluster((6, 0, 19, 0), "", "replica set", []), []),
        (Cluster((8, 2, 1, 0), "", "sharded", []), []),
        (Cluster((5, 0, 31, 0), "", "replica set", []), ["MongoDB's version"]),
        (Cluster((7, 0, 1, 0), "", "alone", []), ["a replica set"]),
    ],
)
def test_an_old_mongodb_and_one_alone_fail(cluster, failed):
    assert [row.subject for row in checking._cluster_rows(cluster) if row.verdict == "FAILED"] == failed


def test_an_arbiter_is_told_with_what_it_means():
    """An arbiter votes but has no data, so all writes wait as soon as another member is away."""
    for arbiters, told in ((0, False), (1, True)):
        found = checking._cluster_rows(Cluster((7, 0), "", "replica set", [], arbiters))[1].found
        assert ("nothing can be written" in found) == told


@pytest.mark.parametrize(
    ("ahead", "fails"), [((0.0, 900.0), False), ((-600.0, 600.0), True), ((1500.0, 1400.0), True)]
)
async def test_clocks_more_than_a_second_apart_fail(monkeypatch, ahead, fails):
    async def read(uri: str, members: Any) -> tuple[list[Reading], list[str]]:
        return [Reading(f"m{n}:27017", ms, 5.0) for n, ms in enumerate(ahead)], ["m9:27017"]

    monkeypatch.setattr(checking, "read_clocks", read)
    rows = await checking._clock_rows("", Cluster((7, 0), "", "replica set", []))
    assert [row.verdict for row in rows] == ["not asked", "FAILED" if fails else "ok"]


async def test_each_members_clock_is_read_and_a_silent_one_is_named(store, uri):
    cluster = await look(store.client)
    members = cluster.members
    assert cluster.arbiters == 0
    readings, silent = await read_clocks(uri, members)
    assert (len(readings), silent) == (len(members), [])
    assert all(abs(reading.ahead_ms) < 5000 for reading in readings)


class AFullCluster(RedisCluster):
    """A Redis that is a cluster, evicts, and takes few connections."""

    def command(self) -> list[str]:
        return [*super().command(), "--maxmemory-policy", "allkeys-lru", "--maxclients", "11"]


async def test_a_redis_that_evicts_is_a_cluster_or_takes_too_few_connections_fails(tmp_path):
    redis = AFullCluster(tmp_path)
    redis.start()
    try:
        settings = settings_with(redis.uri, WEB_CONCURRENCY="2")
        rows = [row async for row in checking._redis_rows(settings)]
    finally:
        redis.kill()
    assert [row.verdict for row in rows] == ["FAILED"] * 3
    assert [row.found for row in rows] == ["a cluster", "allkeys-lru", "11 at most, needed 12: 6 a worker"]
    silent = [row async for row in checking._redis_rows(settings)]
    assert [line_of(row, 5) for row in silent] == ["Redis FAILED    it does not answer"]


def test_release_checks_first_and_changes_nothing_where_that_fails(uri, redis_url, tmp_path):
    def run(*arguments: str, redis: str = redis_url) -> tuple[int, str]:
        environment = {**os.environ, "MONGODB_URI": uri, "REDIS_URL": redis, "DATA_DIR": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-m", "server", *arguments], env=environment, capture_output=True, text=True
        )
        return done.returncode, done.stdout + done.stderr

    code, said = run("release", redis="redis://127.0.0.1:1")
    assert (code, "Redis" in said, "the database is ready" in said) == (1, True, False)
    assert "nothing was released" in said
    assert run("release", "--unchecked", redis="redis://127.0.0.1:1") == (0, "the database is ready\n")
    code, said = run("check")
    assert (code, "FAILED" in said, "a treasure's life" in said) == (0, False, True)
