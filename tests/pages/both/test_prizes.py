"""The same scenes in both clients: acts of publishers and winners on prizes."""

import random

from support.browser import Person
from support.clients import MINI_PROGRAM
from support.screen import take_down


def a_win(publisher: Person, user: str, **parameters: int | str) -> tuple[str, Person]:
    """Publish one prize and let somebody win it; return the treasure's code and the winner."""
    code = publisher.publish(**{"forecast_num": 1, **parameters})
    winner = Person.log_in(publisher.address, user)
    winner.post("/postTask", code=code)
    return code, winner


def test_goods_are_sent_to_an_address_and_received(client, address):
    shop = f"铺子{random.randrange(10**9)}"  # it published nothing else
    lucky = f"小艾{random.randrange(10**9)}"  # who won nothing else
    seller = Person.log_in(address, shop)
    two = {"prize_num": 2, "forecast_num": 2, "interval": 1, "fluctuation": 0}
    said = {"not_sent_to": "西藏", "contact": "微信 ming-1"}
    code, _ = a_win(seller, lucky, draw_type=2, value=900, **two, **said)
    Person.log_in(address, "老王").post("/postTask", code=code)
    winner = client(lucky)
    owner = client(shop)
    winner.open("mine", "published")
    winner.says("等你来做", "截止领奖")
    winner.counts_waiting("1")
    winner.press("去领奖")
    winner.says("不寄到西藏", "邮寄到家 · 值 900 元")
    winner.says("还没有发布者送出奖品的记录，第一次送都是这样。", "举报")
    winner.says("它加密保存，只有发布者看得到；收到奖品后 90 天删除，没有寄出的在填写后 90 天删除。")
    winner.says("之前领取")
    winner.keeps_silent("我也埋一个")
    winner.says("这份奖品值 900 元。得奖可能要按“偶然所得”缴 20% 的个人所得税")
    for label, text in (
        ("收货人", "拉萨市北京路 1 号"),
        ("电话", "13800000000"),
        ("详细地址", "西藏拉萨 1 号"),
    ):
        winner.fill(label, text)
    winner.press("提交地址")
    winner.says("“收货人”只写名字，最多 32 个字，不能有数字；地址写在下面的“详细地址”里")
    winner.keeps_silent("不寄到西藏：")  # it was not sent
    winner.fill("收货人", "强哥")
    winner.press("提交地址")
    winner.says("发布者不寄到西藏：请换一个收货地址")
    winner.fill("详细地址", "广东省科技园 1 号")
    winner.press("提交地址")
    winner.says("联系发布者：微信 ming-1")
    winner.says("地址已交给发布者，等着收货吧。", "强哥，13800000000", "以前可以更改。", "我也埋一个")
    winner.keeps_silent("之前领取")
    winner.press("更改地址")
    winner.fill("详细地址", "广东省科技园 2 号")
    winner.press("提交地址")
    winner.says("广东省科技园 2 号")
    owner.open("mine")
    owner.says("1 份奖品等你寄出", "再埋一个")  # what they published is open
    owner.press("去寄出")
    owner.says(lucky, "第 1 层 · 待寄出")
    owner.keeps_silent("老王")
    owner.press("全部")
    owner.says("老王", "第 2 层 · 待填地址", "强哥，13800000000", "科技园 2 号", "截止领奖")
    owner.says("由你这个主办者代扣代缴")
    owner.choose("快递公司", "中通")
    number = f"ZT{random.randrange(10**8):08}"  # a number counts once for a publisher
    owner.fill("运单号", number)
    owner.press("已寄出")
    owner.says("第 1 层 · 已寄出", f"中通 {number}", "改快递信息")
    owner.press("改快递信息")
    owner.fill("运单号", "ZT87654321")
    owner.press("保存")
    owner.says("中通 ZT87654321")
    owner.keeps_silent("表格（CSV）")
    winner.open("mine", "won")
    winner.says("一只猫", "寄出", "中通 ZT87654321", "等你来做", "已经寄出，收到了就确认")
    winner.counts_waiting("1")
    winner.press("确认收到")  # in this list, the button only opens the treasure
    winner.says("发布者已经寄出。", "中通 ZT87654321", "寄出 15 天后会自动确认。")
    winner.press("确认收到")
    winner.says("已经收到。")
    owner.says("第 1 层 · 已收到")
    winner.open("mine", "dug")
    winner.says("一只猫")
    winner.keeps_silent("等你来做")
    winner.counts_waiting("")


@MINI_PROGRAM
def test_the_publisher_of_many_prizes_hands_in_a_table_of_parcels(client, publisher):
    several = {"prize_num": 5, "forecast_num": 5, "interval": 1, "fluctuation": 0}
    code, winner = a_win(publisher, "阿强", draw_type=2, **several)
    winner.claim(code, receiver="强哥", phone="13800000000", address="广东省科技园 2 号")
    owner = client("小明")
    owner.open("winners", code)
    table = "深度,中奖者,快递公司,运单号\n1,阿强,中通,ZT11112222\n7,阿强,中通,ZT33334444\n"
    owner.hands_in(table.encode("gb18030"))  # as spreadsheets in China save it
    owner.says("记下了 1 行；下面 1 行没有记下", "第 3 行：这一层没有人中奖", "中通 ZT11112222")


def test_an_end_says_who_won_why_that_was_fair_and_where_to_dig_next(client, publisher):
    publisher.publish(name="下一个铜壶", cd=0)
    two = {"prize_num": 2, "interval": 3, "fluctuation": 0, "forecast_num": 6, "cd": 0}
    code = publisher.publish(name="一个铜壶", **two)
    taken = publisher.publish(name="一个锡壶", cd=0)
    loser = client("小施")
    loser.open("square")
    loser.says("下一个铜壶")
    loser.goes_on_to(code)
    loser.says("一起挖的人")
    loser.keeps_silent("我也埋一个")
    for user in ("阿火", "阿土"):
        digger = Person.log_in(publisher.address, user)
        while not digger.post("/postTask", code=code)["is_prize"]:  # the web page has dug one level already
            pass
    loser.says("奖品全部挖完了", "阿火、阿土 挖到了。", "挖的时候没有动过", "接下来挖哪个", "下一个铜壶")
    loser.press("我也埋一个")
    loser.says("群红包")
    loser.goes_on_to(taken)
    loser.says("挖一锹")
    take_down(publisher.address, taken)
    loser.says("这个宝贝下架了，或者正在检查，现在不能挖。", "接下来挖哪个")
    loser.keeps_silent("挖一锹", "可以在这里自己重算一遍")


def test_goods_are_handed_over_for_a_pick_up_code(client, publisher):
    where = {"place": "人民广场 3 号口", "pickup_time": "周六下午", "contact": "微信 ming-1"}
    code, person = a_win(publisher, "小芳", draw_type=1, **where)
    winner = client("小芳")
    owner = client("小明")
    winner.open("mine", "won")
    winner.says("现场领：人民广场 3 号口 · 周六下午")
    winner.open("treasure", code)
    winner.says("现场领取：凭取件码向发布者领奖。")
    winner.press("出示取件码")
    winner.says("当面出示取件码，或让对方扫码：", "领取地点：人民广场 3 号口", "领取时间：周六下午")
    winner.says("联系发布者：微信 ming-1")
    owner.open("winners", code)
    owner.says("第 1 层 · 领取中", "核对取件码", "待领取", "已发出")
    owner.keeps_silent("待寄出")
    owner.fill("中奖者的 6 位取件码", str(person.claim(code)["pickup"]))
    owner.press("核对")
    owner.is_told("取件码正确，可以把奖品交给 小芳")
    owner.says("第 1 层 · 已领取")
    winner.says("奖品已经领走了。")


@MINI_PROGRAM
def test_the_draw_is_checked_after_its_end(client, publisher):
    code = publisher.publish(prize_num=2, interval=1, fluctuation=0, forecast_num=2)
    reader = client("小明")
    reader.open("treasure", code)
    reader.goes_to_fairness()
    reader.says("位置是在我挖以前就定好的吗？", "发布时就定好，同时公布了承诺")
    reader.says("这台设备已经记下承诺，结束后种子公开")
    reader.keeps_silent("2 份奖品，每份比上一份深 1 层")
    reader.press("规则、承诺和随机数")
    reader.says("2 份奖品，每份比上一份深 1 层")
    for user in ("阿金", "阿水"):
        Person.log_in(publisher.address, user).post("/postTask", code=code)
    reader.open("treasure", code)
    reader.goes_to_fairness()
    reader.press("验证这次抽奖")
    reader.says("没有：这台设备刚刚重算过，全部相符。")
    reader.says("验证通过：全部相符", "与你在结束之前看到的承诺一致", "奖品位置由种子算出", "共 2 锹")


def test_a_treasure_is_published_for_who_has_its_link_and_ended_before_anybody_dug(client, publisher):
    name = f"伞{random.randrange(10**9)}"
    owner = client("小明")
    owner.open("publish")
    owner.press("更多")
    owner.press("自己定")
    owner.says("简介", "预计挖多少锹")
    for label, text in (("物品名", name), ("署名", "老铺子"), ("预计挖多少锹", "20")):
        owner.fill(label, text)
    owner.fill("每锹之后冷却几秒", "7")
    owner.choose("谁能看到", "只有拿到链接的人")
    owner.says("1 份奖品，第 1 到 20 锹里哪一锹都一样可能，每锹之后冷却 7 秒；一直有人挖，最快第一锹")
    owner.fill("预计挖多少锹", "1")
    owner.says("1 份奖品，就在第 1 层；一直有人挖，第一锹就挖完")
    owner.picks_a_picture()
    owner.press("埋下宝贝")
    owner.agree("埋下")
    owner.says(name, "署名", "老铺子", "冷却 7 秒", "你出的那一半在里面", "我发布的")
    assert publisher.get("/getTaskList", page=1, name=name)["data"] == []
    code = publisher.get("/getMyRelease")["data"][0]["code"]
    owner.press("这个宝贝的数据")
    owner.says("奖品剩", "打开过", "还没有人挖过")
    owner.press("提前结束")
    owner.agree("结束")
    owner.says("发布者结束了这个宝贝", "没有人挖过")
    owner.keeps_silent("提前结束", "还没有人挖过")
    owner.open("winners", code)
    owner.says("没有人挖到")
    owner.keeps_silent("还没有人挖到", "截止领奖")


def test_the_square_is_looked_through_by_name_and_kind(client, publisher):
    name = f"鼓{random.randrange(10**9)}"
    publisher.publish(name=f"{name}响", draw_type=2)
    publisher.publish(name=f"{name}轻", draw_type=1)
    for ended in (f"{name}破", "铙钹"):
        over = publisher.publish(name=ended, draw_type=1)
        publisher.post("/endTask", code=over)
    looker = client("朵朵")
    looker.open("square")
    looker.fill("搜宝贝或发布者", name)
    looker.says(f"{name}响", f"{name}轻", "可以挖", "邮寄")
    looker.press("现场领")
    looker.says("已经结束")
    looker.keeps_silent(f"{name}响", f"{name}破")
    looker.press("已经结束")
    looker.says(f"{name}破")
    looker.keeps_silent("现在没有能挖的")
    looker.fill("搜宝贝或发布者", "铙钹")
    looker.says("现在没有能挖的，下面这些已经结束", "铙钹")
    looker.fill("搜宝贝或发布者", f"没有{name}")
    looker.says("没有找到，换个词试试")
    looker.keeps_silent("现在没有能挖的")


def test_red_packets_are_marked_with_their_money_wherever_their_cards_are(client, publisher):
    user = f"找红包的人{random.randrange(10**9)}"
    name = f"红包雨{random.randrange(10**9)}"
    asked = {"prize_num": 3, "interval": 20, "fluctuation": 0, "forecast_num": 60}
    code = publisher.publish(name=name, goods_type=1, money=2, **asked)
    publisher.pay(code, 6)
    Person.log_in(publisher.address, user).post("/postTask", code=code)
    looker = client(user)
    looker.open("square")
    looker.fill("搜宝贝或发布者", name)
    looker.says("红包，共 6 元", name)
    looker.keeps_silent("现金红包")
    looker.open("mine", "dug")
    looker.says("红包，共 6 元", name)
    looker.open("publisher", publisher.get("/getTaskDetails", code=code)["data"]["publisher_id"])
    looker.says("红包，共 6 元", name)


def test_somebody_looks_who_dug_which_depth_and_reports_the_treasure(client, publisher):
    code = publisher.publish(forecast_num=500_000, cd=0)
    for name in ("老王", "隔壁老李"):
        Person.log_in(publisher.address, name).post("/postTask", code=code)
    reader = client("朵朵")
    reader.open("treasure", code)
    reader.says("隔壁老李")
    reader.keeps_silent("第 1 层")
    reader.press("谁挖了哪一层")
    reader.says("第 1 层", "第 2 层", "老王")
    reader.press("举报")
    reader.fill("补充说明（可不填，200 字以内）", "看着像假的")
    reader.press("欺诈，不给奖品")
    reader.is_told("已收到举报，我们会尽快处理")
