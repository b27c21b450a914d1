"""The realtime channel when Redis, a process, a connection or a reader fails."""

import asyncio
import socket

import msgspec
import pytest

from server.actions.digging.dig import DigAttempt, dig
from server.realtime.frames import Pong, text_frame
from server.running.stores import EmbeddedRedis
from server.telemetry import metrics
from support.client import Someone
from support.link import Link
from support.open_pages import Page, handshake


def seqs(page: Page) -> list[int]:
    return [frame["seq"] for frame in page.frames if frame["type"] == "cd"]


async def read_up_to(page: Page, depth: int) -> None:
    while depth not in seqs(page):
        assert await page.next() is not None, "closed"


class TestOwnRedis:
    """With a Redis of the test's own, so that it can be killed."""

    @pytest.fixture
    def environment(self, redis: EmbeddedRedis) -> dict[str, str]:
        return {"REDIS_URL": redis.uri}

    async def test_redis_killed_again_and_again_loses_and_repeats_no_dig(
        self, context, other, open_page, redis, alice, bob, carol, code
    ):
        page = await open_page(alice, code)
        await page.until("snapshot")
        depth = 0
        for _ in range(4):
            await context.bus.connected.wait()
            await other.bus.connected.wait()
            redis.kill()
            for who in (bob, carol):  # one dig by each process while Redis is down
                await dig(other if who is bob else context, DigAttempt(code, who.id))
                depth += 1
            await read_up_to(page, depth)
            redis.start()
            await dig(other, DigAttempt(code, bob.id))
            depth += 1
            await read_up_to(page, depth)
        assert seqs(page) == list(range(1, depth + 1))
        fresh = await (await open_page(alice, code)).until("snapshot")
        assert (fresh["seq"], fresh["participants"]) == (depth, 2)


async def test_a_page_cut_within_a_frame_returns_and_misses_nothing(open_page, settings, alice, bob, carol):
    code = await alice.publish(forecast_num=100_000, cd=0)
    whole = await open_page(alice, code)
    await whole.until("snapshot")
    seen: list[int] = []
    dug = 0
    for cut_after in (450, 600, 700, 800, 1000):
        async with Link(f"tcp://127.0.0.1:{settings.port}", cut_after=cut_after).port() as port:
            last = seen[-1] if seen else 0
            page = await open_page(alice, code, since=last, port=port)
            for who in (bob, carol, bob):
                await who.dig(code)
                dug += 1
            while (frame := await page.next()) is not None:
                if frame["type"] == "cd":
                    seen.append(frame["seq"])
    page = await open_page(alice, code, since=seen[-1] if seen else 0)
    await page.until("snapshot")
    assert seen + seqs(page) == list(range(1, dug + 1))
    await read_up_to(whole, dug)
    assert seqs(whole) == list(range(1, dug + 1))


async def test_a_client_that_does_not_read_is_cut_alone(client, context, open_page, settings, monkeypatch):
    monkeypatch.setattr("handlers.websocket.Socket.unsent_bytes_allowed", 20_000)
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish(forecast_num=1_000_000, cd=0)
    page = await open_page(alice, code)
    await page.until("snapshot")
    with socket.socket() as sleeper:
        sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sleeper.connect(("127.0.0.1", settings.port))
        sleeper.sendall(asking_for(bob, code))
        await page.until("watchers", watchers=2)
        before = metrics.CLOSES.labels("4008")._value.get()
        watched = context.hub.known.by_code[code]
        long = text_frame(msgspec.json.encode(Pong(server_time=1)) + b" " * 66_000)
        while len(watched.watchers) == 2:
            for watcher in list(watched.watchers):
                watcher.send(long)
            await page.next()
        assert metrics.CLOSES.labels("4008")._value.get() == before + 1
    await bob.dig(code)
    assert (await page.until("cd"))["seq"] == 1


def asking_for(who: Someone, code: str) -> bytes:
    return handshake(f"/ws?unionid={who.unionid}&token={who.token}&code={code}")


async def test_a_client_that_answers_no_ping_is_cut_in_time(client, app, context, settings):
    app.settings |= {"websocket_ping_interval": 0.3, "websocket_ping_timeout": 0.3}
    alice = await client.log_in("alice")
    code = await alice.publish()
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
    writer.write(asking_for(alice, code))
    async with asyncio.timeout(4):  # without our code, Tornado would wait 5 s for the close frame
        while await reader.read(65536):
            pass
    assert not context.hub.connections
    writer.close()


async def test_a_stopping_server_closes_with_1001(context, open_page, alice, code):
    page = await open_page(alice, code)
    await page.until("snapshot")
    drained = asyncio.ensure_future(context.hub.drain())
    assert await page.closed() == 1001
    late = await open_page(alice, code)
    assert await late.closed() == 1001
    await drained


async def test_a_page_left_while_its_task_is_read_is_not_watched(context, settings, open_page, alice, code):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", settings.port)) as hasty:
            hasty.sendall(asking_for(alice, code))
            # The server's loop runs only after the `with`, so the client is gone before the task is read.
    page = await open_page(alice, code)
    await page.until("snapshot")
    while len(context.hub.known.by_code[code].watchers) > 1:
        await page.until("watchers")
    assert page.frames[-1]["watchers"] == 1
