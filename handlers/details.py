"""One task's page: its details and its participants."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from handlers.base import Interface, Reply
from handlers.cards import address, card_fields, owed_yuan
from handlers.parameters import Code, CodeOrShare, Flag, Page, Unionid
from server.actions.pay_in import look_at_payment
from server.actions.visits import open_details
from server.context import Context
from server.errors import NoSuchTask
from server.events import seconds_left
from server.store.digs import Participant
from server.store.tasks import Task, View

# A client that may not dig is told of a cooldown all the same, so that it does not dig by itself; one that
# asks again when that is over must not spin.
LEAST_WAIT_SECONDS = 10


class ParticipantRow(msgspec.Struct):
    """A participant; `no` is their place, from 1."""

    is_prize: int
    wxname: str
    wxheadpic: str
    no: int


def participant_rows(context: Context, participants: list[Participant]) -> list[ParticipantRow]:
    """Return participants as replies show them: without their ids."""
    return [
        ParticipantRow(p["is_prize"], p["wxname"], address(context, p["wxheadpic"]), p["no"])
        for p in participants
    ]


class GetTaskUserRequest(msgspec.Struct):
    """Without `code`, the task is the one whose details this person opened last."""

    unionid: Unionid
    page: Page = 2
    code: Code | None = None


class GetTaskUserReply(Reply, kw_only=True):
    """`[]` is the end."""

    data: list[ParticipantRow]


class GetTaskUser(Interface):
    """A page of a task's participants, 50 each, in the order they joined."""

    path = "/getTaskUser"
    takes = (GetTaskUserRequest,)
    gives = (GetTaskUserReply,)

    async def answer(self, request: GetTaskUserRequest) -> Reply:
        """Read a page; page 1,000 costs what page 1 costs."""
        store = self.context.store
        if request.code is None:
            person, code = await store.people.find_with_last_opened(request.unionid)
            await self.admit(person)
        else:
            code = request.code
            await self.person()
        rows = [] if code is None else await store.digs.participants(code, request.page)
        return GetTaskUserReply(data=participant_rows(self.context, rows))


class GetTaskDetailsRequest(msgspec.Struct):
    """`is_share` 1 says that the page was opened through a link of `from_unionid`, an id or a share token."""

    unionid: Unionid
    code: CodeOrShare
    is_share: Flag = 0
    from_unionid: Annotated[str, Meta(max_length=128, description="分享者的 unionid 或分享码")] | None = None


class Gift(msgspec.Struct, kw_only=True):
    """All of a task that its page shows. `is_prize`, `is_draw` and `can_dig` are the caller's."""

    goods_type: int
    is_prize: int
    is_draw: int
    draw_type: int
    money: int
    wxname: str
    wxheadpic: str
    code: str
    name: str
    synopsis: str
    pic: str
    thumbnail: str
    now_depth: int
    max_depth: int
    prize_type: int
    prize_num: int
    is_cd: int
    time: int
    users: list[ParticipantRow]
    can_dig: int
    why: str
    cd: int
    cd_until: int
    server_time: int
    seq: int
    participants: int
    prizes_left: int
    watchers: int
    commitment: str
    forecast_num: int
    interval: int
    fluctuation: int
    share: str
    end_reason: str
    end_note: str
    need_pay: int
    owed: int


class GiftData(Gift, kw_only=True):
    """The gift once more, with `status` its own: 0 running, 1 ended."""

    status: int


class GetTaskDetailsReply(Gift, kw_only=True):
    """The gift, flat as the original document prints it; `status` here is the call's, as in any reply."""

    status: int = 0
    msg: str = ""
    data: GiftData


class GetTaskDetails(Interface):
    """A task's page as this caller meets it."""

    path = "/getTaskDetails"
    takes = (GetTaskDetailsRequest,)
    gives = (GetTaskDetailsReply,)

    async def answer(self, request: GetTaskDetailsRequest) -> GetTaskDetailsReply:
        """Read the task and its first 50 participants; note that it was opened, and through whom."""
        store, context = self.context.store, self.context
        code, sharer = await store.visits.resolve(request.code)
        view = None if code is None else await store.tasks.view(code, request.unionid)
        if view is None:
            raise NoSuchTask
        context.cooldowns.see_clock(view["now"])
        await self.admit(view["person"])
        task = view["task"]
        waits = owed_yuan(task) > 0 and task["publisher"] == request.unionid
        if waits and await look_at_payment(context, task["_id"]):
            view = await store.tasks.view(task["_id"], request.unionid)
            if view is None:
                raise NoSuchTask
            task = view["task"]
        if request.is_share and request.from_unionid:
            sharer = request.from_unionid
        share = await open_details(context, task["_id"], request.unionid, sharer)
        users = await store.digs.participants(task["_id"], 1)
        fields = _gift_fields(context, view, request.unionid) | {
            "watchers": await context.hub.watchers(task["_id"]),
            "users": participant_rows(context, users),
            "share": share,
            "is_draw": int(view["won"] is not None and await self._is_given(task, request.unionid)),
        }
        data = msgspec.convert(fields | {"status": task["status"]}, GiftData)
        return msgspec.convert(fields | {"data": data}, GetTaskDetailsReply)

    async def _is_given(self, task: Task, unionid: str) -> bool:
        return task["_id"] in await self.context.store.prizes.given_codes(unionid, [task["_id"]])


def _gift_fields(context: Context, view: View, unionid: str) -> dict[str, Any]:
    task = view["task"]
    why = _why_not(view, unionid)
    cd_seconds = task["cd_ms"] // 1000
    left = 0 if task["status"] else seconds_left(task["cd_until"], view["now"])
    wait = max(cd_seconds, LEAST_WAIT_SECONDS) if why and not left else cd_seconds
    owed = owed_yuan(task) if task["publisher"] == unionid else 0
    fields: dict[str, Any] = card_fields(context, task)
    del fields["status"]
    return fields | {
        "synopsis": task["synopsis"],
        "is_prize": int(view["won"] is not None),
        "draw_type": task["draw_type"],
        "is_cd": int(left > 0 or bool(why)),
        "time": left or wait,
        "can_dig": int(not why and not left),
        "why": why or ("cooling_down" if left else ""),
        "cd": cd_seconds,
        "cd_until": task["cd_until"] if left else 0,
        "server_time": view["now"],
        "seq": task["now_depth"],
        "participants": task["participants"],
        "commitment": task["commitment"],
        "forecast_num": task["forecast_num"],
        "interval": task["interval"],
        "fluctuation": task["fluctuation"],
        "end_reason": task["end_reason"],
        "end_note": task.get("end_note", ""),
        "need_pay": int(owed > 0),
        "owed": owed,
    }


def _why_not(view: View, unionid: str) -> str:
    """Return the code of the refusal that a dig would meet whatever the cooldown, "" for none."""
    task = view["task"]
    if not task["open"] and not task["status"]:
        return "not_paid"
    if task["status"]:
        return "ended"
    if task["publisher"] == unionid:
        return "own_task"
    if view["won"] is not None:
        return "already_won"
    return ""
