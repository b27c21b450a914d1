"""Digs while the store does not answer: the outcome is told once it is known, and no dig is made twice."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import msgspec
import pytest
from pymongo.errors import AutoReconnect
from tornado.log import app_log
from tornado.testing import ExpectLog

from server.actions.dig import settle_pending
from server.context import Context
from server.game.dig import Dig
from server.settings import Settings
from server.store.digs import Digs
from server.store.tasks import Tasks
from support.client import Client, Someone, a_picture
from support.statements import check_history


class Proxy:
    """Stands between the server and MongoDB, and loses what it is told to lose.

    It has a thread of its own: closing a client blocks the test's thread until MongoDB answers.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._losing = b""
        self._then_close = False
        self._closed = False
        self._pumps: set[asyncio.Task[None]] = set()
        self.lost = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        """Return when it listens on `port`."""
        self._thread.start()
        self._listening.wait()

    def lose_reply_of(self, command: bytes, *, then_close: bool = False) -> None:
        """Let the next such command happen, and cut its connection instead of passing the reply on."""
        self._losing, self._then_close = command, then_close

    def close(self) -> None:
        """Refuse new connections, and cut the open ones."""
        self._closed = True
        self._loop.call_soon_threadsafe(self._cut)

    def open(self) -> None:
        """Take connections again."""
        self._closed = False

    def end(self) -> None:
        """Cut everything, and return when the thread has ended."""
        self.close()
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()

    def _cut(self) -> None:
        for pump in self._pumps:
            pump.cancel()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._listen())

    async def _listen(self) -> None:
        self._ending = asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._ending.wait()
        server.close()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pump = asyncio.current_task()
        assert pump is not None
        self._pumps.add(pump)
        try:
            if not self._closed:
                await self._pump(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # cut, by us or by either end
        finally:
            self._pumps.discard(pump)
            writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        store_reader, store_writer = await asyncio.open_connection(*self._target)
        losing = asyncio.Event()

        async def forth() -> None:
            while chunk := await reader.read(1 << 16):
                if self._losing and self._losing in chunk:
                    self._losing = b""
                    losing.set()
                store_writer.write(chunk)

        async def back() -> None:
            while chunk := await store_reader.read(1 << 16):
                if losing.is_set():
                    self.lost += 1
                    return
                writer.write(chunk)

        ways = [asyncio.create_task(forth()), asyncio.create_task(back())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            store_writer.close()
        if losing.is_set() and self._then_close:
            self.close()


@pytest.fixture
def proxy(mongodb_uri: str) -> Iterator[Proxy]:
    """A proxy in front of this run's MongoDB."""
    parts = urlsplit(mongodb_uri)
    started = Proxy(parts.hostname or "127.0.0.1", parts.port or 27017)
    started.start()
    yield started
    started.end()


@pytest.fixture
def settings(settings: Settings, proxy: Proxy) -> Settings:
    """Settings whose MongoDB is behind the proxy, with retried writes as by default."""
    parts = urlsplit(settings.mongodb_uri)
    address = parts.netloc.rpartition("@")[0]
    netloc = f"{address}@127.0.0.1:{proxy.port}" if address else f"127.0.0.1:{proxy.port}"
    query = parts.query.replace("retryWrites=false", "retryWrites=true")
    uri = urlunsplit(parts._replace(netloc=netloc, query=query))
    return msgspec.structs.replace(settings, mongodb_uri=uri)


async def publisher_and_digger(client: Client) -> tuple[Someone, Someone]:
    alice, bob = await client.log_in_all("alice", "bob")
    await bob.get("/getMyInfo")
    return alice, bob


@pytest.mark.gen_test
async def test_a_recorded_dig_whose_confirmation_was_lost_gets_its_reply(
    client: Client, context: Context, proxy: Proxy
) -> None:
    alice, bob = await publisher_and_digger(client)
    code = await alice.publish(cd=60, forecast_num=40_000)
    proxy.lose_reply_of(b"findAndModify")
    reply = await bob.dig(code)
    assert proxy.lost == 1
    assert (reply["status"], reply["now_depth"], reply["joined"], reply["repeated"]) == (0, 1, 1, 0)
    assert len(await check_history(context, code)) == 1


@pytest.mark.gen_test
async def test_an_unknown_outcome_is_said_and_is_known_when_asked_again(
    client: Client, context: Context, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.actions.dig.DEADLINE_SECONDS", 1.0)
    alice, bob = await publisher_and_digger(client)
    code = await alice.publish(cd=60, forecast_num=40_000)
    proxy.lose_reply_of(b"findAndModify", then_close=True)
    began = time.monotonic()
    unknown = await bob.dig(code)
    assert (unknown["status"], unknown["error"]) == (1, "outcome_unknown")
    assert time.monotonic() - began < 5
    proxy.open()
    reply = await bob.dig(code)
    assert (reply["status"], reply["now_depth"], reply["joined"], reply["repeated"]) == (0, 1, 1, 1)
    assert len(await check_history(context, code)) == 1


@pytest.mark.gen_test
async def test_digs_while_the_store_is_away_change_nothing_and_none_waits_for_the_others(
    client: Client, context: Context, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.actions.dig.DEADLINE_SECONDS", 1.0)
    alice, bob = await publisher_and_digger(client)
    code = await alice.publish(cd=60, forecast_num=40_000)
    proxy.close()
    began = time.monotonic()
    replies = await asyncio.gather(*(bob.dig(code) for _ in range(5)))
    assert {reply["error"] for reply in replies} == {"unavailable"}
    assert time.monotonic() - began < 5
    proxy.open()
    assert await check_history(context, code) == []
    assert (await bob.dig(code))["repeated"] == 0


@pytest.mark.gen_test
async def test_a_dig_stays_pending_until_it_is_in_the_history(
    client: Client, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = await publisher_and_digger(client)
    code = await alice.publish(forecast_num=100_000, cd=0)
    insert = Digs.insert
    refused: list[str] = []

    async def away_at_first(digs: Digs, dig: Dig) -> None:
        if not refused:
            refused.append(dig["_id"])
            raise AutoReconnect("gone")
        await insert(digs, dig)

    monkeypatch.setattr(Digs, "insert", away_at_first)
    reply = await bob.dig(code)
    assert (reply["status"], reply["now_depth"], refused) == (0, 1, [f"{code}:1"])
    await context.background.finish()
    task = await context.store.tasks.find(code)
    assert task is not None
    assert task["pending"] == 1
    assert [user["no"] for user in (await bob.get("/getTaskDetails", code=code))["users"]] == [1]
    assert (await bob.dig(code))["now_depth"] == 2
    await context.background.finish()
    assert [dig["depth"] for dig in await check_history(context, code)] == [1, 2]
    assert await context.store.digs.collection.count_documents({"code": code}) == 2


@pytest.mark.gen_test
async def test_a_task_whose_insert_was_not_confirmed_is_published_once(
    client: Client, context: Context, proxy: Proxy
) -> None:
    alice, _ = await publisher_and_digger(client)
    url = (await alice.upload(a_picture()))["url"]
    asked = {"goods_type": 2, "url": url, "name": "一只猫", "prize_num": 1, "forecast_num": 9, "draw_type": 2}
    proxy.lose_reply_of(b"insert")
    reply = await alice.post("/postTask", **asked)
    assert (reply["status"], proxy.lost) == (0, 1)
    assert [task["_id"] async for task in context.store.tasks.collection.find({})] == [reply["code"]]


@pytest.mark.gen_test
async def test_a_publication_of_unknown_outcome_says_that_it_is_unknown(
    client: Client, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, _ = await publisher_and_digger(client)
    url = (await alice.upload(a_picture()))["url"]

    async def silent(*_: object) -> bool:
        raise AutoReconnect("gone")

    monkeypatch.setattr(Tasks, "insert", silent)
    asked = {"goods_type": 2, "url": url, "name": "一只猫", "prize_num": 1, "forecast_num": 9, "draw_type": 2}
    assert (await alice.post("/postTask", **asked))["error"] == "outcome_unknown"
    monkeypatch.setattr(Tasks, "square", silent)
    assert (await alice.get("/getTaskList"))["error"] == "unavailable"


@pytest.mark.gen_test
async def test_one_pending_dig_that_cannot_be_mended_does_not_keep_others_waiting(
    client: Client, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = await publisher_and_digger(client)
    codes = [await alice.publish(forecast_num=100_000, cd=0) for _ in range(2)]
    for code in codes:
        await bob.dig(code)
    await context.background.finish()
    await context.store.digs.collection.delete_many({})
    await context.store.tasks.collection.update_many({}, {"$set": {"pending": 1, "last_dig.at": 0}})
    insert = Digs.insert

    async def one_is_broken(digs: Digs, dig: Dig) -> None:
        if dig["code"] == codes[0]:
            raise ValueError("cannot be mended")
        await insert(digs, dig)

    monkeypatch.setattr(Digs, "insert", one_is_broken)
    with ExpectLog(app_log, ".* stays pending"):
        await settle_pending(context)
    assert [dig["code"] async for dig in context.store.digs.collection.find({})] == [codes[1]]
