"""Messages to people who left: the right person gets each message, in time, and once."""

import asyncio
from typing import ClassVar

from server import wechat as real
from server.actions.digging.end_task import end_task_as_operator
from server.actions.messages import send as sending
from server.actions.messages import write
from server.actions.messages.send import delete_old_messages, send_messages
from server.actions.messages.words import HELD_MS, words_of
from server.actions.people import erase as erasing
from server.actions.people import follow as following
from server.actions.people.follow import follow
from server.actions.prizes.freeze import freeze, release
from server.context import Context
from server.errors import NotShown
from server.leading.sweep import sweep
from server.store.people import erasure
from server.wechat.messages import moment
from support.client import ADDRESS, Client
from support.messages import MESSAGES, TEMPLATES, allow, send_until_quiet, sent_to, states
from support.purse import DAY_MS, find, let_pass, only, rest, sweep_after, sweep_until_quiet

ENVIRONMENT = MESSAGES


async def wins(client: Client, *names: str, consents: int = 1) -> str:
    """Let Bob allow this many messages about wins, and win goods with these names; return the last code."""
    alice, bob = await client.log_in_all("alice", "bob")
    for _ in range(consents):
        await allow(client, "bob", "won")
    for name in names:
        code = await alice.won_goods(bob, name=name)
    return code


async def told(client: Client) -> list[str]:
    """Return the names of the goods in Bob's messages about wins, oldest first."""
    return [shown["name"] for kind, shown in await sent_to(client, "bob") if kind == "won"]


async def test_a_winner_is_told_twice_when_to_claim_and_a_publisher_how_it_ended(client, context, alice, bob):
    await allow(client, "bob", "won", "claim_ends")
    await allow(client, "alice", "ended")
    code = await alice.won_packet(bob, prizes=2, name="一只猫🐈")
    await end_task_as_operator(context, code, "违规")
    await sweep_until_quiet(context)
    for _ in range(2):
        await send_messages(context)
    ((kind, won),) = await sent_to(client, "bob")
    (message,) = (await client.http.get("/sandbox/messages", params={"user": "bob"})).json()["messages"]
    assert (kind, message["page"]) == ("won", f"pages/treasure/treasure?code={code}")
    told = {"name": "一只猫", "prize": "2 元红包", "status": "待领取"}
    until = moment((await only(context, "tasks"))["ended_at"] + 30 * DAY_MS)
    assert won == told | {"until": until, "note": "第 1 层挖到的，点开领取"}
    ((kind, ended),) = await sent_to(client, "alice")
    said = {"name": "一只猫", "how": "平台结束了这个宝贝", "refund": "2.00元", "status": "已结束"}
    assert ended | said | {"note": "2 份挖出 1 份，退回 2.00元"} == ended
    assert 'wabao_messages_total{kind="won",outcome="sent",' in (await client.http.get("/metrics")).text
    # A day before the deadline, who has not claimed is told once more.
    await sweep_after(context, 29 * DAY_MS - 60_000)
    assert "claim_ends" not in await states(context)
    await let_pass(context, 60_000)
    for _ in range(2):
        await sweep(context)
        await send_until_quiet(context)
    _, (kind, shown) = await sent_to(client, "bob")
    until = moment((await only(context, "tasks"))["ended_at"] + 30 * DAY_MS)
    assert (kind, shown["status"], shown["until"]) == ("claim_ends", "将到期", until)
    assert len(await sent_to(client, "alice")) == 1


async def test_a_winner_who_has_claimed_already_is_told_nothing(client, context):
    code = await wins(client, "茶壶", consents=0)
    await client.people["bob"].claim(code, **ADDRESS)
    await allow(client, "bob", "won")
    await send_until_quiet(context)
    assert await sent_to(client, "bob") == []
    assert (await states(context))["won"] == "moot"
    assert (await templates(client, "bob"))["won"] == 1  # the consent is still good for another message


async def test_a_winner_of_what_was_frozen_for_long_is_told_at_its_release(client, context, alice, bob):
    code = await alice.won_packet(bob)
    await freeze(context, "task", code, 0)
    await allow(client, "bob", "won")
    await send_messages(context)
    await let_pass(context, 60 * DAY_MS)
    await send_messages(context)
    assert await sent_to(client, "bob") == []
    await release(context, "task", code, 0)
    await let_pass(context, HELD_MS)
    await send_messages(context)
    assert [kind for kind, _ in await sent_to(client, "bob")] == ["won"]


async def test_a_publisher_is_told_why_a_treasure_was_refused_or_opened_nothing(client, context, alice):
    await allow(client, "alice", "refused", "ended")
    at = dict.fromkeys(("ended_at", "due_at"), context.clock.now_ms())
    why = "文字没有通过微信的内容检查"
    for end, field, told in (
        ({"end_reason": "refused", "end_note": why}, "why", ("refused", why, "改好后可以再发一个")),
        (
            {"end_reason": "credit"},
            "how",
            ("ended", "发红包不能用信用卡", "付的钱全额退回，请换零钱或储蓄卡再发"),
        ),
    ):
        code = await alice.publish(name="一张彩票")
        await context.store.database["tasks"].update_one({"_id": code}, {"$set": {"status": 1, **end, **at}})
        await sweep_until_quiet(context)
        await send_until_quiet(context)
        (kind, shown) = (await sent_to(client, "alice"))[-1]
        assert (kind, shown[field], shown["note"]) == told
        assert shown["name"] == "一张彩票"
    # Nobody is told of a treasure that they end themselves.
    assert (await alice.post("/endTask", code=await alice.publish()))["status"] == 0
    await sweep_until_quiet(context)
    assert len(await find(context, "messages")) == 2


async def test_a_reminder_comes_once_when_the_cooldown_is_over(client, context, alice, bob, carol, dave):
    code = await alice.publish(cd=3600)
    dug = await bob.dig(code)
    await allow(client, "carol", "cooldown_over")
    for _ in range(2):
        assert (await carol.post("/remind", code=code))["cd_until"] == dug["cd_until"]
    # Although it is due, it waits: somebody was faster, and the cooldown runs again.
    await context.store.database["messages"].update_many({}, {"$set": {"due_at": context.clock.now_ms()}})
    await send_messages(context)
    assert await sent_to(client, "carol") == []
    assert (await only(context, "messages"))["due_at"] == dug["cd_until"]
    await end_cooldown(context, code)
    await send_messages(context)
    ((kind, shown),) = await sent_to(client, "carol")
    assert (kind, shown["status"], shown["note"]) == ("cooldown_over", "可以挖了", "冷却结束，快来挖下一锹")
    # Somebody may ask again during the next cooldown.
    await allow(client, "carol", "cooldown_over")
    assert (await dave.dig(code))["status"] == 0
    assert (await carol.post("/remind", code=code))["status"] == 0
    await end_cooldown(context, code)
    await send_until_quiet(context)
    assert len(await sent_to(client, "carol")) == 2


async def test_a_reminder_of_a_start_comes_at_it_however_far_it_is_moved(client, context, alice, carol):
    starts_at = context.clock.now_ms() + 3_600_000
    code = await alice.publish(cd=3600, starts_at=starts_at)
    unpaid = await alice.publish_packet(starts_at=starts_at)
    await allow(client, "carol", "cooldown_over")
    assert (await carol.post("/remind", code=unpaid))["error"] == "not_paid"
    assert (await carol.post("/remind", code=code))["cd_until"] == starts_at
    for moved in (starts_at + 3 * DAY_MS, starts_at - 60_000, starts_at + 3 * DAY_MS):
        assert (await alice.post("/editTask", code=code, name="猫", starts_at=moved))["status"] == 0
        assert (await only(context, "messages"))["due_at"] <= moved
    for hours in (2, 72):
        await let_pass(context, hours * 3_600_000)
        passed = {"$inc": {"cd_until": -hours * 3_600_000}}
        await context.store.tasks.collection.update_one({"_id": code}, passed)
        await send_messages(context)
    ((kind, shown),) = await sent_to(client, "carol")
    assert (kind, shown["note"]) == ("cooldown_over", "开挖了，快来挖第一锹")


async def test_nobody_is_reminded_of_a_task_that_was_taken_down(client, context, alice, bob, carol, dave):
    code = await alice.publish(cd=3600)
    await bob.dig(code)
    await allow(client, "carol", "cooldown_over")
    assert (await carol.post("/remind", code=code))["status"] == 0
    await context.store.moderation.set_hidden(code, hidden=True, note="违法")
    refused = await dave.post("/remind", code=code)
    assert (refused["error"], refused["msg"]) == ("no_such_task", NotShown.default_msg)
    assert (await alice.post("/remind", code=code))["error"] == "own_task"
    await end_cooldown(context, code)
    await send_until_quiet(context)
    assert await sent_to(client, "carol") == []
    assert await find(context, "messages", due_at={"$exists": True}) == []
    await context.store.moderation.set_hidden(code, hidden=False)
    assert (await dave.dig(code))["status"] == 0  # carol's consent has not been used
    assert (await carol.post("/remind", code=code))["status"] == 0


async def test_what_falls_due_while_checks_or_reports_hide_a_treasure_waits(client, context, alice, carol):
    code = await alice.publish(cd=3600, starts_at=context.clock.now_ms() + 3_600_000)
    await allow(client, "carol", "cooldown_over")
    assert (await carol.post("/remind", code=code))["status"] == 0
    tasks = context.store.database["tasks"]
    for hidden, shown in (
        ({"review": "checking"}, {"review": "shown"}),
        ({"hidden": 1, "reported": 3}, {"hidden": 0, "reported": 0}),
    ):
        await tasks.update_one({"_id": code}, {"$set": hidden})
        await end_cooldown(context, code)
        await send_messages(context)
        [message] = await find(context, "messages", kind="cooldown_over")
        now_ms = context.clock.now_ms()
        assert (message["state"], now_ms < message["due_at"] < message["until"]) == ("waiting", True)
        announced = await words_of(context, {**message, "kind": "announced"})
        assert (announced.moot, announced.later_ms >= now_ms) == (False, True)
        await tasks.update_one({"_id": code}, {"$set": shown})
    await end_cooldown(context, code)
    await send_messages(context)
    assert [kind for kind, _ in await sent_to(client, "carol")] == ["cooldown_over"]


async def end_cooldown(context: Context, code: str) -> None:
    """End a cooldown, and make the messages that wait for its end due."""
    now_ms = context.clock.now_ms()
    await context.store.database["tasks"].update_many({}, {"$set": {"cd_until": now_ms}})
    await context.store.database["messages"].update_many({"due_at": {"$gt": 0}}, {"$set": {"due_at": now_ms}})
    context.hub.cooldowns.forget(code)


async def test_a_reminder_that_makes_no_sense_is_refused(context, alice, bob, carol):
    free = await alice.publish()
    assert (await carol.post("/remind", code=free))["msg"] == "冷却已经结束，现在就可以挖"
    won = await alice.publish(cd=3600, prize_num=2, forecast_num=2, interval=1, fluctuation=0)
    await bob.dig(won)
    assert (await bob.post("/remind", code=won))["error"] == "already_won"
    assert (await alice.post("/remind", code=won))["error"] == "own_task"
    assert (await carol.post("/remind", code="A" * 12))["error"] == "no_such_task"
    over = await alice.publish(cd=3600, forecast_num=1)
    await bob.dig(over)
    assert (await carol.post("/remind", code=over))["error"] == "ended"
    await rest(context)
    assert {message["kind"] for message in await find(context, "messages")} <= {"won", "ended"}


async def templates(client: Client, user: str) -> dict[str, int]:
    """Return how many messages of each kind a person still allows."""
    reply = await client.people[user].get("/getTemplates")
    assert {each["kind"]: each["template_id"] for each in reply["templates"]} == TEMPLATES
    return {each["kind"]: each["left"] for each in reply["templates"]}


async def test_consents_are_counted_by_person_and_template(client, context):
    await client.log_in_all("alice", "bob")
    await allow(client, "alice", "won", "ended")
    await allow(client, "alice", "won")
    assert await templates(client, "alice") == dict.fromkeys(TEMPLATES, 0) | {"won": 2, "ended": 1}
    assert set((await templates(client, "bob")).values()) == {0}
    alice = client.people["alice"]
    for wrong in ("", "short", "a" * 20, f"{TEMPLATES['won']},", ",".join([TEMPLATES["won"]] * 6)):
        assert (await alice.post("/subscribed", templates=wrong))["param"] == "templates"
    assert (await templates(client, "alice"))["won"] == 2
    await context.store.consents.rows.update_many({"left": 2}, {"$set": {"left": 49}})
    for _ in range(2):
        await alice.post("/subscribed", templates=TEMPLATES["won"])
        assert (await templates(client, "alice"))["won"] == 50


# -- WeChat's answers


SOON = 6_000
A_MINUTE = 61_000
AN_HOUR = 3_600_000
# What WeChat answers at first, and of how many consents; the alarm; when the message is sent again, 0 if
# never; its state at last, and how many consents are left.
ANSWERS = [
    *(("refuse", code, 1, "", 0, "failed", 1) for code in ("40003", "45168")),
    ("refuse", "43101", 1, "", 0, "refused", 0),  # WeChat knows of no consent
    ("refuse", "43108", 1, "", SOON, "sent", 0),  # another message came at the same time
    *(("refuse", code, 1, code, AN_HOUR, "sent", 0) for code in ("47003", "40037")),
    *(("refuse", "-1", consents, "", A_MINUTE, "sent", consents - 1) for consents in (1, 2)),
    ("refuse", "45009", 2, "", A_MINUTE, "sent", 1),
    ("error_before", "", 1, "", A_MINUTE, "sent", 0),
    # WeChat took it and gave no answer. Of the last consent it takes no second message.
    *((what, "", 1, "", A_MINUTE, "sent", 0) for what in ("timeout", "garbage")),
    ("garbage", "", 2, "", A_MINUTE, "unclear", 1),
]


async def test_by_wechats_answer_a_message_comes_later_once_or_is_given_up(client, context, monkeypatch):
    for what, code, consents, alarm, again_ms, state, left in ANSWERS:
        monkeypatch.setattr(real, "MESSAGE_SECONDS", 0.5 if what == "timeout" else 10.0)
        for name in ("messages", "consents", "sandbox_messages", "sandbox_consents"):
            await context.store.database[name].delete_many({})
        await wins(client, "茶壶", consents=consents)
        await client.misbehave(what, call="message", code=code, times=2)
        await send_messages(context)
        await client.misbehave("behave")
        row = (what, code, consents)
        assert (await states(context))["won"] == ("waiting" if again_ms else state), row
        assert await context.store.messages.alarms() == ({alarm: 1} if alarm else {}), row
        if again_ms:
            [message] = await find(context, "messages", kind="won")
            assert again_ms - 30_000 < message["due_at"] - context.clock.now_ms() <= again_ms, row
        await let_pass(context, again_ms)
        await send_messages(context)
        assert (await states(context))["won"] == state, row
        assert await told(client) == (["茶壶"] if again_ms else []), row
        assert (await templates(client, "bob"))["won"] == left, row
        assert await context.store.messages.alarms() == {}, row


async def test_a_wechat_that_is_away_for_long_is_an_alarm(client, context):
    await wins(client, "茶壶")
    await client.misbehave("error_before", call="message", times=100)
    await send_messages(context)
    assert await context.store.messages.alarms() == {}
    await let_pass(context, sending.LATE_MS)
    await send_messages(context)
    assert await context.store.messages.alarms() == {"late": 1}
    await client.misbehave("behave")
    await send_until_quiet(context)
    assert await context.store.messages.alarms() == {}
    assert len(await sent_to(client, "bob")) == 1


async def test_after_no_answer_the_rest_wait_and_each_is_sent_once(client, context, other, monkeypatch):
    monkeypatch.setattr(sending, "AT_ONCE", 2)
    people = [f"person{number}" for number in range(5)]
    alice, *_ = await client.log_in_all("alice", *people)
    for user in people:
        await allow(client, user, "won")
        await allow(client, user, "won")
        await alice.won_goods(client.people[user])
    await client.misbehave("error_before", call="message", times=100)
    await send_messages(context)
    tries = sorted(message["tries"] for message in await find(context, "messages", kind="won"))
    assert tries == [0, 0, 0, 1, 1]
    await client.misbehave("behave")
    await let_pass(context, 120_000)
    await asyncio.gather(*(send_messages(each) for each in (context, other) * 3))
    for user in people:
        assert len(await sent_to(client, user)) == 1


async def test_messages_that_ended_long_ago_are_deleted(client, context):
    await wins(client, "茶壶")
    await send_messages(context)
    await let_pass(context, sending.KEPT_MS - 60_000)
    await delete_old_messages(context)
    assert [message["state"] for message in await find(context, "messages", kind="won")] == ["sent"]
    await let_pass(context, 120_000)
    await delete_old_messages(context)
    assert await find(context, "messages", kind="won") == []
    await sweep_until_quiet(context)
    assert await find(context, "messages", kind="won") == []  # and the message is not written again


class TestOff:
    ENVIRONMENT: ClassVar = {}

    async def test_without_templates_nothing_is_written_or_offered(self, client, context):
        code = await wins(client, "茶壶", consents=0)
        await sweep_until_quiet(context, 29 * DAY_MS)
        await send_messages(context)
        await delete_old_messages(context)
        bob = client.people["bob"]
        assert (await bob.get("/getTemplates"))["templates"] == []
        assert (await bob.post("/subscribed", templates=TEMPLATES["won"]))["error"] == "bad_request"
        assert (await bob.post("/remind", code=code))["error"] == "bad_request"
        assert await find(context, "messages") == await find(context, "consents") == []


async def test_a_consent_given_meanwhile_is_not_used_for_what_got_no_answer(client, context):
    await wins(client, "茶壶")
    await client.misbehave("disconnect", call="message")
    await send_messages(context)
    await allow(client, "bob", "won")
    await send_until_quiet(context)
    assert await told(client) == ["茶壶"]
    assert (await states(context))["won"] == "unclear"


async def offered(client: Client, *users: str) -> list[list[tuple[str, str]]]:
    """For each of these people, return the name and the `status` in each announcement that they got."""
    sent = [[shown for kind, shown in await sent_to(client, user) if kind == "announced"] for user in users]
    return [[(shown["name"], shown["status"]) for shown in each] for each in sent]


async def test_a_publisher_is_followed_and_followed_no_more(context, monkeypatch, alice, bob, carol, dave):
    ids = [who.id for who in (alice, carol)]
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
    assert (await alice.post("/follow", publisher_id="0" * 11))["error"] == "no_such_person"
    monkeypatch.setattr(following, "MOST", 2)
    assert (await bob.post("/follow", publisher_id=bob.id))["error"] == "bad_request"
    assert (await bob.post("/follow", publisher_id=ids[0]))["status"] == 0  # he follows her already
    many = await bob.post("/follow", publisher_id=dave.id)
    assert many["msg"] == "最多关注 2 人，请先取消关注几个"
    for _ in range(2):
        assert (await bob.post("/follow", publisher_id=ids[1], following=0))["status"] == 0
    assert [row["wxname"] for row in (await bob.get("/getMyFollows"))["data"]] == ["alice"]

    # Erasing a person deletes both whom they follow and who follows them.
    for fan in (alice, carol, dave):
        assert (await fan.post("/follow", publisher_id=bob.id))["status"] == 0
    monkeypatch.setattr(erasure, "BATCH", 1)
    await erasing.erase(context.store, bob.id)
    assert await find(context, "follows") == []


async def test_followers_who_allow_it_are_told_of_public_ones_once_shown(client, context, alice, bob, carol):
    await alice.publish(name="没人关注")
    assert await find(context, "messages") == []
    for fan in (bob, carol):
        assert (await fan.post("/follow", publisher_id=alice.id))["status"] == 0
    await allow(client, "bob", "announced")
    await alice.publish(name="只给熟人", is_public=0)
    packet = await alice.publish_packet()
    await send_until_quiet(context)
    assert await offered(client, "bob") == [[]]
    await alice.pay(packet)
    await send_until_quiet(context)
    [name] = [task["name"] for task in await find(context, "tasks", _id=packet)]
    assert await offered(client, "bob", "carol") == [[(name, "可以挖了")], []]
    [message] = (await client.http.get("/sandbox/messages", params={"user": "bob"})).json()["messages"]
    assert message["page"] == f"pages/treasure/treasure?code={packet}"
    # A second treasure needs a second consent. The message about a treasure that starts later says when.
    # Nobody gets a message about a treasure that has already ended.
    await allow(client, "bob", "announced")
    over = await alice.publish(name="马上结束")
    await alice.post("/endTask", code=over)
    await alice.publish(name="灯", starts_at=context.clock.now_ms() + 3_600_000)
    await send_until_quiet(context)
    await alice.publish(name="伞")
    await send_until_quiet(context)
    assert await offered(client, "bob") == [[(name, "可以挖了"), ("灯", "即将开挖")]]
    assert not any("due_at" in message for message in await find(context, "messages", person_id=bob.id))


async def test_those_who_leave_come_back_or_come_later_are_told_at_most_once(client, context, monkeypatch):
    for name, number in (("FOLLOWERS", 2), ("AT_ONCE", 2), ("READS", 2)):
        monkeypatch.setattr(write, name, number)
    users = [f"fan{number}" for number in range(14)]
    alice, *fans = await client.log_in_all("alice", *users)
    publisher_id = alice.id

    async def change(*numbers: int, following: bool) -> None:
        for number in numbers:
            await follow(context, fans[number].id, publisher_id, following=following)

    await change(*range(13), following=True)
    await change(0, 12, following=True)  # they follow already, so they keep their numbers
    await change(*range(1, 11), following=False)  # leaves a gap of more numbers than a turn reads
    for user in users:
        await allow(client, user, "announced")
        await allow(client, user, "announced")
    await alice.publish(name="灯")
    messages = context.store.database["messages"]
    turns = 0
    while await messages.find_one({"after": {"$exists": True}, "state": "waiting"}) is not None:
        await messages.update_many({"after": {"$exists": True}}, {"$set": {"due_at": 1}})
        await send_messages(context)
        # Fan 0 was told already, fan 12 not yet, and fan 13 is new.
        await change(0, 12, following=False)
        await change(0, 12, 13, following=True)
        turns += 1
    await send_until_quiet(context)
    assert turns == 5  # three turns read four numbers each, the fourth reads the last, the fifth ends the run
    expected = {"fan0": 1, "fan11": 1}
    assert {user: len(found[0]) for user in users if (found := await offered(client, user))[0]} == expected
    numbers = {row["follower"]: row["n"] for row in await find(context, "follows")}
    assert numbers[fans[11].id] == 12
    assert max(numbers.values()) <= (await only(context, "people", _id=alice.id))["followed"]
