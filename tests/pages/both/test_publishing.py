"""A giver of a red packet for a group answers three fields and pays."""

from support.browser import Person


def test_a_red_packet_for_a_group_takes_three_fields_and_two_taps_with_the_payment(client, publisher):
    giver = client("大方的人")
    giver.open("publish")
    giver.press("群红包")
    for label, text in {"总金额（元）": "3.30", "红包个数": "3", "祝福语": "周五快乐"}.items():
        giver.fill(label, text)
    giver.says("大约每 5 锹出一份（上下 2 锹），每锹之后冷却 6 秒；", "要支付 3.30 元")
    giver.press("塞钱进红包")  # WeChat's payment opens by itself, and the sandbox plays who pays
    giver.says("周五快乐", "拼手气，一起分 3.30 元", "我发布的")
    giver.keeps_silent("支付 3.30 元")
    [card, *_] = Person.log_in(publisher.address, "大方的人").get("/getMyRelease")["data"]
    task = publisher.get("/getTaskDetails", code=card["code"])["data"]
    assert (task["is_public"], task["forecast_num"], task["prize_num"], task["need_pay"]) == (0, 15, 3, 0)


def test_a_red_packet_whose_payment_fails_is_published_and_paid_on_its_page(client):
    giver = client("没带钱的人")
    giver.cannot_pay()
    giver.open("publish")
    giver.press("群红包")
    for label, text in {"总金额（元）": "2", "红包个数": "2", "祝福语": "改天再发"}.items():
        giver.fill(label, text)
    giver.press("塞钱进红包")
    giver.is_told("没有付款成功，可以再付一次")
    giver.says("改天再发", "支付 2 元")
    giver.keeps_silent("喝彩")  # nobody sees it yet
    giver.can_pay()
    giver.press("支付 2 元")
    giver.is_told("已付 2 元")
    giver.says("我发布的")
    giver.keeps_silent("支付 2 元")


def test_a_form_refuses_in_its_own_words_and_another_form_keeps_what_was_typed_without_them(client):
    giver = client("马虎的人")
    giver.open("publish")
    giver.press("群红包")
    giver.fill("红包个数", "1")
    giver.press("塞钱进红包")
    giver.says("请填总金额，0.10 到 ")
    giver.fill("红包个数", "")
    giver.fill("总金额（元）", "5")
    giver.press("塞钱进红包")
    refused = "“红包个数”应为 1 到 1000 的整数"
    giver.says(refused)
    giver.press("更多")
    giver.says("简介")
    giver.keeps_silent(refused)
    for label, text in (("简介", "自己种的"), ("署名", "老王果园"), ("联系方式", "微信 wang")):
        giver.fill(label, text)
    giver.press("一件东西")
    giver.says("物品名")
    giver.press("更多")
    for label, text in (("简介", "自己种的"), ("署名", "老王果园"), ("联系方式", "微信 wang")):
        giver.has_typed(label, text)


def test_what_does_not_fit_is_refused_with_what_would_and_what_all_win_is_asked_about(client):
    giver = client("着急的人")
    giver.open("publish")
    giver.press("更多")
    giver.says("最晚开挖后 30 天")
    giver.fill("物品名", "一碰就开")
    giver.picks_a_picture()
    giver.fill("奖品数量", "40")
    giver.says("每锹之后冷却 18 秒；一直有人挖，最快 2 小时")  # the first tempo that fits
    giver.says("没有挖完，开挖 30 天后也结束")
    giver.press("五分钟")
    giver.press("埋下宝贝")
    giver.says("五分钟挖不完 40 份", "可以选“一晚上”，或减到 30 份")
    giver.press("自己定")
    giver.says("预计挖多少锹")
    giver.fill("预计挖多少锹", "1")
    giver.fill("奖品数量", "1")
    giver.press("埋下宝贝")
    giver.agree("埋下")
    giver.says("一碰就开", "我发布的")
