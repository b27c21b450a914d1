"""Names and texts that others see lose all characters that break a line or reverse words."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.game.given_names import given_name
from server.security.plain_text import BIDI_CONTROLS, ZERO_WIDTH, lines, one_line
from support.stored import person_of

EVIL = "\u202ea\u2066b\u2069\u200fc\x7f[31m"


def test_no_control_and_no_line_break_of_unicode_stays_in_a_name():
    kept = one_line("".join(map(chr, (*range(0xD800), *range(0xE000, sys.maxunicode + 1)))))
    assert not {unicodedata.category(one) for one in kept} & {"Cc", "Zl", "Zp"}
    assert not BIDI_CONTROLS & set(kept)
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    assert not {unicodedata.bidirectional(one) for one in kept} & turning


@pytest.mark.parametrize("name", ["名字", "a b", "👨‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "می‌خواهم", "שלום", "क्‍ष", "é", "𠮷"])
def test_letters_and_joiners_that_names_need_stay(name):
    assert one_line(name) == lines(name) == name


@given(st.text())
def test_cleaning_a_text_again_changes_nothing(text):
    assert one_line(one_line(text)) == one_line(text)
    assert lines(lines(text)) == lines(text)
    assert len(one_line(text)) <= len(text)


# A character of each range of Unicode's Default_Ignorable_Code_Point.
INVISIBLE = "\u00ad\u034f\u061c\u115f\u17b4\u180e\u200b\u200d\u2060\u2064\u206f\u3164\ufe0f\uffa0\U000e0041"


@pytest.mark.parametrize("invisible", [*INVISIBLE, "\u2800", "\ufff9", f"\u3000{INVISIBLE} "], ids=ascii)
def test_a_name_of_invisible_characters_is_empty_and_beside_letters_some_go(invisible):
    assert one_line(invisible) == ""
    if invisible not in BIDI_CONTROLS:
        assert one_line(f"名{invisible}字").startswith("名")
        stays = "" if invisible in ZERO_WIDTH else invisible[-1]
        assert one_line("名" + invisible[-1] + "字") == f"名{stays}字"


def test_line_breaks_stay_in_a_text_and_become_spaces_in_a_name():
    assert lines("a\r\nb\rc\u2028d\te\u202ef\x00") == "a\nb\nc\nd\tef"
    assert one_line(" a\r\nb\tc\u2029\u202ed ") == "a b c d"


async def test_published_names_signatures_and_texts_are_cleaned(client):
    alice = await client.log_in("alice", nickname=f"爱{EVIL}\n丽")
    reply = await alice.get("/getTaskDetails", code=await alice.publish())
    assert reply["wxname"] == "爱abc[31m 丽"
    code = await alice.publish(name=f"一{EVIL}\n猫", wxname=f"丽{EVIL}", synopsis=f"一\r\n二{EVIL}")
    reply = await alice.get("/getTaskDetails", code=code)
    assert (reply["name"], reply["wxname"]) == ("一abc[31m 猫", "丽abc[31m")
    assert reply["synopsis"] == "一\n二abc[31m"


async def test_a_winners_address_is_cleaned(alice, bob):
    code = await alice.won_goods(bob, draw_type=2)
    where = {"receiver": f"王{EVIL}\n小明", "phone": "13800138000", "address": f"北京市某路{EVIL}\r\n二号"}
    kept = {"receiver": "王abc[31m 小明", "phone": "13800138000", "address": "北京市某路abc[31m\n二号"}
    for _ in range(2):
        claimed = await bob.claim(code, **where)
        assert {name: claimed[name] for name in kept} == kept
    [row] = (await alice.get("/getWinners", code=code))["data"]
    assert {name: row[name] for name in kept} == kept
    for name, said in (("receiver", "“收货人”应为 1 到 "), ("address", "“详细地址”请从省、市写起")):
        reply = await bob.claim(code, **where | {name: "\u202e\u2066"})
        assert reply["msg"].startswith(said)


async def test_a_name_of_such_characters_alone_is_refused(client, context, alice):
    url = (await alice.get("/getTaskDetails", code=await alice.publish()))["pic"]
    asked = {"url": url, "goods_type": 2, "prize_num": 1, "forecast_num": 5, "draw_type": 1}
    for name in ("\u202e", "\n\u2028", "\u200f \t", "\u200b", "\u200d \u2060", "\u3164\ufe0f", "\u2800"):
        reply = await alice.post("/postTask", name=name, **asked)
        assert (reply["error"], reply["msg"]) == ("bad_request", "“物品名”应为 1 到 50 个字")
        reply = await alice.post("/postTask", name="猫", wxname=name, **asked)
        assert (reply["error"], reply["msg"]) == ("bad_request", "“署名”应为 1 到 32 个字")
        reply = await alice.post("/setProfile", wxname=name, wxheadpic=url)
        assert (reply["error"], reply["msg"]) == ("bad_request", "“名字”应为 1 到 32 个字")
    assert (await alice.post("/setProfile", wxname="新\u202e名", wxheadpic=url))["status"] == 0
    person = await person_of(context, alice)
    assert person["wxname"] == "新名"
    bob = await client.log_in("bob", nickname="\u200b\u2060")
    assert (bob.data["nickName"], bob.data["named"]) == (given_name(bob.id), 0)


@pytest.mark.parametrize("kept", [one_line, lines])
def test_nothing_stacks_on_a_letter_or_hides_between_letters(kept):
    assert kept("小\u200b明\ufeff店\u00ad\u2060") == "小明店"
    assert kept("z" + "\u0335" * 50 + "a\u0301") == "z" + "\u0335" * 4 + "a\u0301"
    for fine in ("👨‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️", "ผู้ดี", "می‌خواهم", "क्‍ष", "Việt", "שָׁלוֹם"):
        assert kept(fine) == fine
