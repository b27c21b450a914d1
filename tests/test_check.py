"""`python -m server check`: what an operator's stores lack, and the plans that MongoDB makes for queries."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from server import check as checking
from server.check import Row, check, log_failures
from server.settings import Settings, read_settings
from server.store import Store
from server.store.cluster import Cluster, Reading, look
from server.store.schema import prepare
from support.redis_cluster import Member
from support.servers import Running, started
from support.wire.faulty import refuse


@pytest.fixture
def store(io_loop: Any, own_uri: str) -> Iterator[Store]:
    """A store over a database of the test's own, which does not exist yet."""
    opened = Store(own_uri)
    yield opened
    io_loop.run_sync(opened.close)


def settings_with(redis_url: str, **values: str) -> Settings:
    return read_settings({"REDIS_URL": redis_url, **values})


async def rows_of(settings: Settings, store: Store) -> dict[str, Row]:
    return {row.subject: row async for row in check(settings, store)}


def failed(rows: dict[str, Row]) -> list[str]:
    return [subject for subject, row in rows.items() if row.verdict == "FAILED"]


async def test_a_check_changes_no_data_and_names_missing_indexes(store, own_uri, redis_url):
    settings = settings_with(redis_url, MONGODB_URI=own_uri)
    rows = await rows_of(settings, store)
    assert (failed(rows), rows["rights, indexes"].verdict) == ([], "not asked")
    assert await store.database.list_collection_names() == []
    await prepare(store.database, store.indexes(), print)
    rows = await rows_of(settings, store)
    assert (failed(rows), rows["indexes"].found) == ([], "all are there")
    assert rows["clocks"].verdict == rows["rights, and a majority"].verdict == "ok"
    if (await look(store.client)).embedded:
        assert rows["MongoDB's version"].verdict == "not asked"
    await store.database["tasks"].drop_index("due")
    assert failed(await rows_of(settings, store)) == ["indexes"]
    assert failed({row.subject: row async for row in check(settings, store, builds=True)}) == []


async def test_a_server_that_starts_logs_what_a_check_finds(store, own_uri, redis_url, caplog):
    settings = settings_with(redis_url, MONGODB_URI=own_uri)
    await prepare(store.database, store.indexes(), print)
    with caplog.at_level(logging.ERROR):
        await log_failures(settings, store)
        assert caplog.text == ""
        await store.database["tasks"].drop_index("due")
        await log_failures(settings, store)
    assert "indexes: missing: tasks.due; run python -m server release" in caplog.text


@pytest.mark.parametrize(("fault", "said"), [(refuse(13), "13: "), (refuse(100), "100: ")])
async def test_a_user_who_may_not_write_and_a_majority_that_is_away_fail(store, wire, redis_url, fault, said):
    await prepare(store.database, store.indexes(), print)
    through = Store(wire.uri(store.database.name))
    wire.next("update", fault)
    try:
        rows = await rows_of(settings_with(redis_url, MONGODB_URI=wire.uri(store.database.name)), through)
    finally:
        await through.close()
    assert failed(rows) == ["rights, and a majority"]
    assert rows["rights, and a majority"].found.startswith(said)


@pytest.mark.parametrize(
    ("cluster", "fails"),
    [
        (Cluster((6, 0, 19, 0), "", "replica set", []), []),
        (Cluster((5, 0, 31, 0), "", "replica set", []), ["MongoDB's version"]),
        (Cluster((7, 0, 1, 0), "", "alone", []), ["a replica set"]),
    ],
)
def test_an_old_mongodb_and_one_alone_fail(cluster, fails):
    assert failed({row.subject: row for row in checking._cluster_rows(cluster)}) == fails


def test_an_arbiter_is_told_with_what_it_means():
    """An arbiter votes but has no data, so all writes wait as soon as another member is away."""
    for arbiters, told in ((0, False), (1, True)):
        found = checking._cluster_rows(Cluster((7, 0), "", "replica set", [], arbiters))[1].found
        assert ("nothing can be written" in found) == told


@pytest.mark.parametrize(
    ("ahead", "fails"), [((0.0, 900.0), False), ((-600.0, 600.0), True), ((1500.0, 1400.0), True)]
)
async def test_clocks_more_than_a_second_apart_fail_and_a_silent_member_is_named(monkeypatch, ahead, fails):
    async def read(uri: str, members: Any) -> tuple[list[Reading], list[str]]:
        return [Reading(f"m{n}:27017", ms, 5.0) for n, ms in enumerate(ahead)], ["m9:27017"]

    monkeypatch.setattr(checking, "read_clocks", read)
    row = await checking._clocks("", Cluster((7, 0), "", "replica set", []))
    assert (row.verdict, "no answer: m9:27017" in row.found) == ("FAILED" if fails else "ok", True)


class AFullCluster(Member):
    """A Redis that is a cluster, evicts, and takes few connections."""

    def command(self) -> list[str]:
        return [*super().command(), "--maxmemory-policy", "allkeys-lru", "--maxclients", "11"]


async def test_a_redis_that_evicts_is_a_cluster_or_takes_too_few_connections_fails(tmp_path):
    with started(AFullCluster(tmp_path)) as redis:
        settings = settings_with(redis.uri, WEB_CONCURRENCY="2")
        rows = await checking._redis_rows(settings)
    assert [row.verdict for row in rows] == ["FAILED"] * 3
    assert "names a member of a Redis Cluster" in rows[0].found
    assert [row.found for row in rows[1:]] == ["allkeys-lru", "11 at most, needed 12: 6 a worker"]
    silent = await checking._redis_rows(settings)
    assert [str(row).split() for row in silent] == [["Redis", "FAILED", "it", "does", "not", "answer"]]


def test_release_checks_first_and_changes_nothing_where_that_fails(own_uri, redis_url, tmp_path):
    def run(*arguments: str, redis: str = redis_url) -> tuple[int, str]:
        running = Running(tmp_path, *arguments, MONGODB_URI=own_uri, REDIS_URL=redis)
        return running.wait(), "".join(running.said)

    code, said = run("release", redis="redis://127.0.0.1:1")
    assert (code, "Redis" in said, "the database is ready" in said) == (1, True, False)
    assert "nothing was released" in said
    assert run("release", "--unchecked", redis="redis://127.0.0.1:1") == (0, "the database is ready\n")
    code, said = run("check")
    assert (code, "FAILED" in said, "all are there" in said) == (0, False, True)
