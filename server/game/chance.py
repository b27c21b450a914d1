"""How likely a dig wins by the draw's law, and how likely somebody wins so often. Pure.

The law is in `draw.py`. Nobody can beat it by choosing when to dig, unless they know the seed. All that
people know is how deep the prizes found so far lay, and the chance of each dig counts that already.
"""

from __future__ import annotations

from collections.abc import Sequence

from server.game.draw import Rules


def chance_to_win(rules: Rules, depth: int, last_won: int) -> float:
    """Return how likely a dig wins; `last_won` is the depth of the last prize above it, 0 for none."""
    if rules.prize_num == 1:
        return 0.0 if last_won else 1 / (rules.max_depth - depth + 1)
    gap, most = depth - last_won, rules.interval + rules.fluctuation
    if gap < rules.interval - rules.fluctuation or gap > most:
        return 0.0
    return 1 / (most - gap + 1)


def luck(chances: Sequence[float], wins: int) -> float:
    """Return how likely digs of these chances win `wins` times or more (the p-value)."""
    if not wins:
        return 1.0
    so_far = [1.0] + [0.0] * wins  # the probability of 0, 1, … wins so far; the last one is of `wins` or more
    for chance in chances:
        for won in range(wins, 0, -1):
            stays = 1.0 if won == wins else 1 - chance
            so_far[won] = so_far[won] * stays + so_far[won - 1] * chance
        so_far[0] *= 1 - chance
    return so_far[wins]
