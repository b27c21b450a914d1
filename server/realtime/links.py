"""The connections on which a process hears news: one to a single Redis, one to each master of a cluster.

With server/realtime/bus.py the only importer of redis.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeAlias

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.client import PubSub
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import RedisClusterException, RedisError, ResponseError
from tornado.log import app_log

from server.runtime.background import Background, Failures

OPERATION_SECONDS = 1.0
# Connections of a process, in a cluster to each master. Small hosted plans allow 20 for all processes
# (docs/mongodb.md). One of our connections reads. A crowd's publishes take turns on the other connections,
# each of which carries some thousand publishes a second.
CONNECTIONS = 6
# What is raised when Redis does not answer.
GONE = (RedisError, RedisClusterException, OSError, TimeoutError)
# A half-open link neither delivers nor fails, so it is pinged, and closed if no answer comes.
PING_SECONDS = 3.0
SILENCE_SECONDS = 7.0
GREATEST_DELAY_SECONDS = 1.0
# How often a process looks whether each of its subscriptions stands on the master of its slot.
PLACED_SECONDS = 1.0
# How long the members may take to say who serves which slot. One that is frozen takes OPERATION_SECONDS.
REFRESH_SECONDS = 3.0

Message: TypeAlias = dict[str, Any]


class Ear(Protocol):
    """Who is told what a link hears. All are called on the loop and must not block."""

    failures: Failures

    def take(self, message: Message) -> None:
        """Take a message, or that a subscription began, or that Redis ended one."""

    def link_changed(self, link: Link, error: BaseException | None) -> None:
        """A link is connected now, is gone for this reason, or is closed."""


class OneConnection(PubSub):
    """Subscriptions that end with their connection. Redis' client would connect and subscribe anew in
    silence, and whoever subscribed would not know that news is missing."""

    async def on_connect(self, connection: AbstractConnection) -> None:
        """Refuse a second connection: this is not called for the first. Raises RedisError."""
        raise RedisError("the connection was closed")


class Link:
    """One connection that reads. It subscribes anew to all its channels after each connect."""

    def __init__(self, client: Redis, ear: Ear, *, sharded: bool) -> None:
        self._client = client
        self._ear = ear
        self._prefix = "s" if sharded else ""
        self.channels: set[str] = set()
        self.up = False
        self.doubted = False  # Redis did not answer in time: the link may be half open
        self.misplaced = asyncio.Event()  # a channel's slot may be served by another master now
        # One order at a time, and not all connections for publishing: some must be left for the news.
        self.placing = asyncio.Lock()
        self.publishing = asyncio.Semaphore(CONNECTIONS - 1)
        self._commands = asyncio.Lock()
        self._pubsub: PubSub | None = None
        # Pings that tell whether all news is heard: the ping that is about to be sent, and the pings under
        # way.
        self._next_ping: asyncio.Task[bool] | None = None
        self._pings: dict[bytes, asyncio.Future[bool]] = {}
        self._reading = Background(ear.failures)
        self._delay = 0.0  # before the next connection

    def start(self) -> None:
        """Connect, and reconnect after each failure, until `close`."""
        self._reading.repeat(self._read_until_gone, self._rest, at_once=True)

    async def close(self) -> None:
        """Close the connection."""
        await self._reading.end()
        self._ear.link_changed(self, None)  # also if it was gone before: the others may all be up
        await self._client.aclose()

    async def subscribe(self, channel: str) -> None:
        """Subscribe, at once or with the next connection."""
        self.channels.add(channel)
        await self._command("subscribe", channel)

    async def unsubscribe(self, channel: str) -> None:
        """Unsubscribe."""
        self.channels.discard(channel)
        await self._command("unsubscribe", channel)

    async def caught_up(self) -> bool:
        """Return once all that was published until now is heard; False if Redis does not answer in time.

        Redis is pinged on the connection that reads, so its answer comes after everything that it sent
        before. All who ask in one turn of the loop share a ping.
        """
        if self._next_ping is None:
            self._next_ping = asyncio.get_running_loop().create_task(self._catch_up())
        return await asyncio.shield(self._next_ping)

    async def _catch_up(self) -> bool:
        self._next_ping = None  # callers who ask from now on need a later ping
        if self._pubsub is None:
            return False
        heard: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        name = secrets.token_hex(4).encode()
        self._pings[name] = heard
        try:
            async with asyncio.timeout(OPERATION_SECONDS):
                await self._pubsub.ping(name)
                return await heard
        except GONE:
            self.doubted = True
            return False
        finally:
            self._pings.pop(name, None)

    async def _command(self, name: str, channel: str) -> None:
        """Send a command on the reading connection. A failure closes it, and a new one is made.

        Commands are sent one by one: if a channel is wanted again during its unsubscribe, the later command
        must win.
        """
        pubsub = self._pubsub
        if pubsub is None:
            return
        try:
            # The timeout begins after the lock, because waiting for earlier commands is no failure.
            async with self._commands, asyncio.timeout(OPERATION_SECONDS):
                if pubsub is self._pubsub and (channel in self.channels) == (name == "subscribe"):
                    await getattr(pubsub, self._prefix + name)(channel)
        except GONE as error:
            app_log.warning("redis did not take a command: %s", error)
            if pubsub.connection is not None:
                await pubsub.connection.disconnect(nowait=True)

    async def _read_until_gone(self) -> None:
        began = time.monotonic()
        gone: BaseException | None = None
        try:
            await self._read()
        except GONE as error:
            gone = error
        finally:
            self.up = False
            self.misplaced.set()
            self._ear.link_changed(self, gone)
            lasted = time.monotonic() - began > GREATEST_DELAY_SECONDS
            self._delay = 0.05 if lasted else min(self._delay * 2, GREATEST_DELAY_SECONDS) or 0.05

    async def _rest(self) -> None:
        await asyncio.sleep(self._delay)

    async def _read(self) -> None:
        """Connect, subscribe to all that is wanted, and read until something fails. Always raises."""
        pubsub = OneConnection(self._client.connection_pool)
        try:
            await pubsub.connect()  # type: ignore[no-untyped-call]
            asked = frozenset(self.channels)
            await self._subscribe_all(pubsub, asked)
            self._pubsub = pubsub
            await self._subscribe_all(pubsub, self.channels - asked)  # what changed while we connected
            for channel in asked - self.channels:
                await getattr(pubsub, self._prefix + "unsubscribe")(channel)
            await pubsub.ping()  # a link without channels is up once this is answered
            heard = pinged = time.monotonic()
            while True:
                try:
                    message = await pubsub.get_message(timeout=1.0)
                except ResponseError:  # such as MOVED: the channel stays without an acknowledgement
                    self.misplaced.set()
                    continue
                now = time.monotonic()
                if message is not None:
                    heard = now
                    self._take(message)
                elif now - heard > SILENCE_SECONDS:
                    raise TimeoutError(f"silent for {SILENCE_SECONDS:.0f} s")
                if now - max(heard, pinged) > PING_SECONDS:
                    pinged = now
                    await pubsub.ping()
        finally:
            self._pubsub = None
            for name in list(self._pings):
                self._answer(name, False)
            await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _subscribe_all(self, pubsub: PubSub, channels: frozenset[str] | set[str]) -> None:
        if not self._prefix and channels:
            await pubsub.subscribe(*channels)
        for channel in channels if self._prefix else ():
            await pubsub.ssubscribe(channel)  # one command must not name two slots

    def _take(self, message: Message) -> None:
        self.doubted = False
        if not self.up:
            self.up = True
            self._ear.link_changed(self, None)
        if message["type"] == "pong":
            self._answer(message["data"], True)
            return
        name = message["type"].removeprefix(self._prefix)
        if name == "unsubscribe":
            if message["channel"].decode() not in self.channels:
                return
            self.misplaced.set()  # the slot moved, and Redis ended the subscription
        self._ear.take({**message, "type": name})

    def _answer(self, ping: bytes, heard: bool) -> None:
        """Answer those who wait for a ping. The regular pings have no name, and nobody waits for them."""
        waiting = self._pings.pop(ping, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(heard)


class Single:
    """The link to a single Redis. `client` is for all other commands."""

    def __init__(self, url: str, ear: Ear, options: dict[str, Any]) -> None:
        """Raises ValueError if the URL cannot be read."""
        self.client: Any = _client(url, options)
        self._link = Link(self.client, ear, sharded=False)
        self.start = self._link.start
        self.close = self._link.close
        self.subscribe = self._link.subscribe
        self.unsubscribe = self._link.unsubscribe
        self.publish = self.client.publish
        self.want = self._link.channels.add

    def links(self) -> list[Link]:
        """All links."""
        return [self._link]

    def of(self, _channel: str) -> Link:
        """Return the link on which a channel, or a key, is served."""
        return self._link


class Cluster:
    """A link to each master of a Redis Cluster: the news of a task goes by sharded pub/sub.

    Redis' client follows the slots for commands; here each subscription follows them. Looks once a second,
    and at once when a link fails or a slot moved, whether each channel stands on the link of its slot's
    master and was acknowledged there.
    """

    def __init__(
        self, url: str, ear: Ear, options: dict[str, Any], acknowledged: Callable[[str], asyncio.Event | None]
    ) -> None:
        """`acknowledged(channel)` is the event that a subscription's acknowledgement sets. Raises
        ValueError."""
        url = url.replace("+cluster", "", 1)
        self._ear = ear
        self._url = url
        self._options = options
        self._acknowledged = acknowledged
        self.client: Any = RedisCluster.from_url(
            url,
            **options,
            retry=Retry(NoBackoff(), 2),
            require_full_coverage=False,
            max_connections=2 * CONNECTIONS,  # publishes and all else have limits of their own
        )
        self.publish = self.client.spublish
        self._channels: set[str] = set()
        self.want = self._channels.add
        self._links: dict[str, Link] = {}
        self._none = Link(_client(url, options), ear, sharded=True)  # of a slot that nobody serves
        self._placing = Background(ear.failures)

    def start(self) -> None:
        """Connect to all masters, and follow the slots, until `close`."""
        self._placing.repeat(self._place, self._rest, at_once=True)

    async def close(self) -> None:
        """Close all connections."""
        await self._placing.end()
        for link in self._all():
            await link.close()
        await self.client.aclose()

    def links(self) -> list[Link]:
        """All links; one that is not up before the masters are known."""
        return list(self._links.values()) or [self._none]

    def of(self, channel: str) -> Link:
        """Return the link on which a channel, or a key, is served."""
        served = self.client.nodes_manager.slots_cache.get(key_slot(channel.encode()))
        return self._links.get(served[0].name, self._none) if served else self._none

    async def subscribe(self, channel: str) -> None:
        """Subscribe, at once or as soon as the slot is served."""
        self._channels.add(channel)
        await self.of(channel).subscribe(channel)

    async def unsubscribe(self, channel: str) -> None:
        """Unsubscribe."""
        self._channels.discard(channel)
        for link in self._all():
            if channel in link.channels:
                await link.unsubscribe(channel)

    def _all(self) -> Iterator[Link]:
        yield from (*self._links.values(), self._none)

    async def _rest(self) -> None:
        waits = [asyncio.ensure_future(link.misplaced.wait()) for link in self._all()]
        try:
            await asyncio.wait(waits, timeout=PLACED_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        await asyncio.sleep(0.05)  # a link that fails again and again wakes us no more often

    async def _place(self) -> None:
        """Let each master have a link, and each channel stand on the link of its slot."""
        misplaced = [link for link in self._all() if link.misplaced.is_set()]
        for link in misplaced:
            link.misplaced.clear()
        try:
            async with asyncio.timeout(REFRESH_SECONDS):
                unserved = len(self.client.nodes_manager.slots_cache) < REDIS_CLUSTER_HASH_SLOTS
                if (misplaced or unserved) and self._links:
                    await self.client.nodes_manager.initialize()
                else:
                    await self.client.initialize()
        except GONE as error:
            self._ear.link_changed(self._none, error)
            await asyncio.sleep(PLACED_SECONDS)
            self._none.misplaced.set()  # so that the masters are asked anew
            return
        masters = {node.name: node for node in self.client.get_primaries()}
        for name in self._links.keys() - masters.keys():
            await self._links.pop(name).close()
        for name in masters.keys() - self._links.keys():
            options = {**self._options, "host": masters[name].host, "port": int(masters[name].port)}
            link = self._links[name] = Link(_client(self._url, options), self._ear, sharded=True)
            link.channels.update(channel for channel in self._channels if self.of(channel) is link)
            link.start()
        for channel in list(self._channels):
            await self._follow(channel)

    async def _follow(self, channel: str) -> None:
        right = self.of(channel)
        acknowledged = self._acknowledged(channel)
        for link in self._all():
            if link is not right and channel in link.channels:
                if acknowledged is not None:
                    acknowledged.clear()
                await link.unsubscribe(channel)
        if acknowledged is not None and not (channel in right.channels and acknowledged.is_set()):
            await right.subscribe(channel)


def _client(url: str, options: dict[str, Any]) -> Redis:
    # A blocking pool lets a crowd's publishes wait; another pool would refuse those beyond its limit.
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=OPERATION_SECONDS,
        retry=Retry(NoBackoff(), 0),  # a silent retry would hide a gap
        **options,
    )
    pool.connection_kwargs |= {name: options[name] for name in ("host", "port") if name in options}
    return Redis.from_pool(pool)


async def read_facts(url: str, options: dict[str, Any]) -> dict[str, Any] | None:
    """Return INFO of the member that the URL names, with the number of a cluster's `slots` that have a
    master. None if it does not answer. Raises ValueError if the URL cannot be read."""
    client = _client(url.replace("+cluster", "", 1), options)
    try:
        facts: dict[str, Any] = await client.info()
        if facts.get("cluster_enabled"):
            said = await client.execute_command("CLUSTER INFO")  # type: ignore[no-untyped-call]
            facts["slots"] = int(said["cluster_slots_assigned"])
    except GONE:
        return None
    finally:
        await client.aclose()
    return facts
