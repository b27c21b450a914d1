"""A task's record, and a person in its list."""

from typing import NotRequired, TypedDict

from server.game.amounts import DAY_MS
from server.game.dig import Dig
from server.game.lifecycle import Moved
from server.game.ranks import GivenAs, TaskRank
from server.game.review import ReviewState
from server.game.sealed import Sealed


class Texts(TypedDict):
    """The fields of a task that say what its publisher wrote; see `Task`."""

    name: str
    synopsis: str
    wxname: str
    signed: int
    terms: list[str]
    place: str
    pickup_time: str
    contact: str
    not_sent_to: list[str]


class Task(Texts):
    """A treasure. Times are unix milliseconds, 0 for never; pictures are paths of ours.

    `open` is 1 once it can be dug: goods at once, red packets when they are paid (`paid_by`, an order).
    `last_dig` is the whole record of the newest dig; while `pending` is there, `digs` may lack it.
    `publisher_id` is `publisher`, absent if they were erased. `terms` are what a search
    finds it by.
    `value` is what one of the goods is worth in whole yuan, as its publisher says, absent if they did not
    say. `signed` is 1 if `wxname` is a signature and not the publisher's own name. `end_note` is the reason
    of an operator who ended it. `renamed` counts how often somebody named on its page was erased or chose a
    first name; each process then reads the names again. `due_at` is as `server/store/due.py` explains.

    `review` is absent if the task needs no review, as if it were "shown". Until it is "shown", the task is
    not open. `review_note` says in words why it is held or refused, `hidden_note` why it is hidden. `prepaid`
    is 1 if it was paid while in review: it opens once it is shown. `shown_at` is when it passed the review.
    `reported` is 1 while reports hide it; `reported_at`, since when they do, stays until an operator decides.
    `decided` is how often operators hid or showed it.

    A task with several kinds of prizes has `ranks`, how many of each are still hidden (`ranks_left`), and
    what these pay together (`left_fen`). Then `goods_type` is 1 if at least one kind is red packets,
    and `money` is what a prize of the first such kind pays, in whole yuan. `draw_type` is that of the goods
    if all kinds are goods.
    `kinds` says under which of them the square lists it.

    `place` and `pickup_time` say where and when goods on site are handed over, `not_sent_to` to which
    provinces goods by mail are not sent, and `contact` how winners, and nobody else, reach the publisher.

    `edited` counts how often its publisher changed its texts or its picture, absent if never. `claim_days` is
    as in `claim_days_of`.

    `finds` are the finds that came up there, once each.

    `starts_at` is there if its publisher announced it for that time, `ends_at` if they limited it. Before it
    starts, it cools down: `cd_until` is `starts_at`, and so is `opened_at` once it is open.

    `daily` is the day (2026-12-31) of which an operator made it the daily one (每日一挖).
    """

    _id: str
    publisher: str
    publisher_id: NotRequired[str]
    wxheadpic: str
    goods_type: int
    draw_type: int
    kinds: list[GivenAs]
    money: int
    prize_num: int
    forecast_num: int
    interval: int
    fluctuation: int
    max_depth: int
    is_public: int
    hidden: int
    pic: str
    thumbnail: str
    params: str
    commitment: str
    seed_box: Sealed
    cd_ms: int
    cd_until: int
    now_depth: int
    participants: int
    prizes_left: int
    status: int
    open: int
    created_at: int
    opened_at: int
    expires_at: int
    ended_at: int
    end_reason: str
    last_dig: NotRequired[Dig]
    value: NotRequired[int]
    pending: NotRequired[int]
    paid_by: NotRequired[str]
    end_note: NotRequired[str]
    renamed: NotRequired[int]
    edited: NotRequired[int]
    review: NotRequired[ReviewState]
    review_note: NotRequired[str]
    hidden_note: NotRequired[str]
    shown_at: NotRequired[int]
    prepaid: NotRequired[int]
    reported: NotRequired[int]
    reported_at: NotRequired[int]
    decided: NotRequired[int]
    ranks: NotRequired[list[TaskRank]]
    ranks_left: NotRequired[list[int]]
    left_fen: NotRequired[int]
    finds: NotRequired[list[int]]
    starts_at: NotRequired[int]
    daily: NotRequired[str]
    ends_at: NotRequired[int]
    claim_days: NotRequired[int]
    due_at: NotRequired[int]
    history: NotRequired[list[Moved]]


# How many days ahead a treasure can be announced.
AHEAD_DAYS = 30


def awaited_opening(task: Task) -> int:
    """Return the time (unix ms) of a task's opening that people may have waited for; 0 if nobody did.

    People may have waited if the task was announced or paid, or if a review let it be shown. Nobody waits for
    a task without a cooldown: everybody can dig there at any time.
    """
    awaited = "starts_at" in task or "paid_by" in task or "shown_at" in task
    return task["opened_at"] if awaited and task["cd_ms"] else 0


def unpaid_until_ms(task: Task) -> int:
    """Return until when a task that is not paid is kept (unix ms): a day after it is shown to all, or until
    it ends.

    The day begins when the task is shown, since a red packet can be paid for and opened only from then on.
    """
    until_ms = task.get("shown_at", task["created_at"]) + DAY_MS
    return min(until_ms, task.get("ends_at", until_ms))


def ends_by_ms(task: Task) -> int:
    """Return the latest time (unix ms) at which a task ends; before it opens, the end that was announced.

    Returns 0 if the end depends on when the task opens, or if it has ended.
    """
    return 0 if task["status"] else task["expires_at"] or task.get("ends_at", 0)


class Participant(TypedDict):
    """A person in a task's list, at their place `no` from 1. `layers` is as in their first dig."""

    person_id: str
    no: int
    wxname: str
    wxheadpic: str
    is_prize: int
    layers: NotRequired[int]
