"""Patterns of people who play into each other's hands, as alarms: numbers and a task, nobody's id.

It only reads: the newest red packets that were won within a week, and what belongs to them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from server.game import draw
from server.game.amounts import DAY_MS, FEN_PER_YUAN
from server.game.chance import chance_to_win, luck
from server.game.task import Task
from server.operation.alarms import Alarm
from server.store.prizes import Prize

if TYPE_CHECKING:
    from server.store import Store

PATTERNS_SECONDS = 300.0
WINDOW_MS = 7 * DAY_MS
# The most that is read of a week.
PRIZES, JOINED = 2_000, 50
# An alarm begins at: red packets of a pair; winners whom one person brought; people who dig from one address.
PAIR, BROUGHT, AT_ADDRESS = 3, 5, 10
# A private task with no more diggers than this has few.
FEW = 3
# So many people with the most wins are looked at, if they won this often. One in a million reaches this
# p-value by chance alone.
LUCKY, LUCKY_WINS, LUCK = 5, 3, 1e-6
# The most alarms of one kind.
TOLD = 5


async def check_patterns(store: Store, now_ms: int) -> list[Alarm]:
    """Return an alarm for each pattern that is there now, at most `TOLD` of a kind, and for what is held."""
    prizes = await store.held_prizes.won_since(now_ms - WINDOW_MS, PRIZES)
    tasks = {task["_id"]: task for task in await store.tasks.find_many(sorted({p["code"] for p in prizes}))}
    found = [*await _held(store), *_pairs(prizes), *_few_diggers(prizes, tasks)]
    found += await _sharers(store, prizes)
    found += [
        _pattern("address", code, number)
        for code, number in await store.risks.crowded(now_ms // DAY_MS, AT_ADDRESS, TOLD)
    ]
    return found + await _lucky(store, prizes, now_ms)


def _pattern(what: str, code: str, *values: object) -> Alarm:
    return Alarm("pattern", code, what, tuple(map(str, values)))


async def _held(store: Store) -> list[Alarm]:
    waiting = (await store.held_prizes.waiting_fen()).values()
    number, fen = sum(number for number, _ in waiting), sum(fen for _, fen in waiting)
    return [Alarm("held", "", "held", (str(number), str(fen // FEN_PER_YUAN)))] if number else []


def _pairs(prizes: list[Prize]) -> Iterable[Alarm]:
    """One publisher's red packets that one person won."""
    pairs: dict[tuple[str, str], list[Prize]] = defaultdict(list)
    for prize in prizes:  # the newest first
        pairs[prize["publisher"], prize["unionid"]].append(prize)
    often = sorted((each for each in pairs.values() if len(each) >= PAIR), key=len, reverse=True)
    for each in often[:TOLD]:
        yield _pattern("pair", each[0]["code"], len(each), _yuan(each))


def _few_diggers(prizes: list[Prize], tasks: dict[str, Task]) -> Iterable[Alarm]:
    """Tasks that one person dug alone, and private ones that few dug."""
    won: dict[str, list[Prize]] = defaultdict(list)
    for prize in prizes:
        won[prize["code"]].append(prize)
    alone = [code for code in won if code in tasks and tasks[code]["participants"] == 1]
    few = [
        code
        for code in won
        if code in tasks and not tasks[code]["is_public"] and 1 < tasks[code]["participants"] <= FEW
    ]
    for what, codes in (("alone", alone), ("few", few)):
        for code in sorted(codes, key=lambda each: _yuan(won[each]), reverse=True)[:TOLD]:
            yield _pattern(what, code, tasks[code]["participants"], _yuan(won[code]))


def _yuan(prizes: list[Prize]) -> int:
    return sum(prize["amount_fen"] for prize in prizes) // FEN_PER_YUAN


async def _sharers(store: Store, prizes: list[Prize]) -> list[Alarm]:
    """One person who brought many of the winners."""
    winners = {prize["unionid"]: prize["code"] for prize in prizes}
    brought: dict[str, set[str]] = defaultdict(set)
    for sharer, newcomer in await store.visits.who_brought(sorted(winners)):
        brought[sharer].add(newcomer)
    most = sorted(brought.values(), key=len, reverse=True)[:TOLD]
    return [_pattern("sharer", winners[min(each)], len(each)) for each in most if len(each) >= BROUGHT]


async def _lucky(store: Store, prizes: list[Prize], now_ms: int) -> list[Alarm]:
    """People who win more often than the draw's law allows."""
    found = []
    for unionid, wins in Counter(prize["unionid"] for prize in prizes).most_common(LUCKY):
        if wins < LUCKY_WINS:
            break
        chances, won = await _chances(store, unionid, now_ms - WINDOW_MS)
        probability = luck(chances, won)
        if won >= LUCKY_WINS and probability < LUCK:
            code = next(prize["code"] for prize in prizes if prize["unionid"] == unionid)
            found.append(_pattern("luck", code, won, len(chances), f"{probability:.0e}"))
    return found


async def _chances(store: Store, unionid: str, since_ms: int) -> tuple[list[float], int]:
    """Return the chance of each dig of a person's red packets lately, and how many of the digs won."""
    chances, wins = list[float](), 0
    for task in await store.tasks.find_many(await store.digs.joined_since(unionid, since_ms, JOINED)):
        if not task["money"]:
            continue
        rules = draw.read_rules(task["params"])
        won_depths = await store.digs.won_depths(task["_id"])
        for depth in await store.digs.depths_of(task["_id"], unionid):
            wins += depth in won_depths
            last_won = max((won for won in won_depths if won < depth), default=0)
            chances.append(chance_to_win(rules, depth, last_won))
    return chances, wins
