"""The example mini-program, against a real server: log in, publish, pay, watch, dig, win, claim."""

import itertools
import json
import os
import random
import re
import signal
import subprocess
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from server.game.amounts import BEIJING
from server.security.keys import SHARE_CHARACTERS
from support.browser import Person, open_window
from support.client import a_picture
from support.messages import TEMPLATES
from support.phone import HERE, ROOT, WHY_NOT, a_phone
from support.screen import operate, take_down
from support.servers import until


def test_no_class_alone_sets_what_wechat_sets_of_a_button_by_a_stronger_selector():
    # https://developers.weixin.qq.com/community/develop/doc/000662fd9a0e609f012a8370651c00
    pages = "".join(file.read_text("utf-8") for file in ROOT.rglob("*.wxml"))
    large = [tag for tag in re.findall(r"<button[^>]*", pages) if 'size="mini"' not in tag]
    named = " ".join(named for tag in large for named in re.findall(r'class="([^"{]+)"', tag))
    rules = re.findall(r"^(.+?) \{(.*?)\}$", (ROOT / "app.wxss").read_text("utf-8"), re.MULTILINE)
    weak = {selector for selector, body in rules if re.search(r"(?<![\w-])(width|margin):", body)}
    assert weak & {f".{name}" for name in named.split()} == set()


def test_no_rule_below_overrides_one_of_a_theme_a_screen_or_less_motion():
    text = (ROOT / "app.wxss").read_text("utf-8")
    for block in re.finditer(r"(?ms)^@media .*?^\}$", text):
        below = text[block.end() :]
        for selectors, body in re.findall(r"(?m)^  (.+?) \{ (.*)\}$", block[0]):
            for selector, name in itertools.product(selectors.split(", "), re.findall(r"([\w-]+): ", body)):
                assert not re.search(rf"(?m)^{re.escape(selector)} \{{.* {name}:", below), (selector, name)


def test_no_length_grows_with_the_window_while_those_of_wechat_do_not():
    assert re.findall(r"[\d.]+rpx", (ROOT / "app.wxss").read_text("utf-8")) == []


def test_the_package_has_500_kilobytes_at_most():
    assert sum(file.stat().st_size for file in ROOT.rglob("*") if file.is_file()) <= 500_000


def test_somebody_logs_in_watches_digs_and_wins(address, publisher):
    code = publisher.publish(name="一只猫", prize_num=3, forecast_num=6, interval=2, fluctuation=0, cd=6)
    other = Person.log_in(address, "小刚")
    with a_phone(address, "小燕") as phone:
        phone.open("/pages/square/square")
        phone.until("login")
        phone.shows("一只猫", "可以挖", "还没有人挖", "剩 3 / 3 份")
        phone.tap(".card")
        assert phone.until("opened")["page"] == "/pages/treasure/treasure"
        phone.shows("小明 埋的宝，免费挖", "剩 3 / 3 份", "邮寄到家", "冷却 6 秒", "0 人挖过",
                    "地面 · 奖品都在第 6 层以内", "挖一锹",
                    "大家再挖 1 层，就可能挖到下一份")  # fmt: skip
        phone.until_it_lacks("以后一打开宝贝就先帮我挖一锹？", "秒内按下的")
        other.post("/postTask", code=code)  # the phone hears of this dig over the websocket
        phone.shows("第 1 层", "下一层一定有奖，谁挖到归谁", "小刚 挖了一锹，大家一起等 6 秒", "秒后大家可挖")
        phone.shows("1 人挖过", "1. 小刚")
        phone.until_it_says("冷却结束，大家一起抢！", "挖一锹")
        phone.press("挖一锹")
        phone.tap_beside()  # in haste, in the moment in which the ground opens: it stays open
        phone.until("shaken")
        phone.until("sounded")
        phone.shows("恭喜，你挖到了！", "挖到第 2 层，你是第 2 个来挖的人", "震一下：开")
        phone.tap(".sound")
        phone.shows("恭喜，你挖到了！", "震一下：关")
        phone.tap(".go")
        phone.until("scrolled")
        phone.shows(
            "你在第 2 层挖到了！", "你的奖品", "填写收货地址", "2. 小燕我挖到了", "剩 2 / 3 份", "2 人挖过"
        )
        phone.tap(".clover")
        phone.until("drawn", lambda told: told["names"] == ["signs[2].count"])
        link = urlsplit(phone.share()["path"])
        phone.open("/pages/mine/mine")
        phone.shows("小燕", "挖了 1 锹", "挖过 1 个宝贝")
        phone.until_it_says("一只猫", "待填地址", "去领奖")
        phone.press("小明")
        assert phone.until("opened")["page"] == "/pages/publisher/publisher"
    # The shared path opens the treasure, and tells who shared it.
    with a_phone(address, "朵朵") as phone:
        phone.open(f"{link.path}?{link.query}")
        phone.shows("一只猫", "第 2 层")
        (share,) = parse_qs(link.query)["code"]
        phone.open(f"/pages/treasure/treasure?scene={share}")  # as from the code on a poster
        phone.shows("一只猫")
        phone.open("/pages/treasure/treasure?scene=square")
        assert phone.until("opened")["page"] == "/pages/square/square"
        phone.open("/pages/treasure/treasure?code=AAAAAAAAAAAA")
        phone.shows("没有找到这个宝贝")
        phone.press("去广场看看")
        assert phone.until("opened")["page"] == "/pages/square/square"


def test_pages_say_what_keeps_them_empty_and_try_again():
    stored = {"wabao.person": {"unionid": "somebody", "token": "a token"}}
    with a_phone("http://127.0.0.1:9", "小燕", named=False, storage=stored) as phone:
        phone.open("/pages/mine/mine")
        phone.shows("网络不通，请检查网络后再试", "再试一次")
        phone.press("我得的奖")
        phone.until_it_lacks("网络不通", "再试一次")
        phone.shows("网络不通，请检查网络后再试", "再试一次")
        for tab in ("square", "publish"):
            phone.open(f"/pages/{tab}/{tab}")
            phone.until_it_says("网络不通，请检查网络后再试", "再试一次")
            phone.until_it_lacks("连接断开")
        phone.until_it_lacks("埋下宝贝")  # the form, whose choices the server tells
        opened = [f"{page}?code=AAAAAAAAAAAA" for page in ("treasure", "winners", "fair", "edit", "texts")]
        for page in [*opened, "texts?which=privacy", "publisher?by=0123456789abcdef", "publisher"]:
            phone.open(f"/pages/{page.partition('?')[0]}/{page}")
            phone.until_it_says("网络不通，请检查网络后再试", "再试一次")
            phone.press("再试一次")
            assert "再试一次" not in phone.shows("正在打开…")  # a second tap would watch a treasure twice
            phone.until_it_says("网络不通，请检查网络后再试", "再试一次")
        assert "toast" not in [told["type"] for told in phone.said]  # each page says it once


def test_two_taps_at_once_publish_one_treasure_and_make_one_bill(address, tmp_path):
    picture = tmp_path / "a.jpg"
    picture.write_bytes(a_picture())
    twice = Person.log_in(address, "两下")
    with a_phone(address, "两下", picture) as phone:
        phone.open("/pages/publish/publish")
        phone.press("一件东西")
        phone.shows("点这里选一张图片")
        phone.tap(".picture")
        phone.until("uploaded")
        for _ in range(2):
            phone.fire(".draft", "submit", value={"name": "一只猫"})
        phone.until("opened", lambda told: told["page"] == "/pages/treasure/treasure")
        assert len(twice.get("/getMyRelease")["data"]) == 1
        unpaid = twice.post("/postTask", goods_type=1, money=1, prize_num=1, forecast_num=9, name="一元")
        phone.live(payment="told as failed")  # the server knows better
        phone.open(f"/pages/treasure/treasure?code={unpaid['code']}")
        phone.shows("支付 1 元")
        for _ in range(2):
            phone.tap(".pay")
        phone.shows("我发布的", "一元")
        phone.until_it_lacks("支付 1 元")
        phone.until("drawn", lambda told: told["names"] == ["paying"])  # it asked the server
        assert [told.get("path") for told in phone.said].count("/payTask") == 2  # "asking" and "answered"
        assert [told["title"] for told in phone.said if told["type"] == "toast"] == ["已付 1 元"]


def test_a_red_packet_is_won_and_received(address):
    giver = Person.log_in(address, "老王")
    packet = {"goods_type": 1, "name": "红包雨", "prize_num": 1, "forecast_num": 1, "money": 2}
    code = giver.post("/postTask", **packet)["code"]
    giver.pay(code, 2)
    with a_phone(address, "阿强") as winner:
        winner.open(f"/pages/treasure/treasure?code={code}")
        winner.shows("【现金红包2元】红包雨", "挖一锹")
        winner.tap(".dig")
        ended = winner.shows("奖品全部挖完了")  # shown after the shovel's stroke
        for said in ("你在第 1 层挖到了！", "2 元红包，领取后进入微信零钱。", "领取红包"):
            assert said in ended
        winner.later(1_000)  # no tap in haste any more
        winner.press("以后再领，它在“我的”里")
        winner.until_it_lacks("恭喜，你挖到了！")
        winner.live(lacks=["requestMerchantTransfer"])
        winner.tap(".take")
        winner.shows("这个微信收不了红包", "更新微信")
        winner.tap(".update")
        winner.until("updates")
        asked = [told.get("path") for told in winner.said]
        assert "/drawPrize" not in asked  # no bill is made, because nobody could confirm it
        winner.live(lacks=[], transfer="cancelled")
        winner.open(f"/pages/treasure/treasure?code={code}")
        winner.shows("领取红包")
        winner.tap(".take")
        assert winner.until("transfer")["appId"].startswith("wx")
        winner.shows("还没有确认收款。再点一次就接着领")
        winner.live(transfer="told as cancelled")
        winner.tap(".take")
        winner.shows("红包已到账。")
        shown = [told["text"] for told in winner.said if told["type"] == "shown"]
        assert not any("fail" in text for text in shown)
        assert not [told for told in winner.said if told["type"] == "toast"]


def test_somebody_deletes_their_account_reads_what_stops_it_and_keeps_it_after_all(address):
    owner = Person.log_in(address, "想走的人")
    code = owner.publish(name="自己的猫")
    with a_phone(address, "想走的人") as phone:
        phone.open("/pages/mine/mine")
        phone.press("注销账号")
        phone.shows("有七天可以反悔")
        phone.tap(".leave")
        phone.shows("现在还不能注销，先办完这些：", "你发布的“自己的猫”还在进行，等它结束", "去看看")
        phone.press("去看看")
        assert phone.until("opened")["page"] == "/pages/treasure/treasure"
        owner.post("/endTask", code=code)
        phone.open("/pages/mine/mine")
        phone.press("注销账号")
        phone.until_it_says("有七天可以反悔")
        phone.tap(".leave")
        phone.shows("账号将在")
        phone.press("撤销注销")
        phone.shows("联系客服", "注销账号")
    assert Person.log_in(address, "想走的人").get("/getMyInfo")["delete_at"] == 0


def test_a_shared_sum_is_planned_published_and_won(address):
    with a_phone(address, "老李") as publisher:
        publisher.open("/pages/publish/publish")
        publisher.press("更多")
        publisher.press("自己定")
        publisher.shows("预计挖多少锹")
        publisher.fire(".kind", "change", value="3")
        publisher.shows("第 1 种", "第 2 种", "再加一种")
        publisher.tap(".drop")
        publisher.fire(".what", "change", value="2")
        publisher.shows("用零钱或储蓄卡付")
        publisher.fire(".number", "input", value="3")
        publisher.fire(".amount", "input", value="0.35")
        publisher.fire(".forecast", "input", value="90")
        publisher.shows("大约每 30 锹出一份（上下 10 锹），每锹之后冷却 7 秒；一直有人挖，最快 7 分钟、",
                        "最慢 14 分钟挖完。要支付 0.35 元",
                        "上下浮动多少层：0 到 29，小于间隔；0 就是人人都知道位置", "0 到 3600")  # fmt: skip
        values = {"name": "拼手气的箱子", "forecast_num": "3", "interval": "1", "fluctuation": "0"}
        publisher.fire(".draft", "submit", value=values)
        publisher.until("opened")
        shown = publisher.shows("拼手气，一起分 0.35 元", "剩 3 / 3 份", "我发布的", "你出的那一半在里面")
        assert "一等奖" not in shown  # of a single kind of red packets, the facts say it all
        [card] = [row for row in Person.log_in(address, "老李").get("/getMyRelease")["data"] if row["ranks"]]
        dug = Person.log_in(address, "小运").post("/postTask", code=card["code"])
        publisher.shows(f"小运 挖到了！一等奖，0.{dug['money_fen']} 元", "剩 2 / 3 份")


def test_somebody_without_a_name_chooses_one_and_a_face(address, publisher, tmp_path):
    picture = tmp_path / "face.jpg"
    picture.write_bytes(a_picture())
    code = publisher.publish()
    with a_phone(address, "没起名的人", named=False) as phone:
        phone.open(f"/pages/treasure/treasure?code={code}")
        phone.live(agrees=False)
        phone.press("改名")
        phone.until("toast")
        assert "你现在叫" in phone.shows("挖一锹")
        phone.live(agrees=True)
        phone.press("改名")
        phone.shows("保存")
        phone.until_it_lacks("你现在叫")
        phone.open("/pages/mine/mine")
        assert re.search(r"[^0-9a-z]{4,9} \d\d", phone.shows("起个名字，大家才知道是你。"))
        phone.live(agrees=False)
        phone.press("起个名字")
        assert phone.until("toast")["title"] == "没有同意《用户隐私保护指引》，这一步做不了"
        phone.live(agrees=True)
        phone.press("起个名字")
        phone.fill("名字", " 小满 ")
        phone.press("保存")
        phone.shows("小满")
        phone.fire(".face", "chooseavatar", avatarUrl=str(picture))
        kept = phone.until("stored", lambda told: "/files/" in told["value"]["avatarUrl"])["value"]
        assert kept["nickName"] == "小满"
    assert httpx.get(kept["avatarUrl"]).status_code == 200


def test_a_poster_a_table_and_a_scanned_code_go_through_wechat(address, publisher):
    code = publisher.publish(prize_num=5, interval=1, fluctuation=0, draw_type=1)
    winner = Person.log_in(address, "小芳")
    winner.post("/postTask", code=code)
    pickup = winner.claim(code)["pickup"]
    with a_phone(address, "小明") as phone:
        phone.open(f"/pages/treasure/treasure?code={code}")
        phone.press("海报")
        phone.press("转发或保存海报")
        assert phone.until("downloaded")["kind"].startswith("image/")
        phone.until("image")
        phone.press("中奖者和发奖")
        assert phone.until("opened")["page"] == "/pages/winners/winners"
        phone.press("取表格（CSV），再发到聊天")
        table = phone.until("downloaded")
        assert table["status"] == 200
        assert "小芳" in table["text"]
        phone.press("表格取好了，发到聊天")
        assert phone.until("file")["name"] == f"winners-{code}.csv"
        for of, told in (("另一个", "这不是这个宝贝的取件码"), (code, "取件码正确，可以把奖品交给 小芳")):
            phone.live(scans=f"{address}/?code={of}&pickup={pickup}")
            phone.press("扫取件码")
            assert phone.until("toast")["title"] == told
        phone.shows("第 1 层 · 已领取")


def test_messages_are_offered_once_after_a_win_and_before_a_start(address, publisher):
    code = publisher.publish(name="一盏灯", forecast_num=1, draw_type=1)
    starts_at = int((datetime.now(BEIJING) + timedelta(days=1)).timestamp() * 1000)
    later = publisher.publish(name="明天的灯", starts_at=starts_at)
    with a_phone(address, "小芳") as phone:
        phone.open(f"/pages/treasure/treasure?code={code}")
        phone.shows("挖一锹")
        phone.tap(".dig")
        phone.shows("领奖有期限。离开后也能在微信里收到提醒。")
        phone.tap(".offer")
        assert phone.until("asked")["tmplIds"] == [TEMPLATES["won"], TEMPLATES["claim_ends"]]
        phone.shows("好，会在微信里提醒你领奖。")
        phone.open(f"/pages/treasure/treasure?code={code}")
        assert "提醒我" not in phone.shows("一盏灯", "出示取件码")
        phone.open(f"/pages/treasure/treasure?code={later}")
        phone.shows("还没开挖，不用一直等着。")
        phone.tap(".offer")
        assert phone.until("asked")["tmplIds"] == [TEMPLATES["cooldown_over"]]
        phone.shows("好，开挖时会在微信里提醒你。")


def test_each_view_that_is_tapped_has_a_role_each_picture_a_label_or_none_to_read_and_each_list_keys():
    for path in ROOT.rglob("*.wxml"):
        text = path.read_text("utf-8")
        tags = re.findall(r'<(view|image|input)((?:\s+[\w:-]+(?:="[^"]*")?)*)', text)
        for name, attributes in tags:
            if name == "view" and re.search("(bind|catch)tap=", attributes):
                assert "aria-role=" in attributes, (path, attributes)
            if name == "image":
                told = re.search('aria-role="img" aria-label="(?!")|aria-hidden="true"', attributes)
                assert told, (path, attributes)
                listed = 'src="{{item.' in attributes
                assert listed == ("lazy-load" in attributes), (path, attributes)
        keys = re.findall(r'wx:for="[^"]*"(?: wx:key="([^"]*)")?', text)
        assert not {"", "index"} & set(keys), (path, keys)


def test_wechat_indexes_no_page_of_a_person_or_of_a_treasure_that_a_link_opens():
    rules = json.loads((ROOT / "sitemap.json").read_text())["rules"]

    def indexed(page: str, *parameters: str) -> bool:
        """As https://developers.weixin.qq.com/miniprogram/dev/reference/configuration/sitemap.html says."""
        path = f"pages/{page}/{page}"
        of_page = [rule for rule in rules if rule["page"] in ("*", path)]
        fits = next(rule for rule in of_page if set(parameters) >= set(rule.get("params", [])))
        return bool(fits["action"] == "allow")

    assert not any(map(indexed, ("mine", "winners", "edit")))
    assert not any(indexed(page, "code") for page in ("treasure", "fair", "texts", "winners", "edit"))
    assert not indexed("treasure", "scene")
    assert indexed("square")
    assert indexed("publisher", "by")


def test_somebody_goes_from_treasures_to_their_publisher_and_back_again_and_again_and_follows(address):
    publisher = Person.log_in(address, "常埋")
    code = publisher.publish(name="一把旧锁")
    with a_phone(address, "小绕") as phone:
        phone.open("/pages/square/square")
        phone.press("常埋")
        for _ in range(6):
            phone.shows("一把旧锁", "关注")
            phone.tap(".card")
            phone.shows("一把旧锁", "挖一锹")
            phone.tap(".by")
        assert phone.until("opened")["depth"] <= 3
        phone.press("关注")
        phone.until_it_says("取消关注")
        phone.open("/pages/mine/mine?which=published")
        phone.press("我关注的人")
        phone.until_it_says("常埋")
        phone.open(f"/pages/treasure/treasure?code={code}")
        path, _, shared = phone.share()["path"].partition("?code=")
        assert path == "/pages/treasure/treasure"
        assert shared == code or len(shared) == SHARE_CHARACTERS  # the code, until the treasure is read


def test_a_square_in_sight_renews_what_its_cards_say_and_moves_none(address, publisher):
    names = [f"{each}鼓面{random.randrange(10**9)}" for each in ("甲", "乙", "丙")]
    code = publisher.publish(a_picture(), name=names[0], forecast_num=40_000, cd=0)
    for name in (names[1], "别的猫"):
        publisher.publish(a_picture(), name=name)
    with a_phone(address, "看着不动的人") as phone:
        phone.open("/pages/square/square")
        phone.until_it_says("别的猫")
        phone.fill("搜宝贝或发布者", "鼓面")
        phone.until_it_lacks("别的猫")
        before = phone.until_it_says(names[0], names[1], "就这些了")
        publisher.publish(a_picture(), name=names[2])
        Person.log_in(address, "老王").post("/postTask", code=code)
        phone.live(given={"/getDaily": {"status": 1, "error": "unavailable", "msg": ""}})
        phone.later(15_000)
        after = phone.until_it_says("挖到第 1 层")
        assert [each for each in names if each in after] == names[:2]
        assert sorted(names[:2], key=before.index) == sorted(names[:2], key=after.index)


def test_a_daily_treasure_reminds_until_its_hour_and_goes_once_hidden(address, publisher):
    evening = (datetime.now(BEIJING) + timedelta(days=1)).replace(hour=20, minute=0, second=0, microsecond=0)
    code = publisher.publish(name="明天的猫", is_public=1, starts_at=int(1000 * evening.timestamp()))
    operate(address, "/ops/daily", code=code, daily=1)
    with a_phone(address, "等着开挖的人") as phone:
        phone.open("/pages/square/square")
        phone.until_it_says("每日一挖", "明天的猫", "开挖时提醒我")
        phone.later(48 * 3_600_000)
        assert "开挖时提醒我" not in phone.shows("去挖")
        take_down(address, code)
        phone.later(15_000)
        phone.until_it_lacks("每日一挖")


def test_hidden_for_long_it_connects_anew_at_once_and_offers_its_new_version(address, publisher):
    publisher.publish(name="先埋的玉佩")
    with a_phone(address, "小隐") as phone:
        phone.open("/pages/square/square")
        phone.until("sent")
        phone.until_it_says("先埋的玉佩")  # a tap while the square is read for the first time reads nothing
        publisher.publish(name="后埋的玉佩")
        phone.tap_tab()  # reads the square anew from its top
        assert phone.until("scrolled")["scrollTop"] == 0
        phone.shows("后埋的玉佩")
        phone.hide()
        phone.come_back()
        assert phone.until("sent")["message"] == {"action": "ping"}  # a short while: it only asks
        phone.hide()
        phone.later(5_100)
        phone.come_back()
        phone.until("connecting")
        phone.update()
        assert phone.until("modal")["title"] == "有新版本"
        phone.until("begun anew")


def test_an_empty_field_is_refused_beside_it_until_something_is_typed(address):
    with a_phone(address, "忘了填的人") as phone:
        phone.open("/pages/publish/publish")
        for choice, button, refusal, before, after in (
            ("群红包", "塞钱进红包", "请填总金额，0.10 到", "总金额（元）", "红包个数"),
            ("群红包", "塞钱进红包", "“红包个数”应为 1 到 1000", "红包个数", "祝福语"),
            ("一件东西", "埋下宝贝", "“物品名”", "物品名", "怎么给"),
        ):
            phone.press(choice)
            phone.press(button)
            text = phone.shows(refusal)
            assert text.index(before) < text.index(refusal) < text.index(after)
            phone.fill(before, "2")
            phone.until_it_lacks(refusal)


def test_a_winner_takes_the_address_that_wechat_knows_and_copies_the_parcels_number(address, publisher):
    code = publisher.publish(name="一罐茶叶", forecast_num=1)
    winner = Person.log_in(address, "阿收")
    winner.post("/postTask", code=code)
    known = {"userName": "阿收", "telNumber": "13800000000", "provinceName": "北京市", "cityName": "北京市",
             "countyName": "海淀区", "detailInfo": "中关村大街 1 号"}  # fmt: skip
    with a_phone(address, "阿收") as phone:
        phone.open(f"/pages/treasure/treasure?code={code}")
        phone.press("从微信选地址")  # and chooses none
        phone.live(address=known)
        phone.press("从微信选地址")
        phone.until("drawn", lambda told: "claim.filled" in told["names"])
        phone.press("提交地址")
        phone.shows("阿收，13800000000", "北京市海淀区中关村大街 1 号")
        publisher.post("/shipPrize", code=code, depth=1, carrier="韵达快递", number="YD0123456789")
        phone.shows("韵达 YD0123456789")
        phone.tap(".copy")
        assert phone.until("copied")["text"] == "YD0123456789"
        shown = "".join(told["text"] for told in phone.said if told["type"] == "shown")
        assert "没有拿到收货地址" not in shown


def test_a_countdown_draws_what_changes_and_nothing_while_its_page_is_hidden(address, publisher):
    code = publisher.publish(name="一块石碑", synopsis="碑" * 2000, cd=3, forecast_num=100_000)
    digger, other = (Person.log_in(address, user) for user in ("小刚", "小红"))
    with a_phone(address, "小蓝") as phone:
        phone.open(f"/pages/treasure/treasure?code={code}")
        phone.until("frame", lambda told: told["frame"]["type"] == "snapshot")
        phone.shows("挖一锹")
        shown = len(phone.said)
        digger.post("/postTask", code=code)
        phone.shows("第 1 层", "后大家可挖")
        phone.shows("1. 小刚")
        phone.until_it_lacks("后大家可挖")
        drawn = [told for told in phone.said[shown:] if told["type"] == "drawn"]
        assert {told["names"][0] for told in drawn} >= {"people[0]", "press.kind"}
        assert max(told["bytes"] for told in drawn) <= 1000
        phone.hide()
        hidden = len(phone.said)
        until(lambda: other.post("/postTask", code=code).get("now_depth") == 2)
        until(lambda: not digger.get("/getTaskDetails", code=code)["data"]["is_cd"])
        phone.come_back()
        assert "drawn" not in [told["type"] for told in phone.said[hidden:]]
        phone.shows("第 2 层", "2. 小红", "挖一锹")


def test_each_dig_comes_once_and_no_button_moves_through_a_killed_worker_and_an_old_token(shared, browser):
    publisher, other, mine = (Person.log_in(shared.address, user) for user in ("小明", "小刚", "小红"))
    code = publisher.publish(prize_num=3, forecast_num=90_000, interval=30_000, fluctuation=0)
    old = {"unionid": mine.unionid, "token": "an old one"}
    with a_phone(shared.address, "小红", storage={"wabao.person": old}) as phone:
        phone.until("login")  # the channel was refused, so it logs in again by itself
        phone.open(f"/pages/treasure/treasure?code={code}")
        phone.shows("地面 · 奖品都在第 90000 层以内", "挖一锹")
        phone.until("sent", lambda told: told["message"].get("code") == code)
        other.post("/postTask", code=code)
        phone.shows("第 1 层", "1. 小刚")
        phone.tap(".dig")
        phone.shows("第 2 层", "2. 小红")
        page = open_window(browser, shared.address).page
        page.goto(phone.screen())
        button = page.locator(".dig.ready")
        button.wait_for()
        before = button.bounding_box()
        (worker,) = shared.children()["worker"]
        os.kill(worker, signal.SIGKILL)
        page.get_by_text("连接断开，正在重新连接").wait_for()
        assert button.bounding_box() == before
        page.close()
        shared.wait_for(rf"worker 1 \(pid {worker}\) ended")
        shared.wait_for("wabao.worker serving")
        other.post("/postTask", code=code)
        asked = {"action": "subscribe", "code": code, "since": 1, "ticks": False}
        phone.until("sent", lambda told: told["message"] == asked)
        phone.shows("第 3 层")
        phone.tap(".dig")
        phone.shows("第 4 层", "2 人挖过")
        if ("cd", 4) not in phone.digs():  # the reply may come before the frame
            phone.until("frame", lambda told: told["frame"].get("seq") == 4)
        assert phone.digs() == [("cd", 1), ("join", 1), ("cd", 2), ("join", 2), ("cd", 3), ("cd", 4)]


@pytest.mark.skipif(WHY_NOT != "", reason=WHY_NOT)
def test_the_modules_keep_to_wechats_types():
    found = subprocess.run(
        ["node_modules/.bin/tsc", "--project", "."], cwd=HERE, capture_output=True, text=True, timeout=120
    )
    assert (found.stdout, found.returncode) == ("", 0)


def test_each_call_that_may_fail_has_words_and_none_is_told_in_wechats():
    words = (ROOT / "shared" / "words.js").read_text(encoding="utf-8")
    for path in ROOT.rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        for called in re.findall(r'\bcall\("(\w+)"', text):
            assert f"  {called}: " in words, (path, called)
        assert "errMsg" not in text or path.name == "wechat.js"


def test_the_mini_program_takes_nothing_from_outside_its_root():
    for path in ROOT.rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        for found in re.findall(r'(?:from|import|require\()\s*"([^"]+)"', text):
            assert (path.parent / found).resolve().is_relative_to(ROOT), (path, found)
            assert (path.parent / found).is_file(), (path, found)
    pages = json.loads((ROOT / "app.json").read_text())["pages"]
    assert {str(path.with_suffix("").relative_to(ROOT)) for path in ROOT.glob("pages/*/*.wxml")} == set(pages)


def test_a_publisher_is_told_that_the_server_did_not_keep_to_the_two_halves(address, publisher):
    code = publisher.publish(name="单独抽的猫")
    with a_phone(address, "小明", storage={"wabao.halves": [[code, "ab" * 32, "cd" * 16]]}) as phone:
        phone.open(f"/pages/treasure/treasure?code={code}")
        phone.shows("是服务器单独抽的。", "服务器没有按你出的那一半来抽")
