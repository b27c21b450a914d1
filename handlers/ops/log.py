"""The audit log of what operators did, filtered by operator, act, target and time."""

from typing import Annotated

import msgspec

from handlers.base import Reply, of_document
from handlers.ops.operators import OperatorInterface
from server.context import Context
from server.decoding import named
from server.errors import BadRequest
from server.security.random_codes import PERSON_ID_CHARACTERS
from server.store.audit_log import BEGUN, Act, Wanted, depth_of

SHOWN_ACTS = 200
AHEAD_MS = 60_000  # for acts just written by a process whose clock is ahead

Moment = Annotated[int, named("时刻", "毫秒时间戳，0 是不限", ge=0, le=2**53)]


class OpsLogRequest(msgspec.Struct, kw_only=True):
    """Whose acts, of which kind, about which task (code) or person (public number), from when until when."""

    operator: Annotated[str, named("操作人", "最长 64 个字", max_length=64)] = ""
    act: Annotated[str, named("操作", "一种操作的英文名", pattern=r"\A[a-z_]{0,32}\Z")] = ""
    about: Annotated[
        str,
        named(
            "对象",
            f"宝贝的 12 位编号，或人的 {PERSON_ID_CHARACTERS} 位编号",
            pattern=rf"\A(?:[0-9A-Za-z]{{12}}|[0-9A-Za-z]{{{PERSON_ID_CHARACTERS}}})?\Z",
        ),
    ] = ""
    since: Moment = 0
    until: Moment = 0


class OpsAct(msgspec.Struct, kw_only=True):
    """An act of an operator. `outcome`: "done", the code of a refusal, or "begun" if it is unknown.

    `shared` is 1 if the name was typed beside OPS_TOKEN. If the act was about a task, `code`, `depth` and
    `name` are that task's; if about a person, `key` (as `/ops/person` takes it) and `wxname` are theirs;
    otherwise "" and 0.
    """

    at: int
    operator: str
    act: str
    target: str
    code: str
    depth: int
    name: str
    key: str
    wxname: str
    reason: str
    outcome: str = BEGUN
    shared: int


class OpsLogReply(Reply, kw_only=True):
    """At most 200 acts, the newest first, and all other acts of the last act's millisecond. `more`: there are
    older acts."""

    data: list[OpsAct]
    more: int


def wanted_of(context: Context, request: OpsLogRequest) -> Wanted:
    """Return what is asked for. Raises BadRequest."""
    if request.until and request.until <= request.since:
        raise BadRequest("“到”应晚于“从”", param="until")
    is_person = len(request.about) == PERSON_ID_CHARACTERS
    return Wanted(
        request.since,
        request.until or context.clock.now_ms() + AHEAD_MS,
        request.operator,
        request.act,
        code="" if is_person else request.about,
        person=request.about if is_person else "",
    )


async def told(context: Context, acts: list[Act]) -> list[OpsAct]:
    """Return acts as operators read them. The names of all acts are read together."""
    names = await context.store.tasks.names(act.get("code", "") for act in acts)
    people = await context.store.people.names(act.get("person", "") for act in acts)
    return [
        of_document(
            OpsAct,
            act,
            code=act.get("code", ""),
            depth=depth_of(act),
            name=names.get(act.get("code", ""), ""),
            key=f"person:{act['person']}" if "person" in act else "",
            wxname=people.get(act.get("person", ""), ""),
        )
        for act in acts
    ]


class OpsLog(OperatorInterface, path="/ops/log"):
    """What operators did."""

    async def answer(self, request: OpsLogRequest) -> OpsLogReply:
        """Raises BadRequest."""
        wanted = wanted_of(self.context, request)
        acts, more = await self.context.store.audit_log.page(wanted, SHOWN_ACTS)
        return OpsLogReply(data=await told(self.context, acts), more=int(more))
