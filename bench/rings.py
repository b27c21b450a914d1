"""How much cash do rings of accounts get without an operator, and what does an honest publisher pay?

    python bench/rings.py [--days 7] [--sizes 1 2 10 32 100] [--ages 0 8 40]

Prints how many yuan several ways of cheating pay, on the first day and on all days together, by the number of
accounts and by their age in days; and the most that one publisher paid on a day. Someones that have an age
also dug once in a stranger's treasure. Then it prints how many of 50 honest, public red packets of 10 yuan
are paid, while rings have taken all that newcomers get that day; 300 strangers dig them, half of them new.
The server runs in this process, with a MongoDB and a Redis of its own; stored times are moved back to let
days pass. The cheaters are better off than in reality: no cooldown or depth slows them, they win at the first
dig, and no stranger digs before them. Each day they try as many payouts as they can, at most `ATTEMPTS`.
Exits with 1 if a bar is missed.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
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
# By the number of new accounts: the most that they may get on the first day and within a week, in yuan.
BARS = {1: (0, 0), 2: (400, 800), 10: (800, 5_600), 100: (4_000, 28_000)}
# The most that a publisher may pay on a day without an operator, in yuan, whatever the accounts' age.
PUBLISHER_YUAN = 1_000
# How many payouts are tried a day; the yuan of each: the most that a newcomer, or WeChat, is paid at once;
# how many payouts wait once the limits of a day are full.
ATTEMPTS = 60
NEW_YUAN = 80
YUAN = 200
FULL = 6
# So much never waits for what others are paid.
SMALL_YUAN = 10
HOLD_MS = 600_000
TRIES = 20
# These limits slow people down; here they are off.
QUICK = {"CASH_LEAST_CD_SECONDS": "0", "CASH_LEAST_GAP": "0", "CASH_LEAST_DIGGERS": "0"}
SETTINGS = {
    **QUICK,
    "FAIR_START_MS": "0",
    "PAYOUT_HOLD_SECONDS": str(HOLD_MS // 1000),
    **{f"CASH_{name}": str(value) for name, value in {
        "ORDER_YUAN": 2_000, "PAID_DAY_YUAN": 5_000, "PAID_WEEK_YUAN": 20_000, "WON_DAY_YUAN": 1_000,
        "WON_WEEK_YUAN": 3_000, "PAIR_WEEK_YUAN": 200, "PRIVATE_DAY_YUAN": 200, "PUBLISHER_DAY": 1_000,
        "NEWCOMER_DAY_YUAN": 80, "YOUNG_DAY_YUAN": 1_500, "PATTERNS_HELD": 1,
    }.items()},
    "RISK_HELD": "3",
}  # fmt: skip
COLLECTIONS = (
    *("tasks", "digs", "prizes", "orders", "bills", "refunds", "ledger", "shares", "visits"),
    *("people", "risks", "messages", "sandbox_orders", "sandbox_bills", "sandbox_notices"),
)


@dataclass(frozen=True)
class Payout:
    """A treasure of a publisher, which is to pay each of these winners."""

    publisher: Someone
    winners: Sequence[Someone]
    yuan: int
    is_public: int


Way = Callable[[Sequence[Someone], int, int], Sequence[Payout]]


def one_treasure(people: Sequence[Someone], day: int, yuan: int) -> list[Payout]:
    """One account publishes, all others win."""
    publisher, *winners = turned(people, day)
    some = winners[: 2_000 // yuan]  # the largest order
    return [Payout(publisher, some, yuan, 1)] if some else []


def one_publisher(people: Sequence[Someone], day: int, yuan: int) -> list[Payout]:
    """The same account publishes each day, in two treasures; the others win in turn."""
    publisher, *rest = people
    winners = turned(rest, day)
    both = (winners[:10], winners[10:20])
    return [Payout(publisher, some, yuan, 1 - private) for private, some in enumerate(both) if some]


def all_pay_all(people: Sequence[Someone], day: int, yuan: int) -> list[Payout]:
    """Each account publishes, and the next ones win, others each day."""
    number = len(people)
    wins = min(number - 1, 2_000 // yuan, 6)
    others = [1 + (day * wins + k) % (number - 1) for k in range(wins)]
    return [
        Payout(one, [people[(at + by) % number] for by in others], yuan, 1)
        for at, one in enumerate(people)
        if wins
    ]


def little_by_little(people: Sequence[Someone], day: int, yuan: int) -> list[Payout]:
    """As `all_pay_all`, with prizes so small that these never wait for what others are paid."""
    return all_pay_all(people, day, min(yuan, SMALL_YUAN))


def pairs(people: Sequence[Someone], day: int, yuan: int) -> list[Payout]:
    """Pairs of accounts that pay each other; accounts of different pairs never meet."""
    both = [
        (one, other)
        for pair in zip(people[::2], people[1::2], strict=False)
        for one, other in (pair, pair[::-1])
    ]
    return [Payout(one, [other], yuan, 0) for one, other in turned(both, day)]


def chain(people: Sequence[Someone], day: int, yuan: int) -> list[Payout]:
    """Each account pays the next."""
    return [Payout(one, [other], yuan, 0) for one, other in turned(list(pairwise(people)), day)]


def one_yuan_first(people: Sequence[Someone], day: int, yuan: int) -> list[Payout]:
    """Each account pays its partner 1 yuan first, then the rest."""
    return [replace(each, yuan=part) for each in pairs(people, day, yuan) for part in (1, yuan - 1)]


def turned(some: Sequence[_T], day: int) -> list[_T]:
    """Begin each day with other accounts, so that each account is used once before any is used again."""
    by = 4 * day % max(len(some), 1)
    return [*some[by:], *some[:by]]


WAYS: dict[str, Way] = {
    "one treasure for all": one_treasure,
    "one publisher": one_publisher,
    "all pay all": all_pay_all,
    "little by little": little_by_little,
    "pairs that never meet": pairs,
    "a chain": chain,
    "one yuan first": one_yuan_first,
}


async def log_in(client: Client, names: Sequence[str]) -> list[Someone]:
    """Log people in, several at a time."""
    found: list[Someone] = []
    for begin in range(0, len(names), 20):
        found += await client.log_in_all(*names[begin : begin + 20])
    return found


async def log_in_aged(world: World, names: Sequence[str], age_days: int) -> list[Someone]:
    """Log people in; if they have an age, let them dig in a stranger's treasure and grow that old."""
    people = await log_in(world.client, names)
    if age_days:
        stranger = await world.client.log_in(f"a stranger of {names[0]}")
        code = await stranger.publish(forecast_num=1_000, cd=0)
        for person in people:
            await person.dig(code)
        await rest(world.context)
        await pass_time(world, age_days * DAY_MS)
    return people


async def win(world: World, payout: Payout) -> list[tuple[Someone, str, int]]:
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


async def paid(world: World, winner: Someone, code: str) -> str:
    """Claim and confirm; return "" once the money came, else why it did not. Asks again, as clients do, if a
    busy machine did not answer in time."""
    for _ in range(TRIES):
        reply = await winner.post("/drawPrize", code=code)
        if reply.get("error") not in ("unavailable", "outcome_unknown"):
            break
    if reply["status"]:
        return str(reply["error"])
    said = await world.client.confirm(reply["package_info"])
    return "" if said.endswith(":ok") else said


async def attack(
    world: World, name: str, people: Sequence[Someone], days: int, yuan: int
) -> tuple[list[int], int]:
    """Return how many yuan are paid on each day, and the most of one publisher on a day.

    Waiting prizes are claimed again; held prizes are given up.
    """
    got = list[int]()
    most = 0
    left = list[tuple[Someone, str, int, str]]()
    for day in range(days):
        for payout in WAYS[name](people, day, yuan):
            if len(left) >= ATTEMPTS:
                break
            left += [(*each, payout.publisher.unionid) for each in await win(world, payout)]
        await pass_time(world, DAY_MS if day else HOLD_MS)
        paid_by = Counter[str]()
        waiting = list[tuple[Someone, str, int, str]]()
        full = Counter[str]()
        for winner, code, fen, publisher in left:
            if full[publisher] >= FULL:  # this day's limits are full
                waiting.append((winner, code, fen, publisher))
                continue
            why = await paid(world, winner, code)
            if not why:
                paid_by[publisher] += fen
            elif why == "payout_waits":
                full[publisher] += 1
                waiting.append((winner, code, fen, publisher))
        left = waiting
        got.append(paid_by.total())
        most = max([most, *paid_by.values()])
    return got, most


async def pass_time(world: World, milliseconds: int) -> None:
    """Move all stored times back, through a store without time limits."""
    await world.context.store.database["sandbox_notices"].delete_many({"state": "done"})
    store = Store(world.settings.mongodb_uri, limited=False)
    try:
        await let_pass(replace(world.context, store=store), milliseconds)
    finally:
        await store.close()


async def clear(world: World) -> None:
    """Empty the stores."""
    for name in COLLECTIONS:
        await world.context.store.database[name].delete_many({})


async def honest(world: World, new_publisher: bool) -> tuple[int, int]:
    """Return how many of 50 public red packets are paid, and how many were won, on a full day."""
    await clear(world)
    run = f"honest{int(new_publisher)}"
    old = await log_in_aged(world, [f"{run} old {n}" for n in range(151)], 8)
    ring = await log_in(world.client, [f"{run} ring {n}" for n in range(32)])
    await attack(world, "all pay all", ring, 1, NEW_YUAN)
    new = await log_in(world.client, [f"{run} new {n}" for n in range(151)])
    publisher = (new if new_publisher else old).pop()
    rules = {"prize_num": 50, "forecast_num": 300, "interval": 5, "fluctuation": 2, "is_public": 1}
    code = await publisher.publish_packet(money=SMALL_YUAN, **rules)
    parameters = await publisher.order(code, 50 * SMALL_YUAN)
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
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 2, 10, 32, 100])
    parser.add_argument("--ages", type=int, nargs="+", default=[0, 8, 40])
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        mongodb = EmbeddedMongoDB(directory)
        redis = EmbeddedRedis(directory)
        for store in (mongodb, redis):
            store.start()
        try:
            world = World(mongodb.uri, redis.uri, directory, environment=SETTINGS)
            try:
                missed = world.run(measure(world, asked.sizes, asked.ages, asked.days))
            finally:
                world.close()
        finally:
            for store in (mongodb, redis):
                store.stop()
    print(f"{time.monotonic() - began:.0f} s")
    return int(missed)


async def measure(world: World, sizes: Sequence[int], ages: Sequence[int], days: int) -> bool:
    """Print the tables; return whether a bar was missed."""
    missed = False
    for age in ages:
        missed |= await measure_age(world, sizes, age, days)
    for new_publisher in (False, True):
        number, won = await honest(world, new_publisher)
        kind = "new" if new_publisher else "old"
        print(f"an honest {kind} publisher, after a ring: {number} of {won} are paid", flush=True)
        missed = missed or number < won
    return missed


async def measure_age(world: World, sizes: Sequence[int], age: int, days: int) -> bool:
    """Print the table of accounts of this age in days; return whether a bar was missed."""
    missed = False
    print(f"| {age} days old: yuan on the first day, in {days} days | {' | '.join(map(str, sizes))} |")
    print(f"|---|{'---|' * len(sizes)}", flush=True)
    best = dict.fromkeys(sizes, (0, 0, 0))
    for name in WAYS:
        cells = []
        for size in sizes:
            await clear(world)
            people = await log_in_aged(world, [f"{name} {age} {size} {n}" for n in range(size)], age)
            got, most = await attack(world, name, people, days, YUAN if age else NEW_YUAN)
            before = best[size]
            best[size] = (max(before[0], got[0]), max(before[1], sum(got)), max(before[2], most))
            cells.append(f"{got[0]}, {sum(got)}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    cells = [f"{first}, {all_days}" for first, all_days, _ in best.values()]
    print(f"| the best of these | {' | '.join(cells)} |")
    print(f"| the most of a publisher a day | {' | '.join(str(most) for _, _, most in best.values())} |")
    for size, (first, all_days, most) in best.items():
        if most > PUBLISHER_YUAN:
            missed = True
            print(f"MISSED: a publisher may pay {PUBLISHER_YUAN} a day")
        bars = None if age else BARS.get(size)
        if bars is not None and (first > bars[0] or (days <= 7 and all_days > bars[1])):
            missed = True
            print(f"MISSED: {size} new accounts may get {bars[0]} and {bars[1]}")
    return missed


if __name__ == "__main__":
    sys.exit(main())
