"""Agreement, privacy policy, contact and rules in the mini-program, never as markup."""

from support.browser import MARKUP
from support.phone import a_phone


def test_the_texts_and_a_treasures_rules_are_read_in_the_mini_program_as_they_are(address, publisher):
    with a_phone(address, "小红") as phone:
        phone.open("/pages/mine/mine")
        phone.shows("用户协议隐私政策", "联系客服")
        phone.press("用户协议")
        assert phone.until("entitled")["title"] == "用户协议"
        phone.shows("我们的协议", MARKUP)
        phone.open("/pages/texts/texts?which=privacy")
        phone.shows("我们的隐私政策", "用户隐私保护指引")
        phone.tap(".guide")
        phone.until("guide")
        code = publisher.publish(name="一只猫", prize_num=1)
        phone.open(f"/pages/treasure/treasure?code={code}")
        phone.shows("活动规则")
        phone.tap(".rules")
        phone.shows("主办者", "发布者“小明”", "微信 wabao-help", "1 份，每人最多得一份", "18 周岁")
