"""The kinds of prizes that a publisher asks for, checked: what each pays, and that the numbers add up."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from server.actions.people.account import take_upload
from server.context import Context
from server.errors import BadRequest
from server.game import draw
from server.game.amounts import FEN_PER_YUAN, in_words
from server.game.ranks import BY_MAIL, GOODS, ON_SITE, RED_PACKET, TaskRank
from server.settings import Settings
from server.store.people.people import Person


class RankSaid(msgspec.Struct, frozen=True, kw_only=True):
    """The name and the picture that a publisher gives a kind of prizes. The draw depends on neither."""

    name: str
    url: str | None = None


class RankDraft(RankSaid, frozen=True, kw_only=True):
    """A kind of prizes: goods, or red packets of `money` yuan or `money_fen` each, or sharing `sum_fen`."""

    prize_num: int
    money: int | None = None
    money_fen: int | None = None
    sum_fen: int | None = None
    value: int | None = None


def make_ranks(
    asked: list[RankDraft], settings: Settings, goods_type: int, draw_type: int | None, prize_num: int
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


def _rank(place: int, asked: RankDraft, settings: Settings, draw_type: int | None) -> TaskRank:
    """Return a rank. One share may be nearly the whole sum, so the sum must not exceed what one prize may
    pay."""
    yuan_fen = None if asked.money is None else asked.money * FEN_PER_YUAN
    sums = [fen for fen in (yuan_fen, asked.money_fen, asked.sum_fen) if fen is not None]
    named = f"第 {place} 种奖品“{asked.name}”"
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


def renamed(ranks: list[TaskRank], said: Sequence[RankSaid]) -> list[TaskRank]:
    """Return a task's ranks with these names. Raises BadRequest unless there is one for each."""
    if not ranks:
        raise _bad("这个宝贝只有一种奖品，没有“各种奖品”可以改")
    if len(said) != len(ranks):
        raise _bad(f"“各种奖品”应为埋下时的 {len(ranks)} 种，一种也不能多，一种也不能少")
    return [rank | {"name": each.name} for rank, each in zip(ranks, said, strict=True)]


async def take_pictures(
    context: Context, publisher: Person, ranks: list[TaskRank], said: Sequence[RankSaid]
) -> None:
    """Give ranks the pictures that are named for them. Raises BadRequest."""
    for place, (rank, asked) in enumerate(zip(ranks, said, strict=True), 1):
        if asked.url:
            title = f"第 {place} 种奖品的图片"
            rank["pic"] = await take_upload(context, publisher, asked.url, title=title, param="prizes")


def first_yuan(ranks: list[TaskRank]) -> int:
    """Return what the first rank with red packets pays a prize on average, in whole yuan; 0 without one."""
    each = [rank["fen"] // (rank["prize_num"] if rank["split"] else 1) for rank in ranks if rank["fen"]]
    return each[0] // FEN_PER_YUAN if each else 0


def _bad(msg: str) -> BadRequest:
    return BadRequest(msg, param="prizes")
