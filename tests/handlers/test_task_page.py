"""A task's details from memory: the same bytes as from the store, and never older than the frames."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from handlers.digging.cards import card_fields
from handlers.digging.details import GetTaskDetails
from handlers.digging.task_page import GetTaskDetailsReply, TaskPageData, participant_rows
from server.actions.digging.end_task import end_task_as_operator
from server.context import Context
from server.errors import NoSuchTask
from server.game.amounts import claim_until_ms
from server.game.chance import outlook
from server.game.draw import read_rules
from server.realtime import known_tasks
from server.security.keys import Keys
from support.meanwhile import meanwhile
from support.watchers import Collecting

TIMES = {"is_cd", "time", "cd_until", "server_time", "watchers"}


async def page_from_the_store(context: Context, code: str, person_id: str, given: dict[str, Any]) -> bytes:
    """Build the reply from the store and the declared structs, with the times in `given`."""
    view = await context.store.tasks.view(code, person_id)
    assert view is not None
    task = view["task"]
    last_won = max([won["depth"] for won in await context.store.digs.wins(code)], default=0)
    left = task["prizes_left"]
    fields: dict[str, Any] = dict(card_fields(context, task))
    del fields["status"]
    mine = task["publisher"] == person_id
    won = view["won"] is not None
    why = "ended" if task["status"] else "own_task" if mine else "already_won" if won else ""
    copied = ("synopsis", "draw_type", "participants", "commitment", "created_at", "forecast_num", "interval")
    fields |= {name: task[name] for name in (*copied, "fluctuation", "end_reason")}
    fields |= dict.fromkeys(("is_draw", "edited", "claim_from", "need_pay", "owed", "owed_fen", "rank"), 0)
    empty = ("seed_hash", "nonce", "review_note", "place", "pickup_time", "contact", "thanks")
    fields |= dict.fromkeys(empty, "")
    fields |= {name: given[name] for name in TIMES}
    fields |= {
        **msgspec.structs.asdict(outlook(read_rules(task["params"]), task["now_depth"], last_won, left)),
        "is_prize": int(won),
        "mine": int(mine),
        "prize_state": "won" if won else "",
        "users": participant_rows(context, (await context.store.digs.participants(code, 1))[0]),
        "can_dig": int(not why and not given["cd_until"]),
        "why": why or ("cooling_down" if given["cd_until"] else ""),
        "cd": task["cd_ms"] // 1000,
        "fair_start_ms": context.settings.fair_start_ms if task["cd_ms"] else 0,
        "seq": task["now_depth"],
        "rules_version": 1,
        "share": context.visiting.token(code, person_id),
        "end_note": task.get("end_note", ""),
        "claim_until": claim_until_ms(task["ended_at"], context.settings.claim_days),
        "money_fen": task["money"] * 100,
        "ranks": [],
        "finds": [],
        "review": "shown",
        "not_sent_to": [],
        "is_public": 1,
    }
    data = msgspec.convert(fields | {"status": task["status"]}, TaskPageData)
    return msgspec.json.encode(msgspec.convert(fields | {"data": data}, GetTaskDetailsReply))


async def test_a_page_from_memory_has_the_same_bytes_as_one_from_the_store(client, context):
    alice, bob, *people = await client.log_in_all("alice", "bob", *(f"person{k}" for k in range(52)))
    rules = {"prize_num": 3, "interval": 20, "fluctuation": 0, "forecast_num": 400, "cd": 0}
    code = await alice.publish(name='<b>"\\u0000is_prize', synopsis='一\n"share":"x"\t二', **rules)
    over = await alice.publish(**rules | {"interval": 2})
    for someone in (bob, people[0], bob):
        await someone.dig(over)
    await end_task_as_operator(context, over, "违反规则")
    for someone in [bob, *people]:
        assert (await someone.dig(code))["status"] == 0
    await context.background.finish()
    for asked in (code, over):
        for someone in (alice, bob, people[0], people[51]):
            seen = (await someone.fetch("/getTaskDetails", code=asked)).content
            given = msgspec.json.decode(seen)
            assert seen == await page_from_the_store(context, asked, someone.id, given)


@pytest.mark.parametrize("redis", ["up", "down"])
async def test_a_digger_sees_their_dig_in_the_next_details_on_any_process(
    context, other, elsewhere, redis, monkeypatch, alice, bob
):
    code = await alice.publish(forecast_num=1_000_000, cd=0)
    watcher = Collecting()
    await other.hub.watch(watcher, code, None, False)
    if redis == "down":
        for bus in (context.bus, other.bus):
            await bus.connected.wait()
            bus.connected.clear()
    there = replace(bob, client=elsewhere)
    for depth in range(1, 20):
        made = await bob.dig(code)
        assert made["status"] == 0, made
        assert made["seq"] == depth
        assert (await there.get("/getTaskDetails", code=code))["seq"] == depth
        frames = [frame["seq"] for frame in watcher.frames if frame["type"] == "cd"]
        assert frames[-1] == depth, "the page must not be ahead of the frames"


async def test_a_link_opens_only_with_a_token_that_this_server_made(context, alice, bob, code):
    share = (await alice.get("/getTaskDetails", code=code))["share"]
    assert (await bob.get("/getTaskDetails", code=share))["code"] == code
    elsewhere = Keys(b"another secret, as long as needed").seal_share(code, alice.id)
    altered = {share[:at] + ("a" if share[at] != "a" else "b") + share[at + 1 :] for at in range(len(share))}
    for token in (*altered, share[::-1], "x" * 31, "0" * 31, "9" * 31, elsewhere):
        assert (await bob.get("/getTaskDetails", code=token))["error"] == "no_such_task", token
    # The last one is of the form that the version before made.
    for token in (share[:-1], share + "a", share[:12] + "!" * 19, "A" * 20):
        assert (await bob.get("/getTaskDetails", code=token))["error"] == "bad_request", token
    assert (await bob.dig(share))["seq"] == 1


async def test_a_share_token_stays_valid_through_any_number_of_secrets(context, alice, bob, code):
    secrets = [b"%d" % number * 32 for number in range(4)]
    tokens = [Keys(secret).seal_share(code, alice.id) for secret in secrets]
    assert len(set(tokens)) == 4
    rotated = Keys(*reversed(secrets))
    assert {rotated.open_share(token) for token in tokens} == {(code, alice.id)}
    assert rotated.seal_share(code, alice.id) == tokens[-1]


async def test_unknown_codes_are_read_once_a_second_and_fill_no_memory(context, monkeypatch, alice):
    reads = meanwhile(monkeypatch, context.store.tasks, "find_at")
    known = context.hub.known
    for _ in range(5):
        assert (await alice.get("/getTaskDetails", code="A" * 12))["error"] == "no_such_task"
    assert reads == [("A" * 12,)]
    assert (len(known._unknown), known._unknown.maxsize) == (1, known_tasks.UNKNOWN_CODES)
    assert not known.by_code
    heard = context.bus._acknowledged.keys()
    own = {"", "leader", "living", "metrics", "metrics_of", f"watchers:{context.bus.process}"}
    assert heard <= own, "no unknown code is subscribed to"


async def test_unused_tasks_are_kept_within_bounds(context, monkeypatch, alice):
    codes = [await alice.publish() for _ in range(6)]
    monkeypatch.setattr(known_tasks, "IDLE_TASKS", 3)
    await context.hub.watch(Collecting(), codes[0], None, False)
    for code in codes:
        assert (await alice.get("/getTaskDetails", code=code))["code"] == code
    assert list(context.hub.known.by_code) == [codes[0], *codes[3:]]
    monkeypatch.setattr(known_tasks, "IDLE_SECONDS", 0.0)
    context.hub.known.clear_away()
    assert list(context.hub.known.by_code) == codes[:1]


async def test_a_deleted_task_is_unknown_to_new_requests(context, bob, code):
    await bob.get("/getTaskDetails", code=code)
    await context.store.tasks.collection.delete_one({"_id": code})
    await context.hub._poll()
    assert (await bob.get("/getTaskDetails", code=code))["error"] == "no_such_task"
    with pytest.raises(NoSuchTask):
        await context.hub.watch(Collecting(), code, None, False)


async def test_people_are_counted_and_not_their_pages(context, alice, code):
    first = Collecting()
    second = Collecting()
    other = Collecting()
    other.person_id = "somebody else"
    for watcher, watchers in ((first, 1), (second, 1), (other, 2), (other, 2)):
        await context.hub.watch(watcher, code, None, False)
        assert watcher.frames[-1]["watchers"] == watchers
    for watcher, watchers in ((first, 2), (second, 1), (second, 1), (other, 0)):
        context.hub.leave(watcher, code)
        assert (await alice.get("/getTaskDetails", code=code))["watchers"] == watchers


def test_the_interface_declares_the_struct_of_its_bytes():
    assert GetTaskDetails.gives == (GetTaskDetailsReply,)
