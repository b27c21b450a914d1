"""Simulates a machine as queues, to predict how long a load takes from the cost of each piece of work. Pure.

A process does one piece of work at a time, in order of arrival, as an event loop does. All busy processes
share the cores evenly, as under Linux's scheduler; a process never has more than one core. Times are in
seconds of the simulation's own clock. The same seed gives the same answer.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

Then = Callable[[], None]
# One operation of a store serves at most BATCH requests for pages. Unless that many wait, it begins at least
# MOMENT after the answer to the previous operation (server/memory/batch_queue.py).
BATCH = 200
MOMENT = 0.015
# The embedded store's threads share one interpreter, in turns of this length (sys.getswitchinterval).
TURN = 0.005


@dataclass(slots=True, frozen=True)
class Cost:
    """CPU seconds of one request: in the serving process, in the store, and in the client.

    The request makes `steps` queries, one after the other. Requests that query at the same moment share one
    query. `query` and `answer` are what a query costs the serving process and the store, however many
    requests share it; `store` is what each request adds, over all steps.
    """

    worker: float
    store: float = 0.0
    client: float = 0.0
    steps: int = 0
    query: float = 0.0
    answer: float = 0.0


@dataclass(slots=True, frozen=True)
class DigCost:
    """CPU seconds of a dig and of its deliveries.

    `commands` is the number of commands to the store, which all take the same time; the second command
    commits. `bus` is Redis's time for the message and for each process that gets the message, `heard` the
    time that such a process takes. `send` and `read` are the times of one delivery, in the serving process
    and in the client.
    """

    worker: float
    store: float
    commands: int
    bus: float
    heard: float
    send: float
    read: float


class Machine:
    """Cores, and the processes that share them. `cores` may be infinite: then each process has its own."""

    def __init__(self, cores: float, seed: int = 0) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self._cores = cores
        self._timers: list[tuple[float, int, Then]] = []
        # All running processes get the same share: `_served` is how much each has got. So the order in which
        # they end never changes.
        self._served = 0.0
        self._running: list[tuple[float, int, Process]] = []
        self._count = itertools.count()

    def at(self, seconds: float, then: Then) -> None:
        """Call `then` at that time."""
        heapq.heappush(self._timers, (seconds, next(self._count), then))

    def begin(self, process: Process, seconds: float) -> None:
        heapq.heappush(self._running, (self._served + seconds, next(self._count), process))

    def run(self, until: float = float("inf")) -> None:
        """Run until nothing is left to do, or until that time."""
        while self._timers or self._running:
            rate = min(1.0, self._cores / len(self._running)) if self._running else 1.0
            ready = self.now + (self._running[0][0] - self._served) / rate if self._running else float("inf")
            due = self._timers[0][0] if self._timers else float("inf")
            then = min(ready, due)
            if then > until:
                return
            self._served += (then - self.now) * rate
            self.now = then
            if due <= ready:
                heapq.heappop(self._timers)[2]()
            else:
                heapq.heappop(self._running)[2].end()


@dataclass(slots=True)
class Process:
    """One process with its queue of work. `busy` is the CPU time that it has used."""

    machine: Machine
    busy: float = 0.0
    _waiting: deque[tuple[float, Then]] = field(default_factory=deque)

    def do(self, seconds: float, then: Then) -> None:
        """Work for this long, after all work that waits; then call `then`."""
        self._waiting.append((seconds, then))
        if len(self._waiting) == 1:
            self.machine.begin(self, seconds)

    def do_in_turns(self, seconds: float, then: Then) -> None:
        """Work for this long, in turns with all other such work, as threads of one interpreter do."""
        turn = min(seconds, TURN)
        self.do(turn, partial(self.do_in_turns, seconds - turn, then) if seconds > turn else then)

    def end(self) -> None:
        """End the first piece of work; begin the next."""
        seconds, then = self._waiting[0]
        self.busy += seconds
        then()
        self._waiting.popleft()
        if self._waiting:
            self.machine.begin(self, self._waiting[0][0])


class Batches:
    """A process's queue for the store: requests that come during a query share the next one."""

    def __init__(self, worker: Process, store: Process) -> None:
        self._worker = worker
        self._store = store
        self._machine = store.machine
        self._waiting: deque[tuple[Cost, Then]] = deque()
        self._asking = False
        self._answered_at = -MOMENT

    def ask(self, cost: Cost, then: Then) -> None:
        """Make one of a request's queries, shared with all other waiting requests."""
        self._waiting.append((cost, then))
        self._send()

    def _send(self) -> None:
        if self._asking or not self._waiting:
            return
        self._asking = True
        due = 0.0 if len(self._waiting) >= BATCH else self._answered_at + MOMENT
        self._machine.at(max(self._machine.now, due), self._put)

    def _put(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        cost = batch[0][0]
        seconds = cost.answer + sum(cost.store / cost.steps for cost, _ in batch)
        answered = partial(self._answered, [then for _, then in batch])
        self._worker.do(cost.query, partial(self._store.do_in_turns, seconds, answered))

    def _answered(self, thens: list[Then]) -> None:
        self._asking = False
        self._answered_at = self._machine.now
        for then in thens:
            then()
        self._send()


class Hall:
    """All simulated processes: the serving ones, the store, Redis and the clients."""

    def __init__(self, processes: int, cores: float, seed: int = 0) -> None:
        self.machine = Machine(cores, seed)
        self.workers = [Process(self.machine) for _ in range(processes)]
        self.store, self.bus, self.client = (Process(self.machine) for _ in range(3))
        self.batches: dict[tuple[int, int], Batches] = {}

    def shares(self, number: int) -> list[int]:
        """Spread connections over the processes, as the kernel does; return each connection's process."""
        return [self.machine.random.randrange(len(self.workers)) for _ in range(number)]

    def request(self, which: int, cost: Cost, then: Then) -> None:
        """Send a request to a process, with its queries to the store; call `then` when it is answered."""
        worker = self.workers[which]
        client = self.client
        piece = cost.worker / (cost.steps + 1)

        def go_on(step: int) -> None:
            if step > cost.steps:
                client.do(cost.client / 2, then)
                return
            queue = self._queue(which, step)
            queue.ask(cost, partial(worker.do, piece, partial(go_on, step + 1)))

        client.do(cost.client / 2, partial(worker.do, piece, partial(go_on, 1)))

    def _queue(self, which: int, step: int) -> Batches:
        """Return the queue of a step: each process has a queue for each kind of query."""
        if (which, step) not in self.batches:
            self.batches[which, step] = Batches(self.workers[which], self.store)
        return self.batches[which, step]


def saturated(hall: Hall, cost: Cost, connections: int, seconds: float) -> tuple[float, list[float]]:
    """Let each connection ask again at each answer; return the requests a second, and each one's wait."""
    waits: list[float] = []

    def ask(which: int) -> None:
        began = hall.machine.now

        def answered() -> None:
            waits.append(hall.machine.now - began)
            ask(which)

        hall.request(which, cost, answered)

    for which in hall.shares(connections):
        ask(which)
    hall.machine.run(seconds)
    return len(waits) / seconds, waits


def wave(hall: Hall, cost: DigCost, watchers: int, digs: int = 1, every: float = 1.0) -> list[list[float]]:
    """Let a process dig every `every` seconds; return each delivery's time since the commit, by dig.

    The clients of all watchers are one process, as in the measurement.
    """
    pages = hall.shares(watchers)
    here = [pages.count(which) for which in range(len(hall.workers))]
    step = cost.worker / (cost.commands + 1)
    piece = cost.store / cost.commands
    delays: list[list[float]] = []

    def begin(digger: int) -> None:
        found: list[float] = []
        delays.append(found)
        worker = hall.workers[digger]
        committed = 0.0

        def heard() -> None:
            found.append(hall.machine.now - committed)

        def tell(which: int) -> None:
            for _ in range(here[which]):
                hall.workers[which].do(cost.send, partial(hall.client.do, cost.read, heard))

        def publish() -> None:
            tell(digger)
            others = [which for which in range(len(hall.workers)) if which != digger]

            def told() -> None:
                for which in others:
                    hall.workers[which].do(cost.heard, partial(tell, which))

            hall.bus.do(cost.bus * (1 + len(hall.workers)), told)

        def asked(number: int) -> None:
            nonlocal committed
            if number == 2:  # the commit: the second command's record has the time of MongoDB's clock
                committed = hall.machine.now - piece
            after = partial(ask, number + 1) if number < min(3, cost.commands) else publish
            worker.do(step, after)

        def ask(number: int) -> None:
            hall.store.do_in_turns(piece, partial(asked, number))

        worker.do(step, partial(ask, 1))

    for number in range(digs):
        hall.machine.at(number * every, partial(begin, hall.machine.random.randrange(len(hall.workers))))
    hall.machine.run()
    return delays


def shared_link(hall: Hall, details: Cost, handshake: Cost, people: int) -> list[float]:
    """Let all people tap a link at once: first details, then the websocket; return when each page is live."""
    live: list[float] = []
    for first, second in zip(hall.shares(people), hall.shares(people), strict=True):
        hall.request(
            first,
            details,
            partial(hall.request, second, handshake, lambda: live.append(hall.machine.now)),
        )
    hall.machine.run()
    return live


def comeback(hall: Hall, handshake: Cost, pages: int, within: float) -> float:
    """Let the pages of a lost process come back to these processes; return when the last page is live again.

    Each page comes after a random time up to `within`, as the clients do. With 0, all come at once.
    """
    live: list[float] = []
    for which in hall.shares(pages):
        hall.machine.at(
            hall.machine.random.uniform(0, within),
            partial(hall.request, which, handshake, lambda: live.append(hall.machine.now)),
        )
    hall.machine.run()
    return max(live)


def ticking(hall: Hall, request: float, tick: float, pages: int, seconds: int) -> list[float]:
    """Let each process send a tick to its share of `pages` each second, and answer requests meanwhile.

    `tick` is the time of one delivery, `request` that of a request. Requests come at random times; returns
    how long each waited.
    """
    waits: list[float] = []
    for second in range(seconds):
        for worker in hall.workers:
            hall.machine.at(second, partial(worker.do, pages / len(hall.workers) * tick, lambda: None))
    for number in range(200 * seconds):
        asked = hall.machine.random.uniform(0, seconds)
        worker = hall.workers[number % len(hall.workers)]

        def ask(worker: Process = worker, asked: float = asked) -> None:
            worker.do(request, lambda: waits.append(hall.machine.now - asked))

        hall.machine.at(asked, ask)
    hall.machine.run()
    return waits
