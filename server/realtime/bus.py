"""Redis: the news between processes. With server/realtime/links.py the only importer of redis.

Redis keeps nothing that matters: a process that hears nothing reads MongoDB. Each acknowledged subscription,
also one after a reconnect, means that earlier news may have been missed. Whoever else reaches Redis can tell
us nothing: each message and heartbeat carries its time and an HMAC under our secret. Others are counted and
dropped, and so are those that come too late.
"""

import asyncio
import os
import secrets
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

import msgspec
from redis.exceptions import AuthenticationError
from tornado.log import app_log

from server.clock import Clock
from server.errors import BadSettings
from server.realtime.links import (
    GONE,
    OPERATION_SECONDS,
    PING_SECONDS,
    Cluster,
    Link,
    Message,
    Single,
    read_facts,
)
from server.runtime.background import Failures
from server.runtime.deadline import happened
from server.security.keys import Keys
from server.settings import Settings
from server.telemetry import metrics

# The name of this process, for people and for metrics.
PROCESS = f"{socket.gethostname()}:{os.getpid()}"
# How long a request waits for Redis, and news while Redis lately failed to answer. And how many requests
# count at once: connections must be left for the news.
QUICK_SECONDS = 0.3
COUNTED_AT_ONCE = 2
# In the names in Redis: of news for all processes, and of the operator's charts.
EVERYBODY = "everybody"
HEARTBEATS = "heartbeats"
# The version of the messages. Fields and kinds may be added under it: a process leaves out what it does not
# know. Raise it only with a message that an older process would misunderstand.
FORM = b"\x02"
OLDEST_CLUSTER = 7
SLOTS = 16384
# How long Redis keeps the places of one random order: far longer than the longest FAIR_START_MS.
PLACES_MS = 10_000
HEARTBEATS_MS = 900_000
# News may be so late, since Redis or a process may stand still. Somebody may have kept and sent older news.
LATE_MS = 30_000
# Reading 15 minutes of several processes' heartbeats at once would block the loop.
HEARTBEATS_PAGE = 200

Fault: TypeAlias = Literal["", "certificate", "password"]
T = TypeVar("T")


class SharedOrder(NamedTuple):
    """What Redis knows of a random order: the places of the people who were just entered, the least place of
    all (0 if nobody has one), and how many people have one."""

    places: Mapping[str, int]
    first: int
    people: int


class Bus:
    """The connection of one process to the other processes."""

    def __init__(self, settings: Settings, prefix: str, keys: Keys, clock: Clock | None = None) -> None:
        """`prefix` begins all names in Redis. `keys` sign what we say, with the time of `clock`. Raises
        BadSettings."""
        self._keys = keys
        self._now_ms = (clock or Clock()).now_ms
        # Two contexts may share a process, and a process in a container may have the id of an earlier one.
        self.process = f"{PROCESS}:{secrets.token_hex(3)}"
        self.failures = Failures()  # of all work of this process
        self.connected = asyncio.Event()  # to all that Redis consists of
        # Why there is no connection, if a person has to fix the cause; "" otherwise.
        self.fault: Fault = ""
        self._told = False
        self._connections = 0
        self.prefix = prefix
        self._on_message: Callable[[str, bytes], None]
        self._on_subscribed: Callable[[str], None]
        # What is called for messages under a name that is no task's.
        self._by_name: dict[str, Callable[[bytes], None]] = {}
        # An event for each task that we listen to, or will listen to once Redis is there. It is set once the
        # subscription is acknowledged. The name of no task, "", is for all processes.
        self._acknowledged: dict[str, asyncio.Event] = {"": asyncio.Event()}
        options = _options(settings)
        self._redis: Single | Cluster
        try:
            if settings.redis_cluster:
                self._redis = Cluster(settings.redis_url, self, options, self._acknowledged_on)
            else:
                self._redis = Single(settings.redis_url, self, options)
        except ValueError:  # its text may hold part of a password
            raise BadSettings("REDIS_URL cannot be read: see redis-py's Redis.from_url") from None
        self.client = self._redis.client
        self._counting = asyncio.Semaphore(COUNTED_AT_ONCE)
        self._last_heartbeat_ms = 0

    @property
    def up(self) -> bool:
        """Whether we are connected to all that Redis consists of, so that we hear what is published from now
        on."""
        return self.connected.is_set()

    @property
    def connection(self) -> int:
        """The number of the connection on which news for all processes is heard; 0 while there is none."""
        return self._connections if self._acknowledged[""].is_set() else 0

    def wants(self, code: str) -> bool:
        """Whether we listen to a task, or will once Redis is there."""
        return code in self._acknowledged

    def hears(self, code: str) -> bool:
        """Whether we hear all that is published of a task from now on."""
        acknowledged = self._acknowledged.get(code)
        link = self._link(code)
        return link.up and not link.doubted and acknowledged is not None and acknowledged.is_set()

    async def caught_up(self, code: str) -> bool:
        """Return once all that was published of a task until now is heard; False if Redis does not answer in
        time."""
        return await self._link(code).caught_up()

    def start(self, on_message: Callable[[str, bytes], None], on_subscribed: Callable[[str], None]) -> None:
        """Connect, and reconnect after each failure, until `close`.

        `on_message(code, payload)` is called for each message of a task that we listen to. The code is empty
        if the message is for all processes. `on_subscribed(code)` is called for each acknowledged
        subscription. Both are called on the loop and must not block.
        """
        self._on_message = on_message
        self._on_subscribed = on_subscribed
        self._redis.want(self._channel(""))
        self._redis.start()

    def on_name(self, name: str, listener: Callable[[bytes], None]) -> None:
        """Call `listener` with each message under `name`, and with b"" after each connect. The name is not a
        task's.

        Call this once, in the same step as `start`.
        """
        self._by_name[name] = listener
        self._acknowledged[name] = asyncio.Event()
        self._redis.want(self._channel(name))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.close()

    async def ping(self) -> bool:
        """Whether Redis answers; of a cluster, whether one of its members does."""
        return await self._ask(self.client.ping()) is not None

    async def publish(self, code: str, payload: bytes) -> int | None:
        """Send a message to all who listen to a task; return how many they are, None if it was not sent.

        This waits less for a link that is `doubted`: Redis lately failed to answer.
        """
        link = self._link(code)
        if not link.up:
            return None
        channel = self._channel(code)
        signed = self._signed(channel, payload)
        seconds = QUICK_SECONDS if link.doubted else OPERATION_SECONDS

        async def send() -> int:
            async with link.publishing:
                return await self._redis.publish(channel, signed)

        number: int | None = await self._ask(send(), "a message was not published", seconds, [link])
        return number

    async def listen(self, code: str) -> bool:
        """Subscribe to a task; return whether that was acknowledged within a second.

        If the acknowledgement comes later, `on_subscribed` is called then. If Redis lately failed to answer,
        nobody waits for it.
        """
        acknowledged = self._acknowledged.setdefault(code, asyncio.Event())
        await self._redis.subscribe(self._channel(code))
        link = self._link(code)
        if not link.up or link.doubted:
            return False
        return await happened(acknowledged, OPERATION_SECONDS)

    async def ignore(self, code: str) -> None:
        """Unsubscribe from a task."""
        self._acknowledged.pop(code, None)
        await self._redis.unsubscribe(self._channel(code))

    async def enter_places(self, code: str, began: int, places: Mapping[str, int]) -> SharedOrder | None:
        """Give people places in a task's random order. A person keeps the place that was entered first, by
        whichever process. One round trip.

        `began` (unix ms) is when digging began; each beginning has its own order. Redis gets no ids, but
        keyed hashes: each of a person, a task, and `began`. None if Redis does not answer within
        QUICK_SECONDS.
        """
        key = f"{self.prefix}:random_order:{{{code}}}:{began}"
        names = [self._keys.limit_name(f"place:{code}:{began}:{each}") for each in places]
        link = self._link(code)
        try:
            async with asyncio.timeout(QUICK_SECONDS):
                await link.placing.acquire()
        except TimeoutError:
            return None
        try:
            if not link.up:
                return None
            pipeline = self.client.pipeline(transaction=False)
            if places:
                pipeline.zadd(key, dict(zip(names, places.values(), strict=True)), nx=True)
                pipeline.pexpire(key, PLACES_MS)
                pipeline.zmscore(key, names)
            pipeline.zrange(key, 0, 0, withscores=True)
            pipeline.zcard(key)
            answers = await self._ask(pipeline.execute(), "", QUICK_SECONDS, [link])
        finally:
            link.placing.release()
        if answers is None:
            return None
        *entered, least, people = answers
        scored = zip(places, entered[2] if places else [], strict=True)
        # A place that has just been entered is missing if Redis lost its data in this moment.
        kept = {who: int(place) for who, place in scored if place is not None}
        return SharedOrder(kept, int(least[0][1]) if least else 0, people)

    async def write_heartbeat(self, heartbeat: bytes) -> None:
        """Append a process's heartbeat to those of the last 15 minutes. Without Redis it is lost."""
        link = self._link(HEARTBEATS)
        if not link.up:
            return
        # The entries' ids are times of Redis's clock, so only that clock says which entries are old.
        oldest = self._last_heartbeat_ms - HEARTBEATS_MS if self._last_heartbeat_ms else None
        name = self._channel(HEARTBEATS)
        signed = self._signed(name, heartbeat)
        entry = self.client.xadd(name, {"heartbeat": signed}, minid=oldest, approximate=True)
        written = await self._ask(entry, "a heartbeat was lost", links=[link])
        if written is not None:
            self._last_heartbeat_ms = int(written.split(b"-")[0])

    async def read_heartbeats(self, after: str = "-") -> tuple[str, list[bytes]] | None:
        """Return the last entry's id, and the heartbeats after the entry `after`. None without Redis."""
        last = after
        heartbeats = []
        name = self._channel(HEARTBEATS)
        while True:
            oldest = "-" if last == "-" else f"({last}"
            found = await self._ask(self.client.xrange(name, min=oldest, count=HEARTBEATS_PAGE))
            if found is None:
                return None
            if found:
                last = found[-1][0].decode()
                signed = [fields.get(b"heartbeat", b"") for _, fields in found]
                read = [self._read_signed(name, each, HEARTBEATS_MS + LATE_MS) for each in signed]
                heartbeats += [heartbeat for heartbeat in read if heartbeat is not None]
            if len(found) < HEARTBEATS_PAGE:
                return last, heartbeats

    async def within(self, names: Collection[str], work: Callable[[], Awaitable[T]]) -> T | None:
        """Do some work that asks Redis through `client` about these names, each of which its keys have as
        `{name}`.

        Returns None if Redis does not answer within QUICK_SECONDS, or lately failed to answer.
        """
        links = [self._link(name) for name in names]
        async with self._counting:  # the time limit begins after this wait
            if not all(link.up and not link.doubted for link in links):
                return None
            done: T | None = await self._ask(work(), "", QUICK_SECONDS, links)
        return done

    async def _ask(
        self,
        answer: Awaitable[Any],
        lost: str = "",
        seconds: float = OPERATION_SECONDS,
        links: Collection[Link] = (),
    ) -> Any:
        """Return what Redis answers in time; None if it does not: log `lost` if given, and doubt the links to
        whom was asked."""
        began = time.monotonic()
        outcome = "failed"
        try:
            async with asyncio.timeout(seconds):
                answered = await answer
            outcome = "ok"
            return answered
        except GONE as error:
            _doubt(links)
            if lost:
                app_log.warning("%s: %r", lost, error)
            return None
        except Exception:  # noqa: BLE001  (the connection is closed; at most news is lost)
            _doubt(links)
            app_log.exception("redis answered what cannot be read")
            return None
        finally:
            metrics.redis_seconds(outcome).observe(time.monotonic() - began)

    def _read_signed(self, name: str, signed: bytes, late_ms: int = LATE_MS) -> bytes | None:
        """Return what one of our processes said lately under this name; None, and count it, if none did."""
        said = self._keys.read_message(name, signed, self._now_ms(), late_ms)
        if said is None:
            metrics.FORGED.inc()
            return None
        if said[:1] != FORM:
            metrics.UNKNOWN.inc()
            return None
        return said[1:]

    def _signed(self, name: str, said: bytes) -> bytes:
        return self._keys.sign_message(name, FORM + said, self._now_ms())

    def _channel(self, code: str) -> str:
        """Return a task's channel: a short name, since each message has it. All that Redis has of a task is
        on one slot of a cluster, that of `{code}`."""
        return f"{self.prefix}:{{{code or EVERYBODY}}}"

    def _code(self, channel: str) -> str:
        code = channel.removeprefix(f"{self.prefix}:{{").removesuffix("}")
        return "" if code == EVERYBODY else code

    def _link(self, code: str) -> Link:
        return self._redis.of(self._channel(code))

    def _acknowledged_on(self, channel: str) -> asyncio.Event | None:
        return self._acknowledged.get(self._code(channel))

    def link_changed(self, link: Link, error: BaseException | None) -> None:
        """Note which subscriptions stand. Keep the reason of an outage, and log it once."""
        if not link.up:
            for channel in link.channels:
                acknowledged = self._acknowledged_on(channel)
                if acknowledged is not None:
                    acknowledged.clear()
        if all(each.up for each in self._redis.links()):
            self.fault = ""
            self._told = False
            self.connected.set()
            return
        self.connected.clear()
        if error is not None:
            self.fault = _fault_of(error)
            if not self._told:
                self._told = True
                app_log.warning("redis is gone: %s%s", error, _ADVICE[self.fault])

    def take(self, message: Message) -> None:
        """Take what a link heard."""
        with self.failures.noted("taking a message of the bus"):
            try:
                self._dispatch(message)
            except msgspec.MsgspecError:  # of a kind that a later version added
                metrics.UNKNOWN.inc()

    def _dispatch(self, message: Message) -> None:
        channel = message["channel"].decode()
        code = self._code(channel)
        acknowledged = self._acknowledged.get(code)
        if message["type"] == "message":
            said = self._read_signed(channel, message["data"])
            if said is None:
                return
            if code in self._by_name:
                self._by_name[code](said)
            else:
                self._on_message(code, said)
        elif acknowledged is None:  # nobody wants it any more
            return
        elif message["type"] == "unsubscribe":
            acknowledged.clear()
        else:
            acknowledged.set()
            if code in self._by_name:
                self._by_name[code](b"")
            elif code:
                self._on_subscribed(code)
            else:
                self._connections += 1


def _doubt(links: Collection[Link]) -> None:
    for link in links:
        link.doubted = True


def _options(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "socket_timeout": OPERATION_SECONDS,
        "socket_connect_timeout": OPERATION_SECONDS,
        "health_check_interval": int(PING_SECONDS),
    }
    if settings.redis_url.startswith("rediss"):
        options["ssl_cert_reqs"] = "required" if settings.redis_tls_verify else "none"
        options["ssl_ca_data"] = settings.redis_ca_cert or None
    return options


async def redis_facts(settings: Settings) -> Mapping[str, Any] | None:
    """Return what the Redis that REDIS_URL names says of itself, None if it does not answer.

    These are INFO, and `slots`: how many slots of a cluster have a master. Raises BadSettings.
    """
    try:
        return await read_facts(settings.redis_url, _options(settings))
    except ValueError:
        raise BadSettings("REDIS_URL cannot be read: see redis-py's Redis.from_url") from None


def unfit(settings: Settings, facts: Mapping[str, Any]) -> str:
    """Return why a Redis with these facts cannot be what REDIS_URL says it is; "" if it can."""
    if not settings.redis_cluster:
        if facts.get("cluster_enabled"):
            return "REDIS_URL names a member of a Redis Cluster: write redis+cluster://, or rediss+cluster://"
        return ""
    if not facts.get("cluster_enabled"):
        return "REDIS_URL says redis+cluster://, but this Redis is no cluster: write redis://, or rediss://"
    version = str(facts.get("redis_version", "0"))
    if int(version.split(".")[0]) < OLDEST_CLUSTER:
        return f"a cluster needs sharded pub/sub, of Redis 7 or Valkey 7.2: this one is Redis {version}"
    if facts["slots"] < SLOTS:
        return f"only {facts['slots']} of the {SLOTS} slots of the Redis Cluster have a master: assign all"
    return ""


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
