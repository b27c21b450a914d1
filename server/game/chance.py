"""How likely a dig wins by the draw's law, and how likely somebody wins as often as they did. Pure.

The law is in `draw.py`. Nobody can beat it by choosing when to dig, unless they know the seed. People know
only the depths of the prizes that were found so far, and each chance takes these into account. So a chance
tells nothing about the seed, and everybody may see it.
"""

from collections.abc import Collection, Sequence

import msgspec

from server.game.dig import ToldDig
from server.game.draw import Rules, read_rules
from server.game.task import Task


class Outlook(msgspec.Struct, frozen=True):
    """What the law says of the digs to come, given what everybody knows.

    The next dig wins with the chance 1 / `one_in`; `one_in` is 0 if it cannot win. The next prize lies at
    `nearest` or deeper; 0 if no prize is left. No prize lies below `deepest`.
    """

    one_in: int
    nearest: int
    deepest: int


def outlook(rules: Rules, depth: int, last_won: int, prizes_left: int) -> Outlook:
    """Return the outlook after `depth` digs; `last_won` is the depth of the last prize found, 0 for none.

    The next prize is equally likely to lie at any of the depths that the law allows and that were not dug.
    """
    if not prizes_left:
        return Outlook(0, 0, last_won)
    if rules.prize_num == 1:
        first = 1
        last = rules.max_depth
        deepest = rules.max_depth
    else:
        first = last_won + rules.interval - rules.fluctuation
        last = last_won + rules.interval + rules.fluctuation
        deepest = last_won + prizes_left * (rules.interval + rules.fluctuation)
    one_in = last - depth if first <= depth + 1 <= last else 0
    return Outlook(one_in, max(first, depth + 1), deepest)


def outlook_after(rules: Rules, dig: ToldDig) -> Outlook:
    """Return the outlook after a dig."""
    return outlook(rules, dig["depth"], dig["last_won"], dig["prizes_left"])


def deepest_level(task: Task) -> int:
    """Return the deepest level at which a prize of a task can still lie, as far as its record says."""
    rules = read_rules(task["params"])
    if "last_dig" in task:
        return outlook_after(rules, task["last_dig"]).deepest
    return outlook(rules, 0, 0, rules.prize_num).deepest


def odds(rules: Rules, depth: int, last_won: int) -> int:
    """Return the N of a dig's chance of 1 / N, 0 if it cannot win.

    `last_won` is the depth of the last prize above it, 0 for none.
    """
    left = 0 if last_won and rules.prize_num == 1 else 1
    return outlook(rules, depth - 1, last_won, left).one_in


def chance_to_win(rules: Rules, depth: int, last_won: int) -> float:
    """Return the probability that a dig wins: 1 / `odds`, or 0."""
    one_in = odds(rules, depth, last_won)
    return 1 / one_in if one_in else 0.0


def chances_of(rules: Rules, depths: Sequence[int], won_depths: Collection[int]) -> list[float]:
    """Return the probability that each dig at these depths wins. `won_depths` has all prizes that were
    found."""
    return [
        chance_to_win(rules, depth, max((won for won in won_depths if won < depth), default=0))
        for depth in depths
    ]


def luck(chances: Sequence[float], wins: int) -> float:
    """Return how likely digs with these chances win `wins` times or more (the p-value)."""
    if not wins:
        return 1.0
    so_far = [1.0] + [0.0] * wins  # the probabilities of 0, 1, … wins so far; the last: of `wins` or more
    for chance in chances:
        for won in range(wins, 0, -1):
            stays = 1.0 if won == wins else 1 - chance
            so_far[won] = so_far[won] * stays + so_far[won - 1] * chance
        so_far[0] *= 1 - chance
    return so_far[wins]
