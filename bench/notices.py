"""Fifty of WeChat Pay's notices at once: how long does each wait for its answer, and what CPU does it take?

    python bench/notices.py [--rounds 10]

Starts a server of its own with one serving process and embedded stores. Each notice of a round is about a
different order, which was paid just before. Then the same notices come again, then forged notices. WeChat
waits 5 s for an answer. Exits with 1 if a kind's p99 is more than 500 ms, or its CPU more than 3 ms each.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx

from devtools.sandbox.signing import sealed_notice
from devtools.sandbox.store import SandboxStore
from parts.live import percentile
from parts.serving import Person, Server, cpu_seconds, running, store_of
from parts.table import Row
from server.cash.store.orders import Orders
from server.store import Store

AT_ONCE = 50
IDLE_SECONDS = 10
LIMIT_MS = 500
LIMIT_CPU_MS = 3


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10)
    rounds: int = parser.parse_args().rounds
    with running(workers=1) as server:
        return asyncio.run(measure(server, rounds))


async def measure(server: Server, rounds: int) -> int:
    """Send the rounds; print the table; return 1 if a bar was missed."""
    store = Store(f"mongodb://127.0.0.1:{store_of(server)[1]}/wabao?directConnection=true&retryWrites=false")
    orders = Orders(store.database)
    sandbox = SandboxStore(store.database)
    worker = server.workers()[0]
    publisher = server.log_in("publisher")
    # CPU that the process uses anyway, such as for sweeps, is subtracted.
    before = cpu_seconds(worker)
    await asyncio.sleep(IDLE_SECONDS)
    idle = (cpu_seconds(worker) - before) / IDLE_SECONDS
    taken: dict[str, list[float]] = {"new": [], "again": [], "forged": []}
    cpu_ms: dict[str, list[float]] = {"new": [], "again": [], "forged": []}
    async with httpx.AsyncClient(timeout=10, limits=httpx.Limits(max_connections=AT_ONCE)) as http:
        for number in range(rounds + 1):
            numbers = [paid_order(server, publisher) for _ in range(AT_ONCE)]
            for kind in taken:
                notices = [await sealed(store, sandbox, order, kind != "forged") for order in numbers]
                before = cpu_seconds(worker)
                began = time.monotonic()
                found = await asyncio.gather(*(send(http, *notice) for notice in notices))
                # The work that a notice causes after its answer counts too.
                opened = AT_ONCE * (number + 1)
                while await orders.collection.count_documents({"state": "spent"}) < opened:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                own = idle * (time.monotonic() - began)
                used_ms = (cpu_seconds(worker) - before - own) * 1000 / AT_ONCE
                assert {status for status, _ in found} == {401 if kind == "forged" else 200}
                if number:  # the first round warms up
                    taken[kind] += [ms for _, ms in found]
                    cpu_ms[kind].append(used_ms)
    await store.close()
    print(f"not counted: the {idle * 1000:.0f} ms a second that the process uses by itself")
    rows = [row for kind in taken for row in table(kind, taken[kind], cpu_ms[kind])]
    for row in rows:
        print(row)
    return int(any(row.missed for row in rows))


def table(kind: str, took_ms: list[float], cpu_ms: list[float]) -> Iterator[Row]:
    """Yield the lines about the notices of one kind."""
    yield Row(f"{len(took_ms)} notices, {kind}: p50", statistics.median(took_ms), "ms")
    yield Row("  p99", percentile(took_ms, 99), "ms", LIMIT_MS, f"slowest {max(took_ms):.0f} ms")
    yield Row("  CPU of the serving process, each", statistics.mean(cpu_ms), "ms", LIMIT_CPU_MS)


def paid_order(server: Server, publisher: Person) -> str:
    """Publish a red packet and pay it while its notice is lost; return the order's number."""
    headers = {"Authorization": f"Bearer {publisher.token}"}
    task = {"goods_type": 1, "name": "一个红包", "prize_num": 1, "forecast_num": 9, "money": 1}
    code = post(server, "/postTask", {**task, "unionid": publisher.unionid}, headers)["code"]
    order = post(server, "/payTask", {"unionid": publisher.unionid, "code": code, "money": 1}, headers)
    post(server, "/sandbox/misbehave", {"what": "lose_notice"}, {})
    names = ("package", "timeStamp", "nonceStr", "signType", "paySign")
    asked = {"appId": "wxsandbox000000000", **{name: order[name] for name in names}}
    assert post(server, "/sandbox/pay", asked, {})["errMsg"].endswith(":ok")
    return str(code)


def post(server: Server, path: str, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    """POST JSON and return the reply, which must not be a refusal."""
    reply: dict[str, Any] = server.http.post(path, json=body, headers=headers).json()
    assert not reply.get("status"), reply
    return reply


async def sealed(
    store: Store, sandbox: SandboxStore, code: str, genuine: bool
) -> tuple[str, dict[str, str], bytes]:
    """Return the lost notice as WeChat would send it now: address, headers, body."""
    order = await Orders(store.database).find_live(code)
    assert order is not None
    notice: Any = await sandbox.notices.collection.find_one({"number": order["_id"]})
    pairs = await sandbox.keys.find()
    assert pairs is not None
    return (notice["url"], *sealed_notice(pairs, notice, genuine))


async def send(http: httpx.AsyncClient, url: str, headers: dict[str, str], body: bytes) -> tuple[int, float]:
    """Send a notice; return the HTTP status and the milliseconds until the answer came."""
    began = time.perf_counter()
    response = await http.post(url, headers=headers, content=body)
    return response.status_code, (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    sys.exit(main())
