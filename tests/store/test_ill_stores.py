"""A MongoDB that is ill: it answers each read, each write or both with an error.

This is no bug of the server's: clients do not get "internal", and the log does not fill with tracebacks.
"""

from __future__ import annotations

import asyncio
import gc
import re
import threading
from typing import Any, NamedTuple, get_args

import pytest
from pymongo.errors import BulkWriteError, OperationFailure

from handlers.base import Interface
from handlers.digging.post_task import PostTask
from handlers.ops.screen import OPS_INTERFACES, OpsTask
from server.actions.digging.dig import digging_of, settle_pending
from server.app import INTERFACES
from server.running.leading import PERIODIC, WORKS
from server.settings import Settings
from server.store import is_unavailable, refused_reason
from server.store.agenda import Kind
from support.client import Client, Someone, a_picture
from support.operators import open_feed, operator
from support.wire.faulty import Fault, FaultyWire, interrupt, refuse
from support.wire.proxy import Link
from support.wire.rollback import WRITES

ILL = (1, 8, 37, 38, 39, 42, 94, 107, 172, 176, 208, 261, 264, 301, 371, 402, 407, 433, 449)
READING = frozenset({"find", "aggregate", "count", "distinct", "getMore"})
WRITING = frozenset(WRITES)
ILLNESSES: dict[str, tuple[frozenset[str], Fault]] = {
    "reads": (READING, refuse(1)),
    "writes": (WRITING, refuse(1)),
    "after the work": (WRITING, interrupt(1)),
    "all": (READING | WRITING, refuse(264, said="Too many open files")),
}
VALUES: dict[str, Any] = {
    "goods_type": 2,
    "name": "猫",
    "prize_num": 1,
    "forecast_num": 1000,
    "draw_type": 2,
    "cd": 60,
    "reason": "other",
    "page": 1,
    "wxname": "名字",
    "login_code": "x",
    "token": "a guess",
}


FEWEST_SILENT = {"reads": 40, "writes": 3, "after the work": 3, "all": 40}


class Answer(NamedTuple):
    """The answer of an interface."""

    status: int
    error: str


@pytest.fixture
def settings(settings: Settings, wire: FaultyWire) -> Settings:
    """MongoDB is behind the wire."""
    return wire.before(settings)


async def asked(client: Client, each: type[Interface], who: Someone, given: dict[str, Any]) -> Answer:
    """Call an interface with those of these values that it takes."""
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
    for each in sorted((*INTERFACES, *OPS_INTERFACES), key=lambda each: "logout" in each.path):
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
    assert {
        path: told for path, told in answers.items() if told.status == 500 or told.error == "internal"
    } == {}
    assert "never retrieved" not in said
    assert "\n    " not in said, said
    silent = [told.error for told in answers.values() if told.status == 503]
    assert len(silent) >= FEWEST_SILENT[illness], answers
    assert {*silent} <= {"unavailable", "outcome_unknown", ""}
    assert re.search(r"a store does not answer: (?:1: told to fail|264: Too many open files)\n", said)


@pytest.mark.parametrize("code", ILL)
def test_a_fault_of_the_store_itself_passes_and_is_told_to_who_checks_it(code):
    told = {"code": code, "errmsg": "Too many open files"}
    assert is_unavailable(OperationFailure("x", code, told))
    assert is_unavailable(BulkWriteError({"writeErrors": [told], "writeConcernErrors": []}))
    assert refused_reason(OperationFailure("x", code, told)) == f"{code}: Too many open files"


async def test_a_failure_that_nobody_waits_for_any_more_is_no_bug(context, wire, log):
    met, over = threading.Event(), threading.Event()

    def refuse_late(wire: FaultyWire, link: Link, request: bytes) -> None:
        met.set()
        over.wait(5)
        refuse(1)(wire, link, request)

    for command in READING:
        wire.next(command, refuse_late)
    waiting = asyncio.create_task(digging_of(context).used("A" * 12, "somebody", "a-dig"))
    assert await asyncio.to_thread(met.wait, 5)
    [asking] = [task for task in asyncio.all_tasks() if "in_turn" in repr(task)]
    waiting.cancel()
    await asyncio.wait([waiting])
    over.set()
    await asyncio.wait([asking])
    wire.calm()
    del asking, waiting
    gc.collect()
    assert "never retrieved" not in log.getvalue()


async def test_a_dig_that_an_ill_store_does_not_write_down_stays_pending_in_a_line(
    context, wire, log, alice, bob
):
    code = await alice.publish(cd=60)
    await bob.get("/getMyInfo")
    wire.next("update", refuse(1), "digs", times=2)
    assert (await bob.dig(code))["status"] == 0
    await context.background.finish()
    await context.store.tasks.collection.update_one({"_id": code}, {"$inc": {"last_dig.at": -5000}})
    await settle_pending(context)
    assert re.search(rf"dig {code}:1 stays pending: 1: told to fail\n", log.getvalue())
    await settle_pending(context)
    assert await context.store.digs.collection.count_documents({"code": code}) == 1
