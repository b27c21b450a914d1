"""The operator's interfaces: who gets in, what they see, what they do, and that it is written down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from conftest import Client
from pulses import a_pulse
from test_push import open_page, pages  # noqa: F401  (fixtures)
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from server.context import Context
from server.pulse import add_up, quantile_ms
from server.settings import Settings


@pytest.fixture
def environment() -> dict[str, str]:
    return {"OPS_TOKEN": "open sesame"}


async def operator(client: Client) -> httpx.AsyncClient:
    """Let the client in as an operator."""
    reply = await client.post("/ops/login", name="管理员", token="open sesame")
    assert reply["status"] == 0
    return client.http


@pytest.mark.gen_test
async def test_only_the_token_lets_in_and_ten_tries_a_minute(client: Client) -> None:
    assert (await client.get("/ops/log"))["error"] == "token_required"
    errors = [(await client.post("/ops/login", name="x", token=f"guess {k}"))["error"] for k in range(12)]
    assert errors[0] == "bad_token"
    assert errors[-1] == "too_many"
    assert (await client.post("/ops/login", name="x", token="open sesame"))["error"] == "too_many"


@pytest.mark.gen_test
async def test_an_operators_acts_are_done_and_written_down(
    client: Client,
    context: Context,
    open_page: Any,  # noqa: F811
) -> None:
    await operator(client)
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish(forecast_num=1000, cd=60)
    page = await open_page(bob, code)
    await page.until("snapshot")
    assert (await client.post("/ops/end", code=code))["error"] == "bad_request"
    await client.post("/ops/hide", code=code, hidden=1, reason="图片不合适")
    assert (await bob.get("/getTaskList"))["data"] == []
    await client.post("/ops/hide", code=code, hidden=0, reason="弄错了")
    assert len((await bob.get("/getTaskList"))["data"]) == 1
    assert (await client.post("/ops/end", code=code, reason="违反规则"))["status"] == 0
    assert (await page.until("end"))["end_reason"] == "operator"
    assert (await client.post("/ops/end", code=code, reason="再来"))["error"] == "ended"
    await client.post("/ops/disconnect", process=context.hub.bus.process, reason="换机器")
    assert await page.closed() == 1001
    log = (await client.get("/ops/log"))["data"]
    assert [act["act"] for act in log] == ["disconnect", "end", "show", "hide"]
    assert {act["operator"] for act in log} == {"管理员"}
    assert log[-1]["reason"] == "图片不合适"


@pytest.mark.gen_test
async def test_search_and_a_tasks_page_show_no_seed_no_depth_and_no_id(
    client: Client, context: Context
) -> None:
    http = await operator(client)
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish(forecast_num=1000, cd=0, wxname="一位发布者")
    await bob.get("/getTaskDetails", code=code, is_share=1, from_unionid=alice.unionid)
    await bob.dig(code)
    for query in (code, "一位发布者"):
        assert [task["code"] for task in (await client.get("/ops/tasks", query=query))["data"]] == [code]
    reply = await client.get("/ops/task", code=code)
    assert reply["shares"] == {"opened": 1, "sharers": 1, "brought": 1, "most": 1}
    assert [dig["depth"] for dig in reply["digs"]] == [1]
    raw = (await http.get("/ops/task", params={"code": code})).text
    for secret in (alice.unionid, bob.unionid, "seed", "params", "winning"):
        assert secret not in raw


async def frames(http: httpx.AsyncClient, settings: Settings) -> AsyncIterator[dict[str, Any]]:
    cookie = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
    origin = f"http://127.0.0.1:{settings.port}"
    request = HTTPRequest(
        f"ws://127.0.0.1:{settings.port}/ops/feed", headers={"Cookie": cookie, "Origin": origin}
    )
    connection = await websocket_connect(request)
    try:
        while (message := await connection.read_message()) is not None:
            yield json.loads(message)
    finally:
        connection.close()
        while await connection.read_message() is not None:
            pass


@pytest.mark.gen_test
async def test_the_feed_begins_with_its_history_and_tells_each_second(
    client: Client, context: Context, settings: Settings
) -> None:
    await context.hub.bus.connected.wait()
    with pytest.raises(HTTPClientError) as refused:
        await websocket_connect(f"ws://127.0.0.1:{settings.port}/ops/feed")
    assert refused.value.code == 403
    http = await operator(client)
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish(forecast_num=1000, cd=0)
    await bob.dig(code)
    pulsing = asyncio.ensure_future(context.pulsing.run())
    seen: dict[str, list[dict[str, Any]]] = {"history": [], "pulse": [], "board": []}
    feed = frames(http, settings)
    async for frame in feed:
        seen[frame["type"]].append(frame)
        fields = seen["history"][0]["fields"]
        told = [
            dict(zip(fields, second, strict=True)) for frame in seen["pulse"] for second in frame["seconds"]
        ]
        if any(second["digs"].get("dug") or second["digs"].get("won") for second in told) and seen["board"]:
            break
    await feed.aclose()
    assert len(seen["history"]) == 1
    board = seen["board"][0]
    assert [task["code"] for task in board["tasks"]] == [code]
    assert board["running"] == 1
    assert seen["pulse"][-1]["alarms"] == []
    assert any(dig["code"] == code for frame in seen["pulse"] for dig in frame["digs"])
    assert seen["pulse"][-1]["processes"][0]["process"] == context.hub.bus.process
    again = frames(http, settings)
    history = await anext(again)
    await again.aclose()
    joins = history["fields"].index("joins")
    assert any(second[joins] for second in history["seconds"])
    assert history["digs"][-1]["code"] == code
    assert bob.unionid not in json.dumps([seen, history])
    pulsing.cancel()
    await asyncio.wait([pulsing])


@pytest.mark.gen_test
async def test_a_history_that_contradicts_its_task_raises_an_alarm(
    client: Client, context: Context, settings: Settings
) -> None:
    http = await operator(client)
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish(forecast_num=1000, cd=0)
    await bob.dig(code)
    await context.close_background()
    await context.store.digs.collection.delete_one({"code": code})
    feed = frames(http, settings)
    async for frame in feed:
        if frame.get("alarms"):
            break
    await feed.aclose()
    assert frame["alarms"][0]["kind"] == "statement"
    assert frame["alarms"][0]["code"] == code
    assert "now_depth is 1" in frame["alarms"][0]["text"]


@pytest.mark.gen_test
async def test_books_that_do_not_balance_raise_an_alarm(
    client: Client, context: Context, settings: Settings
) -> None:
    http = await operator(client)
    alice = await client.log_in("alice")
    code = await alice.publish()
    await context.store.ledger.enter("paid", "nobody", code, 800, context.cooldowns.now_ms())
    feed = frames(http, settings)
    async for frame in feed:
        if frame.get("alarms"):
            break
    await feed.aclose()
    assert [(alarm["kind"], alarm["code"]) for alarm in frame["alarms"]] == [("books", code)]
    assert "800 fen" in frame["alarms"][0]["text"]
    found = (await client.get("/ops/task", code=code))["money"]
    assert (found["paid_fen"], found["held_fen"], found["owed_fen"]) == (0, 0, 0)
    assert "800 fen" in found["differences"][0]


@pytest.mark.gen_test
async def test_who_is_logged_in_is_told_and_forgotten(client: Client) -> None:
    assert (await client.get("/ops/me"))["name"] == ""
    await operator(client)
    assert (await client.get("/ops/me"))["name"] == "管理员"
    await client.post("/ops/logout")
    assert (await client.get("/ops/me"))["name"] == ""


@pytest.mark.gen_test
async def test_a_task_that_ends_without_a_dig_is_told(
    client: Client, context: Context, settings: Settings
) -> None:
    await context.hub.bus.connected.wait()
    http = await operator(client)
    alice = await client.log_in("alice")
    code = await alice.publish(name="一只猫")
    pulsing = asyncio.ensure_future(context.pulsing.run())
    await alice.post("/endTask", code=code)
    feed = frames(http, settings)
    async for frame in feed:
        if frame.get("ends"):
            break
    await feed.aclose()
    assert [(end["code"], end["name"], end["end_reason"]) for end in frame["ends"]] == [
        (code, "一只猫", "publisher")
    ]
    pulsing.cancel()
    await asyncio.wait([pulsing])


def test_seconds_add_up_over_processes() -> None:
    digs = {"digs.won": 2, "digs.cooling_down": 7, "joins": 1}
    seconds = add_up([a_pulse("a", 5, **digs), a_pulse("b", 5, **digs), a_pulse("a", 6)])
    assert [second.at for second in seconds] == [5, 6]
    assert seconds[0].digs == {"won": 4, "cooling_down": 14}
    assert (seconds[0].joins, seconds[0].wins) == (2, 4)
    assert (seconds[0].watchers, seconds[0].processes, seconds[1].watchers) == (6, 2, 3)


def test_a_quantile_lies_within_its_bucket() -> None:
    buckets = [90, 100, 100]
    assert 0 < (quantile_ms((0.1, 0.5), buckets, 0.5) or 0) <= 100
    assert 100 < (quantile_ms((0.1, 0.5), buckets, 0.99) or 0) <= 500
    assert quantile_ms((0.1, 0.5), [0, 0, 4], 0.5) == 500
    assert quantile_ms((0.1, 0.5), [], 0.5) is None
    assert quantile_ms((0.1, 0.5), [0, 0, 0], 0.5) is None
