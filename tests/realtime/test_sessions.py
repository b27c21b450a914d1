"""Ending a person's sessions: by a logout, by an operator, in all processes, with and without Redis."""

from typing import Any

import httpx

from handlers.websocket import IDENTITY_REFUSED
from server.realtime.sessions import Sessions
from support.client import Client, Someone
from support.purse import find

ENVIRONMENT = {"OPS_TOKEN": "open sesame, operators of the tests"}


async def operate(client: Client, **parameters: Any) -> dict[str, Any]:
    """Log a person out as an operator. The client first logs in as an operator if it has not yet."""
    if "wabao_operator" not in client.http.cookies:
        await client.post("/ops/login", name="管理员", token="open sesame, operators of the tests")
    return await client.post("/ops/signout", reason="被盗号", **parameters)


async def test_logging_out_ends_every_token_of_the_person_and_nobody_elses(client):
    phone, bob = await client.log_in_all("alice", "bob")
    tablet = await client.log_in("alice")
    code = await bob.publish(forecast_num=100_000)
    assert await tablet.post("/logout") == {"status": 0, "msg": ""}
    for ended in (phone, tablet):
        assert (await ended.get("/getMyInfo"))["error"] == "bad_token"
        assert (await ended.dig(code))["error"] == "bad_token"
        assert (await ended.post("/logout"))["error"] == "bad_token"
    assert (await bob.get("/getMyInfo"))["status"] == 0
    assert (await bob.get("/getTaskDetails", code=code))["now_depth"] == 0
    again = await client.log_in("alice")
    assert (await again.get("/getMyInfo"))["status"] == 0
    assert (await phone.get("/getMyInfo"))["error"] == "bad_token"
    assert (await again.post("/logout"))["status"] == 0
    assert (await again.get("/getMyInfo"))["error"] == "bad_token"


async def test_logging_out_closes_the_persons_connections_in_all_processes(
    client, other_port, open_page, context, other, alice, bob
):
    here = await open_page(alice)
    there = await open_page(alice, port=other_port)
    bobs = await open_page(bob, port=other_port)
    for page in (here, there, bobs):
        await page.answers()
    await other.bus.connected.wait()
    await alice.post("/logout")
    assert await here.closed() == await there.closed() == IDENTITY_REFUSED
    stale = await open_page(alice, port=other_port)
    assert (await stale.until("error"))["error"] == "bad_token"
    assert await stale.closed() == IDENTITY_REFUSED
    await bobs.answers()
    # A connection made after a new login stays, even when the processes read that the old sessions ended.
    renewed = await open_page(await client.log_in("alice"), port=other_port)
    await renewed.answers()
    for process in (context, other):
        await process.hub.sessions.poll()
    await renewed.answers()


async def test_without_redis_a_process_reads_what_ended(other_port, open_page, other, monkeypatch, alice):
    there = await open_page(alice, port=other_port)
    await there.answers()
    monkeypatch.setattr(other.bus, "_on_message", lambda code, payload: None)
    await alice.post("/logout")
    assert await there.closed() == IDENTITY_REFUSED  # within POLL_SECONDS


async def test_no_memory_of_a_person_outlives_a_logout(client, other_port, other, monkeypatch, alice):
    http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{other_port}")
    there = Someone(Client(http), alice.unionid, alice.token, {})
    assert (await there.get("/getMyInfo"))["status"] == 0
    monkeypatch.setattr(other.bus, "_on_message", lambda code, payload: None)
    await alice.post("/logout")
    again = Someone(Client(http), alice.unionid, (await client.log_in("alice")).token, {})
    assert (await again.get("/getMyInfo"))["status"] == 0
    assert (await there.get("/getMyInfo"))["error"] == "bad_token"
    await again.post("/logout")
    assert (await again.get("/getMyInfo"))["error"] == "bad_token"
    third = Someone(Client(http), alice.unionid, (await client.log_in("alice")).token, {})
    assert (await third.get("/getMyInfo"))["status"] == 0
    await client.post("/logout", headers={"Authorization": f"Bearer {third.token}"})
    await other.hub.sessions.poll()
    assert (await third.get("/getMyInfo"))["error"] == "bad_token"
    await http.aclose()


async def test_an_operator_ends_a_diggers_or_publishers_sessions(client, context, open_page):
    alice, bob, carol = await client.log_in_all("alice", "bob", "carol")
    code = await alice.publish(forecast_num=100_000)
    for digger in (bob, carol):
        assert (await digger.dig(code))["status"] == 0
    watching = await open_page(bob)
    await watching.answers()
    assert (await client.post("/ops/signout", code=code, depth=1, reason="x"))["error"] == "token_required"
    assert await operate(client, code=code, depth=1) == {"status": 0, "msg": ""}
    assert await watching.closed() == IDENTITY_REFUSED
    assert (await bob.get("/getMyInfo"))["error"] == "bad_token"
    for untouched in (alice, carol):
        assert (await untouched.get("/getMyInfo"))["status"] == 0
    assert (await operate(client, code=code, depth=0))["status"] == 0
    assert (await alice.get("/getMyInfo"))["error"] == "bad_token"
    assert (await operate(client, code=code, depth=3))["error"] == "bad_request"
    assert (await operate(client, code="A" * 12, depth=1))["error"] == "no_such_task"
    acts = [(act["act"], act["target"], act["outcome"]) for act in await find(context, "audit_log")]
    assert acts == [
        ("signout", f"{code}:1", "done"),
        ("signout", code, "done"),
        ("signout", f"{code}:3", "bad_request"),
        ("signout", f"{'A' * 12}:1", "no_such_task"),
    ]


async def test_two_logouts_at_once_end_one_generation(client, context, alice):
    proven = context.keys.read_token(alice.token)
    first = await context.store.people.end_tokens(*proven[:2])
    assert first["generation"] == proven.generation + 1
    assert await context.store.people.end_tokens(*proven[:2]) is None
    again = await client.log_in("alice")
    assert (await again.get("/getMyInfo"))["status"] == 0


async def test_a_bare_id_is_no_way_around_a_logout(client, alice):
    bare = Someone(client, alice.unionid, "", {}, send_token=False)
    assert (await bare.get("/getMyInfo"))["status"] == 0
    await alice.post("/logout")
    assert (await bare.get("/getMyInfo"))["error"] == "token_required"


async def test_what_news_tells_during_a_poll_is_not_forgotten_by_that_poll():
    async def read(_since_ms: int) -> dict[str, int]:
        sessions.end("somebody", told)  # the tokens end after MongoDB has answered
        return {}

    sessions = Sessions([], read, lambda: 0)
    for told in (2, 3):
        await sessions.poll()
        assert sessions.valid("somebody") == told
    await sessions.poll()
    assert sessions.valid("somebody") == 0
