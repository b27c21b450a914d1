"""The treasures that a crowd publishes: texts, rules and pictures."""

from dataclasses import dataclass
from pathlib import Path

PICTURES = Path(__file__).with_name("pictures")


@dataclass(frozen=True, slots=True)
class Treasure:
    """What a task is published with. The last six fields are as in `postTask`.

    `picture` is a file's name without its suffix. `money` is whole yuan per prize; 0 means goods.
    """

    name: str
    synopsis: str
    picture: str
    prize_num: int
    forecast_num: int
    interval: int
    fluctuation: int
    cd: int
    money: int = 0

    @property
    def picture_file(self) -> Path:
        """The file of its picture, a WebP of 900 x 900 pixels."""
        return PICTURES / f"{self.picture}.webp"


TREASURES: tuple[Treasure, ...] = (
    Treasure(
        "开元铜钱", "奶奶柜底翻出来的一枚老铜钱，挖到就归你，挂在钥匙上辟邪又好看。",
        "coin", prize_num=3, forecast_num=20, interval=6, fluctuation=4, cd=3,
    ),
    Treasure(
        "招财金元宝", "黄铜打的小元宝，沉甸甸的，压得住书，也压得住一年的好运。",
        "ingot", prize_num=1, forecast_num=24, interval=1, fluctuation=0, cd=4,
    ),
    Treasure(
        "和田玉璧", "玉不大，绳子是我自己编的。谁先挖到，我包好了寄给谁。",
        "jade", prize_num=2, forecast_num=18, interval=8, fluctuation=5, cd=5,
    ),
    Treasure(
        "海蓝宝石", "去年在海边淘来的蓝石头，阳光下会发亮。真假不保证，好看保证。",
        "gem", prize_num=1, forecast_num=30, interval=1, fluctuation=0, cd=3,
    ),
    Treasure(
        "百宝箱的钥匙", "五把钥匙，五位有缘人。箱子在店里，凭钥匙来开，里面有惊喜。",
        "key", prize_num=5, forecast_num=30, interval=5, fluctuation=2, cd=2,
    ),
    Treasure(
        "手绘山水折扇", "照着老家后山画的，落款给你留着。夏天快到了，挖一把走。",
        "fan", prize_num=2, forecast_num=14, interval=5, fluctuation=4, cd=6,
    ),
    Treasure(
        "元宵红灯笼", "竹骨纸面，一共六盏，手快有手慢无。挂在门口，一巷子都亮。",
        "lantern", prize_num=6, forecast_num=30, interval=4, fluctuation=1, cd=3,
    ),
    Treasure(
        "东海明珠", "一只贝，一颗珠，就一份。前面挖的人越多，离它越近。",
        "pearl", prize_num=1, forecast_num=16, interval=1, fluctuation=0, cd=8,
    ),
    Treasure(
        "紫砂小壶", "养了三年的壶，泡什么茶都香。搬家带不走，送给会喝茶的人。",
        "teapot", prize_num=1, forecast_num=20, interval=1, fluctuation=0, cd=5,
    ),
    Treasure(
        "五仁月饼", "全网最有争议的馅，我妈做的。四块，敢吃的来挖。",
        "mooncake", prize_num=4, forecast_num=12, interval=3, fluctuation=2, cd=2,
    ),
    Treasure(
        "幸运骰子", "挖得快，出得也快：六层之内必有一颗。掷出几点，看你的手气。",
        "die", prize_num=1, forecast_num=6, interval=1, fluctuation=0, cd=1,
    ),
    Treasure(
        "开工红包", "老板请客，八块八块地挖。挖到的同事晚上记得加菜。",
        "envelope", prize_num=4, forecast_num=20, interval=4, fluctuation=2, cd=3, money=8,
    ),
)  # fmt: skip
