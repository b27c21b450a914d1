"""Alarms: what finds them, who notices them, how their begin and end are stored and sent to a webhook."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from tornado.web import Application, RequestHandler

from server.actions.pictures import disk_of
from server.context import Context
from server.errors import BadSettings
from server.game.amounts import DAY_MS
from server.game.findings import Finding
from server.game.review import ReviewState
from server.operation import webhook
from server.operation.alarms import LATE_SECONDS, UNCLEAR_MS, Alarm, Check, check_reviews
from server.operation.findings import line_of, texts_of
from server.operation.leader import Leader
from server.operation.monitor import Monitor, key_of
from server.operation.patterns import check_patterns
from server.operation.webhook import TEXT_BYTES, TITLES, NotTold, Webhook
from server.realtime.own_database import Wrong
from server.runtime.background import Background
from server.settings import read_settings
from server.store import Store
from server.store.alarms import KEPT_ALARMS, AlarmRecord, new_alarm
from server.store.messages.messages import Message
from server.store.reviews.reviews import new_review
from support.leading import let_the_lease_end
from support.operators import operator
from support.purse import find, rest
from support.steps import Killed, Steps

CODE = "A" * 12


class Robot:
    """A webhook that got `bodies` and `queries`. It gives the failures in `answers`, and then successes."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.queries: list[dict[str, str]] = []
        self.answers: list[tuple[int, str]] = []
        self.asked = asyncio.Event()
        self.url = ""

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(each["event"], each["kind"]) for body in self.bodies for each in body["events"]]

    def __call__(self, request: Any) -> tuple[int, str]:
        self.bodies.append(json.loads(request.body))
        self.queries.append({name: values[0].decode() for name, values in request.query_arguments.items()})
        self.asked.set()
        return self.answers.pop(0) if self.answers else (200, '{"errcode":0,"errmsg":"ok"}')


@pytest.fixture
def robot(serve: Callable[[Application], int]) -> Robot:
    made = Robot()

    class Answer(RequestHandler):
        def post(self) -> None:
            status, text = made(self.request)
            self.set_status(status)
            self.finish(text)

    port = serve(Application([("/robot", Answer)]))
    made.url = f"http://127.0.0.1:{port}/robot?key=the-key-of-the-group"
    return made


class Scene:
    """A monitor whose checks find the alarms in `found`. Call `turn` for each second."""

    def __init__(self, context: Context, process: str, **settings: str) -> None:
        changed = msgspec.structs.replace(context.settings, **settings)
        self.store, self.outages, self.now_ms = context.store, context.outages, context.clock.now_ms()
        self.found: list[Alarm] = []
        self.leader = Leader(self.store, context.bus, context.database, process, context.clock.now_ms)
        self.monitor = Monitor(
            self.store, self.outages, disk_of(context), self.leader, lambda: self.now_ms, changed
        )
        self.monitor._found = lambda: self.found  # type: ignore[method-assign]
        for check in self.monitor._checks:
            check.begin = lambda: None  # type: ignore[method-assign]
            check.ran = True

    async def turn(self, seconds: float = 1) -> None:
        self.now_ms += int(seconds * 1000)
        self.monitor._told_at = self.monitor._looked_at = float("-inf")  # as if both pauses were over
        await self.leader.ask()
        await self.monitor._look()
        await self.monitor._turn()
        if self.monitor._webhook.wanted:
            # MongoDB's clock, by which alarms are leased, does not go with this one.
            due = {"due_at": {"$lte": self.now_ms}}
            await self.store.alarms.rows.update_many(due, {"$set": {"due_at": 1}})
            await self.monitor._tell_due()

    async def kept(self) -> list[tuple[str, bool]]:
        return [(record["kind"], bool(record["end_at"])) for record in await self.store.alarms.newest()]


@asynccontextmanager
async def running(*work: Leader | Monitor) -> AsyncIterator[None]:
    background = Background()
    for each in work:
        each.begin(background)
    try:
        yield
    finally:
        await background.end()


async def test_an_alarm_is_kept_with_its_begin_and_its_end(client, context):
    await operator(client)
    scene = Scene(context, "a")
    scene.found = [Alarm("books", CODE, "unpaid")]
    await scene.turn()
    begin = scene.now_ms
    await scene.turn(50)
    (lasting,) = (await client.get("/ops/alarms"))["data"]
    assert lasting == {
        "kind": "books",
        "code": CODE,
        "name": "",
        "what": "unpaid",
        "values": [],
        "begin_at": begin,
        "end_at": 0,
    }
    scene.found = []
    await scene.turn()
    (over,) = (await client.get("/ops/alarms"))["data"]
    assert (over["begin_at"], over["end_at"]) == (begin, begin + 51_000)
    scene.found = [Alarm("books", CODE, "unpaid")]
    await scene.turn()
    assert await scene.kept() == [("books", False), ("books", True)]


async def test_content_checks_that_are_late_are_an_alarm(context):
    now_ms = context.clock.now_ms()
    found: tuple[tuple[str, ReviewState, int], ...] = (
        *(("a", "checking", 610_000), ("b", "checking", 590_000), ("c", "held", 610_000)),
    )
    for key, state, ago_ms in found:
        review = new_review(f"task:{key}", "publisher", "publisher", "check", now_ms - ago_ms)
        review["code"], review["state"] = key, state
        await context.store.reviews.insert(review)
    assert await check_reviews(context.store, now_ms) == [Alarm("review", "", "late", ("1",))]
    await context.store.reviews.rows.delete_one({"_id": "task:a"})
    assert await check_reviews(context.store, now_ms) == []


def a_message(code: str, **fields: Any) -> Message:
    """Return a message to somebody about a prize, with some of its fields."""
    about = {"_id": f"won:{code}:1", "kind": "won", "code": code, "unionid": "winner", "prize": f"{code}:1"}
    state = {
        "state": "waiting",
        "tries": 0,
        "until": 1,
        "created_at": 1,
        "ended_at": 0,
        "alarm": "",
        "due_at": 1,
    }
    return Message(**about | state | {"due_at": 1} | fields)


async def test_messages_that_wechat_does_not_take_are_an_alarm(context):
    await context.store.reviews.insert(new_review("task:a", "publisher", "publisher", "check", 1))
    for code, alarm in (("a", "47003"), ("b", "late"), ("c", "late")):
        await context.store.messages.insert(a_message(code, alarm=alarm))
    ended = [("unclear", UNCLEAR_MS // 2), ("unclear", UNCLEAR_MS), ("sent", 0)]
    for code, (state, ago_ms) in zip("def", ended, strict=True):
        at_ms = context.clock.now_ms() - ago_ms
        await context.store.messages.insert(a_message(code, state=state, ended_at=at_ms))
    checked = msgspec.structs.replace(
        context.settings, message_won=f"{'T' * 20} thing1=name", wechat_encoding_aes_key="k" * 43
    )
    store, leader, now_ms = context.store, context.leader, context.clock.now_ms
    monitoring = Monitor(store, context.outages, disk_of(context), leader, now_ms, checked)
    async with running(context.leader, monitoring):
        async with asyncio.timeout(10):
            while len(found := await context.store.alarms.lasting()) < 4:  # noqa: ASYNC110  (nothing tells)
                await asyncio.sleep(0.05)
    assert sorted((each["kind"], each["what"], each["values"]) for each in found) == [
        ("message", "47003", ["1"]),
        ("message", "late", ["2"]),
        ("message", "unclear", ["1"]),
        ("review", "late", ["1"]),
    ]


async def test_other_values_are_the_same_alarm(context):
    scene = Scene(context, "a")
    for held in ("800", "900"):
        scene.found = [Alarm("books", CODE, "held", (held, "1000"))]
        await scene.turn()
    (record,) = await context.store.alarms.newest()
    assert (record["values"], record["end_at"]) == (["900", "1000"], 0)
    bills = [Alarm("bill", CODE, "waits", (number, "NOT_ENOUGH")) for number in ("D1A1", "D2A1")]
    assert len({key_of(bill) for bill in bills}) == 2


async def test_the_last_hundred_are_kept_and_all_that_last(context):
    scene = Scene(context, "a")
    scene.found = [Alarm("invariant", CODE, "depth")]
    await scene.turn()
    for number in range(KEPT_ALARMS + 5):
        scene.found = [scene.found[0], Alarm("invariant", f"{number:012}", "depth")]
        await scene.turn()
    kept = await context.store.alarms.collection.find().to_list(None)
    assert len(kept) == KEPT_ALARMS + 1
    assert CODE in {record["code"] for record in kept}
    assert "0" * 12 not in {record["code"] for record in kept}


async def test_one_process_monitors_and_another_goes_on_after_it(context):
    first, second = Scene(context, "a"), Scene(context, "b")
    first.found = second.found = [Alarm("books", CODE, "unpaid")]
    await first.turn()
    second.now_ms = first.now_ms
    await second.turn()
    assert await first.kept() == [("books", False)]
    second.found = []
    await second.turn()
    assert await first.kept() == [("books", False)], "only the first has the lease"
    await let_the_lease_end(context)  # the first leader was killed
    await second.turn()
    assert await first.kept() == [("books", True)]
    await first.turn()
    assert await first.kept() == [("books", True)], "it only stood still, and leads no more"
    await second.leader.close()
    await first.turn()
    assert await first.kept() == [("books", False), ("books", True)]


async def test_an_alarm_outlives_a_restart_until_its_check_has_run(context):
    first = Scene(context, "a")
    waits = Alarm("queue", "", "reports", ("1",))
    first.found = [Alarm("books", CODE, "unpaid"), waits, Alarm("redis")]
    await first.turn()
    second = Scene(context, "b")
    for check in second.monitor._checks:
        check.ran = False
    second.now_ms = first.now_ms
    await let_the_lease_end(context)
    await second.turn()
    assert sorted(await first.kept()) == [("books", False), ("queue", False), ("redis", True)]
    for check in second.monitor._checks:
        check.ran = True
    await second.turn()
    assert sorted(await first.kept()) == [("books", True), ("queue", True), ("redis", True)]


async def test_a_webhook_is_told_of_each_begin_and_each_end_once(context, robot):
    scene = Scene(context, "a", alarm_webhook=robot.url)
    scene.found = [Alarm("books", CODE, "ledger", ("800", "paid:x", ""))]
    for _ in range(3):
        await scene.turn()
    assert robot.events == [("begin", "books")]
    (event,) = robot.bodies[0]["events"]
    assert event["title"] == "账目不平"
    assert (event["code"], event["what"], event["values"]) == (CODE, "ledger", ["800", "paid:x", ""])
    assert event["url"] == f"{context.settings.public_url}/ops#/task/{CODE}"
    scene.found = []
    for _ in range(3):
        await scene.turn()
    assert robot.events == [("begin", "books"), ("end", "books")]
    assert robot.bodies[1]["events"][0]["at"] > event["at"]


@pytest.mark.parametrize("answer", [(500, ""), (302, ""), (200, '{"errcode":45009}'), (200, "<html>")])
async def test_an_alarm_that_the_webhook_did_not_take_is_told_again(context, robot, caplog, answer):
    scene = Scene(context, "a", alarm_webhook=robot.url, alarm_webhook_form="wecom")
    robot.answers = [answer, answer]
    scene.found = [Alarm("redis")]
    await scene.turn()
    await scene.turn(1)
    assert len(robot.bodies) == 1, "not at once"
    await scene.turn(5)
    assert len(robot.bodies) == 2
    await scene.turn(5)
    assert len(robot.bodies) == 2, "later each time"
    await scene.turn(6)
    await scene.turn(600)
    assert len(robot.bodies) == 3
    assert robot.bodies[0] == robot.bodies[2]
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("wabao")]
    assert [line.partition(":")[0] for line in logged] == ["the webhook did not take 1 events"] * 2
    assert "the-key-of-the-group" not in repr(logged)


async def test_an_alarm_that_was_over_before_it_could_be_told_is_told_whole(context, robot):
    scene = Scene(context, "a", alarm_webhook=robot.url)
    robot.answers = [(500, "")]
    scene.found = [Alarm("redis")]
    await scene.turn()
    robot.bodies.clear()
    scene.found = []
    await scene.turn(20)
    await scene.turn(20)
    assert robot.events == [("begin", "redis"), ("end", "redis")]


async def test_a_kill_at_any_step_loses_no_event(context, robot, settings):
    for kill_after in range(1, 20):
        await context.store.alarms.collection.delete_many({})
        await context.store.leases.collection.delete_many({})
        robot.bodies.clear()
        victim = replace(context, store=Store(settings.mongodb_uri), background=Background())
        steps = Steps(victim, kill_after=kill_after)
        scene = Scene(victim, "a", alarm_webhook=robot.url)
        killed = False
        try:
            scene.found = [Alarm("books", CODE, "unpaid")]
            await scene.turn()
            scene.found = []
            await scene.turn()
        except Killed:
            killed = True
        victim.store.close()
        assert killed == steps.killed
        await let_the_lease_end(context)
        heir = Scene(context, "b", alarm_webhook=robot.url)
        heir.now_ms = scene.now_ms
        heir.found = scene.found
        await heir.turn(120)
        heir.found = []
        await heir.turn(120)
        told = [each["id"] for body in robot.bodies for each in body["events"]]
        assert [name.rpartition(":")[2] for name in dict.fromkeys(told)] == ["begin", "end"], kill_after
        if not killed:
            break
    else:
        pytest.fail("it took more steps than were tried")


async def test_mongodbs_silence_is_told_while_it_lasts_and_written_when_it_is_over(context, robot):
    scene = Scene(context, "a", alarm_webhook=robot.url)
    await scene.turn()
    context.outages._silent.add("mongodb")
    await scene.turn()
    begin = scene.now_ms
    for _ in range(30):
        await scene.turn()
    assert robot.events == [("begin", "mongodb")]
    context.outages._silent.clear()
    await scene.turn()
    end = scene.now_ms
    await scene.turn()
    assert robot.events == [("begin", "mongodb"), ("end", "mongodb")]
    ids = [each["id"] for body in robot.bodies for each in body["events"]]
    assert ids[0].removesuffix(":begin") == ids[1].removesuffix(":end")
    (record,) = await context.store.alarms.newest()
    assert (record["begin_at"], record["end_at"], record["told"]) == (begin, end, 2)


async def test_a_database_that_is_not_ours_is_told_from_memory_and_written_when_ours_is_back(context, robot):
    scene = Scene(context, "a", alarm_webhook=robot.url)
    await scene.turn()
    context.outages._silent.add("mongodb")
    await scene.turn()
    context.database.wrong = Wrong("identity", ("ours", ""))
    await scene.turn()
    assert robot.events == [("begin", "mongodb"), ("begin", "database")]
    assert robot.bodies[-1]["events"][0]["values"] == ["ours", ""]
    assert await context.store.alarms.lasting() == []
    context.database.wrong = None
    context.outages._silent.clear()
    for _ in range(3):
        await scene.turn()
    assert sorted(robot.events[2:]) == [("end", "database"), ("end", "mongodb")]
    assert sorted(await scene.kept()) == [("database", True), ("mongodb", True)]


async def test_a_silence_is_written_also_if_another_process_monitors_by_then(context, robot):
    first, second = (Scene(context, name, alarm_webhook=robot.url) for name in ("a", "b"))
    await first.turn()
    context.outages._silent.add("mongodb")
    for _ in range(20):
        await first.turn()
    context.outages._silent.clear()
    second.now_ms = first.now_ms
    await second.turn()
    await first.turn()
    await second.turn()
    assert robot.events == [("begin", "mongodb"), ("end", "mongodb")]


async def test_only_the_process_that_monitored_last_tells_mongodbs_silence(context, robot):
    first, second = (Scene(context, name, alarm_webhook=robot.url) for name in ("a", "b"))
    await first.turn()
    await second.turn()
    context.outages._silent.add("mongodb")
    for scene in (first, second, first, second):
        await scene.turn(20)
    assert robot.events == [("begin", "mongodb")]


def an_alarm(kind: str, code: str = "", end_at: int = 0) -> AlarmRecord:
    alarm = new_alarm("", kind, code, "", [], 1_795_600_799_000)
    return {**alarm, "end_at": end_at, "told": int(end_at > 0)}


@pytest.mark.parametrize(
    ("settings", "form"),
    [
        ({"ALARM_WEBHOOK": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=x"}, "wecom"),
        ({"ALARM_WEBHOOK": "https://oapi.dingtalk.com/robot/send?access_token=x"}, "dingtalk"),
        ({"ALARM_WEBHOOK": "https://ops.example/alarms"}, "json"),
        ({"ALARM_WEBHOOK": "https://ops.example/alarms", "ALARM_WEBHOOK_FORM": "wecom"}, "wecom"),
    ],
)
def test_the_form_follows_from_the_address_unless_it_is_set(settings, form):
    assert Webhook(read_settings(settings))._form == form


async def test_a_webhook_whose_reply_trickles_in_holds_up_nothing(context, monkeypatch):
    monkeypatch.setattr(webhook, "POST_SECONDS", 0.3)
    over = asyncio.Event()

    async def trickle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            over.set()
        finally:
            writer.close()

    async with await asyncio.start_server(trickle, "127.0.0.1", 0) as server:
        url = "http://{}:{}/robot".format(*server.sockets[0].getsockname())
        changed = msgspec.structs.replace(context.settings, alarm_webhook=url, alarm_webhook_form="wecom")
        robot = Webhook(changed)
        with pytest.raises(NotTold, match="TimeoutError"):
            await robot.tell(robot.untold(an_alarm("redis")))
        await over.wait()


@pytest.mark.parametrize("form", ["wecom", "dingtalk"])
async def test_a_robot_gets_a_text_within_its_bound(context, robot, form):
    changed = msgspec.structs.replace(context.settings, alarm_webhook=robot.url, alarm_webhook_form=form)
    webhook = Webhook(changed)
    ended = webhook.untold(an_alarm("books", CODE, 1_795_600_899_000))
    await webhook.tell([*webhook.untold(an_alarm("mongodb")), *ended])
    said = robot.bodies[0]
    assert set(said) == {"msgtype", "text"}
    assert said["msgtype"] == "text"
    lines = said["text"]["content"].split("\n")
    assert lines[0] == "【挖宝告警】"
    assert lines[1].startswith("开始：MongoDB 没有响应（")
    assert lines[2].startswith(f"恢复：账目不平 {CODE}（11-25 18:01:39）")  # in Beijing
    await webhook.tell([event for kind in TITLES for event in webhook.untold(an_alarm(kind, CODE))] * 20)
    assert TEXT_BYTES - 10 < len(robot.bodies[1]["text"]["content"].encode()) <= TEXT_BYTES
    assert robot.queries[0]["key"] == "the-key-of-the-group"


async def test_a_signed_message_to_dingtalk_has_the_documented_signature(context, robot):
    changed = msgspec.structs.replace(
        context.settings, alarm_webhook=robot.url, alarm_webhook_form="dingtalk", alarm_webhook_secret="SECx"
    )
    webhook = Webhook(changed)
    await webhook.tell(webhook.untold(an_alarm("redis")))
    asked = robot.queries[0]
    signed = hmac.digest(b"SECx", f"{asked['timestamp']}\nSECx".encode(), "sha256")
    assert asked["sign"] == base64.b64encode(signed).decode()
    assert asked["key"] == "the-key-of-the-group"
    assert abs(int(asked["timestamp"]) - context.clock.now_ms()) < 60_000


def test_an_address_that_is_none_stops_the_start_and_is_not_shown():
    with pytest.raises(BadSettings) as refused:
        read_settings({"ALARM_WEBHOOK": "ftp://robot?key=the-key-of-the-group"})
    assert "ALARM_WEBHOOK" in str(refused.value)
    assert "the-key" not in str(refused.value)


def test_a_check_that_is_late_says_when_it_last_ended():
    now, found = 1000.0, [Alarm("books", "A" * 12)]

    async def look() -> list[Alarm]:
        nonlocal now
        now += 2
        if not found:
            raise ValueError("as if MongoDB said nothing")
        return found

    check = Check("books", ["books"], look, 60, lambda: now)

    def run() -> None:
        asyncio.run(check.run_if_due(lambda: int(now * 1000)))

    def let_pass(seconds: float) -> None:
        nonlocal now
        for _ in range(int(seconds)):
            now += 1
            check.pass_time(able=True)

    let_pass(LATE_SECONDS)
    assert check.late() == []
    let_pass(1)
    assert check.late() == [Alarm("unchecked", "", "books", ("",))]
    run()
    assert (check.late(), check.found) == ([], found)
    found = []
    let_pass(60)
    with pytest.raises(ValueError, match="MongoDB"):
        run()
    run()  # does nothing: a failed check is not tried again at once
    assert check.late() == []
    let_pass(LATE_SECONDS + 1)
    assert check.late() == [Alarm("unchecked", "", "books", ("1018000",))]
    check.begin()  # this process leads again, after another process did
    assert (check.late(), check.found, check.ran) == ([], [], False)


@pytest.mark.parametrize("stop", ["this process stood still", "MongoDB was silent"])
def test_a_check_is_not_late_by_itself_after_a_stop(stop):
    now = 1000.0

    async def look() -> list[Alarm]:
        return []

    check = Check("books", ["books"], look, 60, lambda: now)
    for _ in range(int(LATE_SECONDS)):
        now += 1
        check.pass_time(able=True)
    if stop == "this process stood still":
        now += 300
        check.pass_time(able=True)
    else:
        for _ in range(300):
            now += 1
            check.pass_time(able=False)
    for _ in range(int(LATE_SECONDS)):
        now += 1
        check.pass_time(able=True)
    assert check.late() == []
    now += 1
    check.pass_time(able=True)
    assert check.late() == [Alarm("unchecked", "", "books", ("",))]


async def test_a_check_that_was_cut_off_is_done_at_the_next_look():
    begun, looks = asyncio.Event(), 0

    async def look() -> list[Alarm]:
        nonlocal looks
        looks += 1
        begun.set()
        if looks == 1:
            await asyncio.Event().wait()
        return []

    check = Check("books", ["books"], look, 60)
    running = asyncio.ensure_future(check.run_if_due(lambda: 0))
    await begun.wait()
    running.cancel()
    await asyncio.wait([running])
    await check.run_if_due(lambda: 0)
    assert looks == 2


async def found(context: Context, what: str, now_ms: int = 0) -> list[Alarm]:
    alarms = await check_patterns(context.store, now_ms or context.clock.now_ms())
    return [alarm for alarm in alarms if alarm.what == what]


async def test_a_pair_that_meets_again_is_told_and_forgotten_after_a_week(context, alice, bob, carol):
    codes = [await alice.won_packet(bob) for _ in range(2)]
    await carol.won_packet(bob)
    assert await found(context, "pair") == []
    codes.append(await alice.won_packet(bob))
    [alarm] = await found(context, "pair")
    assert (alarm.kind, alarm.code, alarm.values) == ("pattern", codes[-1], ("3", "6"))
    assert bob.id not in key_of(alarm)
    assert await found(context, "pair", context.clock.now_ms() + 7 * DAY_MS) == []


async def test_a_flood_of_small_wins_hides_no_pattern(client, context, monkeypatch):
    monkeypatch.setattr("server.operation.patterns.MOST", 2)
    monkeypatch.setattr("server.operation.patterns.TOLD", 2)
    alice, bob, carol = await client.log_in_all("alice", "bob", "carol")
    alone = await alice.won_packet(bob, money=9)
    for _ in range(3):
        await carol.won_packet(bob, money=1)
    assert next(alarm.code for alarm in await found(context, "alone")) == alone
    assert len(await found(context, "pair")) == 1


async def test_a_treasure_that_one_or_few_dug_is_told(context, alice, bob, carol):
    alone = await alice.won_packet(bob)
    [alarm] = await found(context, "alone")
    assert (alarm.code, alarm.values) == (alone, ("1", "2"))
    for is_public in (0, 1):
        await alice.won_packet(bob, carol, prizes=2, is_public=is_public)
        few = await found(context, "few")
        assert [(alarm.values) for alarm in few] == [("2", "4")]
    assert len(await found(context, "alone")) == 1


async def test_a_sharer_who_brought_many_winners_is_told(client, context):
    alice, eve, *others = await client.log_in_all("alice", "eve", *"bcdfg")
    for winner in others:
        assert await found(context, "sharer") == []
        code = await alice.won_packet(winner)
        await context.store.shares.record([(code, eve.id, winner.id)])
    [alarm] = await found(context, "sharer")
    assert alarm.values == ("5",)


async def test_many_people_at_one_address_are_told(client, context):
    day = context.clock.now_ms() // DAY_MS
    for number in range(10):
        assert await found(context, "address") == []
        await context.store.risks.begin(f"person{number}", day, "a place", "A" * 12)
        await context.store.risks.begin(f"other{number}", day, f"place {number}", "B" * 12)
    [alarm] = await found(context, "address")
    assert (alarm.code, alarm.values) == ("A" * 12, ("10",))
    assert await found(context, "address", (day + 1) * DAY_MS) == []


async def test_luck_above_what_chance_allows_is_told(context, alice, bob, carol):
    for _ in range(3):
        await alice.won_packet(carol)  # the treasure has only one level, so carol needs no luck
        code = await alice.won_packet(bob)
        # Change bob's treasure to a thousand levels, so that winning at the first was lucky.
        [task] = await find(context, "tasks", _id=code)
        params = task["params"].replace('"forecast_num":1', '"forecast_num":1000')
        params = params.replace('"max_depth":1', '"max_depth":1000')
        await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"params": params}})
    [alarm] = await found(context, "luck")
    assert (alarm.code, alarm.values) == (code, ("3", "3", "1e-09"))


async def test_held_red_packets_are_an_alarm_until_they_are_decided(client, context, alice, bob):
    code = await alice.won_packet(bob)
    assert await found(context, "held") == []
    await operator(client)
    await client.post("/ops/freeze", what="task", code=code, reason="查")
    await rest(context)
    [alarm] = await found(context, "held")
    assert (alarm.kind, alarm.values) == ("held", ("1", "2"))
    await client.post("/ops/release", what="task", code=code, reason="查过了")
    assert await found(context, "held") == []


def test_a_line_begins_with_the_task_and_names_each_value():
    finding = Finding("books", "CODE", "ledger", (None, "paid:1", 200))
    assert line_of(finding) == "CODE: the ledger says None fen for paid:1, and the documents 200"
    finding = Finding("books", "CODE", "refunded_whole", (("A", "B"), ()))
    assert line_of(finding) == "CODE: orders ['A', 'B'] could not be used, and refunded whole are []"
    assert line_of(Finding("books", "CODE", "unpaid")) == "CODE: it is open and nobody paid"


def test_a_screen_gets_values_as_plain_texts():
    assert texts_of(Finding("books", "CODE", "ledger", (800, "paid:1", None))) == ("800", "paid:1", "")
    assert texts_of(Finding("books", "CODE", "prizes_of", ((3, 8), ()))) == ("3, 8", "")


def test_wechats_own_words_are_not_changed():
    said = "'{0}' [waits: None"
    finding = Finding("refund", "CODE", "waits", ("R1", said))
    assert texts_of(finding) == ("R1", said)
    assert line_of(finding) == f"CODE: R1 waits: {said}"
