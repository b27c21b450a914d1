"""Ending and changing a task before anybody has dug."""

from __future__ import annotations

import msgspec

from handlers.base import Interface, Reply
from handlers.digging.post_task import Name, PictureUrl, Signature, Synopsis
from handlers.limits import limit
from handlers.parameters import Code, Unionid
from server.actions.digging.edit import edit
from server.actions.digging.end_task import end_own_task
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


class EditRequest(msgspec.Struct, kw_only=True):
    """The texts that the task is to have from now on, as in `PublishRequest`.

    Without `url` it keeps its picture.
    """

    unionid: Unionid
    code: Code
    name: Name
    synopsis: Synopsis = ""
    wxname: Signature | None = None
    url: PictureUrl | None = None


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
        task = await edit(
            self.context,
            publisher,
            request.code,
            name=request.name,
            synopsis=request.synopsis,
            wxname=request.wxname,
            url=request.url,
        )
        return EditReply(review=review_of(task), edited=task.get("edited", 0))
