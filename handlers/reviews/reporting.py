"""Reporting a task."""

from typing import Annotated

import msgspec

from handlers.base import Interface
from handlers.limits import limit
from handlers.parameters import Code, Unionid
from server.actions.reviews.report import report
from server.decoding import named
from server.security.plain_text import LINES
from server.store.reviews.reports import ReportReason


class ReportRequest(msgspec.Struct):
    """What is wrong with which task."""

    code: Code
    reason: Annotated[ReportReason, named("举报的原因", "六种之一")]
    text: Annotated[str, named("补充说明", "不超过 200 个字的文字", max_length=200, extra=LINES)] = ""
    unionid: Unionid | None = None


class ReportTask(Interface, path="/report", method="POST", needs_token=True):
    """Report a task. A second report by the same person changes nothing."""

    async def answer(self, request: ReportRequest) -> None:
        """Raises Banned, TooOften and what `report` raises."""
        person = await self.active_person()
        await limit(self.context, self.request, self.caller, {"reports": 1})
        await report(self.context, person, request.code, request.reason, request.text)
