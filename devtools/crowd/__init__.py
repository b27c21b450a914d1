"""A crowd of invented people, who publish, watch and dig on a running server until stopped.

For demonstrations and for load. It is an ordinary client: it uses only the documented interfaces. It also
checks what the server promises about its frames. Nothing may depend on the crowd.
"""

import asyncio
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field

from devtools.crowd.client import Client, NoCrowd, Unanswered
from devtools.crowd.observer import Observer
from devtools.crowd.person import Person
from devtools.crowd.square import Square
from devtools.crowd.tally import Tally

__all__ = ["NoCrowd", "Options", "crowd"]

LINE_SECONDS = 3
TICK_SECONDS = 0.05  # how often to measure how late the loop is
# How many log in at the same time: a login costs the server several hundred times as much as a watcher.
LOGINS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for. `seconds` None means: until stopped.

    With the token of an `operator` the crowd also finds private tasks: those that somebody watches.
    """

    url: str
    people: int
    tasks: int
    seconds: float | None
    operator: str = field(default="", repr=False)


async def crowd(options: Options) -> int:
    """Run until SIGINT, SIGTERM or the end of the time, then print the table.

    Returns 1 if the server broke a promise, else 0. Raises NoCrowd if the crowd cannot log in.
    """
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    tally = Tally(options.people)
    began = time.monotonic()
    async with Client(options.url, tally) as client:
        await client.check()
        living = asyncio.create_task(_live(client, options, tally, began))
        stopping = asyncio.create_task(stopped.wait())
        await asyncio.wait((living, stopping), timeout=options.seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in (living, stopping):
            task.cancel()
        await asyncio.wait((living, stopping))
        if not living.cancelled():
            await living
    _say(tally.table(time.monotonic() - began))
    return 1 if tally.violations else 0


async def _live(client: Client, options: Options, tally: Tally, began: float) -> None:
    """Run all people. Returns when the server has told each of them not to come back."""
    square = Square(client, tally, options.tasks, options.people)
    people = [Person(number, client, square, tally) for number in range(options.people)]
    logins = asyncio.Semaphore(LOGINS_AT_ONCE)
    async with asyncio.TaskGroup() as group:
        works = square.keep_alive(), _tell(tally, began), _watch_loop(tally), _observe(client, square, tally)
        keepers = [group.create_task(work) for work in works]
        if options.operator:
            keepers.append(group.create_task(_look_at_boards(client, square, options.operator)))
        lives = [
            group.create_task(person.live(logins, publishes=number < square.publishers_wanted))
            for number, person in enumerate(people)
        ]
        await asyncio.wait(lives)
        for keeper in keepers:
            keeper.cancel()


async def _watch_loop(tally: Tally) -> None:
    while True:
        due = time.monotonic() + TICK_SECONDS
        await asyncio.sleep(TICK_SECONDS)
        tally.late.add(time.monotonic() - due)


async def _look_at_boards(client: Client, square: Square, operator: str) -> None:
    while True:
        with suppress(Unanswered):
            async for tasks in client.boards(operator):
                for task in tasks:
                    if task["open"]:
                        square.notice(task)
        await asyncio.sleep(LINE_SECONDS)


async def _observe(client: Client, square: Square, tally: Tally) -> None:
    login = None
    while login is None:
        try:
            login = await client.log_in("crowd-observer", "旁观者")
        except Unanswered:
            await asyncio.sleep(LINE_SECONDS)
    with Observer(client.socket_url, login, square.running, tally.observer_saw):
        await asyncio.Event().wait()


async def _tell(tally: Tally, began: float) -> None:
    while True:
        await asyncio.sleep(LINE_SECONDS)
        _say(tally.line(time.monotonic() - began))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
