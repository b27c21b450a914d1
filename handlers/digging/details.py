"""One task's page: its details and its participants."""

from typing import Annotated

import msgspec

from handlers.base import Interface, Reply
from handlers.digging.task_page import (
    GetTaskDetailsReply,
    ParticipantRow,
    participant_rows,
    task_page,
)
from handlers.parameters import Code, CodeOrShare, Page, Unionid
from handlers.reviews.shown import require_shown
from server.actions.digging.visit import visit
from server.decoding import named
from server.errors import NoSuchTask, NotShown
from server.game.reasons import owes
from server.game.task import Participant
from server.realtime.watched_task import WatchedTask
from server.store.prizes.prizes import WonPrize, unwritten


class GetTaskUserRequest(msgspec.Struct):
    """Without `code`, the request is about the task whose details this person opened last."""

    unionid: Unionid
    page: Page = 2
    code: Code | None = None


class GetTaskUserReply(Reply, kw_only=True):
    """`[]` if the page is past the end."""

    data: list[ParticipantRow]


class GetTaskUser(Interface, path="/getTaskUser"):
    """A task's participants, in the order in which they joined; 50 per page."""

    async def answer(self, request: GetTaskUserRequest) -> GetTaskUserReply:
        """Return a page; `[]` if this person opened no task. Page 1,000 costs no more than page 1.

        Raises NotShown.
        """
        store = self.context.store
        code = request.code or self.context.visiting.last_opened(self.caller.person_id)
        if code is None:
            person, code = await store.page_reads.answered(
                lambda: store.people.find_with_last_opened(self.caller.person_id)
            )
            await self.admit(person)
        else:
            await self.let_in()
        rows = [] if code is None else await self._participants(code, self.caller.person_id, request.page)
        return GetTaskUserReply(data=participant_rows(self.context, rows))

    async def _participants(self, code: str, person_id: str, page: int) -> list[Participant]:
        """Return a page. If this process watches the task, the first page needs no read."""
        store = self.context.store
        known = self.context.hub.known.by_code.get(code)
        if known is not None and known.loaded:
            await self.context.hub.refresh(known)
            if not known.opens_for(person_id):
                raise NotShown
            if page == 1:
                return known.first()
        rows, task = await store.page_reads.answered(lambda: store.digs.participants(code, page))
        if task is not None:
            await require_shown(self.context, code, task, person_id)
        return rows


class GetTaskDetailsRequest(msgspec.Struct):
    """`is_share` 1: the page was opened through a link of `from_unionid`, an id or a share token."""

    unionid: Unionid
    code: CodeOrShare
    is_share: Annotated[int, named("从分享打开", "0 或 1", ge=0, le=1)] = 0
    from_unionid: Annotated[str, named("分享者", "分享者的标识或分享码", max_length=128)] | None = None


class GetTaskDetails(Interface, path="/getTaskDetails"):
    """A task's page, as this caller sees it."""

    async def answer(self, request: GetTaskDetailsRequest) -> GetTaskDetailsReply:
        """Return the page from memory; note that it was opened, and through whom.

        Raises NoSuchTask, NotShown.
        """
        context = self.context
        person_id = self.caller.person_id
        code, sharer = context.visiting.resolve(request.code)
        if code is None:
            raise NoSuchTask
        async with context.hub.known.keep(code) as watched:
            person = await self.let_in()
            await context.hub.refresh(watched)
            if not watched.opens_for(person_id):
                raise NotShown
            cash = context.cash if owes(watched.standing, person_id) else None
            if cash is not None and await cash.look_for_payment(code):
                await context.hub.read_now(watched)
            named = request.from_unionid if request.is_share else None
            share = visit(context, code, person_id, sharer, named)
            prize = await self._prize(watched, person_id) if person_id in watched.winners else None
            return task_page(context, watched, person, share=share, prize=prize)

    async def _prize(self, watched: WatchedTask, person_id: str) -> WonPrize:
        """Return a winner's prize. The prize of a dig just now may not be written yet."""
        store = self.context.store
        found = await store.page_reads.answered(lambda: store.prizes.find_shown(watched.code, person_id))
        return found or unwritten(watched.task)
