"""A publisher's page: their name, their treasures, and how many prizes they handed over and how fast."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta

from handlers.base import Interface, Reply
from handlers.digging.cards import Card, card, picture_url
from handlers.parameters import Page, Unionid
from server.errors import NoSuchPublisher
from server.game.handing import COUNTED, handed_over
from server.store.people.people import PUBLIC_CHARACTERS, shown_name

PAGE_SIZE = 20

PublisherId = Annotated[
    str,
    Meta(
        pattern=rf"\A[0-9A-Za-z]{{{PUBLIC_CHARACTERS}}}\Z",
        title="发布者的编号",
        description=f"{PUBLIC_CHARACTERS} 位字母和数字",
    ),
]


class GetPublisherRequest(msgspec.Struct):
    """Whose page, as cards and details name them, and which page of their treasures."""

    unionid: Unionid
    publisher_id: PublisherId
    page: Page = 1


class GetPublisherReply(Reply, kw_only=True):
    """`data` are their public treasures, 20 a page: what starts later, what runs, what ended.

    `mine` is 1 if the caller is the publisher. `handed` is how many of their prizes winners have, at most
    500; `handed_all` is 0 if there are more. `handed_in_ms` is the median, from the claim until goods were
    sent, or handed over on site, in ms; 0 if there were none.
    """

    wxname: str
    wxheadpic: str
    mine: int
    handed: int
    handed_all: int
    handed_in_ms: int
    data: list[Card]


class GetPublisher(Interface):
    """A publisher's page, for anybody who is logged in."""

    path = "/getPublisher"
    takes = (GetPublisherRequest,)
    gives = (GetPublisherReply,)

    async def answer(self, request: GetPublisherRequest) -> GetPublisherReply:
        """Raises NoSuchPublisher."""
        await self.let_in()
        store = self.context.store
        publisher = await store.page_reads.answered(
            lambda: store.people.with_public_id(request.publisher_id), None
        )
        if publisher is None:
            raise NoSuchPublisher
        unionid, skip = publisher["_id"], (request.page - 1) * PAGE_SIZE
        tasks, prizes = await asyncio.gather(
            store.page_reads.answered(lambda: store.tasks.public_of(unionid, skip, PAGE_SIZE), None),
            store.page_reads.answered(lambda: store.prizes.given_by(unionid, COUNTED + 1), None),
        )
        handed = handed_over(prizes)
        return GetPublisherReply(
            wxname=shown_name(publisher),
            wxheadpic=picture_url(self.context, publisher.get("wxheadpic") or publisher["avatarUrl"]),
            mine=int(unionid == self.caller.unionid),
            handed=handed.number,
            handed_all=handed.all,
            handed_in_ms=handed.median_ms,
            data=[card(self.context, task) for task in tasks],
        )
