"""The first visit has a treasure to practise on, of which the server hears nothing."""

from support.browser import Person
from support.clients import Client

# It runs on after a win: the first dig of who opens it may be one.
REAL = {"prize_num": 2, "forecast_num": 1000, "interval": 500, "fluctuation": 0, "cd": 1}
FINDS = {
    3: "第 1 层，挖出小玩意“玻璃弹珠”，不是奖品；真挖到的都收进图鉴",
    2: "第 2 层，挖出小玩意“铁皮青蛙”",
    1: "第 3 层，挖到了！",
}


def practise(newcomer: Client) -> list[str]:
    """Dig three times; return what is asked of the server from the first dig to the last one."""
    before = 0
    for left, said in FINDS.items():
        newcomer.press(f"练一锹（还剩 {left} 锹）")
        newcomer.says(said)
        before = before or len(newcomer.asked)
    return newcomer.asked[before:]


def test_who_comes_first_practises_three_digs_and_only_once(client, publisher):
    publisher.publish(name="不是练习的猫", **REAL)
    newcomer = client("新来的人")
    newcomer.open("square")
    newcomer.says("先练三锹", "谁挖到宝贝就归谁")
    newcomer.says("不是练习的猫")
    practise(newcomer)
    newcomer.says("这次是练习，没有奖品")
    newcomer.press("会了，去挖真的")
    newcomer.keeps_silent("这次是练习")
    newcomer.says("不是练习的猫", "小明 埋的宝，免费挖")  # the newest that can be dug
    newcomer.open("square")
    newcomer.says("不是练习的猫")
    newcomer.keeps_silent("先练三锹")


def test_who_comes_by_a_link_practises_beside_the_treasure_without_a_request_or_not_at_all(client, publisher):
    code = publisher.publish(name="朋友发来的猫", forecast_num=1000, cd=600)
    Person.log_in(publisher.address, "抢先的人").post("/postTask", code=code)
    eager = client("先练的人")
    newcomer = client("被叫来的人")
    for each in (eager, newcomer):
        each.open("treasure", code)
        each.says("朋友发来的猫", "小明 埋的宝，免费挖", "第一次挖？", "抢先的人")
    eager.press("先练三锹")
    assert practise(eager) == []  # the page asks for nothing either: nobody digs there
    newcomer.press("不用了")
    newcomer.keeps_silent("第一次挖？")
    newcomer.open("square")
    newcomer.says("朋友发来的猫")
    newcomer.keeps_silent("先练三锹")
