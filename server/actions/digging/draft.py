"""What a publisher asks for: a new task, or other texts and pictures of their task.

Each value is checked against its declared range before it comes here. The requests in `handlers/` add the id
of the caller.
"""

from typing import Annotated

import msgspec

from server.decoding import named
from server.game.draw import NONCE
from server.security.plain_text import LINES, NOT_BLANK, ONE_LINE

# The form of the ids that a client gives to its requests, so that it can repeat them.
NAMED = r"\A[0-9A-Za-z_\-]{8,64}\Z"
SEALED_SEED = r"\A[0-9a-f]{100,400}\Z"

PictureUrl = Annotated[str, named("图片", "自己在这里上传过的图片", max_length=500)]
StartsAt = Annotated[int, named("什么时候开挖", "以后的时刻（毫秒时间戳）", ge=1)]
ValueYuan = Annotated[int, named("每份值多少元", "1 到 50000 的整数", ge=1, le=50_000)]


class RankTextsRequest(msgspec.Struct, kw_only=True):
    """The texts and the picture of one kind of prizes."""

    name: Annotated[str, named("名称", "1 到 20 个字", max_length=20, pattern=NOT_BLANK, extra=ONE_LINE)]
    url: PictureUrl | None = None


class RankRequest(RankTextsRequest, kw_only=True):
    """A kind of prizes. With none of `money`, `money_fen` and `sum_fen` it is goods."""

    prize_num: Annotated[int, named("份数", "1 到 1000 的整数", ge=1, le=1000)]
    money: Annotated[int, named("每份多少元", "1 以上的整数", ge=1, le=1_000_000)] | None = None
    money_fen: Annotated[int, named("每份多少分", "10 以上的整数", ge=10, le=100_000_000)] | None = None
    sum_fen: Annotated[int, named("一起分多少分", "10 以上的整数", ge=10, le=100_000_000)] | None = None
    value: ValueYuan | None = None


class TextsRequest(msgspec.Struct, kw_only=True):
    """The texts and the picture of a task.

    `place` and `pickup_time` are for goods on site, `not_sent_to` is for goods by mail. Only winners see
    `contact`.
    """

    name: Annotated[str, named("物品名", "1 到 50 个字", max_length=50, pattern=NOT_BLANK, extra=ONE_LINE)]
    url: PictureUrl | None = None
    wxname: (
        Annotated[str, named("署名", "1 到 32 个字", max_length=32, pattern=NOT_BLANK, extra=ONE_LINE)] | None
    ) = None
    synopsis: Annotated[str, named("简介", "不超过 2000 个字的文字", max_length=2000, extra=LINES)] = ""
    place: Annotated[str, named("领取地点", "不超过 100 个字的文字", max_length=100, extra=ONE_LINE)] = ""
    pickup_time: Annotated[str, named("领取时间", "不超过 50 个字的文字", max_length=50, extra=ONE_LINE)] = ""
    contact: Annotated[str, named("联系方式", "不超过 50 个字的文字", max_length=50, extra=ONE_LINE)] = ""
    not_sent_to: Annotated[
        str, named("不寄到哪里", "省级地区，用顿号或逗号隔开", max_length=200, extra=ONE_LINE)
    ] = ""


class Draft(TextsRequest, kw_only=True):
    """A new task. `publish` checks its values together."""

    goods_type: Annotated[int, named("埋什么", "1 或 2", ge=1, le=2)]
    prize_num: Annotated[int, named("奖品数量", "1 到 1000 的整数", ge=1, le=1000)]
    forecast_num: Annotated[int, named("预计挖多少锹", "1 到 1000000 的整数", ge=1, le=1_000_000)]
    money: Annotated[int, named("每个红包多少元", "1 以上的整数", ge=1, le=1_000_000)] | None = None
    value: ValueYuan | None = None
    interval: Annotated[int, named("每隔多少层一份奖品", "1 到 100000 的整数", ge=1, le=100_000)] | None = (
        None
    )
    fluctuation: (
        Annotated[int, named("上下浮动多少层", "0 以上的整数，小于间隔的层数", ge=0, le=99_999)] | None
    ) = None
    prizes: Annotated[list[RankRequest], named("各种奖品", "最多 10 种奖品的 JSON 列表")] | None = None
    starts_at: StartsAt | None = None
    ends_at: Annotated[int, named("什么时候结束", "开挖以后的时刻（毫秒时间戳）", ge=1)] | None = None
    draw_type: Annotated[int, named("怎么给", "1（现场领取）或 2（邮寄）", ge=1, le=2)] | None = None
    is_public: Annotated[int, named("谁能看到", "0（只有拿到链接的人）或 1（广场）", ge=0, le=1)] = 1
    cd: Annotated[int, named("每锹之后冷却几秒", "0 到 3600 的整数", ge=0, le=3600)] | None = None
    publish_id: Annotated[str, named("这次发布的编号", "8 到 64 位字母或数字", pattern=NAMED)] | None = None
    sealed_seed: (
        Annotated[str, named("服务器的随机数", "从服务器领到的那一份", pattern=SEALED_SEED)] | None
    ) = None
    nonce: Annotated[str, named("你的随机数", "16 字节，写成 32 位小写的十六进制", pattern=NONCE)] | None = (
        None
    )


class Edited(TextsRequest, kw_only=True):
    """A task's new texts and pictures. `prizes` has all kinds of prizes in order, None to leave them.

    `starts_at` is when digging begins, None to leave it.
    """

    starts_at: StartsAt | None = None

    prizes: Annotated[list[RankTextsRequest], named("各种奖品", "埋下时各种奖品的 JSON 列表")] | None = None
