"""`python -m server check`: checks whether the operator's MongoDB and Redis can carry this server.

WeChat is asked one thing: whether payments to this mini-program must be reported as delivered.

The check makes a scratch database beside the served one, and drops it in the end. There a treasure lives from
its publication to its proof, and MongoDB is asked for the plan of each query made for it. If a store cannot
answer a query, the table says so, and the check goes on.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from server.check.treasure import WentWrong, live
from server.context import Context
from server.errors import WeChatBusy
from server.realtime.bus import CONNECTIONS, Bus
from server.settings import Settings
from server.store import Store, is_denied, refused_reason
from server.store.cluster import Cluster, look, read_clocks
from server.store.plans import Recorder, explain, slow_parts
from server.store.schema import prepare
from server.store.sharding import OLDEST_SHARDING_DIGS, SHARD_KEYS, shard, shards_digs
from server.wechat import WeChat, WeChatError
from server.wechat.shipping import UNAUTHORIZED

OLDEST_MONGODB = 6
CLOCKS_APART_MS = 1000
# The collection that marks a scratch database. Its one document has the name of the served database, and the
# time at which the check began (unix ms).
MARK = "wabao_check"
LONGEST_MS = 3_600_000
_OPEN_SHIPPING = "payments may stay frozen; open 发货信息管理 in the mini-program's console, and check again"

T = TypeVar("T")
Verdict: TypeAlias = Literal["ok", "FAILED", "not asked"]


class Row(msgspec.Struct, frozen=True):
    """A line of the table."""

    subject: str
    verdict: Verdict
    found: str


def _row(subject: str, found: str, *, holds: bool) -> Row:
    return Row(subject, "ok" if holds else "FAILED", found)


async def check(settings: Settings, uri: str) -> AsyncIterator[Row]:
    """Yield what is found, in the order of the table. Raises BadSettings, and the driver's error if MongoDB
    does not answer."""
    served = Store(uri)
    store = Store(uri, name=f"{_prefix(served.database.name)}{secrets.token_hex(4)}")
    try:
        cluster = await look(store.client)
        for row in _cluster_rows(cluster):
            yield row
        for row in await _clock_rows(uri, cluster):
            yield row
        if reason := await _refusal(_drop_old(store, served.database.name)):
            yield Row("what old checks left", "not asked", reason)
        async for row in _store_rows(settings, uri, store, served, cluster):
            yield row
        async for row in _redis_rows(settings):
            yield row
    finally:
        served.close()
        store.close()


def _cluster_rows(cluster: Cluster) -> list[Row]:
    if cluster.embedded:
        return [
            Row("MongoDB's version", "not asked", f"this is SecantusDB {cluster.embedded}"),
            Row("a replica set", "not asked", "SecantusDB is one process and says that it is one"),
        ]
    found, kind = f"{'.'.join(map(str, cluster.version[:3]))}, needed {OLDEST_MONGODB}", cluster.kind
    if cluster.arbiters:
        # https://www.mongodb.com/docs/manual/tutorial/mitigate-psa-performance-issues/
        kind += f", {cluster.arbiters} without data: "
        kind += "of three, nothing can be written when another one is away"
    return [
        _row("MongoDB's version", found, holds=cluster.version[0] >= OLDEST_MONGODB),
        _row("a replica set", kind, holds=cluster.kind != "alone"),
    ]


async def _clock_rows(uri: str, cluster: Cluster) -> list[Row]:
    readings, silent = await read_clocks(uri, cluster.members)
    rows = [Row("clocks", "not asked", f"{member} does not answer this machine") for member in silent]
    here = "this machine"
    clocks = [(0.0, 0.0, here), *((each.ahead_ms, each.unsure_ms, each.member) for each in readings)]
    first, last = min(clocks), max(clocks)
    apart, unsure = last[0] - first[0], first[1] + last[1]
    found = f"{len(readings)} members and {here} are {apart:.0f} ms apart at most, give or take {unsure:.0f}"
    if apart - unsure > CLOCKS_APART_MS:
        found += f": {last[2]} is ahead of {first[2]}"
    return [*rows, _row("clocks", found, holds=apart - unsure <= CLOCKS_APART_MS)]


def _prefix(served: str) -> str:
    """Return how names of scratch databases begin. Atlas' smallest clusters allow names of 38 bytes."""
    return f"{served[:23]}_check_"


async def _drop_old(store: Store, served: str) -> None:
    """Drop the databases of checks that were killed."""
    long_ago = await store.now_ms() - LONGEST_MS
    for name in await store.client.list_database_names():
        if name.startswith(_prefix(served)):
            mark = await store.client[name][MARK].find_one({"_id": served})
            if mark is not None and mark["at"] < long_ago:
                await store.client.drop_database(name)


async def _begin(store: Store, served: str) -> None:
    """Mark the scratch database as one that belongs to the check of `served`."""
    # Nothing is there yet, but this fails if MongoDB refuses to drop.
    await store.client.drop_database(store.database.name)
    await store.database[MARK].insert_one({"_id": served, "at": await store.now_ms()})


async def _store_rows(
    settings: Settings, uri: str, store: Store, served: Store, cluster: Cluster
) -> AsyncIterator[Row]:
    """Yield what a scratch database shows, and drop it."""
    name = store.database.name
    if reason := await _refusal(_begin(store, served.database.name)):
        yield Row("a scratch database", "not asked", f"this user may not make {name}: {reason}")
        return
    try:
        reason = await _refusal(prepare(store.database, store.indexes(), lambda _: None))
        if reason is None and cluster.kind == "sharded":
            yield await _sharding_row(store, served, cluster)
        if reason is not None:
            yield Row("a scratch database", "FAILED", reason)
            return
        recorder = Recorder()
        for row in await _treasure_rows(settings, Store(uri, [recorder], name=name), recorder):
            yield row
        async for row in _plan_rows(store, recorder.queries, embedded=bool(cluster.embedded)):
            yield row
        if settings.wechat_appid and settings.takes_cash:
            wechat = WeChat(settings.appid, settings.app_secret, settings.wechat_api, store.leases)
            yield await _delivery_row(wechat)
    finally:
        await store.client.drop_database(name)


async def _refusal(work: Awaitable[T], take: Callable[[T], None] = lambda _: None) -> str | None:
    """Do some work and take its result; return what MongoDB said if it refused the work."""
    try:
        take(await work)
    except Exception as error:
        reason = refused_reason(error)
        if reason is None:
            raise
        return reason
    return None


async def _sharding_row(store: Store, served: Store, cluster: Cluster) -> Row:
    """Shard the scratch database for the next steps; fail if this cluster is too old for sharding."""
    subject, needed = "sharding", ".".join(map(str, OLDEST_SHARDING_DIGS))
    try:
        if cluster.version[:2] >= OLDEST_SHARDING_DIGS:
            await shard(store.database)
            return Row(subject, "ok", f"as docs/mongodb.md says: {', '.join(SHARD_KEYS)}")
        if await shards_digs(served.database):
            return Row(subject, "FAILED", f"digs is sharded, which takes MongoDB {needed}")
        return Row(subject, "not asked", f"digs is whole, as it must be before MongoDB {needed}")
    except Exception as error:
        reason = refused_reason(error)
        if reason is None:
            raise
        return Row(subject, "not asked" if is_denied(error) else "FAILED", reason)


def _scratch_settings(settings: Settings) -> Settings:
    """Return settings with which nobody is paid, no content is checked, and no disk is too full."""
    return Settings(
        redis_url=settings.redis_url or "redis://127.0.0.1:1",  # no Redis: only news is missed
        redis_tls_verify=settings.redis_tls_verify,
        redis_ca_cert=settings.redis_ca_cert,
        data_dir=settings.data_dir,
        disk_free_mb=0,
        secret_key=secrets.token_hex(32),
        wechat_appid="check",  # so nothing plays WeChat
    )


async def _treasure_rows(settings: Settings, store: Store, recorder: Recorder) -> list[Row]:
    """Take a treasure through its life. Return a row for each refused command, and a row for the whole
    life."""
    context = await Context.open(_scratch_settings(settings), store=store)
    reason: str | None = None
    try:
        reason = await _refusal(live(context))
    except WentWrong as wrong:
        reason = str(wrong)
    finally:
        await context.close()
    rows = [Row(command, "FAILED", said) for command, said in recorder.refused.items()]
    found = reason or "published, dug, won, claimed, verified"
    return [*rows, _row("a treasure's life", found, holds=not rows and reason is None)]


async def _plan_rows(
    store: Store, queries: Mapping[str, dict[str, Any]], *, embedded: bool
) -> AsyncIterator[Row]:
    """Yield a row for each query that reads a whole collection or sorts, and a row for all queries
    together."""
    found: dict[str, str] = {}
    for name, query in queries.items():
        plans: list[dict[str, Any]] = []
        if reason := await _refusal(explain(store.database, query), plans.append):
            yield Row("a query's plan", "not asked", f"{reason}: {name}")
        elif wrong := set(slow_parts(plans)):
            found[name] = ", ".join(sorted(wrong))
    said = f"{len(queries)} queries, {len(found)} that read a whole collection or sort what they found"
    if embedded:
        yield Row("each query's plan", "not asked", f"{said}; SecantusDB plans otherwise than MongoDB")
        return
    for name, wrong_there in found.items():
        yield Row("a query's plan", "FAILED", f"{wrong_there}: {name}")
    yield _row("each query's plan", said, holds=not found)


async def _delivery_row(wechat: WeChat) -> Row:
    """Ask WeChat whether it freezes payments until they are reported as delivered; close the connection."""
    subject = "reports of deliveries"
    try:
        managed = await wechat.is_trade_managed()
    except (WeChatError, WeChatBusy) as error:
        if isinstance(error, WeChatError) and error.errcode == UNAUTHORIZED:
            return Row(subject, "FAILED", f"{error}: {_OPEN_SHIPPING}")
        return Row(subject, "not asked", str(error) or "WeChat does not answer")
    finally:
        await wechat.aclose()
    made = "are made for each paid order: WeChat freezes payments until then"
    return Row(subject, "ok", made if managed else "WeChat wants none")


async def _redis_rows(settings: Settings) -> AsyncIterator[Row]:
    if not settings.redis_url:
        yield Row("Redis", "not asked", "REDIS_URL is not set")
        return
    bus = Bus(settings, "wabao:check")
    try:
        facts = await bus.facts()
    finally:
        await bus.close()
    if facts is None:
        yield Row("Redis", "FAILED", "it does not answer")
        return
    cluster, policy = facts.get("cluster_enabled"), facts.get("maxmemory_policy")
    yield _row("Redis, one server", "a cluster" if cluster else "no cluster", holds=not cluster)
    if policy is None:
        yield Row("Redis keeps what it is told", "not asked", "it does not say its maxmemory-policy")
    else:
        yield _row("Redis keeps what it is told", str(policy), holds=policy == "noeviction")
    needed = settings.web_concurrency * CONNECTIONS
    most = facts.get("maxclients")
    if most is None:
        yield Row("Redis's connections", "not asked", f"it does not say how many it takes; needed {needed}")
    else:
        found = f"{most} at most, needed {needed}: {CONNECTIONS} a worker"
        yield _row("Redis's connections", found, holds=int(most) >= needed)


def line_of(row: Row, width: int = 28) -> str:
    """Return one row as it is printed."""
    return f"{row.subject:{width}} {row.verdict:9} {row.found}"
