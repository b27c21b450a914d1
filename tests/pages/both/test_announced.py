"""The same scenes in both clients: treasures announced for later, and featured."""

import time
from datetime import datetime

from server.game.amounts import BEIJING
from support.browser import Person
from support.client import a_picture
from support.screen import operate


def test_what_is_featured_says_so_and_what_starts_later_is_listed_apart_and_not_dug_yet(client, address):
    publisher = Person.log_in(address, "老预")
    day_ms = 86_400_000
    starts_at = int(time.time() * 1000) + 3 * day_ms
    ends_at = starts_at + day_ms
    code = publisher.publish(a_picture(), name="三天后的猫", starts_at=starts_at, ends_at=ends_at)
    featured = publisher.publish(a_picture(), name="现在的猫")
    operate(address, "/ops/feature", code=featured, featured=1)
    times = [datetime.fromtimestamp(at / 1000, BEIJING) for at in (starts_at, ends_at)]
    said = [f"{at.month}月{at.day}日 {at:%H:%M}" for at in times]
    said = [f"{said[0]} 开挖", f"{said[1]} 截止"]
    bob = client("小红")
    bob.open("square")
    bob.says("现在的猫", "精选")
    bob.keeps_silent("三天后的猫")
    operate(address, "/ops/feature", code=featured, featured=0)
    bob.press("预告")
    bob.says("三天后的猫", *said)
    bob.keeps_silent("现在的猫")
    bob.fill("搜宝贝或发布者", "现在的")  # among the treasures that start later
    bob.says("没有找到，换个词试试")
    bob.open("treasure", code)
    bob.says("三天后的猫", *said)
    bob.keeps_silent("挖一锹")
