"""A MongoDB that is ill or silent: clients are told so, no dig is made twice, and the log stays short.

An ill MongoDB answers each read, each write or both with an error. This is no bug of the server. So clients
do not get "internal", and the log does not fill with tracebacks.
"""

import asyncio
import gc
import re
import threading
from typing import Any, NamedTuple, get_args

import pytest
from pymongo.errors import AutoReconnect, BulkWriteError, OperationFailure
from tornado.log import app_log
from tornado.testing import ExpectLog

from handlers.base import Interface
from handlers.digging.post_task import PostTask
from handlers.ops.screen import OpsTask
from server.actions.digging.dig import settle_pending
from server.game.dig import Dig
from server.leading.work import PERIODIC, WORKS
from server.settings import Settings
from server.store import is_unavailable, refused_reason
from server.store.agenda import Kind
from server.store.digging.digs import Digs
from server.store.digging.tasks import View
from support.client import Client, Someone, a_picture
from support.interfaces import ALL
from support.invariants import check_history
from support.operators import open_feed, operator
from support.wire.faulty import Fault, FaultyWire, interrupt, lose_reply, refuse
from support.wire.proxy import Link
from support.wire.rollback import WRITES

ILL = (1, 8, 37, 38, 39, 42, 94, 96, 107, 172, 176, 208, 261, 264, 301, 371, 402, 407, 433, 449)
READING = frozenset({"find", "aggregate", "count", "distinct", "getMore"})
WRITING = frozenset(WRITES)
ILLNESSES: dict[str, tuple[frozenset[str], Fault]] = {
    "writes": (WRITING, refuse(1)),
    "after the work": (WRITING, interrupt(1)),
    "all": (READING | WRITING, refuse(264, said="Too many open files")),
    "denials": (READING | WRITING, refuse(13, said="not authorized")),
}
GOODS = {"goods_type": 2, "name": "猫", "prize_num": 1, "forecast_num": 1000, "draw_type": 2, "cd": 60}
VALUES = {"reason": "other", "page": 1, "wxname": "名字", "login_code": "x", "token": "a guess", **GOODS}


FEWEST_SILENT = {"writes": 3, "after the work": 3, "all": 38, "denials": 38}


class Answer(NamedTuple):
    """The HTTP status and the `error` of a reply."""

    status: int
    error: str


@pytest.fixture
def settings(settings: Settings, wire: FaultyWire) -> Settings:
    """MongoDB is behind the wire."""
    return wire.before(settings)


async def asked(client: Client, each: type[Interface], who: Someone, given: dict[str, Any]) -> Answer:
    """Call an interface; of the values in `given`, send those that it takes."""
    names = {name for taken in each.takes for name in taken.__struct_fields__}
    values = {name: value for name, value in given.items() if name in names}
    if each.takes_files:
        body: dict[str, Any] = {"data": {"unionid": who.unionid}, "files": {"file": ("x.jpg", a_picture())}}
    else:
        body = {"params": values} if each.method == "GET" else {"json": values}
    headers = {"Authorization": f"Bearer {who.token}"}
    found = await client.http.request(each.method, each.path, headers=headers, **body)
    told = found.json() if found.headers["Content-Type"].startswith("application/json") else {}
    return Answer(found.status_code, told.get("error", ""))


@pytest.mark.parametrize("illness", ILLNESSES)
@pytest.mark.gen_test(timeout=120)
async def test_no_interface_of_an_ill_store_answers_500_or_logs_a_traceback(
    client, context, settings, wire, log, open_page, illness, alice, bob
):
    http = await operator(client)
    code = await alice.publish(cd=60)
    given = {**VALUES, "unionid": bob.unionid, "url": (await bob.upload(a_picture()))["url"]}
    await context.background.finish()
    commands, fault = ILLNESSES[illness]
    wire.fall_ill(commands, fault)
    answers = {"publishing": await asked(client, PostTask, bob, given)}
    given["code"] = code
    for each in sorted(ALL, key=lambda each: "logout" in each.path):
        answers[each.path] = await asked(client, each, bob, given)
        if each is OpsTask and commands == WRITING:
            (await open_feed(http, settings)).close()
    for path in (given["url"], "/metrics", "/readyz", "/healthz", "/", f"/miniProgramCode?code={code}"):
        answers[path] = Answer((await client.http.get(path)).status_code, "")
    (await open_page(bob, code)).connection.close()
    for _, work in WORKS:
        context.background.spawn(work(context, frozenset(get_args(Kind))))
    for repeated, _ in PERIODIC:
        context.background.spawn(repeated(context))  # type: ignore[arg-type]
    await context.background.finish()
    wire.calm()
    gc.collect()
    await asyncio.sleep(0)
    said = log.getvalue()
    bugs = {path: told for path, told in answers.items() if told.status == 500 or told.error == "internal"}
    assert bugs == {}
    assert "never retrieved" not in said
    assert "\n    " not in said, said
    silent = [told.error for told in answers.values() if told.status == 503]
    assert len(silent) >= FEWEST_SILENT[illness], answers
    assert {*silent} <= {"unavailable", "outcome_unknown", ""}
    (line,) = [line for line in said.splitlines() if "told to fail" in line or "does not answer" in line]
    why = "1: told to fail|264: Too many open files|13: not authorized"
    assert re.search(f" a store does not answer: ({why})$", line)


@pytest.mark.parametrize("code", ILL)
def test_a_fault_of_the_store_itself_passes_and_is_told_to_who_checks_it(code):
    told = {"code": code, "errmsg": "Too many open files"}
    assert is_unavailable(OperationFailure("x", code, told))
    assert is_unavailable(BulkWriteError({"writeErrors": [told], "writeConcernErrors": []}))
    assert refused_reason(OperationFailure("x", code, told)) == f"{code}: Too many open files"


async def test_a_failure_that_nobody_waits_for_any_more_is_no_bug(context, wire, log):
    met = threading.Event()
    over = threading.Event()

    def refuse_late(wire: FaultyWire, link: Link, request: bytes) -> None:
        met.set()
        over.wait(5)
        refuse(1)(wire, link, request)

    for command in READING:
        wire.next(command, refuse_late)
    waiting = asyncio.create_task(context.digging.dig_id_is_used("A" * 12, "somebody", "a-dig"))
    assert await asyncio.to_thread(met.wait, 5)
    [asking] = [task for task in asyncio.all_tasks() if "answered" in repr(task)]
    waiting.cancel()
    await asyncio.wait([waiting])
    over.set()
    await asyncio.wait([asking])
    wire.calm()
    del asking, waiting
    gc.collect()
    assert "never retrieved" not in log.getvalue()


async def publisher_and_digger(client: Client) -> tuple[Someone, Someone]:
    alice, bob = await client.log_in_all("alice", "bob")
    await bob.get("/getMyInfo")
    return alice, bob


async def test_a_repeated_dig_is_told_so_even_if_a_new_primary_knew_it_late(client, context, monkeypatch):
    alice, bob = await publisher_and_digger(client)
    code = await alice.publish(cd=0, forecast_num=1000)
    view = context.store.tasks.view
    before = await view(code, bob.id, "bobs-dig-1")
    assert (await bob.dig(code, dig_id="bobs-dig-1"))["repeated"] == 0
    after = await view(code, bob.id, "bobs-dig-1")
    views = [View(**before | {"now": after["now"]})]

    async def late_view(*asked: str) -> View | None:
        return views.pop() if views else await view(*asked)

    monkeypatch.setattr(context.store.tasks, "view", late_view)
    reply = await bob.dig(code, dig_id="bobs-dig-1")
    assert not views
    assert (reply["status"], reply["now_depth"], reply["repeated"]) == (0, 1, 1)
    assert len(await check_history(context, code)) == 1


async def test_a_dig_stays_pending_until_it_is_in_the_history(client, context, monkeypatch):
    alice, bob = await publisher_and_digger(client)
    code = await alice.publish(forecast_num=100_000, cd=0)
    insert = Digs.write
    refused: list[str] = []

    async def away_at_first(digs: Digs, dig: Dig) -> None:
        if not refused:
            refused.append(dig["_id"])
            raise AutoReconnect("gone")
        await insert(digs, dig)

    monkeypatch.setattr(Digs, "write", away_at_first)
    reply = await bob.dig(code)
    assert (reply["status"], reply["now_depth"], refused) == (0, 1, [f"{code}:1"])
    await context.background.finish()
    task = await context.store.tasks.get(code)
    assert task["pending"] == 1
    assert [user["no"] for user in (await bob.get("/getTaskDetails", code=code))["users"]] == [1]
    assert (await bob.dig(code))["now_depth"] == 2
    await context.background.finish()
    assert [dig["depth"] for dig in await check_history(context, code)] == [1, 2]
    assert await context.store.digs.collection.count_documents({"code": code}) == 2


async def test_a_task_drawn_together_whose_insert_was_not_confirmed_is_published_once(client, context, wire):
    alice, _ = await publisher_and_digger(client)
    asked = await alice.draft()
    # The sealed seed takes the place of `publish_id`.
    half = {"sealed_seed": (await alice.get("/commitment"))["sealed_seed"], "nonce": "ab" * 16}
    wire.next("insert", lose_reply)
    unknown, reply = [await alice.post("/postTask", **asked, **half) for _ in range(2)]
    assert (unknown["error"], reply["status"], wire.done) == ("outcome_unknown", 0, ["insert"])
    assert [task["_id"] async for task in context.store.tasks.collection.find({})] == [reply["code"]]


async def test_one_pending_dig_that_cannot_be_mended_keeps_no_others_waiting(client, context, monkeypatch):
    alice, bob = await publisher_and_digger(client)
    codes = [await alice.publish(forecast_num=100_000, cd=0) for _ in range(2)]
    for code in codes:
        await bob.dig(code)
    await context.background.finish()
    await context.store.digs.collection.delete_many({})
    await context.store.tasks.collection.update_many({}, {"$set": {"pending": 1, "last_dig.at": 0}})
    insert = Digs.write

    async def one_is_broken(digs: Digs, dig: Dig) -> None:
        if dig["code"] == codes[0]:
            raise ValueError("cannot be mended")
        await insert(digs, dig)

    monkeypatch.setattr(Digs, "write", one_is_broken)
    with ExpectLog(app_log, "settling a dig failed"):
        await settle_pending(context)
    assert [dig["code"] async for dig in context.store.digs.collection.find({})] == [codes[1]]
