"""The operator's agreement and privacy policy, and a task's rules, which are made from its fields."""

from pathlib import Path

import pytest

from server.errors import BadSettings
from server.game.activity import SUPPORT
from server.settings import read_settings
from support.client import Someone
from support.production import PRODUCTION


async def rules_for(someone: Someone, code: str) -> dict[str, str]:
    """Read a task's rules; return their texts by title."""
    reply = await someone.get("/getRules", code=code)
    assert reply["status"] == 0, reply
    return {rule["title"]: rule["text"] for rule in reply["rules"]}


def texts_in(folder: Path, **texts: str) -> dict[str, str]:
    """Write the agreement and the policy, and return the settings that name their files."""
    for name, text in ({"agreement": "一、协议", "privacy": "一、隐私"} | texts).items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return {"TEXTS_DIR": str(folder)}


async def test_anybody_reads_the_texts_without_a_login(client):
    reply = await client.get("/getTexts")
    assert reply["status"] == 0
    assert reply["agreement"].startswith("本协议由你与【填写")
    assert reply["privacy"].startswith("我们是【填写")
    assert "打开那个宝贝的人都看得到你挖了哪一层" in reply["privacy"]
    assert reply["contact"] == ""


async def test_the_rules_say_who_what_how_many_when_and_how_to_claim(settings, alice, bob):
    code = await alice.publish(prize_num=3, interval=2, fluctuation=0, forecast_num=6, wxname="王记果园")
    rules = await rules_for(bob, code)
    assert rules["主办者"].startswith("发布者“王记果园”（署名）")
    assert SUPPORT in rules["主办者"]
    assert rules["奖品"] == "“一只猫”，实物，邮寄"
    assert rules["数量"] == "3 份，每人最多得一份"
    assert "最深 6 层" in rules["怎么抽"]
    assert rules["时间"].count(" 年 ") == 2  # the start and the end
    assert f"结束后 {settings.claim_days} 天截止" in rules["怎么领"]
    assert rules["没有人领的"].endswith("归发布者")
    assert rules["公开什么"].startswith("打开这个宝贝的人都看得到")  # also while it runs, and who did not dig
    assert "18 周岁" in rules["谁可以参加"]
    await alice.post("/endTask", code=code)
    ended = await rules_for(bob, code)
    assert ended["时间"].endswith("已经结束")
    assert "截止；" in ended["怎么领"]


@pytest.mark.parametrize(("value", "taxed"), [(800, False), (801, True)])
async def test_what_goods_are_worth_is_said_and_from_some_sum_on_the_tax(value, taxed, alice):
    code = await alice.publish(value=value)
    silent = await alice.publish()
    prize = (await rules_for(alice, code))["奖品"]
    cards = {card["code"]: card["value"] for card in (await alice.get("/getTaskList"))["data"]}
    assert cards == {code: value, silent: 0}
    for each, worth in cards.items():
        assert (await alice.get("/getTaskDetails", code=each))["value"] == worth
    assert f"每份值 {value} 元" in prize
    assert ("个人所得税" in prize) == taxed


async def test_an_unpaid_red_packet_has_not_begun_and_returns_to_its_publisher(alice):
    code = await alice.publish(goods_type=1, money=2, cd=3)
    rules = await rules_for(alice, code)
    assert rules["奖品"].endswith("现金红包，每份 2 元")
    assert rules["时间"].startswith("还没有开始")
    assert "退回发布者" in rules["没有人领的"]


@pytest.mark.parametrize("files", [{}, {"agreement": ""}, {"privacy": "x" * 65_537}], ids=str)
def test_a_folder_without_both_texts_stops_the_start(tmp_path, files):
    given = texts_in(tmp_path, **files) if files else {"TEXTS_DIR": str(tmp_path / "nowhere")}
    with pytest.raises(BadSettings, match=r"TEXTS_DIR must have (agreement|privacy)\.txt"):
        read_settings(given)


def test_a_text_that_is_not_utf8_stops_the_start(tmp_path):
    given = texts_in(tmp_path)
    (tmp_path / "privacy.txt").write_bytes("隐私".encode("gbk"))
    with pytest.raises(BadSettings, match=r"privacy\.txt"):
        read_settings(given)


def test_production_is_told_what_its_texts_lack(tmp_path):
    shipped = read_settings(PRODUCTION)
    assert shipped.texts_unfinished == ["agreement.txt", "privacy.txt", "CONTACT"]
    own = read_settings({**PRODUCTION, **texts_in(tmp_path), "CONTACT": "微信 wabao-help"})
    assert own.texts_unfinished == []
    assert own.texts.agreement == "一、协议"
    assert read_settings({}).texts_unfinished == []


def test_contact_is_one_line():
    with pytest.raises(BadSettings, match="CONTACT"):
        read_settings({"CONTACT": "微信 a\n电话 b"})
