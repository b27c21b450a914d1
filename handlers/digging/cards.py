"""Cards: a task as lists show it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from handlers.base import of_document
from server.actions.pictures import signed_path
from server.context import Context
from server.game.amounts import total_fen, whole_yuan
from server.game.chance import deepest_level
from server.game.dig import seconds_left
from server.game.ranks import TaskRank
from server.game.reasons import owes, standing_of
from server.game.review import ReviewShown, review_of
from server.game.task import Task, ends_by_ms
from server.store.files import thumbnail_path
from server.store.prizes.prizes import WonPrize


class RankRow(msgspec.Struct, kw_only=True):
    """A kind of prizes. One prize pays `money_fen`, or all prizes share `sum_fen`; both are 0 for goods.

    `pic` and `thumbnail` are like a task's; "" if the kind has no picture of its own.
    """

    name: str
    pic: str
    thumbnail: str
    goods_type: int
    draw_type: int
    prize_num: int
    prizes_left: int
    money_fen: int
    sum_fen: int
    value: int


def rank_rows(
    context: Context, review: ReviewShown, hidden: int, ranks: list[TaskRank], left: list[int]
) -> list[RankRow]:
    """Return the ranks of a task as replies show them; [] if all prizes are alike."""
    return [
        of_document(
            RankRow,
            rank,
            pic=goods_url(context, review, hidden, rank["pic"]),
            thumbnail=goods_url(context, review, hidden, rank["pic"] and thumbnail_path(rank["pic"])),
            prizes_left=prizes_left,
            money_fen=0 if rank["split"] else rank["fen"],
            sum_fen=rank["fen"] if rank["split"] else 0,
            value=rank.get("value", 0),
        )
        for rank, prizes_left in zip(ranks, left, strict=True)
    ]


def value_of(task: Mapping[str, Any], prize: WonPrize) -> int:
    """Return what somebody's prize is worth, as its publisher says; 0 if they did not say."""
    of = task["ranks"][prize["rank"] - 1] if "rank" in prize else task
    return int(of.get("value", 0))


class ShownTask(msgspec.Struct, kw_only=True):
    """The fields that a card and a task's page have in common; see `Card`."""

    code: str
    publisher_id: str
    wxname: str
    wxheadpic: str
    signed: int
    name: str
    pic: str
    thumbnail: str
    goods_type: int
    max_depth: int
    deepest: int
    prize_type: int
    prize_num: int
    money: int
    value: int
    is_cd: int
    now_depth: int
    time: int
    cd_until: int
    prizes_left: int
    draw_type: int
    participants: int
    expires_at: int
    starts_at: int
    place: str
    pickup_time: str
    ranks: list[RankRow]


class Card(ShownTask, kw_only=True):
    """A task in a list. `status` is 0 while it runs, 1 once it has ended. `money` is whole yuan per prize.
    `value` is what one of the goods is worth in whole yuan, as its publisher says; 0 if they did not say.

    `signed` is 1 if `wxname` is a signature instead of the publisher's own name. `wxheadpic` is always the
    publisher's own picture, so a client should not show it beside a signature. `publisher_id` opens
    `/getPublisher`; it is "" if they deleted their account. `draw_type`: 1 on site, 2 by mail. `expires_at`
    is the latest time at which it ends, in unix ms. Before it opens, this is the announced end. It is 0 if no
    end is known, or if the task has ended. `starts_at` is the announced start, in unix ms, 0 if there is
    none; until then the task cools down. `ranks` is [] if all prizes are alike. Otherwise `money` is that of
    the first rank with red packets, and `goods_type` is 1 if there is such a rank. `place` and `pickup_time`
    are for goods on site.
    """

    status: int


def picture_url(context: Context, path: str) -> str:
    """Return the absolute URL of a picture: our paths below PUBLIC_URL, others (WeChat's) unchanged."""
    return context.settings.public_url + path if path.startswith("/") else path


def goods_url(context: Context, review: ReviewShown, hidden: int, path: str) -> str:
    """Return the URL of a task's picture for those who may see the task.

    It is "" if the task is `hidden`, since nobody gets the file then. It is signed while the task is in
    review.
    """
    if hidden or not path:
        return ""
    return picture_url(context, path if review == "shown" else signed_path(context, path))


def owed_fen(task: Task) -> int:
    """Return what the publisher must still pay before the task opens."""
    return total_fen(task) if owes(standing_of(task), task["publisher"]) else 0


def owed_fields(fen: int) -> dict[str, int]:
    """Return the fields by which replies say what is owed: `owed` is in whole yuan, rounded up."""
    return {"need_pay": int(fen > 0), "owed": whole_yuan(fen), "owed_fen": fen}


_IF_ABSENT = {"publisher_id": "", "signed": 0, "value": 0, "starts_at": 0, "place": "", "pickup_time": ""}


def card_fields(context: Context, task: Task) -> dict[str, Any]:
    """Return a card's fields, with the cooldown as it is now, and all other fields of the task's document."""
    now_ms = context.clock.now_ms()
    left = 0 if task["status"] else seconds_left(task["cd_until"], now_ms)
    seen = review_of(task), task.get("hidden", 0)
    return {
        **_IF_ABSENT,
        **task,
        "code": task["_id"],
        "wxheadpic": picture_url(context, task["wxheadpic"]),
        "pic": goods_url(context, *seen, task["pic"]),
        "thumbnail": goods_url(context, *seen, task["thumbnail"]),
        "deepest": deepest_level(task),
        "prize_type": 1 if task["prize_num"] == 1 else 2,
        "is_cd": int(left > 0),
        "time": left,
        "cd_until": task["cd_until"] if left else 0,
        "ranks": rank_rows(context, *seen, task.get("ranks", []), task.get("ranks_left", [])),
        "expires_at": ends_by_ms(task),
    }


def card(context: Context, task: Task) -> Card:
    """Return a task's card."""
    return msgspec.convert(card_fields(context, task), Card)
