"""The client in a real browser: its half of the draw, its checks of the server's half, and its verifier."""

import random
import string
from collections.abc import Iterator
from typing import Any

import msgspec
from playwright.sync_api import Page, Route, expect

from server.game import draw
from support.browser import Person, choose_picture
from support.client import a_picture

IN_IT = "你出的那一半在里面"
TASKS = 200
VERIFY = """async (asked) => {
    const beside = document.querySelector('link[href$="/shared/words.js"]').href;
    const { verify } = await import(beside.replace("words.js", "verify.js"));
    const verdicts = [];
    for (const { proof, published, mine } of asked) {
        const checks = verify(proof, published, mine);
        verdicts.push(checks.every((check) => check.holds));
    }
    return verdicts;
}"""


def fill(page: Page, name: str) -> None:
    """Fill in the form for goods that the first dig wins."""
    page.get_by_role("radio", name="实物").check()
    choose_picture(page)
    page.get_by_label("物品名").fill(name)
    page.get_by_label("预计挖多少锹").fill("1")


def submit(page: Page) -> None:
    page.get_by_role("button", name="埋下宝贝").click()


def released(person: Person, name: str) -> list[str]:
    """Return the codes of a person's treasures with this name."""
    return [row["code"] for row in person.get("/getMyRelease", page=1)["data"] if row["name"] == name]


def test_a_publication_whose_reply_was_lost_is_made_once_even_after_a_reload(window, address):
    opened = window("断线的人", "/#/publish")
    page = opened.page

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    fill(page, "断线的猫")
    page.route("**/postTask", lose, times=1)
    submit(page)
    expect(page.get_by_text("没有收到回音，可能已经埋下了")).to_be_visible()
    assert len(opened.wrong) == 1
    opened.wrong.clear()
    page.reload()
    submit(page)
    expect(page.get_by_role("heading", name="断线的猫")).to_be_visible()
    expect(page.get_by_text(IN_IT)).to_be_visible()
    assert len(released(Person.log_in(address, "断线的人"), "断线的猫")) == 1


def test_a_half_that_the_server_refuses_is_replaced_only_when_the_person_presses_again(window, address):
    person = Person.log_in(address, "用过的人")
    half = person.get("/commitment")
    person.publish(a_picture(), name="先埋的猫", sealed_seed=half["sealed_seed"], nonce="ab" * 16)
    page = window("用过的人", "/#/publish").page
    fill(page, "后埋的猫")
    page.route("**/commitment*", lambda route: route.fulfill(json=half), times=1)
    submit(page)
    expect(page.get_by_text("服务器的那一半随机数已经用过")).to_be_visible()
    assert released(person, "后埋的猫") == []
    submit(page)
    expect(page.get_by_role("heading", name="后埋的猫")).to_be_visible()
    expect(page.get_by_text(IN_IT)).to_be_visible()


def test_a_publisher_is_told_that_the_server_did_not_keep_to_the_two_halves(window):
    page = window("上当的人", "/#/publish").page

    def draw_alone(route: Route) -> None:
        sent: Any = route.request.post_data_json
        route.continue_(post_data={name: sent[name] for name in sent if name not in ("sealed_seed", "nonce")})

    fill(page, "单独抽的猫")
    page.route("**/postTask", draw_alone, times=1)
    submit(page)
    expect(page.get_by_role("heading", name="单独抽的猫")).to_be_visible()
    expect(page.get_by_text("请不要相信这次抽奖")).to_be_visible()
    expect(page.get_by_text(IN_IT)).to_have_count(0)


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
        digs = [draw.ProvedDig(depth, int(depth in depths)) for depth in dug]
        params, commitment = draw.encode_rules(rules), draw.commitment(seed, rules)
        proof = draw.make_proof(seed, params, commitment, len(digs), digs)
        yield (altered(proof, chosen) if chosen.random() < 0.5 else proof), rules


def some_ranks(chosen: random.Random) -> tuple[draw.Rank, ...]:
    """Return ranks that people may publish, or sometimes may not: too many kinds, or a prize of 9 fen."""
    ranks = []
    for _ in range(chosen.choice([1, 2, 3, 10, chosen.randint(1, 11)])):
        num, split = chosen.randint(1, 5), chosen.randint(0, 1)
        least = 10 * num if split else 10
        fen = chosen.choice([least, chosen.randint(least, 10_000), 0 if not split else least])
        ranks.append(draw.Rank(num=num, split=split, fen=fen - (not split and chosen.random() < 0.02)))
    return tuple(ranks)


def altered(proof: draw.Proof, chosen: random.Random) -> draw.Proof:
    """Change one character or number, as a forger or a fault could."""
    replace = msgspec.structs.replace
    lists = ["winning_depths", *(["winning_ranks", "winning_fen"] if proof.winning_ranks else [])]
    field = chosen.choice(["seed", "params", "params", "params", "commitment", "dug", "digs", *lists])
    if field == "dug":
        return replace(proof, dug=proof.dug + chosen.choice([-1, 1]))
    if field in lists:
        values = getattr(proof, field)
        at = chosen.randrange(len(values))
        moved = [value + (place == at) for place, value in enumerate(values)]
        return replace(proof, **{field: chosen.choice([moved, values[:-1]])})
    if field == "digs" and proof.digs:
        at = chosen.randrange(len(proof.digs))
        dig = proof.digs[at]
        forged = chosen.choice([replace(dig, is_prize=1 - dig.is_prize), replace(dig, depth=dig.depth + 1)])
        return replace(proof, digs=[*proof.digs[:at], forged, *proof.digs[at + 1 :]])
    text = getattr(proof, field) if field != "digs" else proof.params
    at = chosen.randrange(len(text))
    character = chosen.choice('0123456789abcdefF ",:-.e}')
    changed = text[:at] + chosen.choice(["", character, character + text[at]]) + text[at + 1 :]
    return replace(proof, **{field if field != "digs" else "params": changed})


def test_the_browser_and_the_command_line_agree_on_random_proofs(window):
    chosen = random.Random(1)
    asked, expected = [], []
    for (proof, rules), _ in zip(proofs(chosen), range(TASKS), strict=False):
        published = chosen.choice([None, proof.commitment, chosen.randbytes(32).hex()])
        mine: dict[str, Any] | None = None
        if rules.nonce and chosen.random() < 0.5:
            nonce = chosen.choice([rules.nonce, chosen.randbytes(16).hex()])
            mine = {"seed_hash": rules.seed_hash, "nonce": nonce}
        asked.append({"proof": msgspec.to_builtins(proof), "published": published, "mine": mine})
        expected.append(draw.differences(proof, published, **(mine or {})))
    page = window("核对的人").page
    verdicts = page.evaluate(VERIFY, asked)
    wrong = [
        (verdict, found, each)
        for verdict, found, each in zip(verdicts, expected, asked, strict=True)
        if verdict != (not found)
    ]
    assert wrong == []
    assert 20 < sum(verdicts) < TASKS - 20
