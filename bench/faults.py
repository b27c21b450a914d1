"""Kill Redis ten times, and two serving processes in turn, while people dig and pages watch.

Pages reconnect with `since`. In the end every page must have got each dig once and in order, and the state
that it put together from frames must equal a fresh snapshot. Exits with 1 if a page fails this. With
`--cluster`, the treasure's master in a Redis Cluster is killed, and starts again as its successor's replica.
"""

import argparse
import asyncio
import json
import os
import random
import secrets
import signal
import sys
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClosedError, websocket_connect

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # comes first: tests/ has handlers/ too

from parts.serving import Person, Server, running
from support.redis_cluster import RedisCluster
from support.servers import started

STATE = ("seq", "cd_until", "now_depth", "prizes_left", "participants", "status", "end_reason")
PATIENCE_SECONDS = 60
# What a page sees of a server whose processes are being replaced: it asks again.
BUSY = (OSError, HTTPClientError, WebSocketClosedError, TimeoutError)


class Page:
    """A page that reconnects with `since` and puts the task's state together from frames."""

    def __init__(self, port: int, who: Person, code: str) -> None:
        self.url = f"ws://127.0.0.1:{port}/ws?{who.query}&code={code}&ticks=0"
        self.seqs: list[int] = []
        self.state: dict[str, Any] = {}
        self.reconnects = 0
        self.wrong: list[str] = []

    async def stay(self) -> None:
        while True:
            since = f"&since={self.state['seq']}" if self.state else ""
            try:
                connection = await websocket_connect(self.url + since, connect_timeout=5)
                while (message := await connection.read_message()) is not None:
                    self.take(json.loads(message))
            except BUSY:
                pass  # the next round reconnects
            self.reconnects += 1
            await asyncio.sleep(random.random())

    def take(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "snapshot":
                if not self.state:
                    self.state = {name: frame[name] for name in STATE}
                elif any(self.state[name] != frame[name] for name in STATE):
                    self.wrong.append(f"snapshot {frame} after {self.state}")
            case "cd":
                self.seqs.append(frame["seq"])
                self.state |= {name: frame[name] for name in ("seq", "cd_until", "now_depth")}
            case "join":
                self.state["participants"] = frame["participants"]
            case "prize":
                self.state["prizes_left"] = frame["prizes_left"]
            case "end":
                self.state |= {"status": 1, "end_reason": frame["end_reason"]}


async def dig_on(http: httpx.AsyncClient, who: Person, code: str, counts: Counter[str]) -> None:
    headers = {"Authorization": f"Bearer {who.token}"}
    while True:
        asked = {"unionid": who.unionid, "code": code, "dig_id": secrets.token_hex(8)}
        try:
            reply = (await http.post("/postTask", json=asked, headers=headers)).json()
            counts["dug" if reply["status"] == 0 else reply["error"]] += 1
        except httpx.TransportError:
            counts["no reply"] += 1
        await asyncio.sleep(random.uniform(0.1, 0.5))


async def redis_of(server: Server) -> int:
    """Return the pid of the server's Valkey; wait until it runs."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
        for pid in children.split():
            if b"valkey-server" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return int(pid)
        await asyncio.sleep(0.1)
    raise SystemExit("the server did not start its Valkey again")


async def harm(server: Server, kills: int, code: str, cluster: RedisCluster | None) -> Counter[str]:
    """Kill Redis, or the master of the task, `kills` times and, after every second time, a serving
    process."""
    done: Counter[str] = Counter()
    for turn in range(kills):
        await asyncio.sleep(1.5)
        if cluster is None:
            os.kill(await redis_of(server), signal.SIGKILL)
        else:
            await asyncio.to_thread(cluster.fail_over, code)
        done["Redis killed"] += 1
        if turn % 2:
            await asyncio.sleep(0.7)
            workers = server.workers()
            os.kill(workers[turn // 2 % len(workers)], signal.SIGKILL)
            done["serving process killed"] += 1
    await asyncio.sleep(2)
    return done


async def run(server: Server, pages: int, diggers: int, kills: int, cluster: RedisCluster | None) -> int:
    people = [server.log_in(f"person{k}") for k in range(diggers)]
    publisher = server.log_in("publisher")
    code = server.publish(publisher, 0, prize_num=50, forecast_num=100_000, interval=2000, fluctuation=0)
    watching = [Page(server.port, people[k % diggers], code) for k in range(pages)]
    stays = [asyncio.create_task(page.stay()) for page in watching]
    counts: Counter[str] = Counter()
    base = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(base_url=base, timeout=15) as http:
        digging = [asyncio.create_task(dig_on(http, who, code, counts)) for who in people]
        done = await harm(server, kills, code, cluster)
        for task in digging:
            task.cancel()
        await asyncio.wait(digging)
        deadline = time.monotonic() + PATIENCE_SECONDS
        fresh: dict[str, Any] = {}
        while time.monotonic() < deadline:
            with suppress(*BUSY):
                fresh = await snapshot(watching[0].url)
                if all(page.state == fresh for page in watching):
                    break
            await asyncio.sleep(0.5)
    for stay in stays:
        stay.cancel()
    await asyncio.wait(stays)
    return report(watching, fresh, counts, done)


async def snapshot(url: str) -> dict[str, Any]:
    """Return what a new page shows; nothing if it is told to come back. Raises what is BUSY."""
    connection = await websocket_connect(url, connect_timeout=5)
    try:
        while True:  # while Redis is away, a `service` frame comes first
            message = await connection.read_message()
            if message is None:
                return {}
            frame = json.loads(message)
            if frame["type"] == "snapshot":
                return {name: frame[name] for name in STATE}
    finally:
        connection.close()


def report(watching: list[Page], fresh: dict[str, Any], counts: Counter[str], done: Counter[str]) -> int:
    whole = list(range(1, fresh["seq"] + 1))
    wrong = [sentence for page in watching for sentence in page.wrong]
    for number, page in enumerate(watching):
        first = page.seqs[0] if page.seqs else 1
        if page.seqs != whole[first - 1 :]:
            wrong.append(f"page {number} had {page.seqs} of {whole}")
        if page.state != fresh:
            wrong.append(f"page {number} shows {page.state}, a fresh snapshot {fresh}")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    for what, number in done.items():
        print(f"{what}: {number} times")
    print(f"depth reached: {fresh['seq']}; attempts: {dict(counts)}")
    print(f"pages: {len(watching)}, reconnects: {sum(page.reconnects for page in watching)}")
    print(f"digs seen by pages: {sum(len(page.seqs) for page in watching)}")
    print("each dig once, in order, on every page, ending like a fresh snapshot:", "no" if wrong else "yes")
    for sentence in wrong[:10]:
        print("  ", sentence[:400])
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--diggers", type=int, default=8)
    parser.add_argument("--kills", type=int, default=10, help="how often Redis is killed")
    parser.add_argument("--cluster", action="store_true", help="on a Redis Cluster")
    asked = parser.parse_args()
    with ExitStack() as stack:
        cluster = None
        given = {}
        if asked.cluster:
            directory = Path(stack.enter_context(TemporaryDirectory()))
            cluster = stack.enter_context(started(RedisCluster(directory)))
            given["REDIS_URL"] = cluster.uri
        server = stack.enter_context(running(workers=2, **given))
        return asyncio.run(run(server, asked.pages, asked.diggers, asked.kills, cluster))


if __name__ == "__main__":
    sys.exit(main())
