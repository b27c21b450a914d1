"""The draw: a task's commitment, the depths of its prizes, and how to verify both. Pure: no clock, no store.

What follows is the rule, as `/docs` shows it too.

`params` is the JSON of the rules: keys sorted, no spaces. It is hashed and served as that string. There are
two versions of the rule.

In version 2 the server and the publisher draw together. The server gives the publisher `seed_hash`, hex
SHA-256 of a secret random seed of 32 bytes. Then the publisher sends `nonce`, 16 bytes in hex.

- `params` has `nonce`, `seed_hash` and `"version":2` besides the rules.
- The commitment is hex SHA-256 of params, so anybody can recompute it from the first moment.
- x(k) is HMAC-SHA-256(key = seed, message = nonce + ":prize:" + k in decimal) as a big-endian integer.

Once the server has seen the nonce, no choice of the server affects the draw. Anything else that is drawn has
messages with another word in place of "prize", and further keys in params.

In version 1 the server draws alone: there is no nonce.

- The commitment is hex SHA-256 of seed ‖ "\\n" ‖ params.
- x(k) is HMAC-SHA-256(key = seed, message = "prize:" + k in decimal) as a big-endian integer.

In both versions:

- If there is one prize, it lies at 1 + x(1) mod max_depth, where max_depth = forecast_num.
- If there are several, prize k lies at gap(1) + … + gap(k), where gap(k) = interval − fluctuation +
  x(k) mod (2·fluctuation + 1), and max_depth = max(forecast_num, prize_num · (interval + fluctuation)).

Version 2 may have `ranks`: kinds of prizes. Each has `num`, how many there are, and `fen`, what one pays
(goods have none). If `split` is 1, `fen` is a sum that the prizes of this rank share. Where prizes lie does
not depend on ranks. Which rank lies where, and each share, are drawn with other labels than "prize":

- y(k) is x(k) with ":rank:" in place of ":prize:". The ranks 1, 2, … stand in a row in their order, each
  `num` times. For k = prize_num … 2, places k and 1 + y(k) mod k are exchanged. Then prize k has the rank at
  place k.
- z(r, i) is x(k) with ":split:" + r + ":" + i in place of ":prize:" + k. The cuts of rank r, ascending, are
  z(r, i) mod (fen − 10·num + 1) for i = 1 … num − 1. Between 0, the cuts and fen − 10·num lie `num`
  differences: the shares, in order of depth, are 10 fen and one difference each.

In version 2 each dig also brings up a find, in version 1 none does. There are six layers of eight finds:
five common ones, two rare ones, and one that is seldom.

- f(d), of the dig at depth d, is x(k) with ":find:" + d in place of ":prize:" + k. Let r be f(d) mod 100.
- The find's number in its layer is (f(d) div 100) mod 5 if r < 70, 5 + (f(d) div 100) mod 2 if r < 95, else
  7. The layers are numbered from 0; they end at depths 10, 30, 70, 150 and 300, and the last has no end.
- `find` is 8 · layer + number + 1; 0 is no find.

So a proof holds if all of this is true:

- The commitment, computed anew, is the one that was published before the first dig.
- In version 2 the seed's SHA-256 is the `seed_hash` in params, and `nonce` there is the publisher's.
- `winning_depths`, `winning_ranks` and `winning_fen` are what seed and params give.
- The digs of all pages have the depths 1, 2, … up to `dug`, which is at most max_depth. Those at winning
  depths have `is_prize` 1, all others 0, and each has its `find`.
"""

import hashlib
import hmac
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import msgspec

from server.decoding import decode

SEED_BYTES = 32
NONCE = r"\A[0-9a-f]{32}\Z"
MOST_PRIZES = 1_000
MOST_FORECAST = 1_000_000
MOST_INTERVAL = 100_000
MOST_RANKS = 10
LEAST_FEN = 10
MOST_FEN = 100_000_000
# The depths at which the layers of finds end; the last layer has no end.
LAYER_ENDS = (10, 30, 70, 150, 300)
FINDS_A_LAYER = 8

_NONCE = re.compile(NONCE)
_SEED = re.compile(r"\A[0-9a-fA-F]{64}\Z")


class Rank(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A kind of prizes. `fen` is what one pays, 0 for goods; if `split` is 1, what all of them share."""

    fen: int = 0
    num: int
    split: int = 0


class Rules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The rules that the commitment fixes. Fields are sorted, as the JSON's keys must be. Fields with a
    default value are left out of the JSON."""

    code: str
    fluctuation: int
    forecast_num: int
    interval: int
    max_depth: int
    nonce: str = ""
    prize_num: int
    ranks: tuple[Rank, ...] = ()
    seed_hash: str = ""
    version: int = 1


def make_rules(
    code: str,
    prize_num: int,
    forecast_num: int,
    interval: int,
    fluctuation: int,
    *,
    nonce: str = "",
    seed_hash: str = "",
    ranks: tuple[Rank, ...] = (),
) -> Rules:
    """Return the rules of a new task, of version 2 if there is a nonce. Without a nonce, ranks are not
    allowed.

    For one prize `interval` and `fluctuation` count as 0.
    """
    if prize_num == 1:
        interval = 0
        fluctuation = 0
    return Rules(
        code=code,
        fluctuation=fluctuation,
        forecast_num=forecast_num,
        interval=interval,
        max_depth=max(forecast_num, prize_num * (interval + fluctuation)),
        nonce=nonce,
        prize_num=prize_num,
        ranks=ranks,
        seed_hash=seed_hash,
        version=2 if nonce else 1,
    )


def are_possible(ranks: tuple[Rank, ...], prize_num: int) -> bool:
    """Whether ranks have `prize_num` prizes together, and each red packet pays at least LEAST_FEN."""
    return (
        len(ranks) <= MOST_RANKS
        and all(rank.num >= 1 and rank.split in (0, 1) and rank.fen <= MOST_FEN for rank in ranks)
        and all(rank.fen >= LEAST_FEN * (rank.num if rank.split else bool(rank.fen)) for rank in ranks)
        and sum(rank.num for rank in ranks) == prize_num
    )


def encode_rules(rules: Rules) -> str:
    """Return `params`: the exact string that is hashed, stored and served."""
    return msgspec.json.encode(rules).decode()


def read_rules(params: str) -> Rules:
    """Return the rules of a task's `params`. Raises ValueError."""
    return decode(params, Rules)


def hash_seed(seed: bytes) -> str:
    """Return `seed_hash`: hex SHA-256 of the seed."""
    return hashlib.sha256(seed).hexdigest()


def commitment(seed: bytes, rules: Rules) -> str:
    """Return hex SHA-256 of params; in version 1, of seed ‖ "\\n" ‖ params."""
    params = encode_rules(rules).encode()
    return hashlib.sha256(params if rules.version == 2 else seed + b"\n" + params).hexdigest()


def draw_number(seed: bytes, nonce: str, k: int) -> int:
    """Return x(k), k = 1 … prize_num; `nonce` is "" in version 1."""
    return _number(seed, f"{nonce}:prize:{k}" if nonce else f"prize:{k}")


def _number(seed: bytes, message: str) -> int:
    return int.from_bytes(hmac.digest(seed, message.encode(), "sha256"), "big")


def winning_depths(seed: bytes, rules: Rules) -> list[int]:
    """Return the depths that win, ascending, one per prize."""
    if rules.prize_num == 1:
        return [1 + draw_number(seed, rules.nonce, 1) % rules.max_depth]
    depths = []
    depth = 0
    for k in range(1, rules.prize_num + 1):
        spread = draw_number(seed, rules.nonce, k) % (2 * rules.fluctuation + 1)
        depth += rules.interval - rules.fluctuation + spread
        depths.append(depth)
    return depths


def winning_ranks(seed: bytes, rules: Rules) -> list[int]:
    """Return the rank of each prize, from 1, in order of depth; [] if the rules have no ranks."""
    row = [rank for rank, each in enumerate(rules.ranks, 1) for _ in range(each.num)]
    for k in range(len(row), 1, -1):
        other = _number(seed, f"{rules.nonce}:rank:{k}") % k
        row[k - 1], row[other] = row[other], row[k - 1]
    return row


def winning_fen(seed: bytes, rules: Rules) -> list[int]:
    """Return what each prize pays, in order of depth, 0 for goods; [] if the rules have no ranks."""
    shares = {
        rank: iter(_shares(seed, rules, rank)) for rank, each in enumerate(rules.ranks, 1) if each.split
    }
    return [
        next(shares[rank]) if rank in shares else rules.ranks[rank - 1].fen
        for rank in winning_ranks(seed, rules)
    ]


def _shares(seed: bytes, rules: Rules, rank: int) -> list[int]:
    each = rules.ranks[rank - 1]
    spare = each.fen - LEAST_FEN * each.num
    words = (f"{rules.nonce}:split:{rank}:{i}" for i in range(1, each.num))
    cuts = sorted(_number(seed, word) % (spare + 1) for word in words)
    return [LEAST_FEN + end - begin for begin, end in pairwise([0, *cuts, spare])]


def find_at(seed: bytes, rules: Rules, depth: int) -> int:
    """Return the `find` that the dig at this depth, from 1, brings up; 0 in version 1."""
    if rules.version == 1:
        return 0
    drawn, r = divmod(_number(seed, f"{rules.nonce}:find:{depth}"), 100)
    number = drawn % 5 if r < 70 else 5 + drawn % 2 if r < 95 else 7
    return FINDS_A_LAYER * bisect_left(LAYER_ENDS, depth) + number + 1


def whole_layers(finds: Iterable[int]) -> int:
    """Return how many layers have all their finds among these, which are different from each other."""
    found = Counter((find - 1) // FINDS_A_LAYER for find in finds)
    return sum(number == FINDS_A_LAYER for number in found.values())


class Won(NamedTuple):
    """What a depth wins: `fen` is what it pays. Both are 0 if the rules have no ranks."""

    rank: int = 0
    fen: int = 0


def prizes_at(seed: bytes, rules: Rules) -> dict[int, Won]:
    """Return the depths that win, ascending, each with what it wins."""
    depths = winning_depths(seed, rules)
    if not rules.ranks:
        return dict.fromkeys(depths, Won())
    return dict(zip(depths, map(Won, winning_ranks(seed, rules), winning_fen(seed, rules)), strict=True))


class ProvedDig(msgspec.Struct, frozen=True, gc=False):
    """A dig as `/getProof` lists it. `find` is what it brought up, 0 if nothing; a proof that was saved
    before digs brought up finds has none."""

    depth: int
    is_prize: int
    find: int | None = None


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What `/getProof` serves of an ended task; `seed` and `commitment` are hex.

    The ranks and sums are those of the prizes at `winning_depths`; [] if the rules have no ranks. `dug` is
    how many digs there were. A proof put together from all its pages has all `dug` digs in `digs`.
    """

    seed: str
    params: str
    commitment: str
    winning_depths: list[int]
    winning_ranks: list[int] = []
    winning_fen: list[int] = []
    dug: int
    digs: list[ProvedDig]


def make_proof(seed: bytes, params: str, commitment: str, dug: int, digs: list[ProvedDig]) -> Proof:
    """Return the proof of a task, with some or all of its `dug` digs. Raises ValueError."""
    rules = read_rules(params)
    return Proof(
        seed=seed.hex(),
        params=params,
        commitment=commitment,
        winning_depths=winning_depths(seed, rules),
        winning_ranks=winning_ranks(seed, rules),
        winning_fen=winning_fen(seed, rules),
        dug=dug,
        digs=digs,
    )


def differences(
    proof: Proof,
    published_commitment: str | None = None,
    *,
    seed_hash: str | None = None,
    nonce: str | None = None,
) -> list[str]:
    """Recompute a proof. Return one sentence per difference, [] if the proof holds.

    `published_commitment` is what a verifier noted while the task ran; `seed_hash` and `nonce` are what its
    publisher was given and sent. Without them the proof is only checked against itself.
    """
    if not _SEED.match(proof.seed):
        return [f"the proof cannot be read: its seed is not {SEED_BYTES} bytes in hex"]
    try:
        seed = bytes.fromhex(proof.seed)
        rules = read_rules(proof.params)
    except ValueError as error:
        return [f"the proof cannot be read: {error}"]
    found = list(_rule_differences(rules, proof.params))
    if found:
        return found
    recomputed = commitment(seed, rules)
    hashed = "the params" if rules.version == 2 else "the seed and params"
    if published_commitment is not None and recomputed != published_commitment.lower():
        found.append(f"{hashed} hash to {recomputed}, not to the published {published_commitment}")
    if recomputed != proof.commitment:
        found.append(f"{hashed} hash to {recomputed}, not to the proof's {proof.commitment}")
    found.extend(_half_differences(rules, seed, seed_hash, nonce))
    depths = winning_depths(seed, rules)
    if depths != proof.winning_depths:
        found.append(f"the seed puts the prizes at {depths}, the proof at {proof.winning_depths}")
    ranks = winning_ranks(seed, rules)
    fen = winning_fen(seed, rules)
    if (ranks, fen) != (proof.winning_ranks, proof.winning_fen):
        found.append(
            f"the seed gives the prizes ranks {ranks} and sums {fen}, "
            f"the proof {proof.winning_ranks} and {proof.winning_fen}"
        )
    if len(proof.digs) != proof.dug:
        found.append(f"the proof has {len(proof.digs)} digs of {proof.dug}")
    found.extend(_dig_differences(proof.digs, set(depths), rules.max_depth))
    found.extend(_find_differences(proof.digs, seed, rules))
    return found


def _half_differences(
    rules: Rules, seed: bytes, given_hash: str | None, sent_nonce: str | None
) -> Iterable[str]:
    """Yield where seed and nonce differ from those that server and publisher exchanged before the draw."""
    hashed = hash_seed(seed)
    if rules.version == 2 and hashed != rules.seed_hash:
        yield f"the seed hashes to {hashed}, not to the seed_hash {rules.seed_hash} of the params"
    if given_hash is not None and hashed != given_hash.lower():
        yield f"the seed hashes to {hashed}, not to the {given_hash} that the publisher was given"
    if sent_nonce is not None and rules.nonce != sent_nonce.lower():
        yield f"the params have the nonce {rules.nonce or '(none)'}, not the publisher's {sent_nonce}"


def _rule_differences(rules: Rules, params: str) -> Iterable[str]:
    possible = 1 <= rules.prize_num <= MOST_PRIZES and 1 <= rules.forecast_num <= MOST_FORECAST
    if rules.prize_num > 1:
        possible = possible and 0 <= rules.fluctuation < rules.interval <= MOST_INTERVAL
    if rules.version == 1:
        possible = possible and not rules.seed_hash and not rules.ranks
    else:
        possible = possible and rules.version == 2 and _NONCE.match(rules.nonce) is not None
    if rules.ranks:
        possible = possible and are_possible(rules.ranks, rules.prize_num)
    if not possible:
        yield f"params hold impossible rules: {encode_rules(rules)}"
        return
    if encode_rules(rules) != params:
        yield f"params are not spelled as the rule asks: {encode_rules(rules)}, not {params}"
    asked = msgspec.structs.asdict(rules)
    del asked["max_depth"], asked["version"]  # these two follow from the others
    expected = make_rules(**asked)
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


def _find_differences(digs: list[ProvedDig], seed: bytes, rules: Rules) -> Iterable[str]:
    if all(dig.find is None for dig in digs):
        return
    for dig in digs:
        drawn = find_at(seed, rules, dig.depth)
        if dig.find != drawn:
            yield f"the seed gives the dig at depth {dig.depth} find {drawn}, the proof {dig.find}"
