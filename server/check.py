"""Whether the operator's MongoDB and Redis can carry this server: `python -m server check`.

`release` checks first, and a server that starts logs what fails.
"""

import logging
from collections.abc import AsyncIterator
from typing import Literal, TypeAlias

import msgspec

from server.realtime.bus import redis_facts, unfit
from server.realtime.links import CONNECTIONS
from server.settings import Settings
from server.store import Store, is_denied, is_unavailable, said_by
from server.store.cluster import Cluster, look, read_clocks
from server.store.schema import RELEASE, compare, is_noted

OLDEST_MONGODB = 6
CLOCKS_APART_MS = 1000

Verdict: TypeAlias = Literal["ok", "FAILED", "not asked"]

log = logging.getLogger("wabao.check")


class Row(msgspec.Struct, frozen=True):
    """A line of the table."""

    subject: str
    verdict: Verdict
    found: str

    def __str__(self) -> str:
        return f"{self.subject:28} {self.verdict:9} {self.found}"


def _row(subject: str, found: str, *, holds: bool) -> Row:
    return Row(subject, "ok" if holds else "FAILED", found)


async def check(settings: Settings, store: Store, *, builds: bool = False) -> AsyncIterator[Row]:
    """Yield what is found, in the order of the table. With `builds`, missing indexes are no failure.

    Raises BadSettings for data of another version or an index with a wrong definition, before anything is
    written, and the driver's error if MongoDB does not answer.
    """
    prepared = await is_noted(store.database)
    missing = (await compare(store.database, store.indexes())).missing_names if prepared else []
    cluster = await look(store.client)
    for row in _cluster_rows(cluster):
        yield row
    yield await _clocks(settings.mongodb_uri, cluster)
    if prepared:
        yield await _write(store)
        found = f"missing: {', '.join(missing)}; run {RELEASE}" if missing else "all are there"
        yield _row("indexes", found, holds=builds or not missing)
    else:
        yield Row("rights, indexes", "not asked", f"the database is not prepared yet: {RELEASE} does that")
    for row in await _redis_rows(settings):
        yield row


async def log_failures(settings: Settings, store: Store) -> None:
    """Log what a check finds wrong."""
    async for row in check(settings, store):
        if row.verdict == "FAILED":
            log.error("%s: %s", row.subject, row.found)


def _cluster_rows(cluster: Cluster) -> list[Row]:
    if cluster.embedded:
        return [Row("MongoDB's version", "not asked", f"this is SecantusDB {cluster.embedded}")]
    found = f"{'.'.join(map(str, cluster.version[:3]))}, needed {OLDEST_MONGODB}"
    kind = cluster.kind
    if cluster.arbiters:
        # https://www.mongodb.com/docs/manual/tutorial/mitigate-psa-performance-issues/
        kind += f", {cluster.arbiters} without data: "
        kind += "of three, nothing can be written when another one is away"
    return [
        _row("MongoDB's version", found, holds=cluster.version[0] >= OLDEST_MONGODB),
        _row("a replica set", kind, holds=cluster.kind != "alone"),
    ]


async def _clocks(uri: str, cluster: Cluster) -> Row:
    readings, silent = await read_clocks(uri, cluster.members)
    here = (0.0, 0.0, "this machine")
    clocks = [here, *((each.ahead_ms, each.unsure_ms, each.member) for each in readings)]
    first = min(clocks)
    last = max(clocks)
    apart = last[0] - first[0]
    unsure = first[1] + last[1]
    found = f"{len(clocks)} are {apart:.0f} ms apart at most, give or take {unsure:.0f}"
    if apart - unsure > CLOCKS_APART_MS:
        found += f": {last[2]} is ahead of {first[2]}"
    if silent:
        found += f"; no answer: {', '.join(silent)}"
    return _row("clocks", found, holds=apart - unsure <= CLOCKS_APART_MS)


async def _write(store: Store) -> Row:
    """Write something as the server does, and read it again."""
    subject = "rights, and a majority"
    try:
        await store.try_out()
    except Exception as error:
        if is_denied(error) or is_unavailable(error):
            return Row(subject, "FAILED", said_by(error))
        raise
    return Row(subject, "ok", "a majority took a write of this user's")


async def _redis_rows(settings: Settings) -> list[Row]:
    if not settings.redis_url:
        return [Row("Redis", "not asked", "REDIS_URL is not set")]
    facts = await redis_facts(settings)
    if facts is None:
        return [Row("Redis", "FAILED", "it does not answer")]
    why = unfit(settings, facts)
    kind = "a cluster" if settings.redis_cluster else "one server"
    policy = facts.get("maxmemory_policy", "noeviction")
    needed = settings.web_concurrency * CONNECTIONS
    most = int(facts.get("maxclients", needed))
    connections = f"{most} at most, needed {needed}: {CONNECTIONS} a worker"
    return [
        _row("Redis is as REDIS_URL says", why or kind, holds=not why),
        _row("Redis keeps what it is told", str(policy), holds=policy == "noeviction"),
        _row("Redis's connections", connections, holds=most >= needed),
    ]
