"""Limits on connections, over real sockets: time for headers, connections per address, sockets per person."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from prometheus_client import REGISTRY
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.httputil import HTTPHeaders
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import websocket_connect

from handlers.limits import person_of
from server.actions.digging.dig import fair_start_of
from server.context import Context
from server.running import listening
from server.running.bounded import BoundedServer, Bounds
from server.running.worker import bounds_of
from server.security.addresses import networks
from server.settings import read_settings
from support.client import Someone
from support.open_pages import Page
from support.replies import raw_reply

PATIENCE_SECONDS = 10
PROXIES = networks("127.0.0.0/8")
HEALTH = "GET /healthz HTTP/1.1\r\nHost: wabao\r\n"


class Line:
    """One connection to the server under test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, **headers: str) -> int:
        """Ask for `/healthz`; return the HTTP status."""
        fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.writer.write(f"{HEALTH}{fields}\r\n".encode())
        return (await self.reply())[0]

    async def reply(self) -> tuple[int, dict[str, Any]]:
        """Return a reply's status and its JSON."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await raw_reply(self.reader)

    async def closed(self) -> float:
        """Wait until the server closes the connection; return when it did (monotonic seconds)."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            with suppress(ConnectionError):  # a reset, if the server did not read everything that was sent
                assert await self.reader.read() == b""
        return time.monotonic()


class Served:
    """A server with bounds, and connections to it that are closed after the test."""

    def __init__(self, app: Application, context: Context, bounds: Bounds) -> None:
        (listener,) = bind_sockets(0, "127.0.0.1")
        self.port = listener.getsockname()[1]
        self.lines: list[Line] = []
        self.pages: list[Page] = []
        self._server = BoundedServer(app, bounds=bounds, person_of=partial(person_of, context.keys))
        self._server.add_socket(listener)

    async def connect(self) -> Line:
        line = Line(*await asyncio.open_connection("127.0.0.1", self.port))
        self.lines.append(line)
        return line

    async def watch(self, who: Someone, forwarded_for: str = "", proven: bool = True) -> Page:
        """Open a websocket; `forwarded_for` is the header that a proxy would send."""
        token = f"&token={who.token}" if proven else ""
        url = f"ws://127.0.0.1:{self.port}/ws?unionid={who.unionid}{token}"
        headers = {"X-Forwarded-For": forwarded_for} if forwarded_for else {}
        page = Page(await websocket_connect(HTTPRequest(url, headers=headers)))
        self.pages.append(page)
        return page

    async def close(self) -> None:
        for line in self.lines:
            line.writer.close()
        for page in self.pages:
            page.connection.close()
            await page.closed()
        self._server.stop()
        await self._server.close_all_connections()


@pytest.fixture
def serve(io_loop: Any, app: Application, context: Context) -> Iterator[Callable[[Bounds], Served]]:
    """Serve the application with bounds."""
    started: list[Served] = []

    def serving(bounds: Bounds) -> Served:
        started.append(Served(app, context, bounds))
        return started[-1]

    yield serving
    for served in started:
        io_loop.run_sync(served.close)


async def test_a_connection_without_complete_headers_is_closed(serve):
    served = serve(Bounds(header_seconds=0.3, idle_seconds=60))
    silent, half, second = [await served.connect() for _ in range(3)]
    assert await second.ask() == 200
    half.writer.write(b"GET / HTTP/1.1\r\nHost: wab")
    second.writer.write(b"GET / HTTP/1.1\r\nHost: wab")
    await asyncio.gather(silent.closed(), half.closed(), second.closed())


async def test_headers_that_trickle_in_do_not_prolong_their_time(serve):
    served = serve(Bounds(header_seconds=0.3, idle_seconds=60))
    line, silent = await served.connect(), await served.connect()

    async def trickle() -> None:
        while True:
            line.writer.write(b"a")
            await asyncio.sleep(0.05)

    trickling = asyncio.create_task(trickle())
    ended, due = await asyncio.gather(line.closed(), silent.closed())
    trickling.cancel()
    assert ended - due < 0.15  # compared, since both are late on a busy machine


async def test_a_connection_may_be_idle_for_longer_than_its_headers_may_take(serve):
    served = serve(Bounds(header_seconds=0.2, idle_seconds=0.6))
    kept, other = await served.connect(), await served.connect()
    assert await kept.ask() == 200
    began = time.monotonic()
    await other.closed()  # `other` sent no headers, so by now the time for headers is over
    assert await kept.ask() == 200
    assert await kept.closed() - began >= 0.6


async def test_a_websocket_outlives_both_times(serve, client):
    served = serve(Bounds(header_seconds=0.2, idle_seconds=0.3))
    page = await served.watch(await client.log_in("alice"))
    kept = await served.connect()
    await kept.ask()
    await kept.closed()
    assert await page.answers()


def replies_not_taken() -> float:
    return REGISTRY.get_sample_value("wabao_turned_away_total", {"why": "reply"}) or 0


async def test_a_body_that_nobody_takes_and_that_stops_ends_its_connection(serve):
    served = serve(Bounds(body_seconds=0.3))
    paths = ("/healthz", "/metrics", "/files/a", "/")
    lines = [await served.connect() for _ in (*paths, "/postTask")]
    for line, path in zip(lines, (*paths, "/postTask"), strict=True):
        line.writer.write(f"POST {path} HTTP/1.1\r\nHost: wabao\r\nContent-Length: 2\r\n\r\n{{".encode())
    await asyncio.gather(*(line.closed() for line in lines[:-1]))
    lines[-1].writer.write(b"}")  # an interface has a longer limit of its own for a body
    assert (await lines[-1].reply())[1]["error"] == "bad_request"


CHUNKED = "POST /getSharePic HTTP/1.1\r\nHost: wabao\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_a_body_in_some_small_or_many_larger_chunks_is_read_and_one_in_bytes_cut_off(serve):
    served = serve(Bounds())
    line, other = [await served.connect() for _ in range(2)]
    for chunk, count in ((b"1\r\n \r\n", 100), (b"200\r\n" + b" " * 512 + b"\r\n", 200)) * 2:
        line.writer.write(CHUNKED.encode() + chunk * count + b"2\r\n{}\r\n0\r\n\r\n")
        status, reply = await line.reply()
        assert (status, reply["error"]) == (200, "not_logged_in")
    other.writer.write(CHUNKED.encode() + b"1\r\nx\r\n" * (listening.FEW_CHUNKS + 1))
    await other.closed()


async def test_a_client_that_does_not_read_its_replies_is_cut_off(serve, monkeypatch):
    monkeypatch.setattr(listening, "TAKEN_SECONDS", 0.2)
    served = serve(Bounds(idle_seconds=60))
    before = replies_not_taken()
    line = await served.connect()
    line.writer.transport.pause_reading()
    line.writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: wabao\r\n\r\n" * 200)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while replies_not_taken() == before:  # noqa: ASYNC110  (a client that reads nothing sees nothing)
            await asyncio.sleep(0.01)
    line.writer.transport.resume_reading()
    with suppress(ConnectionError):
        while await line.reader.read(1 << 20):
            pass


STALLED = "POST /nowhere HTTP/1.1\r\nHost: wabao\r\nContent-Length: 9\r\n"


async def stall(served: Served, **headers: str) -> Line:
    """Send a request without its body; return once the server waits for the body."""
    line = await served.connect()
    fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    line.writer.write(f"{STALLED}{fields}Expect: 100-continue\r\n\r\n".encode())
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert (await line.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
    return line


async def test_connections_that_wait_hold_no_place_of_their_address(serve):
    served = serve(Bounds(an_address=2))
    lines = [await served.connect() for _ in range(6)]
    assert [await line.ask() for line in lines[3:]] == [200] * 3
    for line in lines[:3]:
        line.writer.write(HEALTH.encode())  # a head that is not complete
    assert [await line.ask() for line in lines[3:]] == [200] * 3


async def test_in_a_full_address_the_request_goes_whose_client_is_slowest(serve):
    served = serve(Bounds(an_address=2))
    slow = [await stall(served) for _ in range(2)]
    assert await (await served.connect()).ask() == 200
    status, reply = await slow[0].reply()
    assert (status, reply["status"], reply["error"]) == (429, 1, "too_many")
    assert "网络地址" in reply["msg"]
    await slow[0].closed()
    slow[1].writer.write(b"123456789")
    assert (await slow[1].reply())[0] == 404


@pytest.mark.parametrize("only_https", [False, True])
async def test_a_refusal_without_tornado_says_too_that_only_https_is_used(serve, only_https):
    served = serve(Bounds(an_address=1, only_https=only_https))
    refused = await stall(served)
    assert await (await served.connect()).ask() == 200
    async with asyncio.timeout(PATIENCE_SECONDS):
        head = await refused.reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 429 ")
    assert (b"Strict-Transport-Security: max-age=" in head) == only_https


async def test_a_client_that_does_not_read_its_reply_is_slow_too(serve):
    served = serve(Bounds(an_address=1))
    line = await served.connect()
    line.writer.transport.pause_reading()
    line.writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: wabao\r\n\r\n" * 200)
    while await (other := await served.connect()).ask() == 429:
        other.writer.close()  # refused: so far the kernel takes all replies, so `line` is not slow
    line.writer.transport.resume_reading()
    with suppress(ConnectionError):
        while await line.reader.read(1 << 20):
            pass


async def test_a_request_with_a_good_token_counts_for_its_person_alone(serve, client):
    served = serve(Bounds(an_address=1, a_person=2))
    alice, bob = await client.log_in_all("alice", "bob")
    full = await served.watch(alice, proven=False)
    assert await (await served.connect()).ask() == 429
    assert await (await served.connect()).ask(Authorization=f"Bearer {bob.token}x") == 429
    slow = [await stall(served, Authorization=f"Bearer {alice.token}") for _ in range(2)]
    assert await (await served.connect()).ask(Authorization=f"Bearer {bob.token}") == 200
    assert await (await served.watch(bob)).answers()
    third = await stall(served, Authorization=f"Bearer {alice.token}")
    status, reply = await slow[0].reply()
    assert (status, reply["error"]) == (429, "too_many")
    assert "你同时" in reply["msg"]
    for line in (slow[1], third):
        line.writer.write(b"123456789")
        assert (await line.reply())[0] == 404
    assert await full.answers()


async def test_a_websocket_that_does_not_say_whose_it_is_gives_its_place_to_the_next(serve, client):
    served = serve(Bounds(an_address=1))
    alice = await client.log_in("alice")

    async def connect() -> Page:
        page = Page(await websocket_connect(f"ws://127.0.0.1:{served.port}/ws"))
        served.pages.append(page)
        return page

    silent, one, other = await connect(), await connect(), await connect()
    await silent.closed()
    await one.closed()
    await other.ask(action="hello", token=alice.token)
    assert await other.answers()
    assert await (await served.connect()).ask() == 200


async def test_who_waits_for_the_random_order_holds_no_place_of_the_address(
    serve, client, context, monkeypatch
):
    waits, over = asyncio.Event(), asyncio.Event()

    async def wait(_code: str, _digger: object, *, proven: bool) -> int:
        waits.set()
        await over.wait()
        return 1

    served = serve(Bounds(an_address=1))
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish()
    monkeypatch.setattr(fair_start_of(context), "gathers", lambda _code, ordered_for: not ordered_for)
    monkeypatch.setattr(fair_start_of(context), "wait", wait)
    body = json.dumps({"unionid": bob.unionid, "code": code})
    digging = await served.connect()
    digging.writer.write(
        "POST /postTask HTTP/1.1\r\nHost: wabao\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        await waits.wait()
    assert await (await served.connect()).ask() == 200
    over.set()
    assert (await digging.reply())[1]["status"] == 0


async def test_of_a_persons_digs_that_wait_for_the_random_order_all_but_one_hold_a_place(
    serve, client, context, monkeypatch
):
    came, over, wait = asyncio.Semaphore(0), asyncio.Event(), fair_start_of(context).wait

    async def wait_or_end(*asked: Any, **how: Any) -> int:
        came.release()
        waiting, ended = asyncio.create_task(wait(*asked, **how)), asyncio.create_task(over.wait())
        await asyncio.wait([waiting, ended], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        return 1

    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish()
    monkeypatch.setattr(fair_start_of(context), "gathers", lambda _code, ordered_for: not ordered_for)
    monkeypatch.setattr(fair_start_of(context), "wait", wait_or_end)
    monkeypatch.setattr(fair_start_of(context), "_window_ms", 60_000)
    monkeypatch.setattr(context.hub.cooldowns, "digging_began", lambda _code: context.clock.now_ms())
    served = serve(Bounds(a_person=1))
    body = json.dumps({"unionid": bob.unionid, "code": code})
    dig = (
        f"POST /postTask HTTP/1.1\r\nHost: wabao\r\nAuthorization: Bearer {bob.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in range(2):
            (await served.connect()).writer.write(dig)
            await came.acquire()
    assert await (await served.connect()).ask(Authorization=f"Bearer {bob.token}") == 429
    over.set()
    await context.background.end()  # so that no dig waits any longer for the window's end


async def test_a_place_is_free_again_after_any_end_of_its_connection(serve):
    served = serve(Bounds(an_address=1))

    async def hangs_up(line: Line) -> None:
        line.writer.write(f"{STALLED}\r\n".encode())
        line.writer.close()

    async def sends_a_long_head(line: Line) -> None:
        line.writer.write(b"GET /" + b"a" * (70 << 10))
        assert (await line.reply())[0] == 431
        line.writer.close()

    async def sends_no_http(line: Line) -> None:
        line.writer.write(b"POST /nowhere HTTP/1.1\r\nHost: wabao\r\nContent-Length: -1\r\n\r\n")
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await line.reader.read() == b"HTTP/1.1 400 Bad Request\r\n\r\n"

    async def asks_to_end(line: Line) -> None:
        assert await line.ask(Connection="close") == 200
        await line.closed()

    for end in (hangs_up, sends_a_long_head, sends_no_http, asks_to_end):
        for _ in range(3):
            line = await served.connect()
            assert await line.ask() == 200
            await end(line)
    assert await (await served.connect()).ask() == 200


async def test_a_strangers_x_forwarded_for_changes_nothing(serve):
    served = serve(Bounds(an_address=2, trusted=networks("10.0.0.0/8")))
    slow = [await stall(served, X_Forwarded_For=f"203.0.113.{n}, 10.0.0.{n}") for n in range(3)]
    assert (await slow[0].reply())[0] == 429


async def test_behind_a_trusted_proxy_each_client_has_a_limit_of_its_own(serve, client):
    served = serve(Bounds(an_address=2, trusted=PROXIES))
    alice = await client.log_in("alice")
    pages = [
        await served.watch(alice, claimed, proven=False)
        for claimed in ("203.0.113.9", "1.1.1.1, 203.0.113.9")
    ]
    with pytest.raises(HTTPClientError, match="429"):
        await served.watch(alice, "2.2.2.2, 203.0.113.9, 127.0.0.9", proven=False)
    proxy = await served.connect()
    assert await proxy.ask(X_Forwarded_For="203.0.113.10") == 200
    assert await proxy.ask(X_Forwarded_For="203.0.113.11") == 200
    assert await proxy.ask(X_Forwarded_For="203.0.113.9") == 429
    await proxy.closed()
    pages.append(await served.watch(alice, "203.0.113.10", proven=False))
    assert all([await page.answers() for page in pages])
    pages[0].connection.close()
    await pages[0].closed()
    assert await (await served.connect()).ask(X_Forwarded_For="203.0.113.9") == 200


async def test_an_ipv6_network_of_a_64_counts_as_one_address_and_one_of_a_48_as_ten(serve, client):
    served = serve(Bounds(an_address=1, trusted=PROXIES))
    alice = await client.log_in("alice")
    for number in range(10):
        await served.watch(alice, f"2001:db8:0:{number}::1", proven=False)
    for full in ("2001:db8:0:9:ffff::2", "2001:db8:0:a::1"):
        with pytest.raises(HTTPClientError, match="429"):
            await served.watch(alice, full, proven=False)
    await served.watch(alice, "2001:db8:1::1", proven=False)


@pytest.mark.parametrize("claimed", ["203.0.113.9", ""], ids=["behind a proxy", "without a proxy"])
async def test_websockets_with_a_token_do_not_count_for_their_address(serve, client, claimed):
    served = serve(Bounds(an_address=2, trusted=PROXIES if claimed else ()))
    people = await client.log_in_all("alice", "bob", "carol", "dave")
    for person in people:
        assert await (await served.watch(person, claimed)).answers()
    eve = await client.log_in("eve")
    pages = [await served.watch(eve, claimed, proven=False) for _ in range(2)]
    assert all([await page.answers() for page in [*served.pages, *pages]])
    with pytest.raises(HTTPClientError, match="429"):
        await served.watch(people[0], claimed, proven=False)
    for page in served.pages[: len(people)]:
        page.connection.close()
        await page.closed()
    with pytest.raises(HTTPClientError, match="429"):
        await served.watch(people[0], claimed, proven=False)


async def test_a_query_of_very_many_parameters_is_not_searched_for_a_token(context, alice):
    asked = f"/ws?token={alice.token}&unionid={alice.unionid}&code=x&since=1&ticks=1"
    assert person_of(context.keys, asked, HTTPHeaders()) == alice.id
    assert person_of(context.keys, asked + "&a=1" * 4000, HTTPHeaders()) == ""


async def test_a_proxy_that_names_no_client_has_no_limit(serve):
    served = serve(Bounds(an_address=1, trusted=PROXIES))
    lines = [await served.connect() for _ in range(4)]
    assert [await line.ask() for line in lines] == [200] * 4
    assert [await line.ask(X_Forwarded_For="rubbish") for line in lines] == [200] * 4


def test_no_address_is_limited_if_a_needed_proxy_is_not_named(caplog):
    behind = {"PUBLIC_URL": "https://wabao.invalid", "SOCKETS_AN_ADDRESS": "200"}
    with caplog.at_level(logging.WARNING):
        unknown = bounds_of(read_settings(behind))
    assert (unknown.an_address, unknown.a_person) == (0, 20), "people with tokens are known all the same"
    assert [record.message for record in caplog.records] == [
        "SOCKETS_AN_ADDRESS has no effect: PUBLIC_URL is https and TRUSTED_PROXIES is not set"
    ]
    named = bounds_of(read_settings(behind | {"TRUSTED_PROXIES": "10.0.0.0/8"}))
    assert (named.an_address, named.a_person, named.trusted) == (200, 20, networks("10.0.0.0/8"))
    assert bounds_of(read_settings({"SOCKETS_AN_ADDRESS": "200"})).an_address == 200
    assert bounds_of(read_settings({})).an_address == 0, "in development everybody shares one address"


async def test_a_persons_eleventh_socket_closes_the_first(serve, client, settings):
    served = serve(Bounds())
    alice, bob = await client.log_in_all("alice", "bob")
    other = await served.watch(bob)
    pages = []
    for _ in range(settings.sockets_a_person):
        pages.append(await served.watch(alice))
        assert await pages[-1].answers()  # the server has accepted this socket before the next comes
    newest = await served.watch(alice)
    refusal = await pages[0].until("error")
    assert (refusal["error"], refusal["code"]) == ("too_many", "")
    assert await pages[0].closed() == 4010
    assert all([await page.answers() for page in [*pages[1:], newest, other]])
    newest.connection.close()
    await newest.closed()
    another = await served.watch(alice)
    assert all([await page.answers() for page in [another, *pages[1:], other]])
