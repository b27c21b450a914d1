"""Runs that operators start at the screen and the leader carries out: each is done, and only once."""

import asyncio
import json
from typing import Any
from unittest import mock

import pytest
from pymongo.errors import ConnectionFailure

from server.actions import alone as leasing
from server.actions import runs as running
from server.actions.alone import Busy, alone, erasure_of
from server.actions.command_line import logged
from server.actions.people import erase as erasing
from server.actions.people.whom import Whom
from server.actions.runs import UNDER_WAY, ask_erasure, ask_run, do_runs
from server.context import Context
from server.security.keys import Keys
from server.store.audit_log import Actor
from server.store.leases import Leases
from server.store.runs import Run, Runs
from support.client import Client, Someone
from support.leading import lead, let_the_lease_end
from support.operators import operator
from support.purse import all_documents, find, put_back
from support.writes import Written

OLD = "the secret of before: 32 characters or more"
NEW = "the secret of after: 32 characters or more"


ENVIRONMENT = {"SECRET_KEYS": f"{NEW},{OLD}"}


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the waits of an erasure: in these tests the person has no running request."""
    monkeypatch.setattr(erasing, "UNDER_WAY_SECONDS", 0.0)
    monkeypatch.setattr(leasing, "RENEW_SECONDS", 0.05)
    monkeypatch.setattr(leasing, "AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(running, "LOOK_SECONDS", 0.05)


async def a_bob(client: Client, context: Context) -> tuple[Someone, str]:
    """Let Bob dig once; return him and the task, whose seed is sealed under the old secret."""
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish(forecast_num=100_000)
    await bob.dig(code)
    await context.background.finish()
    await context.database.look()
    await context.store.meta.note_sealing(context.database.identity, context.keys.fingerprint, 600_000)
    seed = context.keys.open("seed", await context.store.tasks.seed_box(code), code)
    old = Keys(OLD.encode()).seal("seed", seed, code)
    await context.store.tasks.rows.update_one({"_id": code}, {"$set": {"seed_box": old}})
    await operator(client)
    return bob, code


async def the_run(context: Context) -> dict[str, Any]:
    [run] = await context.store.runs.newest(10)
    return dict(run)


async def outcomes(context: Context) -> list[tuple[str, str]]:
    """Return the log's entries about runs, oldest first."""
    acts = await find(context, "audit_log")
    return [(act["act"], act["outcome"]) for act in acts if act["act"].startswith("run_")]


@pytest.mark.parametrize("what", ["rotate", "release", "forget"])
@pytest.mark.gen_test(timeout=120)
async def test_killed_after_any_write_a_run_comes_to_its_end(client, context, monkeypatch, what):
    bob, code = await a_bob(client, context)
    asked = {"code": code, "depth": 1} if what == "forget" else {"what": what}
    path = "/ops/erase" if what == "forget" else "/ops/run"
    asking, doing = Written(context, monkeypatch), Written(context, monkeypatch)
    await asking.note(client.post(path, **asked, reason="本人要求"))
    await doing.note(lead(context))

    async def ended() -> None:
        assert await outcomes(context) == [(f"run_{what}", "done")]
        run = await the_run(context)
        assert (run["outcome"], run["operator"], run["reason"]) == ("done", "管理员", "本人要求")
        assert run["said"]
        found = {name: rows for name, rows in (await all_documents(context)).items() if "sandbox" not in name}
        names = bob.unionid in json.dumps(found, default=str)
        assert names == (what != "forget")
        assert not [lease for lease in found["leases"] if lease["_id"] != "leader" and lease["until"]]
        secrets = {task["seed_box"]["key"] for task in found["tasks"]}
        assert (secrets == {context.keys.fingerprint}) == (what == "rotate")

    await ended()
    begun = [left for left in asking.left if left.get("runs")]
    assert begun
    # Only some of the kills during the run are tried. For an erasure, test_erasure.py tries all of them.
    some = [*doing.left[:3], *doing.left[3:-4:6], *doing.left[-4:]]
    for left in [*begun, *some]:
        await put_back(context, left)
        await let_the_lease_end(context)
        await lead(context)
        await ended()
    # After a kill before the run is recorded, nothing has begun, and the run can be asked for again.
    before = [left for left in asking.left if not left.get("runs") and left.get("audit_log")]
    await put_back(context, before[-1])
    assert (await client.post(path, **asked, reason="本人要求"))["status"] == 0
    assert await outcomes(context) == [(f"run_{what}", "begun")] * 2


async def test_a_run_waits_for_the_commands_own_and_the_command_refuses_beside_it(
    client, context, monkeypatch
):
    await a_bob(client, context)
    store, acquire, tried = context.store, Leases.acquire, asyncio.Event()

    async def acquiring(leases: Leases, name: str, holder: str, lasts_ms: int) -> Any:
        lease = await acquire(leases, name, holder, lasts_ms)
        if lease["holder"] != holder:
            tried.set()
        return lease

    monkeypatch.setattr(Leases, "acquire", acquiring)
    async with logged(store, "rotate", context.keys.fingerprint, lease="rotate"):
        assert (await client.post("/ops/run", what="rotate", reason="换密钥"))["status"] == 0
        again = await client.post("/ops/run", what="rotate", reason="换密钥")
        assert again["msg"] == "已经在进行，请等它结束"
        doing = asyncio.ensure_future(do_runs(context))
        await tried.wait()
        assert "outcome" not in await the_run(context)
    await doing
    told = (await client.get("/ops/runs"))["data"][0]
    assert (told["outcome"], told["done"], told["total"]) == ("done", 1, 1)
    assert told["said"] == [["sealed", "seed", "1", Keys(OLD.encode()).fingerprint]]
    async with alone(store, "rotate"):
        with pytest.raises(Busy, match="rotate runs at this moment"):
            async with logged(store, "rotate", lease="rotate"):
                pytest.fail("it ran beside another")
    assert await outcomes(context) == [("run_rotate", each) for each in ("done", "done", "refused")]


async def test_of_two_who_ask_at_once_one_begins_a_run_and_the_other_is_refused(client, context, other):
    _, code = await a_bob(client, context)
    met, unfinished = asyncio.Barrier(2), Runs.unfinished

    async def met_there(runs: Runs) -> list[Run]:
        found = await unfinished(runs)
        await met.wait()
        return found

    async def ask(where: Context, what: str) -> None:
        actor = Actor("管理员", shared=False)
        if what == "forget":
            await ask_erasure(where, actor, Whom(code, 1), "本人要求")
        else:
            await ask_run(where, actor, what, "要做")  # type: ignore[arg-type]

    with mock.patch.object(Runs, "unfinished", met_there):
        for what in ("rotate", "release", "forget"):
            asked = (ask(each, what) for each in (context, other))
            told = await asyncio.gather(*asked, return_exceptions=True)
            assert sorted(map(str, told)) == ["None", f"bad_request: {UNDER_WAY}"], what
    await do_runs(context)
    assert sorted(await outcomes(context)) == [
        (f"run_{what}", outcome)
        for what in ("forget", "release", "rotate")
        for outcome in ("bad_request", "done")
    ]
    assert len(await context.store.runs.newest(10)) == 3


async def test_of_two_leaders_one_does_a_run_and_once(client, context, monkeypatch):
    await operator(client)
    done: list[str] = []

    async def release(*_: Any) -> str:
        done.append("once")
        await asyncio.sleep(0)
        return "done"

    monkeypatch.setitem(running._WORKS, "release", release)  # type: ignore[attr-defined]
    await client.post("/ops/run", what="release", reason="缺索引")
    await asyncio.gather(do_runs(context), do_runs(context))
    assert done == ["once"]
    assert await outcomes(context) == [("run_release", "done")]


async def test_a_run_that_fails_at_once_is_done_again_after_a_pause(client, context, monkeypatch):
    await operator(client)
    await client.post("/ops/run", what="release", reason="缺索引")
    find_unfinished, begun_at = context.store.runs.find_unfinished, list[float]()

    async def failing(key: str) -> Any:
        begun_at.append(asyncio.get_running_loop().time())
        if len(begun_at) < 3:
            raise ConnectionFailure("it does not answer")
        return await find_unfinished(key)

    monkeypatch.setattr(context.store.runs, "find_unfinished", failing)
    await do_runs(context)
    assert await outcomes(context) == [("run_release", "done")]
    assert len(begun_at) == 3
    assert begun_at[2] - begun_at[0] >= running.LOOK_SECONDS


async def test_what_stops_a_run_is_said_and_changes_nothing(client, context, monkeypatch):
    bob, code = await a_bob(client, context)
    assert (await client.post("/ops/erase", code=code, depth=0, reason="本人要求"))["status"] == 0
    theirs = Keys(b"a secret of another process, 32 or more").fingerprint
    await context.store.meta.rows.update_one({"_id": "database"}, {"$set": {"keys": {theirs: 1}}})
    assert (await client.post("/ops/run", what="rotate", reason="换密钥"))["status"] == 0
    shown = await client.get("/ops/runs")
    assert (shown["sealing"][0], shown["older"]) == (context.keys.fingerprint, [theirs])
    await do_runs(context)
    rotation, erasure = (await client.get("/ops/runs"))["data"]
    assert rotation["said"] == [["other_first", theirs, context.keys.fingerprint]]
    assert erasure["said"] == [["need_runs", code, "", "0"]]
    assert (rotation["outcome"], erasure["outcome"]) == ("refused", "refused")
    assert await outcomes(context) == [("run_forget", "refused"), ("run_rotate", "refused")]
    assert (await (await client.log_in("alice")).get("/getMyInfo"))["release_num"] == 1
    assert bob.id not in erasure_of(bob.id)
    monkeypatch.setattr(running, "SAID_LINES", 1)
    for _ in range(2):
        await (await client.log_in("alice")).publish(forecast_num=100_000)
    assert (await client.post("/ops/erase", code=code, depth=0, reason="本人要求"))["status"] == 0
    await do_runs(context)
    need, more = (await context.store.runs.newest(1))[0]["said"]
    assert (need[0], more) == ("need_runs", ["more", "2"])


async def test_who_lost_the_lease_is_stopped(context):
    async def work() -> None:
        async with alone(context.store, "rotate"):
            await context.store.leases.rows.update_one({"_id": "run:rotate"}, {"$set": {"holder": "another"}})
            await asyncio.Event().wait()

    with pytest.raises(Busy, match="taken it over"):
        await work()
    lease = await context.store.leases.collection.find_one({"_id": "run:rotate"})
    assert lease["holder"] == "another"
