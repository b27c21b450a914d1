"""One process does all due work for all processes; the others send few commands while they are idle."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, get_args

import pytest
from pymongo.monitoring import CommandStartedEvent

from devtools.sandbox import Sandbox
from server import context as contexts
from server.context import Context
from server.leading import leader as leaders
from server.leading.work import WORKS, Leading
from server.operation.own_database import Wrong
from server.running.worker import begin_repeated
from server.runtime.activity import Activity
from server.runtime.background import Background
from server.settings import Settings
from server.store import Store
from server.store.agenda import Kind
from support.leading import lead
from support.purse import find
from support.trips import Listener

DAYS_MS = 86_400_000
MOST_OF_LEADER = 2.0
MOST_OF_FOLLOWER = 1.0


class Counted(Listener):
    """Counts a process's commands; `looked` is set after its third check whether MongoDB answers."""

    def __init__(self) -> None:
        self.kinds = Counter[str]()
        self.looked = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def started(self, event: CommandStartedEvent) -> None:
        self.kinds[f"{event.command_name} {event.command.get(event.command_name)}"] += 1
        if self.kinds["aggregate meta"] >= 3:
            self._loop.call_soon_threadsafe(self.looked.set)


@asynccontextmanager
async def a_process(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Context, Counted]]:
    """Run a worker's repeated work, and count its commands."""
    counted = Counted()
    with monkeypatch.context() as patched:
        patched.setattr(contexts, "Store", lambda uri, **_: Store(uri, [counted]))
        opened = await Context.open(settings, Sandbox)
    await opened.database.look()
    repeated = begin_repeated(opened)
    try:
        yield opened, counted
    finally:
        await repeated.end()
        await opened.close()


@pytest.mark.usefixtures("context")
async def test_an_idle_leader_asks_at_most_twice_a_second_and_a_follower_once(settings, monkeypatch):
    async with a_process(settings, monkeypatch) as (first, of_leader):
        await first.leader.lead()
        async with a_process(settings, monkeypatch) as (second, of_follower):
            while not await find(first, "gauges"):  # noqa: ASYNC110  (nothing tells)
                await asyncio.sleep(0.05)  # a new leader counts everything at once
            for counted in (of_leader, of_follower):
                counted.kinds.clear()
                counted.looked.clear()
            began = time.monotonic()
            await of_follower.looked.wait()
            seconds = time.monotonic() - began
            leader = Counter(of_leader.kinds)
            follower = Counter(of_follower.kinds)
            assert first.leader.leads
            assert not second.leader.leads
            assert leader.total() <= MOST_OF_LEADER * seconds + 1, leader
            assert follower.total() <= MOST_OF_FOLLOWER * seconds + 1, follower


async def test_when_the_leader_is_killed_another_process_leads_as_the_lease_ends(context, other, monkeypatch):
    monkeypatch.setattr(leaders, "LEASE_MS", 1_000)
    monkeypatch.setattr(leaders, "RENEW_SECONDS", 0.2)
    first = Background()
    second = Background()
    context.leader.begin(first)
    await context.leader.lead()
    other.leader.begin(second)
    (lease,) = await find(context, "leases")
    while (await find(context, "leases"))[0]["until"] == lease["until"]:  # noqa: ASYNC110  (nothing tells)
        await asyncio.sleep(0.05)
    assert not other.leader.leads, "it is renewed"
    await first.end()  # as by kill -9: the lease is not given back
    (lease,) = await find(context, "leases")
    await other.leader.lead()
    assert await context.store.now_ms() >= lease["until"]
    assert not context.leader.leads, "also if it only stood still: it knows that its time is over"
    await context.leader.ask()
    assert not context.leader.has_lease
    await second.end()


async def test_a_leader_that_ends_hands_over_at_once(context, other, monkeypatch):
    first = Background()
    second = Background()
    context.leader.begin(first)
    await context.leader.lead()
    await other.leader._free.wait()  # set when a process has connected: it may try for the lease then
    other.leader._free.clear()
    resting = asyncio.Event()
    rest = other.leader._rest

    def note_rest() -> Awaitable[None]:
        resting.set()
        return rest()

    monkeypatch.setattr(other.leader, "_rest", note_rest)
    other.leader.begin(second)
    await resting.wait()
    assert not other.leader.leads
    began = time.monotonic()
    await first.end()
    await context.leader.close()
    await other.leader.lead()
    assert time.monotonic() - began < leaders.LEASE_MS / 1000 / 2
    await second.end()


async def test_several_that_ask_at_once_for_the_first_lease_agree_on_one(context):
    leases = context.store.leases
    taken = await asyncio.gather(*(leases.acquire("leader", f"{number}", 60_000) for number in range(8)))
    assert len({lease["holder"] for lease in taken}) == 1


async def test_a_renewal_that_reaches_mongodb_after_the_release_takes_no_lease(context, monkeypatch):
    leases = context.store.leases
    sent = asyncio.Event()
    released = asyncio.Event()
    update = leases.find_one_and_update
    late = list[asyncio.Future[Any]]()

    async def under_way(*arguments: Any, **named: Any) -> Any:
        """Carry out the update even if the caller is cancelled, as PyMongo's thread does."""

        async def arrive() -> Any:
            await released.wait()
            return await update(*arguments, **named)

        late.append(asyncio.ensure_future(arrive()))
        sent.set()
        return await asyncio.shield(late[-1])

    async def left(release: Awaitable[None]) -> str:
        await release
        monkeypatch.setattr(leases, "find_one_and_update", update)
        released.set()
        await asyncio.gather(*late)
        [lease] = await leases.find_all(["leader"])
        return str(lease["holder"])

    await context.leader.ask()
    monkeypatch.setattr(leases, "find_one_and_update", under_way)
    asking = asyncio.ensure_future(context.leader.ask())
    await sent.wait()
    asking.cancel()
    assert await left(context.leader.close()) == ""


async def test_a_lease_goes_by_mongodbs_clock(context, monkeypatch):
    await context.store.leases.acquire("leader", "another", 60_000)
    right = context.clock.now_ms
    monkeypatch.setattr(context.leader, "_now_ms", lambda: right() + DAYS_MS)
    await context.leader.ask()
    assert not context.leader.leads
    assert context.leader._wait_seconds == leaders.LEAST_SECONDS
    monkeypatch.setattr(context.leader, "_now_ms", lambda: right() - DAYS_MS)
    await context.leader.ask()
    assert context.leader._wait_seconds == leaders.LEASE_MS / 1000


async def test_a_follower_does_nothing_of_what_is_due(context, other):
    await context.leader.ask()
    await other.database.look()
    await other.leader.ask()
    following = asyncio.ensure_future(Leading(other, Background()).look())
    await context.store.database["reviews"].insert_one({"_id": "a review", "due_at": 1})
    await lead(context)
    assert (await find(context, "reviews"))[0]["due_at"] > 1, "the leader leased it"
    assert not following.done()
    following.cancel()


SOMETHING_DUE: dict[Kind, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "pending": ("tasks", {"pending": 1}, {}),
    "addresses": (
        "prizes",
        {"state": "given", "given_at": 1, "address_box": {"key": "k", "box": b"b"}},
        {"state": "given", "given_at": 2**50, "address_box": {"key": "k", "box": b"b"}},
    ),
    "leavers": ("people", {"leaving": {"due_at": 1}}, {"leaving": {"due_at": 2**50}}),
    "names": ("people", {"naming_at": 1}, {"naming_at": 2**50}),
    "notices": (
        "sandbox_notices",
        {"state": "waiting", "due_at_ms": 1},
        {"state": "waiting", "due_at_ms": 2**50},
    ),
}


@pytest.mark.parametrize("kind", get_args(Kind))
async def test_one_look_finds_each_kind_of_what_is_due(context, kind):
    collection, due, later = SOMETHING_DUE.get(kind, (kind, {"due_at": 1}, {"due_at": 2**50}))
    database = context.store.database
    await database[collection].insert_one({"_id": "later", "code": "later", "openid": "o-later", **later})
    now_ms = context.clock.now_ms()
    before = await context.store.agenda.look(now_ms, get_args(Kind), {})
    assert before.kinds == frozenset()
    await database[collection].insert_one({"_id": "due", "code": "due", "openid": "o-due", **due})
    found = await context.store.agenda.look(now_ms, get_args(Kind), {})
    assert found.kinds == {kind}
    assert abs(found.now_ms - now_ms) < 60_000


def test_each_kind_of_what_is_due_is_done_by_one_work():
    assert sorted(kind for kinds, _ in WORKS for kind in kinds) == sorted(get_args(Kind))


async def test_a_process_rests_longer_while_nobody_is_here_and_wakes_when_somebody_comes():
    connections = set[str]()
    activity = Activity(connections)
    assert activity.idle()
    resting = asyncio.ensure_future(activity.rest(0, 600))
    await asyncio.sleep(0)
    assert not resting.done()
    activity.note()
    await resting
    assert not activity.idle()
    assert activity.idle(-1)
    connections.add("a page")
    assert not activity.idle(-1)


@pytest.mark.parametrize(("what", "value"), [("identity", "another"), ("wrong", Wrong("keys", ("ab",)))])
async def test_nothing_is_done_from_a_database_that_is_not_ours(context, what, value):
    await context.database.look()
    await context.leader.ask()
    await context.store.database["reviews"].insert_one({"_id": "a review", "due_at": 1})
    setattr(context.database, what, value)
    leading = Leading(context, Background())
    await leading.look()
    await leading.finish()
    assert (await find(context, "reviews"))[0]["due_at"] == 1
