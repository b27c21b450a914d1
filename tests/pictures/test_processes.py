"""The processes that make pictures: their limits, their ends, and whom a picture waits for."""

import asyncio
import gc
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from server.errors import NotAPicture, PictureTooLarge, Unavailable
from server.pictures import process as processes
from server.pictures.decode import MAX_BYTES, normalise
from server.pictures.poster import draw_poster, draw_red_packet
from server.pictures.process import MEMORY_BYTES, PicturePool
from server.runtime.children import GIVES_MEMORY_BACK
from support import SOURCE
from support.client import a_picture
from support.pictures import a_poster, encoded, four_corners, png_chunk, png_header
from support.servers import stopped

SMALL = a_picture()  # a JPEG
PNG = encoded(four_corners(), "PNG")


@pytest.fixture(scope="module")
def _pictures_made_once() -> None:
    """Make each picture anew, even one that was made before."""


@pytest.fixture
def make_pool(io_loop: Any) -> Iterator[Callable[..., PicturePool]]:
    made: list[PicturePool] = []

    def make(**limits: float) -> PicturePool:
        made.append(PicturePool(**limits))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def own_pool(make_pool: Callable[..., PicturePool]) -> PicturePool:
    return make_pool()


async def pid_of(process: processes._Process) -> int:
    """Return the pid of the process, which is started if necessary."""
    pid: Any = await process.make(os.readlink, "/proc/self")  # type: ignore[arg-type]
    return int(pid)


async def memory_of(process: processes._Process) -> dict[str, int]:
    """Return the kernel's counts in bytes: VmHWM is the peak memory, RssAnon the process's own memory now."""
    text: Any = await process.make(Path.read_text, Path("/proc/self/status"))  # type: ignore[arg-type]
    counts = (line.split() for line in text.splitlines() if line.startswith(("Vm", "Rss")))
    return {name.removesuffix(":"): int(kilobytes) << 10 for name, kilobytes, *_ in counts}


def slow_picture() -> bytes:
    """Return a small picture that takes seconds: Pillow reads each of its 800,000 empty text chunks."""
    note = png_chunk(b"zTXt", b"")
    return PNG[:33] + note * ((MAX_BYTES - len(PNG)) // len(note)) + PNG[33:]


async def test_the_processes_make_the_same_as_the_functions(own_pool):
    assert await own_pool.normalise(PNG, "alice") == normalise(PNG)
    assert await own_pool.poster(a_poster(), "alice") == draw_poster(a_poster())
    assert await own_pool.red_packet(20, "alice") == draw_red_packet(20)
    with pytest.raises(NotAPicture):
        await own_pool.normalise(b"no picture", "alice")
    with pytest.raises(PictureTooLarge, match="1600 万像素"):
        await own_pool.normalise(png_header(50_001, 1000), "alice")
    many = await asyncio.gather(*(own_pool.red_packet(money, f"owner {money}") for money in range(1, 4)))
    assert many == [draw_red_packet(money) for money in range(1, 4)]


async def test_a_process_that_is_killed_idle_or_at_work_is_replaced(own_pool):
    first = await pid_of(own_pool.heavy)
    ended = os.pidfd_open(first)
    os.kill(first, signal.SIGKILL)
    assert await asyncio.to_thread(select.select, [ended], [], [], 10)
    os.close(ended)
    # The executor notices the death in a thread of its own, perhaps after it took the next picture.
    second = 0
    while not second:
        try:
            second = await pid_of(own_pool.heavy)
        except processes.BrokenProcessPool:
            continue
    os.kill(second, signal.SIGSTOP)  # this process takes the picture and does not answer
    alices = asyncio.create_task(own_pool.normalise(PNG, "alice"))
    bobs = asyncio.create_task(own_pool.normalise(PNG, "bob"))
    await asyncio.sleep(0)
    os.kill(second, signal.SIGKILL)
    with pytest.raises(PictureTooLarge):
        await alices
    assert await bobs == normalise(PNG)
    assert len({first, second, await pid_of(own_pool.heavy)}) == 3


async def test_a_picture_that_takes_too_long_ends_its_process_and_fails_alone(make_pool):
    own = make_pool(cpu_seconds=0.3)
    other = await pid_of(own.light)
    slow = asyncio.create_task(own.normalise(slow_picture(), "alice"))
    waiting = [asyncio.create_task(own.normalise(data, "bob")) for data in (PNG, SMALL)]
    with pytest.raises(PictureTooLarge, match="太费时间"):
        await slow
    assert await asyncio.gather(*waiting) == [normalise(PNG), normalise(SMALL)]
    assert await pid_of(own.light) == other
    assert await own.normalise(PNG, "alice") == normalise(PNG)


async def test_a_decoder_that_never_returns_ends_with_its_process(own_pool, monkeypatch):
    monkeypatch.setattr(processes, "JOB_SECONDS", 0.05)
    with pytest.raises(Unavailable):
        await own_pool._draw("alice", time.sleep, 60)
    monkeypatch.undo()
    assert await own_pool.red_packet(1, "alice") == draw_red_packet(1)


async def test_a_drawing_that_takes_too_long_or_too_much_memory_is_unavailable(make_pool):
    for limits in ({"cpu_seconds": 0.001}, {"memory_bytes": 1 << 20}):
        with pytest.raises(Unavailable):
            await make_pool(**limits).poster(a_poster(), "alice")


async def test_a_picture_is_unavailable_while_no_process_can_be_started(own_pool):
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))
    try:
        with pytest.raises(Unavailable):
            await own_pool.normalise(PNG, "alice")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))
    assert await own_pool.normalise(PNG, "alice") == normalise(PNG)


async def test_cpu_time_is_counted_per_picture(make_pool):
    own = make_pool(cpu_seconds=0.3)
    first = await pid_of(own.light)
    for money in range(1, 11):  # all together take longer than the limit
        await own.red_packet(money, "alice")
    assert await pid_of(own.light) == first


async def test_a_process_makes_a_bounded_number_of_pictures(own_pool, monkeypatch):
    monkeypatch.setattr(processes, "PICTURES_A_PROCESS", 2)
    pids = [await pid_of(own_pool.light) for _ in range(5)]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


async def test_a_picture_that_needs_too_much_memory_is_refused_and_its_process_stays(make_pool):
    own = make_pool(memory_bytes=80 << 20)
    flat = encoded(Image.new("RGBA", (4000, 4000), (1, 2, 3, 4)), "PNG", compress_level=1)
    before = await pid_of(own.heavy)
    with pytest.raises(PictureTooLarge, match="太多内存"):
        await own.normalise(flat, "alice")
    assert await pid_of(own.heavy) == before


async def test_the_largest_pictures_of_each_format_stay_within_the_memory(own_pool, monkeypatch):
    for name, value in GIVES_MEMORY_BACK.items():  # as the supervisor does
        monkeypatch.setenv(name, value)
    size = (4000, 4000)
    for data in (
        encoded(Image.new("CMYK", size, (1, 2, 3, 4)), "JPEG", progressive=True, subsampling=0),
        encoded(Image.new("RGBA", size, (1, 2, 3, 4)), "PNG", compress_level=1),
        encoded(Image.new("RGBA", (2500, 3200), (1, 2, 3, 4)), "WEBP", lossless=True, method=0),
    ):
        picture = await own_pool.normalise(data, "alice")
        assert max(picture.width, picture.height) == 1600
    for process in (own_pool.light, own_pool.heavy):
        memory = await memory_of(process)
        assert memory["VmHWM"] - memory["RssFile"] < MEMORY_BYTES
        assert memory["RssAnon"] < 32 << 20  # the memory was given back


async def test_a_stop_signal_does_not_interrupt_a_picture(own_pool):
    pid = await pid_of(own_pool.light)
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGINT)
    assert await own_pool.red_packet(2, "alice") == draw_red_packet(2)
    assert await pid_of(own_pool.light) == pid


@pytest.mark.parametrize("in_a_picture", [False, True])
def test_the_process_ends_when_its_server_is_killed(in_a_picture):
    server = (
        "import asyncio, os\n"
        "from server.pictures.process import PicturePool\n"
        "async def main():\n"
        "    pool = PicturePool()\n"
        "    await pool.red_packet(1, 'alice')\n"
        "    print(*pool.light._executor._processes, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", server], stdout=subprocess.PIPE, cwd=SOURCE) as parent:
        pid = int(parent.stdout.readline())
        child = os.pidfd_open(pid)
        if in_a_picture:
            os.kill(pid, signal.SIGSTOP)  # so that it cannot notice that its pipe is closed
        parent.kill()
    try:
        assert select.select([child], [], [], 10)[0], "the process outlived its server"
    finally:
        os.close(child)


async def test_a_person_has_one_picture_at_a_time_and_a_photo_waits_for_no_other_format(own_pool):
    held = await pid_of(own_pool.heavy)
    await pid_of(own_pool.light)
    with stopped([held]):
        alices = [asyncio.create_task(own_pool.normalise(data, "alice")) for data in (PNG, SMALL, SMALL)]
        await asyncio.sleep(0)
        assert await own_pool.poster(a_poster(), "bob") == draw_poster(a_poster())
        assert await own_pool.normalise(SMALL, "bob") == normalise(SMALL)
        assert not any(task.done() for task in alices)
    assert await asyncio.gather(*alices) == [normalise(PNG), normalise(SMALL), normalise(SMALL)]
    gc.collect()
    assert not own_pool._people


async def test_a_picture_that_waits_too_long_is_refused(own_pool, monkeypatch):
    held = await pid_of(own_pool.heavy)
    with stopped([held]):
        alices = asyncio.create_task(own_pool.normalise(PNG, "alice"))
        await asyncio.sleep(0)
        monkeypatch.setattr(processes, "LIMIT_SECONDS", 0.01)
        with pytest.raises(Unavailable):
            await own_pool.normalise(PNG, "bob")
    assert await alices == normalise(PNG)
