"""What the web page and the mini-program share, and what the page remembers, in Node."""

import json
import os
import random
import shutil
import string
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.game import draw
from support import SOURCE

NODE = shutil.which("node")
HERE = Path(__file__).parent
PATIENCE_SECONDS = 120
TASKS = 1200
VERDICTS = """
import { readFileSync } from "node:fs";
import { verify } from "./shared/verify.js";
const asked = JSON.parse(readFileSync(0));
const verdicts = asked.map(({ proof, published, mine }) => verify(proof, published, mine));
console.log(JSON.stringify(verdicts.map((checks) => checks.every((check) => check.holds))));
"""

pytestmark = pytest.mark.skipif(NODE is None, reason="no node: install Debian's package nodejs")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that has the modules and their tests, all as ES modules."""
    for folder in ("miniprogram/shared", "app"):
        shutil.copytree(SOURCE / "static" / folder, tmp_path / Path(folder).name)
    for test in HERE.glob("*.test.js"):
        shutil.copy(test, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    return tmp_path


def node(folder: Path, *arguments: str, given: str = "") -> str:
    """Run node in a folder; return what it printed. Fails with what it printed if node fails."""
    assert NODE is not None
    done = subprocess.run(
        [NODE, *arguments],
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        env=os.environ | {"TZ": "Asia/Shanghai"},  # elsewhere each time is said twice
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_tests_of_the_shared_modules_pass(shared):
    said = node(shared, "--test", "--test-reporter=tap")
    assert int(said.partition("# pass ")[2].split()[0]) >= sum(
        test.read_text().count("\ntest(") for test in HERE.glob("*.test.js")
    )


def proofs(chosen: random.Random) -> Iterator[tuple[draw.Proof, draw.Rules]]:
    """Yield proofs of random tasks of both versions, some of them altered in one place."""
    while True:
        interval = chosen.randint(1, 40)
        seed = chosen.randbytes(32)
        nonce = chosen.choice(["", chosen.randbytes(16).hex()])
        ranks = some_ranks(chosen) if (nonce and chosen.random() < 0.5) or chosen.random() < 0.05 else ()
        rules = draw.make_rules(
            "".join(chosen.choices(string.ascii_letters + string.digits, k=12)),
            prize_num=sum(rank.num for rank in ranks) or chosen.choice([1, chosen.randint(2, 20)]),
            forecast_num=chosen.choice([1, chosen.randint(1, 300), 1_000_000]),
            interval=interval,
            fluctuation=chosen.randint(0, interval - 1),
            nonce=nonce,
            # A forger may also put fields of version 2 into version 1.
            seed_hash=draw.hash_seed(seed) if nonce or chosen.random() < 0.1 else "",
            ranks=ranks,
        )
        depths = draw.winning_depths(seed, rules)
        dug = range(1, min(rules.max_depth, chosen.randint(0, 60)) + 1)
        told = chosen.random() < 0.9  # else it is a proof from before there were finds
        digs = [
            draw.ProvedDig(depth, int(depth in depths), draw.find_at(seed, rules, depth) if told else None)
            for depth in dug
        ]
        params = draw.encode_rules(rules)
        commitment = draw.commitment(seed, rules)
        proof = draw.make_proof(seed, params, commitment, len(digs), digs)
        if chosen.random() < 0.5:
            proof = msgspec.convert(altered(msgspec.to_builtins(proof), chosen), draw.Proof)
        yield proof, rules


def some_ranks(chosen: random.Random) -> tuple[draw.Rank, ...]:
    """Return ranks that people may publish, or sometimes may not: too many kinds, or a prize of 9 fen."""
    ranks = []
    for _ in range(chosen.choice([1, 2, 3, 10, chosen.randint(1, 11)])):
        num = chosen.randint(1, 5)
        split = chosen.randint(0, 1)
        least = 10 * num if split else 10
        fen = chosen.choice([least, chosen.randint(least, 10_000), 0 if not split else least])
        ranks.append(draw.Rank(num=num, split=split, fen=fen - (not split and chosen.random() < 0.02)))
    return tuple(ranks)


def altered(value: Any, chosen: random.Random) -> Any:
    """Change one character or number of a proof, as a forger could, or leave out the end of a list."""
    match value:
        case dict():
            name = chosen.choice([*value])
            return value | {name: altered(value[name], chosen)}
        case [*_, _] if chosen.random() < 0.8:
            at = chosen.randrange(len(value))
            return [*value[:at], altered(value[at], chosen), *value[at + 1 :]]
        case [*others, _]:
            return others
        case str():
            at = chosen.randrange(len(value))
            character = chosen.choice('0123456789abcdefF ",:-.e}')
            return value[:at] + chosen.choice(["", character, character + value[at]]) + value[at + 1 :]
        case int():
            return value + chosen.choice([-1, 1])
        case None:
            return chosen.randint(0, 48)
    return value


def test_the_clients_and_the_command_line_agree_on_random_proofs(shared):
    chosen = random.Random(1)
    asked = []
    expected = []
    for (proof, rules), _ in zip(proofs(chosen), range(TASKS), strict=False):
        published = chosen.choice([None, proof.commitment, chosen.randbytes(32).hex()])
        mine: dict[str, Any] | None = None
        if rules.nonce and chosen.random() < 0.5:
            nonce = chosen.choice([rules.nonce, chosen.randbytes(16).hex()])
            mine = {"seed_hash": rules.seed_hash, "nonce": nonce}
        asked.append({"proof": msgspec.to_builtins(proof), "published": published, "mine": mine})
        expected.append(draw.differences(proof, published, **(mine or {})))
    (shared / "verdicts.mjs").write_text(VERDICTS)
    verdicts = json.loads(node(shared, "verdicts.mjs", given=json.dumps(asked)))
    wrong = [
        (verdict, found, each)
        for verdict, found, each in zip(verdicts, expected, asked, strict=True)
        if verdict != (not found)
    ]
    assert wrong == []
    assert 20 < sum(verdicts) < TASKS - 20
