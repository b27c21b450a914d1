"""The examples of the reference: from a real run, complete, and as declared.

After a change of an interface or a frame, `EXAMPLES_RECORD=1 pytest tests/handlers/test_examples.py` notes
new examples. An example that still has the same names keeps its values.
"""

import re
import secrets
import time
from base64 import b64encode
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from jsonschema_rs import Draft202012Validator

from handlers.asyncapi import MESSAGES as TAKEN
from handlers.examples import examples
from server.context import Context
from server.game.amounts import BEIJING
from server.leading.work import PERIODIC, WORKS
from server.realtime.frames import Frame
from server.settings import Settings
from support.client import ADDRESS, Client, Someone, a_picture
from support.counting import count_now
from support.declared import channel, check_frame, check_reply, interfaces
from support.examples import RECORDS, Recorder, differences, keep
from support.interfaces import ALL
from support.messages import MESSAGES, allow, send_until_quiet
from support.operators import operator
from support.plans import slow_queries
from support.purse import DAY_MS, let_pass
from support.reviews import CHECKED, settle
from support.trips import asks_for_less

OPERATOR = "open sesame"
# Queries that tests send, and those of the sandbox: they need no index.
OF_TESTS = r"\w+ sandbox_|find (people|messages) {filter:{}}|aggregate tasks {pipeline:\[{\$set:{_of"


async def publish(publisher: Someone, **rules: Any) -> str:
    asked = {"goods_type": 1, "name": "开门大吉", "prize_num": 1, "forecast_num": 1, "money": 2, "cd": 0}
    if rules.get("draw_type"):
        asked |= {"goods_type": 2, "name": "一只猫", "url": (await publisher.upload(a_picture()))["url"]}
        del asked["money"]
    reply = await publisher.post("/postTask", **(asked | rules))
    assert reply["status"] == 0, reply
    return str(reply["code"])


async def fine(reply: Any) -> dict[str, Any]:
    found: dict[str, Any] = await reply
    assert found["status"] == 0, found
    return found


def check_run(found: dict[str, Any]) -> None:
    """Keep the examples of a run, or assert that the kept examples have the same names."""
    if RECORDS:
        keep(found)
        return
    for kind, noted in found.items():
        for name, example in noted.items():
            assert differences(examples(kind)[name], example, name) == []


class TestPlaying:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        """Settings whose URI asks for less than a majority, which the store must not do."""
        uri = settings.mongodb_uri
        weaker = f"{uri}{'&' if '?' in uri else '?'}w=1&readConcernLevel=local"
        return msgspec.structs.replace(settings, mongodb_uri=weaker)

    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {**MESSAGES, "OPS_TOKEN": OPERATOR, "CASH_PAIR_WEEK_YUAN": "10", "REPORTS_TO_HOLD": "1"}

    @pytest.mark.gen_test(timeout=120)
    async def test_examples_are_answered_by_indexes_and_majorities(self, client, context, open_page, trips):
        recorder = Recorder(client, {OPERATOR: "the-operators-token"})
        alice, bob, carol, dora = [
            await client.log_in(name, by_code=True) for name in ("小明", "小红", "小刚", "小丽")
        ]
        await let_pass(context, 8 * DAY_MS)  # reports of newcomers would hide nothing
        await self._people(client, alice, bob, carol, dora)
        cat = await self._goods(client, recorder, alice, bob, carol, open_page)
        await self._red_packet(client, context, recorder, open_page)
        await self._lists(client, alice, bob, cat)
        await fine(client.people["小丽"].post("/logout"))
        await operator(client)
        await self._operating(client, context, cat)
        await self._rings(client, context)
        await fine(client.post("/ops/logout"))
        await self._leading(context)
        sent = [*trips.commands]
        assert [command for command in sent if asks_for_less(command)] == []
        slow = await slow_queries(context.store, sent)
        assert {name: why for name, why in slow.items() if not re.match(OF_TESTS, name)} == {}
        await context.store.meta.rows.delete_one({"_id": "database"})
        assert not await context.database.answers()
        late = await open_page(alice)
        await late.until("service")
        recorder.note_frames(late)
        found = recorder.found()
        check_run(found)
        paths = {each.path for each in ALL}
        assert found["interfaces"].keys() == paths - {"/ops/reviews", "/ops/decide"}
        assert found["frames"].keys() == {frame.__struct_config__.tag for frame in Frame.__subclasses__()}

    async def _people(
        self, client: Client, alice: Someone, bob: Someone, carol: Someone, dora: Someone
    ) -> None:
        picture = await fine(alice.upload(a_picture()))
        await fine(alice.post("/setProfile", wxname="小明", wxheadpic=picture["url"]))
        await fine(bob.get("/getTemplates"))
        await allow(client, "小刚", "cooldown_over", "won")
        await fine(dora.post("/deleteAccount"))
        await fine((await client.log_in("小丽", by_code=True)).post("/keepAccount"))
        await fine(client.get("/getTexts"))

    async def _goods(
        self, client: Client, recorder: Recorder, alice: Someone, bob: Someone, carol: Someone, open_page: Any
    ) -> str:
        half = await fine(alice.get("/commitment"))
        halves = {"sealed_seed": half["sealed_seed"], "nonce": secrets.token_hex(16)}
        several = {"prize_num": 2, "interval": 1, "fluctuation": 0, "forecast_num": 2}
        told = {"synopsis": "会招财的那种，陶瓷", "value": 30, "is_public": 1}
        cat = await publish(alice, draw_type=2, cd=1, **several, **told, **halves)
        page = await open_page(None)
        await recorder.ask(page, action="hello", token=bob.token)
        await recorder.ask(page, action="subscribe", code=cat, since=0, ticks=True)
        await page.until("snapshot")
        await recorder.ask(page, action="ping")
        await page.until("pong")
        await fine(bob.get("/getTaskDetails", code=cat))
        await fine(alice.post("/editTask", code=cat, name="一只招财猫", synopsis="会招财，陶瓷，高二十厘米"))
        await page.until("review")
        await fine(bob.post("/postTask", code=cat, dig_id="fedcba9876543210"))
        await page.until("tick")
        await recorder.ask(page, action="cheer", code=cat, sign="fire")
        await page.until("watchers")
        while "cheers" not in page.frames[-1]:
            await page.until("watchers")
        await fine(bob.claim(cat, **ADDRESS))
        await page.until("claim")
        while (await carol.dig(cat))["status"]:
            await page.until("tick", time=0)
        await page.until("end")
        await recorder.ask(page, action="unsubscribe", code=cat)
        await page.ask(action="subscribe", code="A" * 12)
        await page.until("error")
        recorder.note_frames(page)
        await fine(carol.claim(cat, **ADDRESS))
        await fine(alice.get("/getWinners", code=cat, page=1))
        table = "深度,中奖者,快递公司,运单号\n2,小刚,顺丰,SF1234567890123\n"
        await fine(alice.post("/shipPrizes", code=cat, table=b64encode(table.encode()).decode()))
        await fine(alice.post("/shipPrize", code=cat, depth=1, carrier="顺丰", number="SF1234567890124"))
        await fine(bob.post("/receivePrize", code=cat))
        await fine(bob.post("/thank", code=cat, sign="heart"))
        await fine(carol.get("/getStory", code=cat))
        by_hand = await publish(alice, draw_type=1, place="深圳湾公园西门", pickup_time="周六下午")
        await fine(bob.dig(by_hand))
        drawn = await fine(bob.claim(by_hand))
        await fine(alice.post("/confirmDraw", code=by_hand, pickup=drawn["pickup"]))
        slow = await publish(alice, draw_type=1, cd=600, forecast_num=1000)
        await fine(bob.get("/getTaskDetails", code=slow))
        await fine(bob.dig(slow))
        await fine(carol.post("/remind", code=slow))
        await fine(bob.post("/report", code=slow, reason="fraud", text="看起来是假的"))
        await fine(alice.post("/endTask", code=await publish(alice, draw_type=1)))
        return cat

    async def _red_packet(self, client: Client, context: Context, recorder: Recorder, open_page: Any) -> None:
        alice = client.people["小明"]
        bob = client.people["小红"]
        code = await publish(alice)
        page = await open_page(bob, code)
        await page.until("snapshot")
        await alice.pay(code)
        await page.until("start")
        await bob.win(code)
        await page.until("end")
        recorder.note_frames(page)
        await client.confirm((await fine(bob.claim(code)))["package_info"])
        await client.misbehave("judge", call="msg_sec_check", code="risky")
        await send_until_quiet(context)
        await client.http.get("/sandbox/messages", params={"user": "小红"})

    async def _lists(self, client: Client, alice: Someone, bob: Someone, cat: str) -> None:
        details = await fine(bob.get("/getTaskDetails", code=cat))
        await fine(bob.post("/follow", publisher_id=details["publisher_id"], following=1))
        await fine(bob.get("/getMyFollows"))
        await fine(bob.get("/getPublisher", publisher_id=details["publisher_id"]))
        await fine(bob.get("/getTaskList", page=1))
        await fine(bob.post("/getSharePic", code=cat))
        for path in ("/getTaskUser", "/getDigs", "/getRules"):
            await fine(bob.get(path, code=cat))
        await fine(client.get("/getProof", code=cat, page=1))
        await fine(bob.get("/getMyFinds"))
        for path in ("/getMyInfo", "/getMyRelease", "/getMyPartake", "/getMyPrize", "/getMyDigs"):
            await fine((alice if path == "/getMyRelease" else bob).get(path))
        await fine(alice.get("/getStatement", code=cat))

    async def _leading(self, context: Context) -> None:
        """Do what the leader does, as far as nothing has begun it yet."""
        for kinds, work in WORKS:
            await work(context, frozenset(kinds))
        for periodic, _ in PERIODIC:
            await periodic(context)
        await count_now(context)

    async def _operating(self, client: Client, context: Context, cat: str) -> None:
        why = {"reason": "看过了"}
        await fine(client.get("/ops/me"))
        [reported] = (await fine(client.get("/ops/reports")))["data"]
        for path in ("/ops/task", "/ops/timeline"):
            await fine(client.get(path, code=cat, **({"of": "task"} if path == "/ops/timeline" else {})))
        await fine(client.post("/ops/search", query="招财"))
        await fine(client.get("/ops/money"))
        await fine(client.get("/ops/person", code=cat, depth=1))
        slow = reported["task"]["code"]
        await fine(client.post("/ops/feature", code=slow, featured=1, **why))
        tomorrow = datetime.now(BEIJING).replace(hour=20, minute=0, second=0, microsecond=0) + timedelta(1)
        alice = client.people["小明"]
        daily = await publish(alice, draw_type=1, is_public=1, starts_at=int(tomorrow.timestamp() * 1000))
        await fine(client.post("/ops/daily", code=daily, daily=1, **why))
        await fine(alice.get("/getDaily", days=1))
        await fine(client.get("/ops/list", of="featured"))
        await fine(client.post("/ops/hide", code=slow, hidden=1, **why))
        await fine(client.post("/ops/end", code=slow, fraud=0, **why))
        await fine(client.post("/ops/signout", code=cat, depth=2, **why))
        await fine(client.post("/ops/ban", code=cat, depth=2, days=1, **why))
        await fine(client.post("/ops/unban", code=cat, depth=2, **why))
        await fine(client.post("/ops/trust", code=cat, depth=0, trusted=1, **why))
        month = time.strftime("%Y-%m", time.gmtime(context.clock.now_ms() / 1000 + 8 * 3600))
        await client.http.post("/ops/winners", json={"month": month, **why})

    async def _rings(self, client: Client, context: Context) -> None:
        alice, bob, carol = [await client.log_in(name, by_code=True) for name in ("小明", "小红", "小刚")]

        async def won(publisher: Someone, winner: Someone, money: int) -> str:
            code = await publish(publisher, money=money, is_public=1)
            await publisher.pay(code, money)
            await winner.win(code)
            return code

        for publisher, winner in ((alice, bob), (bob, alice), (bob, carol), (carol, bob)):
            code = await won(publisher, winner, 2)
            await client.confirm((await fine(winner.claim(code)))["package_info"])
        why = {"reason": "看过了"}
        for act in ("release", "return"):
            code = await won(alice, bob if act == "release" else carol, 11)
            held = await (bob if act == "release" else carol).claim(code)
            assert held["error"] == "payout_held", held
            asked = {"code": code, "depth": 1}
            await fine(client.get("/ops/payouts"))
            await fine(client.get("/ops/paid", **asked))
            await fine(client.post(f"/ops/{act}", what="prize", **asked, **why))
        last = {"what": "prize", "code": await won(alice, bob, 1), "depth": 1, **why}
        for path in ("freeze", "release", "freeze", "return"):
            await fine(client.post(f"/ops/{path}", **last))
        await fine(client.get("/ops/log"))


class TestReviewing:
    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {**CHECKED, "OPS_TOKEN": OPERATOR, "MAIL_REVIEW_PRIZES": "20"}

    async def test_examples_are_what_this_server_answers_about_reviews(self, client, context):
        alice = await client.log_in("小明", by_code=True)
        recorder = Recorder(client, {OPERATOR: "the-operators-token"})
        await publish(alice, draw_type=2, prize_num=1000, interval=3, fluctuation=0, forecast_num=3000)
        await settle(context)
        await operator(client)
        [queued] = (await fine(client.get("/ops/reviews")))["data"]
        await fine(client.post("/ops/decide", key=queued["key"], shown=1, reason="认识的商家"))
        found = recorder.found()["interfaces"]
        check_run({"interfaces": {path: found[path] for path in ("/ops/reviews", "/ops/decide")}})


def test_each_interface_message_and_frame_has_an_example_that_fits():
    noted = examples("interfaces")
    assert noted.keys() == {interface.path for interface in ALL}
    for interface in ALL:
        assert noted[interface.path].keys() == {struct.__name__ for struct in interface.takes}
        for name, example in noted[interface.path].items():
            fits(name, interfaces(), example["request"])
            if isinstance(example["reply"], dict):
                check_reply(interface.path, example["reply"])
    assert examples("frames").keys() == {frame.__struct_config__.tag for frame in Frame.__subclasses__()}
    for frame in examples("frames").values():
        check_frame(frame)
    assert examples("messages").keys() == {struct.__struct_config__.tag for struct in TAKEN}
    for struct in TAKEN:
        fits(struct.__name__, channel(), examples("messages")[str(struct.__struct_config__.tag)])


def fits(name: str, document: dict[str, Any], value: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    Draft202012Validator(schema).validate(value)
