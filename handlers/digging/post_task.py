"""`postTask`: two interfaces at one path. With `code` it digs, with `goods_type` it publishes."""

from typing import Annotated, TypeVar

import msgspec

from handlers.base import Interface, Reply
from handlers.digging.cards import owed_fen, owed_fields, picture_url
from handlers.limits import address_of, limit
from handlers.parameters import CodeOrShare, Unionid, parse, whole_number
from server.actions.digging.dig import DigAttempt, dig
from server.actions.digging.draft import NAMED, Draft, RankRequest, RankTextsRequest
from server.actions.digging.publish import publish
from server.decoding import decode, named
from server.errors import BadRequest, NoSuchTask
from server.game.chance import outlook_after
from server.game.dig import seconds_left
from server.game.draw import MOST_RANKS, read_rules
from server.game.ranks import BY_MAIL, ON_SITE
from server.game.review import ReviewShown, review_of
from server.security.addresses import client_ip

_Rank = TypeVar("_Rank", bound=RankTextsRequest)


class DigRequest(msgspec.Struct):
    """The client makes a new `dig_id` for each dig. The same `dig_id` always gets the same reply."""

    unionid: Unionid
    code: CodeOrShare
    dig_id: Annotated[str, named("这一锹的编号", "8 到 64 位字母或数字", pattern=NAMED)] | None = None


class DigReply(Reply, kw_only=True):
    """What the dig found, and the cooldown that it began. `wxname` and `wxheadpic` are the digger's.

    If it won and prizes have ranks, `rank` is the place of its prize in `ranks`, from 1, and `money_fen` what
    this prize pays; otherwise both are 0. `find` is the find that it brought up, from 1; 0 if none. `one_in`,
    `nearest` and `deepest` are an `Outlook`.
    """

    is_prize: int
    find: int
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


class PublishRequest(Draft, kw_only=True):
    """Parameters that do not apply are ignored: `money` for goods, `draw_type` for red packets and so on.

    The client makes a new `publish_id` for each task. The same `publish_id` always gets the same task. The
    same `sealed_seed` with the same `nonce` also gets the same task, and needs no `publish_id`. Without these
    two, the server draws alone.

    `prizes` are several kinds of prizes, as a JSON list or its text, in place of `money` and `value`. Their
    numbers add up to `prize_num`, `goods_type` is 1 if one of them is paid, and `draw_type` is for the goods.
    They need `sealed_seed` and `nonce`, because both sides draw which prize lies at which depth.
    """

    unionid: Unionid


class PublishReply(Reply, kw_only=True):
    """`owed`: whole yuan to pay before the task opens, rounded up; `owed_fen` is exact.

    `review` is "checking" if the task is checked before others see it.
    """

    code: str
    need_pay: int
    owed: int
    owed_fen: int
    review: ReviewShown


class PostTask(Interface, path="/postTask", method="POST"):
    """Dig a task, or publish one."""

    _hung_up = False
    _asked: DigAttempt | None = None  # the dig that is asked for, once it is known whose it is

    def on_connection_close(self) -> None:
        """Note that the client hung up: the dig is perhaps not worth a try any more."""
        super().on_connection_close()
        self._hung_up = True
        if self._asked is not None:
            self._asked.hung_up = True

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
        code, _ = self.context.visiting.resolve(request.code)
        if code is None:
            raise NoSuchTask
        self._asked = DigAttempt(
            code=code,
            person_id=self.caller.person_id,
            dig_id=request.dig_id or "",
            generation=self.caller.generation,
            address=address_of(self.context, self.request, read=client_ip),
            arrived=self.arrived,
            hung_up=self._hung_up,
        )
        dug = await dig(self.context, self._asked)
        made = dug.dig
        left = seconds_left(made["cd_until"], self.context.clock.now_ms())
        return DigReply(
            is_prize=made["is_prize"],
            find=made.get("find", 0),
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
            joined=int("n" in made),  # only a person's first dig of the task has `n`
            repeated=int(dug.repeated),
            **msgspec.structs.asdict(outlook_after(read_rules(dug.params), made)),
        )

    async def _publish(self, request: PublishRequest) -> PublishReply:
        person = await self.active_person()
        await limit(self.context, self.request, self.caller, {"publishes": 1})
        task = await publish(self.context, person, request)
        reply = {"code": task["_id"], "review": review_of(task), **owed_fields(owed_fen(task))}
        return msgspec.convert(reply, PublishReply)


def ranks_of(asked: object, kind: type[_Rank]) -> list[_Rank]:
    """Return the kinds of prizes that a request asks for, given as a list or, in a form, as its text.

    Raises BadRequest, also if they have a field of `RankRequest` that this `kind` lacks.
    """
    fixed = set(RankRequest.__struct_fields__).difference(kind.__struct_fields__)
    try:
        listed = decode(asked) if isinstance(asked, str) else asked
    except ValueError:
        listed = None
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise BadRequest("“各种奖品”应为最多 10 种奖品的 JSON 列表", param="prizes")
    ranks = []
    for place, each in enumerate(listed[: MOST_RANKS + 1], 1):  # `publish` refuses more
        if any(each.get(name) not in (None, "") for name in fixed):
            raise BadRequest(f"第 {place} 种奖品：份数和金额埋下时就定了，只能改名称和图片", param="prizes")
        try:
            ranks.append(parse(kind, each))
        except BadRequest as refused:
            raise BadRequest(f"第 {place} 种奖品：{refused.msg}", param="prizes") from None
    return ranks


def _inapplicable(values: dict[str, object]) -> list[str]:
    """Return the names of parameters that do not apply. Forms send them along; their values are ignored."""
    of_site = ["place", "pickup_time"]
    of_mail = ["not_sent_to"]
    if values.get("prizes") not in (None, ""):
        names = ["money", "value"]
    else:
        names = {1: ["draw_type", "value"], 2: ["money"]}.get(whole_number(values.get("goods_type")) or 0, [])
    given = 0 if "draw_type" in names else whole_number(values.get("draw_type")) or 0
    names += {ON_SITE: of_mail, BY_MAIL: of_site}.get(given, of_site + of_mail)
    return names + (["interval", "fluctuation"] if whole_number(values.get("prize_num")) == 1 else [])
