"""A treasure to which somebody finds the button closed from the start, and on whose page they read why."""

from support.browser import Person
from support.client import a_picture
from support.screen import operate, take_down

REASON = "用脚本挖宝"


def test_who_is_banned_finds_the_button_closed_with_the_reason_before_any_press(client, publisher, request):
    address = publisher.address
    user = f"刷子 {request.node.callspec.id}"
    won = publisher.publish(a_picture(), prize_num=1, forecast_num=1, draw_type=1)
    Person.log_in(address, user).post("/postTask", code=won)
    code = publisher.publish(a_picture(), name="封不住的猫", forecast_num=1000)
    operate(address, "/ops/ban", code=won, depth=1, days=3, reason=REASON)
    banned = client(user)
    banned.open("treasure", code)
    banned.says("封不住的猫", "账号已停用", REASON)
    banned.keeps_silent("挖一锹", "第一次挖？")
    assert "/postTask" not in banned.asked


def test_the_publisher_of_a_hidden_treasure_reads_that_it_is_hidden_and_whom_to_ask(client, publisher):
    code = publisher.publish(a_picture(), name="藏起来的猫", forecast_num=1000)
    owner = client("小明")
    owner.open("treasure", code)
    owner.says("等别人来挖")
    take_down(publisher.address, code)
    owner.says("平台下架了它", "有疑问请联系客服", "已下架")
    owner.keeps_silent("等别人来挖", "喝彩")
    owner.open("treasure", code)
    owner.says("平台下架了它", "已下架")
    owner.keeps_silent("等别人来挖")


def test_a_link_that_was_cut_says_what_to_do(client):
    reader = client("手里有半个链接的人")
    reader.open("treasure", "abc")
    reader.says("这个链接打不开了，请朋友重新发一次")
    reader.press("去广场看看")
