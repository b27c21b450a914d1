"""Operators' sessions: how they begin and end, and what the login's limits and refusals do to strangers."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, ClassVar

import msgspec
import pytest

import server.store
from handlers.ops import operators
from handlers.ops.operators import COOKIE, OperatorInterface
from handlers.websocket import IDENTITY_REFUSED
from server.actions.operator_sessions import SESSION_MS, begin_session
from server.context import Context
from server.store import Store
from support.client import Client
from support.interfaces import ALL
from support.operators import operator

TOKEN = "open sesame"
INSIDE = [interface for interface in ALL if issubclass(interface, OperatorInterface)]
ACTS = [interface for interface in INSIDE if interface.method == "POST"]


ENVIRONMENT = {"OPS_TOKEN": TOKEN, "TRUSTED_PROXIES": "127.0.0.1"}


def log_in_until(client: Client, context: Context, ends_at: int) -> dict[str, str]:
    """Give the client the cookie of a session that ends then; return it as a header."""
    clock = SimpleNamespace(now_ms=lambda: ends_at - SESSION_MS)
    earlier = replace(context, clock=clock)
    cookie = begin_session(earlier, context.operators[0], "管理员")
    client.http.cookies.set(COOKIE, cookie)
    return {"Cookie": f"{COOKIE}={cookie}"}


async def test_a_logout_makes_the_browser_forget_the_session(client):
    await operator(client)
    assert (await client.post("/ops/logout"))["status"] == 0
    assert COOKIE not in client.http.cookies
    assert (await client.get("/ops/log"))["error"] == "token_required"
    assert (await client.post("/ops/logout"))["error"] == "token_required"


async def test_a_feed_ends_with_its_session_while_the_store_is_silent(client, context, feed, monkeypatch):
    monkeypatch.setattr(server.store, "OPERATION_SECONDS", 0.2)
    await context.bus.connected.wait()
    log_in_until(client, context, context.clock.now_ms() + 2500)
    working = context.store
    silent = Store("mongodb://127.0.0.1:1/wabao")
    context.store = silent
    opened = await feed()
    assert await opened.closed() == IDENTITY_REFUSED
    types = [frame["type"] for frame in opened.frames]
    assert types[0] == "history"
    assert "heartbeat" in types  # the feed has to stay open, since it shows that MongoDB is silent
    assert not context.feed._viewers
    context.store = working
    await silent.close()


async def test_a_session_lasts_twelve_hours(client, context):
    assert SESSION_MS == 12 * 3_600_000
    await operator(client)
    assert int(client.http.cookies[COOKIE].partition(".")[0]) - context.clock.now_ms() <= SESSION_MS
    for left_ms, error in ((60_000, None), (0, "token_required")):
        cookie = log_in_until(client, context, context.clock.now_ms() + left_ms)
        assert (await client.get("/ops/log", cookie)).get("error") == error


async def test_another_token_ends_all_sessions(client, context, settings):
    changed = replace(context, settings=msgspec.structs.replace(settings, ops_token="an older token"))
    for opened, name in ((context, "管理员"), (changed, "")):
        cookie = {"Cookie": f"{COOKIE}={begin_session(opened, opened.operators[0], '管理员')}"}
        assert (await client.get("/ops/me", cookie))["name"] == name
        assert (await client.get("/ops/log", cookie)).get("error") == (None if name else "token_required")


async def test_an_invented_or_altered_cookie_is_invalid(client, context):
    await operator(client)
    ends_at, name, seal = client.http.cookies[COOKIE].split(".")
    altered = [(str(int(ends_at) + 1), name, seal), (ends_at, f"{name}A", seal), (ends_at, name, seal[:-1])]
    for cookie in ("", "x", "..", "x" * 5000, "\xff.\xff.\xff", *(".".join(parts) for parts in altered)):
        reply = await client.get("/ops/log", {"Cookie": f"{COOKIE}={cookie}".encode("latin-1")})
        assert reply["error"] == "token_required", cookie


async def test_the_cookie_is_sent_only_to_our_pages_and_hidden_from_scripts(client):
    reply = await client.http.post("/ops/login", json={"name": "x", "token": TOKEN})
    attributes = {part.strip().lower() for part in reply.headers["Set-Cookie"].split(";")[1:]}
    assert attributes == {"httponly", "path=/ops", "samesite=strict"}


class TestUnderHttps:
    """With a PUBLIC_URL of https."""

    ENVIRONMENT: ClassVar = {"OPS_TOKEN": TOKEN, "PUBLIC_URL": "https://wabao.example"}

    async def test_the_cookie_goes_over_https_only(self, client):
        reply = await client.http.post("/ops/login", json={"name": "x", "token": TOKEN})
        assert "secure" in {part.strip().lower() for part in reply.headers["Set-Cookie"].split(";")}


async def test_a_login_by_query_is_refused(client):
    for path in ("/ops/login?name=x&token=open%20sesame", "/ops/login?x"):
        for body in ({}, {"name": "x", "token": TOKEN}):
            reply = await client.post(path, **body)
            assert (reply["error"], reply["msg"]) == ("bad_request", "参数应放在请求的内容里，不能放在地址里")
        assert COOKIE not in client.http.cookies
        assert (await client.get(path))["error"] == "bad_request"


async def test_an_act_by_query_is_refused_and_changes_nothing(client):
    await operator(client)
    code = await (await client.log_in("alice")).publish()
    reply = await client.post(f"/ops/end?code={code}&reason=x")
    assert (reply["error"], reply["msg"]) == ("bad_request", "参数应放在请求的内容里，不能放在地址里")
    assert (await client.post(f"/ops/end?code={code}", code=code, reason="x"))["error"] == "bad_request"
    assert (await client.get("/ops/log"))["data"] == []
    assert (await client.get("/ops/task", code=code))["task"]["status"] == 0


async def test_a_stranger_gets_the_same_refusal_whatever_they_send(client):
    sent: list[dict[str, Any]] = [{}, {"json": {"code": 1}}, {"content": b"{"}, {"params": {"code": "x"}}]
    for interface in INSIDE:
        for options in sent:
            reply = (await client.http.request(interface.method, interface.path, **options)).json()
            del reply["trace_id"]
            refused = {"status": 1, "msg": "请先用口令登录", "error": "token_required"}
            assert reply == refused, (interface.path, options)


async def test_a_page_of_another_site_can_do_nothing(client):
    await operator(client)
    for path in ("/ops/login", *(interface.path for interface in ACTS)):
        for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
            assert (await client.post(path, {"Origin": origin}))["msg"] == "请从本站的页面操作", path


@pytest.mark.usefixtures("one_minute")
async def test_a_page_of_another_site_uses_up_no_tries(client):
    for _ in range(operators.TRIES + 1):
        await client.post("/ops/login", {"Origin": "https://evil.example"}, name="x", token="a guess")
    await operator(client)
