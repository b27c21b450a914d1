"""The hub and the bus when processes, clocks and reads differ."""

import asyncio
import time
from typing import Any

import pytest

from server.actions.digging.dig import DigAttempt, dig
from server.actions.digging.end_task import end_task_as_operator
from server.context import Context
from server.realtime import hub
from server.realtime.watched_task import WatchedTask
from support.client import rest
from support.histories import CODE, a_history, frames_of, task_after
from support.meanwhile import meanwhile
from support.watchers import Collecting


@pytest.fixture
def mute(other: Context, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A second process, which dies before it tells the others of a dig."""

    async def dies_before(*_: object) -> bool:
        return False

    monkeypatch.setattr(other.bus, "publish", dies_before)
    return other


def test_a_hole_in_the_digs_read_is_reported_and_never_replayed():
    digs = a_history([1, 2, 3, 4, 5, 6], set(), ends=False)
    watched = WatchedTask(CODE)
    assert not watched.load(task_after(digs[:5]), digs[:4] + digs[5:], [], "")
    assert [frame["type"] for frame in frames_of(watched.welcome(3, 0))] == ["snapshot"]
    assert watched.load(task_after(digs[:5]), digs, [], "")
    assert [f["seq"] for f in frames_of(watched.welcome(3, 0)) if f["type"] == "cd"] == [4, 5, 6]


async def test_who_know_more_share_a_read_a_second_and_none_is_told_less(client, context, mute, monkeypatch):
    """Most of these watchers only claim to know more: they name a depth that nobody has dug."""
    monkeypatch.setattr(hub, "AHEAD_SECONDS", 0.3)
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish(forecast_num=100_000, cd=0)
    await context.hub.watch(Collecting(), code, None, False)
    reads = list[float]()
    find = context.store.tasks.find

    async def counted(code: str) -> Any:
        reads.append(time.monotonic())
        return await find(code)

    async def told(since: int) -> int:
        watcher = Collecting()
        await context.hub.watch(watcher, code, since, False)
        (snapshot,) = watcher.frames
        return int(snapshot["seq"])

    monkeypatch.setattr(context.store.tasks, "find", counted)
    assert await asyncio.gather(*(told(10**9) for _ in range(20))) == [0] * 20
    assert len(reads) == 1
    await dig(mute, DigAttempt(code, bob.id))
    assert await asyncio.gather(*(told(since) for since in [10**9] * 20 + [1])) == [1] * 21
    assert len(reads) == 2
    assert reads[1] - reads[0] >= 0.2


async def test_after_an_end_without_a_dig_all_processes_show_the_same(context, other, alice, bob, carol):
    code = await alice.publish(forecast_num=40_000, cd=60)
    live = Collecting()
    fresh = Collecting()
    await other.hub.watch(live, code, None, False)
    await bob.dig(code)
    await end_task_as_operator(context, code, "违反规则")
    while not any(frame["type"] == "end" for frame in live.frames):
        await other.hub._poll()
    again = Collecting()
    await other.hub.watch(again, code, None, False)
    await context.hub.watch(fresh, code, None, False)
    told = [
        {k: v for k, v in w.frames[-1].items() if k not in ("watchers", "server_time")}
        for w in (again, fresh)
    ]
    assert told[0] == told[1]
    assert (await carol.dig(code))["error"] == "ended"
    with pytest.raises(Exception, match="ended"):
        await dig(other, DigAttempt(code, carol.id))


async def test_news_of_a_dig_after_those_of_an_end_begin_no_cooldown(context, monkeypatch, alice, bob, carol):
    code = await alice.publish(forecast_num=40_000, cd=60)
    await context.hub.watch(Collecting(), code, None, False)
    written = meanwhile(
        monkeypatch,
        context.store.digs,
        "write",
        after=lambda: end_task_as_operator(context, code, "违反规则"),
        once=True,
    )
    assert (await bob.dig(code))["status"] == 0
    assert len(written) == 1
    assert (await carol.dig(code))["error"] == "ended"


async def test_a_dig_that_the_history_lacks_is_not_read_for_without_end(context, bob, code):
    await context.hub.watch(Collecting(), code, None, False)
    watched = context.hub.known.by_code[code]
    await bob.dig(code)
    await context.background.finish()
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"now_depth": 2}})
    await context.hub._poll()
    await asyncio.wait(context.hub._reading.values(), timeout=5)
    assert not context.hub._reading
    assert watched.seq == 1


async def test_the_poll_asks_about_many_tasks_in_some_short_queries(context, mute, monkeypatch, alice, bob):
    monkeypatch.setattr(hub, "POLLED_AT_ONCE", 2)
    codes = [await alice.publish(forecast_num=100_000, cd=0) for _ in range(3)]
    watcher = Collecting()
    for code in codes:
        await context.hub.watch(watcher, code, None, False)
        await dig(mute, DigAttempt(code, bob.id))
    asked = meanwhile(monkeypatch, context.store.tasks, "positions")
    await context.hub._poll()
    await asyncio.wait(context.hub._reading.values())
    assert [len(part) for (part,) in asked] == [2, 1]
    assert {frame["code"] for frame in watcher.frames if frame["type"] == "cd"} == set(codes)


async def test_a_page_has_the_newest_dig_that_only_its_task_holds_without_a_join(context, trips, alice, bob):
    code = await alice.publish(forecast_num=100_000, cd=0)
    for _ in range(2):
        await bob.dig(code)
    await rest(context)
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"pending": 1}})
    await context.store.digs.collection.delete_one({"code": code, "depth": 2})
    watcher = Collecting()
    before = len(trips.sent)
    await context.hub.watch(watcher, code, 0, False)
    assert [frame["seq"] for frame in watcher.frames if frame["type"] in ("cd", "snapshot")] == [1, 2, 2]
    assert trips.sent[before:] == ["aggregate tasks", "find digs"]


async def test_after_a_reconnect_only_tasks_dug_meanwhile_are_read(context, mute, monkeypatch, alice, bob):
    codes = [await alice.publish(forecast_num=100_000, cd=0) for _ in range(4)]
    watcher = Collecting()
    for code in codes:
        await context.hub.watch(watcher, code, None, False)
    await dig(mute, DigAttempt(codes[1], bob.id))
    asked = meanwhile(monkeypatch, context.store.tasks, "positions")
    read = meanwhile(monkeypatch, context.store.tasks, "find")
    for code in codes[:3]:
        context.hub._on_subscribed(code)
    while not any(frame["type"] == "cd" for frame in watcher.frames):
        await context.bus.ping()
    assert (codes[:3],) in asked, "at once, not with the next poll of all tasks"
    assert read == [(codes[1],)]


async def test_a_task_wanted_while_redis_connects_is_subscribed(client, context, monkeypatch):
    bus = context.bus
    await bus.connected.wait()
    pubsub = bus.client.pubsub()
    link = bus._link("")
    wanted = bus._channel("A" * 12)
    subscribe = type(pubsub).subscribe
    asked: list[str] = []

    async def slowly(self: Any, *channels: str) -> None:
        if not asked:
            link.channels.add(wanted)  # as if `listen` were called at this moment
        asked.extend(channels)
        await subscribe(self, *channels)

    monkeypatch.setattr(type(pubsub), "subscribe", slowly)
    await link._pubsub.connection.disconnect(nowait=True)
    while wanted not in asked:
        await bus.ping()


async def test_a_flood_of_fragments_or_pongs_is_cut(open_page, alice):
    for opcode in (0x0, 0xA):
        page = await open_page(alice)
        protocol = page.connection.protocol
        if opcode == 0x0:
            protocol._write_frame(False, 0x1, b"")
        for _ in range(500):
            if page.connection.protocol.stream.closed():
                break
            protocol._write_frame(opcode != 0x0, opcode, b"")
        assert await page.closed() in (4009, None)


async def test_a_process_that_only_watches_learns_the_stores_clock(other, alice):
    code = await alice.publish(forecast_num=40_000, cd=60)
    now_ms = time.time_ns() // 10**6
    other.clock._offset_ms += 60_000
    watcher = Collecting()
    await other.hub.watch(watcher, code, None, False)
    told = watcher.frames[-1]["server_time"]
    assert abs(told - now_ms) < 5_000
