"""The bus on a Redis Cluster of three masters and their replicas: each shard fails alone."""

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
from redis.crc import key_slot
from tornado.log import app_log
from tornado.testing import ExpectLog

from server.errors import BadSettings
from server.memory.limits import Count, Limits
from server.realtime import links
from server.realtime.bus import QUICK_SECONDS, Bus, unfit
from server.realtime.links import Link
from server.running.stores import EmbeddedRedis, free_port
from server.running.worker import look_at_redis
from server.settings import Settings, read_settings
from support.buses import KEYS, PREFIX, a_bus
from support.link import Link as Front
from support.redis_cluster import Member, RedisCluster
from support.servers import started, stopped

CODES = [f"code{number:04}" for number in range(30)]
BACK_SECONDS = 6.0


@pytest.fixture
def cluster(tmp_path) -> Iterator[RedisCluster]:
    with started(RedisCluster(tmp_path)) as made:
        yield made


class Listening:
    """Two processes: one listens to CODES, the other tells of them."""

    def __init__(self, ears: Bus, mouth: Bus, gaps: Counter[str]) -> None:
        self.ears = ears
        self.mouth = mouth
        self.gaps = gaps

    async def tell(self, codes: list[str]) -> list[str]:
        """Tell of these; return those of which nobody heard."""
        numbers = await asyncio.gather(*(self.mouth.publish(code, b"news") for code in codes))
        return [code for code, number in zip(codes, numbers, strict=True) if not number]

    async def whole(self) -> None:
        """Return once all codes are heard again."""
        async with asyncio.timeout(BACK_SECONDS):
            while await self.tell(CODES) or not all(map(self.ears.hears, CODES)):
                await self.mouth.ping()


@contextlib.asynccontextmanager
async def listening(url: str, **settings: str) -> AsyncIterator[Listening]:
    known = Settings(redis_url=url, **settings)
    gaps: Counter[str] = Counter()
    async with a_bus(known, on_subscribed=lambda code: gaps.update([code])) as ears, a_bus(known) as mouth:
        made = Listening(ears, mouth, gaps)
        assert all(await asyncio.gather(*map(ears.listen, CODES)))
        await made.tell(CODES)
        gaps.clear()
        yield made


def served_by(cluster: RedisCluster, master: Member) -> list[str]:
    return [code for code in CODES if cluster.master_of(code) is master]


async def test_a_killed_master_costs_its_own_shard_a_gap_and_the_others_nothing(cluster):
    master = cluster.master_of(CODES[0])
    lost = served_by(cluster, master)
    with ExpectLog(app_log, ".*", required=False):
        async with listening(cluster.uri) as both:
            master.kill()
            assert set(await both.tell(CODES)) <= {*lost} < {*CODES}
            await both.whole()
            assert both.gaps.keys() == {*lost}


async def test_a_slot_that_moves_takes_its_subscription_along(cluster):
    code = CODES[0]
    with ExpectLog(app_log, ".*", required=False):
        async with listening(cluster.uri) as both:
            for to in cluster.members[:3] * 2:
                if to is not cluster.master_of(code):
                    await asyncio.to_thread(cluster.move, code, to)
                    await both.whole()
            assert both.gaps[code] >= 3
            assert both.gaps.keys() == {code}


async def test_a_slot_half_way_is_asked_at_both_of_its_masters(cluster):
    code = CODES[0]
    source = cluster.master_of(code)
    to = next(each for each in cluster.members[:3] if each is not source)
    with ExpectLog(app_log, ".*", required=False):
        async with listening(cluster.uri) as both:
            to.ask("CLUSTER", "SETSLOT", key_slot(code.encode()), "IMPORTING", source.myself)
            source.ask("CLUSTER", "SETSLOT", key_slot(code.encode()), "MIGRATING", to.myself)
            shared = await both.ears.enter_places(code, 1, {"ann": 7, "ben": 3})  # ASK: the key is new
            assert (shared.places, shared.first) == ({"ann": 7, "ben": 3}, 3)
            assert await both.tell(CODES) == []
            await asyncio.to_thread(cluster.move, code, to)
            await both.whole()
            assert await both.mouth.enter_places(code, 1, {"ann": 1}) == shared._replace(places={"ann": 7})


async def test_all_members_are_reached_with_the_password_of_the_address(cluster):
    for setting in ("masterauth", "requirepass"):
        for member in cluster.members:
            member.ask("CONFIG", "SET", setting, "sesame")
    url = cluster.uri.replace("://", "://:sesame@")
    await look_at_redis(Settings(redis_url=url))
    async with listening(url) as both:
        await both.whole()
    wrong = Bus(Settings(redis_url=cluster.uri), PREFIX, KEYS)
    with ExpectLog(app_log, "redis"):
        wrong.start(lambda *_: None, lambda _: None)
        try:
            async with asyncio.timeout(BACK_SECONDS):
                while wrong.fault != "password":  # noqa: ASYNC110  (the bus tells nobody)
                    await asyncio.sleep(0)
            assert not wrong.up
        finally:
            await wrong.close()


async def test_a_slot_that_nobody_served_is_heard_once_it_is_served_again(cluster):
    code = CODES[0]
    slot = key_slot(code.encode())
    source = cluster.master_of(code)
    with ExpectLog(app_log, ".*", required=False):
        async with listening(cluster.uri) as both:
            for member in cluster.members:
                member.ask("CLUSTER", "DELSLOTS", slot)
            async with asyncio.timeout(BACK_SECONDS):
                while both.ears.hears(code):
                    await both.tell([code])
                    await both.mouth.ping()
            source.ask("CLUSTER", "ADDSLOTS", slot)
            await both.whole()
            assert both.gaps[code] >= 1


async def test_a_cluster_is_followed_by_the_addresses_that_it_announces_over_tls(cluster, certificate):
    accepts = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    accepts.load_cert_chain(certificate)
    fronts = {member: Front(member.uri, accepts) for member in cluster.members}
    code = CODES[0]
    async with contextlib.AsyncExitStack() as stack:
        for member, front in fronts.items():
            port = await stack.enter_async_context(front.port())
            member.ask("CONFIG", "SET", "cluster-announce-client-port", port)
        await asyncio.to_thread(cluster.wait, lambda: not any(map(cluster.named_directly, cluster.members)))
        url = f"rediss+cluster://localhost:{port}/0"
        with ExpectLog(app_log, ".*", required=False):
            async with listening(url, redis_ca_cert=certificate.read_text()) as both:
                before = cluster.master_of(code)
                to = next(each for each in cluster.members[:3] if each is not before)
                await asyncio.to_thread(cluster.move, code, to)
                await both.whole()
                assert both.gaps.keys() == {code}
        assert all(fronts[each].passed for each in cluster.members[:3])


async def test_a_frozen_shard_keeps_nobody_waiting_who_asks_another(cluster):
    loop = asyncio.get_running_loop()
    master = cluster.master_of(CODES[0])
    others = [code for code in CODES if code not in served_by(cluster, master)]
    told_before: list[bool] = []
    with ExpectLog(app_log, ".*", required=False):
        async with listening(cluster.uri) as both:
            with stopped([master.pid]):
                frozen = loop.time()
                while loop.time() < frozen + 4:
                    began = loop.time()
                    stuck = asyncio.ensure_future(both.tell(CODES[:1] * 20))
                    await both.tell(others)  # from now on, all of `stuck` is under way
                    told = await both.tell(others) == [] and not stuck.done()
                    assert all(map(both.ears.hears, others))
                    await stuck
                    if loop.time() - began >= QUICK_SECONDS:  # the frozen shard was waited for
                        told_before.append(told)
            assert sum(told_before) > len(told_before) / 2, "a busy machine is late at times, not mostly"
            await both.whole()
            assert not both.gaps.keys() & set(others)


async def test_places_heartbeats_and_limits_are_kept_by_the_slot_of_their_subject(cluster):
    async with listening(cluster.uri) as both:
        for code in CODES:
            shared = await both.ears.enter_places(code, 1, {"ann": 7, "ben": 3})
            assert (shared.places, shared.first, shared.people) == ({"ann": 7, "ben": 3}, 3, 2)
        await both.ears.write_heartbeat(b"beat")
        read = await both.mouth.read_heartbeats()
        assert read[1] == [b"beat"]
        one, other = (Limits(Settings(), KEYS, bus) for bus in (both.ears, both.mouth))
        for name in CODES:
            count = Count("reports", name, 2, 60)
            await one.take([count])
            await other.take([count])
            assert await one._shared.test(count.item, count.key) is False


@pytest.mark.parametrize("named", ["single as cluster", "cluster as single", "a slot that nobody serves"])
async def test_a_redis_that_is_not_what_its_address_says_is_refused_by_one_line(tmp_path, named):
    redis = EmbeddedRedis(tmp_path) if named == "single as cluster" else Member(tmp_path)
    with started(redis):
        url = redis.uri if named == "cluster as single" else redis.uri.replace("redis:", "redis+cluster:")
        said = {
            "single as cluster": "this Redis is no cluster",
            "cluster as single": r"write redis\+cluster://",
            "a slot that nobody serves": "only 0 of the 16384 slots",
        }
        with pytest.raises(BadSettings, match=said[named]) as refused:
            await look_at_redis(Settings(redis_url=url))
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("trouble", ["a failed look at the masters", "a master left", "a dead master left"])
async def test_a_bus_is_up_as_soon_as_its_links_to_all_masters_are(tmp_path, monkeypatch, trouble):
    with started(Member(tmp_path)) as member:
        member.ask("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        async with a_bus(Settings(redis_url=member.cluster_uri)) as bus:
            cluster = bus._redis
            await cluster._placing.end()
            if trouble == "a failed look at the masters":
                monkeypatch.setattr(links, "REFRESH_SECONDS", 0)
                cluster._none.misplaced.set()
            else:
                dead = trouble == "a dead master left"
                url = f"redis://127.0.0.1:{free_port()}" if dead else member.uri
                left = cluster._links["left"] = Link(links._client(url, {}), bus, sharded=True)
                with ExpectLog(app_log, "redis is gone", required=dead):
                    left.start()
                    async with asyncio.timeout(BACK_SECONDS):
                        while not left.up and bus.up:
                            await bus.ping()
            await cluster._place()
            assert bus.up
            assert not bus._told


async def test_a_cluster_that_nobody_reaches_is_asked_once_a_second(monkeypatch):
    monkeypatch.setattr(links, "PLACED_SECONDS", 0.3)
    bus = Bus(Settings(redis_url=f"redis+cluster://127.0.0.1:{free_port()}"), PREFIX, KEYS)
    loop = asyncio.get_running_loop()
    failed = asyncio.Queue[float]()
    noted = bus.link_changed

    def note(link: Link, error: BaseException | None) -> None:
        failed.put_nowait(loop.time())
        noted(link, error)

    monkeypatch.setattr(bus, "link_changed", note)
    with ExpectLog(app_log, "redis is gone"):
        bus.start(lambda *_: None, lambda _: None)
        try:
            async with asyncio.timeout(BACK_SECONDS):
                first, _, third = [await failed.get() for _ in range(3)]
        finally:
            await bus.close()
    assert third - first >= 2 * links.PLACED_SECONDS


def test_an_old_redis_is_no_cluster_for_news_and_a_cluster_has_one_database():
    settings = read_settings({"REDIS_URL": "redis+cluster://127.0.0.1:7000/0"})
    facts = {"cluster_enabled": 1, "redis_version": "6.2.14", "slots": 16384}
    assert "Redis 7 or Valkey 7.2: this one is Redis 6.2.14" in unfit(settings, facts)
    assert unfit(settings, {**facts, "redis_version": "7.2.4"}) == ""
    with pytest.raises(BadSettings, match="database 0 alone"):
        read_settings({"REDIS_URL": "redis+cluster://127.0.0.1:7000/1"})
    assert msgspec.structs.replace(settings, redis_url="redis://127.0.0.1").redis_cluster is False
