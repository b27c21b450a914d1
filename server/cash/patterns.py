"""Patterns of people who play into each other's hands, for which a claim is held. This module only reads."""

from server.cash.context import CashContext
from server.game import draw
from server.game.amounts import WEEK_MS, total_fen
from server.game.chance import chances_of, luck

# Of a person, the last JOINED digs with which they joined treasures are read.
JOINED = 50
# So many red packets that one person won from one publisher within the week are a pattern.
PAIR = 3
# Somebody is lucky after LUCKY_WINS with a p-value below LUCK: by chance alone, one person in a million is.
LUCKY_WINS = 3
LUCK = 1e-6


async def is_lucky(context: CashContext, person_id: str, now_ms: int) -> bool:
    """Whether a person won red packets within the week more often than the draw's law allows."""
    if await context.books.payouts.number_won(person_id, now_ms - WEEK_MS) < LUCKY_WINS:
        return False
    chances, won = await _chances(context, person_id, now_ms - WEEK_MS)
    return won >= LUCKY_WINS and luck(chances, won) < LUCK


async def _chances(context: CashContext, person_id: str, since_ms: int) -> tuple[list[float], int]:
    """Return the chance of each recent dig of a person in red-packet tasks, and how many of them won."""
    chances = list[float]()
    wins = 0
    joins = await context.store.digs.joins_of(person_id, JOINED, since_ms)
    for task in await context.store.tasks.find_many([dig["code"] for dig in joins]):
        if not total_fen(task):
            continue
        rules = draw.read_rules(task["params"])
        won_depths = await context.store.digs.won_depths(task["_id"])
        depths = await context.store.digs.depths_of(task["_id"], person_id)
        wins += len(set(depths).intersection(won_depths))
        chances += chances_of(rules, depths, won_depths)
    return chances, wins
