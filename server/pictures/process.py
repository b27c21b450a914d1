"""Processes that decode and draw pictures.

Decoding keeps the interpreter's lock, so a thread that decodes would block the event loop. The kernel limits
the time and the memory of a picture's process. If the process ends, only the picture that it was making
fails, and the next picture starts another process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any
from weakref import WeakValueDictionary

from server.errors import PictureTooLarge, Unavailable
from server.pictures.decode import JPEG, Picture, normalise
from server.pictures.poster import Poster, draw_poster, draw_red_packet
from server.runtime.children import tie_to
from server.runtime.deadline import paused

CPU_SECONDS = 3.0
MEMORY_BYTES = 256 << 20  # the largest need up to 195 MB, JPEGs up to 100 MB
JOB_SECONDS = 15.0
LIMIT_SECONDS = 30.0
PICTURES_A_PROCESS = 100

log = logging.getLogger("wabao.pictures")


class PicturePool:
    """Makes pictures in two processes: one for JPEGs and drawings, one for all other uploads.

    So a photo waits for no picture of a format that takes more time and memory, and no two of these are
    decoded at once. The processes start when needed and end with ours. A person has one picture at a time in
    them, and those who wait come in the order in which they asked. All methods raise Unavailable if the
    picture takes JOB_SECONDS, or LIMIT_SECONDS with waiting.

    `cpu_seconds` and `memory_bytes` limit each picture.
    """

    def __init__(self, cpu_seconds: float = CPU_SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
        self.light = _Process(cpu_seconds, memory_bytes)
        self.heavy = _Process(cpu_seconds, memory_bytes)
        self._people: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def normalise(self, data: bytes, owner: str) -> Picture:
        """Do what `decode.normalise` does, in a process. Raises NotAPicture and PictureTooLarge."""
        process = self.light if data.startswith(JPEG) else self.heavy
        try:
            return await self._make(process, owner, normalise, data)
        except (BrokenProcessPool, MemoryError):
            raise PictureTooLarge("处理这张图片太费时间或内存，请缩小后再上传") from None

    async def poster(self, poster: Poster, owner: str) -> Picture:
        """Draw a share poster, in a process."""
        return await self._draw(owner, draw_poster, poster)

    async def red_packet(self, money_yuan: int, owner: str) -> Picture:
        """Draw the picture of a red packet that pays `money_yuan` per prize, in a process."""
        return await self._draw(owner, draw_red_packet, money_yuan)

    def close(self) -> None:
        """End the processes once they have made what they are making."""
        for process in (self.light, self.heavy):
            process.close()

    async def _draw(self, owner: str, draw: Callable[[Any], Picture], thing: object) -> Picture:
        try:
            return await self._make(self.light, owner, draw, thing)
        except (BrokenProcessPool, MemoryError):
            raise Unavailable from None

    async def _make(
        self, process: _Process, owner: str, make: Callable[[Any], Picture], thing: object
    ) -> Picture:
        alone = self._people.setdefault(owner, asyncio.Semaphore(1))
        try:
            with paused():
                async with asyncio.timeout(LIMIT_SECONDS), alone, process.free:
                    return await process.make(make, thing)
        except OSError as error:  # no time, or no descriptor or memory for another process
            log.warning("a picture was not made: %r", error)
            raise Unavailable from None


class _Process:
    """One process, or the place for one. `free` is held by whoever uses it."""

    def __init__(self, cpu_seconds: float, memory_bytes: int) -> None:
        self.free = asyncio.Semaphore(1)
        self._cpu_seconds = cpu_seconds
        self._memory_bytes = memory_bytes
        self._executor: ProcessPoolExecutor | None = None

    async def make(self, make: Callable[[Any], Picture], thing: object) -> Picture:
        """Return what `make(thing)` returns in the process, or raise what it raises there.

        Raises BrokenProcessPool if the process ends meanwhile.
        """
        try:
            made = self._submit(make, thing)
        except BrokenProcessPool:  # it ended after the last picture
            self.close()
            made = self._submit(make, thing)
        try:
            return await asyncio.wrap_future(made)
        except BrokenProcessPool:
            log.warning("the process for pictures ended in the middle of one")
            self.close()
            raise

    def close(self) -> None:
        """End the process once it has made what it is making. The next picture starts another."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None

    def _submit(self, make: Callable[[Any], Picture], thing: object) -> Future[Picture]:
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                1,
                get_context("spawn"),
                initializer=_limit,
                initargs=(os.getpid(), self._memory_bytes),
                max_tasks_per_child=PICTURES_A_PROCESS,
            )
        return self._executor.submit(_within, self._cpu_seconds, JOB_SECONDS, make, thing)


def _limit(parent: int, memory_bytes: int) -> None:
    """Limit what this process can do to others, before its first picture."""
    tie_to(parent)
    # A signal to the whole process group is meant for our parent, which ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # RLIMIT_AS would count the mapped files of the fonts too, twice as much as the largest picture takes.
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # A core dump would contain somebody's picture.
    # A picture can wait, a dig cannot. Even at nice 19 the kernel let a woken dig wait for a picture's turn.
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    warnings.simplefilter("ignore")  # Pillow issues many warnings


def _within(cpu_seconds: float, seconds: float, make: Callable[[Any], Picture], thing: object) -> Picture:
    """Make a picture. If it takes too long, the kernel ends this process."""
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)  # CPU time, so that a busy machine does not count
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return make(thing)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
