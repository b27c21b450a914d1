"""Each call to a dependency is counted by its name and outcome, and a share of failed calls is an alarm."""

from contextlib import suppress

import msgspec
import pytest
from prometheus_client import REGISTRY
from pymongo.errors import DuplicateKeyError, OperationFailure
from tornado.web import Application, RequestHandler

from server.context import Context
from server.errors import Refusal
from server.operation.alarms import COMPARED, TABLE, Alarm, Comparison
from server.realtime.bus import Bus
from server.wechat.api import Api, WeChatError

LOGIN = "/sns/jscode2session"
SEND = "/cgi-bin/message/subscribe/send"
OUTCOMES: list[tuple[str, int, bytes, str]] = [
    (SEND, 200, b'{"errcode":0}', "ok"),
    (SEND, 200, b'{"errcode":43101}', "refused"),  # the person gave no consent
    (LOGIN, 200, b'{"errcode":40029}', "refused"),  # a bad login code
    (LOGIN, 200, b'{"errcode":40125}', "failed"),  # our secret is wrong
    (SEND, 200, b'{"errcode":-1}', "failed"),
    (SEND, 200, b'{"errcode":45009}', "failed"),
    (SEND, 200, b'{"errcode":', "failed"),
    (SEND, 200, b"[]", "failed"),
    (SEND, 502, b"", "failed"),
]


class _Answer(msgspec.Struct):
    errcode: int


def counted(metric: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"{metric}_count", labels) or 0


@pytest.mark.parametrize(("path", "status", "body", "outcome"), OUTCOMES)
async def test_each_outcome_is_counted_under_wechats_name_for_the_call(serve, path, status, body, outcome):
    class Answer(RequestHandler):
        def post(self) -> None:
            self.set_status(status)
            self.finish(body)

    api = Api(f"http://127.0.0.1:{serve(Application([('.*', Answer)]))}", 5.0)
    name = path.rpartition("/")[2]
    before = counted("wabao_wechat_seconds", call=name, outcome=outcome)
    with suppress(WeChatError, Refusal):
        await api.read("POST", path, _Answer, {})
    assert counted("wabao_wechat_seconds", call=name, outcome=outcome) == before + 1
    await api.aclose()


async def alarms_after(context: Context, comparison: Comparison, at: float) -> list[Alarm]:
    found = comparison.alarms(await context.scrape.gather(COMPARED), [], at)
    return [alarm for alarm in found if alarm.kind == "calls"]


async def test_a_wechat_pay_that_fails_is_an_alarm_by_the_name_of_the_call(client, context, alice, bob):
    comparison = Comparison(TABLE)
    code = await alice.won_packet(bob)
    await alarms_after(context, comparison, 0)
    await client.misbehave("refuse", call="transfer", code="NOT_ENOUGH", times=3)
    for _ in range(3):
        await bob.claim(code)
    assert await alarms_after(context, comparison, 30) == [], "a refusal has an alarm of its own"
    await client.misbehave("error_before", call="transfer", times=9)
    for _ in range(9):
        await bob.claim(code)
    assert Alarm("calls", "", "pay_transfer_make", ("75",)) in await alarms_after(context, comparison, 60)


async def test_a_redis_that_does_not_answer_is_an_alarm(context, settings):
    comparison = Comparison(TABLE)
    await alarms_after(context, comparison, 0)
    bus = Bus(msgspec.structs.replace(settings, redis_url="redis://127.0.0.1:1"), "nobody", context.keys)
    for _ in range(30):
        assert not await bus.ping()
    assert "redis" in [alarm.what for alarm in await alarms_after(context, comparison, 30)]
    await bus.close()


async def test_what_mongodb_refuses_for_good_reason_is_no_failure(context):
    outcomes = {outcome: {"command": "findAndModify", "outcome": outcome} for outcome in ("ok", "failed")}
    before = {each: counted("wabao_store_seconds", **labels) for each, labels in outcomes.items()}
    rows = context.store.gauges.rows
    await rows.insert_one({"_id": "taken", "at": 1})
    with pytest.raises(DuplicateKeyError):
        await rows.find_one_and_update({"_id": "taken", "at": 2}, {"$set": {"at": 3}}, upsert=True)
    with pytest.raises(OperationFailure):
        await rows.find_one_and_update({"_id": "taken"}, {"$inc": {"_id": 1}})
    after = {each: counted("wabao_store_seconds", **labels) for each, labels in outcomes.items()}
    assert {each: after[each] - before[each] for each in after} == {"ok": 1, "failed": 1}
