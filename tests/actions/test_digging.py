"""Digging: who may dig and when, the reply, the state afterwards, and what refusals cost other people."""

import asyncio
from collections.abc import Awaitable
from itertools import permutations
from typing import Any, TypeAlias

import pytest
from pymongo.errors import AutoReconnect

from handlers.digging.post_task import PostTask
from server.actions.digging import dig as digging
from server.actions.digging.dig import SLOW_CLOCK_MS, DigAttempt, Dug, dig, settle_pending
from server.context import Context
from server.errors import OutcomeUnknown, OwnTask, Refusal, Unavailable
from server.game.dig import Dig
from server.memory.digging import Digging
from support.client import Someone
from support.invariants import check_history
from support.meanwhile import meanwhile


async def test_a_publisher_is_told_that_it_is_their_own_task_also_in_a_cooldown(context, alice, bob, carol):
    code = await alice.publish(cd=60, forecast_num=40_000)
    await bob.dig(code)
    assert (await alice.dig(code))["error"] == "own_task"  # this process has read the task
    assert (await carol.dig(code, dig_id="carols-dig-1"))["error"] == "cooling_down"
    # A process that only heard of the dig does not read the task.
    context.digging = Digging(context.store, context.keys)
    assert (await alice.dig(code))["error"] == "cooling_down"
    context.hub.cooldowns.forget(code)  # as in a process that did not hear of the dig
    assert (await alice.dig(code))["error"] == "own_task"


async def test_a_name_that_looks_like_a_field_is_only_a_name(client, alice):
    dollar = await client.log_in("dollar", nickname="$seed_box")
    code = await alice.publish(name="$seed_box", wxname="$$ROOT", forecast_num=100)
    reply = await dollar.dig(code)
    assert reply["wxname"] == "$seed_box"
    details = await alice.get("/getTaskDetails", code=code)
    assert (details["name"], details["wxname"]) == ("$seed_box", "$$ROOT")
    assert details["users"][0]["wxname"] == "$seed_box"


async def test_a_dig_that_is_not_yet_in_the_history_counts_everywhere(context, alice, bob, carol):
    """A process that is killed right after the conditional update leaves this state."""
    code = await alice.publish(cd=0, forecast_num=100, prize_num=2, interval=50, fluctuation=0)
    await bob.dig(code)
    await context.background.finish()
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"pending": 1}})
    for _ in range(2):  # while both have it, and while its task alone has it
        info = await bob.get("/getMyInfo")
        assert (info["digging_num"], info["partake_num"]) == (1, 1)
        await context.store.digs.collection.delete_one({"_id": f"{code}:1"})
    assert [task["code"] for task in (await bob.get("/getMyPartake"))["data"]] == [code]
    assert [user["no"] for user in (await bob.get("/getTaskUser", code=code, page=1))["data"]] == [1]
    await context.store.tasks.collection.update_one({"_id": code}, {"$inc": {"last_dig.at": -2000}})
    await settle_pending(context)
    assert await context.store.digs.collection.count_documents({"code": code}) == 1
    assert (await context.store.tasks.collection.find_one({"_id": code})).get("pending") is None
    assert (await carol.dig(code))["no"] == 2
    await check_history(context, code)


async def test_mongodb_itself_refuses_a_dig_that_was_allowed_when_its_task_was_read(context, alice, bob):
    """A process that read the task before somebody else's change does not know of it."""
    code = await alice.publish(cd=60, forecast_num=40_000)
    await bob.dig(code, dig_id="bobs-dig-1")
    await context.background.finish()
    tasks = context.store.tasks
    await tasks.collection.update_one({"_id": code}, {"$set": {"cd_until": 1}})
    sealed = await tasks.collection.find_one({"_id": code})
    task = await tasks.find(code)
    second = Dig(**{**task["last_dig"], "_id": f"{code}:2", "depth": 2, "dig_id": "late"})  # type: ignore[typeddict-item]
    later = {"cd_until": context.clock.now_ms() + 3_600_000}
    shut = ({"status": 1}, {"open": 0}, {"hidden": 1}, {"review": "checking"})
    for changed in (later, *shut, {"now_depth": 2}):
        await tasks.collection.update_one({"_id": code}, {"$set": changed})
        assert await tasks.record_dig(second, 60_000) is None, changed
        assert await tasks.find(code) == {**task, **changed}
        await tasks.collection.replace_one({"_id": code}, sealed)
    recorded = await tasks.record_dig(second, 60_000)
    assert (recorded["depth"], recorded["cd_until"]) == (2, recorded["at"] + 60_000)


@pytest.mark.parametrize("known", [True, False])
async def test_many_digs_of_a_publisher_delay_anothers_by_one_read(context, monkeypatch, known, alice, bob):
    code = await alice.publish(cd=60)
    if known:
        context.digging.learn(await context.store.tasks.get(code))
    reads = meanwhile(monkeypatch, context.store.tasks, "view")
    hers = [dig(context, DigAttempt(code, alice.id, f"alices-dig-{k}")) for k in range(200)]
    his = dig(context, DigAttempt(code, bob.id))
    *refused, dug = await asyncio.gather(*hers, his, return_exceptions=True)
    assert {type(each) for each in refused} == {OwnTask}
    assert isinstance(dug, Dug)
    assert (dug.dig["depth"], dug.repeated) == (1, False)
    # After bob's dig the cooldown is known, and whose task it is.
    assert len(reads) <= 3


# The error and the depth in a reply, and whether the reply is repeated.
Outcome: TypeAlias = tuple[str, int, bool]
REFUSED: Outcome = ("cooling_down", 0, False)


async def outcome(asked: Awaitable[Dug]) -> Outcome:
    try:
        dug = await asked
    except Refusal as refusal:
        return refusal.error, 0, False
    return "", dug.dig["depth"], dug.repeated


class Held:
    """Makes reads of a process wait until `go`, as with a slow MongoDB: by default those of digs."""

    def __init__(
        self, context: Context, monkeypatch: pytest.MonkeyPatch, of: Any = None, name: str = "view"
    ) -> None:
        self.go = asyncio.Event()
        self.waiting: asyncio.Queue[str] = asyncio.Queue()
        of = of or context.store.tasks
        self._read = getattr(of, name)
        # However long a busy machine holds them.
        monkeypatch.setattr(digging, "DEADLINE_SECONDS", 60.0)
        monkeypatch.setattr("handlers.base.ANSWER_SECONDS", 60.0)
        monkeypatch.setattr(of, name, self._late_read)

    async def _late_read(self, *asked: str) -> Any:
        self.waiting.put_nowait(asked[0])
        await self.go.wait()
        return await self._read(*asked)


async def test_no_slow_process_makes_a_refused_dig(context, other, open_page, monkeypatch, alice, bob, carol):
    """Bob asks a slow and a fast process, carol the fast process; their three requests come in any order."""
    orders = list(permutations(("bob slow", "carol", "bob fast")))
    codes = [await alice.publish(cd=1) for _ in orders]
    pages = [await open_page(alice, code) for code in codes]
    held = Held(other, monkeypatch)

    async def ask(where: Context, code: str, who: Someone) -> Outcome:
        return await outcome(dig(where, DigAttempt(code, who.id, "dig-one")))

    async def play(code: str, order: tuple[str, ...]) -> tuple[asyncio.Future[Outcome], Outcome]:
        told: dict[str, asyncio.Future[Outcome]] = {}
        for turn in order:
            where = other if turn == "bob slow" else context
            who = carol if turn == "carol" else bob
            told[turn] = asyncio.ensure_future(ask(where, code, who))
            await (held.waiting.get() if where is other else told[turn])
        return told["bob slow"], told["bob fast"].result()

    told = [await play(code, order) for code, order in zip(codes, orders, strict=True)]
    for page in pages:
        await page.until("tick", time=0)
    held.go.set()
    for code, order, (slow, fast) in zip(codes, orders, told, strict=True):
        was_refused = order.index("carol") < order.index("bob fast")
        assert (fast == REFUSED) == was_refused, order
        assert await slow == (REFUSED if was_refused else ("", 1, True)), order
        assert len(await check_history(context, code)) == 1, order


async def test_who_came_in_a_cooldown_is_refused_after_it(context, open_page, monkeypatch, alice, bob, carol):
    code = await alice.publish(cd=1)
    page = await open_page(alice, code)
    made = await carol.dig(code)
    await page.until("tick", time=0)
    held = Held(context, monkeypatch)
    early = asyncio.get_running_loop().time() - 0.5
    with pytest.raises(Refusal, match="现在可以再挖") as told:
        await dig(context, DigAttempt(code, bob.id, arrived=early))
    assert told.value.extra == {"is_cd": 0, "time": 0, "cd_until": made["cd_until"]}
    assert held.waiting.empty()
    held.go.set()
    assert await outcome(dig(context, DigAttempt(code, bob.id))) == ("", 2, False)


@pytest.mark.parametrize(("late_ms", "told"), [(SLOW_CLOCK_MS // 2, ("", 2, False)), (1000, REFUSED)])
async def test_a_slow_clock_refuses_nobody_who_came_after(context, other, late_ms, told, alice, bob, carol):
    """A request that seems early by SLOW_CLOCK_MS at most is accepted; one that seems earlier is refused."""
    code = await alice.publish(cd=60)
    await carol.dig(code)
    ended = [{"$set": {"cd_until": {"$toLong": "$$NOW"}}}]
    await context.store.tasks.collection.update_one({"_id": code}, ended)
    seemed = asyncio.get_running_loop().time() - late_ms / 1000
    assert await outcome(dig(other, DigAttempt(code, bob.id, arrived=seemed))) == told


async def test_a_dig_by_a_bare_id_counts_when_it_came(context, open_page, monkeypatch, alice, bob, carol):
    code = await alice.publish(cd=1)
    page = await open_page(alice, code)
    held = Held(context, monkeypatch, context.known_people, "id_of")
    bob.send_token = False
    asked = asyncio.ensure_future(bob.dig(code))
    await held.waiting.get()
    await carol.dig(code)
    await page.until("tick", time=0)
    held.go.set()
    refused = await asked
    assert (refused["error"], refused["time"]) == ("cooling_down", 0)


@pytest.mark.parametrize("bare", [False, True])
async def test_without_cooldown_nobody_digs_for_a_client_that_hung_up(context, monkeypatch, bare, alice, bob):
    code = await alice.publish(cd=0)
    held = Held(context, monkeypatch, *([context.known_people, "id_of"] if bare else []))
    bob.send_token = not bare
    noticed = asyncio.Event()
    ended: asyncio.Queue[Outcome] = asyncio.Queue()
    closed = PostTask.on_connection_close

    async def watched(*asked: Any) -> None:
        ended.put_nowait(await outcome(dig(*asked)))
        raise Unavailable

    def notice(handler: PostTask) -> None:
        closed(handler)
        noticed.set()

    monkeypatch.setattr(PostTask, "on_connection_close", notice)
    monkeypatch.setattr("handlers.digging.post_task.dig", watched)
    asked = asyncio.ensure_future(bob.dig(code))
    await held.waiting.get()
    asked.cancel()
    await noticed.wait()
    held.go.set()
    assert await ended.get() == (Unavailable.error, 0, False)
    assert await check_history(context, code) == []


async def test_in_its_window_a_dig_is_tried_once_for_a_client_that_hung_up(context, monkeypatch, alice, bob):
    codes = [await alice.publish(cd=60) for _ in range(3)]
    tasks = context.store.tasks
    left = ["view", "record_dig"]
    before = {name: getattr(tasks, name) for name in left}

    async def ask(code: str) -> Outcome:
        return await outcome(dig(context, DigAttempt(code, bob.id, hung_up=True)))

    for name, code, error in zip(left, codes, (Unavailable.error, OutcomeUnknown.error), strict=False):
        asked: list[str] = []

        async def away(*_: object, name: str = name, asked: list[str] = asked) -> None:
            asked.append(name)
            raise AutoReconnect("gone")

        monkeypatch.setattr(tasks, name, away)
        assert await ask(code) == (error, 0, False)
        assert asked == [name]
        monkeypatch.setattr(tasks, name, before[name])
    assert await ask(codes[-1]) == ("", 1, False)
