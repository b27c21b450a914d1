"""A publisher's page: their name, their treasures, how many prizes they handed over; and following a
publisher."""

import asyncio
from typing import Annotated

import msgspec

from handlers.base import Interface, Reply
from handlers.digging.cards import Card, card, picture_url
from handlers.limits import limit
from handlers.parameters import ListPage, OwnPageRequest, Unionid
from server.actions.people.follow import follow
from server.context import Context
from server.decoding import named
from server.errors import NoSuchPublisher
from server.game.handing import COUNTED, handed_over
from server.security.random_codes import PERSON_ID_CHARACTERS
from server.store.people.people import Person, shown_face, shown_name

PAGE_SIZE = 20

PublisherId = Annotated[
    str,
    named(
        "发布者的编号",
        f"{PERSON_ID_CHARACTERS} 位字母和数字",
        pattern=rf"\A[0-9A-Za-z]{{{PERSON_ID_CHARACTERS}}}\Z",
    ),
]


class GetPublisherRequest(msgspec.Struct):
    """The publisher, as cards and details name them, and which page of their treasures."""

    unionid: Unionid
    publisher_id: PublisherId
    page: ListPage = 1


class GetPublisherReply(Reply, kw_only=True):
    """`data` are their public treasures, 20 a page: first those announced for later, then running ones, then
    ended ones.

    `mine` is 1 if the caller is the publisher, `following` if the caller follows the publisher. `handed` is
    how many of their prizes winners have got, at most 500; `handed_all` is 0 if there are more.
    `handed_in_ms` is the median time from a claim until the goods were sent, or handed over on site; 0 if
    there were none. `layers` is how many layers of finds are whole in their book, `finds` what came up in the
    treasures of this page, once each.
    """

    wxname: str
    wxheadpic: str
    mine: int
    following: int
    handed: int
    handed_all: int
    handed_in_ms: int
    layers: int
    finds: list[int]
    data: list[Card]


class FollowRequest(msgspec.Struct):
    """The publisher to follow or, with `following` 0, to stop following."""

    unionid: Unionid
    publisher_id: PublisherId
    following: Annotated[int, named("关注", "0 或 1", ge=0, le=1)] = 1


class Follow(Interface, path="/follow", method="POST"):
    """Follow a publisher, or stop following. Followers may be told of new treasures. Safe to repeat."""

    async def answer(self, request: FollowRequest) -> None:
        """Raises TooOften and what `follow` raises."""
        await self.let_in()
        await limit(self.context, self.request, self.caller, {"consents": 1})
        following = bool(request.following)
        await follow(self.context, self.caller.person_id, request.publisher_id, following=following)


class FollowedRow(msgspec.Struct):
    """A publisher whom the caller follows."""

    publisher_id: str
    wxname: str
    wxheadpic: str


class GetMyFollowsReply(Reply, kw_only=True):
    """20 a page, the newest first."""

    data: list[FollowedRow]


class GetMyFollows(Interface, path="/getMyFollows"):
    """The publishers whom the caller follows."""

    async def answer(self, request: OwnPageRequest) -> GetMyFollowsReply:
        await self.let_in()
        store = self.context.store
        skip = (request.page - 1) * PAGE_SIZE
        followed = await store.page_reads.answered(
            lambda: store.follows.followed(self.caller.person_id, skip, PAGE_SIZE), None
        )
        return GetMyFollowsReply(
            data=[
                FollowedRow(person["_id"], shown_name(person), face_of(self.context, person))
                for person in followed
            ]
        )


def face_of(context: Context, person: Person) -> str:
    """Return the address of the picture that others see of a person."""
    return picture_url(context, shown_face(person))


class GetPublisher(Interface, path="/getPublisher"):
    """A publisher's page, for anybody who is logged in."""

    async def answer(self, request: GetPublisherRequest) -> GetPublisherReply:
        """Raises NoSuchPublisher."""
        await self.let_in()
        store = self.context.store
        publisher = await store.page_reads.answered(lambda: store.people.find(request.publisher_id), None)
        if publisher is None:
            raise NoSuchPublisher
        by = publisher["_id"]
        skip = (request.page - 1) * PAGE_SIZE
        caller = self.caller.person_id
        tasks, prizes, following = await asyncio.gather(
            store.page_reads.answered(lambda: store.square.public_of(by, skip, PAGE_SIZE), None),
            store.page_reads.answered(lambda: store.prizes.given_by(by, COUNTED + 1), None),
            store.page_reads.answered(lambda: store.follows.is_followed(by, caller), None),
        )
        handed = handed_over(prizes)
        return GetPublisherReply(
            wxname=shown_name(publisher),
            wxheadpic=face_of(self.context, publisher),
            mine=int(by == caller),
            following=int(following),
            handed=handed.number,
            handed_all=handed.all,
            handed_in_ms=handed.median_ms,
            layers=publisher.get("layers", 0),
            finds=sorted({find for task in tasks for find in task.get("finds", ())}),
            data=[card(self.context, task) for task in tasks],
        )
