"""Cards: a task as lists show it."""

from __future__ import annotations

import msgspec

from server.actions.pictures import signed_path
from server.context import Context
from server.game.chance import deepest_level
from server.game.dig import seconds_left
from server.game.review import ReviewShown, review_of
from server.game.task import Task


class Card(msgspec.Struct, kw_only=True):
    """A task in a list. `status` is 0 while it runs, 1 once it has ended. `money` is whole yuan per prize.
    `value` is what one of the goods is worth by its publisher, in whole yuan; 0 if they did not say.

    `signed` is 1 if `wxname` is a signature instead of the publisher's own name. `wxheadpic` is always the
    publisher's own picture, so a client should not show it beside a signature. `draw_type`: 1 on site, 2 by
    mail. `expires_at` is when it ends if its prizes last, unix ms; 0 unless it runs.
    """

    code: str
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
    status: int
    now_depth: int
    time: int
    cd_until: int
    prizes_left: int
    draw_type: int
    participants: int
    expires_at: int


def picture_url(context: Context, path: str) -> str:
    """Return the absolute URL of a picture: our paths below PUBLIC_URL, others (WeChat's) unchanged."""
    return context.settings.public_url + path if path.startswith("/") else path


def goods_url(context: Context, review: ReviewShown, hidden: int, path: str) -> str:
    """Return the URL of a task's picture for those who may see the task.

    It is "" if the task is `hidden`, for then nobody gets the file, and signed while the task is in review.
    """
    if hidden:
        return ""
    return picture_url(context, path if review == "shown" else signed_path(context, path))


def owed_yuan(task: Task) -> int:
    """Return what the publisher must still pay before the task opens, in whole yuan."""
    settled = task["open"] or task["status"] or task.get("prepaid", 0)
    return 0 if settled else task["money"] * task["prize_num"]


def card_fields(context: Context, task: Task) -> dict[str, str | int]:
    """Return a card's fields, with the cooldown as it is now."""
    now_ms = context.clock.now_ms()
    left = 0 if task["status"] else seconds_left(task["cd_until"], now_ms)
    seen = review_of(task), task.get("hidden", 0)
    return {
        "code": task["_id"],
        "wxname": task["wxname"],
        "wxheadpic": picture_url(context, task["wxheadpic"]),
        "signed": task.get("signed", 0),
        "name": task["name"],
        "pic": goods_url(context, *seen, task["pic"]),
        "thumbnail": goods_url(context, *seen, task["thumbnail"]),
        "goods_type": task["goods_type"],
        "max_depth": task["max_depth"],
        "deepest": deepest_level(task),
        "prize_type": 1 if task["prize_num"] == 1 else 2,
        "prize_num": task["prize_num"],
        "money": task["money"],
        "value": task.get("value", 0),
        "is_cd": int(left > 0),
        "status": task["status"],
        "now_depth": task["now_depth"],
        "time": left,
        "cd_until": task["cd_until"] if left else 0,
        "prizes_left": task["prizes_left"],
        "draw_type": task["draw_type"],
        "participants": task["participants"],
        "expires_at": 0 if task["status"] else task["expires_at"],
    }


def card(context: Context, task: Task) -> Card:
    """Return a task's card."""
    return msgspec.convert(card_fields(context, task), Card)
