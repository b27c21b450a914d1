"""Operators as persons: each with a name, a role and a token of their own."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from handlers.ops.operators import COOKIE
from server.errors import BadSettings
from server.settings import read_settings
from support.client import Client
from support.operators import operator
from support.production import PRODUCTION
from support.stored import everything

LIN, WANG, ZHAO = "lin's own token", "wang's own token", "zhao's own token"
OPS_TOKENS = f"小林:look:{LIN}, 老王:act:{WANG},赵会计:money:{ZHAO}"


@pytest.fixture
def environment() -> dict[str, str]:
    return {"OPS_TOKEN": "open sesame", "OPS_TOKENS": OPS_TOKENS}


async def enter(client: Client, token: str, **typed: str) -> dict[str, Any]:
    reply: dict[str, Any] = await client.post("/ops/login", token=token, **typed)
    return reply


async def test_the_log_names_whose_token_it_is_and_not_what_was_typed(client):
    code = await (await client.log_in("alice")).publish()
    assert (await enter(client, WANG, name="赵会计"))["status"] == 0
    assert (await client.get("/ops/me"))["name"] == "老王"
    await client.post("/ops/hide", code=code, hidden=1, reason="看看")
    assert (await enter(client, "open sesame", name="老王"))["status"] == 0
    await client.post("/ops/hide", code=code, hidden=0, reason="好了")
    log = (await client.get("/ops/log"))["data"]
    assert [(act["operator"], act["shared"]) for act in log] == [("老王", 1), ("老王", 0)]


async def test_operators_read_that_real_people_see_what_nobody_checked(client, context):
    await enter(client, LIN)
    assert (await client.get("/ops/me"))["off"] == ["messages"]
    context.settings = msgspec.structs.replace(context.settings, wechat_appid="wx1")
    assert (await client.get("/ops/me"))["off"] == ["messages", "checks"]


async def test_the_shared_token_asks_for_a_name_and_ones_own_does_not(client):
    for typed in ({}, {"name": "  "}):
        assert (await enter(client, "open sesame", **typed))["error"] == "bad_request"
    assert COOKIE not in client.http.cookies
    assert (await enter(client, LIN))["status"] == 0
    me = await client.get("/ops/me")
    assert (me["name"], me["role"], me["shared"], me["off"]) == ("小林", "look", 0, ["messages"])
    await operator(client)
    me = await client.get("/ops/me")
    assert (me["name"], me["role"], me["shared"]) == ("管理员", "money", 1)


ACTS: dict[str, dict[str, Any]] = {
    "/ops/end": {"code": "A" * 12},
    "/ops/hide": {"code": "A" * 12, "hidden": 1},
    "/ops/feature": {"code": "A" * 12, "featured": 1},
    "/ops/erase": {"code": "A" * 12, "depth": 0},
    "/ops/run": {"what": "rotate"},
    "/ops/signout": {"code": "A" * 12, "depth": 0},
    "/ops/ban": {"code": "A" * 12, "depth": 0, "days": 1},
    "/ops/unban": {"code": "A" * 12, "depth": 0},
    "/ops/decide": {"key": f"task:{'A' * 12}", "shown": 1},
    "/ops/disconnect": {"process": "0" * 12},
    "/ops/freeze": {"what": "task", "code": "A" * 12},
    "/ops/release": {"what": "task", "code": "A" * 12},
    "/ops/return": {"what": "task", "code": "A" * 12},
    "/ops/releaseRing": {"code": "A" * 12, "depth": 1, "seen_at": 1},
    "/ops/returnRing": {"code": "A" * 12, "depth": 1, "seen_at": 1},
    "/ops/winners": {"month": "2026-11"},
    "/ops/exportLog": {},
}


# Requests that are not acts: they change only the operator's own session.
READS = {"/ops/login", "/ops/logout", "/ops/search"}


async def test_who_may_only_look_is_refused_every_act_and_nothing_changes(client, context, alice, bob):
    code = await alice.publish(forecast_num=1)
    await bob.win(code)
    await enter(client, LIN)
    assert (await client.post("/ops/search", query="猫咪"))["status"] == 0
    described = (await client.http.get("/openapi.json")).json()["paths"]
    acts = {path for path, methods in described.items() if path.startswith("/ops/") and "post" in methods}
    assert acts - READS == set(ACTS)
    await context.background.finish()
    before = await everything(context)
    for path, body in ACTS.items():
        real = body | ({"code": code} if "code" in body else {})
        for asked in ({**real, "reason": "试试"}, {}):
            reply = await client.post(path, **asked)
            assert (reply["error"], reply["trace_id"] != "") == ("not_allowed", True), path
    await context.background.finish()
    assert await everything(context) == before


async def test_only_the_role_money_ends_a_red_packet(client, alice):
    goods, packet = await alice.publish(), await alice.publish_packet()
    await alice.pay(packet)
    await enter(client, WANG)
    assert (await client.post("/ops/end", code=packet, reason="试试"))["error"] == "not_allowed"
    for path in ("freeze", "release", "return"):
        refused = await client.post(f"/ops/{path}", what="task", code=packet, reason="试试")
        assert refused["error"] == "not_allowed"
    assert (await client.post("/ops/end", code=goods, reason="违规"))["status"] == 0
    await enter(client, ZHAO)
    assert (await client.post("/ops/end", code=packet, reason="违规"))["status"] == 0
    log = (await client.get("/ops/log"))["data"]
    assert [(act["operator"], act["target"]) for act in log] == [("赵会计", packet), ("老王", goods)]


async def test_a_token_that_was_taken_away_ends_its_sessions_and_no_others(client, context):
    cookies = []
    for token in (WANG, ZHAO):
        await enter(client, token)
        cookies.append({"Cookie": f"{COOKIE}={client.http.cookies[COOKIE]}"})
    client.http.cookies.clear()
    context.settings = read_settings({"OPS_TOKENS": f"赵会计:look:{ZHAO}"})
    assert (await client.get("/ops/log", cookies[0]))["error"] == "token_required"
    assert (await client.get("/ops/me", cookies[1]))["role"] == "look"
    assert (await enter(client, "open sesame", name="x"))["error"] == "bad_token"


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("小林", "name:role:token"),
        ("小林:look", "name:role:token"),
        ("小林:admin:secret", "name:role:token"),
        (":look:secret", "name:role:token"),
        ("小林:look:a:secret", "name:role:token"),
        (f"{'林' * 33}:look:secret", "32"),
        ("小林:look:secret,小林:act:other", "小林 twice"),
        ("小林:look:secret,老王:act:secret", "nobody else"),
        ("小林:look:shared", "nobody else"),
    ],
)
def test_a_bad_list_is_told_in_one_line_without_a_token(listed, said):
    with pytest.raises(BadSettings) as refused:
        read_settings({"OPS_TOKENS": listed, "OPS_TOKEN": "shared"})
    assert said in str(refused.value)
    assert "OPS_TOKENS" in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_production_takes_persons_in_place_of_the_shared_token_and_checks_each():
    good = {**PRODUCTION, "OPS_TOKEN": "", "OPS_TOKENS": f"小林:look:{PRODUCTION['OPS_TOKEN']}"}
    assert [(one.name, one.role) for one in read_settings(good).operators] == [("小林", "look")]
    with pytest.raises(BadSettings, match="the token of 老王 in OPS_TOKENS must have at least 24") as refused:
        read_settings({**good, "OPS_TOKENS": f"{good['OPS_TOKENS']},老王:act:{'weak' * 6}"})
    assert "weak" not in str(refused.value)
    assert "weak" not in repr(read_settings({"OPS_TOKENS": "小林:look:weak"}).operators)
