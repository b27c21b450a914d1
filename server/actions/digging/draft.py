"""What a publisher asks for: a new task, or other texts and pictures of their task.

Each value is checked against its declared range before it comes here. The requests in `handlers/` add the id
of the caller.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from server.game.draw import NONCE
from server.security.plain_text import LINES, NOT_BLANK, ONE_LINE

# The form of the ids that a client gives to its requests, so that it can repeat them.
NAMED = r"\A[0-9A-Za-z_\-]{8,64}\Z"
SEALED_SEED = r"\A[0-9a-f]{100,400}\Z"

PictureUrl = Annotated[str, Meta(max_length=500, title="图片", description="自己在这里上传过的图片")]
StartsAt = Annotated[int, Meta(ge=1, title="什么时候开挖", description="以后的时刻（毫秒时间戳）")]
ValueYuan = Annotated[int, Meta(ge=1, le=50_000, title="每份值多少元", description="1 到 50000 的整数")]


class RankTextsRequest(msgspec.Struct, kw_only=True):
    """The texts and the picture of one kind of prizes."""

    name: Annotated[
        str,
        Meta(max_length=20, pattern=NOT_BLANK, extra=ONE_LINE, title="名称", description="1 到 20 个字"),
    ]
    url: PictureUrl | None = None


class RankRequest(RankTextsRequest, kw_only=True):
    """A kind of prizes. With none of `money`, `money_fen` and `sum_fen` it is goods."""

    prize_num: Annotated[int, Meta(ge=1, le=1000, title="份数", description="1 到 1000 的整数")]
    money: (
        Annotated[int, Meta(ge=1, le=1_000_000, title="每份多少元", description="1 以上的整数")] | None
    ) = None
    money_fen: (
        Annotated[int, Meta(ge=10, le=100_000_000, title="每份多少分", description="10 以上的整数")] | None
    ) = None
    sum_fen: (
        Annotated[int, Meta(ge=10, le=100_000_000, title="一起分多少分", description="10 以上的整数")] | None
    ) = None
    value: ValueYuan | None = None


class TextsRequest(msgspec.Struct, kw_only=True):
    """The texts and the picture of a task.

    `place` and `pickup_time` are for goods on site, `not_sent_to` is for goods by mail. Only winners see
    `contact`.
    """

    name: Annotated[
        str,
        Meta(max_length=50, pattern=NOT_BLANK, extra=ONE_LINE, title="物品名", description="1 到 50 个字"),
    ]
    url: PictureUrl | None = None
    wxname: (
        Annotated[
            str,
            Meta(max_length=32, pattern=NOT_BLANK, extra=ONE_LINE, title="署名", description="1 到 32 个字"),
        ]
        | None
    ) = None
    synopsis: Annotated[
        str, Meta(max_length=2000, extra=LINES, title="简介", description="不超过 2000 个字的文字")
    ] = ""
    place: Annotated[
        str, Meta(max_length=100, extra=ONE_LINE, title="领取地点", description="不超过 100 个字的文字")
    ] = ""
    pickup_time: Annotated[
        str, Meta(max_length=50, extra=ONE_LINE, title="领取时间", description="不超过 50 个字的文字")
    ] = ""
    contact: Annotated[
        str, Meta(max_length=50, extra=ONE_LINE, title="联系方式", description="不超过 50 个字的文字")
    ] = ""
    not_sent_to: Annotated[
        str,
        Meta(max_length=200, extra=ONE_LINE, title="不寄到哪里", description="省级地区，用顿号或逗号隔开"),
    ] = ""


class Draft(TextsRequest, kw_only=True):
    """A new task. `publish` checks its values together."""

    goods_type: Annotated[int, Meta(ge=1, le=2, title="埋什么", description="1 或 2")]
    prize_num: Annotated[int, Meta(ge=1, le=1000, title="奖品数量", description="1 到 1000 的整数")]
    forecast_num: Annotated[
        int, Meta(ge=1, le=1_000_000, title="预计挖多少锹", description="1 到 1000000 的整数")
    ]
    money: (
        Annotated[int, Meta(ge=1, le=1_000_000, title="每个红包多少元", description="1 以上的整数")] | None
    ) = None
    value: ValueYuan | None = None
    interval: (
        Annotated[int, Meta(ge=1, le=100_000, title="每隔多少层一份奖品", description="1 到 100000 的整数")]
        | None
    ) = None
    fluctuation: (
        Annotated[
            int, Meta(ge=0, le=99_999, title="上下浮动多少层", description="0 以上的整数，小于间隔的层数")
        ]
        | None
    ) = None
    prizes: (
        Annotated[list[RankRequest], Meta(title="各种奖品", description="最多 10 种奖品的 JSON 列表")] | None
    ) = None
    starts_at: StartsAt | None = None
    ends_at: (
        Annotated[int, Meta(ge=1, title="什么时候结束", description="开挖以后的时刻（毫秒时间戳）")] | None
    ) = None
    draw_type: (
        Annotated[int, Meta(ge=1, le=2, title="怎么给", description="1（现场领取）或 2（邮寄）")] | None
    ) = None
    is_public: Annotated[
        int, Meta(ge=0, le=1, title="谁能看到", description="0（只有拿到链接的人）或 1（广场）")
    ] = 1
    cd: (
        Annotated[int, Meta(ge=0, le=3600, title="每锹之后冷却几秒", description="0 到 3600 的整数")] | None
    ) = None
    publish_id: (
        Annotated[str, Meta(pattern=NAMED, title="这次发布的编号", description="8 到 64 位字母或数字")] | None
    ) = None
    sealed_seed: (
        Annotated[
            str, Meta(pattern=SEALED_SEED, title="服务器的随机数", description="从服务器领到的那一份")
        ]
        | None
    ) = None
    nonce: (
        Annotated[
            str, Meta(pattern=NONCE, title="你的随机数", description="16 字节，写成 32 位小写的十六进制")
        ]
        | None
    ) = None


class Edited(TextsRequest, kw_only=True):
    """A task's new texts and pictures. `prizes` has all kinds of prizes in order, None to leave them.

    `starts_at` is when digging begins, None to leave it.
    """

    starts_at: StartsAt | None = None

    prizes: (
        Annotated[
            list[RankTextsRequest], Meta(title="各种奖品", description="埋下时各种奖品的 JSON 列表")
        ]
        | None
    ) = None
