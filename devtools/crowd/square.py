"""The tasks of a crowd: which run now, and publishing new ones so that there is always something to dig."""

import asyncio
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn, Protocol

from devtools.crowd.client import Client, Login, Reply, Unanswered
from devtools.crowd.tally import Tally
from devtools.crowd.treasures import TREASURES, Treasure

PUBLISHERS = 8
# A task that nobody has dug for this long is given up: everybody here who watches it has won in it.
STALE_SECONDS = 60
LOOK_SECONDS = 3
AGAIN_SECONDS = 3
AT_ONCE = 4  # tasks that are published at the same time
PAYMENT_LOOKS = 10
NONCE_BYTES = 16

_chance = secrets.SystemRandom()


class Publisher(Protocol):
    """Somebody who has logged in."""

    login: Login


@dataclass(slots=True)
class Running:
    """A task that can be dug."""

    name: str
    dug_at: float
    watchers: int = 0


class Square:
    """The crowd's running tasks. People report the digs and ends that they see."""

    def __init__(self, client: Client, tally: Tally, tasks: int, people: int) -> None:
        self.running: dict[str, Running] = {}
        # Each person may publish 30 tasks in an hour, and a task lasts a few minutes.
        self.publishers_wanted = max(1, min(max(PUBLISHERS, 3 * tasks), people // 3))
        self._client = client
        self._tally = tally
        self._tasks = tasks
        # A winner does not dig the task again, so there must be more people than prizes.
        self._most_prizes = max(1, (people - 1) // 2)
        self._publishers: list[Publisher] = []
        self._publishing: set[str] = set()  # the names of what is being published
        self._pictures: dict[tuple[str, str], str] = {}  # by the uploader's unionid and the treasure's name
        self._opened = asyncio.Event()
        self._closed = asyncio.Event()
        self._known: set[str] = set()  # what ran here once

    async def admit(self, publisher: Publisher) -> None:
        """Let a person publish; add their tasks that still run to the crowd's. Raises Unanswered."""
        released = await self._client.get("/getMyRelease", publisher.login, page=1)
        for card in released.get("data", []):
            runs = not card["status"] and not card.get("need_pay")
            if runs and card["prizes_left"] <= self._most_prizes and len(self.running) < self._tasks:
                self._open(card["code"], card["name"])
        self._publishers.append(publisher)
        if len(self._publishers) == self.publishers_wanted:
            self._closed.set()

    async def _look_around(self) -> None:
        """Add what others published on the square to what the crowd digs. Raises Unanswered."""
        listed = await self._client.get("/getTaskList", self._publishers[0].login, page=1)
        for card in listed.get("data", []):
            self.notice(card)

    def notice(self, task: Reply) -> None:
        """Let the crowd dig a task of others too, unless nobody can dig it within a minute."""
        soon_ms = 1000 * (time.time() + STALE_SECONDS)
        if not task["status"] and task["cd_until"] <= soon_ms:
            self._open(task["code"], task["name"])

    def _open(self, code: str, name: str) -> None:
        if code in self._known:
            return
        self._known.add(code)
        self.running[code] = Running(name, time.monotonic())
        self._tally.running = len(self.running)
        self._opened.set()

    def saw_dig(self, code: str) -> None:
        """Note that a task can still be dug."""
        if code in self.running:
            self.running[code].dug_at = time.monotonic()

    def saw_end(self, code: str) -> None:
        """Note that a task has ended."""
        self._tally.ended += code in self.running
        self.forget(code)

    def forget(self, code: str) -> None:
        """Give up a task. Safe to repeat."""
        if self.running.pop(code, None) is not None:
            self._tally.running = len(self.running)
            self._closed.set()

    async def choose(self, avoided: set[str]) -> str:
        """Return the code of one of the two least watched tasks; if none runs, wait until one does."""
        while not self.running:
            self._opened.clear()
            await self._opened.wait()
        codes = [code for code in self.running if code not in avoided] or list(self.running)
        few = sorted(codes, key=lambda code: self.running[code].watchers)[:2]
        return _chance.choice(few)

    @property
    def deserted(self) -> bool:
        """Whether some task has no watcher."""
        return not all(task.watchers for task in self.running.values())

    def moved(self, old: str, new: str) -> None:
        """Note that a person went from one task to another."""
        for code, change in ((old, -1), (new, 1)):
            if code in self.running:
                self.running[code].watchers += change

    async def keep_alive(self) -> None:
        """Until cancelled, publish the missing tasks at once whenever fewer run than wanted."""
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._closed.wait()
            except TimeoutError:
                stale = time.monotonic() - STALE_SECONDS
                for code in [code for code, task in self.running.items() if task.dug_at < stale]:
                    self.forget(code)
            self._closed.clear()
            if len(self._publishers) < self.publishers_wanted:
                continue
            with suppress(Unanswered):
                await self._look_around()
            while missing := max(0, self._tasks - len(self.running)):
                publishing = [self._publish() for _ in range(min(missing, AT_ONCE))]
                failed = [each for each in await asyncio.gather(*publishing, return_exceptions=True) if each]
                if not all(isinstance(each, Unanswered) for each in failed):
                    raise failed[0]
                if failed:
                    await asyncio.sleep(AGAIN_SECONDS * (1 + _chance.random()))

    async def _publish(self) -> None:
        """Publish a treasure, if possible one that does not run now. Raises Unanswered."""
        names = {task.name for task in self.running.values()} | self._publishing
        treasure = _chance.choice([one for one in TREASURES if one.name not in names] or TREASURES)
        self._publishing.add(treasure.name)
        try:
            await self._publish_as(_chance.choice(self._publishers).login, treasure)
        finally:
            self._publishing.discard(treasure.name)

    async def _publish_as(self, login: Login, treasure: Treasure) -> None:
        picture = (login.unionid, treasure.name)  # nobody can publish what somebody else uploaded
        url = self._pictures.get(picture) or await self._upload(login, treasure)
        half = await self._client.get("/commitment", login)
        if half.get("status") != 0:
            self._refused("commitment", half)
        reply = await self._client.post(
            "/postTask",
            login,
            sealed_seed=half["sealed_seed"],
            nonce=secrets.token_hex(NONCE_BYTES),
            goods_type=1 if treasure.money else 2,
            money=treasure.money,
            url=url,
            name=treasure.name,
            synopsis=treasure.synopsis,
            prize_num=min(treasure.prize_num, self._most_prizes),
            forecast_num=treasure.forecast_num,
            interval=treasure.interval,
            fluctuation=treasure.fluctuation,
            draw_type=2,
            is_public=1,
            cd=treasure.cd,
        )
        if reply.get("status") != 0:
            del self._pictures[picture]  # the server may have a new database without the picture
            self._refused("postTask", reply)
        if reply["need_pay"]:
            await self._pay(login, reply["code"], reply["owed"])
        self._tally.published += 1
        self._open(reply["code"], treasure.name)

    async def _pay(self, login: Login, code: str, owed: int) -> None:
        """Pay a red packet and wait until it is open. Raises Unanswered."""
        order = await self._client.post("/payTask", login, code=code, money=owed)
        if order.get("status") != 0:
            self._refused("payTask", order)
        await self._client.pay(order)
        for _ in range(PAYMENT_LOOKS):
            details = await self._client.get("/getTaskDetails", login, code=code)
            if details.get("status") == 0 and not details["need_pay"]:
                return
            await asyncio.sleep(1)
        self._refused("payment", {"error": "not confirmed"})

    async def _upload(self, login: Login, treasure: Treasure) -> str:
        reply = await self._client.upload(login, await asyncio.to_thread(treasure.picture_file.read_bytes))
        if reply.get("status") != 0:
            self._refused("uploadFile", reply)
        url = self._pictures[login.unionid, treasure.name] = str(reply["url"])
        return url

    def _refused(self, what: str, reply: Reply) -> NoReturn:
        self._tally.failures[f"{what} {reply.get('error')}"] += 1
        raise Unanswered
