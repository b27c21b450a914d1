"""The number of each task's watchers over all processes. Each process sends one message a second."""

from collections.abc import Callable

import msgspec

from server.realtime.audience import NEWS, WHOLE_RENEWALS, Audience
from server.realtime.known_tasks import KnownTasks
from server.realtime.news import WatchersNews
from server.realtime.watched_task import WatchedTask
from support.watchers import Collecting

SILENT = 15.5


class Room:
    """A Redis that delivers at once, and its processes."""

    def __init__(self) -> None:
        self.processes: list[Process] = []
        self.now = 1000.0
        self.sent: list[WatchersNews] = []


class Process:
    """The audience of one process. The class is also the process's fake bus."""

    def __init__(self, room: Room, name: str) -> None:
        self.room, self.process, self.up = room, name, True
        self.known = KnownTasks(_read, lambda code: None)
        self.audience = Audience(self.known, self, lambda watched, frames: None, lambda: room.now)  # type: ignore[arg-type]
        room.processes.append(self)
        self.heard(b"")

    def hear(self, name: str, listener: Callable[[bytes], None]) -> None:
        assert name == NEWS
        self.heard = listener

    async def publish(self, name: str, payload: bytes) -> bool:
        assert name == NEWS
        if self.up:
            self.room.sent.append(msgspec.msgpack.decode(payload, type=WatchersNews))
            for process in self.room.processes:
                process.heard(payload)
        return self.up

    async def watch(self, code: str, person_id: str = "somebody") -> WatchedTask:
        async with self.known.keep(code) as watched:
            watcher = Collecting()
            watcher.person_id = person_id
            watched.elsewhere = self.audience.elsewhere(code)
            watched.join(watcher, ticks=False)
            return watched


async def _read(watched: WatchedTask) -> None:
    watched.loaded = True


async def test_one_message_a_second_tells_of_all_tasks_that_changed_and_every_30_s_of_all():
    room = Room()
    here, there = Process(room, "here"), Process(room, "there")
    tasks = [await here.watch(f"task{number}") for number in range(200)]
    for process in (here, there):  # both have just been connected, and send all their numbers
        await process.audience.tell()
    assert [(news.process, len(news.counts), news.whole) for news in room.sent] == [
        ("here", 200, True),
        ("there", 0, True),
    ]
    assert there.audience.elsewhere("task7") == 1
    await here.audience.tell()  # a second time, since `here` has now heard of `there`
    room.sent.clear()
    await here.audience.tell()
    assert room.sent == []
    await here.watch("task7", "somebody else")
    tasks[8].part(next(iter(tasks[8].watchers)))
    tasks[9].cheer("somebody", "fire")
    await here.audience.tell()
    assert room.sent == [WatchersNews("here", {"task8": 0, "task7": 2}, {"task9": {"fire": 1}})]
    assert [there.audience.elsewhere(f"task{number}") for number in (7, 8, 9)] == [2, 0, 1]
    await there.watch("task9")
    totals = there.audience.totals()
    assert [totals[f"task{number}"] for number in (7, 8, 9)] == [2, 0, 2]
    assert totals.most_common(2) == [("task7", 2), ("task9", 2)]
    for renewal in range(1, WHOLE_RENEWALS + 1):
        await here.audience.renew()
        await here.audience.tell()
        whole = renewal == WHOLE_RENEWALS
        assert (len(room.sent[-1].counts), room.sent[-1].whole) == (199 * whole, whole)
    assert len(room.sent) == 1 + WHOLE_RENEWALS


async def test_whoever_comes_later_learns_all_numbers_and_a_lost_message_is_made_up_for():
    room = Room()
    here = Process(room, "here")
    await here.watch("treasure")
    await here.audience.tell()
    late = Process(room, "late")
    watched = await late.watch("treasure")
    assert watched.total == 1
    await late.audience.tell()
    await here.audience.tell()
    assert (watched.total, here.known.by_code["treasure"].total) == (2, 2)
    here.up = False
    await here.watch("treasure", "somebody else")
    await here.audience.tell()
    here.up = True
    await here.audience.tell()
    assert watched.total == 3


async def test_a_process_that_ended_or_is_cut_off_counts_no_more():
    room = Room()
    here, there = Process(room, "here"), Process(room, "there")
    watched = await here.watch("treasure")
    await there.watch("treasure")
    for process in (there, here, there, here):  # a process that has just been connected asks the others
        await process.audience.tell()
    assert watched.total == 2
    room.now += SILENT
    await here.audience.tell()
    assert (watched.total, here.audience.elsewhere("treasure")) == (1, 0)
    await there.audience.renew()
    for process in (there, here, there):  # `there` is heard, `here` asks for its numbers, `there` sends them
        assert watched.total == 1
        await process.audience.tell()
    assert watched.total == 2
    here.up = False
    await here.audience.tell()
    assert watched.total == 1
