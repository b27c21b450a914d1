"""The treasures that a crowd publishes: what they are, the rules of their digging, and their pictures."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass

from server.crowd.easel import Box, Colours, Easel, Point

_GOLD: Colours = ("#ffe9a0", "#d98e1c")
_DARK_GOLD: Colours = ("#d99a2b", "#8a5210")
_FAN = 500  # the radius of the fan


@dataclass(frozen=True, slots=True)
class Treasure:
    """What a task is published with: the last six as `postTask` takes them.

    `money` is whole yuan a prize; 0 are goods.
    """

    name: str
    synopsis: str
    draw: Callable[[Easel], None]
    background: Colours
    prize_num: int
    forecast_num: int
    interval: int
    fluctuation: int
    cd: int
    money: int = 0


def picture(treasure: Treasure) -> bytes:
    """Return the treasure's picture, a JPEG of SIDE × SIDE. It takes a while: not for an event loop."""
    easel = Easel(treasure.background)
    treasure.draw(easel)
    file = io.BytesIO()
    easel.finished().save(file, "JPEG", quality=88)
    return file.getvalue()


def _round(x: float, y: float, radius: float) -> Box:
    return x - radius, y - radius, x + radius, y + radius


def _circle(x: float, y: float, radius: float, corners: int, turn: float = 0) -> list[Point]:
    """Return the corners of a regular polygon."""
    angles = [turn + corner * 2 * math.pi / corners for corner in range(corners)]
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]


def _coin(easel: Easel) -> None:
    easel.ellipse(_round(500, 490, 310), _DARK_GOLD)
    easel.ellipse(_round(500, 478, 300), _GOLD)
    easel.ring(_round(500, 478, 272), 22, _DARK_GOLD)
    for x, y in ((500, 290), (500, 666), (312, 478), (688, 478)):
        easel.ellipse(_round(x, y, 44), _DARK_GOLD)
        easel.ellipse(_round(x, y - 5, 34), _GOLD)
    easel.rectangle((405, 383, 595, 573), _DARK_GOLD, 10)
    easel.rectangle((428, 406, 572, 550), ("#6b3d0c", "#a9711f"), 6)
    easel.sparkle(300, 270, 80)
    easel.sparkle(735, 640, 50)


def _ingot(easel: Easel) -> None:
    easel.slice((180, 110, 820, 800), 0, 180, _DARK_GOLD)
    easel.polygon([(120, 380), (880, 380), (815, 520), (185, 520)], ("#ffdf80", "#d98e1c"))
    easel.ellipse((120, 300, 880, 470), ("#fff0b5", "#eeb440"))
    easel.ellipse((180, 325, 820, 445), _DARK_GOLD)
    easel.ellipse((300, 180, 700, 450), _GOLD)
    easel.ellipse((360, 205, 560, 300), ("#fff7d6", "#ffe28a"), soft=12)
    easel.line([(250, 560), (320, 680)], 14, "#ffe9a0")
    easel.sparkle(690, 220, 80)
    easel.sparkle(210, 330, 45)


def _jade(easel: Easel) -> None:
    easel.line([(500, 40), (500, 230)], 16, "#b3202a")
    easel.ellipse(_round(500, 180, 34), ("#e5484d", "#9c1c22"))
    easel.ring(_round(500, 486, 292), 190, ("#3f9d74", "#1f6b4c"))
    easel.ring(_round(500, 474, 284), 176, ("#c9f2d8", "#5fbf92"))
    easel.ring(_round(500, 474, 262), 8, ("#8fdab3", "#3f9d74"))
    easel.ring(_round(500, 474, 140), 8, ("#8fdab3", "#3f9d74"))
    for x, y in _circle(500, 474, 198, 16):
        easel.ring(_round(x, y, 26), 9, ("#7fcfa6", "#3f9d74"), 40, 330)
    easel.ring(_round(500, 474, 240), 16, ("#f4fff8", "#e1f7ea"), 200, 255)
    easel.sparkle(700, 270, 60)


def _gem(easel: Easel) -> None:
    top, girdle, tip = 240.0, 410.0, (500.0, 800.0)
    upper = [(300.0, top), (433.0, top), (567.0, top), (700.0, top)]
    lower = [(170.0, girdle), (335.0, girdle), (500.0, girdle), (665.0, girdle), (830.0, girdle)]
    shades = ("#a8d8ff", "#5aa9f2", "#d6ecff", "#3d8be0", "#7dc0fa", "#2f74c9", "#9ed2ff")
    facets = []
    for place in range(4):
        facets.append([lower[place], lower[place + 1], tip])
        facets.append([lower[place], upper[place], lower[place + 1]])
    for place in range(3):
        facets.append([upper[place], upper[place + 1], lower[place + 1]])
    for number, facet in enumerate(facets):
        shade = shades[number * 3 % len(shades)]
        easel.polygon(facet, (shade, shades[(number * 3 + 1) % len(shades)]))
    for facet in facets:
        easel.line([*facet, facet[0]], 4, "#eaf6ff")
    easel.sparkle(330, 250, 90)
    easel.sparkle(740, 500, 50)


def _key(easel: Easel) -> None:
    for deep, colours in ((10, _DARK_GOLD), (0, _GOLD)):
        easel.rectangle((465, 400 + deep, 535, 830 + deep), colours, 20)
        easel.rectangle((530, 690 + deep, 650, 740 + deep), colours, 8)
        easel.rectangle((530, 770 + deep, 620, 815 + deep), colours, 8)
        easel.rectangle((430, 420 + deep, 570, 465 + deep), colours, 20)
        for x, y in ((500, 200), (400, 310), (600, 310)):
            easel.ring(_round(x, y + deep, 112), 44, colours)
    easel.ellipse(_round(500, 290, 46), ("#ff9aa8", "#c2213c"))
    easel.ellipse(_round(486, 272, 14), ("#ffe3e8", "#ffc2cc"))
    easel.line([(485, 490), (485, 800)], 10, "#fff6cf")
    easel.sparkle(620, 180, 70)


def _fan(easel: Easel) -> None:
    pivot = _round(500, 770, _FAN)
    easel.slice(pivot, 205, 335, ("#fffdf5", "#f0dfc0"))
    for number in range(13):
        angle = 205 + number * 10
        shade = ("#e9d3ab", "#d8bb88") if number % 2 else ("#f7e9cd", "#e6d0a5")
        easel.slice(pivot, angle, angle + 5, shade)
    hills = [(0, 0.62), (25, 0.75), (55, 0.6), (80, 0.82), (105, 0.66), (130, 0.56)]
    ridge = [_on_fan(205 + angle, reach) for angle, reach in hills]
    foot = [_on_fan(205 + angle, 0.5) for angle in range(130, -1, -10)]
    easel.polygon([*ridge, *foot], ("#4d8f8a", "#9fc9b6"))
    easel.ellipse(_round(*_on_fan(300, 0.86), 38), ("#f2665b", "#d63a30"))
    easel.slice(_round(500, 770, _FAN / 2), 205, 335, ("#7a4a22", "#5a3213"))
    for angle in range(205, 336, 13):
        easel.line([(500, 770), _on_fan(angle, 0.5)], 6, "#a8713c")
    for angle in (205, 335):
        easel.line([(500, 770), _on_fan(angle, 1)], 26, "#5a3213")
    easel.ellipse(_round(500, 770, 22), _GOLD)


def _on_fan(angle: float, reach: float) -> Point:
    turned = math.radians(angle)
    return 500 + _FAN * reach * math.cos(turned), 770 + _FAN * reach * math.sin(turned)


def _lantern(easel: Easel) -> None:
    easel.line([(500, 40), (500, 200)], 14, "#7a1a14")
    easel.ellipse((160, 180, 840, 720), ("#ffcf70", "#ffcf70"), soft=40)
    for half, colours in (
        (300, ("#ff6a4d", "#b3160f")),
        (210, ("#ff8360", "#c5221a")),
        (110, ("#ffa074", "#d73325")),
    ):
        easel.ellipse((500 - half, 215, 500 + half, 685), colours)
    for half in (300, 210, 110):
        easel.ring((500 - half, 215, 500 + half, 685), 7, ("#ffd27d", "#f0a63a"))
    easel.rectangle((390, 180, 610, 235), _GOLD, 14)
    easel.rectangle((390, 665, 610, 720), _GOLD, 14)
    for x in range(420, 600, 40):
        easel.line([(x, 720), (x, 880)], 16, "#e5b53c")
    easel.ellipse((300, 290, 370, 470), ("#ffe9d2", "#ff9c78"), soft=10)


def _pearl(easel: Easel) -> None:
    shell = ("#ffe1ec", "#d98aae")
    easel.slice((130, 90, 870, 830), 200, 340, ("#c9769c", "#a8527c"))
    for number in range(7):
        start = 202 + number * 19.5
        easel.slice((150, 110, 850, 810), start, start + 17, shell)
    easel.slice((130, 420, 870, 860), 0, 180, ("#c9769c", "#96456d"))
    easel.ellipse((130, 540, 870, 740), shell)
    easel.ellipse((180, 565, 820, 715), ("#b8628c", "#e6a5c3"))
    easel.ellipse(_round(500, 545, 135), ("#ffffff", "#c7cfe0"))
    easel.ellipse((390, 560, 610, 680), ("#f3e3f0", "#f3e3f0"), soft=24)
    easel.ellipse(_round(450, 495, 40), ("#ffffff", "#ffffff"), soft=8)
    easel.sparkle(600, 450, 60)


def _teapot(easel: Easel) -> None:
    clay, dark = ("#c27049", "#7d3b22"), ("#94492b", "#5c2a17")
    easel.ring((610, 330, 890, 680), 52, dark)
    easel.polygon([(310, 640), (90, 350), (150, 330), (360, 500)], clay)
    easel.ellipse((80, 318, 162, 362), dark)
    easel.ellipse((240, 320, 760, 800), clay)
    easel.rectangle((360, 770, 640, 815), dark, 14)
    easel.ellipse((330, 290, 670, 390), dark)
    easel.slice((345, 220, 655, 440), 180, 360, clay)
    easel.ellipse(_round(500, 215, 38), clay)
    easel.ellipse((320, 400, 430, 580), ("#e3a07c", "#c27049"), soft=16)
    for x, lean in ((110, -20), (150, 25)):
        curl = [(x + lean * math.sin(step / 3), 290 - step * 12) for step in range(16)]
        easel.line(curl, 12, "#ffffffaa")


def _die(easel: Easel) -> None:
    top: list[Point] = [(500, 170), (790, 320), (500, 470), (210, 320)]
    left: list[Point] = [(210, 320), (500, 470), (500, 820), (210, 670)]
    right: list[Point] = [(790, 320), (500, 470), (500, 820), (790, 670)]
    easel.polygon(top, ("#ffffff", "#f3f0ff"))
    easel.polygon(left, ("#e6e0ff", "#bcb0ea"))
    easel.polygon(right, ("#cfc4f5", "#9a8ad4"))
    for face in (top, left, right):
        easel.line([*face, face[0]], 10, "#ffffff")
    easel.ellipse((440, 282, 560, 358), ("#ff7a6b", "#c8211f"))
    for across, down in ((0.25, 0.25), (0.75, 0.75)):
        easel.ellipse(_round(210 + 290 * across, 320 + 150 * across + 350 * down, 40), ("#5b4aa8", "#2f2270"))
    for across, down in ((0.22, 0.2), (0.78, 0.2), (0.5, 0.5), (0.22, 0.8), (0.78, 0.8)):
        easel.ellipse(_round(790 - 290 * across, 320 + 150 * across + 350 * down, 34), ("#4b3b98", "#241960"))
    easel.sparkle(300, 230, 60)


def _envelope(easel: Easel) -> None:
    easel.rectangle((270, 150, 730, 820), ("#8f1512", "#6e0d0b"), 40)
    easel.rectangle((270, 140, 730, 808), ("#f0452f", "#c01a17"), 40)
    easel.slice((270, -50, 730, 400), 0, 180, ("#a81512", "#d92a20"))
    easel.ring((270, -50, 730, 400), 8, _GOLD, 0, 180)
    easel.ellipse(_round(500, 400, 104), _DARK_GOLD)
    easel.ellipse(_round(500, 392, 98), _GOLD)
    easel.rectangle((462, 354, 538, 430), ("#8a5210", "#c98a2c"), 8)
    for x, y in ((350, 640), (650, 640), (500, 720)):
        easel.ring(_round(x, y, 40), 8, ("#f6b44a", "#e08b24"), 0, 300)
    easel.sparkle(690, 210, 70)
    easel.sparkle(320, 520, 44)


def _mooncake(easel: Easel) -> None:
    for x, y in _circle(500, 500, 250, 16):
        easel.ellipse(_round(x, y + 26, 74), ("#a8641f", "#7d4512"))
    for x, y in _circle(500, 480, 250, 16):
        easel.ellipse(_round(x, y, 74), ("#f2b55c", "#c47a26"))
    easel.ellipse(_round(500, 480, 262), ("#f7c778", "#d48c34"))
    easel.ring(_round(500, 480, 232), 14, ("#c47a26", "#a8641f"))
    for x, y in _circle(500, 480, 120, 6, math.pi / 6):
        easel.ellipse(_round(x, y, 66), ("#c9812c", "#ad6a1f"))
        easel.ellipse(_round(x, y - 4, 54), ("#fbd592", "#e0a047"))
    easel.ellipse(_round(500, 480, 56), ("#c9812c", "#ad6a1f"))
    easel.ellipse(_round(500, 476, 44), ("#fff0c9", "#f2bd68"))
    easel.ring(_round(500, 480, 210), 10, ("#fff3d6", "#ffe7b5"), 205, 260)


_RED_BACK, _BLUE_BACK, _GREEN_BACK = ("#ef5a3c", "#b3201d"), ("#3f6fc4", "#152a63"), ("#4fae8b", "#17513f")
_PURPLE_BACK, _SAND_BACK, _NIGHT_BACK = ("#8f6ad1", "#3d2273"), ("#f3cf8b", "#c98a3a"), ("#2f3f78", "#0e1433")

TREASURES: tuple[Treasure, ...] = (
    Treasure(
        "开元铜钱", "奶奶柜底翻出来的一枚老铜钱，挖到就归你，挂在钥匙上辟邪又好看。",
        _coin, _RED_BACK, prize_num=3, forecast_num=20, interval=6, fluctuation=4, cd=3,
    ),
    Treasure(
        "招财金元宝", "黄铜打的小元宝，沉甸甸的，压得住书，也压得住一年的好运。",
        _ingot, _RED_BACK, prize_num=1, forecast_num=24, interval=1, fluctuation=0, cd=4,
    ),
    Treasure(
        "和田玉璧", "玉不大，绳子是我自己编的。谁先挖到，我包好了寄给谁。",
        _jade, _GREEN_BACK, prize_num=2, forecast_num=18, interval=8, fluctuation=5, cd=5,
    ),
    Treasure(
        "海蓝宝石", "去年在海边淘来的蓝石头，阳光下会发亮。真假不保证，好看保证。",
        _gem, _NIGHT_BACK, prize_num=1, forecast_num=30, interval=1, fluctuation=0, cd=3,
    ),
    Treasure(
        "百宝箱的钥匙", "五把钥匙，五位有缘人。箱子在店里，凭钥匙来开，里面有惊喜。",
        _key, _PURPLE_BACK, prize_num=5, forecast_num=30, interval=5, fluctuation=2, cd=2,
    ),
    Treasure(
        "手绘山水折扇", "照着老家后山画的，落款给你留着。夏天快到了，挖一把走。",
        _fan, _BLUE_BACK, prize_num=2, forecast_num=14, interval=5, fluctuation=4, cd=6,
    ),
    Treasure(
        "元宵红灯笼", "竹骨纸面，一共六盏，手快有手慢无。挖到的朋友到巷口来取。",
        _lantern, _NIGHT_BACK, prize_num=6, forecast_num=30, interval=4, fluctuation=1, cd=3,
    ),
    Treasure(
        "东海明珠", "一只贝，一颗珠，就一份。前面挖的人越多，离它越近。",
        _pearl, _BLUE_BACK, prize_num=1, forecast_num=16, interval=1, fluctuation=0, cd=8,
    ),
    Treasure(
        "紫砂小壶", "养了三年的壶，泡什么茶都香。搬家带不走，送给会喝茶的人。",
        _teapot, _GREEN_BACK, prize_num=1, forecast_num=20, interval=1, fluctuation=0, cd=5,
    ),
    Treasure(
        "五仁月饼", "全网最有争议的馅，我妈做的。四块，敢吃的来挖。",
        _mooncake, _SAND_BACK, prize_num=4, forecast_num=12, interval=3, fluctuation=2, cd=2,
    ),
    Treasure(
        "幸运骰子", "挖得快，出得也快：六层之内必有一颗。掷出几点，看你的手气。",
        _die, _PURPLE_BACK, prize_num=1, forecast_num=6, interval=1, fluctuation=0, cd=1,
    ),
    Treasure(
        "开工红包", "老板请客，八块八块地挖。挖到的同事晚上记得加菜。",
        _envelope, _SAND_BACK, prize_num=4, forecast_num=20, interval=4, fluctuation=3, cd=3, money=8,
    ),
)  # fmt: skip
