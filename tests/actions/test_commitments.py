"""Publisher and server draw together: neither chooses where the prizes lie, and no seed makes two tasks."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from typing import Any

import msgspec

from server.actions.digging.commit import COMMITTED_MS
from server.context import Context
from server.game import draw
from server.game.sealed import Sealed
from server.security.keys import Keys
from support.client import Someone

NONCE = "00112233445566778899aabbccddeeff"
PARAMS = ("code", "fluctuation", "forecast_num", "interval", "max_depth", "nonce", "prize_num", "seed_hash")
RULES = {"prize_num": 3, "forecast_num": 4, "interval": 4, "fluctuation": 2, "cd": 0}


async def drafted(someone: Someone, **changes: Any) -> dict[str, Any]:
    """Return the parameters with which a client publishes goods."""
    return await someone.draft(**RULES | changes)


async def given_to(someone: Someone) -> dict[str, Any]:
    """Return the reply of `/commitment`."""
    reply = await someone.get("/commitment")
    assert reply["status"] == 0, reply
    return reply


async def half_of(someone: Someone, nonce: str = NONCE) -> dict[str, str]:
    """Return a new `sealed_seed` with a nonce, as parameters of a publication."""
    return {"sealed_seed": (await given_to(someone))["sealed_seed"], "nonce": nonce}


async def tasks_of(context: Context) -> list[str]:
    return [task["_id"] async for task in context.store.tasks.collection.find({})]


async def test_a_task_drawn_together_is_proven_from_its_publication_to_its_end(client, context):
    alice, *crowd = await client.log_in_all("alice", "bob", "carol", "dave")
    half = await given_to(alice)
    nonce = secrets.token_hex(16)
    published = await alice.post(
        "/postTask", **await drafted(alice), sealed_seed=half["sealed_seed"], nonce=nonce
    )
    code = published["code"]
    # At once, anybody can recompute the commitment from public values, and the publisher sees both halves.
    for someone in (alice, crowd[0]):
        shown = await someone.get("/getTaskDetails", code=code)
        assert (shown["rules_version"], shown["seed_hash"], shown["nonce"]) == (2, half["seed_hash"], nonce)
        params = json.dumps({name: shown[name] for name in PARAMS} | {"version": 2}, separators=(",", ":"))
        assert shown["commitment"] == hashlib.sha256(params.encode()).hexdigest()
    wins = []
    for depth in range(1, 20):
        digger = crowd[len(wins)]
        dug = await digger.dig(code)
        if dug["is_prize"]:
            wins.append(depth)
        if dug["task_status"]:
            break
    proof = msgspec.convert(await alice.get("/getProof", code=code), draw.Proof)
    assert proof.params == params
    assert proof.winning_depths == wins
    assert hashlib.sha256(bytes.fromhex(proof.seed)).hexdigest() == half["seed_hash"]
    noted = {"seed_hash": half["seed_hash"], "nonce": nonce}
    assert draw.differences(proof, shown["commitment"], **noted) == []


async def test_a_client_without_a_nonce_publishes_as_before(context, alice):
    code = (await alice.post("/postTask", **await drafted(alice), nonce="", sealed_seed=""))["code"]
    shown = await alice.get("/getTaskDetails", code=code)
    assert (shown["rules_version"], shown["seed_hash"], shown["nonce"]) == (1, "", "")
    task = await context.store.tasks.get(code)
    assert task["params"] == (
        f'{{"code":"{code}","fluctuation":2,"forecast_num":4,"interval":4,"max_depth":18,"prize_num":3}}'
    )
    seed = context.keys.open("seed", await context.store.tasks.seed_box(code), code)
    assert shown["commitment"] == hashlib.sha256(seed + b"\n" + task["params"].encode()).hexdigest()


async def test_each_commitment_has_a_seed_of_its_own_and_nothing_is_stored(context, alice):
    before = {name: await context.store.database[name].count_documents({}) for name in ("tasks", "people")}
    halves = [await given_to(alice) for _ in range(5)]
    assert len({half["seed_hash"] for half in halves}) == len({half["sealed_seed"] for half in halves}) == 5
    assert before == {name: await context.store.database[name].count_documents({}) for name in before}
    assert await tasks_of(context) == []


async def test_who_may_not_publish_gets_no_commitment(client):
    assert (await client.get("/commitment"))["error"] == "not_logged_in"
    assert (await client.get("/commitment", unionid="nobody"))["error"] == "not_logged_in"


async def test_halves_that_are_misspelled_or_lack_each_other_publish_nothing(client, context):
    for sent, param in [
        ({"nonce": "0" * 31}, "nonce"),
        ({"nonce": "0" * 33}, "nonce"),
        ({"nonce": "g" * 32}, "nonce"),
        ({"nonce": "F" * 32}, "nonce"),
        ({"nonce": "０" * 32}, "nonce"),  # wide digits
        ({"nonce": "0" * 32 + "\n"}, "nonce"),
        ({"nonce": int("1" * 32)}, "nonce"),
        ({"nonce": {"$gt": ""}}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"sealed_seed": None}, "sealed_seed"),
        ({"sealed_seed": "0" * 99}, "sealed_seed"),
        ({"sealed_seed": "0" * 401}, "sealed_seed"),
        ({"sealed_seed": "z" * 150}, "sealed_seed"),
        ({"sealed_seed": {"$ne": None}}, "sealed_seed"),
        ({"publish_id": "my-only-cat"}, "publish_id"),
    ]:
        alice = await client.log_in("alice")
        reply = await alice.post("/postTask", **await drafted(alice) | await half_of(alice) | sent)
        assert (reply["error"], reply["param"]) == ("bad_request", param)
        assert await tasks_of(context) == []


def text_of(sealed: Sealed) -> str:
    """Return a sealed value in the form that clients get."""
    return sealed["key"] + sealed["box"].hex()


async def test_a_commitment_of_another_or_one_that_was_changed_publishes_nothing(context, alice, bob):
    asked, half = await drafted(alice), await half_of(alice)
    sealed = half["sealed_seed"]
    others = (await half_of(bob))["sealed_seed"]
    seeds_of_tasks = text_of(context.keys.seal("seed", bytes(40), alice.unionid))
    other_keys = Keys(b"a secret of another server: 32 characters")
    unknown = text_of(other_keys.seal("commitment", bytes(40), alice.unionid))
    places = range(0, len(sealed), 7)
    flipped = [f"{sealed[:at]}{int(sealed[at], 16) ^ 1:x}{sealed[at + 1 :]}" for at in places]
    for wrong in (others, seeds_of_tasks, unknown, sealed[:-2], sealed[:-1], sealed + "00", *flipped):
        reply = await alice.post("/postTask", **asked, sealed_seed=wrong, nonce=NONCE)
        assert (reply["error"], reply["param"]) == ("bad_commitment", "sealed_seed")
    assert await tasks_of(context) == []
    assert (await alice.post("/postTask", **asked, **half))["status"] == 0


async def test_a_commitment_is_good_for_a_day(context, monkeypatch, alice):
    asked, half = await drafted(alice), await given_to(alice)
    late = half["expires_at"]
    assert abs(late - context.clock.now_ms() - COMMITTED_MS) < 60_000
    sent = {"sealed_seed": half["sealed_seed"], "nonce": NONCE}
    monkeypatch.setattr(context.clock, "now_ms", lambda: late)
    refused = await alice.post("/postTask", **asked, **sent)
    assert refused["error"] == "bad_commitment"
    assert "过期" in refused["msg"]
    assert await tasks_of(context) == []
    monkeypatch.setattr(context.clock, "now_ms", lambda: late - 1)
    published = await alice.post("/postTask", **asked, **sent)
    # A publisher who got no reply may still ask again a day later.
    monkeypatch.setattr(context.clock, "now_ms", lambda: late + COMMITTED_MS)
    assert (await alice.post("/postTask", **asked, **sent))["code"] == published["code"]


async def test_no_seed_makes_a_second_task_even_after_it_is_known(context, alice):
    """A publisher who ends an undug task learns its seed, and could choose a nonce that fits it."""
    asked, half = await drafted(alice), await half_of(alice)
    code = (await alice.post("/postTask", **asked, **half))["code"]
    assert (await alice.post("/endTask", code=code))["status"] == 0
    assert (await alice.get("/getProof", code=code))["status"] == 0
    for nonce in ("ab" * 16, "cd" * 16):
        again = await alice.post("/postTask", **asked | half | {"nonce": nonce})
        assert (again["error"], again["param"]) == ("bad_commitment", "sealed_seed")
        assert "用过" in again["msg"]
    assert await tasks_of(context) == [code]


async def test_a_seed_makes_no_second_task_either_for_who_was_forgotten_and_came_back(context, alice):
    asked, half = await drafted(alice), await half_of(alice)
    code = (await alice.post("/postTask", **asked, **half))["code"]
    assert (await alice.post("/endTask", code=code))["status"] == 0
    await context.store.erasure.move_tasks(alice.unionid, "forgotten:00")
    again = await alice.post("/postTask", **asked | half | {"nonce": "ab" * 16})
    assert (again["error"], "用过" in again["msg"]) == ("bad_commitment", True)
    assert await tasks_of(context) == [code]


async def test_a_nonce_may_come_back_with_another_seed(alice):
    asked = await drafted(alice)
    codes = {(await alice.post("/postTask", **asked, **await half_of(alice)))["code"] for _ in range(2)}
    assert len(codes) == 2


async def test_one_commitment_sent_many_times_at_once_makes_one_task(context, alice):
    asked, half = await drafted(alice), await half_of(alice)
    nonces = [NONCE, "ab" * 16] * 3
    replies = await asyncio.gather(
        *(alice.post("/postTask", **asked | half | {"nonce": nonce}) for nonce in nonces)
    )
    [code] = {reply["code"] for reply in replies if reply["status"] == 0}
    assert {reply["error"] for reply in replies if reply["status"]} == {"bad_commitment"}
    task = await context.store.tasks.get(code)
    stored = draw.read_rules(task["params"]).nonce
    assert [reply["status"] == 0 for reply in replies] == [nonce == stored for nonce in nonces]
    assert await tasks_of(context) == [code]


async def test_a_commitment_outlives_a_change_of_secrets_and_its_seed_is_still_used_once(
    client, context, monkeypatch
):
    old = context.settings.secret_key.encode()
    alice = await client.log_in("alice")
    asked, half, unused = await drafted(alice), await half_of(alice), await half_of(alice)
    code = (await alice.post("/postTask", **asked, **half))["code"]
    new = b"the secret of after: 32 characters or more"
    monkeypatch.setattr(context, "keys", Keys(new, old))
    assert (await alice.post("/postTask", **asked, **half))["code"] == code
    used = await alice.post("/postTask", **asked | half | {"nonce": "ab" * 16})
    assert used["error"] == "bad_commitment"
    assert (await alice.post("/postTask", **asked, **unused))["status"] == 0
    assert len(await tasks_of(context)) == 2
