"""The names of people who have chosen none, such as “爱喝茶的土拨鼠 07”.

A name follows from the person's id, and nothing of it is stored. It does not show the id: the words are drawn
by a hash. The words were checked by hand in all their pairs, so nobody reviews these names.
"""

import hashlib

_WHO = [
    "爱喝茶的", "早起的", "爱晒太阳的", "会打鼓的", "爱唱歌的", "爱下棋的", "会做饭的", "爱捉迷藏的",
    "会画画的", "爱跑步的", "爱看书的", "会吹笛的", "爱种花的", "会修表的", "爱听雨的", "爱看云的",
    "会剪纸的", "爱数星星的", "爱吃西瓜的", "爱吃汤圆的", "爱荡秋千的", "会打算盘的", "爱放风筝的",
    "会包饺子的", "爱堆雪人的", "会翻跟头的", "爱写信的", "爱坐火车的", "爱逛集市的", "会骑车的",
    "爱划船的", "爱爬山的",
]
_WHAT = [
    "土拨鼠", "穿山甲", "小熊猫", "刺猬", "水獭", "松鼠", "企鹅", "海豹", "长颈鹿", "小象", "骆驼",
    "考拉", "树懒", "河马", "浣熊", "鼹鼠", "猫头鹰", "啄木鸟", "喜鹊", "燕子", "鲸鱼", "海豚",
    "章鱼", "河狸", "梅花鹿", "袋鼠", "雪豹", "斑马", "金丝猴", "小马", "蜻蜓", "蜗牛",
]
_NUMBERS = 100


def given_name(person_id: str) -> str:
    """Return the name of the person with this id, as long as they choose none."""
    drawn = int.from_bytes(hashlib.sha256(person_id.encode()).digest()[:8], "big")
    drawn, number = divmod(drawn, _NUMBERS)
    drawn, what = divmod(drawn, len(_WHAT))
    return f"{_WHO[drawn % len(_WHO)]}{_WHAT[what]} {number:02}"
