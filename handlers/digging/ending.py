"""Ending and changing a task before anybody has dug."""

from __future__ import annotations

import msgspec

from handlers.base import Interface, Reply
from handlers.digging.post_task import TextsRequest
from handlers.limits import limit
from handlers.parameters import Code, Unionid
from server.actions.digging.edit import edit
from server.actions.digging.end_task import end_own_task
from server.actions.digging.publish import Said
from server.actions.people.account import check_ban
from server.game.review import ReviewShown, review_of


class TaskRequest(msgspec.Struct):
    """Who asks, about which task."""

    unionid: Unionid
    code: Code


class EndTask(Interface):
    """End your task, if nobody has dug."""

    path = "/endTask"
    method = "POST"
    takes = (TaskRequest,)
    needs_token = True
    locks = True

    async def answer(self, request: TaskRequest) -> Reply:
        """Raises what `end_own_task` raises."""
        publisher = await self.person()
        await end_own_task(self.context, request.code, publisher["_id"])
        return Reply()


class EditRequest(TextsRequest, kw_only=True):
    """The texts that the task is to have from now on, as in `PublishRequest`.

    Without `url` it keeps its picture.
    """

    code: Code


class EditReply(Reply, kw_only=True):
    """`review` is "checking" if it is looked at again. `edited` counts the edits."""

    review: ReviewShown
    edited: int


class EditTask(Interface):
    """Change the texts and the picture of your task, if nobody has dug."""

    path = "/editTask"
    method = "POST"
    takes = (EditRequest,)
    gives = (EditReply,)
    needs_token = True
    locks = True

    async def answer(self, request: EditRequest) -> Reply:
        """Raises what `edit` raises."""
        publisher = check_ban(await self.person(), self.context.clock.now_ms())
        await limit(self.context, self.request, self.caller, {"publishes": 1})
        said = msgspec.convert(request, Said, from_attributes=True)
        task = await edit(self.context, publisher, request.code, said)
        return EditReply(review=review_of(task), edited=task.get("edited", 0))
