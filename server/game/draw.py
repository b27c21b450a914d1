"""The draw: a task's commitment, the depths of its prizes, and how to verify both.

Pure: no clock, no store, and the seed is the only randomness. The rule, fixed when a task is published
with a secret random seed of 32 bytes:

- `params` is the JSON of the rules: keys sorted, no spaces.
- The commitment is hex SHA-256 of seed ‖ "\\n" ‖ params, and public from the first moment.
- x(k) is HMAC-SHA-256(key = seed, message = "prize:" + k in decimal) read as a big-endian integer.
- If there is one prize, it lies at 1 + x(1) mod max_depth, where max_depth = forecast_num.
- If there are several, prize k lies at gap(1) + … + gap(k), where gap(k) = interval − fluctuation +
  x(k) mod (2·fluctuation + 1), and max_depth = max(forecast_num, prize_num · (interval + fluctuation)).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

import msgspec

SEED_BYTES = 32
MOST_PRIZES, MOST_FORECAST, MOST_INTERVAL = 1_000, 1_000_000, 100_000


class Rules(msgspec.Struct, frozen=True):
    """What is hashed together with the seed. The fields are sorted, as the JSON's keys must be."""

    code: str
    fluctuation: int
    forecast_num: int
    interval: int
    max_depth: int
    prize_num: int


def make_rules(code: str, prize_num: int, forecast_num: int, interval: int, fluctuation: int) -> Rules:
    """Return the rules of a new task. For one prize `interval` and `fluctuation` count as 0."""
    if prize_num == 1:
        return Rules(code, 0, forecast_num, 0, forecast_num, 1)
    max_depth = max(forecast_num, prize_num * (interval + fluctuation))
    return Rules(code, fluctuation, forecast_num, interval, max_depth, prize_num)


def encode_rules(rules: Rules) -> str:
    """Return `params`: the exact string that is hashed, stored and served."""
    return msgspec.json.encode(rules).decode()


def commitment(seed: bytes, params: str) -> str:
    """Return hex SHA-256 of seed ‖ "\\n" ‖ params."""
    return hashlib.sha256(seed + b"\n" + params.encode()).hexdigest()


def draw_number(seed: bytes, k: int) -> int:
    """Return x(k), k = 1 … prize_num."""
    return int.from_bytes(hmac.digest(seed, f"prize:{k}".encode(), "sha256"), "big")


def winning_depths(seed: bytes, rules: Rules) -> list[int]:
    """Return the depths that win, ascending, one per prize."""
    if rules.prize_num == 1:
        return [1 + draw_number(seed, 1) % rules.max_depth]
    depths, depth = [], 0
    for k in range(1, rules.prize_num + 1):
        spread = draw_number(seed, k) % (2 * rules.fluctuation + 1)
        depth += rules.interval - rules.fluctuation + spread
        depths.append(depth)
    return depths


class ProvedDig(msgspec.Struct, frozen=True, gc=False):
    """A dig as `/getProof` lists it."""

    depth: int
    is_prize: int


class Proof(msgspec.Struct, frozen=True):
    """What `/getProof` serves of an ended task; `seed` and `commitment` are hex."""

    seed: str
    params: str
    commitment: str
    winning_depths: list[int]
    digs: list[ProvedDig]


def differences(proof: Proof, published_commitment: str | None) -> list[str]:
    """Recompute a proof. Return one sentence per difference, [] if the proof holds.

    `published_commitment` is what a verifier noted while the task ran. If it is None, the proof is only
    checked against itself.
    """
    try:
        seed = bytes.fromhex(proof.seed)
        rules = msgspec.json.decode(proof.params, type=Rules)
    except (ValueError, msgspec.MsgspecError) as error:
        return [f"the proof cannot be read: {error}"]
    found = list(_rule_differences(rules, proof.params))
    if found:
        return found
    recomputed = commitment(seed, proof.params)
    if published_commitment is not None and recomputed != published_commitment.lower():
        found.append(f"the seed and params hash to {recomputed}, not to the published {published_commitment}")
    if recomputed != proof.commitment:
        found.append(f"the seed and params hash to {recomputed}, not to the proof's {proof.commitment}")
    depths = winning_depths(seed, rules)
    if depths != proof.winning_depths:
        found.append(f"the seed puts the prizes at {depths}, the proof at {proof.winning_depths}")
    found.extend(_dig_differences(proof.digs, set(depths), rules.max_depth))
    return found


def _rule_differences(rules: Rules, params: str) -> Iterable[str]:
    possible = 1 <= rules.prize_num <= MOST_PRIZES and 1 <= rules.forecast_num <= MOST_FORECAST
    if rules.prize_num > 1:
        possible = possible and 0 <= rules.fluctuation < rules.interval <= MOST_INTERVAL
    if not possible:
        yield f"params hold impossible rules: {encode_rules(rules)}"
        return
    if encode_rules(rules) != params:
        yield f"params are not spelled as the rule asks: {encode_rules(rules)}, not {params}"
    expected = make_rules(rules.code, rules.prize_num, rules.forecast_num, rules.interval, rules.fluctuation)
    if expected != rules:
        yield f"these rules make {encode_rules(expected)}, not {encode_rules(rules)}"


def _dig_differences(digs: list[ProvedDig], winning: set[int], max_depth: int) -> Iterable[str]:
    for expected_depth, dig in enumerate(digs, 1):
        if dig.depth != expected_depth:
            yield f"dig {expected_depth} is recorded at depth {dig.depth}"
            return
        if dig.is_prize != (dig.depth in winning):
            outcome = "wins" if dig.depth in winning else "does not win"
            yield f"depth {dig.depth} {outcome} by the seed, but the record says otherwise"
    if len(digs) > max_depth:
        yield f"{len(digs)} digs are recorded, deeper than {max_depth}"
