"""A task's details from memory: the same bytes as from the store, and never older than the frames."""

import re
from dataclasses import replace

import msgspec
import pytest

from handlers.digging.task_page import GetTaskDetailsReply
from server.actions.digging.end_task import end_task_as_operator
from server.errors import NoSuchTask
from server.realtime import known_tasks
from server.security.keys import Keys
from support.meanwhile import meanwhile
from support.watchers import Collecting

SERVER_TIME = re.compile(rb'"server_time":\d+')


async def test_a_page_from_memory_has_the_bytes_of_the_store_and_of_its_struct(client, context, elsewhere):
    """The other process has heard of no dig: it reads everything."""
    alice, bob, *people = await client.log_in_all("alice", "bob", *(f"person{k}" for k in range(52)))
    rules = {"prize_num": 3, "interval": 20, "fluctuation": 0, "forecast_num": 400, "cd": 0}
    code = await alice.publish(name='<b>"\\u0000is_prize', synopsis='一\n"share":"x"\t二', **rules)
    over = await alice.publish(**rules | {"interval": 2})
    for someone in (bob, people[0], bob):
        await someone.dig(over)
    await end_task_as_operator(context, over, "违反规则")
    for someone in [bob, *people]:
        assert (await someone.dig(code))["status"] == 0
    await context.background.finish()
    for asked in (code, over):
        for someone in (alice, bob, people[0], people[51]):
            both = [replace(someone, client=each) for each in (client, elsewhere)]
            here, there = [(await each.fetch("/getTaskDetails", code=asked)).content for each in both]
            assert here == msgspec.json.encode(msgspec.json.decode(here, type=GetTaskDetailsReply))
            assert SERVER_TIME.sub(b"", here) == SERVER_TIME.sub(b"", there)


@pytest.mark.parametrize("redis", ["up", "down"])
async def test_a_digger_sees_their_dig_next_on_any_process(context, other, elsewhere, redis, alice, bob):
    code = await alice.publish(forecast_num=1_000_000, cd=0)
    watcher = Collecting()
    await other.hub.watch(watcher, code, None, False)
    if redis == "down":
        for bus in (context.bus, other.bus):
            await bus.connected.wait()
            bus.connected.clear()
    there = replace(bob, client=elsewhere)
    for depth in range(1, 20):
        made = await bob.dig(code)
        assert made["status"] == 0, made
        assert made["seq"] == depth
        assert (await there.get("/getTaskDetails", code=code))["seq"] == depth
        frames = [frame["seq"] for frame in watcher.frames if frame["type"] == "cd"]
        assert frames[-1] == depth, "the page must not be ahead of the frames"


async def test_a_link_opens_only_with_a_token_that_this_server_made(alice, bob, code):
    share = (await alice.get("/getTaskDetails", code=code))["share"]
    assert (await bob.get("/getTaskDetails", code=share))["code"] == code
    elsewhere = Keys(b"another secret, as long as needed").seal_share(code, alice.id)
    altered = {share[:at] + ("a" if share[at] != "a" else "b") + share[at + 1 :] for at in range(len(share))}
    for token in (*altered, share[::-1], "x" * 31, "0" * 31, "9" * 31, elsewhere):
        assert (await bob.get("/getTaskDetails", code=token))["error"] == "no_such_task", token
    # The last one is of the form that the version before made.
    for token in (share[:-1], share + "a", share[:12] + "!" * 19, "A" * 20):
        assert (await bob.get("/getTaskDetails", code=token))["error"] == "bad_request", token
    assert (await bob.dig(share))["seq"] == 1


async def test_a_share_token_stays_valid_through_any_number_of_secrets(alice, code):
    secrets = [b"%d" % number * 32 for number in range(4)]
    tokens = [Keys(secret).seal_share(code, alice.id) for secret in secrets]
    assert len(set(tokens)) == 4
    rotated = Keys(*reversed(secrets))
    assert {rotated.open_share(token) for token in tokens} == {(code, alice.id)}
    assert rotated.seal_share(code, alice.id) == tokens[-1]


async def test_unknown_codes_are_read_once_a_second_and_fill_no_memory(context, monkeypatch, alice):
    reads = meanwhile(monkeypatch, context.store.tasks, "find_at")
    known = context.hub.known
    for _ in range(5):
        assert (await alice.get("/getTaskDetails", code="A" * 12))["error"] == "no_such_task"
    assert reads == [("A" * 12,)]
    assert (len(known._unknown), known._unknown.maxsize) == (1, known_tasks.UNKNOWN_CODES)
    assert not known.by_code
    heard = context.bus._acknowledged.keys()
    own = {"", "leader", "living", "metrics", "metrics_of", f"watchers:{context.bus.process}"}
    assert heard <= own, "no unknown code is subscribed to"


async def test_unused_tasks_are_kept_within_bounds(context, monkeypatch, alice):
    codes = [await alice.publish() for _ in range(6)]
    monkeypatch.setattr(known_tasks, "IDLE_TASKS", 3)
    await context.hub.watch(Collecting(), codes[0], None, False)
    for code in codes:
        assert (await alice.get("/getTaskDetails", code=code))["code"] == code
    assert list(context.hub.known.by_code) == [codes[0], *codes[3:]]
    monkeypatch.setattr(known_tasks, "IDLE_SECONDS", 0.0)
    context.hub.known.clear_away()
    assert list(context.hub.known.by_code) == codes[:1]


async def test_a_deleted_task_is_unknown_to_new_requests(context, bob, code):
    await bob.get("/getTaskDetails", code=code)
    await context.store.tasks.collection.delete_one({"_id": code})
    await context.hub._poll()
    assert (await bob.get("/getTaskDetails", code=code))["error"] == "no_such_task"
    with pytest.raises(NoSuchTask):
        await context.hub.watch(Collecting(), code, None, False)


async def test_people_are_counted_and_not_their_pages(context, alice, code):
    first = Collecting()
    second = Collecting()
    other = Collecting()
    other.person_id = "somebody else"
    for watcher, watchers in ((first, 1), (second, 1), (other, 2), (other, 2)):
        await context.hub.watch(watcher, code, None, False)
        assert watcher.frames[-1]["watchers"] == watchers
    for watcher, watchers in ((first, 2), (second, 1), (second, 1), (other, 0)):
        context.hub.unwatch(watcher, code)
        assert (await alice.get("/getTaskDetails", code=code))["watchers"] == watchers
