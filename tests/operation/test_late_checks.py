"""A check of the alarms: when it runs, and when it is late."""

from __future__ import annotations

import asyncio

import pytest

from server.operation.alarms import LATE_SECONDS, Alarm, Check


def test_a_check_that_is_late_says_when_it_last_ended():
    now, found = 1000.0, [Alarm("books", "A" * 12)]

    async def look() -> list[Alarm]:
        nonlocal now
        now += 2
        if not found:
            raise ValueError("as if MongoDB said nothing")
        return found

    check = Check("books", look, 60, lambda: now)

    def run() -> None:
        asyncio.run(check.run_if_due(lambda: int(now * 1000)))

    def let_pass(seconds: float) -> None:
        nonlocal now
        for _ in range(int(seconds)):
            now += 1
            check.pass_time(able=True)

    let_pass(LATE_SECONDS)
    assert check.late() == []
    let_pass(1)
    assert check.late() == [Alarm("unchecked", "", "books", ("",))]
    run()
    assert (check.late(), check.found) == ([], found)
    found = []
    let_pass(60)
    with pytest.raises(ValueError, match="MongoDB"):
        run()
    run()  # not tried again at once
    assert check.late() == []
    let_pass(LATE_SECONDS + 1)
    assert check.late() == [Alarm("unchecked", "", "books", ("1018000",))]
    check.begin()  # another process has checked meanwhile
    assert (check.late(), check.found, check.ran) == ([], [], False)


@pytest.mark.parametrize("stop", ["this process stood still", "MongoDB was silent"])
def test_a_check_is_not_late_by_itself_after_a_stop(stop):
    now = 1000.0

    async def look() -> list[Alarm]:
        return []

    check = Check("books", look, 60, lambda: now)
    for _ in range(int(LATE_SECONDS)):
        now += 1
        check.pass_time(able=True)
    if stop == "this process stood still":
        now += 300
        check.pass_time(able=True)
    else:
        for _ in range(300):
            now += 1
            check.pass_time(able=False)
    for _ in range(int(LATE_SECONDS)):
        now += 1
        check.pass_time(able=True)
    assert check.late() == []
    now += 1
    check.pass_time(able=True)
    assert check.late() == [Alarm("unchecked", "", "books", ("",))]


async def test_a_check_that_was_cut_off_is_done_at_the_next_look():
    begun, looks = asyncio.Event(), 0

    async def look() -> list[Alarm]:
        nonlocal looks
        looks += 1
        begun.set()
        if looks == 1:
            await asyncio.Event().wait()
        return []

    check = Check("books", look, 60)
    running = asyncio.ensure_future(check.run_if_due(lambda: 0))
    await begun.wait()
    running.cancel()
    await asyncio.wait([running])
    await check.run_if_due(lambda: 0)
    assert looks == 2
