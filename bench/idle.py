"""How many commands an idle server sends to MongoDB and Redis.

    python bench/idle.py [--seconds 20] [--workers 1 2 4]

Starts servers of its own: embedded stores, an empty directory, each number of workers in turn. No page is
open and no request comes. A proxy before MongoDB counts the commands of each process, and Redis counts the
commands that it gets. Prints the commands a second by kind: to MongoDB from the leader and from a follower
(the mean of all followers), to Redis from a process (the mean of all processes). The `hello` with which
PyMongo monitors its server on separate connections is not counted.
Then the leader is ended by SIGTERM, the next one by SIGKILL, and the next is suspended by SIGSTOP. Prints how
many seconds later another process leads. Exits with 1 if the leader sends MongoDB more than two commands a
second or a follower more than one, or if there is no leader for more than ten seconds.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # comes first: tests/ has handlers/ too

from pymongo import MongoClient
from redis import Redis

from parts.serving import Server, running
from server.running.stores import EmbeddedMongoDB, EmbeddedRedis
from support.wire.messages import command_of, is_command
from support.wire.proxy import Link, Wire

MOST_OF_LEADER = 2.0
MOST_OF_FOLLOWER = 1.0
TAKEN_OVER_SECONDS = 10.0
# A starting process sends more commands: indexes, identities, the first checks of the alarms.
SETTLING_SECONDS = 12.0


class Counting(Wire):
    """Counts commands by the process that sent them and by their kind."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._lock = threading.Lock()
        self._pids: dict[Link, int] = {}
        self.counted: dict[int, Counter[str]] = {}
        self.names: dict[str, int] = {}  # the pid of each holder of a lease, by its name

    def exchange(self, link: Link, request: bytes) -> None:
        if is_command(request):
            self._note(link, command_of(request))
        super().exchange(link, request)

    def _note(self, link: Link, command: dict[str, Any]) -> None:
        name, target = next(iter(command.items()))
        if name in ("hello", "ismaster") and "lsid" not in command:
            return  # the driver monitors its server
        if link not in self._pids:
            self._pids[link] = pid_of(link.client.socket.getpeername()[1])
        pid = self._pids[link]
        kind = f"{name} {target}" if isinstance(target, str) else name
        with self._lock:
            self.counted.setdefault(pid, Counter())[kind] += 1
        if kind == "findAndModify leases":
            self.names[command["update"][0]["$set"]["holder"]["$cond"][1]] = pid

    def begin(self) -> None:
        """Forget what was counted."""
        with self._lock:
            self.counted.clear()


def pid_of(port: int) -> int:
    """Return the pid of the process that has a connection from this port of 127.0.0.1; 0 if it has ended."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {f"socket:[{row[9]}]" for row in rows if int(row[1].partition(":")[2], 16) == port}
    for opened in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(opened) in inodes and int(opened.parts[2]) != os.getpid():
                return int(opened.parts[2])
        except OSError:
            continue  # another user's process, or a file closed meanwhile
    return 0


def redis_counts(redis: Redis) -> Counter[str]:
    """Return how often each command was called since Redis began."""
    found: Any = redis.info("commandstats")
    return Counter({name.removeprefix("cmdstat_"): int(each["calls"]) for name, each in found.items()})


def measure(workers: int, seconds: float) -> bool:
    """Print how many commands a server with this many workers sends; return whether the bars are met."""
    with tempfile.TemporaryDirectory() as directory:
        stores = EmbeddedMongoDB(Path(directory)), EmbeddedRedis(Path(directory))
        for store in stores:
            store.start()
        wire = Counting("127.0.0.1", stores[0].port)
        wire.start()
        uri = f"mongodb://127.0.0.1:{wire.port}/wabao?directConnection=true&retryWrites=false"
        release = [sys.executable, "-m", "server", "release", "--unchecked"]
        subprocess.run(release, env=os.environ | {"MONGODB_URI": uri}, check=True, capture_output=True)
        try:
            with running(workers, MONGODB_URI=uri, REDIS_URL=stores[1].uri) as server:
                return wait_and_show(server, wire, stores[0].uri, stores[1].uri, workers, seconds)
        finally:
            wire.end()
            for store in stores:
                store.kill()


def wait_and_show(
    server: Server, wire: Counting, mongodb: str, redis_url: str, workers: int, seconds: float
) -> bool:
    time.sleep(SETTLING_SECONDS)
    with Redis.from_url(redis_url) as redis:
        before = redis_counts(redis)
        wire.begin()
        time.sleep(seconds)
        counted = {pid: Counter(wire.counted.get(pid, {})) for pid in server.workers()}
        told = redis_counts(redis) - before
    with MongoClient[dict[str, Any]](mongodb) as client:
        leases = client.get_default_database().leases
        leader = wire.names[holder_of(leases)]
        taken = take_overs(leases, wire) if workers > 1 else {}
    followers = Counter[str]()
    for pid, kinds in counted.items():
        followers += kinds if pid != leader else Counter()
    asked = {"leader": (counted[leader], 1, MOST_OF_LEADER)}
    if workers > 1:
        asked["follower"] = (followers, workers - 1, MOST_OF_FOLLOWER)
    good = True
    print(f"\n{workers} worker{'s' * (workers > 1)}, idle for {seconds:.0f} s: commands a second")
    for who, (kinds, number, most) in asked.items():
        sums = kinds.total() / number / seconds
        good &= sums <= most
        show(f"MongoDB, {who}", kinds, number * seconds)
    show("Redis, a process", told, workers * seconds)
    for how, after in taken.items():
        print(f"another process led {after:.1f} s after the leader got {how}")
    return good and all(after <= TAKEN_OVER_SECONDS for after in taken.values())


def holder_of(leases: Any) -> str:
    """Return the name of the process that leads, "" if there is no leader."""
    found = leases.find_one({"_id": "leader"})
    return found["holder"] if found else ""


def take_overs(leases: Any, wire: Counting) -> dict[str, float]:
    """End the leader in several ways; return after how many seconds another process led."""
    found = {}
    for ending in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
        before = holder_of(leases)
        os.kill(wire.names[before], ending)
        began = time.monotonic()
        while holder_of(leases) in (before, "") and time.monotonic() - began < 3 * TAKEN_OVER_SECONDS:
            time.sleep(0.02)
        found[ending.name] = time.monotonic() - began
        time.sleep(SETTLING_SECONDS)
    return found


def show(who: str, kinds: Counter[str], by: float) -> None:
    print(f"{who:<20}{kinds.total() / by:6.2f}")
    for kind, number in kinds.most_common():
        print(f"    {kind:<32}{number / by:6.2f}")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--seconds", type=float, default=20.0)
    arguments.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4])
    asked = arguments.parse_args()
    few = [measure(workers, asked.seconds) for workers in asked.workers]
    return int(not all(few))


if __name__ == "__main__":
    sys.exit(main())
