"""A treasure to which somebody finds the button closed from the start, and on whose page they read why."""

import random

from support.browser import Person
from support.screen import operate

REASON = "用脚本挖宝"


def test_who_is_banned_finds_the_button_closed_with_the_reason_before_any_press(client, publisher):
    address = publisher.address
    user = f"刷子{random.randrange(10**9)}"
    won = publisher.publish(prize_num=1, forecast_num=1, draw_type=1)
    Person.log_in(address, user).post("/postTask", code=won)
    code = publisher.publish(name="封不住的猫", forecast_num=1000)
    operate(address, "/ops/ban", code=won, depth=1, days=3, reason=REASON)
    banned = client(user)
    banned.open("treasure", code)
    banned.says("封不住的猫", "账号已停用", REASON)
    banned.keeps_silent("挖一锹", "第一次挖？")
    assert "/postTask" not in banned.asked


def test_a_link_that_was_cut_says_what_to_do(client):
    reader = client("手里有半个链接的人")
    reader.open("treasure", "abc")
    reader.says("这个链接打不开了，请朋友重新发一次")
    reader.press("去广场看看")
