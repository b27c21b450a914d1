"""How much cash do new accounts get without an operator, and what does an honest publisher pay?

    python bench/rings.py [--days 7] [--sizes 1 2 10 100]

Prints how many yuan six ways of cheating pay, on the first day and on all days together, by the number of new
accounts. Then it prints how many of 50 honest, public red packets of 10 yuan are paid; 300 strangers dig
them, half of them new. The server runs in this process, with a MongoDB and a Redis of its own; stored times
are moved back to let days pass. The cheaters are better off than in reality: no cooldown or depth slows them,
they win at the first dig, and no stranger digs before them. Each day they try as many payouts as they can, at
most `ATTEMPTS`. Exits with 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # comes first: tests/ has handlers/ too

from server.running.stores import EmbeddedMongoDB, EmbeddedRedis
from server.store import Store
from support.client import Client, Someone, rest
from support.money_world import World
from support.purse import DAY_MS, let_pass

_T = TypeVar("_T")
# By the number of accounts: the most that they may get on the first day and within a week, in yuan.
BARS = {1: (0, 0), 2: (200, 400), 10: (400, 2_800), 100: (2_000, 14_000)}
# How many payouts are tried a day (more than the bars allow), the yuan of each (the most that a newcomer may
# get a day), and how many payouts wait once the limits of a day are full.
ATTEMPTS, YUAN, FULL = 24, 100, 6
HOLD_MS = 600_000
# These limits slow people down; here they are off.
QUICK = {"CASH_LEAST_CD_SECONDS": "0", "CASH_LEAST_GAP": "0", "CASH_LEAST_DIGGERS": "0"}
SETTINGS = {
    **QUICK,
    "FAIR_START_MS": "0",
    "PAYOUT_HOLD_SECONDS": str(HOLD_MS // 1000),
    "TRUSTED_PROXIES": "127.0.0.1",  # so that each account can have an address of its own
    **{f"CASH_{name}": str(value) for name, value in {
        "ORDER_YUAN": 2_000, "PAID_DAY_YUAN": 5_000, "PAID_WEEK_YUAN": 20_000, "WON_DAY_YUAN": 1_000,
        "WON_WEEK_YUAN": 3_000, "PAIR_WEEK_YUAN": 200, "PRIVATE_DAY_YUAN": 200, "NEWCOMER_DAY_YUAN": 100,
        "YOUNG_DAY_YUAN": 2_000, "RING_DAY_YUAN": 400, "PATTERNS_HELD": 1,
    }.items()},
    "RISK_HELD": "3",
}  # fmt: skip
COLLECTIONS = (
    *("tasks", "digs", "prizes", "orders", "bills", "refunds", "ledger", "shares", "visits", "places"),
    *("people", "risks", "messages", "sandbox_orders", "sandbox_bills", "sandbox_notices"),
)


@dataclass
class Account(Someone):
    """Somebody at an address."""

    address: str = ""

    def _headers(self) -> dict[str, str]:
        return {**super()._headers(), "X-Forwarded-For": self.address}


@dataclass(frozen=True)
class Payout:
    """A treasure of a publisher, which is to pay each of these winners."""

    publisher: Account
    winners: Sequence[Account]
    yuan: int
    is_public: int


Way = Callable[[Sequence[Account], int], Sequence[Payout]]


def one_treasure(people: Sequence[Account], day: int) -> list[Payout]:
    """One account publishes, all others win."""
    publisher, *winners = turned(people, day)
    some = winners[: min(attempts(people), 2_000 // YUAN)]  # the largest order
    return [Payout(publisher, some, YUAN, 1)] if some else []


def pairs(people: Sequence[Account], day: int) -> list[Payout]:
    """Pairs of accounts that pay each other; accounts of different pairs never meet."""
    both = [
        (one, other)
        for pair in zip(people[::2], people[1::2], strict=False)
        for one, other in (pair, pair[::-1])
    ]
    return [Payout(one, [other], YUAN, 0) for one, other in turned(both, day)]


def chain(people: Sequence[Account], day: int) -> list[Payout]:
    """Each account pays the next."""
    return [Payout(one, [other], YUAN, 0) for one, other in turned(list(pairwise(people)), day)]


def one_yuan_first(people: Sequence[Account], day: int) -> list[Payout]:
    """Each account pays its partner 1 yuan first, then the rest."""
    return [replace(each, yuan=yuan) for each in pairs(people, day) for yuan in (1, YUAN - 1)]


def public(people: Sequence[Account], day: int) -> list[Payout]:
    """Each account publishes on the square; within a second another account digs, a new one each day."""
    number = len(people)
    return [
        Payout(one, [other], YUAN, 1)
        for place, one in enumerate(turned(people, day))
        if (other := turned(people, day)[(place + 1 + day) % number]) is not one
    ]


def turned(some: Sequence[_T], day: int) -> list[_T]:
    """Begin each day with other accounts, so that each account is used once before any is used again."""
    by = 4 * day % max(len(some), 1)
    return [*some[by:], *some[:by]]


def attempts(people: Sequence[Account]) -> int:
    """Return how many payouts these accounts try a day: more than the bars allow, but no useless ones."""
    return min(ATTEMPTS, len(people) // 2 + 1)


# In the last way of cheating each account has an address of its own; in the others, all share one address.
WAYS: dict[str, Way] = {
    "one treasure for all": one_treasure,
    "pairs that never meet": pairs,
    "a chain": chain,
    "one yuan first": one_yuan_first,
    "public treasures": public,
    "an address each": public,
}


async def log_in(client: Client, names: Sequence[str], address: Callable[[int], str]) -> list[Account]:
    """Log people in, several at a time."""
    found: list[Someone] = []
    for begin in range(0, len(names), 20):
        found += await client.log_in_all(*names[begin : begin + 20])
    return [
        Account(each.client, each.unionid, each.token, each.data, address=address(number))
        for number, each in enumerate(found)
    ]


def an_address(number: int) -> str:
    return f"198.18.{number // 250}.{number % 250 + 1}"


async def win(world: World, payout: Payout) -> list[tuple[Account, str, int]]:
    """Publish, pay and dig; return who won where, and how much. [] if the rules forbid the order."""
    number = len(payout.winners)
    rules = {"prize_num": number, "forecast_num": number, "interval": 1, "fluctuation": 0}
    code = await payout.publisher.publish_packet(money=payout.yuan, is_public=payout.is_public, **rules)
    asked = await payout.publisher.post("/payTask", code=code, money=payout.yuan * number)
    if asked["status"]:
        return []
    parameters = await payout.publisher.order(code, payout.yuan * number)
    assert (await world.client.wx("pay", **parameters)).endswith(":ok")
    await rest(world.context)
    for winner in payout.winners:
        await winner.dig(code)
    await rest(world.context)
    return [(winner, code, payout.yuan) for winner in payout.winners]


async def paid(world: World, winner: Account, code: str) -> str:
    """Claim and confirm; return "" once the money came, else why it did not."""
    reply = await winner.post("/drawPrize", code=code)
    if reply["status"]:
        return str(reply["error"])
    said = await world.client.wx("confirm", package=reply["package_info"])
    await rest(world.context)
    return "" if said.endswith(":ok") else said


async def attack(world: World, name: str, people: Sequence[Account], days: int) -> list[int]:
    """Return how many yuan are paid on each day. Claim waiting prizes again; give held prizes up."""
    got, left = [], list[tuple[Account, str, int]]()
    for day in range(days):
        for payout in WAYS[name](people, day):
            if len(left) >= attempts(people):
                break
            left += await win(world, payout)
        await pass_time(world, DAY_MS if day else HOLD_MS)
        got.append(0)
        waiting = list[tuple[Account, str, int]]()
        for winner, code, yuan in left:
            if len(waiting) >= FULL:  # this day's limits are full
                waiting.append((winner, code, yuan))
                continue
            why = await paid(world, winner, code)
            if not why:
                got[-1] += yuan
            elif why == "payout_waits":
                waiting.append((winner, code, yuan))
        left = waiting
    return got


async def pass_time(world: World, milliseconds: int) -> None:
    """Move all stored times back, through a store without time limits."""
    await world.context.store.database["sandbox_notices"].delete_many({"state": "done"})
    store = Store(world.settings.mongodb_uri, limited=False)
    try:
        await let_pass(replace(world.context, store=store), milliseconds)
    finally:
        store.close()


async def clear(world: World) -> None:
    """Empty the stores."""
    for name in COLLECTIONS:
        await world.context.store.database[name].delete_many({})


async def honest(world: World, new_publisher: bool) -> tuple[int, int]:
    """Return how many of 50 public red packets are paid, and how many were won."""
    await clear(world)
    run = f"honest{int(new_publisher)}"
    old = await log_in(world.client, [f"{run} old {n}" for n in range(151)], an_address)
    stranger = await world.client.log_in(f"{run} stranger")
    code = await stranger.publish()
    for person in old:
        await person.dig(code)
    await pass_time(world, 8 * DAY_MS)
    new = await log_in(world.client, [f"{run} new {n}" for n in range(151)], lambda n: an_address(n + 500))
    publisher = (new if new_publisher else old).pop()
    rules = {"prize_num": 50, "forecast_num": 300, "interval": 5, "fluctuation": 2, "is_public": 1}
    code = await publisher.publish_packet(money=10, **rules)
    parameters = await publisher.order(code, 500)
    assert (await world.client.wx("pay", **parameters)).endswith(":ok")
    await rest(world.context)
    crowd = old[:150] + new[:150]
    random.Random(1).shuffle(crowd)
    winners = [person for person in crowd if (await person.dig(code)).get("is_prize")]
    await rest(world.context)
    await pass_time(world, HOLD_MS)
    return [await paid(world, winner, code) for winner in winners].count(""), len(winners)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 2, 10, 100])
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        mongodb, redis = EmbeddedMongoDB(directory), EmbeddedRedis(directory)
        for store in (mongodb, redis):
            store.start()
        try:
            world = World(mongodb.uri, redis.uri, directory, environment=SETTINGS)
            try:
                missed = world.run(measure(world, asked.sizes, asked.days))
            finally:
                world.close()
        finally:
            for store in (mongodb, redis):
                store.stop()
    print(f"{time.monotonic() - began:.0f} s")
    return int(missed)


async def measure(world: World, sizes: Sequence[int], days: int) -> bool:
    """Print the table; return whether a bar was missed."""
    missed = False
    print(f"| yuan: first day, {days} days | {' | '.join(map(str, sizes))} |")
    print(f"|---|{'---|' * len(sizes)}", flush=True)
    best = {size: [0, 0] for size in sizes}
    for name in WAYS:
        cells = []
        for size in sizes:
            await clear(world)
            apart = name == "an address each"
            people = await log_in(
                world.client,
                [f"{name} {size} {number}" for number in range(size)],
                an_address if apart else lambda _: "198.19.0.1",
            )
            got = await attack(world, name, people, days)
            best[size] = [max(best[size][0], got[0]), max(best[size][1], sum(got))]
            cells.append(f"{got[0]}, {sum(got)}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    print(f"| the best of these | {' | '.join(f'{first}, {week}' for first, week in best.values())} |")
    for size, (first, week) in best.items():
        bars = BARS.get(size)
        if bars is not None and (first > bars[0] or (days <= 7 and week > bars[1])):
            missed = True
            print(f"MISSED: {size} accounts may get {bars[0]} and {bars[1]}")
    for new_publisher in (False, True):
        number, won = await honest(world, new_publisher)
        kind = "new" if new_publisher else "old"
        print(f"an honest {kind} publisher: {number} of {won} are paid", flush=True)
        missed = missed or number < 0.9 * won
    return missed


if __name__ == "__main__":
    sys.exit(main())
