"""`python -m server rotate`: afterwards nothing stored needs the old secret, even if a run was cut off."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from devtools.sandbox import Sandbox
from server.actions.rotate import rotate
from server.app import make_app
from server.context import Context
from server.game import draw
from server.game.sealed import Sealed
from server.operation.own_database import Wrong
from server.running.worker import look_at_data
from server.security.keys import Keys
from server.settings import Settings
from server.store import Store, sealed_values
from support.client import Client
from support.purse import expect_balance, only
from support.servers import clean_environment

NEW = "the secret of after: 32 characters or more"
OLD = "the secret of before: 32 characters or more"
MAIL = {"receiver": "王小明", "phone": "13800138000", "address": "上海市某路 1 号"}
MANY = 500


ENVIRONMENT = {"SECRET_KEY": OLD}


def fingerprint(secret: str) -> str:
    return Keys(secret.encode()).fingerprint


async def start_servers(settings: Settings, *secrets: str) -> None:
    """Let a server look at the database with these secrets, as each does before it serves."""
    given = msgspec.structs.replace(settings, secret_keys=",".join(secrets), secret_key="")
    assert (await look_at_data(given, prepares=False)).wrong is None


async def begin_rotating(settings: Settings, secrets: str | None) -> asyncio.subprocess.Process:
    """Start the command with these SECRET_KEYS; by default, the new secret before the old one."""
    given = f"{NEW},{OLD}" if secrets is None else secrets
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "rotate"),
        env=clean_environment(
            MONGODB_URI=settings.mongodb_uri, DATA_DIR=settings.data_dir, SECRET_KEYS=given
        ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def run_rotate(settings: Settings, secrets: str | None = None) -> tuple[int, str]:
    """Run the command; return its exit code and what it printed."""
    process = await begin_rotating(settings, secrets)
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


@pytest.fixture
def after(io_loop: Any, settings: Settings, context: Context) -> Iterator[tuple[Client, Context]]:
    """A server that knows only the new secret, on a port of its own."""
    listening, port = bind_unused_port()
    renewed = msgspec.structs.replace(settings, secret_key=NEW, port=port)
    opened = io_loop.run_sync(lambda: Context.open(renewed, Sandbox))
    server = HTTPServer(make_app(opened))
    server.add_socket(listening)
    http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20)
    yield Client(http, context=opened), opened
    io_loop.run_sync(http.aclose)
    server.stop()
    io_loop.run_sync(server.close_all_connections)
    io_loop.run_sync(opened.close)


async def test_after_a_rotation_no_old_secret_is_needed(settings, context, monkeypatch, after, alice, bob):
    sealed = set()
    seal = context.keys.seal

    def noted(purpose: str, *what: Any) -> Sealed:
        sealed.add(purpose)
        return seal(purpose, *what)

    monkeypatch.setattr(context.keys, "seal", noted)
    running = await alice.publish(prize_num=2, forecast_num=1, interval=4, fluctuation=0)
    for _ in range(2):
        assert (await bob.dig(running))["is_prize"] == 0
    mailed = await alice.won_goods(bob)
    assert (await bob.claim(mailed, **MAIL))["is_draw"] == 1
    on_site = await alice.publish(forecast_num=1, draw_type=1)
    await bob.dig(on_site)
    pickup = (await bob.claim(on_site))["pickup"]
    packet = await alice.paid_packet()
    assert sealed == set(sealed_values.PLACES)
    await start_servers(settings, NEW, OLD)
    old = fingerprint(OLD)
    new = fingerprint(NEW)
    assert await run_rotate(settings) == (
        0,
        f"seed: 4 sealed anew, from {old} to {new}\naddress: 1 sealed anew, from {old} to {new}\n"
        f"pickup: 1 sealed anew, from {old} to {new}\n"
        f"all of it is sealed under {new}; other secrets are needed for tokens alone\n",
    )
    await start_servers(settings, NEW)  # servers no longer need the old secret
    later, renewed = after
    alice, bob, carol = await later.log_in_all("alice", "bob", "carol")
    digs = [await bob.dig(running), await bob.dig(running)]
    digs += [await carol.dig(running) for _ in range(4)]
    assert [dig["is_prize"] for dig in digs] == [0, 1, 0, 0, 0, 1]
    proof = msgspec.convert(await later.get("/getProof", code=running), draw.Proof)
    assert draw.differences(proof, None) == []
    [row] = (await alice.get("/getWinners", code=mailed))["data"]
    assert {name: row[name] for name in MAIL} == MAIL
    assert (await bob.claim(on_site))["pickup"] == pickup
    assert (await alice.post("/confirmDraw", code=on_site, pickup=pickup))["status"] == 0
    await carol.win(packet)
    claimed = await carol.claim(packet)
    assert (await later.confirm(claimed["package_info"])).endswith(":ok")
    assert (await only(renewed, "prizes", code=packet))["state"] == "given"
    await expect_balance(renewed)


@pytest.fixture
def store(io_loop: Any, settings: Settings) -> Iterator[Store]:
    """A prepared database. The servers that use it list the new secret first."""

    async def connect() -> Store:
        await look_at_data(settings, prepares=True)
        await start_servers(settings, NEW, OLD)
        return Store(settings.mongodb_uri)

    opened = io_loop.run_sync(connect)
    yield opened
    io_loop.run_sync(opened.close)


async def fill(store: Store, keys: Keys, number: int) -> None:
    """Insert this many tasks that hold only a seed."""
    codes = [f"{n:012}" for n in range(number)]
    tasks = [{"_id": code, "seed_box": keys.seal("seed", b"seed", code)} for code in codes]
    for first in range(0, number, 100):
        await store.database["tasks"].insert_many(tasks[first : first + 100])


@pytest.mark.gen_test(timeout=120)
async def test_killed_midway_it_goes_on_and_leaves_nothing_under_the_old_secret(store, settings):
    await fill(store, Keys(OLD.encode()), MANY)
    process = await begin_rotating(settings, None)
    new = Keys(NEW.encode())
    first = f"{0:012}"
    while process.returncode is None and (await store.tasks.seed_box(first))["key"] != new.fingerprint:
        pass
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    assert process.returncode == -signal.SIGKILL
    sealed = await store.sealed_values.number("seed", new.fingerprint)
    assert 0 < sealed < MANY
    about = await store.meta.find()
    assert set(about["keys"]) == {new.fingerprint, fingerprint(OLD)}
    code, said = await run_rotate(settings)
    assert code == 0, said
    # The store may have finished a write of the killed process after we counted.
    assert 0 < int(said.split()[1]) <= MANY - sealed
    async for task in store.database["tasks"].find():
        assert new.open("seed", task["seed_box"], task["_id"]) == b"seed"
    assert "seed: 0 sealed anew" in (await run_rotate(settings))[1]
    about = await store.meta.find()
    assert set(about["keys"]) == {new.fingerprint}


async def test_a_sealed_value_that_cannot_be_opened_is_reported_and_left_as_it_is(store, settings):
    lost = Keys(b"a secret that nobody has any more, 32+")
    await fill(store, lost, 2)
    sealed = Keys(OLD.encode()).seal("seed", b"seed", "of another task")
    await store.database["tasks"].insert_one({"_id": "broken", "seed_box": sealed})
    before = await store.database["tasks"].find().to_list(None)
    both = msgspec.structs.replace(settings, secret_keys=f"{NEW},{OLD}", secret_key="")
    assert (await look_at_data(both, prepares=False)).wrong == Wrong("keys", (lost.fingerprint,))
    code, said = await run_rotate(settings)
    assert code == 1
    assert f"seed: 2 left under {lost.fingerprint}: SECRET_KEYS lacks it\n" in said
    assert "seed: broken does not open, though its secret is here" in said
    assert await store.database["tasks"].find().to_list(None) == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "no secret is in DATA_DIR"),
        ("{other},{old}", "and never under the first of SECRET_KEYS here, <other>: start them"),
        ("{new},{new}", "SECRET_KEYS has a secret twice"),
    ],
    ids=["none", "one that no server has", "twice"],
)
async def test_a_terminal_with_other_secrets_than_the_servers_changes_nothing(store, settings, given, said):
    names = {"old": OLD, "new": NEW, "other": "a secret of no server: 32 characters or more"}
    await fill(store, Keys(OLD.encode()), 2)
    code, answer = await run_rotate(settings, given.format(**names))
    assert code == 2
    for name, secret in names.items():
        said = said.replace(f"<{name}>", fingerprint(secret))
    assert said in answer
    assert await store.sealed_values.fingerprints("seed") == [fingerprint(OLD)]
    assert not (Path(settings.data_dir) / "secret_key").exists()


async def test_an_address_that_is_replaced_meanwhile_is_not_lost(context, settings, monkeypatch, alice, bob):
    code = await alice.publish(forecast_num=1)
    await bob.dig(code)
    await bob.claim(code, **MAIL)
    replace = context.store.sealed_values.replace
    elsewhere = MAIL | {"address": "北京市某路 2 号"}

    async def replace_late(purpose: str, changes: Any) -> int:
        if purpose == "address" and changes:
            monkeypatch.setattr(context.store.sealed_values, "replace", replace)
            await bob.claim(code, **elsewhere)
        return await replace(purpose, changes)

    monkeypatch.setattr(context.store.sealed_values, "replace", replace_late)
    await start_servers(settings, NEW, OLD)
    new = Keys(NEW.encode())
    for seeds, addresses, left in ((1, 0, {fingerprint(OLD): 1}), (0, 1, {})):
        rotated = await rotate(context.store, Keys(NEW.encode(), OLD.encode()))
        assert [(each.purpose, each.sealed.total(), each.left) for each in rotated] == [
            ("seed", seeds, {}),
            ("address", addresses, left),
            ("pickup", 0, {}),
        ]
    [prize] = await context.store.prizes.of_task(code)
    assert msgspec.json.decode(new.open("address", prize["address_box"], prize["_id"])) == elsewhere
