"""Measures open pages of a real server: delays, memory, CPU, slow readers, and all pages returning."""

import statistics
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass

import httpx
import msgspec

from parts.serving import Person, Server, cpu_seconds, cpu_us, rss_kb, running, waited_ms
from parts.watchers import Asked, Crowd, Heard, masked_text

# The headers that a mini-program on a phone sends.
HEADERS = (
    "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.50(0x18003231) NetType/WIFI Language/zh_CN\r\n"
    "Origin: https://servicewechat.com\r\nAccept-Encoding: gzip, deflate\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
)
REPLAYED_DIGS = 300
COUNTED_SECONDS = 30
DELIVERIES = "wabao_deliveries_total"
WEBSOCKETS = "wabao_websockets"
CLOSES = "wabao_websocket_closes_total"
NO_COOLDOWN = 0
ENDLESS = 3600


@dataclass(slots=True)
class Digs:
    """`last_ms`: per dig, from its commit to its last delivery. `deliveries_p99_ms`: of all deliveries.

    `waited_ms`: per dig, how long the server's loops waited for a core, from request to last delivery.
    `cpu_us`: CPU of the serving processes per delivery, with all else that they do meanwhile.
    """

    last_ms: list[float]
    deliveries_p99_ms: float
    waited_ms: list[float]
    cpu_us: float

    @property
    def p50_ms(self) -> float:
        return statistics.median(self.last_ms)

    @property
    def p99_ms(self) -> float:
        return percentile(self.last_ms, 99)


def percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def page(person: Person, code: str, **asked: object) -> Asked:
    since = f"&since={asked['seq']}" if asked.get("seq") else ""
    return Asked(f"/ws?{person.query}&code={code}{since}", headers=HEADERS, **asked)  # type: ignore[arg-type]


def a_dig(person: Person, code: str) -> bytes:
    body = msgspec.json.encode({"unionid": person.unionid, "code": code})
    return (
        b"POST /postTask HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n" % (person.token.encode(), len(body))
    ) + body


def open_pages(server: Server, crowd: Crowd, pages: list[Asked], at_once: int = 200) -> float:
    """Open the pages; return the seconds that it took."""
    found = crowd.connect(server.port, pages, at_once=at_once)
    assert not found.refused, found.refused
    return found.seconds


def dig_to(server: Server, crowd: Crowd, code: str, diggers: list[Person], watchers: int) -> Digs:
    """Dig once as each digger, always after all watchers have heard of the dig before."""
    heard: list[Heard] = []
    waited: list[float] = []
    workers = server.workers()
    began_us = sum(map(cpu_us, workers))
    for digger in diggers:
        before_ms = sum(map(waited_ms, workers))
        crowd.ask("hear", server.dig(digger, code), watchers)
        heard.append(crowd.answer())
        waited.append(sum(map(waited_ms, workers)) - before_ms)
    every = [delay for dig in heard for delay in dig.delays_ms]
    used_us = sum(map(cpu_us, workers)) - began_us
    last_ms = [max(dig.delays_ms) for dig in heard]
    return Digs(last_ms, percentile(every, 99), waited, used_us / len(every))


def wait_until_counted(server: Server, expected: float, name: str, **labels: str) -> None:
    """Wait until a metric has the expected value. Raises TimeoutError after 30 s."""
    deadline = time.monotonic() + COUNTED_SECONDS
    while server.counted(name, **labels) != expected:
        if time.monotonic() > deadline:
            raise TimeoutError(name)
        time.sleep(0.1)


def check(crowd: Crowd, open_pages: int) -> None:
    """Raise AssertionError if a page missed a dig, got one twice or out of order, or was closed."""
    wrong, still_open = crowd.call("found_wrong")
    assert not wrong, wrong
    assert still_open == open_pages, still_open


def idle_watchers(workers: int, watchers: int, digs: int, **settings: str) -> Digs:
    """One dig after another to pages that only watch."""
    with running(workers, **settings) as server, closing(Crowd()) as crowd:
        alice, *diggers = (server.log_in(f"user{number}") for number in range(digs + 1))
        code = server.publish(alice, NO_COOLDOWN)
        open_pages(server, crowd, [page(alice, code)] * watchers)
        dig_to(server, crowd, code, diggers[:5], watchers)
        found = dig_to(server, crowd, code, diggers, watchers)
        check(crowd, watchers)
        return found


def in_turns(
    workers: int, watchers: int, digs: int, rounds: int, **settings: str
) -> tuple[list[Digs], list[Digs]]:
    """Measure the same digs as `idle_watchers`, in turns without and with `settings`."""
    found: tuple[list[Digs], list[Digs]] = ([], [])
    with ExitStack() as stack:
        sides = []
        for given in ({}, settings):
            server = stack.enter_context(running(workers, **given))
            crowd = stack.enter_context(closing(Crowd()))
            alice, *diggers = (server.log_in(f"user{number}") for number in range(digs + 1))
            code = server.publish(alice, NO_COOLDOWN)
            open_pages(server, crowd, [page(alice, code)] * watchers)
            dig_to(server, crowd, code, diggers, watchers)
            sides.append((server, crowd, code, diggers))
        for _ in range(rounds):
            for results, (server, crowd, code, diggers) in zip(found, sides, strict=True):
                results.append(dig_to(server, crowd, code, diggers, watchers))
        for _, crowd, _, _ in sides:
            check(crowd, watchers)
    return found


@dataclass(slots=True)
class Race:
    """All pages dig as their countdown ends: the last delivery of each round, and the replies."""

    last_ms: list[float]
    replies: Counter[str]


def race(people: int, pages_each: int, rounds: int) -> Race:
    """Let people with `pages_each` pages race: each page digs over its own connection as its countdown
    reaches 0."""
    pages = people * pages_each
    with running() as server, closing(Crowd()) as crowd:
        alice = server.log_in("alice")
        with ThreadPoolExecutor(4) as threads:
            racers = list(threads.map(lambda n: _log_in(server, n), range(people)))
        code = server.publish(alice, 3)
        open_pages(
            server, crowd, [page(racer, code, dig=a_dig(racer, code)) for racer in racers * pages_each]
        )
        crowd.call("dig_at_zero")
        last_ms = []
        replies = Counter[str]()
        depth = server.dig(server.log_in("bob"), code)
        for number in range(rounds + 1):
            crowd.ask("hear", depth + number, pages)
            delays = crowd.answer().delays_ms
            if number:
                last_ms.append(max(delays))
                replies += crowd.call("dig_replies", pages)
        return Race(last_ms, replies)


def _log_in(server: Server, number: int) -> Person:
    with httpx.Client(base_url=server.http.base_url, timeout=30) as http:
        return Server(server.port, server.process, http, server.log).log_in(f"racer{number}")


@dataclass(slots=True)
class Load:
    """What open pages that watch a task cost one process. `idle` and `ticks` are shares of a core."""

    kb_each: float
    idle: float
    ticks: float
    opened_seconds: float


@dataclass(slots=True)
class Return:
    """The results when all pages are cut off at once and come back with `since`."""

    seconds: float
    missed_digs: int
    replies_500: float
    digs_meanwhile_ms: list[float]


def many(watchers: int, seconds: int, missed_digs: int) -> tuple[Load, Return]:
    """Measure many connections on one process: their cost, then their return after all were cut off."""
    with running() as server, closing(Crowd()) as crowd:
        (worker,) = server.workers()
        alice, *diggers = (server.log_in(f"user{number}") for number in range(missed_digs + 2))
        quiet = server.publish(alice, ENDLESS)
        busy = server.publish(alice, NO_COOLDOWN)
        open_pages(server, crowd, [page(alice, quiet)] * 50)
        crowd.call("tear_off")
        before_kb = rss_kb(worker)
        opened_seconds = open_pages(server, crowd, [page(alice, quiet)] * watchers)
        idle = _share_of_core(worker, seconds)
        server.dig(diggers[0], quiet)
        ticks = _share_of_core(worker, seconds)
        kb_each = (rss_kb(worker) - before_kb) / watchers
        check(crowd, watchers)
        crowd.call("tear_off")

        open_pages(server, crowd, [page(alice, busy)] * watchers)
        for digger in diggers[:2]:
            crowd.ask("hear", server.dig(digger, busy), watchers)
            crowd.answer()
        began = time.perf_counter()
        crowd.call("tear_off")
        for digger in diggers[2:]:
            server.dig(digger, busy)
        returning = [page(alice, busy, seq=2)] * watchers
        crowd.ask("connect", server.port, returning, "snapshot", watchers)
        digs_ms: list[float] = []
        while not crowd.answered(0.1):
            asked = time.perf_counter()
            server.dig(diggers[len(digs_ms) % len(diggers)], busy)
            digs_ms.append(1000 * (time.perf_counter() - asked))
        refused = crowd.answer().refused
        seconds_back = time.perf_counter() - began
        assert not refused, refused
        dig_to(server, crowd, busy, diggers[:1], watchers)
        check(crowd, watchers)
        replies_500 = server.counted("wabao_request_seconds_count", http_status="500")
        return Load(kb_each, idle, ticks, opened_seconds), Return(
            seconds_back, missed_digs, replies_500, digs_ms
        )


@dataclass(slots=True)
class Cheers:
    """Shares of a core: idle, with one frame a second, and with everybody cheering each second in addition.

    `frames` is the number of further frames a second that a watcher got because of the cheers.
    """

    idle: float
    ticks: float
    cheers: float
    frames: float


def cheers(watchers: int, seconds: int) -> Cheers:
    """Let all watchers of a task cheer once a second; each watcher is another person."""
    with running() as server, closing(Crowd()) as crowd:
        (worker,) = server.workers()
        alice = server.log_in("alice")
        with ThreadPoolExecutor(4) as threads:
            people = list(threads.map(lambda number: _log_in(server, number), range(watchers)))
        code = server.publish(alice, ENDLESS)
        open_pages(server, crowd, [page(person, code) for person in people])
        idle = _share_of_core(worker, seconds)
        server.dig(server.log_in("bob"), code)
        ticks = _share_of_core(worker, seconds)
        sign = masked_text(b'{"action":"cheer","code":"%s","sign":"fire"}' % code.encode())
        before = server.counted(DELIVERIES)
        began = time.perf_counter()
        used = cpu_seconds(worker)
        crowd.call("send_each", sign, seconds)
        took = time.perf_counter() - began
        share = (cpu_seconds(worker) - used) / took
        frames = (server.counted(DELIVERIES) - before) / watchers / took - 1
        check(crowd, watchers)
        return Cheers(idle, ticks, share, frames)


def watched_tasks_kb(tasks: int, digs_each: int) -> int:
    """Return the KB that `tasks` watched tasks take.

    That is the memory for one watcher of each task, minus that for as many watchers of a single task.
    """
    with running() as server, closing(Crowd()) as crowd:
        (worker,) = server.workers()
        alice, *diggers = (server.log_in(f"user{number}") for number in range(digs_each + 1))
        codes = [server.publish(alice, NO_COOLDOWN) for _ in range(tasks)]
        for code in codes:
            for digger in diggers:
                server.dig(digger, code)
        open_pages(server, crowd, [page(alice, codes[0])] * 50)  # fills what a process makes once
        begin_kb = rss_kb(worker)
        open_pages(server, crowd, [page(alice, codes[0])] * tasks)
        one_kb = rss_kb(worker)
        open_pages(server, crowd, [page(alice, code) for code in codes], at_once=50)
        return (rss_kb(worker) - one_kb) - (one_kb - begin_kb)


def _share_of_core(pid: int, seconds: int) -> float:
    began = time.perf_counter()
    used = cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - used) / (time.perf_counter() - began)


@dataclass(slots=True)
class Slow:
    """The delays of ordinary watchers, measured alternately `without` and `beside` watchers that never
    read."""

    without: list[Digs]
    beside: list[Digs]
    slow: int
    cut: float
    grown_kb: int

    @property
    def ratios(self) -> list[float]:
        pairs = zip(self.without, self.beside, strict=True)
        return [beside.deliveries_p99_ms / without.deliveries_p99_ms for without, beside in pairs]


def slow_readers(watchers: int, slow: int, digs: int, rounds: int) -> Slow:
    """Measure beside watchers that never read. Each of them asks for three replays of 300 digs.

    Three replays are more than its socket holds, but not enough for the server to cut it off at once.
    """
    with running() as server, closing(Crowd()) as crowd, closing(Crowd()) as stuck:
        (worker,) = server.workers()
        alice, *diggers = (server.log_in(f"user{number}") for number in range(digs + 1))
        code = server.publish(alice, NO_COOLDOWN)
        for number in range(REPLAYED_DIGS):
            server.dig(diggers[number % len(diggers)], code)
        open_pages(server, crowd, [page(alice, code)] * watchers)
        dig_to(server, crowd, code, diggers[:5], watchers)
        found = Slow([], [], slow * rounds, 0, 0)
        before_kb = rss_kb(worker)
        for number in range(1, rounds + 1):
            if number % 2:  # alternate which half comes first
                found.without.append(dig_to(server, crowd, code, diggers, watchers))
            present = server.dig(diggers[0], code)
            since = present - REPLAYED_DIGS + 1
            again = masked_text(b'{"action":"subscribe","code":"%s","since":%d}' % (code.encode(), since))
            stuck.connect(server.port, [page(alice, code, seq=since, first=2 * again, reads=False)] * slow)
            wait_until_counted(server, watchers + slow, WEBSOCKETS)
            found.beside.append(dig_to(server, crowd, code, diggers, watchers))
            found.grown_kb = max(found.grown_kb, rss_kb(worker) - before_kb)
            wait_until_counted(server, slow * number, CLOSES, close_code="4008")
            stuck.call("tear_off")
            if not number % 2:
                found.without.append(dig_to(server, crowd, code, diggers, watchers))
        check(crowd, watchers)
        found.cut = server.counted(CLOSES, close_code="4008")
        return found
