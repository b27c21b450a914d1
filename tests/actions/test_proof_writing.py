"""A proof is written once, after its task has ended; its bytes are the same whichever process dies."""

from __future__ import annotations

import asyncio
import gzip
import logging
import os
import socket
import zlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import msgspec
import pytest

from devtools.sandbox import Sandbox
from handlers.digging.proof import GetProofReply, accepts_gzip
from server.actions.digging.prove import find_proof, write_proofs
from server.context import Context
from server.game import draw, proof
from server.runtime.background import Background
from server.settings import Settings
from server.store import Store
from server.store.digging.digs import stored
from support.client import Client
from support.purse import order, publish_red_packet, sweep_until_quiet
from support.steps import Killed, Steps
from support.trips import Trips


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> Trips:
    """The commands that the context under test sends to MongoDB."""
    counted = Trips()
    monkeypatch.setattr("server.context.Store", partial(Store, listeners=[counted]))
    return counted


@pytest.fixture
def context(trips: Trips, context: Context) -> Context:
    """The server's context, whose commands `trips` counts."""
    return context


@pytest.fixture
def _short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of three digs."""
    monkeypatch.setattr(proof, "DIGS_A_PART", 3)


async def dig_to(client: Client, context: Context, depth: int, *, ended: bool = True) -> str:
    """Return the code of a goods task with so many digs; all but the first go straight into the store."""
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish(prize_num=2, forecast_num=1_000_000, interval=100_000, fluctuation=1)
    assert (await bob.dig(code))["status"] == 0
    await context.background.finish()
    made = await context.store.digs.collection.find_one({"code": code})
    assert made is not None
    digs = [
        {**made, "_id": f"{code}:{n}", "depth": n, "n": n, "no": n, "unionid": f"u{n}", "dig_id": f"d{n}"}
        for n in range(2, depth + 1)
    ]
    for at in range(0, len(digs), 500):
        await context.store.digs.collection.insert_many([stored(dig) for dig in digs[at : at + 500]])
    changes: dict[str, Any] = {"now_depth": depth, "last_dig": digs[-1] if digs else made}
    if ended:
        changes |= {"status": 1, "end_reason": "operator", "ended_at": 1}
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": changes})
    return code


async def served(client: Client, code: str, **headers: str) -> httpx.Response:
    """GET a proof; the response's `extensions["raw"]` are the bytes as they came."""
    request = client.http.build_request("GET", "/getProof", params={"code": code}, headers=headers)
    response = await client.http.send(request, stream=True)
    response.extensions["raw"] = b"".join([piece async for piece in response.aiter_raw()])
    await response.aclose()
    return response


async def expected(context: Context, code: str, depth: int) -> bytes:
    """Return the encoded reply, made with the interface's own struct."""
    task = await context.store.tasks.find(code)
    assert task is not None
    seed = context.keys.open("seed", await context.store.tasks.seed_box(code), code)
    depths = draw.winning_depths(seed, draw.read_rules(task["params"]))
    digs = [draw.ProvedDig(n, 0) for n in range(1, depth + 1)]
    reply = GetProofReply(
        seed=seed.hex(),
        params=task["params"],
        commitment=task["commitment"],
        winning_depths=depths,
        winning_ranks=[],
        winning_fen=[],
        digs=digs,
    )
    return msgspec.json.encode(reply)


async def parts_of(context: Context, code: str) -> list[dict[str, Any]]:
    found = context.store.proofs.parts.find({"_id": {"$regex": f"^{code}:"}}, sort=[("_id", 1)])
    return await found.to_list(None)


@pytest.mark.usefixtures("_short_parts")
@pytest.mark.gen_test
async def test_a_reply_is_as_declared_and_has_the_stored_bytes(client: Client, context: Context) -> None:
    for depth in (1, 2, 3, 4, 6, 7):
        code = await dig_to(client, context, depth)
        zipped = await served(client, code, **{"Accept-Encoding": "br, gzip"})
        plain = await served(client, code, **{"Accept-Encoding": "identity"})
        assert plain.extensions["raw"] == await expected(context, code, depth)
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in plain.headers
        assert zipped.extensions["raw"] == b"".join(part["data"] for part in await parts_of(context, code))
        assert gzip.decompress(zipped.extensions["raw"]) == plain.extensions["raw"]
        for response in (zipped, plain):
            assert response.headers["Content-Length"] == str(len(response.extensions["raw"]))
            assert response.headers["Vary"] == "Accept-Encoding"
            assert response.headers["Content-Type"].startswith("application/json")


@pytest.mark.gen_test
async def test_a_client_with_the_current_version_gets_304_and_others_get_the_proof(
    client: Client, context: Context
) -> None:
    code = await dig_to(client, context, 3)
    etags = {}
    for coding in ("gzip", "identity"):
        first = await served(client, code, **{"Accept-Encoding": coding})
        etags[coding] = first.headers["ETag"]
        for known in (etags[coding], f'"other", W/{etags[coding]}', "*"):
            again = await served(client, code, **{"Accept-Encoding": coding, "If-None-Match": known})
            assert (again.status_code, again.extensions["raw"]) == (304, b"")
            assert again.headers["ETag"] == etags[coding]
        other = await served(client, code, **{"Accept-Encoding": coding, "If-None-Match": '"other"'})
        assert (other.status_code, other.extensions["raw"]) == (200, first.extensions["raw"])
    assert etags["gzip"] != etags["identity"]
    running = await dig_to(client, context, 3, ended=False)
    refused = await served(client, running, **{"If-None-Match": "*"})
    assert (refused.status_code, "ETag" in refused.headers) == (200, False)
    document = (await client.http.get("/openapi.json")).json()
    described = {
        path: {status for operation in operations.values() for status in operation["responses"]}
        for path, operations in document["paths"].items()
    }
    assert [path for path, responses in described.items() if "304" in responses] == ["/getProof"]


@pytest.mark.gen_test
async def test_there_is_no_proof_before_the_end_or_of_an_unknown_task(
    client: Client, context: Context
) -> None:
    running = await dig_to(client, context, 3, ended=False)
    for _ in range(2):
        assert (await client.get("/getProof", code=running))["error"] == "not_ended"
    assert (await client.get("/getProof", code="A" * 12))["error"] == "no_such_task"
    await write_proofs(context)
    assert await context.store.proofs.collection.count_documents({}) == 0
    assert await context.store.proofs.parts.count_documents({}) == 0
    unpaid = await publish_red_packet(client.people["alice"])
    await order(client.people["alice"], unpaid)
    await client.people["alice"].post("/endTask", code=unpaid)
    assert (await client.get("/getProof", code=unpaid))["digs"] == []


@pytest.mark.gen_test
async def test_a_sweep_writes_the_proof_of_every_ended_task(client: Client, context: Context) -> None:
    alice, bob = await client.log_in_all("alice", "bob")
    dug = await alice.publish(forecast_num=1)
    ended = await alice.publish(forecast_num=9)
    unpaid = await publish_red_packet(alice)
    assert (await bob.dig(dug))["is_prize"] == 1
    for code in (ended, unpaid):
        assert (await alice.post("/endTask", code=code))["status"] == 0
    await context.background.finish()
    await sweep_until_quiet(context)
    await context.store.proofs.collection.update_many({}, {"$set": {"due_at": 0}})
    await write_proofs(context)
    for code in (dug, ended, unpaid):
        assert await context.store.proofs.find(code) is not None
    assert await context.store.proofs.collection.count_documents({"due_at": {"$exists": True}}) == 0


@pytest.mark.gen_test(timeout=60)
async def test_a_request_for_a_long_tasks_proof_reads_no_digs(
    client: Client, context: Context, trips: Trips, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The embedded store takes a millisecond per insert, so a part has only 2,000 digs here.
    monkeypatch.setattr(proof, "DIGS_A_PART", 2000)
    depth = 4000
    code = await dig_to(client, context, depth)
    await context.store.proofs.ask(code, 0)
    await write_proofs(context)
    parts = await parts_of(context, code)
    assert len(parts) == 2
    before = len(trips.sent)
    reply = await client.get("/getProof", code=code)
    assert trips.sent[before:] == ["find proofs", *["find proof_parts"] * 2]
    assert msgspec.json.encode(reply) == await expected(context, code, depth)
    before = len(trips.sent)
    etag = (await served(client, code)).headers["ETag"]
    assert (await served(client, code, **{"If-None-Match": etag})).status_code == 304
    assert trips.sent[before:] == []
    found = draw.differences(msgspec.convert(reply, draw.Proof), reply["commitment"])
    assert found == []


@pytest.mark.usefixtures("_short_parts")
@pytest.mark.gen_test
async def test_parts_are_read_once_however_many_ask_and_are_kept_while_there_is_room(
    client: Client, context: Context, trips: Trips, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await dig_to(client, context, 7)
    await context.store.proofs.ask(code, 0)
    await write_proofs(context)
    parts = [part["data"] for part in await parts_of(context, code)]
    trips.sent.clear()
    assert await asyncio.gather(*(context.proofs.part(code, 1) for _ in range(20))) == [parts[1]] * 20
    assert trips.sent == ["find proof_parts"]
    monkeypatch.setattr("server.memory.known_proofs.PARTS_KEPT_BYTES", max(map(len, parts)))
    for number in (0, 0, 2, 2):  # each pushes out what was kept
        assert await context.proofs.part(code, number) == parts[number]
    assert trips.sent == ["find proof_parts"] * 3


@pytest.mark.usefixtures("_short_parts")
@pytest.mark.gen_test(timeout=60)
async def test_killed_after_any_step_the_next_process_makes_the_same_bytes_and_reads_only_what_is_left(
    client: Client, context: Context, settings: Settings, trips: Trips
) -> None:
    code = await dig_to(client, context, 7)

    async def run(kill_after: int) -> Steps:
        for collection in (context.store.proofs.collection, context.store.proofs.parts):
            await collection.delete_many({})
        await context.store.proofs.ask(code, 0)
        victim = replace(context, store=Store(settings.mongodb_uri), background=Background())
        steps = Steps(victim, kill_after)
        try:
            await write_proofs(victim)
        except Killed:
            assert steps.killed
        victim.store.close()
        return steps

    whole = await run(0)
    assert whole.names == ["proofs.lease_due", *["proofs.add_part"] * 3, "proofs.complete"]
    parts, record = await parts_of(context, code), await context.store.proofs.find(code)
    for kill_after in range(1, len(whole.names) + 1):
        killed = await run(kill_after)
        assert len(killed.names) == kill_after
        there = len(await parts_of(context, code))
        assert there == min(kill_after - 1, 3)
        trips.sent.clear()
        await context.store.proofs.collection.update_one({"due_at": {"$gt": 0}}, {"$set": {"due_at": 0}})
        await write_proofs(context)
        assert trips.sent.count("find digs") == 3 - there
        assert await parts_of(context, code) == parts, kill_after
        assert await context.store.proofs.find(code) == record


@pytest.mark.gen_test
async def test_only_one_process_writes_and_requests_meanwhile_are_told_to_come_again(
    client: Client, context: Context, settings: Settings, monkeypatch: pytest.MonkeyPatch, trips: Trips
) -> None:
    monkeypatch.setattr("server.actions.digging.prove.PATIENCE_SECONDS", 0.05)
    code = await dig_to(client, context, 5)
    reading, go_on = asyncio.Event(), asyncio.Event()
    other_trips = Trips()
    monkeypatch.setattr("server.context.Store", partial(Store, listeners=[other_trips]))
    other = await Context.open(settings, Sandbox)
    outcomes = other.store.digs.outcomes

    async def slow(*asked: Any) -> Any:
        reading.set()
        await go_on.wait()
        return await outcomes(*asked)

    monkeypatch.setattr(other.store.digs, "outcomes", slow)
    trips.sent.clear()
    writing = asyncio.create_task(find_proof(other, code))
    await reading.wait()
    refused = await served(client, code)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    reply = msgspec.json.decode(refused.extensions["raw"])
    assert (reply["status"], reply["error"]) == (1, "proof_not_ready")
    await write_proofs(context)
    with pytest.raises(Exception, match="proof_not_ready"):  # in the same process, another request
        await find_proof(other, code)
    assert await context.store.proofs.find(code) is None
    go_on.set()
    assert (await writing)["parts"] == 1
    assert (await client.get("/getProof", code=code))["status"] == 0
    assert [name for name in trips.sent if name == "find digs"] == []
    assert other_trips.sent.count("find digs") == 1
    await other.close()


@pytest.mark.usefixtures("_short_parts")
@pytest.mark.gen_test
async def test_two_processes_that_write_the_same_proof_make_one(
    client: Client, context: Context, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first process has lost its lease but goes on; the second has another zlib."""
    code = await dig_to(client, context, 8)
    whole = (await served(client, code)).extensions["raw"]
    for collection in (context.store.proofs.collection, context.store.proofs.parts):
        await collection.delete_many({})
    compressobj = zlib.compressobj
    levels = iter((1, 9, 0))
    monkeypatch.setattr(
        proof.zlib, "compressobj", lambda level, wbits: compressobj(level=next(levels, 1), wbits=wbits)
    )
    other = replace(context, store=Store(settings.mongodb_uri), background=Background())
    first_leased, both_leased = asyncio.Event(), asyncio.Barrier(2)
    for each in (context, other):
        find = each.store.proofs.find_progress

        async def together(code: str, find: Any = find) -> proof.Progress:
            first_leased.set()
            await both_leased.wait()
            return await find(code)

        monkeypatch.setattr(each.store.proofs, "find_progress", together)
    await context.store.proofs.ask(code, 0)
    first = asyncio.create_task(write_proofs(context))
    await first_leased.wait()
    await context.store.proofs.collection.update_one({}, {"$set": {"due_at": 0}})
    await asyncio.gather(first, write_proofs(other))
    other.store.close()
    mixed = await served(client, code)
    assert gzip.decompress(mixed.extensions["raw"]) == gzip.decompress(whole)
    plain = await served(client, code, **{"Accept-Encoding": "identity"})
    assert plain.extensions["raw"] == gzip.decompress(whole)


@pytest.mark.usefixtures("_short_parts")
@pytest.mark.gen_test
async def test_a_proof_that_takes_long_is_written_in_turns(
    client: Client, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await dig_to(client, context, 7)
    monkeypatch.setattr("server.actions.digging.prove.REQUEST_SECONDS", -1.0)
    assert (await served(client, code)).status_code == 503
    monkeypatch.setattr("server.actions.digging.prove.REQUEST_SECONDS", 60.0)
    assert (await client.get("/getProof", code=code))["status"] == 0
    assert len(await parts_of(context, code)) == 3


@pytest.mark.usefixtures("_short_parts")
@pytest.mark.gen_test
async def test_the_newest_dig_counts_even_if_only_the_task_has_it(client: Client, context: Context) -> None:
    for depth in (1, 3, 4):
        code = await dig_to(client, context, depth)
        await context.store.digs.collection.delete_one({"_id": f"{code}:{depth}"})
        await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"pending": 1}})
        reply = await served(client, code, **{"Accept-Encoding": "identity"})
        assert reply.extensions["raw"] == await expected(context, code, depth)


@pytest.mark.gen_test
async def test_no_proof_is_written_of_a_history_that_lacks_a_dig_until_it_is_back(
    client: Client, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    code = await dig_to(client, context, 5)
    lost = await context.store.digs.collection.find_one_and_delete({"_id": f"{code}:3"})
    assert lost is not None
    await context.store.proofs.ask(code, 0)
    with caplog.at_level(logging.ERROR, "wabao.proof"):
        await write_proofs(context)
    assert "lacks digs between 1 and 5" in caplog.text
    assert (await client.get("/getProof", code=code))["error"] == "proof_not_ready"
    await context.store.digs.collection.insert_one(lost)
    await context.store.proofs.collection.update_one({}, {"$set": {"due_at": 0}})
    assert (await client.get("/getProof", code=code))["status"] == 0


@pytest.mark.gen_test
async def test_a_client_that_reads_nothing_is_cut_off(
    client: Client, context: Context, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.digging.proof.TAKEN_SECONDS", 0.2)
    code = await dig_to(client, context, 1)
    await served(client, code)
    size, number = 1 << 20, 16
    await context.store.proofs.collection.update_one(
        {"_id": code}, {"$set": {"parts": number, "packed_length": size * number}}
    )
    await context.store.proofs.parts.delete_many({})
    for n in range(number):
        await context.store.proofs.parts.insert_one({"_id": f"{code}:{n:06}", "data": os.urandom(size)})
    cut = asyncio.Event()
    find = context.store.proofs.find_part
    asked = []

    async def noted(code: str, number: int) -> bytes:
        asked.append(number)
        return await find(code, number)

    monkeypatch.setattr(context.store.proofs, "find_part", noted)
    monkeypatch.setattr("handlers.digging.proof.GetProof.on_finish", lambda _: cut.set())
    stalled = socket.create_connection(("127.0.0.1", settings.port))
    stalled.sendall(
        f"GET /getProof?code={code} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    )
    await cut.wait()
    assert len(asked) < number
    stalled.close()


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("br, GZIP ; q=0.5", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("x-gzipped", False),
    ],
)
def test_gzip_is_sent_only_to_clients_that_accept_it(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) == accepted


def test_a_part_is_packed_without_the_bytes_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "DIGS_A_PART", 2)

    def digs(first: int) -> Iterator[dict[str, Any]]:
        return ({"depth": n, "is_prize": 0} for n in range(first, first + 2))

    one, after = proof.pack_part(proof.Progress(), b'{"digs":[', digs(1), last=False)
    two, end = proof.pack_part(after, b"", digs(3), last=True)
    rows = msgspec.json.decode(gzip.decompress(one + two))["digs"]
    assert [row["depth"] for row in rows] == [1, 2, 3, 4]
    assert (end.parts, end.packed_length) == (2, len(one + two))
    assert (proof.part_count(0), proof.part_count(2), proof.part_count(3)) == (1, 1, 2)
