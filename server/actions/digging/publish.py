"""Publishing a task: check its rules and its prizes, seal its seed, fix its commitment.

The seed is drawn here, or was drawn before the publisher chose a nonce: `server/actions/digging/commit.py`.
"""

import secrets
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import msgspec

from server.actions.digging.commit import open_commitment
from server.actions.digging.draft import Draft, RankRequest, RankTextsRequest, TextsRequest
from server.actions.messages.write import announce_to_followers
from server.actions.people.account import check_ban, take_upload
from server.actions.pictures import draw_red_packet
from server.actions.reviews.submit import may_be_looked_at, submit_task
from server.context import Context
from server.errors import BadCommitment, BadRequest, DiskLow
from server.game import draw
from server.game.amounts import DAY_MS, FEN_PER_YUAN, FOLLOWED_MS, in_words, ranks_fen
from server.game.provinces import provinces_in
from server.game.ranks import BY_MAIL, GOODS, ON_SITE, RED_PACKET, TaskRank, kinds_of
from server.game.review import is_checking
from server.game.task import AHEAD_DAYS, Task, Texts, unpaid_until_ms
from server.security.random_codes import derived_code, random_code
from server.settings import Settings
from server.store.digging.terms import terms_of
from server.store.files import thumbnail_path
from server.store.people.people import Person, is_named, shown_face, shown_name
from server.telemetry import metrics

GOODS_ONLY = "这里只能埋实物"
_USED = (
    "服务器的那一半随机数已经用过：每份只能埋一个宝贝。请到“我的”看看是不是已经埋下了，再点一次会换一份新的"
)
LEAST_MS = 10 * 60_000  # the shortest time in which a task can be dug
_Value = TypeVar("_Value", int, str)


class _Prizes(NamedTuple):
    """The prizes of a task. `ranks` is [] if all prizes are alike, each of `money` yuan (0 for goods)."""

    ranks: list[TaskRank]
    money: int
    draw_type: int


async def publish(context: Context, publisher: Person, draft: Draft) -> Task:
    """Fix the draw and save the task. A red packet stays closed until it is paid.

    If WeChat checks contents, the task stays closed and hidden from others until it has passed. If an
    operator has to look at the task first (`why_looked_at`), it stays closed and hidden until then. If the
    same publisher repeats a `publish_id`, or a `sealed_seed` with its `nonce`, they get the task that was
    saved the first time.

    Raises BadRequest if the values do not fit together, or the publisher did not upload the picture here;
    BadCommitment; DiskLow; Banned.
    """
    if context.disk.low:
        raise DiskLow
    settings = context.settings
    red_packet = draft.goods_type == RED_PACKET
    if red_packet and not settings.takes_cash:
        raise BadRequest(GOODS_ONLY, param="goods_type")
    prizes = _prizes(settings, draft)
    cd_seconds = settings.cooldown_seconds if draft.cd is None else draft.cd
    seed, code = await _draw(context, publisher, draft)
    lasts_ms = longest_ms(
        draft.starts_at or 0, draft.ends_at or 0, context.clock.now_ms(), settings.task_days
    )
    rules = _rules(draft, prizes.ranks, seed, code, lasts_ms // 1000, cd_seconds)
    if red_packet:
        _refuse_certain(rules, cd_seconds, settings)
    await take_pictures(context, publisher, prizes.ranks, draft.prizes or [])
    pic = await _picture(context, publisher, draft, 0 if prizes.ranks else prizes.money)
    await _refuse_banned_meanwhile(context, publisher)
    while True:
        task = _task(context, publisher, draft, prizes, rules, seed, cd_seconds, pic)
        await announce_to_followers(context, task)
        published = await context.store.tasks.add(task)
        if published is not None:
            break
        if draft.nonce:  # the code follows from it, and a task of another person has that code
            raise BadCommitment(_USED)
        rules = msgspec.structs.replace(rules, code=random_code())
    if draft.nonce and draw.read_rules(published["params"]).nonce != draft.nonce:
        raise BadCommitment(_USED)
    if is_checking(published):
        await submit_task(context, published, publisher["openid"])
        # The task is submitted, so the sweep need not look at it soon: the end of its check makes it due.
        await context.store.tasks.again(published, unpaid_until_ms(published))
    context.square.forget()
    if published["commitment"] == task["commitment"]:
        metrics.TASKS.labels("red_packet" if red_packet else "goods").inc()
    return published


def longest_ms(starts_at: int, ends_at: int, now_ms: int, task_days: int) -> int:
    """Return the longest time in which a task with this start and end can be dug, in ms; each may be 0.

    Raises BadRequest.
    """
    if starts_at and not now_ms < starts_at <= now_ms + AHEAD_DAYS * DAY_MS:
        raise BadRequest(f"“什么时候开挖”应在现在之后、{AHEAD_DAYS} 天之内", param="starts_at")
    begins_ms = max(now_ms, starts_at)
    lasts_ms = task_days * DAY_MS
    if ends_at and not begins_ms + LEAST_MS <= ends_at <= begins_ms + lasts_ms:
        raise BadRequest(
            f"“什么时候结束”应在开挖 {LEAST_MS // 60_000} 分钟之后、{task_days} 天之内", param="ends_at"
        )
    return ends_at - begins_ms if ends_at else lasts_ms


def _make_ranks(
    asked: list[RankRequest], settings: Settings, goods_type: int, draw_type: int | None, prize_num: int
) -> list[TaskRank]:
    """Return the ranks of a new task, whose other parameters must agree with them. Raises BadRequest."""
    if not 1 <= len(asked) <= draw.MOST_RANKS:
        raise _bad(f"“各种奖品”最多 {draw.MOST_RANKS} 种，最少 1 种")
    together = sum(each.prize_num for each in asked)
    if together != prize_num:
        msg = f"各种奖品加起来是 {together} 份，和“奖品数量”的 {prize_num} 份对不上"
        raise BadRequest(msg, param="prize_num")
    ranks = [_rank(place, each, settings, draw_type) for place, each in enumerate(asked, 1)]
    paid = any(rank["goods_type"] == RED_PACKET for rank in ranks)
    if paid != (goods_type == RED_PACKET):
        right = "1（红包）" if paid else "2（实物）"
        raise BadRequest(f"按填写的各种奖品，“埋什么”应为 {right}", param="goods_type")
    if draw_type is None and any(rank["goods_type"] == GOODS for rank in ranks):
        raise BadRequest("请选择实物“怎么给”：现场领取或邮寄", param="draw_type")
    return ranks


def _rank(place: int, asked: RankRequest, settings: Settings, draw_type: int | None) -> TaskRank:
    """Return a rank. One share may be nearly the whole sum, so the sum must not exceed what one prize may
    pay."""
    yuan_fen = None if asked.money is None else asked.money * FEN_PER_YUAN
    sums = [fen for fen in (yuan_fen, asked.money_fen, asked.sum_fen) if fen is not None]
    named = f"第 {place} 种奖品“{asked.name}”"
    if sums and not settings.takes_cash:
        raise _bad(GOODS_ONLY)
    if len(sums) > 1:
        raise _bad(f"{named}的金额只能填一种：每份多少元、每份多少分，或一起分多少分")
    least = draw.LEAST_FEN * (1 if asked.sum_fen is None else asked.prize_num)
    most = settings.max_red_packet_yuan * FEN_PER_YUAN
    if sums and not least <= sums[0] <= most:
        what = "每份" if asked.sum_fen is None else f"{asked.prize_num} 份一起分的钱"
        range_ = f"{in_words(least)}到 {in_words(most)}，每份至少 {in_words(draw.LEAST_FEN)}"
        raise _bad(f"{named}{what}应为 {range_}")
    rank = TaskRank(
        name=asked.name,
        pic="",
        goods_type=RED_PACKET if sums else GOODS,
        draw_type=ON_SITE if sums else draw_type or BY_MAIL,
        prize_num=asked.prize_num,
        fen=sums[0] if sums else 0,
        split=int(asked.sum_fen is not None),
    )
    if asked.value is not None and not sums:
        rank["value"] = asked.value
    return rank


def renamed(ranks: list[TaskRank], said: Sequence[RankTextsRequest]) -> list[TaskRank]:
    """Return a task's ranks with these names. Raises BadRequest unless there is one name for each rank."""
    if not ranks:
        raise _bad("这个宝贝只有一种奖品，没有“各种奖品”可以改")
    if len(said) != len(ranks):
        raise _bad(f"“各种奖品”应为埋下时的 {len(ranks)} 种，一种也不能多，一种也不能少")
    return [rank | {"name": each.name} for rank, each in zip(ranks, said, strict=True)]


async def take_pictures(
    context: Context, publisher: Person, ranks: list[TaskRank], said: Sequence[RankTextsRequest]
) -> None:
    """Give ranks the pictures that are named for them. Raises BadRequest."""
    for place, (rank, asked) in enumerate(zip(ranks, said, strict=True), 1):
        if asked.url:
            title = f"第 {place} 种奖品的图片"
            rank["pic"] = await take_upload(context, publisher, asked.url, title=title, param="prizes")


def _first_yuan(ranks: list[TaskRank]) -> int:
    """Return what the first rank with red packets pays per prize on average, in whole yuan; 0 if none
    does."""
    each = [rank["fen"] // (rank["prize_num"] if rank["split"] else 1) for rank in ranks if rank["fen"]]
    return each[0] // FEN_PER_YUAN if each else 0


def _bad(msg: str) -> BadRequest:
    return BadRequest(msg, param="prizes")


async def _picture(context: Context, publisher: Person, draft: Draft, money_yuan: int) -> str:
    """Return the path of the draft's picture; a red packet without one gets a picture drawn."""
    if draft.url:
        return await take_upload(context, publisher, draft.url)
    if draft.goods_type == RED_PACKET:
        return await draw_red_packet(context, money_yuan, publisher["_id"])
    raise BadRequest("请先选一张图片", param="url")


async def _refuse_banned_meanwhile(context: Context, publisher: Person) -> None:
    """Raise Banned if the publisher was banned since their record was read. Reads it again only if a token of
    theirs ended."""
    if context.hub.sessions.valid(publisher["_id"]) > publisher["generation"]:
        person = await context.store.people.find(publisher["_id"])
        check_ban(person or publisher, context.clock.now_ms())


async def _draw(context: Context, publisher: Person, draft: Draft) -> tuple[bytes, str]:
    """Return the seed that the publisher brought back, or a new one, and the task's code.

    Raises BadRequest, BadCommitment.
    """
    if draft.sealed_seed is None and draft.nonce is None:
        own = f"{publisher['_id']}:{draft.publish_id}"
        code = derived_code(context.keys.publish_key, own) if draft.publish_id else random_code()
        return secrets.token_bytes(draw.SEED_BYTES), code
    together = "“服务器的随机数”和“你的随机数”要一起传，或者都不传"
    sealed_seed = _required(draft.sealed_seed, "sealed_seed", together)
    _required(draft.nonce, "nonce", together)
    if draft.publish_id is not None:
        raise BadRequest(
            "“这次发布的编号”和“服务器的随机数”只能传一个：同一份随机数本来就只会埋下一个宝贝",
            param="publish_id",
        )
    committed = open_commitment(context, publisher, sealed_seed)
    # A publisher whose reply was lost may ask again more than a day later.
    if committed.expired and await context.store.tasks.find(committed.code) is None:
        raise BadCommitment("服务器的那一半随机数已经过期（一天内有效），请再点一次，换一份新的")
    return committed.seed, committed.code


def _required(value: _Value | None, name: str, msg: str) -> _Value:
    if value is None:
        raise BadRequest(msg, param=name)
    return value


def _prizes(settings: Settings, draft: Draft) -> _Prizes:
    """Return the prizes that a publisher puts in. Raises BadRequest."""
    red_packet = draft.goods_type == RED_PACKET
    if draft.prizes is not None:
        if draft.nonce is None:
            raise BadRequest(
                "有几种奖品时，哪一层是哪一种要由你和服务器一起抽：请先领服务器的随机数", param="sealed_seed"
            )
        ranks = _make_ranks(draft.prizes, settings, draft.goods_type, draft.draw_type, draft.prize_num)
        _refuse_dear(settings, ranks_fen(ranks))
        return _Prizes(ranks, _first_yuan(ranks), ON_SITE if red_packet else ranks[0]["draw_type"])
    if red_packet:
        range_ = f"1 到 {settings.max_red_packet_yuan} 的整数"
        money = _required(draft.money, "money", f"请填写“每个红包多少元”，应为 {range_}")
        if not 1 <= money <= settings.max_red_packet_yuan:
            raise BadRequest(f"“每个红包多少元”应为 {range_}", param="money")
        _refuse_dear(settings, money * draft.prize_num * FEN_PER_YUAN, "money")
        return _Prizes([], money, ON_SITE)
    draw_type = _required(draft.draw_type, "draw_type", "请选择“怎么给”：现场领取或邮寄")
    return _Prizes([], 0, draw_type)


def _refuse_dear(settings: Settings, fen: int, param: str = "prizes") -> None:
    together = settings.cash_order_yuan
    if together and fen > together * FEN_PER_YUAN:
        raise BadRequest(f"所有红包加起来最多 {together} 元，请少发几份或换小一点的红包", param=param)


def _refuse_certain(rules: draw.Rules, cd_seconds: int, settings: Settings) -> None:
    """Raise BadRequest if one person could dig all red packets before others can come.

    The rules must allow the last red packet to lie at level `cash_least_diggers` or deeper. They are part of
    the commitment, so everybody sees this before the first dig, and can verify it.
    """
    least = settings.cash_least_diggers
    least_seconds = settings.cash_least_cd_seconds
    if rules.prize_num == 1:
        if rules.max_depth < least:
            raise BadRequest(f"发红包时“预计挖多少锹”最小为 {least}", param="forecast_num")
    elif rules.prize_num * (rules.interval + rules.fluctuation) < least:
        raise BadRequest(f"发红包时“奖品数量”×（间隔 + 浮动）最小为 {least} 层", param="interval")
    if cd_seconds < least_seconds:
        raise BadRequest(f"发红包时“每锹之后冷却几秒”最小为 {least_seconds}", param="cd")
    least_gap = settings.cash_least_gap
    if rules.prize_num > 1 and rules.interval - rules.fluctuation < least_gap:
        raise BadRequest(
            f"发多个红包时，“上下浮动多少层”要比“每隔多少层一份奖品”至少小 {least_gap}", param="fluctuation"
        )


def _rules(
    draft: Draft, ranks: list[TaskRank], seed: bytes, code: str, lasts_seconds: int, cd_seconds: int
) -> draw.Rules:
    interval = 0
    fluctuation = 0
    if draft.prize_num > 1:
        interval = _required(
            draft.interval, "interval", "请填写“每隔多少层一份奖品”，应为 1 到 100000 的整数"
        )
        range_ = f"应为 0 到 {interval - 1} 的整数"
        fluctuation = _required(draft.fluctuation, "fluctuation", f"请填写“上下浮动多少层”，{range_}")
        if not 0 <= fluctuation < interval:
            raise BadRequest(f"“上下浮动多少层”{range_}，小于间隔的层数", param="fluctuation")
    rules = draw.make_rules(
        code,
        draft.prize_num,
        draft.forecast_num,
        interval,
        fluctuation,
        nonce=draft.nonce or "",
        seed_hash=draw.hash_seed(seed) if draft.nonce else "",
        ranks=tuple(draw.Rank(fen=each["fen"], num=each["prize_num"], split=each["split"]) for each in ranks),
    )
    # The deepest depth must be reachable before the task expires.
    deepest = lasts_seconds // cd_seconds if cd_seconds else rules.max_depth
    if rules.max_depth > deepest:
        until = "到结束时" if draft.ends_at else f" {lasts_seconds * 1000 // DAY_MS} 天内"
        if draft.prize_num > deepest:
            most_seconds = lasts_seconds // draft.prize_num
            raise BadRequest(f"“每锹之后冷却几秒”最大为 {most_seconds}，否则{until}挖不完", param="cd")
        if draft.prize_num * (interval + fluctuation) > deepest:
            raise BadRequest(
                f"“奖品数量”×（间隔 + 浮动）最大为 {deepest} 层，否则{until}挖不完",
                param="interval",
            )
        raise BadRequest(f"“预计挖多少锹”最大为 {deepest}，否则{until}挖不完", param="forecast_num")
    return rules


def texts_of(publisher: Person, said: TextsRequest) -> Texts:
    """Return what a task says, signed by its publisher's own name unless they give another.

    The first name that a person chose may still be unchecked. The task is signed with it all the same,
    because the name is checked with the task before anybody sees either. Raises BadRequest if `not_sent_to`
    has a name that is not a province.
    """
    try:
        not_sent_to = provinces_in(said.not_sent_to)
    except ValueError as error:
        raise BadRequest(
            f"“不寄到哪里”里的“{error}”不是省级地区，请写成“新疆、西藏”这样", param="not_sent_to"
        ) from None
    chosen = publisher.get("chosen", {}).get("wxname")
    own_name = chosen if chosen and not is_named(publisher) else shown_name(publisher)
    signature = said.wxname or own_name
    return Texts(
        name=said.name,
        synopsis=said.synopsis,
        wxname=signature,
        signed=int(signature != own_name),
        terms=terms_of(said.name, signature),
        place=said.place,
        pickup_time=said.pickup_time,
        contact=said.contact,
        not_sent_to=not_sent_to,
    )


def _task(
    context: Context,
    publisher: Person,
    draft: Draft,
    prizes: _Prizes,
    rules: draw.Rules,
    seed: bytes,
    cd_seconds: int,
    pic: str,
) -> Task:
    now_ms = context.clock.now_ms()
    settings = context.settings
    starts_at = draft.starts_at or 0
    ends_at = draft.ends_at or 0
    task: Task = {
        **texts_of(publisher, draft),  # type: ignore[typeddict-item]  # it has no other field of Task
        "_id": rules.code,
        "publisher": publisher["_id"],
        "publisher_id": publisher["_id"],
        "wxheadpic": shown_face(publisher),
        "goods_type": draft.goods_type,
        "draw_type": prizes.draw_type,
        "kinds": [],
        "money": prizes.money,
        "prize_num": rules.prize_num,
        "forecast_num": rules.forecast_num,
        "interval": rules.interval,
        "fluctuation": rules.fluctuation,
        "max_depth": rules.max_depth,
        "is_public": draft.is_public,
        "hidden": 0,
        "pic": pic,
        "thumbnail": thumbnail_path(pic),
        "params": draw.encode_rules(rules),
        "commitment": draw.commitment(seed, rules),
        "seed_box": context.keys.seal("seed", seed, rules.code),
        "cd_ms": cd_seconds * 1000,
        "cd_until": starts_at,
        "now_depth": 0,
        "participants": 0,
        "prizes_left": rules.prize_num,
        "status": 0,
        "open": 0,
        "created_at": now_ms,
        "opened_at": 0,
        "expires_at": 0,
        "ended_at": 0,
        "end_reason": "",
        "claim_days": settings.claim_days,
    }
    task["kinds"] = kinds_of(prizes.ranks or [task])
    if prizes.ranks:
        task["ranks"] = prizes.ranks
        task["ranks_left"] = [rank["prize_num"] for rank in prizes.ranks]
        task["left_fen"] = ranks_fen(prizes.ranks)
    elif draft.value is not None and draft.goods_type == GOODS:
        task["value"] = draft.value
    if starts_at:
        task["starts_at"] = starts_at
    if ends_at:
        task["ends_at"] = ends_at
    if settings.checks_content or may_be_looked_at(settings, task):
        # If this process dies before it submits the task, a sweep does.
        task["review"] = "checking"
        task["due_at"] = now_ms + FOLLOWED_MS
    elif draft.goods_type == GOODS:
        task["open"] = 1
        task["opened_at"] = starts_at or now_ms
        task["expires_at"] = ends_at or task["opened_at"] + settings.task_days * DAY_MS
        task["due_at"] = task["expires_at"]
    else:
        task["due_at"] = unpaid_until_ms(task)
    return task
