"""A process of its own for pictures, so that decoding never holds the event loop, and what is asked of it.

Decoding a picture holds the interpreter for as long as it lasts, so threads would not do. A picture that
crashes or stalls the decoder takes that process down and nothing else; the next one starts a new process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from server.errors import REFUSALS, Refusal, Unavailable
from server.pictures import Picture, normalise
from server.poster import Poster, draw_poster, draw_red_packet

LIMIT_SECONDS = 30.0
JOB_SECONDS = 15.0
CLOSE_SECONDS = 1.0
_LENGTH_BYTES = 4

log = logging.getLogger("wabao.studio")


class Upload(msgspec.Struct, frozen=True, tag=True):
    """Somebody's file, which may be anything."""

    data: bytes


class RedPacket(msgspec.Struct, frozen=True, tag=True):
    """A red packet that has no picture."""

    money_yuan: int


class Refused(msgspec.Struct, frozen=True, tag=True):
    """What the process answers where a Refusal was raised in it."""

    error: str


Job = Upload | RedPacket | Poster
_encode = msgspec.msgpack.Encoder().encode
_jobs = msgspec.msgpack.Decoder(Job)
_answers: msgspec.msgpack.Decoder[Picture | Refused] = msgspec.msgpack.Decoder(Picture | Refused)


class Studio:
    """Makes pictures, one at a time. The process starts with the first and ends with ours, however that ends.

    Every method raises Unavailable where a picture took over JOB_SECONDS, or LIMIT_SECONDS with the wait
    for its turn.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    async def normalise(self, data: bytes) -> Picture:
        """Return what `pictures.normalise` does; raises NotAPicture and PictureTooLarge."""
        return await self._make(Upload(data))

    async def poster(self, poster: Poster) -> Picture:
        """Draw a share poster."""
        return await self._make(poster)

    async def red_packet(self, money_yuan: int) -> Picture:
        """Draw the picture of a red packet that pays `money_yuan` a prize."""
        return await self._make(RedPacket(money_yuan))

    async def close(self) -> None:
        """End the process; one that is in the middle of a picture is killed."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()  # it ends when it has read everything
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._process.wait()
            except TimeoutError:
                await self._discard()

    async def _make(self, job: Job) -> Picture:
        try:
            async with asyncio.timeout(LIMIT_SECONDS), self._turn, asyncio.timeout(JOB_SECONDS):
                answer = await self._ask(_encode(job))
        except TimeoutError:
            log.warning("%s was not made in time", type(job).__name__)
            raise Unavailable from None
        if isinstance(answer, Refused):
            raise REFUSALS[answer.error]
        return answer

    async def _ask(self, job: bytes) -> Picture | Refused:
        for _ in range(2):  # the process may have died since, or somebody may have killed it
            process = await self._running()
            answered = False
            try:
                answer = await _exchange(process, job)
                answered = True
            except (ConnectionError, asyncio.IncompleteReadError):
                log.warning("the process for pictures ended in the middle of one")
                continue
            finally:
                if not answered:  # also when we were cancelled: half an answer must not begin the next one
                    await self._discard()
            return answer
        raise Unavailable

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-W", "ignore", "-m", "server.studio"),  # Pillow warns of odd metadata
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=Path(__file__).parents[1],
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
    process.stdin.write(job)
    await process.stdin.drain()
    length = int.from_bytes(await process.stdout.readexactly(_LENGTH_BYTES))
    return _answers.decode(await process.stdout.readexactly(length))


def work(jobs: BinaryIO, answers: BinaryIO) -> None:
    """Do jobs as they come, until whoever sends them is gone."""
    while length := int.from_bytes(jobs.read(_LENGTH_BYTES)):
        frame = jobs.read(length)
        if len(frame) < length:
            break
        try:
            answer: Picture | Refused = _do(_jobs.decode(frame))
        except Refusal as refusal:
            answer = Refused(refusal.error)
        frame = _encode(answer)
        answers.write(len(frame).to_bytes(_LENGTH_BYTES) + frame)
        answers.flush()


def _do(job: Job) -> Picture:
    match job:
        case Upload():
            return normalise(job.data)
        case RedPacket():
            return draw_red_packet(job.money_yuan)
        case Poster():
            return draw_poster(job)


if __name__ == "__main__":
    # Whoever started us decides when we end, by closing the pipe: a signal to the whole group is for them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(10)  # a picture can wait, a dig cannot
    try:
        work(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:  # they ended in the middle of a picture
        os._exit(0)
