"""Processes that decode and draw pictures, and the queue for them.

Decoding keeps the interpreter's lock, so a thread that decodes would block the event loop. A picture that
crashes its process, hangs or needs too much memory ends only that process; the next job starts another.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from server.errors import REFUSALS, PictureTooLarge, Refusal, Unavailable
from server.pictures.cost import Cost, cost_of
from server.pictures.decode import Picture, normalise
from server.pictures.poster import Poster, draw_poster, draw_red_packet
from server.pictures.turns import DRAWING, Turns
from server.runtime.children import GIVES_MEMORY_BACK, tie_to
from server.runtime.deadline import paused

PROCESSES = 2
CPU_SECONDS = 3.0
MEMORY_BYTES = 256 << 20  # the largest need up to 195 MB, JPEGs up to 100 MB
JOB_SECONDS = 15.0
LIMIT_SECONDS = 30.0
CLOSE_SECONDS = 1.0
_LENGTH_BYTES = 4
_PART_BYTES = 64 << 10

log = logging.getLogger("wabao.pictures")


class Upload(msgspec.Struct, frozen=True, tag=True):
    """An uploaded file. It may hold anything, but no picture of more than `pixels` is decoded."""

    data: bytes
    pixels: int


class RedPacket(msgspec.Struct, frozen=True, tag=True):
    """The job to draw a red packet's default picture."""

    money_yuan: int


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The process's answer if its job raised a Refusal."""

    error: str
    msg: str


Job = Upload | RedPacket | Poster
_encode = msgspec.msgpack.Encoder().encode
_jobs = msgspec.msgpack.Decoder(Job)
_answers: msgspec.msgpack.Decoder[Picture | Refused] = msgspec.msgpack.Decoder(Picture | Refused)


class _OutOfTime(Exception):
    """The job used up its CPU time, and the kernel ended its process."""


class PicturePool:
    """Makes pictures in PROCESSES processes. They start when needed and end with ours.

    `Turns` decides whose turn it is. Drawings (posters, red packets) go before waiting uploads. All methods
    raise TooMany if the owner already has OWNER_JOBS jobs here, and Unavailable if the job takes JOB_SECONDS,
    or LIMIT_SECONDS with waiting.

    `cpu_seconds` and `memory_bytes` limit each job; the kernel enforces both.
    """

    def __init__(self, cpu_seconds: float = CPU_SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
        self._processes = [_Process(cpu_seconds, memory_bytes) for _ in range(PROCESSES)]
        self._turns = Turns(self._processes)

    async def normalise(self, data: bytes, owner: str) -> Picture:
        """Do what `decode.normalise` does, in a process. Raises NotAPicture and PictureTooLarge."""
        cost = cost_of(data)
        return await self._make(Upload(data, cost.pixels), owner, cost)

    async def poster(self, poster: Poster, owner: str) -> Picture:
        """Draw a share poster, in a process."""
        return await self._make(poster, owner)

    async def red_packet(self, money_yuan: int, owner: str) -> Picture:
        """Draw the picture of a red packet that pays `money_yuan` per prize, in a process."""
        return await self._make(RedPacket(money_yuan), owner)

    async def close(self) -> None:
        """End the processes. A process that does not end within CLOSE_SECONDS is killed."""
        await asyncio.gather(*(process.close() for process in self._processes))

    async def _make(self, job: Job, owner: str, cost: Cost = DRAWING) -> Picture:
        try:
            with paused():
                async with (
                    asyncio.timeout(LIMIT_SECONDS),
                    self._turns.turn(owner, cost) as process,
                    asyncio.timeout(JOB_SECONDS),
                ):
                    answer = await process.ask(_encode(job))
        except TimeoutError:
            log.warning("%s was not made in time", type(job).__name__)
            raise Unavailable from None
        except _OutOfTime:
            if isinstance(job, Upload):
                raise PictureTooLarge("处理这张图片太费时间，请缩小后再上传") from None
            raise Unavailable from None
        if isinstance(answer, Refused):
            raise REFUSALS[answer.error](answer.msg)
        return answer


class _Process:
    """One process, or the place for one: if it has ended, the next job starts another."""

    def __init__(self, cpu_seconds: float, memory_bytes: int) -> None:
        self._limits = (str(cpu_seconds), str(memory_bytes))
        self._process: asyncio.subprocess.Process | None = None

    async def ask(self, job: bytes) -> Picture | Refused:
        """Have one job done. Raises _OutOfTime; Unavailable if two processes died during the job."""
        for _ in range(2):  # the process may have died before this job
            process = await self._running()
            try:
                return await _exchange(process, job)
            except asyncio.CancelledError:  # the next job must not read the rest of this answer
                await self._discard()
                raise
            except (ConnectionError, asyncio.IncompleteReadError):
                await self._discard()
                if process.returncode == -signal.SIGPROF:
                    log.warning("a picture took more than %s s of CPU time", self._limits[0])
                    raise _OutOfTime from None
                log.warning("the process for pictures ended in the middle of one")
        raise Unavailable

    async def close(self) -> None:
        """End the process; kill it if it does not end within CLOSE_SECONDS."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()  # the process ends when it has read everything
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._process.wait()
            except TimeoutError:
                await self._discard()

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                # Pillow issues many warnings.
                *(sys.executable, "-W", "ignore", "-m", "server.pictures.process"),
                *(str(os.getpid()), *self._limits),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=Path(__file__).parents[2],
                env={**os.environ, **GIVES_MEMORY_BACK},
            )
        return self._process

    async def _discard(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()


async def _exchange(process: asyncio.subprocess.Process, job: bytes) -> Picture | Refused:
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018  (both are pipes)
    process.stdin.write(len(job).to_bytes(_LENGTH_BYTES))
    for start in range(0, len(job), _PART_BYTES):  # asyncio would copy 10 MB again after each partial write
        process.stdin.write(job[start : start + _PART_BYTES])
        await process.stdin.drain()
    length = int.from_bytes(await process.stdout.readexactly(_LENGTH_BYTES))
    return _answers.decode(await process.stdout.readexactly(length))


def work(jobs: BinaryIO, answers: BinaryIO, cpu_seconds: float) -> None:
    """Do jobs until the pipe closes. A job that takes more than `cpu_seconds` ends this process."""
    while length := int.from_bytes(jobs.read(_LENGTH_BYTES)):
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)  # CPU time, so that a busy machine does not count
        frame = jobs.read(length)
        if len(frame) < length:
            break
        job = _jobs.decode(frame)
        del frame  # the job has its own copy of up to 10 MB
        try:
            answer: Picture | Refused = _do(job)
        except Refusal as refusal:
            answer = Refused(refusal.error, refusal.msg)
        del job
        frame = _encode(answer)
        answers.write(len(frame).to_bytes(_LENGTH_BYTES) + frame)
        answers.flush()


def _do(job: Job) -> Picture:
    match job:
        case Upload():
            return normalise(job.data, job.pixels)
        case RedPacket():
            return draw_red_packet(job.money_yuan)
        case Poster():
            return draw_poster(job)


def _main(parent: int, cpu_seconds: float, memory_bytes: int) -> None:
    tie_to(parent)
    # Our parent ends us by closing the pipe. A signal to the whole process group is meant for the parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # A core dump would contain somebody's picture.
    # A picture can wait, a dig cannot. Even at nice 19 the kernel let a woken dig wait for a picture's turn.
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    try:
        work(sys.stdin.buffer, sys.stdout.buffer, cpu_seconds)
    except BrokenPipeError:  # our parent ended during a picture
        os._exit(0)


if __name__ == "__main__":
    _main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
