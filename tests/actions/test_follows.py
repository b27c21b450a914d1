"""Following a publisher: followers are told of each treasure once, in batches, whichever process dies."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from server.actions.messages import write
from server.actions.messages.send import send_messages
from server.actions.people import erase as erasing
from server.actions.people import follow as following
from server.actions.people.follow import follow
from server.context import Context
from server.runtime.background import Background
from server.store import Store
from server.store.people import erasure
from support.client import Client, Someone
from support.meanwhile import failing
from support.messages import MESSAGES, allow, send_until_quiet, sent_to
from support.purse import find, let_pass
from support.steps import Killed, Steps
from support.stored import person_of

ENVIRONMENT = MESSAGES


async def id_of(context: Context, someone: Someone) -> str:
    person = await person_of(context, someone)
    return person["public_id"]


async def told(client: Client, *users: str) -> list[list[tuple[str, str]]]:
    """Return the treasures of which each follower was told, and what can be done about them."""
    sent = [[shown for kind, shown in await sent_to(client, user) if kind == "announced"] for user in users]
    return [[(shown["name"], shown["status"]) for shown in each] for each in sent]


async def test_a_publisher_is_followed_and_followed_no_more(context, monkeypatch, alice, bob, carol, dave):
    ids = [await id_of(context, who) for who in (alice, carol)]
    for publisher_id in (*ids, ids[0]):
        assert (await bob.post("/follow", publisher_id=publisher_id))["status"] == 0
    listed = await bob.get("/getMyFollows")
    rows = [(row["publisher_id"], row["wxname"]) for row in listed["data"]]
    assert rows == [(ids[1], "carol"), (ids[0], "alice")]
    assert alice.unionid not in str(listed)
    for who, is_following in ((bob, 1), (carol, 0)):
        assert (await who.get("/getPublisher", publisher_id=ids[0]))["following"] == is_following
    own = await alice.post("/follow", publisher_id=ids[0])
    assert (own["error"], own["param"], own["msg"]) == ("bad_request", "publisher_id", "这是你自己，不用关注")
    assert (await alice.post("/follow", publisher_id="0" * 16))["error"] == "no_such_person"
    monkeypatch.setattr(following, "MOST", 2)
    assert (await bob.post("/follow", publisher_id=await id_of(context, bob)))["error"] == "bad_request"
    assert (await bob.post("/follow", publisher_id=ids[0]))["status"] == 0  # again
    many = await bob.post("/follow", publisher_id=await id_of(context, dave))
    assert many["msg"] == "最多关注 2 人，请先取消关注几个"
    for _ in range(2):
        assert (await bob.post("/follow", publisher_id=ids[1], following=0))["status"] == 0
    assert [row["wxname"] for row in (await bob.get("/getMyFollows"))["data"]] == ["alice"]

    # Erasing somebody ends whom they follow, and who follows them.
    for fan in (alice, carol, dave):
        assert (await fan.post("/follow", publisher_id=await id_of(context, bob)))["status"] == 0
    monkeypatch.setattr(erasure, "BATCH", 1)
    await erasing.erase(context.store, bob.unionid)
    assert await find(context, "follows") == []


async def test_followers_who_allow_it_are_told_once_it_is_shown_and_only_of_public_ones(client, context):
    alice, bob, carol = await client.log_in_all("alice", "bob", "carol")
    await alice.publish(name="没人关注")
    assert await find(context, "messages") == []
    for fan in (bob, carol):
        assert (await fan.post("/follow", publisher_id=await id_of(context, alice)))["status"] == 0
    await allow(client, "bob", "announced")
    await alice.publish(name="只给熟人", is_public=0)
    packet = await alice.publish_packet()
    await send_until_quiet(context)
    assert await told(client, "bob") == [[]]
    await alice.pay(packet)
    await send_until_quiet(context)
    [name] = [task["name"] for task in await find(context, "tasks", _id=packet)]
    assert await told(client, "bob", "carol") == [[(name, "可以挖了")], []]
    [message] = (await client.http.get("/sandbox/messages", params={"user": "bob"})).json()["messages"]
    assert message["page"] == f"pages/treasure/treasure?code={packet}"
    # A second treasure needs a second consent. The message on an announced treasure says when it starts; a
    # treasure that is over is announced to nobody.
    await allow(client, "bob", "announced")
    over = await alice.publish(name="马上结束")
    await alice.post("/endTask", code=over)
    await alice.publish(name="灯", starts_at=context.clock.now_ms() + 3_600_000)
    await send_until_quiet(context)
    await alice.publish(name="伞")
    await send_until_quiet(context)
    assert await told(client, "bob") == [[(name, "可以挖了"), ("灯", "即将开挖")]]
    assert not any("due_at" in message for message in await find(context, "messages", unionid=bob.unionid))


async def test_followers_are_told_of_what_was_saved_only_when_its_publisher_tried_again(
    client, context, monkeypatch, alice, bob
):
    assert (await bob.post("/follow", publisher_id=await id_of(context, alice)))["status"] == 0
    await allow(client, "bob", "announced")

    async def announcement() -> str:
        [message] = await find(context, "messages", unionid=alice.unionid)
        return message["state"]

    for publish_id, hours, state in (("tried-again-1", 23, "waiting"), ("given-up-12", 25, "moot")):
        with monkeypatch.context() as patch:
            patch.setattr(context.store.tasks, "add", failing(RuntimeError()))
            with pytest.raises(AssertionError):
                await alice.publish(name="猫", publish_id=publish_id)
        await let_pass(context, hours * 3_600_000)
        await send_until_quiet(context)
        assert await announcement() == state
        if state == "waiting":
            await alice.publish(name="猫", publish_id=publish_id)
            await send_until_quiet(context)
            assert await told(client, "bob") == [[("猫", "可以挖了")]]
        await context.store.database["messages"].delete_many({})


async def test_those_who_leave_come_back_or_come_later_are_told_at_most_once(client, context, monkeypatch):
    for name, number in (("FOLLOWERS", 2), ("AT_ONCE", 2), ("READS", 2)):
        monkeypatch.setattr(write, name, number)
    users = [f"fan{number}" for number in range(14)]
    alice, *fans = await client.log_in_all("alice", *users)
    publisher_id = await id_of(context, alice)

    async def change(*numbers: int, following: bool) -> None:
        for number in numbers:
            await follow(context, fans[number].unionid, publisher_id, following=following)

    await change(*range(13), following=True)
    await change(0, 12, following=True)  # once more: nobody gets a second number
    await change(*range(1, 11), following=False)  # gaps of more numbers than a turn reads
    for user in users:
        await allow(client, user, "announced")
        await allow(client, user, "announced")
    await alice.publish(name="灯")
    messages = context.store.database["messages"]
    turns = 0
    while await messages.find_one({"after": {"$exists": True}, "state": "waiting"}) is not None:
        await messages.update_many({"after": {"$exists": True}}, {"$set": {"due_at": 1}})
        await send_messages(context)
        # Followers who were told, who were not told yet, and who are new.
        await change(0, 12, following=False)
        await change(0, 12, 13, following=True)
        turns += 1
    await send_until_quiet(context)
    assert turns == 5  # three read four numbers each, one reads the last, and one ends the run
    expected = {"fan0": 1, "fan11": 1}
    assert {user: len(found[0]) for user in users if (found := await told(client, user))[0]} == expected
    numbers = {row["follower"]: row["n"] for row in await find(context, "follows")}
    assert numbers[fans[11].unionid] == 12
    [person] = await find(context, "people", _id=alice.unionid)
    assert max(numbers.values()) <= person["followed"]


async def test_those_who_follow_at_the_same_moment_are_all_told(client, context, monkeypatch):
    monkeypatch.setattr(write, "AT_ONCE", 2)
    users = [f"fan{number}" for number in range(6)]
    alice, *fans = await client.log_in_all("alice", *users)
    publisher_id = await id_of(context, alice)
    await asyncio.gather(
        *(follow(context, fan.unionid, publisher_id, following=True) for fan in fans for _ in range(2))
    )
    for user in users:
        await allow(client, user, "announced")
    await alice.publish(name="灯")
    await send_until_quiet(context)
    assert await told(client, *users) == [[("灯", "可以挖了")]] * 6


@pytest.mark.gen_test(timeout=60)
async def test_each_follower_is_told_once_after_a_kill_at_any_step(client, context, settings, monkeypatch):
    monkeypatch.setattr(write, "FOLLOWERS", 4)
    monkeypatch.setattr(write, "AT_ONCE", 2)
    users = [f"fan{number}" for number in range(5)]
    alice, *fans = await client.log_in_all("alice", *users)
    for fan in fans:
        await follow(context, fan.unionid, await id_of(context, alice), following=True)

    async def run(kill_after: int) -> list[str]:
        """Publish and send in a process that dies after this many steps; another process goes on."""
        for name in ("messages", "consents", "tasks", "sandbox_messages", "sandbox_consents"):
            await context.store.database[name].delete_many({})
        for user in users[1:]:
            await allow(client, user, "announced")
        code = await alice.publish(name="猫")
        await context.store.database["messages"].update_many({}, {"$set": {"due_at": 1}})
        victim = replace(context, store=Store(settings.mongodb_uri), background=Background())
        steps = Steps(victim, kill_after)
        try:
            for _ in range(3):
                await send_messages(victim)
                await context.store.database["messages"].update_many(
                    {"due_at": {"$gt": 0}, "after": {"$exists": True}}, {"$set": {"due_at": 1}}
                )
        except Killed:
            assert steps.killed
        victim.store.close()
        await let_pass(context, 120_000)
        await send_until_quiet(context)
        assert await told(client, *users) == [[], *[[("猫", "可以挖了")]] * 4], (kill_after, steps.names)
        assert not any("due_at" in message for message in await find(context, "messages", code=code))
        return steps.names

    whole = await run(0)
    pages = [step for step in whole if step in ("messages.insert_all", "messages.go_on")]
    wrote, went_on = "messages.insert_all", "messages.go_on"
    assert pages == [wrote, wrote, went_on, wrote, went_on]
    written = [at for at, step in enumerate(whole, 1) if step in (*pages, "messages.lease_due")]
    for kill_after in written[:6]:
        await run(kill_after)
