"""`/metrics`: who may read it, that it has each series once, and that an alarm is 0 once it is over."""

import asyncio
from typing import ClassVar

import msgspec
import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.log import app_log
from tornado.testing import ExpectLog

from handlers.health import is_local
from server.operation.counting import SHOWN_SECONDS
from server.operation.scrape import ANSWER, ASK, PROCESS, Answer, Question
from server.realtime.bus import Bus
from server.runtime.background import Background
from server.store.alarms import new_alarm

TOKEN = "what only Prometheus knows"
OPS_TOKEN = "what only operators know"


class TestAdmission:
    ENVIRONMENT: ClassVar = {"METRICS_TOKEN": TOKEN, "OPS_TOKEN": OPS_TOKEN}

    @pytest.mark.parametrize("app_env", ["development", "production"])
    async def test_tokens_give_access_and_in_development_this_machine_does(self, client, context, app_env):
        context.settings = msgspec.structs.replace(context.settings, app_env=app_env)

        async def admitted(query: str = "", **headers: str | bytes) -> bool:
            response = await client.http.get(f"/metrics{query}", headers=headers)
            assert response.status_code in (200, 401)
            assert ("wabao_" in response.text) == (response.status_code == 200)
            if response.status_code == 401:
                assert response.headers["WWW-Authenticate"] == "Bearer"
                assert response.json()["error"] == "bad_token"
            return response.status_code == 200

        assert await admitted(Authorization=f"Bearer {TOKEN}")
        assert await admitted(Authorization=f"bearer  {OPS_TOKEN}")
        assert await admitted(Authorization=f"Bearer {TOKEN}", **{"X-Forwarded-For": "192.0.2.1"})
        for wrong in ("Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, b"Bearer \xff"):
            assert not await admitted(Authorization=wrong), wrong
        assert await admitted() == (app_env == "development")
        for query in (f"?token={TOKEN}", f"?METRICS_TOKEN={TOKEN}"):
            assert await admitted(query) == (app_env == "development")
            assert not await admitted(query, Forwarded="for=192.0.2.1")
        for proxy in ("X-Forwarded-For", "X-Real-IP", "Via"):
            assert not await admitted(**{proxy: "127.0.0.1"})


def test_only_a_loopback_address_is_the_machine_itself():
    line = RequestStartLine("GET", "/metrics", "HTTP/1.1")
    request = HTTPServerRequest(start_line=line, headers=HTTPHeaders({"Host": "x"}))
    for address, local in (
        ("127.0.0.1", 1),
        ("127.8.8.8", 1),
        ("::1", 1),
        ("192.0.2.1", 0),
        ("::", 0),
        ("", 0),
    ):
        request.remote_ip = address
        assert is_local(request) == bool(local), address


PROMISED = (
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_open_fds",
    "wabao_build_info",
    "wabao_loop_lag_seconds_count",
    'wabao_redis_seconds_count{outcome="ok"',
    f'wabao_store_silent{{process="{PROCESS}",store="redis"}} 0.0',
    f'wabao_store_silent{{process="{PROCESS}",store="mongodb"}} 0.0',
)


async def test_a_process_tells_of_itself_its_loop_and_its_stores(client, context):
    working = Background()
    context.outages.begin(working)
    context.heartbeats.begin(working)
    shown = ""
    async with asyncio.timeout(10):
        while missing := [each for each in PROMISED if f"\n{each}" not in shown]:
            shown = (await client.http.get("/metrics")).text
    assert not missing
    assert "_created{" not in shown
    await working.end()


async def test_the_metrics_of_another_version_are_left_out(client, context):
    await context.bus.connected.wait()
    bus = Bus(context.settings, context.bus.prefix, context.keys)
    bus.start(lambda *_: None, lambda _: None)
    bus.on_name(ASK, lambda payload: asked.put_nowait(payload))
    asked: asyncio.Queue[bytes] = asyncio.Queue()
    await bus.connected.wait()
    assert await asked.get() == b""
    gathering = asyncio.create_task(context.scrape.gather(["wabao_build"]))
    question = msgspec.msgpack.decode(await asked.get(), type=Question)
    assert question.names == ["wabao_build"]
    with ExpectLog(app_log, "taking a message of the bus failed"):
        await bus.publish(ANSWER, msgspec.msgpack.encode(Answer(question.number, b"of a later version")))
        assert [family.name for family in await gathering] == ["wabao_build"]
    await bus.close()


async def test_without_redis_a_process_shows_its_own_metrics(client, context):
    context.bus.connected.clear()
    assert "wabao_build_info" in (await client.http.get("/metrics")).text


def money(text: str) -> dict[str, float]:
    """Return the series of the ledger and the alarms."""
    lines = [line.rpartition(" ") for line in text.splitlines() if line.startswith("wabao_money")]
    return {name: float(value) for name, _, value in lines}


async def test_what_the_leader_counted_is_shown_until_it_is_old(client, context):
    assert money((await client.http.get("/metrics")).text) == {}
    await context.books.ledger.enter("paid", "x", "A" * 12, 700, context.clock.now_ms())
    shown = money(await client.scrape())
    assert (shown['wabao_money_fen{sum="paid"}'], shown['wabao_money_fen{sum="held"}']) == (700, 700)
    await context.store.gauges.collection.update_one({}, {"$inc": {"at": -SHOWN_SECONDS * 1000 - 1}})
    text = (await client.http.get("/metrics")).text
    assert money(text) == {}
    assert "wabao_counted_age_seconds 6" in text


async def test_each_alarm_that_holds_is_a_gauge(client, context):
    holds = new_alarm("bill:NOT_ENOUGH", "bill", "A" * 12, "NOT_ENOUGH", ["2"], 1)
    over = {**new_alarm("disk:", "disk", "", "", ["1"], 1), "end_at": 2, "told": 1}
    await context.store.alarms.save([holds, over])
    text = (await client.http.get("/metrics")).text
    shown = [line for line in text.splitlines() if line.startswith("wabao_alarm{")]
    assert shown == ['wabao_alarm{kind="bill",what="NOT_ENOUGH"} 1.0']
