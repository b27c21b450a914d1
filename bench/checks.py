"""A thousand treasures while WeChat's content checks misbehave: how does each end, and who sees it too early?

    python bench/checks.py [--treasures 1000]

Starts a server of its own with two serving processes and embedded stores. Strangers look all the time: at the
square, at the page of each treasure, and over a websocket. A check that waits for half an hour, or for its
next try, is made due at once. Exits with 1 if a treasure ended otherwise than it should, or was seen before
the database said that it is shown.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx
from tornado.websocket import websocket_connect

from parts.serving import PUSH, Person, Server, running, store_of
from server.actions.reviews.review import RESULT_MS
from server.store import Store

AT_ONCE = 4
PATIENCE_SECONDS = 600
SECONDS_APART = 0.2


@dataclass(frozen=True)
class Trouble:
    """A misbehaviour of WeChat or a bad draft, and the state in which the treasure must end."""

    what: str
    ends: str
    told: dict[str, object] = field(default_factory=dict)
    name: str = "一只猫"


TROUBLES = (
    Trouble("nothing", "shown"),
    Trouble("the result of a picture comes 3 s late", "shown", {"what": "delay_notice", "seconds": 3}),
    Trouble("it comes twice", "shown", {"what": "repeat_notice"}),
    Trouble("a forged one comes before", "shown", {"what": "forge_notice"}),
    Trouble("it never comes", "held", {"what": "lose_notice", "times": 1000}),
    Trouble("a text takes 1 s", "shown", {"what": "slow", "call": "msg_sec_check", "seconds": 1}),
    Trouble("the answer is garbage", "shown", {"what": "garbage", "call": "msg_sec_check"}),
    Trouble("the person is not there", "held", {"what": "refuse", "call": "msg_sec_check", "code": "61010"}),
    Trouble("the picture is bad", "refused", {"what": "judge", "call": "media_check_async", "code": "risky"}),
    Trouble("the text is bad", "refused", name="【违规】"),
    Trouble("the text is doubtful", "held", name="【存疑】"),
)


class Strangers:
    """People who look at each new treasure until it is shown.

    They note each treasure that they saw before the database said that it is shown.
    """

    def __init__(self, server: Server, store: Store, person: Person) -> None:
        self.server = server
        self.store = store
        self.person = person
        self.codes: list[str] = []
        self.looks = Counter[str]()
        self.early = list[str]()
        base = f"http://127.0.0.1:{server.port}"
        self.http = httpx.AsyncClient(base_url=base, timeout=30, params={"unionid": person.unionid})
        self.http.headers["Authorization"] = f"Bearer {person.token}"

    async def look(self) -> None:
        """Look, until cancelled."""
        while True:
            for code in list(self.codes):
                reply = (await self.http.get("/getTaskDetails", params={"code": code})).json()
                await self._note("pages", [code] if reply["status"] == 0 else [])
                await self._note("websockets", [code] if await self._snapshot(code) else [])
            cards = (await self.http.get("/getTaskList")).json()["data"]
            await self._note("squares", [card["code"] for card in cards])
            await asyncio.sleep(SECONDS_APART)

    async def _snapshot(self, code: str) -> bool:
        url = f"ws://127.0.0.1:{self.server.port}/ws?{self.person.query}&code={code}&ticks=0"
        socket = await websocket_connect(url)
        try:
            message = await socket.read_message()
            return message is not None and json.loads(message)["type"] == "snapshot"
        finally:
            socket.close()

    async def _note(self, where: str, seen: list[str]) -> None:
        """Count a look. Shown treasures stay shown, so a treasure that was seen and is not shown now was seen
        too early."""
        self.looks[where] += 1
        async for task in self.store.tasks.rows.find({"_id": {"$in": seen}}, {"review": 1}):
            if task["review"] != "shown":
                self.early.append(f"{where}: {task['_id']} is {task['review']}")
            elif task["_id"] in self.codes:
                self.codes.remove(task["_id"])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--treasures", type=int, default=1000)
    treasures: int = parser.parse_args().treasures
    with running(workers=2, **PUSH) as server:
        return asyncio.run(measure(server, treasures))


async def measure(server: Server, treasures: int) -> int:
    """Publish under each trouble, and print how it ended."""
    store = Store(f"mongodb://127.0.0.1:{store_of(server)[1]}/wabao?directConnection=true&retryWrites=false")
    publishers = [server.log_in(f"publisher {number}") for number in range(AT_ONCE)]
    strangers = Strangers(server, store, server.log_in("stranger"))
    looking = asyncio.create_task(strangers.look())
    wrong = 0
    print(f"{'WeChat':<42}{'treasures':>10}{'must be':>9}{'are':>16}{'seconds':>9}")
    for number, trouble in enumerate(TROUBLES):
        count = treasures * (number + 1) // len(TROUBLES) - treasures * number // len(TROUBLES)
        began = time.monotonic()
        ended = await play(server, store, strangers, publishers, trouble, count)
        said = ", ".join(f"{number} {state}" for state, number in ended.items())
        print(f"{trouble.what:<42}{count:>10}{trouble.ends:>9}{said:>16}{time.monotonic() - began:>9.0f}")
        wrong += count - ended[trouble.ends]
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    looks = ", ".join(f"{number} {where}" for where, number in strangers.looks.items())
    print(f"{wrong} ended otherwise; strangers looked at {looks}: {len(strangers.early)} seen too early")
    print(*strangers.early[:20], sep="\n", end="\n" if strangers.early else "")
    failed = looking.exception() if looking.done() and not looking.cancelled() else None
    if failed is not None:
        raise failed
    return int(bool(wrong or strangers.early or not strangers.looks["squares"]))


async def play(
    server: Server,
    store: Store,
    strangers: Strangers,
    publishers: list[Person],
    trouble: Trouble,
    count: int,
) -> Counter[str]:
    """Let WeChat misbehave, publish, and wait until nothing is checked any more."""
    if trouble.told:
        asked = {"times": count, **trouble.told}
        reply = await strangers.http.post("/sandbox/misbehave", json=asked)
        assert reply.status_code == 200, reply.text
    codes: list[str] = []
    for _ in range(-(-count // AT_ONCE)):
        some = (
            asyncio.to_thread(server.publish, publisher, 60, name=trouble.name)  # type: ignore[arg-type]
            for publisher in publishers[: count - len(codes)]
        )
        codes += await asyncio.gather(*some)
        strangers.codes = [*strangers.codes, *codes[-AT_ONCE:]]
    until = time.monotonic() + PATIENCE_SECONDS
    found: list[dict[str, Any]] = []
    while time.monotonic() < until:
        found = await store.tasks.rows.find({"_id": {"$in": codes}}, {"review": 1}).to_list(None)
        if all(task["review"] != "checking" for task in found):
            break
        await let_time_pass(store, trouble)
        await asyncio.sleep(1)
    strangers.codes = [code for code in strangers.codes if code not in codes]
    await strangers.http.post("/sandbox/misbehave", json={"what": "behave"})
    return Counter(task["review"] for task in found)


async def let_time_pass(store: Store, trouble: Trouble) -> None:
    """Make due the checks that wait for a retry and, if results get lost, those that wait for a result."""
    now_ms = await store.now_ms()
    failed = {"state": "checking", "text_said": "", "due_at": {"$gt": now_ms, "$lt": now_ms + 58_000}}
    await store.reviews.rows.update_many(failed, {"$set": {"due_at": 1}})
    if trouble.told.get("what") == "lose_notice":
        asked = {"state": "checking", "asked_at": {"$gt": now_ms - RESULT_MS}}
        await store.reviews.rows.update_many(asked, {"$inc": {"asked_at": -RESULT_MS, "due_at": -RESULT_MS}})


if __name__ == "__main__":
    sys.exit(main())
