"""The audit log: searched by operator, act, subject and time; with names, and as a table of any length."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from handlers.ops import log
from server.store import audit_log
from server.store.audit_log import AuditLog, Wanted
from support.client import Client
from support.planner import without_index

LOOK, ACT = "lin's own token", "wang's own token"
HOUR_MS = 3_600_000


ENVIRONMENT = {"OPS_TOKENS": f"小林:look:{LOOK},老王:act:{ACT}"}


def an_act(at: int, **more: Any) -> dict[str, Any]:
    plain = {"operator": "小林", "act": "hide", "target": "x", "reason": "", "outcome": "done", "shared": 0}
    return {"at": at, **plain, **more}


async def read(client: Client, **wanted: Any) -> list[dict[str, Any]]:
    reply = await client.get("/ops/log", **wanted)
    assert reply["status"] == 0, reply
    found: list[dict[str, Any]] = reply["data"]
    return found


async def test_the_log_names_people_and_treasures_and_is_found_by_each_of_its_fields(client, context):
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish(name="机械键盘", forecast_num=100_000)
    await bob.dig(code)
    await client.post("/ops/login", token=ACT)
    await client.post("/ops/hide", code=code, hidden=1, reason="看看")
    await client.post("/ops/hide", code=code, hidden=0, reason="好了")
    await client.post("/ops/ban", code=code, depth=1, days=1, reason="捣乱")
    ban, shown, hidden = await read(client)
    assert [(act["name"], act["depth"], act["wxname"]) for act in (ban, shown, hidden)] == [
        *(("机械键盘", 1, "bob"), ("机械键盘", 0, ""), ("机械键盘", 0, ""))
    ]
    number = ban["key"].removeprefix("person:")
    assert (await client.get("/ops/person", key=ban["key"]))["wxname"] == "bob"
    other = an_act(1, operator="小林", act="unban", target=f"person:{number}", person=number)
    await context.store.audit_log.rows.insert_one(other)
    for wanted, acts in (
        ({"operator": "老王"}, ["ban", "show", "hide"]),
        ({"operator": "小林"}, ["unban"]),
        ({"act": "ban"}, ["ban"]),
        ({"about": code}, ["ban", "show", "hide"]),
        ({"about": number}, ["ban", "unban"]),
        ({"since": hidden["at"], "until": ban["at"]}, ["show", "hide"]),
        ({"operator": "老王", "act": "hide", "about": code, "since": 1}, ["hide"]),
        ({"operator": ".*"}, []),
        ({"about": "C" * 16}, []),
    ):
        assert [act["act"] for act in await read(client, **wanted)] == acts, wanted
    for wrong in (
        {"about": "x"},
        {"act": "$ne"},
        {"since": -1},
        {"since": 2, "until": 2},
        {"operator": "长" * 65},
    ):
        assert (await client.get("/ops/log", **wrong))["error"] == "bad_request", wrong


async def test_pages_of_the_log_miss_nothing_and_cost_no_trip_per_act(trips, client, context, monkeypatch):
    monkeypatch.setattr(audit_log, "TURN", 7)
    monkeypatch.setattr(log, "SHOWN_ACTS", 20)
    now_ms = context.clock.now_ms()
    times = (
        [now_ms - n // 3 for n in range(50)] + [now_ms - n * n * HOUR_MS for n in range(10, 20)] + [5] * 30
    )
    await context.store.audit_log.rows.insert_many([an_act(at, target=f"{n}") for n, at in enumerate(times)])
    await client.post("/ops/login", token=LOOK)
    found: list[dict[str, Any]] = []
    more, until = 1, 0
    while more:
        reply = await client.get("/ops/log", until=until)
        found, more, until = found + reply["data"], reply["more"], reply["data"][-1]["at"]
    assert sorted(int(act["target"]) for act in found) == list(range(90))
    assert [act["at"] for act in found] == sorted(times, reverse=True)
    monkeypatch.undo()
    code = "A" * 12
    named = [an_act(now_ms, code=code, target=code, person=f"{n:016}") for n in range(200)]
    await context.store.audit_log.rows.insert_many(named)
    trips.sent.clear()
    assert len(await read(client)) >= 200
    assert len(trips.sent) < 10, trips.sent


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(1, 2),
        Wanted(1, 2, operator="小林"),
        Wanted(1, 2, act="ban", operator="小林"),
        Wanted(1, 2, code="A" * 12, act="ban"),
        Wanted(1, 2, person="B" * 16),
    ],
)
def test_each_filter_of_the_log_reads_an_index_in_its_order(wanted):
    condition = {**wanted.condition(), "at": {"$gte": 1, "$lt": 2}}
    query = {"find": "audit_log", "filter": condition, "sort": {"at": -1}}
    name = f"by_{next(iter(wanted.condition()))}" if wanted.condition() else "newest"
    own = [index for index in AuditLog.INDEXES if index.document["name"] == name]
    assert list(without_index(query, {"audit_log": own})) == []


async def test_the_log_is_exported_without_formulas_and_the_export_is_logged(client, context):
    for n, reason in enumerate(("=1+1", "+1", "-1", "@x", "\t=1", "好")):
        await context.store.audit_log.rows.insert_one(an_act(n + 1, reason=reason, operator="=老王"))
    await client.post("/ops/login", token=LOOK)
    assert (await client.post("/ops/exportLog", reason="查账"))["error"] == "not_allowed"
    await client.post("/ops/login", token=ACT)
    assert (await client.post("/ops/exportLog"))["error"] == "bad_request"
    found = await client.http.post("/ops/exportLog", json={"reason": "查账", "until": 100})
    assert found.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(found.content.decode("utf-8-sig"))))
    assert [row["理由"] for row in rows] == ["好", "'\t=1", "'@x", "'-1", "'+1", "'=1+1"]
    assert {row["操作人"] for row in rows} == {"'=老王"}
    [act] = await read(client, act="export_log")
    assert (act["operator"], act["reason"], act["outcome"]) == ("老王", "查账", "done")
