"""200 people dig one task at the same moment, in each of many windows: does exactly one succeed?

    python bench/race.py [--people 200] [--windows 50] [--seed 1] [--cluster]

Starts a server of its own: two serving processes, embedded stores, an empty directory. The first run has no
faults. In the second, a serving process is killed with -9 in every fifth window, and the store in two
windows. After each run the database is checked. Exits with 1 if something did not hold. Takes about six
minutes.

With MONGODB_URI (a replica set, and a database to be thrown away) the primary steps down in those windows,
and no store is killed. REDIS_URL may be given too. With --cluster, Redis is a Redis Cluster of three masters
and their replicas, and one of the masters is killed in the window in the middle.
"""

import argparse
import asyncio
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # comes first: tests/ has handlers/ too

from parts.lines import Line, Lost, log_in_all, post
from parts.serving import Person, Server, running, store_of
from server.game import draw
from server.game.task import Task
from server.security.keys import Keys
from server.store import Store
from support.invariants import broken_by_digs
from support.redis_cluster import RedisCluster
from support.servers import started

COOLDOWN_SECONDS = 1
# With faults, the cooldown is longer than any restart of a process, so that people ask again within it.
FAULTY_COOLDOWN_SECONDS = 5
KILL_WITHIN_SECONDS = 0.1
ANSWER_SECONDS = 20
ASK_AGAIN_SECONDS = 0.05
NEARLY_OVER_MS = 300
# A primary that steps down waits 4 s for a secondary to have all of its writes, and is not elected again for
# 15 s.
STEP_DOWN = {"replSetStepDown": 15, "secondaryCatchUpPeriodSecs": 4}


@dataclass(slots=True)
class Ending:
    """How one person's dig in one window ended: the first reply, and the last reply after asking again."""

    first: dict[str, Any] | None
    last: dict[str, Any]
    first_ms: float
    asked: int


@dataclass
class Tally:
    """The results of the windows of one run."""

    cooldown_seconds: int
    windows: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[int] = field(default_factory=Counter)
    recorded: Counter[int] = field(default_factory=Counter)
    success_ms: list[float] = field(default_factory=list)
    refusal_ms: list[float] = field(default_factory=list)
    sent_within_ms: list[float] = field(default_factory=list)
    recovered_seconds: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    outlasted: int = 0
    lost: int = 0
    learned: int = 0
    acks: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    wins: int = 0


class Race:
    """A server, the people, and its database."""

    def __init__(
        self,
        server: Server,
        people: list[Person],
        store: Store,
        keys: Keys,
        chance: random.Random,
        cluster: RedisCluster | None = None,
    ) -> None:
        self.cluster = cluster
        self.server = server
        self.people = people
        self.store = store
        self.keys = keys
        self.chance = chance
        self.lines = [Line(server.port) for _ in people]

    async def run(self, cooldown_seconds: int, windows: int, *, faults: bool) -> Tally:
        """Publish a task and dig it for this many windows."""
        tally = Tally(cooldown_seconds)
        code = self.publish(cooldown_seconds)
        stores = {windows // 4, windows // 4 * 3} if faults else set()
        for number in range(1, windows + 1):
            killed = "store" if number in stores else "worker" if faults and number % 5 == 0 else ""
            if faults and self.cluster is not None and number == windows // 2 + 1:
                killed = "master"
            await self._window(tally, code, number, killed)
        await self._check(tally, code, windows)
        return tally

    async def _check(self, tally: Tally, code: str, windows: int) -> None:
        """Compare the acknowledged digs with the database, once all digs are written."""
        task = await self._settled(code)
        found = await self.store.digs.after(code, 0, windows + 100)
        digs: list[dict[str, Any]] = [dict(dig) for dig in found]
        rules = draw.read_rules(task["params"])
        depths = draw.winning_depths(self.keys.open("seed", task["seed_box"], code), rules)
        tally.broken += [f"{code}: {broken}" for broken in broken_by_digs(task, digs, depths)]
        by_depth = {dig["depth"]: dig for dig in digs}
        told = ("is_prize", "wxname", "prizes_left", "no")
        for unionid, reply in tally.acks:
            dig = by_depth.get(reply["now_depth"])
            if dig is None or dig["person_id"] != unionid or any(dig[name] != reply[name] for name in told):
                tally.broken.append(
                    f"{code}:{reply['now_depth']}: acknowledged, but not recorded as the reply said"
                )
        tally.wins = sum(dig["is_prize"] for dig in digs)

    def publish(self, cooldown_seconds: int) -> str:
        """Publish a task with a prize about every five digs, deep enough to outlast the run."""
        return self.server.publish(
            self.people[0], cooldown_seconds, prize_num=100, forecast_num=700, interval=5, fluctuation=2
        )

    async def _window(self, tally: Tally, code: str, number: int, killed: str) -> None:
        task = await self._task(code)
        await asyncio.gather(*(line.connect() for line in self.lines if not line.is_open))
        await asyncio.sleep(max(0, task["cd_until"] / 1000 - time.time()) + 0.01)
        named = {index: f"window-{code}-{number}-{index}" for index in range(0, len(self.people), 2)}
        digs = [self._request(code, index, named.get(index)) for index in range(len(self.people))]
        began = time.perf_counter()
        for line, dig in zip(self.lines[1:], digs[1:], strict=True):  # the first person is the publisher
            line.send(dig)
        tally.sent_within_ms.append((time.perf_counter() - began) * 1000)
        killing = asyncio.create_task(self._kill(tally, killed))
        endings = dict(
            zip(
                range(1, len(self.people)),
                await asyncio.gather(
                    *(self._end(line, dig, began) for line, dig in zip(self.lines[1:], digs[1:], strict=True))
                ),
                strict=True,
            )
        )
        await killing
        if killed:
            tally.recovered_seconds.append(time.perf_counter() - began)
        after = await self._task(code)
        tally.windows += 1
        outlasted = time.perf_counter() - began > tally.cooldown_seconds  # the next window had begun by then
        tally.outlasted += outlasted
        self._count(tally, code, endings, outlasted)
        if not outlasted:
            tally.recorded[after["now_depth"] - task["now_depth"]] += 1
        if after["now_depth"] > task["now_depth"]:
            await self._ask_again(tally, code, after["last_dig"], endings, named)

    def _count(self, tally: Tally, code: str, endings: dict[int, Ending], outlasted: bool) -> None:
        depths = set()
        for index, ending in endings.items():
            if ending.first is None:
                tally.lost += 1
            elif ending.first["status"]:
                tally.refused[ending.first["error"]] += 1
                tally.refusal_ms.append(ending.first_ms)
            else:
                tally.success_ms.append(ending.first_ms)
            if not ending.last["status"]:
                depths.add(ending.last["now_depth"])
                tally.acks.append((self.people[index].id, ending.last))
            elif ending.last["error"] not in ("cooling_down", "already_won"):
                tally.broken.append(f"{code}: somebody was left with {ending.last['error']}")
        if not outlasted:
            tally.acknowledged[len(depths)] += 1

    async def _ask_again(
        self, tally: Tally, code: str, dig: Any, endings: dict[int, Ending], named: dict[int, str]
    ) -> None:
        """Check that the digger got the dig's reply, and gets it again both with the `dig_id` and without."""
        index = next(i for i, person in enumerate(self.people) if person.id == dig["person_id"])
        ending = endings[index]
        if ending.last["status"] or ending.last["now_depth"] != dig["depth"]:
            tally.broken.append(f"{dig['_id']}: recorded, but its digger was told {ending.last}")
        elif ending.first is None or ending.first["status"]:
            tally.learned += 1
        for dig_id in {None, named.get(index)}:
            if dig_id is None and time.time() * 1000 > dig["cd_until"] - NEARLY_OVER_MS:
                continue  # without a `dig_id`, the reply is repeated only during the cooldown
            reply = await self._answer(self.lines[index], self._request(code, index, dig_id))
            if dig_id is None and time.time() * 1000 > dig["cd_until"]:
                continue  # the answer came after the end of the cooldown
            if (reply.get("now_depth"), reply.get("repeated")) != (dig["depth"], 1):
                tally.broken.append(f"{dig['_id']}: asked again with dig_id {dig_id}, the reply was {reply}")

    def _request(self, code: str, index: int, dig_id: str | None) -> bytes:
        person = self.people[index]
        asked = {"unionid": person.unionid, "code": code} | ({"dig_id": dig_id} if dig_id else {})
        return post("/postTask", asked, person.token)

    async def _end(self, line: Line, dig: bytes, began: float) -> Ending:
        """Wait for the reply; ask again until a reply says what became of the dig."""
        first: dict[str, Any] | None
        try:
            first = await line.reply()
        except Lost:
            first = None
        first_ms = (time.perf_counter() - began) * 1000
        if first is not None and first.get("error") not in ("outcome_unknown", "unavailable"):
            return Ending(first, first, first_ms, 1)
        return Ending(first, await self._answer(line, dig), first_ms, 2)

    async def _answer(self, line: Line, dig: bytes) -> dict[str, Any]:
        reply: dict[str, Any] = {"status": 1, "error": "no answer"}
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            try:
                if not line.is_open:
                    await line.connect()
                line.send(dig)
                reply = await line.reply()
            except Lost:
                reply = {"status": 1, "error": "no answer"}
            if reply.get("error") not in ("no answer", "outcome_unknown", "unavailable"):
                return reply
            await asyncio.sleep(ASK_AGAIN_SECONDS)
        return reply

    async def _kill(self, tally: Tally, what: str) -> None:
        if not what:
            return
        await asyncio.sleep(self.chance.uniform(0, KILL_WITHIN_SECONDS))
        if what == "master" and self.cluster is not None:
            self.cluster.members[0].kill()
            tally.kills[what] += 1
            return
        if what == "store" and "MONGODB_URI" in os.environ:
            await self.store.client.admin.command(STEP_DOWN)
            tally.kills["primary"] += 1
            return
        pids = self.server.workers() if what == "worker" else [store_of(self.server)[0]]
        os.kill(self.chance.choice(pids), signal.SIGKILL)
        tally.kills[what] += 1

    async def _task(self, code: str) -> Task:
        found = await self.store.tasks.collection.find_one({"_id": code})
        assert found is not None
        return found

    async def _settled(self, code: str) -> Task:
        """Wait until the processes have written all digs of the task to the history; return the task."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while "pending" in (task := await self._task(code)):  # noqa: ASYNC110  (there is no event for it)
                await asyncio.sleep(0.2)
            return task


def embedded_uri(server: Server) -> str:
    _, port = store_of(server)
    return f"mongodb://127.0.0.1:{port}/wabao?directConnection=true&retryWrites=false"


def spread(server: Server) -> str:
    """Return how many connections each serving process has, as "3 + 4"."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = {row[9] for row in rows if int(row[1].rpartition(":")[2], 16) == server.port and row[3] == "01"}
    counts = []
    for pid in server.workers():
        links = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]
        counts.append(sum(link.removeprefix("socket:[").rstrip("]") in ours for link in links))
    return " + ".join(map(str, counts))


def show(name: str, tally: Tally) -> None:
    def times(values: list[float]) -> str:
        if not values:
            return "none"
        ordered = sorted(values)
        p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        return f"p50 {statistics.median(ordered):.0f} ms, p99 {p99:.0f} ms"

    def counts(counted: Counter[int]) -> str:
        return ", ".join(f"{number} in {counted[number]} windows" for number in sorted(counted))

    print(f"\n{name}: {tally.windows} windows, cooldown {tally.cooldown_seconds} s")
    rows = [
        ("killed -9", ", ".join(f"{what} {count}" for what, count in tally.kills.items()) or "nothing"),
        ("digs acknowledged", counts(tally.acknowledged)),
        ("digs recorded", counts(tally.recorded)),
        ("prizes won", str(tally.wins)),
        ("all sent within", f"{statistics.median(tally.sent_within_ms):.1f} ms (median)"),
        ("successes", times(tally.success_ms)),
        ("refusals", times(tally.refusal_ms)),
        ("refused", ", ".join(f"{error} {count}" for error, count in tally.refused.most_common())),
        ("windows over too early, not counted above", str(tally.outlasted)),
    ]
    if tally.kills:
        longest = max(tally.recovered_seconds)
        rows += [
            ("connections lost", str(tally.lost)),
            ("learned of their dig only by asking again", str(tally.learned)),
            ("until all were answered", f"{longest:.1f} s at most"),
        ]
    rows.append(("what did not hold", "; ".join(tally.broken) or "nothing"))
    for label, value in rows:
        print(f"  {label:<44}{value}")


async def race(
    server: Server, number: int, windows: int, seed: int, cluster: RedisCluster | None = None
) -> bool:
    people = log_in_all(server.port, number + 1)
    store = Store(os.environ.get("MONGODB_URI") or embedded_uri(server))
    keys = Keys((server.log.parent / "data" / "secret_key").read_bytes())
    racing = Race(server, people, store, keys, random.Random(seed), cluster)
    await asyncio.gather(*(line.connect() for line in racing.lines))
    calm = await racing.run(COOLDOWN_SECONDS, windows, faults=False)
    print(f"{number} people, {os.cpu_count()} cores for everything, connections: {spread(server)}")
    judged = windows - calm.outlasted
    if not judged or calm.recorded != {1: judged} or calm.acknowledged != {1: judged}:
        calm.broken.append("not exactly one success per window")
    show("Without faults", calm)
    faulty = await racing.run(FAULTY_COOLDOWN_SECONDS, windows, faults=True)
    if max(faulty.recorded) > 1 or max(faulty.acknowledged) > 1:
        faulty.broken.append("more than one success in a window")
    show("With faults", faulty)
    for line in racing.lines:
        line.close()
    await store.close()
    return not calm.broken and not faulty.broken


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--people", type=int, default=200)
    arguments.add_argument("--windows", type=int, default=50)
    arguments.add_argument("--seed", type=int, default=1, help="of what is killed when")
    arguments.add_argument("--cluster", action="store_true", help="on a Redis Cluster")
    asked = arguments.parse_args()
    given = {name: os.environ[name] for name in ("MONGODB_URI", "REDIS_URL") if name in os.environ}
    if "MONGODB_URI" in given:
        subprocess.run([sys.executable, "-m", "server", "release", "--unchecked"], check=True)
    with ExitStack() as stack:
        cluster = None
        if asked.cluster:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            cluster = stack.enter_context(started(RedisCluster(directory)))
            given["REDIS_URL"] = cluster.uri
        server = stack.enter_context(running(workers=2, **given))
        if asyncio.run(race(server, asked.people, asked.windows, asked.seed, cluster)):
            return 0
        said = server.log.read_text().splitlines()
        print("\nwhat the server said:", *[line for line in said if " INFO " not in line][-60:], sep="\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
