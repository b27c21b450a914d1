"""Ending and changing a task before anybody has dug."""

import msgspec

from handlers.base import ProvenAct, Reply
from handlers.digging.post_task import ranks_of
from handlers.limits import limit
from handlers.parameters import Code, TaskRequest, Unionid
from server.actions.digging.draft import Edited, RankTextsRequest
from server.actions.digging.edit import edit
from server.actions.digging.end_task import end_own_task
from server.game.review import ReviewShown, review_of


class EndTask(ProvenAct, path="/endTask"):
    """End your task, if nobody has dug."""

    async def answer(self, request: TaskRequest) -> None:
        """Raises what `end_own_task` raises."""
        publisher = await self.person()
        await end_own_task(self.context, request.code, publisher["_id"])


class EditRequest(Edited, kw_only=True):
    """The texts that the task is to have from now on, as in `PublishRequest`.

    Without `url` the task keeps its picture. `prizes` are all its kinds of prizes in their order; a kind
    without `url` keeps its picture, too.
    """

    unionid: Unionid
    code: Code


class EditReply(Reply, kw_only=True):
    """`review` is "checking" if the task is checked again. `edited` counts the edits."""

    review: ReviewShown
    edited: int


class EditTask(ProvenAct, path="/editTask"):
    """Change the texts and the pictures of your task, if nobody has dug."""

    def pick(self, values: dict[str, object]) -> type[msgspec.Struct]:
        """Raises BadRequest, for example if `prizes` say more than names and pictures."""
        if values.get("prizes") not in (None, ""):
            values["prizes"] = ranks_of(values["prizes"], RankTextsRequest)
        return EditRequest

    async def answer(self, request: EditRequest) -> EditReply:
        """Raises what `edit` raises."""
        publisher = await self.active_person()
        await limit(self.context, self.request, self.caller, {"publishes": 1})
        task = await edit(self.context, publisher, request.code, request)
        return EditReply(review=review_of(task), edited=task.get("edited", 0))
