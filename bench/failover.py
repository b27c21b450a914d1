"""A crowd digs, and money moves, on a replica set that fails in every third window: do all promises hold?

    python bench/failover.py [--windows 200] [--people 60] [--sequences 2000] [--seed 1]

The replica set is an embedded MongoDB behind `tests/support/wire/faulty.py`, which says how its faults are
modelled. Primaries step down, are cut off and rolled back, and new primaries do not know yet what a majority
has. Replies are lost after the work was done, connections are cut, writes are answered with a
writeConcernError, and replies are late. A window without a fault has a cooldown of 1 s. A window with a fault
has a cooldown of 6 s, so that people who ask again do so within the cooldown; in these windows other
interfaces are called, too. Half of the money sequences run without the driver's own retries. In the money
sequences, one fault in twenty lasts up to 3 s. Exits with 1 if something did not hold.
"""

import argparse
import asyncio
import io
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # comes first: tests/ has handlers/ too

import httpx
from faults import Page, snapshot
from money import play_batch
from PIL import Image
from race import Ending, Race, Tally

from parts.lines import Line, Lost, log_in_all
from parts.serving import Person, Server, running
from parts.trouble import Trouble
from server.errors import REFUSALS
from server.running.stores import EmbeddedMongoDB, EmbeddedRedis
from server.security.keys import Keys
from server.store import Store
from support.money_machine import MoneyMachine
from support.money_world import World
from support.wire.faulty import FaultyWire

SPARED = "sandbox_"  # the sandbox's collections stand for WeChat's own store, which never fails
CALM_SECONDS = 1
FAULTY_SECONDS = 6
GHOST_SECONDS = 5.0
SLOWEST_SECONDS = 6.0
WATCHERS = 20
# A page shows these fields, and the task's own record has them. The record is read with read concern
# majority.
KEPT = ("now_depth", "prizes_left", "participants", "cd_until", "status")
PACKET = {"goods_type": 1, "name": "一个红包", "prize_num": 1, "forecast_num": 1_000_000, "money": 2, "cd": 0}
SEQUENCES_A_BATCH = 50
LONG_SECONDS = 3.0
ONE_LONG_OF = 20


class Failover(Race):
    """A race whose store fails, with pages that watch."""

    def __init__(
        self, server: Server, people: list[Person], store: Store, keys: Keys, trouble: Trouble
    ) -> None:
        super().__init__(server, people, store, keys, trouble.chance)
        self.trouble = trouble
        self.slowest_seconds = 0.0
        self.answers: Counter[str] = Counter()
        self.others: Counter[str] = Counter()
        self.slowest_other = (0.0, "")
        self.ghosts: list[str] = []
        self._base = f"http://127.0.0.1:{server.port}"

    async def play(self, windows: int) -> list[Tally]:
        """Dig for this many windows, with a fault in every third."""
        tallies = {seconds: Tally(seconds) for seconds in (CALM_SECONDS, FAULTY_SECONDS)}
        codes = {seconds: self.publish(seconds) for seconds in tallies}
        self._codes = codes[FAULTY_SECONDS], await self._publish_packet()
        pages = [
            Page(self.server.port, self.people[number % len(self.people)], codes[seconds])
            for seconds in tallies
            for number in range(WATCHERS // 2)
        ]
        stays = [asyncio.create_task(page.stay()) for page in pages]
        for number in range(1, windows + 1):
            seconds = FAULTY_SECONDS if number % 3 == 0 else CALM_SECONDS
            await self._window(tallies[seconds], codes[seconds], number, "fault" if number % 3 == 0 else "")
            if number % 3 == 0:
                code = codes[seconds]
                await self._look_for_ghosts([page for page in pages if f"code={code}&" in page.url], code)
        for seconds, tally in tallies.items():
            await self._check(tally, codes[seconds], windows)
        for stay in stays:
            stay.cancel()
        await asyncio.wait(stays)
        self.ghosts += [wrong[:300] for page in pages for wrong in page.wrong]
        return list(tallies.values())

    async def _publish_packet(self) -> str:
        """Publish a red packet that nobody pays; return its code."""
        who = self.people[0]
        async with httpx.AsyncClient(base_url=self._base, timeout=20) as http:
            asked = {"unionid": who.unionid, **PACKET}
            reply = (await http.post("/postTask", json=asked, headers=_bearer(who))).json()
        assert reply["status"] == 0, reply
        return str(reply["code"])

    async def _kill(self, tally: Tally, what: str) -> None:
        if what:
            await asyncio.sleep(self.chance.uniform(0, 0.05))
            self.trouble.begin()
            await self._ask_others()

    async def _ask_others(self) -> None:
        """Ask other interfaces all at once: each answers in time and in documented words."""
        dug, packet = self._codes
        who = self.chance.choice(self.people[1:])
        publisher = self.people[0]
        address = {"receiver": "王小明", "phone": "13800000000", "address": "杭州市幸福路 1 号"}
        picture = io.BytesIO()
        Image.new("RGB", (64, 48), (self.chance.randrange(256), 0, 0)).save(picture, "JPEG")
        files = {"file": picture.getvalue()}
        async with httpx.AsyncClient(base_url=self._base, timeout=20) as http:
            await asyncio.gather(
                *(
                    self._ask(http, "GET", path, who, params={"page": 1})
                    for path in ("/getTaskList", "/getMyPartake", "/getMyPrize", "/getMyInfo")
                ),
                self._ask(http, "GET", "/getTaskDetails", who, params={"code": dug}),
                self._ask(http, "GET", "/getTaskUser", who, params={"code": dug, "page": 1}),
                self._ask(http, "POST", "/payTask", publisher, json={"code": packet, "money": 2}),
                self._ask(http, "POST", "/drawPrize", who, json={"code": dug, **address}),
                self._ask(http, "POST", "/confirmDraw", publisher, json={"code": dug, "pickup": "000000"}),
                self._ask(http, "POST", "/uploadFile", who, files=files),
            )

    async def _ask(
        self, http: httpx.AsyncClient, method: str, path: str, who: Person, **asked: dict[str, Any]
    ) -> None:
        where = "json" if "json" in asked else "data" if "files" in asked else "params"
        asked[where] = {"unionid": who.unionid, **asked.get(where, {})}
        began = time.monotonic()
        try:
            reply = (await http.request(method, path, headers=_bearer(who), **asked)).json()  # type: ignore[arg-type]
        except httpx.TransportError:
            reply = {"status": 1, "error": "no answer"}
        self.slowest_other = max(self.slowest_other, (time.monotonic() - began, path))
        self.others[f"{path} {reply['error'] if reply['status'] else 'done'}"] += 1

    async def _look_for_ghosts(self, pages: list[Page], code: str) -> None:
        """Within 5 s each page, and a fresh one, must show what a majority of the replica set has."""
        deadline = time.monotonic() + GHOST_SECONDS
        while True:
            fresh = await snapshot(pages[0].url)
            task: dict[str, Any] = dict(await self._task(code))
            kept = {name: task[name] for name in KEPT}
            wrong = [
                state
                for state in (fresh, *(page.state for page in pages))
                if state != fresh or any(state[name] != kept[name] for name in KEPT)
            ]
            if not wrong:
                return
            if time.monotonic() > deadline:
                self.ghosts.append(f"{wrong[0]}, a fresh page shows {fresh}, the database has {kept}")
                return
            await asyncio.sleep(0.1)

    async def _end(self, line: Line, dig: bytes, began: float) -> Ending:
        ending = await super()._end(line, dig, began)
        if ending.first is not None:
            self._note(ending.first, ending.first_ms / 1000)
        return ending

    async def _answer(self, line: Line, dig: bytes) -> dict[str, Any]:
        """Ask again until the answer says whether the dig was recorded, as clients should."""
        reply: dict[str, Any] = {"status": 1, "error": "no answer"}
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            began = time.monotonic()
            try:
                if not line.is_open:
                    await line.connect()
                line.send(dig)
                reply = await line.reply()
            except Lost:
                self.answers["no answer"] += 1
                continue
            self._note(reply, time.monotonic() - began)
            if reply.get("error") not in ("outcome_unknown", "unavailable"):
                return reply
            await asyncio.sleep(0.2)
        return reply

    def _note(self, reply: dict[str, Any], seconds: float) -> None:
        self.answers[reply["error"] if reply["status"] else "dug"] += 1
        self.slowest_seconds = max(self.slowest_seconds, seconds)


def _bearer(who: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {who.token}"}


async def race(server: Server, wire: FaultyWire, asked: argparse.Namespace) -> bool:
    people = log_in_all(server.port, asked.people + 1)
    store = Store(wire.uri("wabao"))
    keys = Keys((server.log.parent / "data" / "secret_key").read_bytes())
    trouble = Trouble(wire, random.Random(asked.seed), longest_seconds=3.0)
    racing = Failover(server, people, store, keys, trouble)
    await asyncio.gather(*(line.connect() for line in racing.lines))
    tallies = await racing.play(asked.windows)
    for line in racing.lines:
        line.close()
    await store.close()
    return show(tallies, racing)


def show(tallies: list[Tally], racing: Failover) -> bool:
    broken = [sentence for tally in tallies for sentence in tally.broken]
    lost = [sentence for sentence in broken if "acknowledged, but not" in sentence]
    double = sum(count for tally in tallies for number, count in tally.recorded.items() if number > 1)
    said = [*racing.answers, *(name.partition(" ")[2] for name in racing.others)]
    undocumented = [name for name in said if name not in (*REFUSALS, "dug", "done") or name == "internal"]
    slow, path = racing.slowest_other
    rows = [
        ("windows", str(sum(tally.windows for tally in tallies))),
        ("faults", ", ".join(f"{name} {count}" for name, count in racing.trouble.counts.most_common())),
        ("documents rolled back", str(racing.trouble.rolled_back)),
        ("reads older than a majority", str(racing.trouble.wire.read_older)),
        ("prizes won", str(sum(tally.wins for tally in tallies))),
        ("acknowledged digs", str(sum(len(tally.acks) for tally in tallies))),
        ("acknowledged digs lost (0)", str(len(lost))),
        ("windows with two digs (0)", str(double)),
        ("ghosts on a page after 5 s (0)", str(len(racing.ghosts))),
        ("slowest answer (6 s)", f"{racing.slowest_seconds:.1f} s"),
        ("answers", ", ".join(f"{name} {count}" for name, count in racing.answers.most_common())),
        ("other interfaces", ", ".join(f"{name} {count}" for name, count in sorted(racing.others.items()))),
        ("their slowest answer (6 s)", f"{slow:.1f} s, {path}"),
        ("undocumented (none)", ", ".join(undocumented) or "none"),
        ("what else did not hold", "; ".join(x for x in broken if x not in lost)[:2000] or "nothing"),
    ]
    for label, value in rows:
        print(f"  {label:<34}{value}")
    for ghost in racing.ghosts[:5]:
        print("  ", ghost[:600])
    late = max(racing.slowest_seconds, slow) > SLOWEST_SECONDS
    return not (broken or double or racing.ghosts or late or undocumented)


def dig_on_a_failing_store(directory: Path, asked: argparse.Namespace) -> bool:
    store = EmbeddedMongoDB(directory / "store")
    store.start()
    wire = FaultyWire("127.0.0.1", store.port, SPARED)
    wire.start()
    uri = wire.uri("wabao")
    try:
        release = [sys.executable, "-m", "server", "release", "--unchecked"]
        subprocess.run(release, env=os.environ | {"MONGODB_URI": uri}, check=True, capture_output=True)
        with running(workers=2, directory=str(directory), MONGODB_URI=uri) as server:
            held = asyncio.run(race(server, wire, asked))
            if not held:
                said = server.log.read_text().splitlines()
                print("\nwhat the server said:", *[x for x in said if " INFO " not in x][-40:], sep="\n")
            return held
    finally:
        wire.end()
        store.kill()


def move_money_on_a_failing_store(directory: Path, asked: argparse.Namespace) -> bool:
    """Play the money sequences; a fault meets every third act of a process."""
    stores = [EmbeddedMongoDB(directory / "money"), EmbeddedRedis(directory / "money")]
    for store in stores:
        store.start()
    wire = FaultyWire("127.0.0.1", stores[0].port, SPARED)
    wire.start()
    trouble = Trouble(wire, random.Random(asked.seed), longest_seconds=0.1)

    @contextmanager
    def every_third() -> Iterator[None]:
        if trouble.chance.randrange(3) == 0:
            long = trouble.chance.randrange(ONE_LONG_OF) == 0
            trouble.longest_seconds = LONG_SECONDS if long else 0.1
            trouble.begin()
        try:
            yield
        finally:
            wire.calm()  # the checks of the outcome meet no fault

    seen: Counter[str] = Counter()
    try:
        for number, retries in enumerate(("false", "true")):
            uri = wire.uri(f"wabao_{retries}", retryWrites=retries)
            world = World(uri, stores[1].uri, str(directory / retries), every_third)
            MoneyMachine.world = world
            try:
                for done in range(0, asked.sequences // 2, SEQUENCES_A_BATCH):
                    count = min(SEQUENCES_A_BATCH, asked.sequences // 2 - done)
                    play_batch(world, count, 25, asked.seed + 2 * done + number)
                    print(f"  {world.seen['sequences']} sequences", file=sys.stderr, flush=True)
            finally:
                seen += world.seen
                world.close()
    finally:
        wire.end()
        for store in stores:
            store.kill()
    seen["reads older than a majority"] = wire.read_older
    print("\nmoney:")
    for what, count in sorted((seen + trouble.counts).items()):
        print(f"  {count:8} {what}")
    return not seen["failed"]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--windows", type=int, default=200)
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--sequences", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        held = not asked.windows or dig_on_a_failing_store(Path(directory), asked)
        held &= not asked.sequences or move_money_on_a_failing_store(Path(directory), asked)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
