"""The values in a message follow the rules for WeChat's fields."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import BadSettings
from server.settings import read_settings
from server.settings.messages import Template
from server.wechat.messages import data_of, moment, person_name, thing, yuan

ID = "priTmplId_0123456789-abcdefghij"


def test_a_field_shows_what_the_setting_says():
    fields = (("thing1", "name"), ("date2", "at"), ("amount3", "refund"), ("phrase4", "status"))
    template = Template(ID, fields)
    values = {"name": "一只茶壶", "at": 1_764_074_700_000, "refund": 1250, "status": "已结束", "note": "…"}
    assert data_of(template, values) == {
        "thing1": {"value": "一只茶壶"},
        "date2": {"value": "2025年11月25日 20:45"},
        "amount3": {"value": "12.50元"},
        "phrase4": {"value": "已结束"},
    }


def test_the_other_kinds_of_fields_show_what_wechat_takes_there():
    text = (
        f"{ID} name1=name number2=refund character_string3=code character_string4=at "
        "character_string5=refund enum6=status letter7=:WABAO number8=:1 enum9=:已中奖"
    )
    template = read_settings({"MESSAGE_ENDED": text}).templates["ended"]
    values = {"name": "茶壶 No. 1 号，紫砂的老物件全套", "at": 1_764_074_700_000, "refund": 1250}
    values |= {"status": "已结束", "code": "ABCDEFGH1234"}
    assert [field["value"] for field in data_of(template, values).values()] == [
        *("茶壶No号紫砂的老物", "12.50", "ABCDEFGH1234", "2025-11-25_20:45", "12.50"),
        *("已结束", "WABAO", "1", "已中奖"),
    ]


@pytest.mark.parametrize(
    ("text", "shown"), [("小明", "小明"), ("A" * 30, "A" * 20), ("12 34", "宝贝"), ("🎁阿B1", "阿B")]
)
def test_a_name_is_cut_and_cleaned(text, shown):
    assert person_name(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("二十个字的名字正好可以全部都显示出来的啊", "二十个字的名字正好可以全部都显示出来的啊"),
        ("二十一个字的名字就比微信允许的多了一个字了", "二十一个字的名字就比微信允许的多了一个…"),
        ("🎁礼物👨‍👩‍👧", "礼物"),
        ("🎁👍🏽", "宝贝"),
        ("🄀号猫", "号猫"),
        ("两\n行\t字", "两行字"),
        ("  ", "宝贝"),
        ("A-1 (¥5)", "A-1 (¥5)"),
    ],
)
def test_a_thing_is_cut_and_cleaned(text, shown):
    assert thing(text) == shown


@given(st.text(max_size=60))
def test_a_thing_never_breaks_a_rule(text):
    assert re.fullmatch(r"[^\x00-\x1f\x7f\u2028\u2029\U0001f000-\U0001ffff]{1,20}", thing(text))


@given(st.integers(0, 4_000_000_000_000))
def test_a_time_never_breaks_a_rule(at_ms):
    assert re.fullmatch(r"\d{4}年\d{1,2}月\d{1,2}日 \d\d:\d\d", moment(at_ms))


def test_an_amount_has_its_fen():
    assert (yuan(0), yuan(5), yuan(200_000_00)) == ("0.00元", "0.05元", "200000.00元")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("short thing1=name", "template's id"),
        (ID, "template's fields"),
        (f"{ID} thing1", "no field"),
        (f"{ID} thing1=secret", "must show one of name"),
        (f"{ID} phrase1=name", "of type thing"),
        (f"{ID} number1=until", "of type thing or time or date"),
        (f"{ID} thing1=name thing1=note", "twice"),
        (f"{ID} letter1=name", "of type thing or name"),
        (f"{ID} letter1=:A1", "'A1' can never be shown by a field of type letter"),
        (f"{ID} time1=:now", "'now' can never be shown by a field of type time"),
    ],
)
def test_a_bad_template_stops_the_start_in_one_line(value, said):
    with pytest.raises(BadSettings) as refused:
        read_settings({"MESSAGE_WON": value})
    assert str(refused.value).startswith("MESSAGE_WON")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
