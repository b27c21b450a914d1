"""Computes what many open pages need, from unit costs: by sums, and by the simulation in `queueing.py`.

The assumptions of the tables are in `Load` and `Limits`; everything else was measured in the same run.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from parts import unit_costs
from parts.loads import LIVING_SECONDS, TELLERS, Load, known_by_a_process, watchers_bytes
from parts.queueing import Cost, DigCost, Hall, comeback, ticking, wave
from parts.unit_costs import Spent, Units

HEADERS = 66  # bytes of TCP, IP and Ethernet headers for each frame or reply
SIMULATED_PROCESSES = 8  # further processes are assumed to behave the same
HEARTBEAT_BYTES = 700
TREASURE_KB = 8.0  # memory, as `bench/fanout.py --only tasks` measures it
CPU = 1e6  # µs in a second: one whole core
# Seconds between two `watchers` frames to a crowd.
CROWD_SECONDS = 5


@dataclass(slots=True, frozen=True)
class Limits:
    """The most that a process, Redis or MongoDB carries. The limits of a process are chosen, the others are
    assumed."""

    process_share: float = 0.5
    process_pages: int = 10_000
    redis_share: float = 0.5
    redis_bytes: float = 125e6  # a link of 1 Gbit/s
    mongodb_commands: float = 10_000.0
    dig_ms: float = 1000.0


@dataclass(slots=True, frozen=True)
class Need:
    """The needs of a load. Frames, digs, commands and bytes are per second."""

    processes: int
    cores: float
    memory_gb: float
    frames: float
    megabits: float
    digs: float
    redis_commands: float
    redis_share: float
    redis_bytes: float
    mongodb_commands: float
    mongodb_sets: int
    mongodb_bytes: float


def worker_us(units: Units, load: Load, processes: int) -> float:
    """Return the CPU time that all processes together use per second, in µs."""
    of = units.of
    opens = load.pages / load.stay
    numbers = watcher_frames(load) + 1.0  # frames a second, with one tick
    known = known_by_a_process(load, processes)
    each_open = of["tap, alone"].worker + of["square"].worker
    return (
        opens * each_open
        + load.pages / load.presses * of["refusal"].worker
        + load.pages * numbers * of["tick, a delivery"].worker
        + load.pages / load.cooldown * of["delivery"].worker
        + load.treasures / load.cooldown * of["dig, alone"].worker
        + processes * known * of["a treasure's tick and poll"].worker
        + processes * known / load.cooldown * units.news_us
        + processes * units.idle.worker
    )


def watcher_frames(load: Load) -> float:
    """Return how many `watchers` frames a page gets in a second."""
    if load.pages_each > 500:
        return 1 / CROWD_SECONDS
    return 1 - math.exp(-2 * load.pages_each / load.stay)  # share of seconds with a change


def processes_for(units: Units, load: Load, limits: Limits) -> int:
    number = max(2, math.ceil(load.pages / limits.process_pages))  # at least two, in case one fails
    while worker_us(units, load, number) > number * limits.process_share * CPU:
        number += max(1, number // 20)
    return number


def need(units: Units, load: Load, limits: Limits) -> Need:
    """Work out what a load needs."""
    processes = processes_for(units, load, limits)
    of = units.of
    opens = load.pages / load.stay
    digs = load.treasures / load.cooldown
    known = known_by_a_process(load, processes)
    frames = load.pages * (1 + watcher_frames(load) + 1 / load.cooldown)
    frame_bytes = load.pages * (
        units.frames["tick"]
        + HEADERS
        + watcher_frames(load) * (units.frames.get("watchers", 60.0) + HEADERS)
        + (units.frames["cd"] + HEADERS) / load.cooldown
    )
    page_bytes = sum(units.replies[name] + 2 * HEADERS for name in ("details", "square"))
    page_bytes += units.frames.get("snapshot", 600.0) + 700 + 4 * HEADERS
    bytes_out = frame_bytes + opens * page_bytes + load.pages / load.presses * units.replies["refusal"]
    heard_by = processes * known / load.treasures  # processes that know a treasure
    messages = 2 * processes * min(TELLERS, processes) + processes / LIVING_SECONDS
    publishes = digs + messages
    received = digs * heard_by + messages + processes * processes / LIVING_SECONDS
    commands = digs * of["dig, alone"].redis_commands + opens * of["tap, alone"].redis_commands
    commands += processes * (1 + units.idle.redis_commands)
    redis_us = publishes * units.published_us + received * units.received_us + commands * units.published_us
    news_bytes = digs * units.news_bytes * (1 + heard_by)
    redis_bytes = news_bytes + watchers_bytes(load, processes) + processes * HEARTBEAT_BYTES
    cold = opens if load.pages_each == 1 else 0.0
    mongodb = _sum(
        of["dig, alone"] * digs,
        of["tap, alone"] * opens,
        of["handshake, cold treasure"] * (cold + processes * known / (load.stay * 10)),
        units.idle * processes,
    )
    memory_kb = processes * units.base_kb + load.pages * units.socket_kb
    memory_kb += processes * known * TREASURE_KB
    return Need(
        processes=processes,
        cores=worker_us(units, load, processes) / CPU,
        memory_gb=memory_kb / (1 << 20),
        frames=frames,
        megabits=8 * bytes_out / 1e6,
        digs=digs,
        redis_commands=commands,
        redis_share=redis_us / CPU,
        redis_bytes=redis_bytes,
        mongodb_commands=mongodb.mongodb_commands,
        mongodb_sets=math.ceil(mongodb.mongodb_commands / limits.mongodb_commands),
        mongodb_bytes=mongodb.mongodb_bytes,
    )


def _sum(*spent: Spent) -> Spent:
    total = Spent()
    for each in spent:
        total = total - each * -1
    return total


def dig_cost(units: Units, processes: int = 1) -> DigCost:
    """Return what a dig costs, in seconds, including Redis's work for this many processes."""
    of = units.of
    beyond = max(0, processes - SIMULATED_PROCESSES) * units.received_us
    return DigCost(
        worker=of["dig"].worker / CPU,
        store=of["dig"].mongodb / CPU,
        commands=max(2, round(of["dig"].mongodb_commands)),
        bus=(units.published_us + units.received_us + beyond) / CPU,
        heard=units.news_us / CPU,
        send=of["delivery"].worker / CPU,
        read=of["delivery"].client / CPU,
    )


def cost(spent: Spent) -> Cost:
    """Return the cost in seconds of a request that asks no store."""
    return Cost(spent.worker / CPU, client=spent.client / CPU)


def first_details_cost(units: Units, steps: int) -> Cost:
    """Return the cost in seconds of a person's first request for details, which queries the store in `steps`.

    The cost of one store operation, however many requests share it, follows from people who tap one after
    the other, and from people who tap at once.
    """
    alone, many, handshake = (units.of[name] for name in ("tap, alone", "first details", "handshake"))
    part = steps * (1 - 1 / unit_costs.TAPS)
    query = max(0.0, alone.worker - handshake.worker - many.worker) / part
    answer = max(0.0, alone.mongodb - handshake.mongodb - many.mongodb) / part
    return Cost(
        max(0.0, many.worker - steps * query / unit_costs.TAPS) / CPU,
        max(0.0, many.mongodb - steps * answer / unit_costs.TAPS) / CPU,
        many.client / CPU,
        steps,
        query / CPU,
        answer / CPU,
    )


@dataclass(slots=True, frozen=True)
class Delays:
    """Milliseconds that the simulation predicts for a load, with each process on a core of its own."""

    dig_to_last: float
    refused_beside_ticks_p99: float
    lost_back: float


def delays(units: Units, load: Load, processes: int) -> Delays:
    """Simulate at most eight of these processes, since all behave alike. Clients take no time here."""
    some = min(processes, SIMULATED_PROCESSES)
    each = load.pages / processes
    watchers = math.ceil(some * min(each, load.pages_each / processes if load.treasures > 1 else each))
    dig = replace(dig_cost(units, processes), read=0.0)
    told = wave(Hall(some, math.inf), dig, max(1, watchers))
    tick = (units.of["tick, a delivery"].worker * (1 + watcher_frames(load))) / CPU
    refusal = units.of["refusal"].worker / CPU
    waits = sorted(ticking(Hall(some, math.inf), refusal, tick, round(some * each), 10))
    handshake = replace(cost(units.of["handshake"]), client=0.0)
    back = comeback(Hall(max(1, processes - 1), math.inf), handshake, round(each), load.back_within)
    return Delays(1000 * max(told[0]), 1000 * waits[int(0.99 * len(waits))], 1000 * back)


def breaks(units: Units, pages_each: Callable[[int], int], limits: Limits) -> list[tuple[float, str]]:
    """Return at how many pages each resource reaches its limit, the lowest number first."""

    def found(full: Callable[[Need], float]) -> float:
        low = 100
        high = 1 << 30
        while high > 1.02 * low:
            pages = round(math.sqrt(low * high))
            over = full(need(units, Load(pages, pages_each(pages)), limits)) > 1
            low, high = (low, pages) if over else (pages, high)
        return float(high)

    at = [
        (found(lambda n: n.redis_share / limits.redis_share), "Redis, half a core"),
        (found(lambda n: n.redis_bytes / limits.redis_bytes), "Redis, a link of 1 Gbit/s"),
        (
            found(lambda n: n.mongodb_commands / limits.mongodb_commands),
            f"MongoDB, {limits.mongodb_commands:,.0f} commands a second",
        ),
        (found(lambda n: n.megabits / 10_000), "the proxy before the processes, 10 Gbit/s"),
    ]
    return sorted(at)
