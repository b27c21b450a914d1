"""The processes that make pictures: their limits, their ends, and the order of jobs."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from server.errors import NotAPicture, PictureTooLarge, TooMany, Unavailable
from server.pictures import process as processes
from server.pictures.decode import MAX_BYTES, normalise
from server.pictures.poster import draw_poster, draw_red_packet
from server.pictures.process import MEMORY_BYTES, PROCESSES, PicturePool
from server.pictures.turns import OWNER_JOBS
from support import SOURCE
from support.client import a_picture
from support.pictures import a_poster, encoded, four_corners, png_chunk, png_header, with_scans

SMALL = a_picture()


@pytest.fixture
def make_pool(io_loop: Any) -> Iterator[Callable[..., PicturePool]]:
    made: list[PicturePool] = []

    def make(**limits: float) -> PicturePool:
        made.append(PicturePool(**limits))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        io_loop.run_sync(one.close)


@pytest.fixture
def own_pool(make_pool: Callable[..., PicturePool]) -> PicturePool:
    return make_pool()


def pids_of(own: PicturePool) -> set[int]:
    """Return the pids of the running processes."""
    return {one._process.pid for one in own._processes if one._process is not None}


def next_pid_of(own: PicturePool) -> int:
    """Return the pid of the process that takes the next job."""
    process = own._turns.free[-1]._process
    assert process is not None
    return process.pid


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def memory_of(pid: int) -> dict[str, int]:
    """Return the kernel's counts in bytes: VmHWM is the peak memory, RssAnon the process's own memory now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    counts = (line.split() for line in lines if line.startswith(("Vm", "Rss")))
    return {name.removesuffix(":"): int(kilobytes) << 10 for name, kilobytes, *_ in counts}


async def warmed_up(own: PicturePool) -> PicturePool:
    """Start all processes of a pool; return it."""
    await asyncio.gather(*(own.normalise(SMALL, f"owner {number}") for number in range(PROCESSES)))
    assert len(pids_of(own)) == PROCESSES
    return own


async def stopped(own: PicturePool) -> list[int]:
    """Stop all processes, so that no job ends; return the pids in the order in which they take jobs."""
    await warmed_up(own)
    pids = [one._process.pid for one in reversed(own._turns.free) if one._process is not None]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    return pids


def slow_picture() -> bytes:
    """Return a small picture that takes seconds: Pillow reads each of its 800,000 empty text chunks."""
    plain = encoded(four_corners(), "PNG")
    note = png_chunk(b"zTXt", b"")
    return plain[:33] + note * ((MAX_BYTES - len(plain)) // len(note)) + plain[33:]


# ---------------------------------------------------------------- results


async def test_the_processes_make_the_same_as_the_functions(own_pool):
    data = encoded(four_corners(), "PNG")
    assert await own_pool.normalise(data, "alice") == normalise(data)
    assert await own_pool.poster(a_poster(), "alice") == draw_poster(a_poster())
    assert await own_pool.red_packet(20, "alice") == draw_red_packet(20)
    assert len(pids_of(own_pool)) == 1  # jobs that come one after another need only one process
    with pytest.raises(NotAPicture):
        await own_pool.normalise(b"no picture", "alice")
    with pytest.raises(PictureTooLarge, match="1600 万像素"):
        await own_pool.normalise(png_header(50_001, 1000), "alice")
    with pytest.raises(PictureTooLarge, match="最多 20 次扫描"):
        await own_pool.normalise(with_scans(400), "alice")
    many = await asyncio.gather(*(own_pool.red_packet(money, f"owner {money}") for money in range(1, 9)))
    assert many == [draw_red_packet(money) for money in range(1, 9)]


# ---------------------------------------------------------------- limits and ends


async def test_a_process_that_is_killed_idle_or_at_work_is_replaced(own_pool):
    await own_pool.red_packet(1, "alice")
    first = next_pid_of(own_pool)
    os.kill(first, signal.SIGKILL)
    assert await own_pool.red_packet(2, "alice") == draw_red_packet(2)
    second = next_pid_of(own_pool)
    os.kill(second, signal.SIGSTOP)  # this process takes the job and does not answer
    waiting = asyncio.create_task(own_pool.red_packet(3, "alice"))
    await asyncio.sleep(0)
    os.kill(second, signal.SIGKILL)
    assert await waiting == draw_red_packet(3)
    assert len({first, second, next_pid_of(own_pool)}) == 3


async def test_a_job_that_ends_two_processes_is_refused(make_pool):
    own = make_pool(memory_bytes=1 << 20)  # less than any drawing needs
    with pytest.raises(Unavailable):
        await own.red_packet(1, "alice")
    assert pids_of(own) == set()


async def test_a_process_that_stalls_is_ended_and_the_next_picture_is_made(own_pool, monkeypatch):
    await own_pool.red_packet(1, "alice")
    stalled = next_pid_of(own_pool)
    os.kill(stalled, signal.SIGSTOP)
    monkeypatch.setattr(processes, "JOB_SECONDS", 0.05)
    with pytest.raises(Unavailable):
        await own_pool.red_packet(2, "alice")
    monkeypatch.undo()
    assert not is_alive(stalled)
    assert await own_pool.red_packet(3, "alice") == draw_red_packet(3)


async def test_a_picture_that_takes_too_long_ends_its_process_and_no_other_job(make_pool):
    own = await warmed_up(make_pool(cpu_seconds=0.3))
    slow = next_pid_of(own)
    waiting = asyncio.create_task(own.normalise(slow_picture(), "alice"))
    await asyncio.sleep(0)
    other = next_pid_of(own)
    os.kill(other, signal.SIGSTOP)
    bobs = asyncio.create_task(own.normalise(SMALL, "bob"))
    with pytest.raises(PictureTooLarge, match="太费时间"):
        await waiting
    assert not is_alive(slow)
    assert not bobs.done()
    os.kill(other, signal.SIGCONT)
    assert await bobs == normalise(SMALL)
    assert is_alive(other)
    for _ in range(PROCESSES):
        assert await own.normalise(SMALL, "alice") == normalise(SMALL)


async def test_a_drawing_that_takes_too_long_is_unavailable(make_pool):
    own = make_pool(cpu_seconds=0.001)
    with pytest.raises(Unavailable):
        await own.poster(a_poster(), "alice")


async def test_cpu_time_is_counted_per_picture(make_pool):
    own = make_pool(cpu_seconds=0.3)
    for money in range(1, 11):  # all together take longer than the limit
        assert await own.red_packet(money, "alice") == draw_red_packet(money)
    assert len(pids_of(own)) == 1


async def test_a_picture_that_needs_too_much_memory_is_refused_and_its_process_stays(make_pool):
    own = make_pool(memory_bytes=80 << 20)
    flat = encoded(Image.new("RGBA", (4000, 4000), (1, 2, 3, 4)), "PNG", compress_level=1)
    assert await own.normalise(SMALL, "alice") == normalise(SMALL)
    before = pids_of(own)
    with pytest.raises(PictureTooLarge, match="太多内存"):
        await own.normalise(flat, "alice")
    assert await own.normalise(SMALL, "alice") == normalise(SMALL)
    assert pids_of(own) == before


async def test_the_largest_pictures_of_each_format_stay_within_the_memory(own_pool):
    size = (4000, 4000)
    await own_pool.poster(a_poster(), "alice")  # the fonts stay in memory
    for data in (
        encoded(Image.new("P", size, 1), "PNG", transparency=1, compress_level=1),
        encoded(Image.new("CMYK", size, (1, 2, 3, 4)), "JPEG", progressive=True, subsampling=0),
        encoded(Image.new("P", size, 1), "GIF"),
        encoded(Image.new("RGBA", size, (1, 2, 3, 4)), "PNG", compress_level=1),
        encoded(Image.new("RGB", (2500, 3200), "orange"), "WEBP", lossless=True, method=0),
        encoded(Image.new("RGBA", (2500, 3200), (1, 2, 3, 4)), "WEBP", lossless=True, method=0),
    ):
        picture = await own_pool.normalise(data, "alice")
        assert max(picture.width, picture.height) == 1600
        memory = memory_of(next_pid_of(own_pool))
        # The fonts' file is left out: how much of it counts as mapped depends on the system's cache.
        assert memory["VmHWM"] - memory["RssFile"] < MEMORY_BYTES
        assert memory["RssAnon"] < 32 << 20  # the memory was given back


async def test_a_stop_signal_does_not_interrupt_a_picture(own_pool):
    await own_pool.red_packet(1, "alice")
    pid = next_pid_of(own_pool)
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGINT)
    await own_pool.red_packet(2, "alice")
    assert next_pid_of(own_pool) == pid
    await own_pool.close()
    assert not is_alive(pid)


@pytest.mark.parametrize("in_a_picture", [False, True])
def test_the_process_ends_when_its_server_is_killed(in_a_picture):
    server = (
        "import asyncio\n"
        "from server.pictures.process import PicturePool\n"
        "async def main():\n"
        "    pool = PicturePool()\n"
        "    await pool.red_packet(1, 'alice')\n"
        "    print(pool._turns.free[-1]._process.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", server], stdout=subprocess.PIPE, cwd=SOURCE
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        child = os.pidfd_open(pid)
        if in_a_picture:
            os.kill(pid, signal.SIGSTOP)  # so that it cannot notice that its pipe is closed
        parent.kill()
    try:
        assert select.select([child], [], [], 10)[0], "the process outlived its server"
    finally:
        os.close(child)


# ---------------------------------------------------------------- the order of jobs


async def test_ten_uploads_of_one_person_take_one_process_and_delay_no_poster_of_another(own_pool):
    held, _ = await stopped(own_pool)
    alices = [asyncio.create_task(own_pool.normalise(SMALL, "alice")) for _ in range(10)]
    await asyncio.sleep(0)
    os.kill(next_pid_of(own_pool), signal.SIGCONT)
    assert await own_pool.poster(a_poster(), "bob") == draw_poster(a_poster())
    os.kill(held, signal.SIGCONT)
    results = await asyncio.gather(*alices, return_exceptions=True)
    assert results[:OWNER_JOBS] == [normalise(SMALL)] * OWNER_JOBS
    assert [type(result) for result in results[OWNER_JOBS:]] == [TooMany] * (10 - OWNER_JOBS)
    assert await own_pool.normalise(SMALL, "alice") == normalise(SMALL)


async def order_of(own: PicturePool, jobs: list[tuple[str, str]]) -> list[str]:
    """Give jobs to a pool whose second process hangs; return each job's owner, in the order of the ends."""
    first, second = await stopped(own)
    done: list[str] = []

    async def one(kind: str, owner: str) -> None:
        if kind == "upload":
            await own.normalise(SMALL, owner)
        else:
            await own.poster(a_poster(), owner)
        done.append(owner)

    tasks = [asyncio.create_task(one(*job)) for job in (jobs[0], ("upload", "hanging"), *jobs[1:])]
    await asyncio.sleep(0)
    os.kill(first, signal.SIGCONT)
    hanging = tasks.pop(1)
    await asyncio.gather(*tasks)
    os.kill(second, signal.SIGCONT)
    await hanging
    assert done.pop() == "hanging"
    return done


async def test_a_poster_goes_before_all_uploads_that_wait(own_pool):
    uploads = [("upload", person) for person in ("alice", "bob", "carol")]
    done = await order_of(own_pool, [*uploads, ("poster", "dave"), ("poster", "erin")])
    assert done == ["alice", "dave", "erin", "bob", "carol"]


async def test_people_take_turns_even_if_one_of_them_sends_many_pictures(own_pool):
    alices, others = [("upload", "alice")] * 3, [("upload", "bob"), ("upload", "carol")]
    assert await order_of(own_pool, alices + others) == ["alice", "bob", "carol", "alice", "alice"]


async def test_a_picture_that_takes_much_memory_is_decoded_alone(own_pool):
    first, second = await stopped(own_pool)
    large, half = encoded(four_corners(1500, 1400), "PNG"), encoded(four_corners(), "JPEG", progressive=True)
    given = {"alice": large, "bob": large, "carol": half}
    tasks = {name: asyncio.create_task(own_pool.normalise(data, name)) for name, data in given.items()}
    await asyncio.sleep(0)
    os.kill(second, signal.SIGCONT)
    assert await own_pool.red_packet(8, "dan") == draw_red_packet(8)
    assert await own_pool.normalise(SMALL, "erin") == normalise(SMALL)
    assert not any(task.done() for task in tasks.values()), "only what takes little memory goes beside it"
    os.kill(first, signal.SIGCONT)
    assert [await task for task in tasks.values()] == [normalise(data) for data in given.values()]


async def test_a_job_that_waits_too_long_is_refused(own_pool, monkeypatch):
    pids = await stopped(own_pool)
    held = [asyncio.create_task(own_pool.normalise(SMALL, person)) for person in ("alice", "bob")]
    await asyncio.sleep(0)
    monkeypatch.setattr(processes, "LIMIT_SECONDS", 0.01)
    with pytest.raises(Unavailable):
        await own_pool.normalise(SMALL, "carol")
    monkeypatch.undo()
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    assert await asyncio.gather(*held) == [normalise(SMALL)] * 2
    assert len(own_pool._turns.free) == PROCESSES


async def test_a_turn_that_is_cancelled_as_it_comes_is_passed_on(own_pool):
    turns = own_pool._turns
    async with turns.turn("alice"):
        async with turns.turn("bob"):
            waiting = asyncio.create_task(turns.turn("carol").__aenter__())
            await asyncio.sleep(0)
        waiting.cancel()  # carol's turn came at the block's end, but the task has not run since
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert len(own_pool._turns.free) == PROCESSES
