"""A request digs only in the window in which it came, however long it waits. Without windows, it digs if its
client still waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from itertools import permutations
from typing import Any, TypeAlias

import pytest
from pymongo.errors import AutoReconnect

from handlers.base import Receiver
from server.actions.digging.dig import SLOW_CLOCK_MS, Dug, dig, digging_of
from server.context import Context
from server.errors import OutcomeUnknown, Refusal, Unavailable
from support.client import Someone, admit
from support.invariants import check_history

# A reply's error, its depth, and whether it is repeated.
Outcome: TypeAlias = tuple[str, int, bool]
REFUSED: Outcome = ("cooling_down", 0, False)


async def outcome(asked: Awaitable[Dug]) -> Outcome:
    try:
        dug = await asked
    except Refusal as refusal:
        return refusal.error, 0, False
    return "", dug.dig["depth"], dug.repeated


class Held:
    """Makes a process's reads of digs wait until `go`, as with a slow MongoDB."""

    def __init__(self, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go = asyncio.Event()
        self.waiting: asyncio.Queue[str] = asyncio.Queue()
        self._view = context.store.tasks.view
        monkeypatch.setattr(context.store.tasks, "view", self._late_view)

    async def _late_view(self, code: str, *asked: str) -> Any:
        self.waiting.put_nowait(code)
        await self.go.wait()
        return await self._view(code, *asked)


async def test_a_dig_that_was_refused_elsewhere_is_never_made_by_a_slow_process(
    context, other, open_page, monkeypatch, alice, bob, carol
):
    """Bob asks a slow process, carol a fast one, and bob the fast one, too; in each order of the three."""
    orders = list(permutations(("bob slow", "carol", "bob fast")))
    codes = [await alice.publish(cd=1) for _ in orders]
    pages = [await open_page(alice, code) for code in codes]
    held = Held(other, monkeypatch)

    async def ask(where: Context, code: str, who: Someone) -> Outcome:
        return await outcome(dig(where, code, who.unionid, "dig-one", admit, 0))

    async def play(code: str, order: tuple[str, ...]) -> tuple[asyncio.Future[Outcome], Outcome]:
        told: dict[str, asyncio.Future[Outcome]] = {}
        for turn in order:
            where, who = other if turn == "bob slow" else context, carol if turn == "carol" else bob
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


async def test_a_request_that_came_before_its_senders_last_dig_is_told_of_that_dig(
    context, other, open_page, monkeypatch, alice, bob
):
    code = await alice.publish(cd=1)
    page = await open_page(alice, code)
    held = Held(other, monkeypatch)
    slow = asyncio.ensure_future(outcome(dig(other, code, bob.unionid, "", admit, 0)))
    await held.waiting.get()
    assert await outcome(dig(context, code, bob.unionid, "", admit, 0)) == ("", 1, False)
    await page.until("tick", time=0)
    held.go.set()
    assert await slow == ("", 1, True)


async def test_a_request_that_came_in_a_cooldown_is_refused_from_memory_after_it_and_may_be_sent_again(
    context, open_page, monkeypatch, alice, bob, carol
):
    code = await alice.publish(cd=1)
    page = await open_page(alice, code)
    made = await carol.dig(code)
    await page.until("tick", time=0)
    held = Held(context, monkeypatch)
    early = asyncio.get_running_loop().time() - 0.5
    with pytest.raises(Refusal, match="现在可以再挖") as told:
        await dig(context, code, bob.unionid, "", admit, 0, arrived=early)
    assert told.value.extra == {"is_cd": 0, "time": 0, "cd_until": made["cd_until"]}
    assert held.waiting.empty()
    held.go.set()
    assert await outcome(dig(context, code, bob.unionid, "", admit, 0)) == ("", 2, False)


@pytest.mark.parametrize(("late_ms", "told"), [(SLOW_CLOCK_MS - 20, ("", 2, False)), (1000, REFUSED)])
async def test_a_clock_that_is_as_slow_as_it_may_be_refuses_nobody_who_came_after_the_cooldown(
    context, other, late_ms, told, alice, bob, carol
):
    """The store is read less than 20 ms after the cooldown's end; later, no dig would be refused anyway."""
    code = await alice.publish(cd=60)
    await carol.dig(code)
    ended = [{"$set": {"cd_until": {"$toLong": "$$NOW"}}}]
    await context.store.tasks.collection.update_one({"_id": code}, ended)
    seemed = asyncio.get_running_loop().time() - late_ms / 1000
    assert await outcome(dig(other, code, bob.unionid, "", admit, 0, arrived=seemed)) == told


async def test_without_a_cooldown_nobody_digs_for_a_client_that_hung_up(context, monkeypatch, alice, bob):
    code = await alice.publish(cd=0)
    held, noticed = Held(context, monkeypatch), asyncio.Event()
    closed = Receiver.on_connection_close

    def notice(handler: Receiver) -> None:
        closed(handler)
        noticed.set()

    monkeypatch.setattr(Receiver, "on_connection_close", notice)
    asked = asyncio.ensure_future(bob.dig(code))
    await held.waiting.get()
    asked.cancel()
    await noticed.wait()
    held.go.set()
    async with digging_of(context).turn(code):  # the dig has this turn until it ends
        assert await check_history(context, code) == []
    assert (await bob.dig(code))["now_depth"] == 1


async def test_in_its_window_a_dig_is_tried_once_for_a_client_that_hung_up(context, monkeypatch, alice, bob):
    codes = [await alice.publish(cd=60) for _ in range(3)]
    tasks, left = context.store.tasks, ["view", "record_dig"]
    before = {name: getattr(tasks, name) for name in left}

    def hung_up() -> bool:
        return True

    async def ask(code: str) -> Outcome:
        return await outcome(dig(context, code, bob.unionid, "", admit, 0, hung_up=hung_up))

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
