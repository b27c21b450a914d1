"""The draw follows its rule, of which this file has its own code; chances are right; tampering is found."""

import hashlib
import hmac
from collections import Counter
from itertools import product
from math import comb

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.game import draw
from server.game.chance import Outlook, chance_to_win, luck, outlook
from server.game.draw import make_rules, winning_depths

seeds = st.binary(min_size=32, max_size=32)
nonces = st.binary(min_size=16, max_size=16).map(bytes.hex)


@st.composite
def ranks_of(make: st.DrawFn) -> tuple[draw.Rank, ...]:
    """Up to ten ranks: goods, red packets of equal sums, and shared sums. Some sums are the least allowed."""
    ranks = []
    for num in make(st.lists(st.integers(1, 12), min_size=1, max_size=10)):
        split = make(st.integers(0, 1))
        least = 10 * num if split else 10
        ranks.append(
            draw.Rank(
                fen=make(st.integers(least, 5000) | st.just(0 if not split else least)), num=num, split=split
            )
        )
    return tuple(ranks)


@st.composite
def rules(make: st.DrawFn) -> draw.Rules:
    """Rules of either version; `proof_of` puts in the seed's hash."""
    interval = make(st.integers(1, 40))
    nonce = make(st.just("") | nonces)
    ranks = make(st.just(()) | ranks_of()) if nonce else ()
    return draw.make_rules(
        "abcDEF012345",
        prize_num=sum(rank.num for rank in ranks) or make(st.integers(1, 30)),
        forecast_num=make(st.integers(1, 3000)),
        interval=interval,
        fluctuation=make(st.integers(0, interval - 1)),
        nonce=nonce,
        ranks=ranks,
    )


def proof_of(seed: bytes, of: draw.Rules, dug: int) -> draw.Proof:
    if of.version == 2:
        of = msgspec.structs.replace(of, seed_hash=draw.hash_seed(seed))
    params = draw.encode_rules(of)
    depths = draw.winning_depths(seed, of)
    digs = [
        draw.ProvedDig(depth, int(depth in depths), draw.find_at(seed, of, depth))
        for depth in range(1, dug + 1)
    ]
    return draw.make_proof(seed, params, draw.commitment(seed, of), len(digs), digs)


def test_the_draw_of_a_known_seed_is_what_the_rule_says_by_hand():
    seed = bytes(range(32))
    of = draw.make_rules("abcDEF012345", prize_num=3, forecast_num=10, interval=7, fluctuation=2)
    params = (
        '{"code":"abcDEF012345","fluctuation":2,"forecast_num":10,"interval":7,"max_depth":27,"prize_num":3}'
    )
    assert draw.encode_rules(of) == params
    assert draw.commitment(seed, of) == hashlib.sha256(seed + b"\n" + params.encode()).hexdigest()
    depth = 0
    expected = []
    for k in (1, 2, 3):
        x = int(hmac.new(seed, b"prize:%d" % k, hashlib.sha256).hexdigest(), 16)
        depth += 7 - 2 + x % 5
        expected.append(depth)
    assert draw.winning_depths(seed, of) == expected


def test_one_prize_ignores_interval_and_fluctuation():
    assert draw.make_rules("c" * 12, 1, 10, 5, 3) == draw.make_rules("c" * 12, 1, 10, 0, 0)


def test_a_draw_together_is_what_the_rule_of_version_2_says_by_hand():
    seed = bytes(range(32))
    nonce = "00112233445566778899aabbccddeeff"
    seed_hash = hashlib.sha256(seed).hexdigest()
    of = draw.make_rules("abcDEF012345", 3, 10, 7, 2, nonce=nonce, seed_hash=seed_hash)
    params = (
        '{"code":"abcDEF012345","fluctuation":2,"forecast_num":10,"interval":7,"max_depth":27,'
        f'"nonce":"{nonce}","prize_num":3,"seed_hash":"{seed_hash}","version":2}}'
    )
    assert draw.encode_rules(of) == params
    assert draw.read_rules(params) == of
    assert draw.commitment(seed, of) == hashlib.sha256(params.encode()).hexdigest()
    depth = 0
    expected = []
    for k in (1, 2, 3):
        x = int(hmac.new(seed, f"{nonce}:prize:{k}".encode(), hashlib.sha256).hexdigest(), 16)
        depth += 7 - 2 + x % 5
        expected.append(depth)
    assert draw.winning_depths(seed, of) == expected


def test_ranks_and_shares_are_what_the_rule_of_version_2_says_by_hand():
    seed = bytes(range(32))
    nonce = "00112233445566778899aabbccddeeff"

    def number(word: str) -> int:
        return int(hmac.new(seed, f"{nonce}:{word}".encode(), hashlib.sha256).hexdigest(), 16)

    ranks = (draw.Rank(num=1), draw.Rank(fen=500, num=2), draw.Rank(fen=100, num=3, split=1))
    of = draw.make_rules("abcDEF012345", 6, 10, 7, 2, nonce=nonce, seed_hash="00", ranks=ranks)
    ranks_json = (
        '"prize_num":6,"ranks":[{"num":1},{"fen":500,"num":2},{"fen":100,"num":3,"split":1}],"seed_hash"'
    )
    assert ranks_json in draw.encode_rules(of)
    row = [1, 2, 2, 3, 3, 3]
    for k in (6, 5, 4, 3, 2):
        other = number(f"rank:{k}") % k
        row[k - 1], row[other] = row[other], row[k - 1]
    assert draw.winning_ranks(seed, of) == row
    low, high = sorted((number("split:3:1") % 71, number("split:3:2") % 71))
    shares = iter([10 + low, 10 + high - low, 10 + 70 - high])
    assert draw.winning_fen(seed, of) == [
        {1: 0, 2: 500}.get(rank) if rank < 3 else next(shares) for rank in row
    ]


def test_an_only_prize_and_a_find_are_what_the_rule_of_version_2_says_by_hand():
    seed = bytes(range(32))
    nonce = "00112233445566778899aabbccddeeff"
    of = draw.make_rules("abcDEF012345", 1, 1_000, 0, 0, nonce=nonce)
    x = int(hmac.new(seed, f"{nonce}:prize:1".encode(), hashlib.sha256).hexdigest(), 16)
    assert draw.winning_depths(seed, of) == [1 + x % 1_000]
    ends = {1: 0, 10: 0, 11: 1, 30: 1, 31: 2, 70: 2, 71: 3, 150: 3, 151: 4, 300: 4, 301: 5, 1_000: 5}
    for depth, layer in ends.items():
        f = int(hmac.new(seed, f"{nonce}:find:{depth}".encode(), hashlib.sha256).hexdigest(), 16)
        drawn = f // 100
        r = f % 100
        number = drawn % 5 if r < 70 else 5 + drawn % 2 if r < 95 else 7
        assert draw.find_at(seed, of, depth) == 8 * layer + number + 1
    alone = draw.make_rules("abcDEF012345", 1, 1_000, 0, 0)
    assert {draw.find_at(seed, alone, depth) for depth in ends} == {0}


@given(seeds, nonces, ranks_of())
def test_every_rank_is_drawn_as_often_as_published_and_every_sum_is_exact(seed, nonce, ranks):
    prizes = sum(rank.num for rank in ranks)
    of = draw.make_rules("a" * 12, prizes, 1, 5, 2, nonce=nonce, ranks=ranks)
    drawn = draw.winning_ranks(seed, of)
    fen = draw.winning_fen(seed, of)
    for number, rank in enumerate(ranks, 1):
        paid = [each for each, drawn_rank in zip(fen, drawn, strict=True) if drawn_rank == number]
        assert len(paid) == rank.num
        assert all(each >= 10 for each in paid) or not rank.fen
        assert sum(paid) == (rank.fen if rank.split else rank.fen * rank.num)
    # Ranks do not change which levels win.
    alone = draw.make_rules("a" * 12, prizes, 1, 5, 2, nonce=nonce)
    assert draw.winning_depths(seed, of) == draw.winning_depths(seed, alone)
    assert (draw.winning_ranks(seed, alone), draw.winning_fen(seed, alone)) == ([], [])


@given(seeds, nonces, nonces)
def test_a_publisher_finds_out_that_their_half_or_the_seed_was_exchanged(seed, nonce, other):
    proof = proof_of(seed, draw.make_rules("a" * 12, 3, 10, 5, 2, nonce=nonce), 0)
    given_hash = draw.hash_seed(seed)
    assert draw.differences(proof, seed_hash=given_hash, nonce=nonce) == []
    assert draw.differences(proof, seed_hash=draw.hash_seed(seed + b"\n"))
    assert bool(draw.differences(proof, nonce=other)) == (other != nonce)
    # This server ignored the nonce and drew alone.
    alone = proof_of(seed, draw.make_rules("a" * 12, 3, 10, 5, 2), 0)
    assert draw.differences(alone) == []
    assert draw.differences(alone, nonce=nonce)


@given(seeds, rules())
def test_every_prize_can_be_found_and_no_two_lie_together(seed, of):
    depths = draw.winning_depths(seed, of)
    assert len(depths) == of.prize_num
    assert depths == sorted(set(depths))
    assert depths[0] >= 1
    assert depths[-1] <= of.max_depth


@given(seeds, rules(), st.integers(0, 60))
def test_an_honest_proof_holds(seed, of, dug):
    proof = proof_of(seed, of, min(dug, of.max_depth))
    assert draw.differences(proof, proof.commitment) == []


ONE = '"prize_num":1'
TWO = f'"nonce":"{"f" * 32}","prize_num":1'
BAD_RANKS = {
    "spelled": ("[]", '[{"fen":0,"num":1}]', '[{"num":1,"fen":10}]'),
    "impossible": (
        *('[{"num":2}]', '[{"num":0},{"num":1}]', '[{"num":-1},{"num":2}]', '[{"fen":9,"num":1}]'),
        *('[{"fen":-10,"num":1}]', '[{"fen":9,"num":1,"split":1}]', '[{"num":1,"split":1}]'),
        *('[{"fen":10,"num":1,"split":2}]', '[{"fen":100000001,"num":1}]'),
    ),
    "cannot be read": ('[{"num":1.5}]', "null"),
}
# The text of wrong rules after `max_depth`, and what the verifier says about them.
BAD_RULES = [
    ('"prize_num":0', "impossible"),
    (f'{ONE},"version":2', "impossible"),  # no nonce
    (f'{ONE},"version":3', "impossible"),
    (f'"nonce":"{"F" * 32}",{ONE},"version":2', "impossible"),
    (f'"nonce":"{"f" * 31}",{ONE},"version":2', "impossible"),
    (f'"nonce":"{"f" * 32}\\n",{ONE},"version":2', "impossible"),
    (TWO, "rules make"),  # version 1 takes no nonce
    (f'{ONE},"version":1', "spelled"),
    (f'{ONE},"seed_hash":"00"', "impossible"),  # no version has a seed_hash without a nonce
    (f'{ONE},"ranks":[]', "spelled"),
    (f'{ONE},"ranks":[{{"num":1}}]', "impossible"),  # no version has ranks without a nonce
    *(
        (f'{TWO},"ranks":{ranks},"seed_hash":"00","version":2', complaint)
        for complaint in BAD_RANKS
        for ranks in BAD_RANKS[complaint]
    ),
    (f'{TWO},"seed_hash":"00","version":2', "seed hashes to"),
]
BEGIN = '{"code":"a","fluctuation":0,"forecast_num":5,"interval":0,"max_depth":'


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("seed", "zz", "cannot be read"),
        ("params", "[]", "cannot be read"),
        ("params", f"{BEGIN}9,{ONE}}}", "rules"),
        *(("params", f"{BEGIN}5,{rest}}}", complaint) for rest, complaint in BAD_RULES),
        ("winning_depths", [1], "puts the prizes at"),
        ("winning_ranks", [1, 1], "gives the prizes ranks"),
        ("winning_fen", [0, 0], "gives the prizes ranks"),
        ("commitment", "00", "hash to"),
        ("digs", [draw.ProvedDig(2, 0)], "recorded at depth 2"),
        ("dug", 11, "10 digs of 11"),
        ("digs", proof_of(bytes(32), draw.make_rules("c" * 12, 2, 10, 5, 0), 11).digs, "deeper than 10"),
    ],
)
def test_a_tampered_proof_is_found_out(field, value, complaint):
    seed = bytes(32)
    proof = proof_of(seed, draw.make_rules("c" * 12, 2, 10, 5, 0), 10)
    tampered = draw.Proof(**{name: getattr(proof, name) for name in proof.__struct_fields__} | {field: value})
    assert any(complaint in difference for difference in draw.differences(tampered, proof.commitment))


def test_a_proof_drawn_anew_from_another_seed_is_not_the_published_one():
    rules = draw.make_rules("c" * 12, 2, 10, 5, 0)
    published = proof_of(bytes(32), rules, 10).commitment
    anew = proof_of(b"\1" * 32, rules, 10)
    assert draw.differences(anew) == []
    [said] = draw.differences(anew, published)
    assert said.endswith(f"not to the published {published}")


@given(seeds, rules(), st.data())
def test_a_win_moved_in_the_record_is_found_out(seed, of, data):
    honest = proof_of(seed, of, of.max_depth)
    at = data.draw(st.integers(0, len(honest.digs) - 1))
    digs = list(honest.digs)
    digs[at] = msgspec.structs.replace(digs[at], is_prize=1 - digs[at].is_prize)
    tampered = msgspec.structs.replace(honest, digs=digs)
    assert draw.differences(tampered, honest.commitment)


@given(seeds, rules(), st.data())
def test_a_find_that_was_altered_is_found_out(seed, of, data):
    """Also one in a treasure of version 1, which has none, and one that is left out."""
    honest = proof_of(seed, of, of.max_depth)
    at = data.draw(st.integers(0, len(honest.digs) - 1))
    other = data.draw(st.sampled_from([None, *range(-1, 50)]).filter(lambda n: n != honest.digs[at].find))
    digs = list(honest.digs)
    digs[at] = msgspec.structs.replace(digs[at], find=other)
    found = draw.differences(msgspec.structs.replace(honest, digs=digs), honest.commitment)
    if other is None and len(digs) == 1:
        assert found == []  # as a proof that was saved before there were finds
    else:
        drawn = honest.digs[at].find
        assert found == [f"the seed gives the dig at depth {at + 1} find {drawn}, the proof {other}"]


SEEDS = 4_000


@pytest.mark.parametrize(
    ("prizes", "forecast", "interval", "fluctuation"),
    [(1, 6, 0, 0), (2, 1, 3, 2), (3, 20, 4, 1), (2, 9, 2, 0)],
)
def test_the_chances_are_those_of_the_draw(prizes, forecast, interval, fluctuation):
    rules = make_rules("A" * 12, prizes, forecast, interval, fluctuation)
    dug: Counter[tuple[int, int]] = Counter()
    won: Counter[tuple[int, int]] = Counter()
    for number in range(SEEDS):
        depths = winning_depths(number.to_bytes(32, "big"), rules)
        last = 0
        for depth in range(1, depths[-1] + 1):
            known = outlook(rules, depth - 1, last, sum(each >= depth for each in depths))
            following = next(each for each in depths if each >= depth)
            assert known.nearest <= following <= depths[-1] <= known.deepest <= rules.max_depth
            assert (known.one_in == 0) == (known.nearest > depth)
            if known.one_in == 1:
                assert following == depth
            dug[depth, last] += 1
            if depth in depths:
                won[depth, last] += 1
                last = depth
    for (depth, last), digs in dug.items():
        chance = chance_to_win(rules, depth, last)
        error = (chance * (1 - chance) / digs) ** 0.5
        assert abs(won[depth, last] / digs - chance) <= 5 * error + 1e-9, (depth, last)


def test_the_outlook_ends_where_no_prize_can_lie():
    one = make_rules("A" * 12, 1, 23, 0, 0)
    assert outlook(one, 0, 0, 1) == Outlook(one_in=23, nearest=1, deepest=23)
    assert outlook(one, 22, 0, 1) == Outlook(one_in=1, nearest=23, deepest=23)
    assert outlook(one, 5, 5, 0) == Outlook(one_in=0, nearest=0, deepest=5)
    # Even with a forecast of 500, the outlook ends at the deepest level at which a prize can lie.
    several = make_rules("A" * 12, 3, 500, 10, 2)
    assert outlook(several, 0, 0, 3) == Outlook(one_in=0, nearest=8, deepest=36)
    assert outlook(several, 9, 9, 2) == Outlook(one_in=0, nearest=17, deepest=33)
    assert outlook(several, 18, 9, 2) == Outlook(one_in=3, nearest=19, deepest=33)


@given(st.lists(st.floats(0, 1), max_size=7), st.integers(0, 8))
def test_luck_is_the_sum_over_all_outcomes(chances, wins):
    total = 0.0
    for outcome in product((0, 1), repeat=len(chances)):
        if sum(outcome) >= wins:
            probability = 1.0
            for won, chance in zip(outcome, chances, strict=True):
                probability *= chance if won else 1 - chance
            total += probability
    assert luck(chances, wins) == pytest.approx(total, abs=1e-9)


def test_many_digs_of_one_chance_are_binomial():
    expected = 1 - sum(comb(1000, k) * 0.01**k * 0.99 ** (1000 - k) for k in range(20))
    assert luck([0.01] * 1000, 20) == pytest.approx(expected, rel=1e-6)
