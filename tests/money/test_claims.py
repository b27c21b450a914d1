"""Claiming: goods by mail and on site, who sees the address, all refusals, and who is told of each step."""

import asyncio
import csv
import io
import logging
from collections import Counter
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from server.actions.digging.end_task import end_task_as_operator
from server.actions.prizes.confirm import confirm_pickup
from server.actions.prizes.freeze import freeze, release
from server.errors import Locked, WrongPickup
from server.security.keys import Keys
from support.client import Someone
from support.operators import operator
from support.purse import DAY_MS, find, let_pass, rest, sweep_until_quiet

ENVIRONMENT = {"CLAIM_DAYS": "10", "TASK_DAYS": "5"}


ADDRESS = {"receiver": "王小红", "phone": "+86 138-0000-1111", "address": "杭州市西湖区文三路 90 号"}


async def test_an_address_may_be_changed_for_a_day(context, alice, bob):
    code = await alice.won_goods(bob)
    reply = await bob.claim(code, **ADDRESS)
    assert (reply["status"], reply["is_draw"], reply["state"], reply["draw_type"]) == (0, 1, "given", 2)
    assert abs(reply["change_until"] - context.clock.now_ms() - DAY_MS) < 10_000
    await bob.claim(code, **(ADDRESS | {"address": "杭州市上城区清泰街 1 号"}))
    await let_pass(context, DAY_MS + 1000)
    late = await bob.claim(code, **ADDRESS)
    assert (late["error"], "24 小时" in late["msg"]) == ("claim_over", True)
    assert (await bob.claim(code))["change_until"] < context.clock.now_ms()
    [row] = (await alice.get("/getWinners", code=code))["data"]
    assert {name: row[name] for name in ADDRESS} == ADDRESS | {"address": "杭州市上城区清泰街 1 号"}


async def test_an_address_is_sealed_and_shown_to_its_two_alone(client, context, caplog, alice, bob, carol):
    caplog.set_level(logging.DEBUG)
    code = await alice.won_goods(bob)
    for asked in (ADDRESS, {}, ADDRESS):
        reply = await bob.claim(code, **asked)
        assert {name: reply[name] for name in ADDRESS} == ADDRESS
    seen = [
        await carol.get("/getWinners", code=code),
        await bob.get("/getWinners", code=code),
        await carol.get("/getTaskDetails", code=code),
        await bob.get("/getTaskDetails", code=code),
        await bob.get("/getMyPrize"),
        await carol.claim(code),
        await carol.get("/getTaskUser", code=code, page=1),
    ]
    assert [reply.get("error") for reply in seen[:2]] == ["not_yours", "not_yours"]
    bad = await bob.claim(code, **(ADDRESS | {"receiver": "王" * 33}))
    assert bad["error"] == "bad_request"
    stored = [repr(each) for name in ("prizes", "digs", "tasks") for each in await find(context, name)]
    everything = repr([*seen, bad]) + "".join(stored) + caplog.text
    metrics = (await client.http.get("/metrics")).text
    for secret in (*ADDRESS.values(), "文三路"):
        assert secret not in everything
        assert secret not in metrics


WRONG = (
    ("receiver", "", "   ", "王" * 33),
    ("phone", "", "12345", "13800001111a", "1380000111", "12800001111", "+86 12345", "23456789", "1" * 21),
    ("address", "", "北京", "广东省深圳市南山区", "新疆维吾尔自治区乌鲁木齐市", "科技园 1 号", "路" * 201),
)
RIGHT = (
    ("phone", "138 0013 8000", "8613800001111", "13812345678-1234", "(010) 12345678", "0755-12345678-801"),
    ("phone", "+86 755 12345678", "0912-345-678", "+886 912 345 678", "+852 2345 6789", "+1 (212) 555-0100"),
    ("address", "上海西藏中路 1 号", "北京幸福小区 3 号楼", "518000 广东省深圳市福田区滨河路1号"),
    ("address", "台北市信义路五段7号"),
    ("address", "香港九龙弥敦道 100 号", "浙江省义乌市国际商贸城五区 3 号", "贵州省凯里市三棵树镇某村三组"),
    ("phone", "１３８００１３８０００", "138－0013－8000", "0755—12345678", "0086 13800138000"),
    ("phone", "86-0755-12345678", "00852 12345678", "0755-12345678转801", "13800138000转1234"),
    ("phone", "400-800-8888", "03-1234567"),
    ("address", "北京市海淀区苏州街3号", "吉林省长春市朝阳区红旗街5号", "山东省青岛市市南区徐州路8号"),
    ("address", "北京市海淀区清华大学西区5号楼", "北京市朝阳区望京西园四区1号楼"),
    ("address", "江苏省昆山市花桥镇东区3号"),
    ("address", "广东省深圳市宝安区新和工业区A栋", "河北省保定市曲阳县惠民超市", "新疆阿拉尔市10团"),
    ("address", "清华大学紫荆公寓5号楼", "澳門新馬路1號"),
    ("address", "221B Baker Street, London", "东京都新宿区西新宿 2-8-1", "美国纽约曼哈顿第五大道 350 号"),
)


async def test_an_address_must_be_complete(context, alice, bob):
    code = await alice.won_goods(bob)
    for name, *texts in WRONG:
        for wrong in texts:
            reply = await bob.claim(code, **(ADDRESS | {name: wrong}))
            assert (reply["error"], reply["param"]) == ("bad_request", name), wrong
    assert [prize["state"] for prize in await find(context, "prizes")] == ["won"]
    for name, *texts in RIGHT:
        for right in texts:
            assert (await bob.claim(code, **(ADDRESS | {name: right})))[name] == right


async def test_goods_on_site_are_handed_over_against_a_code(context, alice, bob, carol):
    code = await alice.won_goods(bob, carol, draw_type=1)
    reply = await bob.claim(code)
    assert (reply["is_draw"], reply["state"], reply["draw_type"]) == (0, "claiming", 1)
    assert len(reply["pickup"]) == 6
    assert reply["pickup_pic"].startswith("data:image/png;base64,")
    assert (await bob.claim(code))["pickup"] == reply["pickup"]
    other = (await carol.claim(code))["pickup"]
    assert other != reply["pickup"]
    stored = repr(await find(context, "prizes"))
    assert [f"'{each}'" in stored for each in ("claiming", other, reply["pickup"])] == [True, False, False]
    assert (await bob.post("/confirmDraw", code=code, pickup=reply["pickup"]))["error"] == "not_yours"
    confirmed = await alice.post("/confirmDraw", code=code, pickup=reply["pickup"])
    assert (confirmed["status"], confirmed["is_draw"], confirmed["depth"]) == (0, 1, 1)
    assert confirmed["wxname"] == bob.data["nickName"]
    assert (await alice.post("/confirmDraw", code=code, pickup=reply["pickup"]))["depth"] == 1
    assert (await bob.get("/getTaskDetails", code=code))["is_draw"] == 1
    assert (await carol.get("/getTaskDetails", code=code))["is_draw"] == 0


@pytest.mark.parametrize("is_new", [False, True], ids=["the same secret", "a new secret meanwhile"])
async def test_a_pickup_code_that_another_has_is_drawn_again(context, monkeypatch, alice, bob, carol, is_new):
    code = await alice.won_goods(bob, carol, draw_type=1)
    drawn = iter([7, 7, 7, 8])
    monkeypatch.setattr("server.actions.prizes.claim.secrets.randbelow", lambda _: next(drawn))
    first, second = (b"a secret of this test: %d, 32 characters" % number for number in (1, 2))
    monkeypatch.setattr(context, "keys", Keys(first, *context.keys._secrets))
    assert (await bob.claim(code))["pickup"] == "000007"
    if is_new:
        monkeypatch.setattr(context, "keys", Keys(second, *context.keys._secrets))
    assert (await carol.claim(code))["pickup"] == "000008"
    for depth, pickup in ((1, "000007"), (2, "000008")):
        assert (await alice.post("/confirmDraw", code=code, pickup=pickup))["depth"] == depth


async def test_five_wrong_codes_lock_for_ten_minutes_over_all_processes(context, other, alice, bob):
    code = await alice.won_goods(bob, draw_type=1)
    right = (await bob.claim(code))["pickup"]
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    for malformed in ("12345", "1234567", "12345x", ""):
        assert (await alice.post("/confirmDraw", code=code, pickup=malformed))["error"] == "bad_request"
    for left in (4, 3, 2):
        reply = await alice.post("/confirmDraw", code=code, pickup=wrong)
        assert (reply["error"], f"{left} 次" in reply["msg"]) == ("wrong_pickup", True)
    tries = [confirm_pickup(where, code, alice.id, wrong) for where in (context, other) * 4]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert Counter(map(type, outcomes)) == {Locked: 6, WrongPickup: 2}
    assert (await alice.post("/confirmDraw", code=code, pickup=right))["error"] == "locked"
    assert [prize["state"] for prize in await find(context, "prizes")] == ["claiming"]
    await let_pass(context, 540_000)
    assert (await alice.post("/confirmDraw", code=code, pickup=right))["error"] == "locked"
    await let_pass(context, 61_000)
    assert (await alice.post("/confirmDraw", code=code, pickup=right))["is_draw"] == 1


async def test_the_first_right_code_clears_the_wrong_tries_and_a_repeated_one_does_not(alice, bob, carol):
    code = await alice.won_goods(bob, carol, draw_type=1)
    rights = [(await who.claim(code))["pickup"] for who in (bob, carol)]
    wrong = next(f"{k:06}" for k in range(1_000_000) if f"{k:06}" not in rights)

    async def hand_over(pickup: str) -> dict[str, Any]:
        return await alice.post("/confirmDraw", code=code, pickup=pickup)

    for right in rights:
        for _ in range(4):
            assert (await hand_over(wrong))["error"] == "wrong_pickup"
        assert (await hand_over(right))["is_draw"] == 1
    for _ in range(4):
        assert (await hand_over(wrong))["error"] == "wrong_pickup"
    assert (await hand_over(rights[0]))["is_draw"] == 1
    assert (await hand_over(wrong))["error"] == "wrong_pickup"
    assert (await hand_over(wrong))["error"] == "locked"


async def test_after_the_deadline_nothing_is_claimed_and_goods_are_the_publishers(context, alice, bob, carol):
    by_mail = await alice.won_goods(bob, prizes=2)
    on_site = await alice.won_goods(bob, carol, prizes=3, draw_type=1)
    pickup = (await bob.claim(on_site))["pickup"]
    await sweep_until_quiet(context, 5 * DAY_MS + 1000)
    await let_pass(context, 10 * DAY_MS - 60_000)
    assert (await carol.claim(on_site))["state"] == "claiming"
    await let_pass(context, 61_000)
    for _ in range(2):  # before a sweep and after it
        assert (await bob.claim(by_mail, **ADDRESS))["error"] == "claim_over"
        assert (await alice.post("/confirmDraw", code=on_site, pickup=pickup))["error"] == "claim_over"
        await sweep_until_quiet(context)
    assert [prize["state"] for prize in await find(context, "prizes")] == ["returned"] * 3
    assert all("due_at" not in task for task in await find(context, "tasks"))


async def test_the_table_of_winners_opens_in_a_spreadsheet_and_runs_no_formula(client, alice, carol):
    mallory = await client.log_in("mallory", nickname='=HYPERLINK("http://evil")')
    code = await alice.won_goods(mallory, carol)
    await mallory.claim(code, receiver="@SUM(A1)", phone="+8613800001111", address='-2+3, "北京望江路"\n二号')
    response = await alice.fetch("/getWinners", code=code, format="csv")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert rows[0][:8] == ["深度", "中奖者", "状态", "中奖时间", "领取时间", "收货人", "电话", "地址"]
    assert rows[1][1] == '\'=HYPERLINK("http://evil")'
    assert rows[1][2] == "待寄出"
    assert rows[1][5:8] == ["'@SUM(A1)", "'+8613800001111", '\'-2+3, "北京望江路"\n二号']
    assert rows[2][2] == "待领取"
    assert (await alice.get("/getWinners", code=code, format="xlsx"))["error"] == "bad_request"


async def test_a_repeated_claim_says_that_it_is_given_and_only_to_its_winner(context, alice, bob, carol):
    red_packet = await alice.won_packet(bob)
    await bob.take(red_packet)
    by_mail = await alice.won_goods(bob)
    await bob.claim(by_mail, **ADDRESS)
    # The claim is repeated at once, after the day in which an address may change, and after the deadline.
    for later_ms in (0, DAY_MS + 1000, 16 * DAY_MS):
        await sweep_until_quiet(context, later_ms)
        for code in (red_packet, by_mail):
            again = await bob.claim(code)
            assert (again["is_draw"], again["state"], again["package_info"]) == (1, "given", "")
            for stranger in (alice, carol):
                assert (await stranger.claim(code, **ADDRESS))["error"] == "not_won"
    assert len(await find(context, "bills")) == 1
    assert [prize["state"] for prize in await find(context, "prizes")] == ["given"] * 2


async def told(page: Any) -> list[int]:
    """Return the depths of all claims that a page heard of, up to the next dig."""
    await page.until("cd")
    return [frame["depth"] for frame in page.frames if frame["type"] == "claim"]


async def test_winner_and_publisher_alone_hear_of_mail(open_page, other_port, alice, bob, carol, dave):
    code = await alice.publish(prize_num=3, forecast_num=3, interval=1, fluctuation=0, cd=0)
    for winner in (bob, carol):
        await winner.win(code)
    pages = [await open_page(who, code, port=other_port) for who in (alice, bob, carol)]
    for page in pages:
        await page.until("snapshot")
    await bob.claim(code, **ADDRESS)
    await bob.claim(code)  # a repeated claim, which changes nothing
    await alice.post("/shipPrize", code=code, depth=1, carrier="顺丰", number="SF12345678")
    await alice.post("/shipPrize", code=code, depth=1, carrier="顺丰", number="SF12345679")
    for _ in range(2):
        await bob.post("/receivePrize", code=code)
    await carol.claim(code, **ADDRESS)
    await dave.win(code)
    assert [await told(page) for page in pages] == [[1, 1, 1, 1, 2], [1, 1, 1, 1], [2]]


async def test_a_red_packet_is_told_when_it_is_held_released_and_paid(client, context, open_page, alice, bob):
    await operator(client)
    context.settings = msgspec.structs.replace(context.settings, cash_won_day_yuan=1)
    code = await alice.won_packet(bob, prizes=2, money=2)
    page = await open_page(bob, code)
    await page.until("snapshot")
    steps = []

    async def step() -> None:
        frame = await page.until("claim")
        steps.append((frame["depth"], (await bob.get("/getTaskDetails", code=code))["prize_state"]))

    assert (await bob.claim(code))["error"] == "payout_held"
    await step()
    released = await client.post("/ops/release", what="prize", code=code, depth=1, reason="没有问题")
    assert released["status"] == 0, released
    await step()
    claimed = await bob.claim(code)
    await step()
    await client.confirm(claimed["package_info"])
    await rest(context)
    await step()
    assert steps == [(1, "held"), (1, "won"), (1, "claiming"), (1, "given")]


async def deadlines_told(winner: Someone, publisher: Someone, code: str) -> set[int]:
    """Return the deadlines that winner and publisher are told."""
    details = await winner.get("/getTaskDetails", code=code)
    [card] = [card for card in (await winner.get("/getMyPrize"))["data"] if card["code"] == code]
    winners = await publisher.get("/getWinners", code=code)
    return {found["claim_until"] for found in (details, details["data"], card, winners)}


async def test_winner_and_publisher_are_told_the_deadline(context, other, elsewhere, alice, bob, carol):
    code = await alice.publish(prize_num=2, forecast_num=2, interval=1, fluctuation=0)
    # The treasure keeps what its rules said when it was published.
    context.settings = msgspec.structs.replace(context.settings, claim_days=1)
    assert "结束后 10 天截止" in str(await bob.get("/getRules", code=code))
    await bob.win(code)
    there = [replace(each, client=elsewhere) for each in (bob, alice)]
    assert await deadlines_told(bob, alice, code) == await deadlines_told(*there, code) == {0}
    await carol.win(code)
    [task] = await find(context, "tasks")
    deadline_ms = task["ended_at"] + 10 * DAY_MS
    watched = other.hub.known.by_code[code]
    while not watched.status:
        assert await other.hub.read_now(watched)
    assert await deadlines_told(bob, alice, code) == await deadlines_told(*there, code) == {deadline_ms}
    await sweep_until_quiet(context, 2 * DAY_MS)
    claimed = await bob.claim(code, **ADDRESS)
    assert claimed["claim_until"] == deadline_ms - 2 * DAY_MS


async def test_a_prize_released_after_the_deadline_can_be_claimed_for_three_days(context, alice, bob):
    code = await alice.won_packet(bob, prizes=2)
    await freeze(context, "task", code, 0)
    await release(context, "task", code, 0)
    [card] = (await bob.get("/getMyPrize"))["data"]
    assert card["claim_until"] == 0  # no deadline yet, since the task has not ended
    await end_task_as_operator(context, code, "违规")
    await freeze(context, "task", code, 0)
    await let_pass(context, 11 * DAY_MS)
    await release(context, "task", code, 0)
    [prize] = await find(context, "prizes")
    until_ms = prize["released_at"] + 3 * DAY_MS
    assert await deadlines_told(bob, alice, code) == {until_ms}
    claimed = await bob.claim(code)
    assert claimed["claim_until"] == until_ms
    await sweep_until_quiet(context, 2 * DAY_MS)
    assert (await bob.claim(code))["claim_until"] == until_ms - 2 * DAY_MS
    await rest(context)
