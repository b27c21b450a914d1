"""Whether others may see what somebody published: the lifecycle of a review. Pure.

A review that ended stays due until its outcome is written into the task or the person's record. Then it is
deleted, except for the review of a refused profile, which stays.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

from server.game.amounts import DAY_MS
from server.game.lifecycle import NOW, Row, Table, With
from server.game.ranks import is_mailed

ReviewState: TypeAlias = Literal["checking", "shown", "held", "refused"]
# The states as clients see them: an operator may also hide what was shown.
ReviewShown: TypeAlias = Literal["checking", "shown", "held", "refused", "hidden"]
Part: TypeAlias = Literal["text", "picture"]
IN_REVIEW: tuple[ReviewState, ...] = ("checking", "held")
_LEVELS_A_PRIZE = 3
# For so many days the prizes by mail of a publisher's tasks are added up.
MAILED_DAYS = 30
# Without an operator's decision, reports hide a task for this long.
REPORTED_MS = DAY_MS

review = Table("review", first="checking", ends="shown refused", due="checking shown refused")


@review.by("wechat")
def said(part: Part, suggest: str, risk: str) -> Row:
    """WeChat says what it thinks of a text or picture, and the kind of risk that it sees; "" for no risk."""
    return Row("checking", sets={f"{part}_said": suggest, **({"risks": With(risk)} if risk else {})})


@review
def asked(trace_id: str, now_ms: int, due_at_ms: int) -> Row:
    """WeChat checks the picture from now on; its result comes under this id."""
    return Row("checking", sets={"traces": With(trace_id), "asked_at": now_ms, "due_at": due_at_ms})


@review
def next_picture(passed: str, more: list[str]) -> Row:
    """WeChat found nothing in the picture `passed`; the first of `more` is checked next."""
    return Row(
        "checking",
        where={"picture": passed},
        sets={
            "picture": more[0],
            "more": more[1:],
            "picture_said": "",
            "asked_at": 0,
            "traces": [],
            "due_at": NOW,
        },
    )


@review
def wake() -> Row:
    """The result of the picture's check came."""
    return Row("checking", sets={"due_at": NOW})


@review.by("server")
def concluded(state: Literal["shown", "held", "refused"], why: str) -> Row:
    """The check ended with this state, for these reasons."""
    return Row(f"checking -> {state}", sets={"why": why, "due_at": NOW})


@review.by("operator")
def decided(state: Literal["shown", "refused"], why: str) -> Row:
    """An operator decided that a held review ends with this state."""
    return Row(f"held -> {state}", sets={"why": why, "due_at": NOW})


def review_of(task: Mapping[str, object]) -> ReviewShown:
    """Return whether others may see a task ("shown"), or why not. A task without the field `review` needs no
    review.

    A task that enough people reported is held until an operator decides.
    """
    match task.get("review"):
        case "checking" | "held" | "refused" as review:
            return review
    if not task.get("hidden"):
        return "shown"
    return "held" if task.get("reported") else "hidden"


def mailed_prizes(task: Mapping[str, Any]) -> int:
    """Return how many prizes of a task are goods by mail."""
    return sum(each["prize_num"] for each in task.get("ranks", [task]) if is_mailed(each))


def why_looked_at(task: Mapping[str, Any], lately: Iterable[Mapping[str, Any]], most_prizes: int) -> str:
    """Return in words why an operator has to look at a task before others see it, "" if nobody has to.

    The winners of goods by mail send their addresses to the publisher. So a task waits if `lately`, the tasks
    that its publisher published lately, have more than `most_prizes` prizes by mail, or if it has itself more
    than one for every three levels. A task with a single prize has `forecast_num` levels.
    """
    mailed = mailed_prizes(task)
    if not mailed:
        return ""
    if sum(map(mailed_prizes, lately)) > most_prizes:
        return f"{MAILED_DAYS} 天里邮寄的奖品超过 {most_prizes} 份，为保护中奖者的地址，要人工看一看"
    one = task["prize_num"] == 1
    levels = task["forecast_num"] if one else task["interval"] * task["prize_num"] // mailed
    if levels < _LEVELS_A_PRIZE:
        return f"邮寄的奖品平均不到 {_LEVELS_A_PRIZE} 层就有一份，为保护中奖者的地址，要人工看一看"
    return ""


def note_of(task: Mapping[str, object]) -> str:
    """Return in words why others may not see a task, "" if there is nothing to say."""
    reviewed = task.get("review") in ("checking", "held", "refused")
    return str(task.get("review_note" if reviewed else "hidden_note", ""))


def is_checking(task: Mapping[str, object]) -> bool:
    """Whether WeChat is still checking a task, or an edit of it."""
    return task.get("review") == "checking"


def is_taken_down(task: Mapping[str, object]) -> bool:
    """Whether an operator hides a task, in review or not. Reports alone do not count."""
    return bool(task.get("hidden")) and not task.get("reported")


def reported_until_ms(task: Mapping[str, Any]) -> int:
    """Return until when reports alone hide a task (unix ms); 0 if they do not hide it."""
    return task["reported_at"] + REPORTED_MS if task.get("reported") else 0


def is_shown(task: Mapping[str, object]) -> bool:
    """Whether others than its publisher may see a task."""
    return review_of(task) == "shown"
