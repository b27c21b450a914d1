"""A giver of a red packet for a group answers three fields and pays."""

from support.browser import Person


def test_a_red_packet_for_a_group_takes_three_fields_and_two_taps_with_the_payment(client, publisher):
    giver = client("大方的人")
    giver.open("publish")
    giver.says("群红包：大家一起挖", "一件东西：选张图")  # neither is chosen for them
    giver.keeps_silent("总金额（元）", "物品名")
    giver.press("群红包")
    for label, text in {"总金额（元）": "3.30", "红包个数": "3", "祝福语": "周五快乐"}.items():
        giver.fill(label, text)
    giver.says("大约每 5 锹出一份（上下 2 锹），每锹之后冷却 6 秒；", "要支付 3.30 元")
    giver.says("快慢：大约多久挖完", "截止：不管快慢，埋下 24 小时后就结束，剩下的钱退给你。")
    giver.says("想公开到广场，就选“更多”")
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
