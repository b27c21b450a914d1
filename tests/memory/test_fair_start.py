"""A fair start: digs just after a cooldown are gathered, and a random order is drawn."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from math import comb
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import msgspec
import pytest
from pymongo.errors import AutoReconnect
from redis.asyncio import Redis

from devtools.sandbox import Sandbox
from server.actions.digging.dig import DigAttempt, dig
from server.clock import Clock
from server.context import Context
from server.game.opening import opened_by_payment, opened_by_review
from server.memory import fair_start
from server.memory.fair_start import LATE_MS, FairStart
from server.realtime.cooldowns import Cooldowns
from server.runtime.background import Background
from server.telemetry import metrics
from support.client import Client, Someone, session_of
from support.histories import a_history
from support.invariants import check_history
from support.meanwhile import failing, meanwhile

WINDOW_MS = 300
BAN = {"reason": "用脚本挖宝", "at": 1, "until": 0}


ENVIRONMENT = {"FAIR_START_MS": str(WINDOW_MS)}


class Drawn:
    """Notes the number of people in each draw. The last person to come always gets the first place."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self._next = 2**52

    def getrandbits(self, _bits: int) -> int:
        self._next -= 1
        return self._next


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    """An order that is not random."""
    known = Drawn()
    monkeypatch.setattr(fair_start, "_chance", known)
    monkeypatch.setattr(metrics.RANDOM_ORDERS, "observe", known.sizes.append)
    return known


@pytest.fixture
def cooled(client: Client, open_page: Any) -> Callable[[Someone], Awaitable[tuple[str, dict[str, Any]]]]:
    """Publish as this person a task whose first cooldown is just over; return its code and the first dig."""

    async def let_one_pass(publisher: Someone) -> tuple[str, dict[str, Any]]:
        first = await client.log_in("first")
        code = await publisher.publish(cd=1)
        page = await open_page(publisher, code)
        await page.until("snapshot")
        reply = await first.dig(code)
        await page.until("tick", time=0)
        return code, reply

    return let_one_pass


# ---- the random order


async def test_a_person_who_always_comes_first_wins_no_more_than_their_share():
    """Plays 500 windows of 20 people. By chance, one run in a million fails."""
    clock = Clock()
    cooldowns = Cooldowns()
    alone = AsyncMock(return_value=None)
    deaf: Any = SimpleNamespace(cooldowns=cooldowns, hearing=lambda _: nullcontext())
    start = FairStart(10, deaf, clock, Background(), alone)
    won: Counter[int] = Counter()

    async def take_part(code: str, person: int, order: list[int]) -> None:
        await start.wait(code, str(person))
        order.append(person)

    for window in range(500):
        code = f"{window}"
        order = list[int]()
        (first,) = a_history([0], set(), ends=False)
        first["code"] = code
        first["cd_until"] = clock.now_ms()
        cooldowns.learn(first)
        assert start.must_wait(code, 0)
        await asyncio.gather(*(take_part(code, person, order) for person in range(20)))
        assert sorted(order) == list(range(20))
        won[order[0]] += 1
    assert chance_of_as_many(won[0], 500, 1 / 20) > 1e-6
    assert len(won) == 20, "somebody never wins"


def chance_of_as_many(wins: int, windows: int, share: float) -> float:
    """Return the probability of at least this many wins, if each window is won with probability `share`."""
    return sum(comb(windows, k) * share**k * (1 - share) ** (windows - k) for k in range(wins, windows + 1))


# ---- digs


async def test_the_drawn_order_decides_and_not_the_order_of_arrival(client, context, cooled, other, drawn):
    alice, *people = await client.log_in_all("alice", *(f"digger{k}" for k in range(5)))
    code, _ = await cooled(alice)
    found = await context.store.tasks.get(code)
    other.hub.cooldowns.learn(found["last_dig"])
    digs = [
        asyncio.ensure_future(dig(other, DigAttempt(code, who.id))) for who in [*people, alice]
    ]  # alice is drawn first, as this process does not know yet that the task is hers; the next person digs
    *refused, dug, own = await asyncio.gather(*digs, return_exceptions=True)
    assert [getattr(each, "error", None) for each in [*refused, own]] == [*["cooling_down"] * 4, "own_task"]
    assert dug.dig["person_id"] == people[-1].id
    assert drawn.sizes == [6]
    for each in refused:
        assert (each.msg[:16], each.extra["pressed"]) == ("6 人同时按下，抽中了别人，还要", 6)


async def test_nobody_takes_somebody_elses_place_with_their_id(client, cooled, drawn, alice, bob, carol):
    for owner in (bob, carol):
        await owner.lock()
    code, _ = await cooled(alice)
    forged = [
        asyncio.ensure_future(Someone(client, owner.unionid, "", {}, send_token=False).dig(code))
        for owner in (bob, carol)
    ]
    own, *refused = await asyncio.gather(bob.dig(code), *forged)
    assert (own["status"], own["now_depth"]) == (0, 2)
    assert {reply["error"] for reply in refused} <= {"token_required", "cooling_down"}
    assert drawn.sizes == [1]


@pytest.mark.parametrize("first", ["token", "id"])
async def test_by_token_and_id_a_person_has_only_one_place(context, cooled, drawn, first, alice, bob, carol):
    code, _ = await cooled(alice)
    digs = {
        how: dig(context, DigAttempt(code, bob.id, "", session))
        for how, session in (("token", session_of(context, bob)), ("id", None))
    }
    second = next(how for how in digs if how != first)
    carols, *bobs = await asyncio.gather(
        asyncio.ensure_future(dig(context, DigAttempt(code, carol.id))),
        *(asyncio.ensure_future(digs[how]) for how in (first, second)),
        return_exceptions=True,
    )
    assert drawn.sizes == [2]
    assert getattr(carols, "error", "dug") == "cooling_down"
    repeated = dict(zip((first, second), (getattr(each, "repeated", None) for each in bobs), strict=True))
    assert repeated == {"token": False, "id": True}


@pytest.mark.parametrize("why", ["own_task", "already_won", "banned"])
async def test_somebody_who_is_known_not_to_dig_gets_no_place(context, cooled, drawn, why, alice, bob, carol):
    """The process has learned the reason from an earlier frame or read."""
    code, _ = await cooled(alice)
    if why == "already_won":
        context.hub.known.by_code[code].winners[bob.id] = 1
    elif why == "banned":
        await context.store.people.rows.update_one({"_id": bob.id}, {"$set": {"banned": BAN}})
        await context.known_people.find(bob.id, None)
    barred = alice if why == "own_task" else bob
    dug, *refused = await asyncio.gather(
        dig(context, DigAttempt(code, carol.id)),
        *(dig(context, DigAttempt(code, barred.id, dig_id)) for dig_id in ("", "some-dig-1")),
        return_exceptions=True,
    )
    assert dug.dig["depth"] == 2
    told = "own_task" if why == "own_task" else "cooling_down"
    assert [getattr(each, "error", None) for each in refused] == [told, told]
    assert drawn.sizes == [1]


async def test_who_is_banned_gets_no_place_at_any_process(context, cooled, other, drawn, alice, bob, carol):
    """With a place, a banned person could come first in each process, be refused there, and delay others."""
    code, _ = await cooled(alice)
    await learned(code, context, other)
    await context.store.people.rows.update_one({"_id": bob.id}, {"$set": {"banned": BAN}})
    told, refused = await ask_at(code, [(other, carol), (other, bob)])
    assert (told.dig["depth"], refused.error, drawn.sizes) == (2, "cooling_down", [1])


async def test_ids_that_nobody_has_get_no_place_and_come_after_people(client, cooled, drawn, alice, bob):
    code, _ = await cooled(alice)
    nobody = [Someone(client, f"nobody{k}", "", {}, send_token=False) for k in range(20)]
    asked = [asyncio.ensure_future(each.dig(code)) for each in nobody]
    told = await bob.dig(code)
    refused = await asyncio.gather(*asked)
    assert (told["status"], told["now_depth"], drawn.sizes) == (0, 2, [1])
    assert {reply["error"] for reply in refused} <= {"cooling_down", "not_logged_in"}


async def test_who_cannot_be_asked_about_digs_last(context, cooled, drawn, monkeypatch, alice, bob, carol):
    """As while a replica set elects a primary."""
    await bob.get("/getMyInfo")
    code, _ = await cooled(alice)
    monkeypatch.setattr(context.store.people, "find_admissions", failing(AutoReconnect("no primary")))
    first, second = await asyncio.gather(carol.dig(code), bob.dig(code))
    assert first["error"] == "cooling_down"
    assert second["status"] == 0
    assert drawn.sizes == [1]


async def test_a_process_new_to_the_task_gathers_too(context, cooled, other, drawn, alice, bob, carol):
    code, first = await cooled(alice)
    found = await asyncio.gather(
        *(dig(other, DigAttempt(code, who.id)) for who in (bob, carol)),
        return_exceptions=True,
    )
    assert drawn.sizes == [2]
    (dug,) = [each for each in found if not isinstance(each, BaseException)]
    assert dug.dig["at"] >= first["cd_until"] + WINDOW_MS
    assert len(await check_history(context, code)) == 2


# ---- over all processes


@pytest.fixture
def only_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes wait long for the first person's dig and a slow Redis, so that nobody else goes on."""
    monkeypatch.setattr(fair_start, "OTHERS_SECONDS", 10.0)
    monkeypatch.setattr(fair_start, "PATIENCE_SECONDS", 10.0)
    monkeypatch.setattr(fair_start, "QUICK_SECONDS", 10.0)


async def ask_at(code: str, asked: list[tuple[Context, Someone]]) -> list[Any]:
    """Let these people dig in this order; return their digs and refusals."""
    digs = [
        asyncio.ensure_future(dig(where, DigAttempt(code, who.id, "", session_of(where, who))))
        for where, who in asked
    ]
    return await asyncio.gather(*digs, return_exceptions=True)


async def known_at(processes: list[Context], people: list[Someone]) -> None:
    """Let processes read these people's records first, so that no read delays their places in the order."""
    for each in processes:
        known = each.known_people
        await asyncio.gather(*(known.find(who.id, session_of(each, who)) for who in people))


async def learned(code: str, *processes: Context) -> None:
    """Let processes know of the cooldown that is just over."""
    for each in processes:
        found = await each.store.tasks.find_at(code)
        each.clock.see(found[1])
        each.hub.cooldowns.learn(found[0]["last_dig"])


@pytest.mark.usefixtures("only_the_first")
@pytest.mark.parametrize("first_at", [0, 1])
async def test_the_first_of_all_digs_whichever_process_it_asked_at_the_cost_of_one_dig(
    client, context, cooled, other, drawn, monkeypatch, first_at
):
    """The other process has no open page of the task, but has heard of the last dig."""
    alice, *people = await client.log_in_all("alice", *(f"digger{k}" for k in range(6)))
    await known_at([context, other], people)
    code, _ = await cooled(alice)
    await learned(code, context, other)
    processes = [context, other] if first_at else [other, context]
    views, digs = (
        [meanwhile(monkeypatch, each.store.tasks, name) for each in processes]
        for name in ("view", "record_dig")
    )
    told = await ask_at(code, list(zip(processes * 3, people, strict=True)))
    assert [getattr(each, "error", "dug") for each in told] == [*["cooling_down"] * 5, "dug"]
    assert (await check_history(context, code))[-1]["person_id"] == people[-1].id
    assert drawn.sizes == [3, 3]
    assert [sum(map(len, asked)) for asked in (views, digs)] == [1, 1]


@pytest.mark.usefixtures("only_the_first")
async def test_by_two_tokens_at_two_processes_a_person_has_one_place_and_redis_no_id(
    context, cooled, other, drawn, tested_redis, alice, bob, carol
):
    await known_at([context, other], [bob, carol])
    code, first = await cooled(alice)
    await learned(code, context, other)
    asked = [(context, bob), (other, bob), (other, carol), (context, bob), (other, bob)]
    *bobs, carols = await ask_at(code, sorted(asked, key=lambda ask: ask[1] is carol))
    assert getattr(carols, "dig", None), "whoever comes last is first, and bob came once"
    assert {each.error for each in bobs} == {"cooling_down"}
    assert sorted(drawn.sizes) == [1, 2]
    async with Redis.from_url(tested_redis) as redis:
        prefix = context.store.database.name
        (key,) = await redis.keys(f"{prefix}:*{code}*{first['cd_until']}")
        names = await redis.zrange(key, 0, -1)
        assert 0 < await redis.ttl(key) <= 10
    assert key.decode() == f"{prefix}:random_order:{{{code}}}:{first['cd_until']}"
    assert len(names) == 2
    assert all(len(name) == 32 and bob.id not in name.decode() for name in names)


async def test_if_the_first_is_banned_others_go_on(context, cooled, other, drawn, alice, bob, carol, dave):
    await known_at([context, other], [bob, carol, dave])
    code, _ = await cooled(alice)
    await learned(code, context, other)
    asking = asyncio.ensure_future(ask_at(code, [(other, carol), (other, dave), (context, bob)]))
    await asyncio.sleep(0)
    await context.store.people.rows.update_one({"_id": bob.id}, {"$set": {"banned": BAN}})
    *others, refused = await asking
    assert refused.error == "banned"
    assert sorted(getattr(each, "error", "dug") for each in others) == ["cooling_down", "dug"]
    assert (await check_history(context, code))[-1]["person_id"] == dave.id
    assert sorted(drawn.sizes) == [1, 2]


# ---- openings


@pytest.mark.parametrize(("opened_by", "cd_seconds", "waits"), [("pay", 5, 1), ("show", 5, 1), ("pay", 0, 0)])
async def test_who_waited_for_an_opening_digs_in_a_random_order_unless_there_is_no_cooldown(
    context, drawn, opened_by, cd_seconds, waits, alice, bob, carol
):
    code = await alice.publish(cd=cd_seconds)
    tasks = context.store.tasks
    shut = {"open": 0, "opened_at": 0} | ({"review": "checking"} if opened_by == "show" else {})
    await tasks.collection.update_one({"_id": code}, {"$set": shut})
    if opened_by == "pay":
        assert await tasks.moves(code, opened_by_payment("an order", 3_600_000))
    else:
        assert await tasks.moves(code, opened_by_review(3_600_000))
    await known_at([context], [bob, carol])
    told = await ask_at(code, [(context, bob), (context, carol)])
    assert drawn.sizes == [2] * waits
    first, *_ = digs = await check_history(context, code)
    if waits:
        opened = await tasks.find(code)
        assert first["at"] >= opened["opened_at"] + WINDOW_MS
        assert (len(digs), first["person_id"]) == (1, carol.id)
        assert [getattr(each, "error", "dug") for each in told] == ["cooling_down", "dug"]


@pytest.mark.parametrize("ahead_ms", [2000, -2000])
async def test_an_announced_treasure_opens_by_mongodbs_clock_also_where_a_process_just_started_without_redis(
    context, settings, monkeypatch, ahead_ms, alice, bob, carol
):
    starts_at = context.clock.now_ms() + 3_600_000
    code = await alice.publish(cd=5, starts_at=starts_at)
    wrong = Clock(lambda: time.time_ns() + ahead_ms * 1_000_000)
    monkeypatch.setattr("server.context.Clock", lambda **_: wrong)
    started = await Context.open(msgspec.structs.replace(settings, redis_url="redis://127.0.0.1:1"), Sandbox)
    both = [(context, bob), (started, carol)]
    for told in await ask_at(code, both):
        assert (told.error, told.extra["cd_until"]) == ("cooling_down", starts_at)
    assert abs(started.clock.now_ms() - await context.store.now_ms()) < 1000
    opened_at = await context.store.now_ms()
    opens = {"starts_at": opened_at, "opened_at": opened_at, "cd_until": opened_at}
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": opens})
    for each, _ in both:
        each.hub.cooldowns.forget(code)
    told = await ask_at(code, both)
    assert sorted(getattr(each, "error", "dug") for each in told) == ["cooling_down", "dug"]
    [first] = await check_history(context, code)
    assert first["at"] >= opened_at + WINDOW_MS
    await started.close()


async def test_digs_long_after_a_cooldown_do_not_wait(context, cooled, drawn, monkeypatch, alice, bob, carol):
    code, first = await cooled(alice)
    await context.fair_start.wait(code, "somebody else")
    now_ms = context.clock.now_ms
    assert now_ms() >= first["cd_until"] + WINDOW_MS
    monkeypatch.setattr(context.clock, "now_ms", lambda: now_ms() + LATE_MS)
    assert (await bob.dig(code))["now_depth"] == 2
    without = await alice.publish(cd=0)
    assert [(await who.dig(without))["now_depth"] for who in (bob, carol, bob)] == [1, 2, 3]
    assert drawn.sizes == [1]
