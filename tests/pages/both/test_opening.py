"""The same scene in both clients: opening a treasure digs only for those who chose it."""

import random


def test_a_page_digs_by_itself_only_for_those_who_chose_it_and_asks_them_once(client, publisher):
    first, other = (publisher.publish(forecast_num=4000, cd=600) for _ in range(2))
    last = publisher.publish(forecast_num=1)
    careful = client(f"谨慎的人{random.randrange(10**9)}", named=False)
    careful.open("treasure", first)
    careful.says("地面", "挖一锹")
    careful.keeps_silent("以后一打开宝贝就先帮我挖一锹？")  # who never dug is not asked
    careful.press("挖一锹")
    careful.says("你挖了第 1 层，什么也没有", "以后一打开宝贝就先帮我挖一锹？")
    careful.open("treasure", other)  # who did not answer is not asked again
    careful.says("地面", "挖一锹")
    careful.says("打开宝贝时等我来挖")
    careful.press("改成自动挖")
    careful.says("地面", "打开宝贝时自动挖一次", "改成自己挖")  # it applies to the next treasure
    careful.open("treasure", last)
    careful.says("你在第 1 层挖到了！")
