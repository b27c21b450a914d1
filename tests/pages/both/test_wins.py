"""A group reads at one look who got how much of its red packet."""

from playwright.sync_api import expect

from support.browser import Person
from support.clients import Window
from support.login import log_in


def amount(fen: int) -> str:
    return f"{fen // 100}{f'.{fen % 100:02}' if fen % 100 else ''} 元"


def packet(giver: Person, number: int, yuan: int) -> str:
    """Publish a packet of so many yuan and prizes, of which each dig wins one; return its code."""
    numbers = {"prize_num": number, "forecast_num": number, "interval": 1, "fluctuation": 0, "cd": 0}
    kinds = [{"name": "拼手气红包", "prize_num": number, "sum_fen": 100 * yuan}]
    asked = {"goods_type": 1, "is_public": 0, "name": "火锅局", "prizes": kinds, **numbers, **giver.halves()}
    code = str(giver.post("/postTask", **asked)["code"])
    giver.pay(code, yuan)
    return code


def test_a_group_reads_who_got_how_much_of_its_red_packet_while_it_runs_and_at_its_end(client, address):
    giver = Person.log_in(address, "发红包的人")
    code = packet(giver, 6, 6)
    crowd = [Person.log_in(address, f"火锅客{each}") for each in "甲乙丙丁戊己"]
    crowd[0].post("/postTask", code=code)
    reader = client("发红包的人")
    reader.open("treasure", code)
    [first] = giver.get("/getDigs", code=code)["data"]
    reader.says("谁挖到了多少 1 / 6 份", "火锅客甲", amount(first["money_fen"]))
    reader.keeps_silent("手气最佳", "全部")
    reader.says("已付 6 元，挖到 1 / 6 份，领走 0 元，没领走的还有 6 元。没有人挖到的，最晚")
    for person in crowd[1:]:
        person.post("/postTask", code=code)
    sums = [dig["money_fen"] for dig in giver.get("/getDigs", code=code)["data"]]
    reader.says("谁挖到了多少 6 / 6 份", amount(max(sums)), "手气最佳", "全部 6 份")
    reader.main_button_is("看结局")
    reader.press("全部 6 份")
    reader.says(*map(amount, sums))
    reader.keeps_silent("全部 6 份")
    reader.open("treasure", code)  # now from the digs alone
    reader.says("谁挖到了多少 6 / 6 份", amount(max(sums)), "手气最佳", "全部 6 份")
    reader.says("已付 6 元，挖到 6 / 6 份，领走 0 元，没领走的还有 6 元。没有领的，")
    reader.keeps_silent("我挖到了")


def test_a_first_name_shows_on_the_pages_that_are_open(client, address, request):
    giver = Person.log_in(address, "包红包的人")
    code = packet(giver, 2, 2)
    user = f"没名字的{request.node.callspec.id}"
    login = log_in(address, user, ("code",))
    someone = Person(address, login["unionid"], login["token"])
    someone.post("/postTask", code=code)
    watching = client("包红包的人")
    winner = client(user, named=False)
    before_names = ["谁挖到了多少 1 / 2 份", "一起挖的人1. "]
    if isinstance(winner, Window):
        before_names = ["谁挖到了多少 1 / 2 份 ", "一起挖的人 1 人 "]
    for page in (watching, winner):
        page.open("treasure", code)
        page.says(*(f"{before}{login['nickName']}" for before in before_names))
    winner.press("起个名字")
    winner.fill("名字", "小满")
    winner.press("保存")
    winner.says(*(f"{before}小满" for before in before_names))
    winner.keeps_silent(login["nickName"])
    someone.claim(code)
    watching.says(*(f"{before}小满" for before in before_names))
    watching.open("winners", code)
    watching.says("红包由挖到的人自己领，不用你发。")


def test_who_has_no_name_reads_once_which_one_others_see(client, browser, publisher, request):
    code = publisher.publish(name="看名字的猫")
    user = f"还没见过名字的{request.node.callspec.id}"
    told = log_in(publisher.address, user, ("code",))["nickName"]
    newcomer = client(user, named=False)
    newcomer.open("treasure", code)
    page = newcomer.seen(browser)
    met = page.get_by_text(f"你现在叫 {told}")
    expect(met).to_be_visible()
    newcomer.press("改名")
    save = page.get_by_text("保存", exact=True)
    expect(save).to_be_visible()
    newcomer.fill("名字", "小满")
    newcomer.press("保存")
    expect(save).to_have_count(0)
    newcomer.open("mine", "won")
    newcomer.says("小满")
    expect(met).to_have_count(0)


def test_each_winner_of_equal_packets_is_told_with_the_sum(client, address):
    giver = Person.log_in(address, "发一样多的人")
    numbers = {"prize_num": 2, "forecast_num": 2, "interval": 1, "fluctuation": 0, "cd": 0}
    code = giver.post("/postTask", goods_type=1, money=3, is_public=0, name="一样多", **numbers)["code"]
    giver.pay(code, 6)
    for name in ("先拿的人", "后拿的人"):
        Person.log_in(address, name).post("/postTask", code=code)
    reader = client("发一样多的人")
    reader.open("treasure", code)
    reader.says("谁挖到了多少 2 / 2 份", "先拿的人", "后拿的人", "3 元")
    reader.open("winners", code)
    reader.says("第 1 层 · 3 元 · 待领取", "第 2 层 · 3 元 · 待领取")


def test_at_the_end_winners_thank_the_giver_who_reads_who_did(client, browser, publisher):
    first, other = (publisher.publish(name="谢一谢的猫", forecast_num=1) for _ in range(2))
    for code in (first, other):
        Person.log_in(publisher.address, "懂礼貌的人").post("/postTask", code=code)
    Person.log_in(publisher.address, "懂礼貌的人").post("/thank", code=other, sign="clover")
    winner = client("懂礼貌的人")
    winner.open("story", first)
    winner.says("谢一谢的猫 · 小明 埋的", "跟 小明 说声谢谢")
    winner.press("真热闹")
    winner.says("谢意送到了")
    giver = client("小明")
    giver.open("story", other)
    giver.says("1 人对你说了谢谢", "懂礼貌的人")
    expect(giver.seen(browser).locator(".dug-levels .icon")).to_have_count(2)  # of the prize and the thanks
    giver.keeps_silent("说声谢谢")


def test_after_the_end_a_givers_main_button_leads_on(client, publisher):
    won = publisher.publish(name="挖到的猫", forecast_num=1)
    undug = publisher.publish(name="没人挖的猫")
    giver = client("小明")
    giver.open("treasure", won)
    giver.main_button_is("分享给朋友")
    Person.log_in(publisher.address, "挖到猫的人").post("/postTask", code=won)
    giver.main_button_is("中奖者和发奖")
    giver.says("看结局")
    publisher.post("/endTask", code=undug)
    giver.open("treasure", undug)
    giver.main_button_is("再埋一个")
    giver.keeps_silent("看结局", "中奖者和发奖")


def test_who_comes_too_late_reads_whose_dig_came_first(client, publisher):
    code = publisher.publish(name="慢一步的猫", cd=60)
    first = Person.log_in(publisher.address, "先到的人")
    late = client("晚到的人")
    late.digs_late(code, lambda: first.post("/postTask", code=code))
    late.says("慢了一步：先到的人 先挖了第 1 层，你的一锹才到")


LAST_LOST = "最后一份没抢到，谢谢你一起挖！下面看看接下来挖哪个"


def test_who_loses_the_last_prize_to_a_dig_before_theirs_is_thanked(client, publisher):
    code = publisher.publish(name="晚一步的最后一只猫", forecast_num=1)
    winner = Person.log_in(publisher.address, "挖到最后一只的人")
    late = client("没赶上的人")
    late.digs_late(code, lambda: winner.post("/postTask", code=code))
    late.says(LAST_LOST, "奖品全部挖完了", "接下来挖哪个")


def test_who_loses_the_last_prize_to_a_random_order_is_thanked(client, publisher):
    code = publisher.publish(name="抽走的最后一只猫", forecast_num=1)
    unlucky = client("没抽中的人", named=False)
    unlucky.open("treasure", code)
    lost = {"status": 1, "error": "cooling_down", "msg": "", "time": 60, "cd_until": 0, "pressed": 2}
    unlucky.is_answered("/postTask", lost)
    unlucky.press("挖一锹")
    unlucky.says("你和另外 1 人同时按下，抽中了别人")
    Person.log_in(publisher.address, "抽中的人").post("/postTask", code=code)
    unlucky.says(LAST_LOST, "奖品全部挖完了")
