"""The version before beside this one, on one database and one Redis: processes are replaced one by one."""

import asyncio
import json
import secrets
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from support import SOURCE
from support.browser import Person
from support.servers import Running

# The last release; while there is none with this version of the data, a commit that has it.
BEFORE = "8946db23"
DIGGERS = 15
PAGES = 45
TREASURES = 3
WHOLE_SECONDS = 5.0
PAUSE_SECONDS = 8.0


def has_history() -> bool:
    asked = ["git", "cat-file", "-e", f"{BEFORE}^{{commit}}"]
    if shutil.which("git") is None:
        return False
    return subprocess.run(asked, cwd=SOURCE, stderr=subprocess.DEVNULL, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not has_history(), reason=f"the commit {BEFORE} is not in the history here")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The tree of the version before."""
    tree = tmp_path / "old"
    archive = tmp_path / "old.tar"
    subprocess.run(["git", "archive", "-o", archive, BEFORE], cwd=SOURCE, check=True)
    tree.mkdir()
    subprocess.run(["tar", "-xf", archive], cwd=tree, check=True)
    return tree


class Fleet:
    """Serving processes of either version, as behind a proxy."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self._directory = directory
        self._environment = environment
        self.living: list[Running] = []
        self._started = 0

    async def start(self, source: Path) -> None:
        self._started += 1
        data_dir = self._directory / str(self._started)
        running = Running(data_dir, source=source, **self._environment)
        await asyncio.to_thread(running.wait_for, "is ready")
        self.living.append(running)

    async def replace(self, source: Path) -> None:
        """Start a process of this version, and end the oldest."""
        await self.start(source)
        assert await asyncio.to_thread(self.living.pop(0).end, signal.SIGTERM) == 0

    def kill(self) -> None:
        for running in self.living:
            running.kill()


class Crowd:
    """People who dig, and pages; all come back to another process when theirs ends."""

    def __init__(self, fleet: Fleet, people: list[Person], codes: list[str]) -> None:
        self._fleet = fleet
        self._people = people
        self._codes = codes
        self.acknowledged: dict[str, dict[int, str]] = {code: {} for code in codes}
        self.seen: list[list[int]] = [[0] for _ in range(PAGES)]
        self.statuses: Counter[int] = Counter()
        self._ends = asyncio.Event()

    def _port(self) -> int:
        return secrets.choice(self._fleet.living).port

    async def dig(self, number: int) -> None:
        person = self._people[number]
        code = self._codes[number % TREASURES]
        headers = {"Authorization": f"Bearer {person.token}"}
        async with httpx.AsyncClient(timeout=10, headers=headers) as client:
            while not self._ends.is_set():
                asked = {"unionid": person.unionid, "code": code, "dig_id": secrets.token_hex(8)}
                reply: dict[str, object] = {"error": "unavailable"}
                while reply.get("error") in ("unavailable", "outcome_unknown"):
                    try:
                        answer = await client.post(f"http://127.0.0.1:{self._port()}/postTask", json=asked)
                    except httpx.TransportError:  # its process is ending
                        await asyncio.sleep(0.1)
                        continue
                    self.statuses[answer.status_code] += 1
                    reply = answer.json()
                assert reply["status"] == 0, reply
                assert isinstance(depth := reply["now_depth"], int)
                assert self.acknowledged[code].setdefault(depth, person.id) == person.id
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._ends.wait(), PAUSE_SECONDS)

    async def watch(self, number: int) -> None:
        person = self._people[number % DIGGERS]
        code = self._codes[number % TREASURES]
        seen = self.seen[number]
        while not self._ends.is_set():
            address = f"ws://127.0.0.1:{self._port()}/ws?code={code}&ticks=0&since={seen[-1]}"
            asked = HTTPRequest(address, headers={"Authorization": f"Bearer {person.token}"})
            try:
                page = await websocket_connect(asked)
            except OSError:
                await asyncio.sleep(0.1)
                continue
            try:
                while (message := await page.read_message()) is not None:
                    frame = json.loads(message)
                    if frame["type"] == "cd":
                        assert frame["seq"] == seen[-1] + 1
                        seen.append(frame["seq"])
            except asyncio.CancelledError:
                page.close()
                while await page.read_message() is not None:  # or its socket outlives this loop
                    pass
                raise
            finally:
                page.close()

    async def whole(self) -> None:
        """Return once each page has what is dug now."""
        dug = [max(self.acknowledged[code], default=0) for code in self._codes]
        async with asyncio.timeout(WHOLE_SECONDS):
            while any(seen[-1] < dug[each % TREASURES] for each, seen in enumerate(self.seen)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def play(self, old: Path) -> None:
        """Replace a process by a new one, and go back, while everybody plays."""
        digging = [asyncio.create_task(self.dig(number)) for number in range(DIGGERS)]
        watching = [asyncio.create_task(self.watch(number)) for number in range(PAGES)]
        for source in (SOURCE, old):
            await self._fleet.replace(source)
            await self.whole()
            assert not [task for task in (*digging, *watching) if task.done()]
        self._ends.set()
        await asyncio.gather(*digging)
        await self.whole()
        for task in watching:
            task.cancel()
        ended = await asyncio.gather(*watching, return_exceptions=True)
        assert not [each for each in ended if not isinstance(each, asyncio.CancelledError)]


@pytest.fixture
def fleet(tmp_path: Path, own_uri: str, redis_url: str) -> Iterator[Fleet]:
    environment = {
        "MONGODB_URI": own_uri,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "a secret that only the tests know, 32+",
        "SOCKETS_A_PERSON": "100",
    }
    made = Fleet(tmp_path, environment)
    yield made
    made.kill()


def test_processes_are_replaced_one_by_one_and_back_and_nobody_loses_anything(fleet, old, own_database):
    crowd = asyncio.run(replace_all(fleet, old))
    for code in crowd.acknowledged:
        digs = own_database.digs.find({"code": code})
        recorded = {dig["depth"]: dig["person_id"] for dig in digs}
        assert recorded == crowd.acknowledged[code]
        assert sorted(recorded) == list(range(1, len(recorded) + 1))


async def replace_all(fleet: Fleet, old: Path) -> Crowd:
    for _ in range(2):
        await fleet.start(old)
    address = fleet.living[0].address
    people = [await asyncio.to_thread(Person.log_in, address, f"p{each}") for each in range(DIGGERS + 1)]
    publisher = people.pop()
    codes = [publisher.publish(cd=0, forecast_num=100_000) for _ in range(TREASURES)]
    crowd = Crowd(fleet, people, codes)
    await crowd.play(old)
    assert crowd.statuses.keys() <= {200, 503}
    return crowd
