"""Finds in both clients: the book, what came up in a treasure and at a publisher's, and your digs."""

import random
import re

from support.browser import Person
from support.client import a_picture, goods
from support.clients import InHand
from support.phone import ROOT


def test_what_a_dig_brought_up_stands_in_the_book_the_treasure_and_the_publishers_page(client, address):
    who = f"挖出东西的人{random.randrange(10**6)}"  # who dug nothing else
    seller = Person.log_in(address, "卖猫的人")
    digger = Person.log_in(address, who)
    asked = goods(seller.upload(a_picture()), prize_num=1, forecast_num=1_000_000, cd=0)
    code = seller.post("/postTask", **asked, **seller.halves())["code"]
    find = digger.post("/postTask", code=code)["find"]
    words = (ROOT / "shared" / "finds.js").read_text("utf-8")
    names = re.findall(r'"([^"]+)"', words.partition("NAMES = [")[2])
    name = names[find - 1]
    shown = client(who)
    shown.open("mine", "finds")
    shown.says("1 / 48 件", "没有价值，不能买卖、转送", "第 1–10 层 · 1 / 8", name, "还没挖到", "远古")
    shown.open("mine", "digs")
    shown.says("没挖到奖，收进图鉴", name)
    shown.open("publisher", seller.get("/getTaskDetails", code=code)["publisher_id"])
    shown.says("这里挖出过", name)
    shown.open("treasure", code)
    if isinstance(shown, InHand):  # opening the page has dug already
        shown.press("挖一锹")
    shown.is_told("小玩意不是奖品，收进“我的”里的图鉴。表土是最上面一层")
    shown.says("你挖了第 2 层，没有奖，小玩意“", "收进图鉴")
    shown.press("谁挖了哪一层")
    shown.says("这里挖出过", name)
    find = Person.log_in(address, "也来挖的人").post("/postTask", code=code)["find"]
    shown.says(f"也来挖的人 挖出小玩意“{names[find - 1]}”")


def test_who_only_lost_a_race_reads_why_none_of_it_is_among_their_digs(client, publisher):
    code = publisher.publish(name="抢不到的猫", forecast_num=1000, cd=60)
    Person.log_in(publisher.address, "手快的人").post("/postTask", code=code)
    who = f"慢了一步的人{random.randrange(10**6)}"  # who dug nothing
    late = client(who)
    assert Person.log_in(publisher.address, who).error_of("/postTask", code=code) == "cooling_down"
    late.open("mine", "won")
    late.says("我得的奖", "我挖过的", "还没有得过奖")
    late.press("足迹")
    late.says("这里有你挖成的每一锹；慢了一步、抽签没抽中的不算。", "还没有挖成过一锹")
