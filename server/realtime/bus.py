"""Redis: the news between processes. The only module that imports redis.

Redis keeps nothing that matters: a process that hears nothing reads MongoDB. Each acknowledged subscription,
also one after a reconnect, means that earlier news may have been missed. Whoever else reaches Redis can tell
us nothing: each message and heartbeat carries an HMAC under our secret, and others are counted and dropped.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, TypeAlias, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from tornado.log import app_log

from server.errors import BadSettings
from server.runtime.background import Background, Failures
from server.security.keys import Keys
from server.settings import Settings
from server.telemetry import metrics

# The name of this process, for people and for metrics.
PROCESS = f"{socket.gethostname()}:{os.getpid()}"
OPERATION_SECONDS = 1.0
# Connections of a process. Small hosted plans allow 20 for all processes (docs/mongodb.md). One of our
# connections reads. A crowd's publishes take turns on the other connections, each of which carries some
# thousand publishes a second.
CONNECTIONS = 6
# How long a request waits for Redis, and news while Redis lately failed to answer. And how many requests
# count at once: connections must be left for the news.
QUICK_SECONDS, COUNTED_AT_ONCE = 0.3, 2
# What is raised when Redis does not answer.
GONE = (RedisError, OSError, TimeoutError)
# A half-open link neither delivers nor fails, so it is pinged, and closed if no answer comes.
PING_SECONDS = 3.0
SILENCE_SECONDS = 7.0
GREATEST_DELAY_SECONDS = 1.0
# How long Redis keeps the places of one random order: far longer than the longest FAIR_START_MS.
PLACES_MS = 10_000
HEARTBEATS_MS = 900_000
# Reading 15 minutes of several processes' heartbeats at once would block the loop.
HEARTBEATS_PAGE = 200

Fault: TypeAlias = Literal["", "certificate", "password"]
T = TypeVar("T")


class Bus:
    """The connection of one process to the other processes."""

    def __init__(self, settings: Settings, prefix: str, keys: Keys) -> None:
        """`prefix` begins all names in Redis. `keys` sign what we say. Raises BadSettings."""
        self._keys = keys
        # Two contexts may share a process, and a process in a container may have the id of an earlier one.
        self.process = f"{PROCESS}:{secrets.token_hex(3)}"
        self.failures = Failures()  # of all work of this process
        self.connected = asyncio.Event()
        # Why there is no connection, if a person has to fix the cause; "" otherwise.
        self.fault: Fault = ""
        self._told = False
        self._connections = 0
        self.prefix = prefix
        self._on_message: Callable[[str, bytes], None]
        self._on_subscribed: Callable[[str], None]
        self._listeners: dict[str, Callable[[bytes], None]] = {}
        tls: dict[str, Any] = {}
        if settings.redis_url.startswith("rediss://"):
            tls["ssl_cert_reqs"] = "required" if settings.redis_tls_verify else "none"
            tls["ssl_ca_data"] = settings.redis_ca_cert or None
        try:
            # A blocking pool lets a crowd's publishes wait; another pool would refuse those beyond its limit.
            self.pool = BlockingConnectionPool.from_url(
                settings.redis_url,
                max_connections=CONNECTIONS,
                timeout=OPERATION_SECONDS,
                socket_timeout=OPERATION_SECONDS,
                socket_connect_timeout=OPERATION_SECONDS,
                health_check_interval=int(PING_SECONDS),
                retry=Retry(NoBackoff(), 0),  # a silent retry would hide a gap
                **tls,
            )
        except ValueError:  # its text may hold part of a password
            raise BadSettings("REDIS_URL cannot be read: see redis-py's Redis.from_url") from None
        self._redis = Redis.from_pool(self.pool)
        # An event for each task that we listen to, or will listen to once Redis is there. It is set once the
        # subscription is acknowledged.
        self._acknowledged: dict[str, asyncio.Event] = {}
        self._commands = asyncio.Lock()
        self._counting = asyncio.Semaphore(COUNTED_AT_ONCE)
        self._placing = asyncio.Lock()
        self._pubsub: PubSub | None = None
        # Pings that tell whether all news is heard: the ping that is about to be sent, and the pings under
        # way.
        self._next_ping: asyncio.Task[bool] | None = None
        self._pings: dict[bytes, asyncio.Future[bool]] = {}
        self._last_heartbeat_ms = 0
        self._doubted = False  # Redis did not answer in time: the link may be half open
        self._reading = Background(self.failures)
        self._delay = 0.0  # before the next connection

    @property
    def up(self) -> bool:
        """Whether we are connected, so that we hear what is published from now on."""
        return self.connected.is_set()

    @property
    def connection(self) -> int:
        """The number of the connection on which all news is heard; 0 while there is none."""
        return self._connections if self.up else 0

    def wants(self, code: str) -> bool:
        """Whether we listen to a task, or will once Redis is there."""
        return code in self._acknowledged

    def hears(self, code: str) -> bool:
        """Whether we hear all that is published of a task from now on."""
        acknowledged = self._acknowledged.get(code)
        return self.up and not self._doubted and acknowledged is not None and acknowledged.is_set()

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
            self._doubted = True
            return False
        finally:
            self._pings.pop(name, None)

    def start(self, on_message: Callable[[str, bytes], None], on_subscribed: Callable[[str], None]) -> None:
        """Connect, and reconnect after each failure, until `close`.

        `on_message(code, payload)` is called for each message of a task that we listen to. The code is empty
        if the message is for all processes. `on_subscribed(code)` is called for each acknowledged
        subscription. Both are called on the loop and must not block.
        """
        self._on_message, self._on_subscribed = on_message, on_subscribed
        self._reading.repeat(self._read_until_gone, self._rest, at_once=True)

    def hear(self, name: str, listener: Callable[[bytes], None]) -> None:
        """Call `listener` with each message under `name`, and with b"" after each connect. The name is not a
        task's.

        Call this once, in the same step as `start`.
        """
        self._listeners[name] = listener
        self._acknowledged[name] = asyncio.Event()

    async def close(self) -> None:
        """Close the connections."""
        await self._reading.end()
        await self._redis.aclose()

    async def ping(self) -> bool:
        """Whether Redis answers."""
        return await self._ask(self._redis.ping()) is not None

    async def publish(self, code: str, payload: bytes) -> int | None:
        """Send a message to all who listen to a task; return how many they are, None if it was not sent."""
        if not self.up:
            return None
        channel = self._channel(code)
        published = self._redis.publish(channel, self._keys.sign_message(channel, payload))
        seconds = QUICK_SECONDS if self._doubted else OPERATION_SECONDS
        number: int | None = await self._ask(published, "a message was not published", seconds)
        return number

    async def listen(self, code: str) -> bool:
        """Subscribe to a task; return whether that was acknowledged within a second.

        If the acknowledgement comes later, `on_subscribed` is called then. If Redis lately failed to answer,
        nobody waits for it.
        """
        acknowledged = self._acknowledged.setdefault(code, asyncio.Event())
        await self._command("subscribe", code)
        if not self.up or self._doubted:
            return False
        try:
            async with asyncio.timeout(OPERATION_SECONDS):
                await acknowledged.wait()
        except TimeoutError:
            return False
        return True

    async def ignore(self, code: str) -> None:
        """Unsubscribe from a task."""
        self._acknowledged.pop(code, None)
        await self._command("unsubscribe", code)

    async def enter_places(
        self, name: str, places: Mapping[str, int]
    ) -> tuple[dict[str, int], int, int] | None:
        """Give people places in a random order. A person who has a place keeps it. One round trip.

        Return the places that these people have afterwards, the least place of all people (0 if nobody has a
        place), and how many people have a place. None if Redis does not answer within QUICK_SECONDS.
        """
        key = f"{self.prefix}:random_order:{name}"
        try:
            async with asyncio.timeout(QUICK_SECONDS):
                await self._placing.acquire()  # one call at a time: connections must be left for the news
        except TimeoutError:
            return None
        try:
            if not self.up:
                return None
            pipeline = self._redis.pipeline(transaction=False)
            if places:
                pipeline.zadd(key, dict(places), nx=True)
                pipeline.pexpire(key, PLACES_MS)
                pipeline.zmscore(key, list(places))
            pipeline.zrange(key, 0, 0, withscores=True)
            pipeline.zcard(key)
            answers = await self._ask(pipeline.execute(), seconds=QUICK_SECONDS)
        finally:
            self._placing.release()
        if answers is None:
            return None
        *entered, least, people = answers
        standing = zip(places, entered[2] if places else [], strict=True)
        # A place that has just been entered is missing if Redis lost its data in this moment.
        stand = {who: int(place) for who, place in standing if place is not None}
        return stand, int(least[0][1]) if least else 0, people

    async def write_heartbeat(self, heartbeat: bytes) -> None:
        """Append a process's heartbeat to those of the last 15 minutes. Without Redis it is lost."""
        if not self.up:
            return
        # The entries' ids are times of Redis's clock, so only that clock says which entries are old.
        oldest = self._last_heartbeat_ms - HEARTBEATS_MS if self._last_heartbeat_ms else None
        name = f"{self.prefix}:heartbeats"
        signed = self._keys.sign_message(name, heartbeat)
        entry = self._redis.xadd(name, {"heartbeat": signed}, minid=oldest, approximate=True)
        written = await self._ask(entry, "a heartbeat was lost")
        if written is not None:
            self._last_heartbeat_ms = int(written.split(b"-")[0])

    async def read_heartbeats(self, after: str = "-") -> tuple[str, list[bytes]] | None:
        """Return the last entry's id, and the heartbeats after the entry `after`. None without Redis."""
        last, heartbeats, name = after, [], f"{self.prefix}:heartbeats"
        while True:
            oldest = "-" if last == "-" else f"({last}"
            found = await self._ask(self._redis.xrange(name, min=oldest, count=HEARTBEATS_PAGE))
            if found is None:
                return None
            if found:
                last = found[-1][0].decode()
                read = [self._read_signed(name, fields.get(b"heartbeat", b"")) for _, fields in found]
                heartbeats += [heartbeat for heartbeat in read if heartbeat is not None]
            if len(found) < HEARTBEATS_PAGE:
                return last, heartbeats

    async def within(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """Do some work that asks Redis through `pool`.

        Returns None if Redis does not answer within QUICK_SECONDS, or lately failed to answer.
        """
        async with self._counting:  # the time limit begins after this wait
            if not self.up or self._doubted:
                return None
            done: T | None = await self._ask(work(), seconds=QUICK_SECONDS)
        return done

    async def _ask(self, answer: Awaitable[Any], lost: str = "", seconds: float = OPERATION_SECONDS) -> Any:
        """Return what Redis answers in time; None if it does not, and log `lost` if given."""
        began, outcome = time.monotonic(), "failed"
        try:
            async with asyncio.timeout(seconds):
                answered = await answer
            outcome = "ok"
            return answered
        except GONE as error:
            self._doubted = True
            if lost:
                app_log.warning("%s: %r", lost, error)
            return None
        except Exception:  # noqa: BLE001  (the connection is closed; at most news is lost)
            self._doubted = True
            app_log.exception("redis answered what cannot be read")
            return None
        finally:
            metrics.redis_seconds(outcome).observe(time.monotonic() - began)

    def _read_signed(self, name: str, signed: bytes) -> bytes | None:
        """Return what one of our processes said under this name; None, and count it, if none did."""
        said = self._keys.read_message(name, signed)
        if said is None:
            metrics.FORGED.inc()
        return said

    def _channel(self, code: str) -> str:
        return f"{self.prefix}:task:{code}"

    async def _command(self, name: str, code: str) -> None:
        """Send a command on the reading connection. A failure closes it, and a new one is made.

        Commands are sent one by one: if a task is wanted again during its unsubscribe, the later command must
        win.
        """
        pubsub = self._pubsub
        if pubsub is None:
            return
        try:
            # The timeout begins after the lock, because waiting for earlier commands is no failure.
            async with self._commands, asyncio.timeout(OPERATION_SECONDS):
                if pubsub is self._pubsub and (code in self._acknowledged) == (name == "subscribe"):
                    await getattr(pubsub, name)(self._channel(code))
        except GONE as error:
            app_log.warning("redis did not take a command: %s", error)
            if pubsub.connection is not None:
                await pubsub.connection.disconnect(nowait=True)

    async def _read_until_gone(self) -> None:
        began = time.monotonic()
        try:
            await self._read()
        except GONE as error:
            self._note_gone(error)
        finally:
            self.connected.clear()
            for acknowledged in self._acknowledged.values():
                acknowledged.clear()
            lasted = time.monotonic() - began > GREATEST_DELAY_SECONDS
            self._delay = 0.05 if lasted else min(self._delay * 2, GREATEST_DELAY_SECONDS) or 0.05

    async def _rest(self) -> None:
        await asyncio.sleep(self._delay)

    def _note_gone(self, error: BaseException) -> None:
        """Keep the reason why there is no connection, and log it once per outage."""
        self.fault = _fault_of(error)
        if not self._told:
            self._told = True
            app_log.warning("redis is gone: %s%s", error, _ADVICE[self.fault])

    async def _read(self) -> None:
        """Connect, subscribe to all that is wanted, and read until something fails. Always raises."""
        pubsub = self._redis.pubsub()
        try:
            # The channel without a code is for all processes. Subscribing to it connects us at once.
            asked = frozenset(self._acknowledged)
            await pubsub.subscribe(self._channel(""), *(self._channel(code) for code in asked))
            self._pubsub = pubsub
            for code in self._acknowledged.keys() - asked:  # what changed while we connected
                await pubsub.subscribe(self._channel(code))
            for code in asked - self._acknowledged.keys():
                await pubsub.unsubscribe(self._channel(code))
            heard = pinged = time.monotonic()
            while True:
                message = await pubsub.get_message(timeout=1.0)
                now = time.monotonic()
                if message is not None:
                    heard = now
                    self._doubted = False
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

    def _answer(self, ping: bytes, heard: bool) -> None:
        """Answer those who wait for a ping. The regular pings have no name, and nobody waits for them."""
        waiting = self._pings.pop(ping, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(heard)

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "pong":
            self._answer(message["data"], True)
        if message["type"] not in ("message", "subscribe"):
            return
        with self.failures.noted("taking a message of the bus"):
            self._tell(message)

    def _tell(self, message: dict[str, Any]) -> None:
        channel = message["channel"].decode()
        code = channel.removeprefix(self._channel(""))
        subscribed = message["type"] == "subscribe"
        said = b"" if subscribed else self._read_signed(channel, message["data"])
        if said is None:
            return
        if subscribed and not self.up:
            self._connections += 1
            self.fault, self._told = "", False
            self.connected.set()
        if code in self._listeners:
            self._listeners[code](said)
        elif not subscribed:
            self._on_message(code, said)
        elif code in self._acknowledged:
            self._acknowledged[code].set()
            self._on_subscribed(code)


async def redis_facts(settings: Settings) -> Mapping[str, Any] | None:
    """Return what Redis says of itself (INFO), None if it does not answer. Raises BadSettings."""
    bus = Bus(settings, "wabao:facts", Keys(secrets.token_bytes(32)))  # nothing is said through it
    try:
        found: Mapping[str, Any] | None = await bus._ask(bus._redis.info())
    finally:
        await bus.close()
    return found


_ADVICE: dict[Fault, str] = {
    "": "",
    "certificate": "; set REDIS_CA_CERT, or REDIS_TLS_VERIFY=0 if its certificate is signed by itself",
    "password": "; look at the password in REDIS_URL",
}


def _fault_of(error: BaseException | None) -> Fault:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return "certificate"
        if isinstance(error, AuthenticationError):
            return "password"
        error = error.__cause__ or error.__context__
    return ""
