"""The operator's interfaces: access, views, acts, and the log of acts."""

import socket
from dataclasses import replace
from typing import Any, ClassVar

import msgspec
import pytest
from tornado.httpclient import HTTPClientError
from tornado.websocket import websocket_connect

from handlers.ops.operators import TRIES
from handlers.websocket import STUCK_SECONDS, TOO_SLOW
from server.actions.operate import end_task
from server.operation.heartbeats import HeartbeatDig, HeartbeatEnd, add_up, quantile_ms, read_heartbeats
from server.runtime.background import Background
from server.store import Store
from server.store.audit_log import Actor
from server.telemetry import metrics
from support.counting import count_now
from support.heartbeats import a_heartbeat
from support.meanwhile import failing
from support.operators import guess, operator
from support.steps import Killed, Steps


@pytest.mark.usefixtures("one_minute")
class TestBehindAProxy:
    """The proxy is trusted to write the address of a request's sender."""

    ENVIRONMENT: ClassVar = {"OPS_TOKEN": "open sesame", "TRUSTED_PROXIES": "127.0.0.1"}

    async def test_a_correct_token_is_accepted_whatever_others_guess(self, client, context):
        await context.bus.connected.wait()
        assert (await client.get("/ops/log"))["error"] == "token_required"
        for network in range(5):
            errors = [await guess(client, f"2001:db8:0:{network:x}::{k}") for k in range(TRIES + 1)]
            assert errors == ["bad_token"] * TRIES + ["too_many"]
        for address in ("2001:db8::1", "198.51.100.8"):
            assert await guess(client, address, "open sesame") == ""

    async def test_only_failed_logins_are_counted(self, client):
        for _ in range(TRIES + 2):
            assert await guess(client, "198.51.100.7", "open sesame") == ""
        assert await guess(client, "198.51.100.7") == "bad_token"


@pytest.mark.usefixtures("one_minute")
async def test_without_a_trusted_proxy_a_client_cannot_choose_its_address(client, context):
    await context.bus.connected.wait()  # until then tries are counted in memory
    errors = [await guess(client, f"198.51.100.{k}") for k in range(TRIES + 1)]
    assert errors == ["bad_token"] * TRIES + ["too_many"]


async def test_an_act_that_was_cut_off_is_logged_as_begun(client, context, settings):
    await operator(client)
    code = await (await client.log_in("alice")).publish(forecast_num=100_000)

    victim = replace(context, store=Store(settings.mongodb_uri), background=Background())
    Steps(victim, kill_after=1)
    with pytest.raises(Killed):
        await end_task(victim, Actor("管理员", shared=True), code, "违反规则", fraud=False)
    await victim.store.close()
    acts = (await client.get("/ops/log"))["data"]
    assert [(act["act"], act["target"], act["outcome"]) for act in acts] == [("end", code, "begun")]


async def test_a_tasks_page_shows_no_seed_no_winning_depth_and_no_id(client, context, alice, bob):
    http = await operator(client)
    code = await alice.publish(forecast_num=100_000, cd=0)
    await bob.get("/getTaskDetails", code=code, is_share=1, from_unionid=alice.unionid)
    await bob.dig(code)
    reply = await client.get("/ops/task", code=code)
    assert reply["shares"] == {"opened": 1, "sharers": 1, "brought": 1, "most": 1}
    assert [dig["depth"] for dig in reply["digs"]] == [1]
    raw = (await http.get("/ops/task", params={"code": code})).text
    for secret in (alice.id, bob.id, "seed", "params", "winning"):
        assert secret not in raw


async def test_the_feed_is_refused_to_who_is_no_operator(client, settings):
    with pytest.raises(HTTPClientError) as refused:
        await websocket_connect(f"ws://127.0.0.1:{settings.port}/ops/feed")
    assert refused.value.code == 403


async def test_a_board_comes_even_if_what_runs_is_not_counted(client, context, feed, monkeypatch, alice):
    monkeypatch.setattr(context.store.task_lists, "stock", failing(TimeoutError()))
    code = await alice.publish()
    await operator(client)
    opened = await feed()
    board = await opened.until("board")
    assert [task["code"] for task in board["tasks"]] == [code]
    assert (board["running"], board["counted_at"]) == (0, 0)
    assert (await opened.until("heartbeat"))["alarms"] == []


async def test_a_wrong_history_a_wrong_ledger_and_a_refused_bill_are_alarms(client, context, alice, bob):
    await operator(client)
    dug = await alice.publish(forecast_num=100_000, cd=0)
    unpaid = await alice.publish()
    await bob.dig(dug)
    await context.background.finish()
    await context.store.digs.collection.delete_one({"code": dug})
    await context.books.ledger.enter("paid", "nobody", unpaid, 800, context.clock.now_ms())
    packet = await alice.won_packet(bob)
    await client.misbehave("refuse", call="transfer", code="PARAM_ERROR")
    await bob.claim(packet)
    await context.leader.ask()
    await count_now(context)
    await context.monitor.compare()
    difference = {"what": "ledger", "values": ["800", "paid:nobody", ""]}
    expected = {
        "invariant": {"code": dug, "what": "", "values": ["2"]},  # digs, and participants
        "books": {"code": unpaid, "what": "", "values": ["1"]},
        "bill": {"code": packet, "what": "PARAM_ERROR", "values": ["1"]},
    }
    alarms = {
        row["kind"]: {name: row[name] for name in ("code", "what", "values")}
        for row in await context.store.alarms.find()
    }
    assert alarms == expected
    found = (await client.get("/ops/task", code=unpaid))["money"]
    assert (found["paid_fen"], found["held_fen"], found["owed_fen"]) == (0, 0, 0)
    assert found["differences"] == [difference]
    payments = (await client.get("/ops/task", code=packet))["money"]["payments"]
    assert [(each["kind"], each["alarm"]) for each in payments if each["alarm"]] == [("bill", "PARAM_ERROR")]
    assert 'wabao_money_alarms{alarm="PARAM_ERROR",kind="bill"} 1.0' in await client.scrape()


async def test_a_new_viewer_sees_each_dig_and_each_end_once(client, context, feed):
    await context.bus.connected.wait()
    await operator(client)
    feeds = [await feed()]
    await feeds[0].until("heartbeat")
    # From here on, most of a second is left until the next heartbeat is sent.
    for depth in range(1, 4):
        now_ms = context.clock.now_ms()
        dig = HeartbeatDig("A" * 12, depth, "阿强", 0, "", now_ms, now_ms)
        end = HeartbeatEnd(f"{depth}" * 12, "一只猫", "expired", now_ms)
        beat = msgspec.structs.replace(a_heartbeat("a", now_ms // 1000 - 2), digs=[dig], ends=[end])
        await context.bus.write_heartbeat(msgspec.msgpack.encode(beat))
        feeds.append(await feed())
    for each in feeds:
        for _ in range(2):
            await each.until("heartbeat")
        assert [dig["depth"] for frame in each.frames for dig in frame.get("digs", [])] == [1, 2, 3]
        assert [end["code"][0] for frame in each.frames for end in frame.get("ends", [])] == ["1", "2", "3"]


async def test_a_slow_viewer_gets_a_long_history_and_a_stuck_one_is_cut(client, context, settings, feed):
    await context.bus.connected.wait()
    cookies = (await operator(client)).cookies
    now_ms = context.clock.now_ms()
    counts = {"errors." + "x" * 3000: 1}  # makes a history larger than a socket's buffer
    for second in range(now_ms // 1000 - 890, now_ms // 1000):
        beat = msgspec.msgpack.encode(a_heartbeat("a", second, **counts))
        await context.bus.write_heartbeat(beat)
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        line.connect(("127.0.0.1", settings.port))
        cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
        line.sendall(
            f"GET /ops/feed HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\nCookie: {cookie}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        other = await feed()
        for _ in range(3):
            await other.until("heartbeat")
        (slow,) = (viewer for viewer in context.feed._viewers if viewer.unsent_bytes)  # type: ignore[attr-defined]
        assert slow.unsent_bytes > 256 << 10
        assert slow in context.hub.congested
        closes = metrics.CLOSES.labels(str(TOO_SLOW))._value
        before = closes.get()
        slow._taken_at -= STUCK_SECONDS
        while slow in context.feed._viewers:
            await other.next()
        assert closes.get() == before + 1


def test_seconds_add_up_over_processes():
    digs = {"digs.won": 2, "digs.cooling_down": 7, "joins": 1, "replaced.hung": 1, "replaced.drained": 5}
    seconds = add_up([a_heartbeat("a", 5, **digs), a_heartbeat("b", 5, **digs), a_heartbeat("a", 6)])
    assert [second.at for second in seconds] == [5, 6]
    assert seconds[0].digs == {"won": 4, "cooling_down": 14}
    assert (seconds[0].joins, seconds[0].wins, seconds[0].replaced) == (2, 4, 2)
    assert (seconds[0].watchers, seconds[0].processes, seconds[1].watchers) == (6, 2, 3)


ODD: dict[str, Any] = {
    "another kind of counts": {"counts": {"later.kind": 1}},
    "negative counts": {"counts": {"joins": -1}},
    "too large": {"watchers": 1 << 60},
    "no number": {"lag_ms": float("nan")},
    "other buckets": {"frame": [1, 2, 3]},
    "buckets that fall": {"store": [2, 1, *[3] * 10]},
    "words for a number": {"since": "yesterday"},
}


@pytest.mark.parametrize("odd", [*ODD.values(), b"\xff", b""], ids=[*ODD, "no heartbeat", "nothing"])
def test_a_heartbeat_of_another_version_is_added_up_or_left_out_counted_and_named(odd):
    ours = msgspec.to_builtins(a_heartbeat("ours", 5))
    packed = odd if isinstance(odd, bytes) else msgspec.msgpack.encode({**ours, "process": "theirs", **odd})
    before = metrics.UNREAD._value.get()
    found, unread = read_heartbeats([packed, msgspec.msgpack.encode(ours)])
    left_out = int(metrics.UNREAD._value.get() - before)
    assert [*unread] == ["theirs" if isinstance(odd, dict) else "?"] * left_out
    (second,) = add_up(found)
    assert second.processes == 2 - left_out
    assert msgspec.json.decode(msgspec.json.encode(second))
    assert left_out == (0 if odd == ODD["another kind of counts"] else 1)


def test_a_process_whose_name_is_not_text_is_left_out_too():
    packed = msgspec.msgpack.encode({"process": b"\xff"}).replace(b"\xc4\x01\xff", b"\xa1\xff")
    assert [*read_heartbeats([packed])[1]] == ["?"]


def test_a_quantile_lies_within_its_bucket():
    buckets = [90, 100, 100]
    assert 0 < (quantile_ms((0.1, 0.5), buckets, 0.5) or 0) <= 100
    assert 100 < (quantile_ms((0.1, 0.5), buckets, 0.99) or 0) <= 500
    assert quantile_ms((0.1, 0.5), [0, 0, 4], 0.5) == 500
    assert quantile_ms((0.1, 0.5), [], 0.5) is None
    assert quantile_ms((0.1, 0.5), [0, 0, 0], 0.5) is None
