"""Alarms: when each row of the table holds, here and in Prometheus, and what a webhook is told."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY
from tornado.web import Application, RequestHandler

from server.cash.context import CashContext
from server.context import Context
from server.errors import BadSettings
from server.leading.leader import Leader
from server.operation import webhook
from server.operation.alarms import AGE, TABLE, Comparison, Row
from server.operation.counting import count, families_of, gauges_of
from server.operation.monitor import Monitor
from server.operation.own_database import Wrong
from server.operation.scrape import Family
from server.operation.webhook import NotTold, Webhook
from server.runtime.background import Background
from server.settings import read_settings
from server.store import Store
from server.store.alarms import AlarmRow, new_alarm
from server.store.gauges import Counted, Gauge
from server.store.messages.messages import Message
from server.store.reviews.reviews import new_review
from support import SOURCE
from support.leading import let_the_lease_end
from support.steps import Killed, Steps

CODE = "A" * 12
ROWS = CashContext.ALARMS
RULES = SOURCE / "deploy" / "alerts.yml"


class Robot:
    """A webhook that got `bodies`. It gives the failures in `answers`, and then successes."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.answers: list[tuple[int, str]] = []
        self.asked = asyncio.Event()
        self.url = ""

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(each["event"], each["kind"]) for body in self.bodies for each in body["events"]]

    def __call__(self, request: Any) -> tuple[int, str]:
        self.bodies.append(json.loads(request.body))
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


def within_and_beyond(row: Row) -> tuple[dict[str, float], dict[str, float]]:
    """Return a value at the bound of a row, and one beyond it; for counters, by how much they grow.

    The keys are outcomes of calls, "" if the row is not about calls.
    """
    if row.how == "grown":
        return {"": row.bound - 1}, {"": row.bound}
    if row.how == "failed":
        return {"ok": 7, "failed": 3}, {"ok": 6, "failed": 3}
    return {"": row.bound}, {"": row.bound + 1}


def series_of(row: Row, outcome: str) -> tuple[str, dict[str, str]]:
    by = {row.by: "X"} if row.by else {}
    if row.how == "failed":
        return f"{row.metric}_count", {**by, "outcome": outcome}
    if row.how == "grown":
        return f"{row.metric}_total", by
    return row.metric, {**row.where, **by}


def families(row: Row, values: dict[str, float], times: int = 1, process: str = "a:1") -> list[Family]:
    """Return the samples of a process after calls have grown that many times."""
    samples = []
    for outcome, value in values.items():
        name, labels = series_of(row, outcome)
        grows = row.how in ("grown", "failed")
        samples.append((name, {**labels, "process": process}, value * (times if grows else 1)))
    return [Family(row.metric, "", "gauge", samples)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.kind} {row.what or row.by}")
def test_each_row_holds_beyond_its_bound_and_for_what_its_label_says(row):
    for values, holds in zip(within_and_beyond(row), (False, True), strict=True):
        comparison = Comparison(ROWS)
        comparison.alarms(families(row, values), [], 0)
        found = comparison.alarms(families(row, values, 2), [], 30)
        assert [(each.kind, each.what) for each in found] == [(row.kind, "X" if row.by else row.what)] * holds
        assert all(each.values for each in found)


def test_growth_is_forgotten_and_starts_of_processes_are_none():
    row = next(row for row in TABLE if row.how == "failed")
    failing = {"failed": 5.0}
    fine = {"failed": 0.0}
    comparison = Comparison(ROWS)
    comparison.alarms(families(row, failing), [], 0)
    assert comparison.alarms(families(row, failing, 1) + families(row, failing, 9, "b:2"), [], 30) == []
    assert comparison.alarms(families(row, failing, 2), [], 60) != [], "the process b:2 did not answer"
    assert comparison.alarms(families(row, failing, 1), [], 200) != [], "a counter began again"
    young = Family(AGE, "", "gauge", [(AGE, {"process": "c:3"}, 20.0)])
    assert comparison.alarms([young, *families(row, failing, 1, "c:3")], [], 230) != [], "it just began"
    assert comparison.alarms(families(row, failing, 1) + families(row, failing, 9, "b:2"), [], 300) == []
    assert comparison.alarms(families(row, fine), [], 10_000) == []
    assert {key[0] for key in comparison._last} == {"a:1"}
    assert len(comparison._grown) == 1


def test_where_only_goods_are_given_no_alarm_is_of_red_packets():
    payment = Gauge(name="wabao_money_alarms", labels={"kind": "order", "alarm": "X"}, value=1, code="")
    for alarms, kinds in ((Context.ALARMS, []), (CashContext.ALARMS, ["books", "order"])):
        assert [alarm.kind for alarm in Comparison(alarms).alarms([], [wrong(), payment], 0)] == kinds


def test_where_only_goods_are_given_no_metric_is_described_that_only_red_packets_have():
    assert not [name for name in Context.METRICS if "money" in name]
    payment = Gauge(name="wabao_money_fen", labels={"sum": "held"}, value=1, code="")
    counted = Counted(at=0, gauges=[payment], after="", differ=[])  # by a process that takes red packets
    for meanings, means in ((Context.METRICS, False), (CashContext.METRICS, True)):
        [_, family] = families_of(counted, [], 0, meanings)
        assert bool(family.help) is means


def test_every_metric_that_the_server_can_emit_is_described():
    described = {name: "" if name in Context.METRICS else "cash" for name in CashContext.METRICS}
    emitted = {}
    for path in (SOURCE / "server").rglob("*.py"):
        room = "cash" if "cash" in path.parts else ""
        emitted |= dict.fromkeys(re.findall(r'(?<!def )\bgauge\(\s*"?(\w+)', path.read_text("utf-8")), room)
    assert emitted == described
    counted = {family.name: family.documentation for family in REGISTRY.collect()}
    assert all({**counted, **CashContext.METRICS}.values())
    assert "wabao_digs" in counted


@pytest.mark.skipif(shutil.which("promtool") is None, reason="Debian's package promtool is not installed")
def test_each_rule_of_prometheus_fires_where_its_row_holds(tmp_path):
    tests: list[Any] = []
    for row in ROWS:
        for values, fires in zip(within_and_beyond(row), (False, True), strict=True):
            series = []
            for outcome, value in values.items():
                name, labels = series_of(row, outcome)
                said = ",".join(f'{label}="{it}"' for label, it in {**labels, "process": "a:1"}.items())
                if row.how == "failed":
                    grows = f"0+{value:g}x20"
                elif row.how == "grown":  # a new counter, as the process that counts first shows it
                    grows = f"_x4 {value:g}x16"
                else:
                    grows = f"{value:g}x20"
                series.append({"series": f"{name}{{{said}}}", "values": grows})
            alert = {
                "exp_labels": {row.by: "X"} if row.by else {"what": row.what} if row.what else {},
                "exp_annotations": {"summary": row.title},
            }
            asked = {"eval_time": "3m", "alertname": f"wabao_{row.kind}", "exp_alerts": [alert] * fires}
            tests.append({"interval": "15s", "input_series": series, "alert_rule_test": [asked]})
    path = tmp_path / "test.yml"
    path.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "15s", "tests": tests}))
    for command in (["check", "rules", str(RULES)], ["test", "rules", str(path)]):
        done = subprocess.run(["promtool", *command], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
    assert RULES.read_text("utf-8").count("- alert:") == len(ROWS) + 1, "and one for when nobody answers"


class Scene:
    """A monitor that finds the alarms of the gauges in `found`. Call `turn` for each comparison."""

    def __init__(self, context: Context, process: str, **settings: str) -> None:
        changed = msgspec.structs.replace(context.settings, **settings)
        self.store = context.store
        self.outages = context.outages
        self.now_ms = context.clock.now_ms()
        self.found: list[Gauge] = []
        self.leader = Leader(self.store, context.bus, context.database, process, context.clock.now_ms)
        disk = context.disk
        scrape = context.scrape
        self.monitor = Monitor(
            self.store, self.outages, disk, self.leader, scrape, lambda: self.now_ms, changed, ROWS, None
        )

    async def turn(self, seconds: float = 30) -> None:
        self.now_ms += int(seconds * 1000)
        await self.leader.ask()
        if "mongodb" not in self.outages.silent:
            found = Counted(at=self.now_ms, gauges=self.found, after="", differ=[])
            await self.store.gauges.save(found)
        await self.monitor.compare()

    async def kept(self) -> list[tuple[str, bool]]:
        return [(row["kind"], bool(row["end_at"])) for row in await self.store.alarms.find()]


@pytest.fixture(autouse=True)
def no_numbers_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no comparison see what other tests counted in this process."""

    async def none(names: Collection[str]) -> list[Family]:
        return []

    monkeypatch.setattr("server.operation.scrape.Scrape.gather", lambda self, names=(): none(names))


def wrong(value: float = 1, code: str = CODE) -> Gauge:
    return Gauge(name="wabao_findings", labels={"kind": "books"}, value=value, code=code)


DISK = Gauge(name="wabao_disk_low", labels={}, value=1, code="")


def a_message(code: str, **fields: Any) -> Message:
    """Return a message to somebody about a prize, with some of its fields."""
    about = {"_id": f"won:{code}:1", "kind": "won", "code": code, "person_id": "winner", "prize": f"{code}:1"}
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


async def test_an_alarm_is_kept_while_it_holds_with_its_newest_number(context):
    scene = Scene(context, "a")
    for value in (1, 2):
        scene.found = [wrong(value)]
        await scene.turn()
    [row] = await context.store.alarms.find()
    assert (row["kind"], row["code"], row["values"]) == ("books", CODE, ["2"])
    assert row["begin_at"] == scene.now_ms - 30_000
    scene.found = []
    await scene.turn()
    assert await context.store.alarms.find() == [], "without a webhook nobody has to be told of the end"


async def test_a_webhook_is_told_of_each_begin_and_each_end_once(context, robot):
    scene = Scene(context, "a", alarm_webhook=robot.url)
    scene.found = [wrong(3)]
    for _ in range(3):
        await scene.turn()
    assert robot.events == [("begin", "books")]
    (event,) = robot.bodies[0]["events"]
    assert (event["title"], event["code"], event["values"]) == ("账目不平", CODE, ["3"])
    assert event["url"] == f"{context.settings.public_url}/ops#/task/{CODE}"
    scene.found = []
    for _ in range(3):
        await scene.turn()
    assert robot.events == [("begin", "books"), ("end", "books")]
    assert robot.bodies[1]["events"][0]["at"] > event["at"]
    assert await scene.kept() == []


@pytest.mark.parametrize("answer", [(500, ""), (302, ""), (200, '{"errcode":45009}'), (200, "<html>")])
async def test_what_the_webhook_did_not_take_is_told_next(context, robot, caplog, answer, monkeypatch):
    monkeypatch.setattr(webhook, "ROBOTS", ("127.0.0.1",))
    scene = Scene(context, "a", alarm_webhook=robot.url)
    robot.answers = [answer, answer]
    scene.found = [DISK]
    for _ in range(4):
        await scene.turn()
    assert len(robot.bodies) == 3
    assert robot.bodies[0] == robot.bodies[2]
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("wabao")]
    assert [line.partition(":")[0] for line in logged] == ["the webhook did not take 1 events"] * 2
    assert "the-key-of-the-group" not in repr(logged)


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
            scene.found = [wrong()]
            await scene.turn()
            scene.found = []
            await scene.turn()
        except Killed:
            killed = True
        await victim.store.close()
        assert killed == steps.killed
        await let_the_lease_end(context)
        heir = Scene(context, "b", alarm_webhook=robot.url)
        heir.now_ms = scene.now_ms
        heir.found = scene.found
        await heir.turn()
        heir.found = []
        await heir.turn()
        told = [each["id"] for body in robot.bodies for each in body["events"]]
        assert [name.rpartition(":")[2] for name in dict.fromkeys(told)] == ["begin", "end"], kill_after
        if not killed:
            break
    else:
        pytest.fail("it took more steps than were tried")


async def test_mongodbs_silence_is_told_while_it_lasts_and_its_end_afterwards(context, robot):
    scene = Scene(context, "a", alarm_webhook=robot.url)
    await scene.turn()
    context.outages._silent.add("mongodb")
    for _ in range(3):
        await scene.turn(1)
    assert robot.events == [("begin", "mongodb")]
    context.database.wrong = Wrong("identity", ("ours", ""))
    await scene.turn(1)
    assert robot.events[1:] == [("begin", "database")]
    assert robot.bodies[-1]["events"][0]["values"] == ["ours", ""]
    context.database.wrong = None
    context.outages._silent.clear()
    for _ in range(3):
        await scene.turn(1)
    assert robot.events[2:] == [("end", "mongodb"), ("end", "database")]
    ids = [each["id"] for body in robot.bodies for each in body["events"]]
    assert {name.rpartition(":")[0] for name in ids[2:]} == {name.rpartition(":")[0] for name in ids[:2]}
    assert await scene.kept() == []


# ---- what is counted


async def counted(context: Context) -> dict[tuple[str, ...], float]:
    """Return what is counted now and not 0, by name and labels."""
    found = await count(context.store, context.clock.now_ms())
    gauges = [gauge for gauge in found["gauges"] if gauge["value"] and gauge["name"] != "wabao_money_fen"]
    return {(gauge["name"], *gauge["labels"].values()): gauge["value"] for gauge in gauges}


async def test_what_waits_too_long_is_counted(context):
    now_ms = context.clock.now_ms()
    reviews = (("a", "checking", 610_000), ("b", "checking", 590_000), ("c", "held", 610_000))
    for key, state, ago_ms in reviews:
        review = new_review(f"task:{key}", "publisher", "publisher", "check", now_ms - ago_ms)
        await context.store.reviews.insert({**review, "code": key, "state": state})
    await context.store.database["prizes"].insert_one({"_id": "a", "withheld_at": now_ms})
    for code, alarm in (("a", "47003"), ("b", "late"), ("c", "late")):
        await context.store.messages.insert(a_message(code, alarm=alarm))
    for code, state, ago_ms in (("d", "unclear", 0), ("e", "unclear", 3_600_000), ("f", "sent", 0)):
        await context.store.messages.insert(a_message(code, state=state, ended_at=now_ms - ago_ms))
    assert await counted(context) == {
        ("wabao_waiting", "checks"): 1,
        ("wabao_waiting", "reviews"): 1,
        ("wabao_waiting", "prizes"): 1,
        ("wabao_messages_refused", "47003"): 1,
        ("wabao_messages_refused", "late"): 2,
        ("wabao_messages_refused", "unclear"): 1,
    }


async def test_numbers_that_nobody_counts_any_more_are_an_alarm_and_the_last_ones_stay(context):
    now_ms = context.clock.now_ms()
    old = Counted(at=now_ms - 601_000, gauges=[wrong()], after="", differ=[])
    found = Comparison(ROWS).alarms([], gauges_of(old, now_ms), 0)
    assert [alarm.kind for alarm in found] == ["unchecked", "books"]


def an_alarm(kind: str, code: str = "", end_at: int = 0) -> AlarmRow:
    alarm = new_alarm("", kind, code, "", [], 1_795_600_799_000)
    return {**alarm, "end_at": end_at, "told": int(end_at > 0)}


async def test_a_webhook_whose_reply_trickles_in_holds_up_nothing(context, monkeypatch):
    monkeypatch.setattr(webhook, "POST_SECONDS", 0.3)
    over = asyncio.Event()

    async def trickle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                writer.write(b"X-Slow: 1\r\n")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            over.set()
        finally:
            writer.close()

    async with await asyncio.start_server(trickle, "127.0.0.1", 0) as server:
        url = "http://{}:{}/robot".format(*server.sockets[0].getsockname())
        changed = msgspec.structs.replace(context.settings, alarm_webhook=url)
        robot = Webhook(changed, ROWS)
        with pytest.raises(NotTold, match="TimeoutError"):
            await robot.tell(robot.untold(an_alarm("redis")))
        await over.wait()


async def test_a_robot_gets_a_text_within_its_bound(context, robot, monkeypatch):
    monkeypatch.setattr(webhook, "ROBOTS", ("127.0.0.1",))
    told = Webhook(msgspec.structs.replace(context.settings, alarm_webhook=robot.url), ROWS)
    ended = told.untold(an_alarm("books", CODE, 1_795_600_899_000))
    await told.tell([*told.untold(an_alarm("mongodb")), *ended])
    said = robot.bodies[0]
    assert set(said) == {"msgtype", "text"}
    assert said["msgtype"] == "text"
    lines = said["text"]["content"].split("\n")
    assert lines[0] == "【挖宝告警】2 条"
    assert lines[1].startswith("开始：MongoDB 没有响应（")
    assert lines[2].startswith(f"恢复：账目不平 {CODE}（11-25 18:01:39）")  # in Beijing
    await told.tell(told.untold(an_alarm("mongodb")) * 50)
    assert 2000 < len(robot.bodies[1]["text"]["content"].encode()) <= 2048


@pytest.mark.parametrize("host", ["qyapi.weixin.qq.com", "oapi.dingtalk.com"])
def test_the_addresses_of_robots_are_known(host):
    settings = read_settings({"ALARM_WEBHOOK": f"https://{host}/robot/send?access_token=x"})
    assert "msgtype" in Webhook(settings, ROWS)._body([])


def test_an_address_that_is_none_stops_the_start_and_is_not_shown():
    with pytest.raises(BadSettings) as refused:
        read_settings({"ALARM_WEBHOOK": "ftp://robot?key=the-key-of-the-group"})
    assert "ALARM_WEBHOOK" in str(refused.value)
    assert "the-key" not in str(refused.value)
