"""`postTask`: two interfaces at one path. With `code` it digs, with `goods_type` it publishes."""

from __future__ import annotations

import asyncio
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from handlers.base import Interface, Reply
from handlers.digging.cards import owed_fen, owed_fields, picture_url
from handlers.limits import address_of, leave_place, limit
from handlers.parameters import LINES, NOT_BLANK, ONE_LINE, CodeOrShare, Unionid, parse, whole_number
from server.actions.digging.dig import dig
from server.actions.digging.publish import Draft, publish
from server.actions.digging.visit import visiting_of
from server.errors import BadRequest, NoSuchTask
from server.game.chance import outlook_after
from server.game.dig import seconds_left
from server.game.draw import MOST_RANKS, NONCE, read_rules
from server.game.ranks import BY_MAIL, ON_SITE
from server.game.review import ReviewShown, review_of
from server.security.addresses import client_ip

# The form of the ids that a client gives to its requests, so that it can repeat them.
NAMED = r"\A[0-9A-Za-z_\-]{8,64}\Z"
_Rank = TypeVar("_Rank", bound="RankTextsRequest")
SEALED_SEED = r"\A[0-9a-f]{100,400}\Z"

PictureUrl = Annotated[str, Meta(max_length=500, title="图片", description="自己在这里上传过的图片")]
ValueYuan = Annotated[int, Meta(ge=1, le=50_000, title="每份值多少元", description="1 到 50000 的整数")]


class DigRequest(msgspec.Struct):
    """The client makes a new `dig_id` for each dig. The same `dig_id` always gets the same reply."""

    unionid: Unionid
    code: CodeOrShare
    dig_id: (
        Annotated[str, Meta(pattern=NAMED, title="这一锹的编号", description="8 到 64 位字母或数字")] | None
    ) = None


class DigReply(Reply, kw_only=True):
    """What the dig found, and the cooldown that it began. `wxname` and `wxheadpic` are the digger's.

    If it won and prizes have ranks, `rank` is the place of its prize in `ranks`, from 1, and `money_fen` what
    that pays; otherwise both are 0. `one_in`, `nearest` and `deepest` are an `Outlook`.
    """

    is_prize: int
    rank: int
    money_fen: int
    wxname: str
    wxheadpic: str
    is_cd: int
    time: int
    cd_until: int
    now_depth: int
    seq: int
    task_status: int
    prizes_left: int
    one_in: int
    nearest: int
    deepest: int
    no: int
    joined: int
    repeated: int


class RankTextsRequest(msgspec.Struct, kw_only=True):
    """What a publisher says and shows of a kind of prizes."""

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
    """What a publisher says and shows of a task.

    `place` and `pickup_time` are for goods on site, `not_sent_to` for goods by mail, `contact` only for
    winners.
    """

    unionid: Unionid
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


class PublishRequest(TextsRequest, kw_only=True):
    """Parameters that do not apply are ignored: `money` for goods, `draw_type` for red packets and so on.

    The client makes a new `publish_id` for each task. The same `publish_id` always gets the same task. The
    same `sealed_seed` with the same `nonce` also gets the same task, and needs no `publish_id`. Without these
    two, the server draws alone.

    `prizes` are several kinds of prizes, as a JSON list or its text, in place of `money` and `value`. Their
    numbers add up to `prize_num`, `goods_type` is 1 if one of them is paid, and `draw_type` is for the goods.
    They need `sealed_seed` and `nonce`, because both sides draw which prize lies at which depth.
    """

    goods_type: Annotated[int, Meta(ge=1, le=2, title="埋什么", description="1（红包）或 2（实物）")]
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
    starts_at: (
        Annotated[int, Meta(ge=1, title="什么时候开挖", description="以后的时刻（毫秒时间戳）")] | None
    ) = None
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


class PublishReply(Reply, kw_only=True):
    """`owed`: whole yuan to pay before the task opens, rounded up; `owed_fen` is exact.

    `review` is "checking" if the task is checked before others see it.
    """

    code: str
    need_pay: int
    owed: int
    owed_fen: int
    review: ReviewShown


class PostTask(Interface):
    """Dig a task, or publish one."""

    path = "/postTask"
    method = "POST"

    def pick(self, values: dict[str, object]) -> type[msgspec.Struct]:
        """Choose by `code` or `goods_type`. Raises BadRequest unless exactly one of them is there."""
        digs = values.get("code") not in (None, "")
        publishes = values.get("goods_type") not in (None, "")
        if digs == publishes:
            raise BadRequest(
                "请选一个宝贝来挖，或选“埋什么”来发布，只能二选一", param="code" if digs else "goods_type"
            )
        if digs:
            return DigRequest
        for name in _inapplicable(values):
            values.pop(name, None)
        if values.get("prizes") not in (None, ""):
            values["prizes"] = ranks_of(values["prizes"], RankRequest)
        return PublishRequest

    async def answer(self, request: DigRequest | PublishRequest) -> DigReply | PublishReply:
        """Raises what `dig` and `publish` raise."""
        return await (self._dig(request) if isinstance(request, DigRequest) else self._publish(request))

    async def _dig(self, request: DigRequest) -> DigReply:
        arrived = asyncio.get_running_loop().time()
        code, _ = await visiting_of(self.context).resolve(request.code, in_queue=False)
        if code is None:
            raise NoSuchTask
        dug = await dig(
            self.context,
            code,
            request.unionid,
            request.dig_id or "",
            self.admit,
            self.caller.generation,
            lambda: address_of(self.context, self.request, client_ip),
            arrived=arrived,
            hung_up=lambda: self.hung_up,
            waits=lambda: leave_place(self.request),
        )
        made = dug.dig
        left = seconds_left(made["cd_until"], self.context.clock.now_ms())
        return DigReply(
            is_prize=made["is_prize"],
            rank=made.get("rank", 0),
            money_fen=made.get("fen", 0),
            wxname=made["wxname"],
            wxheadpic=picture_url(self.context, made["wxheadpic"]),
            is_cd=int(left > 0),
            time=left,
            cd_until=made["cd_until"] if left else 0,
            now_depth=made["depth"],
            seq=made["depth"],
            task_status=int("end" in made),
            prizes_left=made["prizes_left"],
            no=made["no"],
            joined=int("n" in made),
            repeated=int(dug.repeated),
            **msgspec.structs.asdict(outlook_after(read_rules(dug.params), made)),
        )

    async def _publish(self, request: PublishRequest) -> PublishReply:
        person = await self.active_person()
        draft = msgspec.convert(request, Draft, from_attributes=True)
        await limit(self.context, self.request, self.caller, {"publishes": 1})
        task = await publish(self.context, person, draft)
        reply = {"code": task["_id"], "review": review_of(task), **owed_fields(owed_fen(task))}
        return msgspec.convert(reply, PublishReply)


def ranks_of(asked: object, kind: type[_Rank]) -> list[_Rank]:
    """Return the kinds of prizes of a request, which may be the text of a form.

    Raises BadRequest, also if they have a field of `RankRequest` that this `kind` lacks.
    """
    fixed = set(RankRequest.__struct_fields__).difference(kind.__struct_fields__)
    try:
        listed = msgspec.json.decode(asked) if isinstance(asked, str) else asked
    except (msgspec.DecodeError, RecursionError):
        listed = None
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise BadRequest("“各种奖品”应为最多 10 种奖品的 JSON 列表", param="prizes")
    ranks = []
    for place, each in enumerate(listed[: MOST_RANKS + 1], 1):  # `publish` refuses more
        if any(each.get(name) not in (None, "") for name in fixed):
            raise BadRequest(
                f"第 {place} 种奖品：份数和金额埋下时就定了，只能改名称和图片", param="prizes"
            )
        try:
            ranks.append(parse(kind, each))
        except BadRequest as refused:
            raise BadRequest(f"第 {place} 种奖品：{refused.msg}", param="prizes") from None
    return ranks


def _inapplicable(values: dict[str, object]) -> list[str]:
    """Return the names of parameters that do not apply. Forms send them along; their values are ignored."""
    of_site, of_mail = ["place", "pickup_time"], ["not_sent_to"]
    if values.get("prizes") not in (None, ""):
        names = ["money", "value"]
    else:
        names = {1: ["draw_type", "value"], 2: ["money"]}.get(whole_number(values.get("goods_type")) or 0, [])
    given = 0 if "draw_type" in names else whole_number(values.get("draw_type")) or 0
    names += {ON_SITE: of_mail, BY_MAIL: of_site}.get(given, of_site + of_mail)
    return names + (["interval", "fluctuation"] if whole_number(values.get("prize_num")) == 1 else [])
