"""The timeline of a person, a treasure or a prize, and whether a treasure's draw holds."""

from typing import Annotated, Literal

import msgspec

from handlers.base import Reply
from handlers.ops.operators import OperatorInterface
from handlers.ops.person import Named
from server.actions.people.whom import find_person
from server.decoding import named
from server.errors import BadRequest
from server.game.task import Task
from server.operation.timeline import of_person, of_task, page_of, verdict


class OpsTimelineRequest(Named, kw_only=True):
    """What the timeline is about: the task `code`, its prize at `depth`, or a person.

    A person is named by `key`, or by `code` and `depth` as in all interfaces about people. With `before`
    (unix ms), only older events are returned.
    """

    of: Annotated[Literal["task", "prize", "person"], named("对象", "宝贝、奖品或人三种之一")]
    before: Annotated[int, named("早于", "时刻（毫秒时间戳），0 是从最新的开始", ge=0, le=2**53)] = 0


class TimelineEvent(msgspec.Struct):
    """An act, a move of a document, or a dig. `name` is the treasure's.

    `by` is who or what did it, such as "operator:" and their name, "person", "wechat", "time", "limit:pair";
    "" for the person or the game.
    """

    at: int
    what: str
    code: str
    depth: int
    wxname: str
    by: str
    why: str
    state: str
    amount_fen: int
    number: str
    name: str


class Difference(msgspec.Struct):
    """Something that does not balance: the name of a finding, and its values."""

    what: str
    values: tuple[str, ...]


class Verdict(msgspec.Struct):
    """Whether a treasure agrees with its history and with its commitment: `differences` is [] if it does.

    `ended` is 1 once anybody can read its proof (`/getProof`). `compared` is 0 if its digs were not counted:
    there are more than 20,000, or somebody dug meanwhile.
    """

    commitment: str
    ended: int
    compared: int
    differences: list[Difference]


class OpsTimelineReply(Reply, kw_only=True):
    """At most 500 events, the newest first. `more` is 1 if there are older ones.

    At most 500 of a kind are read. If there are more, events that began before `whole_since` may be
    missing. Events of the same millisecond are never split between two replies, so there may be a few more
    than 500. `verdict` comes only with the newest events of a task.
    """

    data: list[TimelineEvent]
    more: int
    whole_since: int
    verdict: Verdict | None


class OpsTimeline(OperatorInterface, path="/ops/timeline"):
    """What happened to a person, a treasure or a prize. It has no ids, addresses or phones."""

    async def answer(self, request: OpsTimelineRequest) -> OpsTimelineReply:
        """Raises NoSuchTask, BadRequest."""
        store = self.context.store
        judged = None
        if request.of == "person":
            person = await find_person(self.context, request.whom())
            story = await of_person(store, person)
        else:
            task = await self._task(request)
            if request.of == "prize":
                if not request.depth:
                    raise BadRequest("请填写“层数”，应为挖到的层数", param="depth")
                story = await of_task(store, task, request.depth)
            else:
                story = await of_task(store, task)
                if not request.before:
                    judged = await self._judge(task)
        page, more = page_of(story.events, request.before)
        names = await store.tasks.names(event.code for event in page)
        return OpsTimelineReply(
            data=[TimelineEvent(*event, names.get(event.code, "")) for event in page],
            more=int(more),
            whole_since=story.whole_since,
            verdict=judged,
        )

    async def _judge(self, task: Task) -> Verdict:
        found, compared = await verdict(self.context.store, self.context.keys, task)
        differences = [Difference(*each) for each in found]
        return Verdict(task["commitment"], task["status"], int(compared), differences)

    async def _task(self, request: OpsTimelineRequest) -> Task:
        if request.code is None:
            raise BadRequest("请填写“宝贝编号”，应为 12 位字母或数字", param="code")
        return await self.context.store.tasks.get(request.code)
