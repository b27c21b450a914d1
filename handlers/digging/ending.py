"""Ending a task before anybody has dug."""

from __future__ import annotations

import msgspec

from handlers.base import Interface, Reply
from handlers.parameters import Code, Unionid
from server.actions.digging.end_task import end_own_task


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
