"""The first visit begins with a treasure to practise on, of which the server hears nothing."""

from support.client import a_picture

OF_THE_SQUARE = {"/getTaskList", "/getMyInfo", "/getDaily"}  # it renews itself meanwhile


def test_who_comes_first_practises_three_digs_without_a_request_and_only_once(client, publisher):
    publisher.publish(a_picture(), name="不是练习的猫")
    newcomer = client("新来的人")
    newcomer.open("square")
    newcomer.says("先练三锹", "谁挖到宝贝就归谁")
    newcomer.says("不是练习的猫")
    before = len(newcomer.asked)
    for said in ("第 1 层，只有土", "第 2 层，一块碎瓷片", "第 3 层，挖到了！"):
        newcomer.press("挖一锹")
        newcomer.says(said)
    newcomer.says("这次是练习，没有奖品")
    asked = {path for path in newcomer.asked[before:] if not path.startswith("/static/")}
    assert asked <= OF_THE_SQUARE
    newcomer.press("会了，去挖真的")
    newcomer.keeps_silent("先练三锹")
    newcomer.open("square")
    newcomer.says("不是练习的猫")
    newcomer.keeps_silent("先练三锹")
