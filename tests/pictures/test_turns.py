"""The order in which people's pictures are made, and their costs, without any process."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from server.errors import NotAPicture
from server.pictures.cost import MAX_PIXELS, Cost, cost_of
from server.pictures.decode import normalise
from server.pictures.turns import DRAWING, Turns
from support.pictures import encoded, four_corners, png_header, with_scans

SIZE = (1200, 700)


def works(work: int, halves: int = 0) -> Cost:
    return Cost(work, work, halves)  # type: ignore[arg-type]


class Job:
    """A job that runs from its turn to `end`."""

    begun: ClassVar[list[Job]] = []

    def __init__(self, turns: Turns[str], owner: str, cost: Cost) -> None:
        self.at_work = False
        self._may_end = asyncio.Event()
        self.task = asyncio.ensure_future(self._do(turns, owner, cost))
        self.begun.append(self)

    async def _do(self, turns: Turns[str], owner: str, cost: Cost) -> None:
        async with turns.turn(owner, cost):
            self.at_work = True
            await self._may_end.wait()

    async def end(self) -> None:
        """End the job, and let the next one begin."""
        self._may_end.set()
        await self.task
        await settle()


@pytest.fixture(autouse=True)
def _jobs_given_up(io_loop: Any) -> Iterator[None]:
    """Cancel the jobs that a test left behind."""
    yield

    async def give_up() -> None:
        for job in Job.begun:
            job.task.cancel()
        await asyncio.gather(*(job.task for job in Job.begun), return_exceptions=True)
        Job.begun.clear()

    io_loop.run_sync(give_up)


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(3):
        await asyncio.sleep(0)


async def begin(turns: Turns[str], owner: str, cost: Cost) -> Job:
    job = Job(turns, owner, cost)
    await settle()
    return job


async def test_a_large_picture_does_not_wait_for_ever_behind_small_ones():
    """Each small picture comes from another person, while the small picture before it is made."""
    turns = Turns(["the only process"])
    small = await begin(turns, "person 0", works(1))
    large = await begin(turns, "alice", works(20))
    number = 0
    while not large.at_work:
        number += 1
        following = await begin(turns, f"person {number}", works(1))
        await small.end()
        assert following.at_work is not large.at_work
        small = following
    assert 20 < number < 80
    await large.end()
    await small.end()


async def test_small_pictures_go_before_the_large_and_many_of_others():
    turns = Turns(["the only process"])
    first = await begin(turns, "stranger 0", works(16))
    for number in range(10):
        for _ in range(2):
            Job(turns, f"stranger {number}", works(16))
    await settle()
    bob = await begin(turns, "bob", works(3))
    await first.end()
    assert bob.at_work


async def test_memory_waits_for_a_picture_that_takes_all_of_it():
    turns = Turns(["one", "another"])
    half = await begin(turns, "alice", works(1, 1))
    whole, later = await begin(turns, "bob", works(2, 2)), await begin(turns, "carol", works(3, 1))
    assert not whole.at_work
    assert not later.at_work
    for little in (works(4), DRAWING):
        job = await begin(turns, "dave", little)
        assert job.at_work
        await job.end()
    await half.end()
    assert (whole.at_work, later.at_work) == (True, False)
    later.task.cancel()
    await asyncio.wait([later.task])
    await whole.end()
    assert len(turns.free) == 2
    assert (await begin(turns, "erin", works(1, 2))).at_work


@pytest.mark.parametrize(
    "data",
    [
        encoded(four_corners(*SIZE), "PNG"),
        encoded(four_corners(*SIZE).convert("RGBA"), "PNG"),
        encoded(four_corners(*SIZE), "JPEG"),
        encoded(four_corners(*SIZE), "JPEG", progressive=True, exif=Image.Exif().tobytes()),
        encoded(four_corners(*SIZE), "WEBP"),
        encoded(four_corners(*SIZE), "WEBP", lossless=True),
        encoded(four_corners(*SIZE).convert("RGBA"), "WEBP", exif=b"Exif\0\0", quality=50),
    ],
)
def test_the_cost_says_how_many_pixels_a_picture_has(data):
    pixels = SIZE[0] * SIZE[1]
    cost = cost_of(data)
    assert cost.pixels == pixels
    assert pixels // 4 < cost.work <= pixels + len(data)
    assert normalise(data, cost.pixels) == normalise(data)


def test_a_photo_of_a_phone_costs_less_than_flat_pictures_and_takes_little_memory():
    flat = cost_of(encoded(Image.new("RGB", (4096, 3900)), "PNG"))
    photo = cost_of(encoded(four_corners(4032, 3024), "JPEG", quality=95))
    assert (flat.work, flat.halves) == (pytest.approx(MAX_PIXELS, rel=0.01), 2)
    assert photo.work < flat.work / 3
    assert photo.halves == 0
    assert cost_of(encoded(four_corners(3100, 3100), "JPEG")).halves == 1
    assert cost_of(with_scans(12)).halves == 1


def test_a_picture_that_hides_its_size_is_charged_as_the_largest_or_refused():
    plain = encoded(four_corners(300, 200), "PNG")
    lying = png_header(9, 9)[:33] + plain[8:]  # two headers, of which Pillow takes the second
    assert cost_of(lying).pixels == 81
    assert normalise(lying)
    with pytest.raises(NotAPicture):
        normalise(lying, cost_of(lying).pixels)
    for hidden in (encoded(four_corners(), "GIF"), b"\xff\xd8\xff\xff\xff", b"\xff\xd8", b"RIFF", b""):
        assert cost_of(hidden).pixels == MAX_PIXELS


BEGINNINGS = [b"\xff\xd8", b"\xff\xd8\xff\xc0", b"\x89PNG\r\n\x1a\n", b"RIFF1234WEBPVP8X"]


@given(st.sampled_from(BEGINNINGS), st.binary())
def test_any_bytes_have_a_cost(start, rest):
    cost = cost_of(start + rest)
    assert 0 <= cost.pixels <= MAX_PIXELS


@pytest.mark.parametrize("unit", [b"\xff\x00", b"\xff\xe1\x00\x02", b"\xff", b"\xff\xd8"])
def test_finding_the_cost_searches_nothing(unit):
    data = b"\xff\xd8" + unit * (9_000_000 // len(unit)) + os.urandom(9)
    began = time.thread_time()
    cost_of(data)
    assert time.thread_time() - began < 0.02
