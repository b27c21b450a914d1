"""`python -m server rotate`: afterwards nothing stored needs the old secret, even if it was cut off once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from pymongo.errors import AutoReconnect
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from server.actions import rotate as rotating
from server.actions.rotate import rotate
from server.app import make_app
from server.context import Context
from server.game import draw
from server.keys import Keys
from server.settings import Settings
from server.store import Store, boxes
from server.store.boxes import Boxes
from support.client import Client
from support.old_boxes import sealed_as_before
from support.purse import check_books, confirm, find, pay, publish_red_packet, win

NEW = "the secret of after: 32 characters or more"
MAIL = {"receiver": "王小明", "phone": "13800138000", "address": "上海市某路 1 号"}
MANY = 3000


async def begin_rotating(settings: Settings) -> asyncio.subprocess.Process:
    """Start the command with the new secret before the old one."""
    own = {"MONGODB_URI": settings.mongodb_uri, "DATA_DIR": settings.data_dir}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "rotate"),
        env={**os.environ, **own, "SECRET_KEYS": NEW, "SECRET_KEY": settings.secret_key},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def run_rotate(settings: Settings) -> tuple[int, str]:
    """Run the command; return its exit code and what it printed."""
    process = await begin_rotating(settings)
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


@pytest.fixture
def after(io_loop: Any, settings: Settings) -> Iterator[tuple[Client, Context]]:
    """A server that knows the new secret alone, on a port of its own."""
    listening, port = bind_unused_port()
    renewed = msgspec.structs.replace(settings, secret_key=NEW, port=port)
    opened = io_loop.run_sync(lambda: Context.open(renewed))
    server = HTTPServer(make_app(opened))
    server.add_socket(listening)
    http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20)
    yield Client(http), opened
    io_loop.run_sync(http.aclose)
    server.stop()
    io_loop.run_sync(server.close_all_connections)
    io_loop.run_sync(opened.close)


async def age_boxes(context: Context) -> None:
    """Seal all stored boxes anew as old versions did, which named no key."""
    for purpose, (collection, field) in boxes.PLACES.items():
        async for found in context.store.database[collection].find({field: {"$exists": True}}):
            plain = context.keys.open(purpose, bytes(found[field]), found["_id"])
            aged = sealed_as_before(context.keys, purpose, plain, found["_id"])
            await context.store.database[collection].update_one(
                {"_id": found["_id"]}, {"$set": {field: aged}}
            )


@pytest.mark.parametrize("aged", [False, True], ids=["named", "old"])
@pytest.mark.gen_test
async def test_after_a_rotation_everything_goes_on_without_the_old_secret(
    client: Client, context: Context, settings: Settings, after: tuple[Client, Context], aged: bool
) -> None:
    alice, bob = await client.log_in_all("alice", "bob")
    running = await alice.publish(prize_num=2, forecast_num=1, interval=4, fluctuation=0)
    for _ in range(2):
        assert (await bob.dig(running))["is_prize"] == 0
    mailed = await alice.publish(forecast_num=1)
    assert (await bob.dig(mailed))["is_prize"] == 1
    assert (await bob.post("/drawPrize", code=mailed, **MAIL))["is_draw"] == 1
    packet = await publish_red_packet(alice)
    await pay(client, context, alice, packet)
    appid = context.settings.appid
    box = context.keys.seal("access_token", b"token", appid)
    await context.store.access_tokens.save(appid, box, 1 << 40)
    if aged:
        await age_boxes(context)
    assert await run_rotate(settings) == (
        0,
        "seed: 3 sealed anew\naddress: 1 sealed anew\naccess_token: 1 sealed anew\n"
        "all of it is sealed under the first secret; the others are needed for tokens alone\n",
    )
    later, renewed = after
    assert await renewed.wechat.access_token() == "token"
    alice, bob, carol = await later.log_in_all("alice", "bob", "carol")
    digs = [await bob.dig(running), await bob.dig(running)]
    digs += [await carol.dig(running) for _ in range(4)]
    assert [dig["is_prize"] for dig in digs] == [0, 1, 0, 0, 0, 1]
    proof = msgspec.convert(await later.get("/getProof", code=running), draw.Proof)
    assert draw.differences(proof, None) == []
    [row] = (await alice.get("/getWinners", code=mailed))["data"]
    assert {name: row[name] for name in MAIL} == MAIL
    await win(later, renewed, carol, packet)
    claimed = await carol.post("/drawPrize", code=packet)
    assert (await confirm(later, renewed, claimed["package_info"])).endswith(":ok")
    [prize] = await find(renewed, "prizes", code=packet)
    assert prize["state"] == "given"
    await check_books(renewed)


@pytest.fixture
def store(io_loop: Any, settings: Settings) -> Iterator[Store]:
    """A store that no server uses."""

    async def connect() -> Store:
        return Store(settings.mongodb_uri)

    opened = io_loop.run_sync(connect)
    yield opened
    opened.close()


async def fill_with_old_boxes(store: Store, keys: Keys, number: int) -> None:
    """Insert so many tasks that hold only a seed, sealed as old versions did."""
    codes = [f"{n:012}" for n in range(number)]
    tasks = [{"_id": code, "seed_box": sealed_as_before(keys, "seed", b"seed", code)} for code in codes]
    await store.database["tasks"].insert_many(tasks)


@pytest.mark.gen_test(timeout=120)
async def test_killed_midway_it_goes_on_and_leaves_no_old_box(store: Store, settings: Settings) -> None:
    old = Keys(settings.secret_key.encode())
    await fill_with_old_boxes(store, old, MANY)
    process = await begin_rotating(settings)
    new = Keys(NEW.encode())
    first = f"{0:012}"
    while process.returncode is None and not new.is_sealed_first(await store.tasks.seed_box(first)):
        pass
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    assert process.returncode == -signal.SIGKILL
    sealed = sum([new.is_sealed_first(bytes(t["seed_box"])) async for t in store.database["tasks"].find()])
    assert 0 < sealed < MANY
    code, said = await run_rotate(settings)
    assert code == 0, said
    # The store may have finished a write of the killed process after we counted.
    assert 0 < int(said.split()[1]) <= MANY - sealed
    async for task in store.database["tasks"].find():
        assert new.open("seed", bytes(task["seed_box"]), task["_id"]) == b"seed"
    assert "seed: 0 sealed anew" in (await run_rotate(settings))[1]


@pytest.mark.gen_test
async def test_a_store_that_is_silent_for_a_while_ends_no_rotation(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill_with_old_boxes(store, Keys(settings.secret_key.encode()), 2 * boxes.BATCH)
    replace = Boxes.replace
    failed: list[str] = []

    async def written_but_unanswered(own: Boxes, purpose: str, changes: list[Any]) -> int:
        found = await replace(own, purpose, changes)
        if purpose == "seed" and len(failed) < 2:
            failed.append(purpose)
            raise AutoReconnect("gone")
        return found

    monkeypatch.setattr(Boxes, "replace", written_but_unanswered)
    monkeypatch.setattr(rotating, "REST_SECONDS", 0.0)
    keys = Keys(NEW.encode(), settings.secret_key.encode())
    assert [rotated.left for rotated in await rotate(store, keys)] == [[], [], []]
    async for task in store.database["tasks"].find():
        assert keys.is_sealed_first(bytes(task["seed_box"]))
    assert failed == ["seed", "seed"]


@pytest.mark.gen_test
async def test_a_box_that_no_known_secret_opens_is_named_and_left(store: Store, settings: Settings) -> None:
    lost = Keys(b"a secret that nobody has any more, 32+")
    await fill_with_old_boxes(store, lost, 2)
    before = await store.database["tasks"].find().to_list(None)
    code, said = await run_rotate(settings)
    assert code == 1
    assert said.count("no known secret opens") == 2
    assert f"{1:012}" in said
    assert await store.database["tasks"].find().to_list(None) == before


@pytest.mark.gen_test
async def test_an_address_that_is_replaced_meanwhile_is_not_lost(
    client: Client, context: Context, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish(forecast_num=1)
    await bob.dig(code)
    await bob.post("/drawPrize", code=code, **MAIL)
    replace, elsewhere = context.store.boxes.replace, MAIL | {"address": "北京市某路 2 号"}

    async def replace_late(purpose: str, changes: Any) -> int:
        if purpose == "address" and changes:
            monkeypatch.setattr(context.store.boxes, "replace", replace)
            await bob.post("/drawPrize", code=code, **elsewhere)
        return await replace(purpose, changes)

    monkeypatch.setattr(context.store.boxes, "replace", replace_late)
    new = Keys(NEW.encode())
    rotated = await rotate(context.store, Keys(NEW.encode(), settings.secret_key.encode()))
    assert [(each.purpose, each.sealed, each.left) for each in rotated] == [
        ("seed", 1, []),
        ("address", 1, []),
        ("access_token", 0, []),
    ]
    [prize] = await context.store.prizes.of_task(code)
    assert msgspec.json.decode(new.open("address", bytes(prize["address_box"]), prize["_id"])) == elsewhere


@pytest.mark.gen_test
async def test_every_kind_of_box_that_the_server_seals_is_rotated(
    client: Client, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = {}
    seal = context.keys.seal

    def noted(purpose: str, plain: bytes, associated: str) -> bytes:
        sealed[purpose] = associated
        return seal(purpose, plain, associated)

    monkeypatch.setattr(context.keys, "seal", noted)
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish(forecast_num=1)
    await bob.dig(code)
    await bob.post("/drawPrize", code=code, **MAIL)
    await context.wechat.access_token()
    assert set(sealed) == set(boxes.PLACES)
    for purpose, associated in sealed.items():
        places = dict((await context.store.boxes.page(purpose, ""))[0])
        assert context.keys.open(purpose, places[associated], associated)
