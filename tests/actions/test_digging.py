"""Digging over HTTP: who may dig, the reply, and the state afterwards."""

from __future__ import annotations

import asyncio

import msgspec

from server.actions.digging.dig import dig, digging_of, settle_pending
from server.game import draw
from server.game.dig import Dig
from support.client import Someone, admit
from support.invariants import check_history
from support.meanwhile import meanwhile


async def test_a_task_is_dug_to_its_end_and_its_proof_holds(client, context, alice, bob):
    code = await alice.publish(prize_num=1, forecast_num=5)
    details = await bob.get("/getTaskDetails", code=code)
    assert (details["now_depth"], details["is_cd"], details["can_dig"], details["max_depth"]) == (0, 0, 1, 5)
    assert (await client.get("/getProof", code=code))["error"] == "not_ended"
    for depth in range(1, 6):
        reply = await bob.dig(code)
        assert (reply["now_depth"], reply["seq"], reply["no"], reply["joined"]) == (
            depth,
            depth,
            1,
            int(depth == 1),
        )
        if reply["is_prize"]:
            break
    assert (reply["is_prize"], reply["task_status"], reply["prizes_left"], reply["time"]) == (1, 1, 0, 0)
    assert (await alice.dig(code))["error"] == "ended"
    await check_history(context, code)
    proof = await client.get("/getProof", code=code)
    assert proof["commitment"] == details["commitment"]
    assert proof["winning_depths"] == [reply["now_depth"]]
    assert draw.differences(msgspec.convert(proof, draw.Proof), details["commitment"]) == []
    ended = await bob.get("/getTaskDetails", code=code)
    assert (ended["is_prize"], ended["data"]["status"], ended["end_reason"], ended["why"]) == (
        1,
        1,
        "prizes_gone",
        "ended",
    )


async def test_during_a_cooldown_others_are_told_how_long_it_runs(alice, bob, carol):
    code = await alice.publish(cd=60, forecast_num=40_000, prize_num=2, interval=400, fluctuation=0)
    first = await bob.dig(code)
    assert (first["is_cd"], first["time"]) == (1, 60)
    for asked in ({}, {"dig_id": "carols-first"}):
        refused = await carol.dig(code, **asked)
        assert refused["error"] == "cooling_down"
        assert (refused["is_cd"], refused["cd_until"]) == (1, first["cd_until"])
        assert 0 < refused["time"] <= 60
        assert str(refused["time"]) in refused["msg"]
    seen = await carol.get("/getTaskDetails", code=code)
    assert (seen["is_cd"], seen["cd_until"], seen["can_dig"], seen["why"]) == (
        1,
        first["cd_until"],
        0,
        "cooling_down",
    )
    assert [user["no"] for user in seen["users"]] == [1]


async def test_the_maker_of_the_last_dig_who_asks_again_gets_its_reply(context, alice, bob):
    code = await alice.publish(cd=60, forecast_num=40_000)
    first = await bob.dig(code)
    again = await bob.dig(code)
    assert (first["repeated"], again["repeated"]) == (0, 1)
    same = ["is_prize", "wxname", "wxheadpic", "cd_until", "now_depth", "seq", "no", "joined", "prizes_left"]
    assert [again[name] for name in same] == [first[name] for name in same]
    await check_history(context, code)


async def test_the_same_dig_id_always_gets_the_same_reply(context, alice, bob, carol):
    code = await alice.publish(forecast_num=2, prize_num=1)
    first = await bob.dig(code, dig_id="bobs-dig-1")
    second = await carol.dig(code, dig_id="bobs-dig-1")  # another person's id is another dig
    again = await bob.dig(code, dig_id="bobs-dig-1")
    assert again["repeated"] == 1
    assert (again["now_depth"], again["is_prize"], again["no"]) == (1, first["is_prize"], 1)
    assert second.get("now_depth") == (2 if not first["is_prize"] else None)
    await check_history(context, code)


async def test_refusals_name_the_first_reason_in_order(client, alice, bob):
    code = await alice.publish(cd=0)
    red_packet = (
        await alice.post("/postTask", goods_type=1, name="红包", prize_num=1, forecast_num=5, money=2, cd=0)
    )["code"]
    assert (await alice.dig(code))["error"] == "own_task"
    assert (await bob.dig("A" * 12))["error"] == "no_such_task"
    assert (await bob.dig("short"))["error"] == "bad_request"
    assert (await bob.dig(red_packet))["error"] == "not_paid"
    stranger = Someone(client, "nobody", "", {}, send_token=False)
    assert (await stranger.dig(code))["error"] == "not_logged_in"
    forged = Someone(client, bob.unionid, alice.token, {})
    assert (await forged.dig(code))["error"] == "bad_token"
    await bob.lock()
    bare = Someone(client, bob.unionid, "", {}, send_token=False)
    assert (await bare.dig(code))["error"] == "token_required"


async def test_a_publisher_is_told_that_it_is_their_own_task_also_in_a_cooldown(context, alice, bob, carol):
    code = await alice.publish(cd=60, forecast_num=40_000)
    await bob.dig(code)
    assert (await alice.dig(code))["error"] == "own_task"  # this process has read the task
    assert (await carol.dig(code, dig_id="carols-dig-1"))["error"] == "cooling_down"
    # A process that only heard of the dig does not read the task.
    del context.made[digging_of]
    assert (await alice.dig(code))["error"] == "cooling_down"
    context.hub.cooldowns.forget(code)  # as in a process that did not hear of the dig
    assert (await alice.dig(code))["error"] == "own_task"


async def test_a_winner_cannot_dig_again(context, alice, bob):
    code = await alice.publish(prize_num=2, forecast_num=2, interval=1, fluctuation=0)
    assert (await bob.dig(code))["is_prize"] == 1
    assert (await bob.dig(code))["error"] == "already_won"
    details = await bob.get("/getTaskDetails", code=code)
    assert (details["is_cd"], details["time"], details["can_dig"], details["why"]) == (
        1,
        10,
        0,
        "already_won",
    )
    assert (await bob.get("/getTaskList"))["data"][0]["is_cd"] == 0
    await check_history(context, code)


async def test_two_hundred_requests_at_one_instant_make_one_dig(client, context, alice):
    people = await client.log_in_all(*(f"digger{k}" for k in range(10)))
    code = await alice.publish(cd=60, forecast_num=40_000)
    replies = await asyncio.gather(*(person.dig(code) for person in people for _ in range(20)))
    fresh = [reply for reply in replies if reply["status"] == 0 and not reply["repeated"]]
    assert len(fresh) == 1
    assert all(reply["error"] == "cooling_down" for reply in replies if reply["status"])
    assert len(await check_history(context, code)) == 1


async def test_two_processes_racing_without_a_cooldown_dig_no_depth_twice(client, context, other, alice):
    people = await client.log_in_all(*(f"digger{k}" for k in range(6)))
    code = await alice.publish(cd=0, forecast_num=100_000)

    dug = await asyncio.gather(
        *(dig(where, code, who.unionid, "", admit) for who in people for where in (context, other))
    )
    assert sorted(each.dig["depth"] for each in dug) == list(range(1, 13))
    await check_history(context, code)


async def test_two_processes_racing_make_one_dig_per_window(client, context, other, alice):
    people = await client.log_in_all(*(f"digger{k}" for k in range(6)))
    code = await alice.publish(cd=60, forecast_num=40_000)
    turns = zip(people, [context, other] * 3, strict=True)
    digs = [dig(where, code, who.unionid, "", admit) for who, where in turns]
    made = await asyncio.gather(*digs, return_exceptions=True)
    assert sorted(getattr(each, "error", "dug") for each in made) == [*["cooling_down"] * 5, "dug"]
    await check_history(context, code)


async def test_a_name_that_looks_like_a_field_is_only_a_name(client, alice):
    dollar = await client.log_in("dollar", nickname="$seed_box")
    code = await alice.publish(name="$seed_box", wxname="$$ROOT", forecast_num=100)
    reply = await dollar.dig(code)
    assert reply["wxname"] == "$seed_box"
    details = await alice.get("/getTaskDetails", code=code)
    assert (details["name"], details["wxname"]) == ("$seed_box", "$$ROOT")
    assert details["users"][0]["wxname"] == "$seed_box"


async def test_a_dig_that_is_not_yet_in_the_history_counts_everywhere(client, context, alice, bob):
    """A process that is killed right after the conditional update leaves this state."""
    code = await alice.publish(cd=0, forecast_num=100, prize_num=2, interval=50, fluctuation=0)
    await bob.dig(code)
    await context.background.finish()
    await context.store.digs.collection.delete_one({"_id": f"{code}:1"})
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"pending": 1}})
    info = await bob.get("/getMyInfo")
    assert (info["digging_num"], info["partake_num"]) == (1, 1)
    assert [task["code"] for task in (await bob.get("/getMyPartake"))["data"]] == [code]
    assert [user["no"] for user in (await bob.get("/getTaskUser", code=code, page=1))["data"]] == [1]
    await context.store.tasks.collection.update_one({"_id": code}, {"$inc": {"last_dig.at": -2000}})
    await settle_pending(context)
    assert await context.store.digs.collection.count_documents({"code": code}) == 1
    assert (await context.store.tasks.collection.find_one({"_id": code})).get("pending") is None
    carol = await client.log_in("carol")
    assert (await carol.dig(code))["no"] == 2
    await check_history(context, code)


async def test_mongodb_itself_refuses_a_dig_in_a_cooldown(context, alice, bob):
    """A process that read the task before the last dig does not know of its cooldown."""
    code = await alice.publish(cd=60, forecast_num=40_000)
    await bob.dig(code, dig_id="bobs-dig-1")
    tasks = context.store.tasks
    task = await tasks.find(code)
    second = Dig(**{**task["last_dig"], "_id": f"{code}:2", "depth": 2, "dig_id": "late"})  # type: ignore[typeddict-item]
    assert await tasks.record_dig(second, 60_000) is None
    after = await tasks.find(code)
    assert (after["now_depth"], after["last_dig"]) == (1, task["last_dig"])
    await tasks.collection.update_one({"_id": code}, {"$set": {"cd_until": 1}})
    recorded = await tasks.record_dig(second, 60_000)
    assert (recorded["depth"], recorded["cd_until"]) == (2, recorded["at"] + 60_000)


async def test_a_crowd_with_dig_ids_is_refused_in_a_few_round_trips(client, context, monkeypatch):
    alice, bob, *people = await client.log_in_all("alice", "bob", *(f"digger{k}" for k in range(10)))
    code = await alice.publish(cd=60, forecast_num=40_000)
    await bob.dig(code, dig_id="bobs-dig-1")
    replies = await asyncio.gather(*(who.dig(code, dig_id="some-dig-1") for who in people))
    assert {reply["error"] for reply in replies} == {"cooling_down"}
    asked = meanwhile(monkeypatch, context.store.digs, "made_as")
    await context.background.finish()
    used = await asyncio.gather(
        digging_of(context).used(code, bob.unionid, "bobs-dig-1"),
        *(digging_of(context).used(code, who.unionid, "bobs-dig-1") for who in people),
    )
    assert used == [True] + [False] * len(people)
    assert sum(len(made_as) for (made_as,) in asked) == len(people) + 1
    assert len(asked) <= 2


async def test_an_old_dig_id_is_recognised_while_somebody_elses_cooldown_runs(context, alice, bob, carol):
    code = await alice.publish(cd=1, forecast_num=100_000)
    first = await bob.dig(code, dig_id="bobs-dig-1")
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"cd_until": 0, "cd_ms": 60_000}})
    context.hub.cooldowns.forget(code)
    await carol.dig(code, dig_id="carols-dig")
    again = await bob.dig(code, dig_id="bobs-dig-1")
    assert (again["repeated"], again["now_depth"], again["no"]) == (1, 1, first["no"])
    assert (await bob.dig(code, dig_id="bobs-dig-2"))["error"] == "cooling_down"


async def test_a_prize_that_is_written_late_leaves_the_newest_dig_finished(context):
    digging = digging_of(context)
    older, newer = ({"code": "A" * 12, "depth": depth, "dig_id": f"dig{depth}"} for depth in (5, 6))
    for each in (newer, older):  # writing what the older one won took longer
        digging.note_finished(each)
    assert digging.finished(newer)
    assert not digging.finished(older)
