"""A task's page. What is the same for all is made once per change, the rest for each caller."""

import math
from typing import Any, Literal, TypeAlias

import msgspec
from cachetools import LRUCache

from handlers.digging.cards import ShownTask, goods_url, owed_fields, picture_url, rank_rows, value_of
from server.actions.people.account import why_shut_out
from server.actions.pictures import SIGNED_MS
from server.context import Context
from server.game.amounts import FEN_PER_YUAN, claim_days_of, claim_until_ms, total_fen
from server.game.dig import seconds_left
from server.game.prize import GIVEN, PrizeState, claim_from_ms
from server.game.reasons import owes, why_barred, why_closed
from server.game.review import ReviewShown
from server.game.task import Participant
from server.realtime.watched_task import WatchedTask
from server.store.people.people import Person
from server.store.prizes.prizes import WonPrize, unwritten

# A client that may not dig is told a cooldown of this length, so that it does not dig automatically. It may
# ask again at the end of that time, so the time must not be too short.
LEAST_WAIT_SECONDS = 10
PAGES_KEPT = 500

Why: TypeAlias = Literal[
    "", "ended", "no_such_task", "not_paid", "banned", "leaving", "own_task", "already_won", "cooling_down",
]


class ParticipantRow(msgspec.Struct):
    """A participant; `no` is their place, from 1. `layers` is how many layers of finds were whole in
    their book when they joined."""

    is_prize: int
    wxname: str
    wxheadpic: str
    no: int
    layers: int


def participant_rows(context: Context, participants: list[Participant]) -> list[ParticipantRow]:
    """Return participants as replies show them: without their ids."""
    return [
        ParticipantRow(
            p["is_prize"], p["wxname"], picture_url(context, p["wxheadpic"]), p["no"], p.get("layers", 0)
        )
        for p in participants
    ]


class TaskPage(ShownTask, kw_only=True):
    """All that a task's page shows. `is_prize`, `is_draw`, `mine` and `can_dig` are about the caller.

    `created_at` is when it was published: since then its depths are fixed. `mine` is 1 for the publisher,
    even once the task has ended. Digs within `fair_start_ms` after a cooldown are tried in a random order;
    `fair_start_ms` is 0 if they are not. `why_note` is what a banned or leaving caller is told, "" to all
    others. `prize_state` is the state of the caller's prize, as `state` in
    `drawPrize`; "" if they did not win. `claim_until` is the last moment to claim a prize, the caller's if
    they won, in unix ms; 0 while the task runs. `starts_at` and `expires_at` are as on cards. `seed_hash` and
    `nonce` are "" if `rules_version` is 1. Unless `review` is "shown", only the publisher and winners see the
    page. For a winner `goods_type`, `draw_type`, `money`, `money_fen` and `value` are their prize's, and
    `rank` is its place in `ranks`, from 1; 0 if all prizes are alike. `no` is a winner's own place among the
    participants, 0 for who did not win. `thanks` is the sign by which the
    caller thanked for it, "" if they did not. `finds` are what came up there, once
    each.
    """

    is_prize: int
    is_draw: int
    mine: int
    prize_state: PrizeState | Literal[""]
    thanks: str
    money_fen: int
    rank: int
    no: int
    created_at: int
    synopsis: str
    one_in: int
    nearest: int
    users: list[ParticipantRow]
    finds: list[int]
    can_dig: int
    why: Why
    why_note: str
    cd: int
    fair_start_ms: int
    server_time: int
    seq: int
    watchers: int
    commitment: str
    rules_version: int
    seed_hash: str
    nonce: str
    forecast_num: int
    interval: int
    fluctuation: int
    share: str
    end_reason: str
    end_note: str
    claim_until: int
    claim_from: int
    review: ReviewShown
    review_note: str
    edited: int
    contact: str
    not_sent_to: list[str]
    is_public: int
    need_pay: int
    owed: int
    owed_fen: int


class TaskPageData(TaskPage, kw_only=True):
    """The same page again, as `data`. Here `status` is the task's: 0 running, 1 ended."""

    status: int


class GetTaskDetailsReply(TaskPage, kw_only=True):
    """The page, flat as in the original document. Here `status` is the call's, as in any reply."""

    status: int = 0
    msg: str = ""
    data: TaskPageData


# What is the same for all who see a page, by the task's code, with the `version` that it shows and until when
# it may be sent (unix ms): signed addresses of pictures in it run out.
_shared = LRUCache[str, tuple[int, float, dict[str, Any]]](PAGES_KEPT)


def task_page(
    context: Context, watched: WatchedTask, person: Person, *, share: str, prize: WonPrize | None
) -> GetTaskDetailsReply:
    """Return the reply of getTaskDetails to a person, as new as the latest frames of the task.

    `share` is the caller's share token; `prize` is None if they did not win.
    """
    person_id = person["_id"]
    now_ms = context.clock.now_ms()
    version, until_ms, shared = _shared.get(watched.code, (0, 0.0, {}))
    if version != watched.version or now_ms >= until_ms:
        until_ms = math.inf if watched.review == "shown" else now_ms + SIGNED_MS // 2
        shared = _shared_fields(context, watched)
        _shared[watched.code] = watched.version, until_ms, shared
    standing = watched.standing
    won = person_id in watched.winners
    mine = watched.task["publisher"] == person_id
    shut_out = why_shut_out(person, now_ms)
    barred = why_closed(standing, person_id) or shut_out or why_barred(standing, person_id, won=won)
    why = barred.error if barred else ""
    cd_seconds = watched.cd_seconds
    left = 0 if watched.status else seconds_left(watched.cd_until, now_ms)
    wait = max(cd_seconds, LEAST_WAIT_SECONDS) if why and not left else cd_seconds
    shown = unwritten(watched.task) if prize is None else prize
    released_at_ms = 0 if prize is None else prize.get("released_at", 0)
    owed_fen = total_fen(watched.task) if owes(standing, person_id) else 0
    page = {
        **shared,
        "goods_type": shown["goods_type"],
        "draw_type": shown["draw_type"],
        "money": shown["amount_fen"] // FEN_PER_YUAN,
        "money_fen": shown["amount_fen"],
        "value": value_of(watched.task, shown),
        "rank": shown.get("rank", 0),
        "is_prize": int(won),
        "no": watched.winners.get(person_id, 0),
        "is_draw": int(prize is not None and prize["state"] in GIVEN),
        "prize_state": "" if prize is None else prize["state"],
        "thanks": "" if prize is None else prize.get("thanks", ""),
        "claim_until": claim_until_ms(
            watched.ended_at, claim_days_of(watched.task, context.settings.claim_days), released_at_ms
        ),
        "claim_from": claim_from_ms(shown, now_ms),
        "mine": int(mine),
        "contact": watched.task.get("contact", "") if mine or won else "",
        "share": share,
        "is_cd": int(left > 0 or bool(why)),
        "time": left or wait,
        "can_dig": int(not why and not left),
        "why": why or ("cooling_down" if left else ""),
        "why_note": shut_out.msg if shut_out else "",
        "cd_until": watched.cd_until if left else 0,
        "server_time": now_ms,
        "watchers": watched.total,
        **owed_fields(owed_fen),
    }
    return GetTaskDetailsReply(**page, data=TaskPageData(**page, status=watched.status))


# What a page shows as the record has it. No other field of a record is published by bearing a page's name.
_OF_RECORD = (
    "publisher_id", "wxname", "signed", "name", "max_depth", "prize_num", "starts_at", "place", "pickup_time",
    "created_at", "synopsis", "commitment", "forecast_num", "interval", "fluctuation", "edited",
    "not_sent_to", "is_public",
)
_TEXTS = dict.fromkeys(("publisher_id", "place", "pickup_time"), "")
_IF_ABSENT: dict[str, Any] = {**_TEXTS, "signed": 0, "starts_at": 0, "edited": 0, "not_sent_to": []}


def _shared_fields(context: Context, watched: WatchedTask) -> dict[str, Any]:
    """Return the fields of a page that are the same for all callers."""
    task = watched.task
    rules = watched.rules
    seen = watched.review, watched.hidden
    return {
        **_IF_ABSENT,
        **{name: task[name] for name in _OF_RECORD if name in task},
        "wxheadpic": picture_url(context, task["wxheadpic"]),
        "code": watched.code,
        "pic": goods_url(context, *seen, task["pic"]),
        "thumbnail": goods_url(context, *seen, task["thumbnail"]),
        "now_depth": watched.seq,
        **msgspec.structs.asdict(watched.outlook),
        "prize_type": 1 if task["prize_num"] == 1 else 2,
        "ranks": rank_rows(context, *seen, task.get("ranks", []), watched.ranks_left),
        "cd": watched.cd_seconds,
        "fair_start_ms": context.settings.fair_start_ms if watched.cd_seconds else 0,
        "expires_at": 0 if watched.status else watched.ends_by,
        "seq": watched.seq,
        "participants": watched.participants,
        "users": msgspec.Raw(msgspec.json.encode(participant_rows(context, watched.first()))),
        "finds": sorted(watched.finds),
        "prizes_left": watched.prizes_left,
        "rules_version": rules.version,
        "seed_hash": rules.seed_hash,
        "nonce": rules.nonce,
        "end_reason": watched.end_reason,
        "end_note": watched.end_note,
        "review": watched.review,
        "review_note": watched.review_note,
    }
