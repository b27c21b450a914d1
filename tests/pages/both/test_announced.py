"""The same scenes in both clients: treasures announced for later, featured, changed, and buried again."""

import random
from datetime import datetime, timedelta

from server.game.amounts import BEIJING
from support.browser import Person
from support.clients import InHand
from support.screen import operate

RULES = {"prize_num": 3, "forecast_num": 33, "interval": 11, "fluctuation": 2, "cd": 7, "is_public": 0}
KEPT = ("name", "synopsis", "not_sent_to", "pic", *RULES)


def later(days: int) -> tuple[str, str]:
    """Return a day as a field takes it, and as a page says it."""
    day = datetime.now(BEIJING) + timedelta(days=days)
    return f"{day:%Y-%m-%d}", f"{day.month}月{day.day}日"


def test_what_is_featured_says_so_and_what_starts_later_is_listed_apart_and_not_dug_yet(client, publisher):
    name = f"三天后的猫{random.randrange(10**9)}"
    featured = publisher.publish(name="现在的猫")
    operate(publisher.address, "/ops/feature", code=featured, featured=1)
    begins, said = later(3)
    owner = client("小明")
    owner.open("publish")
    owner.press("更多")
    owner.says("什么时候开挖")
    owner.picks_a_picture()
    owner.fill("物品名", name)
    owner.chooses_a_start(begins, "20:30")
    owner.press("埋下宝贝")
    if isinstance(owner, InHand):  # the page stays, ready for the next treasure
        owner.says("什么时候开挖：不填就马上开挖")
    owner.says(name, f"{said} 20:30 开挖", "我发布的")
    bob = client("小红")
    bob.open("square")
    bob.says("现在的猫", "精选")
    bob.keeps_silent(name)
    operate(publisher.address, "/ops/feature", code=featured, featured=0)
    bob.press("预告")
    bob.says(name, f"{said} 20:30 开挖")
    bob.keeps_silent("现在的猫")
    bob.fill("搜宝贝或发布者", "现在的")  # among the treasures that start later
    bob.says("没有找到，换个词试试")
    bob.open("treasure", publisher.get("/getMyRelease")["data"][0]["code"])
    bob.says(name, f"{said} 20:30 开挖")
    bob.keeps_silent("挖一锹")


def test_a_treasure_is_changed_before_open_pages_buried_again_and_if_unpaid_discarded(client, address):
    user = f"改了又改的人{random.randrange(10**9)}"
    publisher = Person.log_in(address, user)
    starts_at = int(datetime.now(BEIJING).replace(hour=20, minute=0, second=0, microsecond=0).timestamp())
    starts_at = 1000 * (starts_at + 2 * 86_400)
    code = publisher.publish(name="闹钟", not_sent_to="西藏", starts_at=starts_at, **RULES)
    visitor = client("阿强")
    visitor.open("treasure", code)
    visitor.says("闹钟")
    owner = client(user)
    owner.open("edit", code)
    owner.says("有人开挖以前都可以改")
    owner.fill("物品名", " ")
    owner.press("保存")
    owner.says("“物品名”应为 1 到 50 个字")
    owner.fill("物品名", "两只旧闹钟")
    owner.fill("简介", "走得准")
    owner.picks_a_picture()
    begins, said = later(4)
    owner.chooses_a_start(begins, "21:30")
    owner.press("保存")
    visitor.says("两只旧闹钟", "走得准", "不寄到西藏", f"{said} 21:30 开挖")
    owner.open("mine", "published")
    owner.press("再埋一个")
    owner.says("大约每 11 锹出一份")
    owner.press("埋下宝贝")
    owner.says("两只旧闹钟", "我发布的")
    owner.keeps_silent("开挖")
    copy = publisher.get("/getMyRelease")["data"][0]["code"]
    buried = [publisher.get("/getTaskDetails", code=each)["data"] for each in (code, copy)]
    assert copy != code
    assert [buried[1][kept] for kept in KEPT] == [buried[0][kept] for kept in KEPT]
    unpaid = publisher.publish(name="没付的", goods_type=1, money=1, forecast_num=90)
    owner.open("treasure", unpaid)
    owner.says("没付的", "支付 1 元")
    owner.press("不要了")
    owner.says("发布者结束了这个宝贝")
    owner.keeps_silent("支付 1 元")
