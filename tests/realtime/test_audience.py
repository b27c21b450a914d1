"""The number of each task's watchers over all processes, and what telling it costs."""

from collections.abc import Callable

import msgspec
import pytest

from server.realtime import audience
from server.realtime.audience import SILENT_SECONDS, WHOLE_RENEWALS, Audience
from server.realtime.known_tasks import KnownTasks
from server.realtime.watched_task import WatchedTask
from support.watchers import Collecting

SILENT = SILENT_SECONDS + 0.5


class Room:
    """A Redis that delivers at once, and its processes."""

    def __init__(self) -> None:
        self.processes: list[Process] = []
        self.now = 1000.0
        self.messages = 0

    async def pass_seconds(self, seconds: int = 4) -> None:
        for _ in range(seconds):
            self.now += 1
            for process in self.processes:
                if self.now % 5 == 0:
                    await process.audience.renew()
                await process.audience.tell()


class Process:
    """The audience of one process. The class is also the process's fake bus."""

    def __init__(self, room: Room, name: str) -> None:
        self.room = room
        self.process = name
        self.up = True
        self.listeners: dict[str, Callable[[bytes], None]] = {}
        self.frames: list[bytes] = []
        self.known = KnownTasks(_read, lambda code: None)
        self.audience = Audience(self.known, self, self._send, lambda: room.now)  # type: ignore[arg-type]
        room.processes.append(self)
        self.connect()

    def _send(self, _watched: WatchedTask, frames: bytes) -> None:
        self.frames.append(frames)

    def connect(self) -> None:
        self.up = True
        for listener in self.listeners.values():
            listener(b"")

    def on_name(self, name: str, listener: Callable[[bytes], None]) -> None:
        self.listeners[name] = listener

    async def publish(self, name: str, payload: bytes) -> int | None:
        if not self.up:
            return None
        heard = [each.listeners[name] for each in self.room.processes if each.up and name in each.listeners]
        for listener in heard:
            listener(payload)
        self.room.messages += 1
        return len(heard)

    async def watch(self, code: str, person_id: str = "somebody") -> WatchedTask:
        async with self.known.keep(code) as watched:
            watcher = Collecting()
            watcher.person_id = person_id
            watched.elsewhere = self.audience.elsewhere(code)
            watched.join(watcher, ticks=False)
            return watched

    def unwatch(self, watched: WatchedTask) -> None:
        watched.part(next(iter(watched.watchers)))
        self.known.rest(watched)


async def _read(watched: WatchedTask) -> None:
    watched.loaded = True


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.mark.parametrize("number", [2, 3, 12])
async def test_a_process_knows_the_watchers_of_its_tasks_and_an_operators_of_all(room, number, monkeypatch):
    monkeypatch.setattr(audience, "NAMES", 7)  # fewer than the tasks
    processes = [Process(room, f"process {each}") for each in range(number)]
    shared = [await process.watch("shared", f"person {each}") for each, process in enumerate(processes)]
    for each in range(50):
        await processes[each % 2].watch(f"task{each}")
    await room.pass_seconds()
    assert [watched.total for watched in shared] == [number] * number
    assert processes[1].audience.elsewhere("task0") == 0, "nobody watches it there"
    assert processes[1].audience.totals()["task0"] == 0
    processes[1].audience.ask_of_all()
    await room.pass_seconds(2)
    totals = processes[1].audience.totals()
    assert totals == {"shared": number, **{f"task{each}": 1 for each in range(50)}}
    room.now += 61
    await room.pass_seconds()
    assert processes[1].audience.elsewhere("task0") == 0


async def test_only_what_changes_is_told_and_cheers_go_along(room):
    here = Process(room, "here")
    there = Process(room, "there")
    tasks = [await here.watch(f"task{each}") for each in range(200)]
    other = await there.watch("task7")
    await room.pass_seconds(8)
    room.now = 1001.0  # no renewal in the next seconds
    before = room.messages
    await room.pass_seconds(3)
    assert room.messages == before
    await here.watch("task7", "somebody else")
    here.unwatch(tasks[8])
    tasks[7].cheer("somebody", "fire")
    await here.audience.tell()
    await there.audience.tell()
    await here.audience.tell()
    assert other.total == 3
    assert room.messages - before <= 3
    await there.audience.tell()
    assert b'"cheers":{"fire":1}' in there.frames[-1]


async def test_a_lost_message_is_made_up_for_within_30_s_and_a_lost_connection_at_once(room):
    here = Process(room, "here")
    there = Process(room, "there")
    watched = await here.watch("treasure")
    await there.watch("treasure")
    await room.pass_seconds()
    assert watched.total == 2
    hear = dict(here.listeners)
    here.listeners = {name: lambda payload: None for name in hear}  # as if its messages were lost
    await there.watch("treasure", "somebody else")
    await room.pass_seconds(1)
    here.listeners = hear
    await room.pass_seconds(5 * WHOLE_RENEWALS + 2)
    assert watched.total == 3
    here.up = False
    await there.watch("treasure", "a third one")
    await room.pass_seconds(1)
    here.connect()
    await room.pass_seconds()
    assert watched.total == 4


async def test_sums_that_redis_did_not_take_are_told_in_the_next_second(room, monkeypatch):
    here, there, operators = (Process(room, name) for name in ("here", "there", "operators"))
    watched = await here.watch("treasure")
    ending = await there.watch("ending")
    operators.audience.ask_of_all()
    await room.pass_seconds()
    room.now = 1001.0  # no renewal in the next seconds
    deliver = Process.publish

    async def refuse_sums(process: Process, name: str, payload: bytes) -> int | None:
        refused = msgspec.msgpack.decode(payload).get("type") == "sums"
        return None if refused else await deliver(process, name, payload)

    monkeypatch.setattr(Process, "publish", refuse_sums)
    await there.watch("treasure", "somebody else")
    there.unwatch(ending)
    await room.pass_seconds(2)
    assert operators.audience.totals()["ending"] == 1
    monkeypatch.setattr(Process, "publish", deliver)
    await room.pass_seconds(1)
    assert watched.total == 2
    assert operators.audience.totals() == {"treasure": 2}


async def test_a_process_that_ended_or_is_cut_off_counts_no_more(room):
    processes = [Process(room, name) for name in ("here", "there", "elsewhere")]
    tasks = [await process.watch("treasure") for process in processes]
    await room.pass_seconds()
    assert [watched.total for watched in tasks] == [3, 3, 3]
    room.processes.remove(processes[2])  # killed
    await room.pass_seconds(int(SILENT) + 5)
    assert [watched.total for watched in tasks[:2]] == [2, 2]
    processes[0].up = False
    await room.pass_seconds(int(SILENT) + 5)
    assert tasks[0].total == 1
    processes[0].connect()
    await room.pass_seconds()
    assert [watched.total for watched in tasks[:2]] == [2, 2]


async def test_processes_without_watchers_say_nothing(room):
    here = Process(room, "here")
    _ = Process(room, "there")
    await room.pass_seconds()
    before = room.messages
    await room.pass_seconds(40)
    assert room.messages == before
    watched = await here.watch("treasure")
    await room.pass_seconds()
    here.unwatch(watched)
    await room.pass_seconds(40)
    before = room.messages
    await room.pass_seconds(40)
    assert room.messages == before
