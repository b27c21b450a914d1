"""A machine as queues: what a load takes, worked out from what each piece of work costs. Pure.

A process does one thing at a time, in the order in which it came, as an event loop does. All processes that
have something to do share the cores evenly, as Linux's scheduler lets them; none has more than one. Times are
in seconds, of a clock that only the simulation knows. One seed, one answer.
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
# One operation of a store serves at most this many requests for pages, and begins at least this long after
# the last one (server/memory/batch_queue.py).
BATCH, MOMENT = 200, 0.015
# The embedded store's threads share one interpreter, in turns of this length (sys.getswitchinterval).
TURN = 0.005


@dataclass(slots=True, frozen=True)
class Cost:
    """CPU seconds of one request: in our process, in the store, and in the client that asks.

    The request asks the store `steps` times, one after the other, each time together with those who ask at
    that moment. `question` and `answer` are what such a question costs our process and the store, however
    many ask; `store` is what each of them adds, over all steps.
    """

    worker: float
    store: float = 0.0
    client: float = 0.0
    steps: int = 0
    question: float = 0.0
    answer: float = 0.0


@dataclass(slots=True, frozen=True)
class DigCost:
    """CPU seconds of a dig and of telling it.

    `commands` to the store, which take the same each; the second of them commits. `bus`: Redis's seconds for
    the message and for each process that it goes to. `heard`: of a process that hears of it from Redis.
    `send` and `read` are those of one delivery, here and in the client.
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
        # All that run are served equally: `_served` is how much each has got. So who is next never changes.
        self._served = 0.0
        self._running: list[tuple[float, int, Process]] = []
        self._count = itertools.count()

    def at(self, seconds: float, then: Then) -> None:
        """Call `then` at that time."""
        heapq.heappush(self._timers, (seconds, next(self._count), then))

    def begin(self, process: Process, seconds: float) -> None:
        heapq.heappush(self._running, (self._served + seconds, next(self._count), process))

    def run(self, until: float = float("inf")) -> None:
        """Go on until nothing is left to do, or until that time."""
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
    """One process: what it does, and what waits for it. `busy` is the CPU time that it has used."""

    machine: Machine
    busy: float = 0.0
    _waiting: deque[tuple[float, Then]] = field(default_factory=deque)

    def do(self, seconds: float, then: Then) -> None:
        """Do this after all that waits, then call `then`."""
        self._waiting.append((seconds, then))
        if len(self._waiting) == 1:
            self.machine.begin(self, seconds)

    def do_in_turns(self, seconds: float, then: Then) -> None:
        """Do this in turns with all else that is done in turns, as threads of one interpreter do."""
        turn = min(seconds, TURN)
        self.do(turn, partial(self.do_in_turns, seconds - turn, then) if seconds > turn else then)

    def end(self) -> None:
        """The first piece of work is done; begin the next."""
        seconds, then = self._waiting[0]
        self.busy += seconds
        then()
        self._waiting.popleft()
        if self._waiting:
            self.machine.begin(self, self._waiting[0][0])


class Batches:
    """A process's requests to the store that are sent together: what comes meanwhile waits for the next."""

    def __init__(self, worker: Process, store: Process) -> None:
        self._worker, self._store, self._machine = worker, store, store.machine
        self._waiting: deque[tuple[Cost, Then]] = deque()
        self._asking = False
        self._asked_at = -MOMENT

    def ask(self, cost: Cost, then: Then) -> None:
        """Take one of the steps of a request, together with who else asks."""
        self._waiting.append((cost, then))
        self._send()

    def _send(self) -> None:
        if self._asking or not self._waiting:
            return
        self._asking = True
        self._machine.at(max(self._machine.now, self._asked_at + MOMENT), self._put)

    def _put(self) -> None:
        self._asked_at = self._machine.now
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        cost = batch[0][0]
        seconds = cost.answer + sum(cost.store / cost.steps for cost, _ in batch)
        answered = partial(self._answered, [then for _, then in batch])
        self._worker.do(cost.question, partial(self._store.do_in_turns, seconds, answered))

    def _answered(self, thens: list[Then]) -> None:
        self._asking = False
        for then in thens:
            then()
        self._send()


class Hall:
    """What a load meets: our processes, the store, Redis and the clients' process."""

    def __init__(self, processes: int, cores: float, seed: int = 0) -> None:
        self.machine = Machine(cores, seed)
        self.workers = [Process(self.machine) for _ in range(processes)]
        self.store, self.bus, self.client = (Process(self.machine) for _ in range(3))
        self.batches: dict[tuple[int, int], Batches] = {}

    def shares(self, number: int) -> list[int]:
        """Spread so many connections over the processes, as the kernel does; return each one's process."""
        return [self.machine.random.randrange(len(self.workers)) for _ in range(number)]

    def request(self, which: int, cost: Cost, then: Then) -> None:
        """Send a request to a process, whose answer may need the store; call `then` once it has come."""
        worker, client, piece = self.workers[which], self.client, cost.worker / (cost.steps + 1)

        def go_on(step: int) -> None:
            if step > cost.steps:
                client.do(cost.client / 2, then)
                return
            queue = self._queue(which, step)
            queue.ask(cost, partial(worker.do, piece, partial(go_on, step + 1)))

        client.do(cost.client / 2, partial(worker.do, piece, partial(go_on, 1)))

    def _queue(self, which: int, step: int) -> Batches:
        """Return the queue of a step: each kind of question has its own in each process."""
        if (which, step) not in self.batches:
            self.batches[which, step] = Batches(self.workers[which], self.store)
        return self.batches[which, step]


def saturated(hall: Hall, cost: Cost, connections: int, seconds: float) -> tuple[float, list[float]]:
    """Let each connection ask again as soon as it is answered; return requests a second, and the waits."""
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
    """Let a process dig once in a while; return each delivery's time since the commit, by dig.

    The clients of all watchers are one process, as in our measurement.
    """
    pages = hall.shares(watchers)
    here = [pages.count(which) for which in range(len(hall.workers))]
    step, piece = cost.worker / (cost.commands + 1), cost.store / cost.commands
    delays: list[list[float]] = []

    def begin(digger: int) -> None:
        found: list[float] = []
        delays.append(found)
        worker, committed = hall.workers[digger], 0.0

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
            if number == 2:  # MongoDB's clock stands in the record that the second command makes
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
    """Let all tap a link at once: details over one connection, then the socket; return when each is live."""
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
    """Let the pages of a lost process come back to these ones; return when the last is live again.

    Each comes after a random time up to `within`, as clients of ours do; 0: all at once.
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
    """Let each process tell its share of `pages` each second, and answer somebody meanwhile.

    `tick` is one delivery of a tick, `request` a request at a random time. Returns how long these waited.
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
