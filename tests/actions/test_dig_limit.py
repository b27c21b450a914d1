"""In a task without a cooldown, a person can make only a limited number of digs a second, over all
processes."""

import asyncio
from typing import Any

import pytest

from server.actions.digging.dig import DigAttempt, dig
from server.context import Context
from server.errors import TooOften
from server.settings.limits import BOUNDS, Bound
from support.client import Someone, session_of
from support.invariants import check_history
from support.meanwhile import meanwhile

MOST = 3


ENVIRONMENT = {"LIMITS_A_PERSON": "1"}


@pytest.fixture(autouse=True)
def _few_digs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BOUNDS, "digs", Bound(MOST, 0, seconds=1))


async def depth_at(where: Context, code: str, who: Someone, *, proven: bool = True) -> int:
    """Dig; return the depth, or 0 if the person made too many digs."""
    session = session_of(where, who) if proven else None
    try:
        return (await dig(where, DigAttempt(code, who.id, "", session))).dig["depth"]
    except TooOften:
        return 0


async def test_a_persons_digs_a_second_are_limited_over_all_processes(context, other, alice, bob, carol):
    code = await alice.publish(cd=0)
    for each in (context, other):  # without Redis, each process counts by itself
        await each.bus.connected.wait()
    began = asyncio.get_running_loop().time()
    told = await asyncio.gather(*(depth_at(where, code, bob) for where in [context, other] * MOST * 2))
    seconds = asyncio.get_running_loop().time() - began
    dug = sum(depth > 0 for depth in told)
    assert MOST <= dug <= MOST * (1 + int(seconds)), f"in {seconds:.1f} s"
    assert await depth_at(other, code, carol) == dug + 1
    assert await depth_at(other, code, bob, proven=False) == dug + 2, "who shows only an id counts apart"
    assert len(await check_history(context, code)) == dug + 2


async def test_a_dig_too_many_is_told_when_to_come_back_and_reads_no_store(context, monkeypatch, alice, bob):
    code = await alice.publish(cd=0)
    refused: dict[str, Any] = {"status": 0}
    while not refused["status"]:
        refused = await bob.dig(code)
    told = {"error": "too_many", "retry_after": 1, "msg": "操作太频繁，请 1 秒后再试"}
    assert refused | told == refused
    reads = meanwhile(monkeypatch, context.store.tasks, "view")
    told = refused
    while told["status"]:  # refused until the second is over
        told = await bob.dig(code)
    assert len(reads) == 1


async def test_where_there_is_a_cooldown_nothing_is_counted(context, alice, bob):
    codes = [await alice.publish(cd=5) for _ in range(MOST + 2)]
    assert [await depth_at(context, code, bob) for code in codes] == [1] * len(codes)
