"""Patterns of people who play into each other's hands, as alarms: numbers and a task, no person's id.

This module only reads. It reads the red packets that were won within a week, added up in MongoDB, and the
tasks, digs and shares that belong to them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from server.game import draw
from server.game.amounts import DAY_MS, FEN_PER_YUAN, total_fen
from server.game.chance import chances_of, luck
from server.operation.alarms import Alarm

if TYPE_CHECKING:
    from server.store import Store
    from server.store.money.prizes import Won

PATTERNS_SECONDS = 300.0
WINDOW_MS = 7 * DAY_MS
# Of a week, the MOST treasures and the MOST winners with the most money are read; of a person, the last
# JOINED digs with which they joined treasures.
MOST, JOINED = 2_000, 50
# An alarm begins at PAIR red packets that one person won from one publisher, at BROUGHT winners whom one
# person brought, and at AT_ADDRESS people who dig from one address.
PAIR, BROUGHT, AT_ADDRESS = 3, 5, 10
# Up to this many diggers of a private task count as few.
FEW = 3
# The luck of the LUCKY people who won the most money is checked, if they won at least LUCKY_WINS times. An
# alarm begins below the p-value LUCK: by chance alone, one person in a million gets there.
LUCKY, LUCKY_WINS, LUCK = 20, 3, 1e-6
# The most alarms of one kind.
TOLD = 5


async def check_patterns(store: Store, now_ms: int) -> list[Alarm]:
    """Return an alarm for each pattern that is found now, at most `TOLD` of a kind, and one for held
    prizes."""
    since_ms, prizes = now_ms - WINDOW_MS, store.prizes
    pairs = await prizes.won_since(since_ms, ["publisher", "unionid"], PAIR, TOLD)
    found = [_pattern("pair", each.code, each.number, _yuan(each)) for each in pairs]
    found += await _few_diggers(store, await prizes.won_since(since_ms, ["code"], 1, MOST))
    found += await _sharers(store, await prizes.won_since(since_ms, ["unionid"], 1, MOST))
    found += [
        _pattern("address", code, number)
        for code, number in await store.risks.crowded(now_ms // DAY_MS, AT_ADDRESS, TOLD)
    ]
    winners = await prizes.won_since(since_ms, ["unionid"], LUCKY_WINS, LUCKY)
    return [*await _held(store), *found, *await _lucky(store, winners, now_ms)]


def _pattern(what: str, code: str, *values: object) -> Alarm:
    return Alarm("pattern", code, what, tuple(map(str, values)))


async def _held(store: Store) -> list[Alarm]:
    number, fen = await store.prizes.waiting_fen()
    return [Alarm("held", "", "held", (str(number), str(fen // FEN_PER_YUAN)))] if number else []


async def _few_diggers(store: Store, won: list[Won]) -> list[Alarm]:
    """Return alarms for tasks that one person dug alone, and for private tasks that few people dug."""
    tasks = {task["_id"]: task for task in await store.tasks.find_many(sorted(each.code for each in won))}
    there = [(tasks[each.code], each) for each in won if each.code in tasks]
    alone = [(task, each) for task, each in there if task["participants"] == 1]
    few = [(task, each) for task, each in there if not task["is_public"] and 1 < task["participants"] <= FEW]
    return [
        _pattern(what, task["_id"], task["participants"], _yuan(each))
        for what, found in (("alone", alone), ("few", few))
        for task, each in found[:TOLD]
    ]


def _yuan(won: Won) -> int:
    return won.fen // FEN_PER_YUAN


async def _sharers(store: Store, won: list[Won]) -> list[Alarm]:
    """Return alarms for people who brought many of the winners."""
    winners = {each.of["unionid"]: each.code for each in won}
    brought: dict[str, set[str]] = defaultdict(set)
    for sharer, newcomer in await store.shares.who_brought(sorted(winners)):
        brought[sharer].add(newcomer)
    most = sorted(brought.values(), key=len, reverse=True)[:TOLD]
    return [_pattern("sharer", winners[min(each)], len(each)) for each in most if len(each) >= BROUGHT]


async def is_lucky(store: Store, unionid: str, now_ms: int) -> bool:
    """Whether a person won red packets within the week more often than the draw's law allows."""
    if await store.prizes.number_won(unionid, now_ms - WINDOW_MS) < LUCKY_WINS:
        return False
    chances, won = await _chances(store, unionid, now_ms - WINDOW_MS)
    return won >= LUCKY_WINS and luck(chances, won) < LUCK


async def _lucky(store: Store, winners: list[Won], now_ms: int) -> list[Alarm]:
    """Return alarms for people who win more often than the draw's law allows."""
    found = []
    for each in winners:
        chances, won = await _chances(store, each.of["unionid"], now_ms - WINDOW_MS)
        probability = luck(chances, won)
        if won >= LUCKY_WINS and probability < LUCK:
            found.append(_pattern("luck", each.code, won, len(chances), f"{probability:.0e}"))
    return found[:TOLD]


async def _chances(store: Store, unionid: str, since_ms: int) -> tuple[list[float], int]:
    """Return the chance of each recent dig of a person in red-packet tasks, and how many of them won."""
    chances, wins = list[float](), 0
    joins = await store.digs.joins_of(unionid, JOINED, since_ms)
    for task in await store.tasks.find_many([dig["code"] for dig in joins]):
        if not total_fen(task):
            continue
        rules = draw.read_rules(task["params"])
        won_depths = await store.digs.won_depths(task["_id"])
        depths = await store.digs.depths_of(task["_id"], unionid)
        wins += len(set(depths).intersection(won_depths))
        chances += chances_of(rules, depths, won_depths)
    return chances, wins
