"""The operators' search: people, treasures and prizes, by names and by any number that somebody may have."""

import asyncio
import secrets
from typing import Annotated, Literal, TypeAlias

import msgspec

from handlers.base import Reply, of_document
from handlers.ops.lists import LISTED_TASKS, board_tasks
from handlers.ops.operators import OperatorInterface
from server.actions.operator_sessions import operator_of
from server.actions.people.account import ban_of
from server.actions.people.whom import key_of
from server.actions.prizes.claim import phone_digits
from server.decoding import named
from server.errors import BadRequest
from server.game.prize import PrizeState
from server.operation.feed import BoardTask
from server.security.plain_text import ONE_LINE
from server.security.random_codes import PERSON_ID_CHARACTERS
from server.store.people.people import Person, shown_name
from server.store.prizes.prizes import Prize

LISTED_PEOPLE = LISTED_PRIZES = 50
ORDER_CHARACTERS = 24  # An order's number is a code, and as many characters again.
LEAST = 2  # In characters. A single character is in too many names.

FoundBy: TypeAlias = Literal["phone", "parcel", "bill"]


class OpsSearchRequest(msgspec.Struct):
    """Any part of a name; a number of a person, an order, a bill, a refund or a parcel; or a phone."""

    query: Annotated[
        str,
        named(
            "搜索内容",
            "最多 64 个字：名字的任何一段、任何一个编号，或电话",
            min_length=1,
            max_length=64,
            extra=ONE_LINE,
        ),
    ]


class FoundPerson(msgspec.Struct):
    """A person; `key` names them for `/ops/person`."""

    key: str
    wxname: str
    created_at: int
    banned: int


class FoundPrize(msgspec.Struct):
    """A prize that a phone, a parcel or a bill belongs to."""

    code: str
    depth: int
    name: str
    wxname: str
    state: PrizeState
    won_at: int
    by: FoundBy


class OpsSearchReply(Reply, kw_only=True):
    """At most 50 tasks, 50 people and 50 prizes. If the query is a number, what it belongs to comes first."""

    data: list[BoardTask]
    people: list[FoundPerson]
    prizes: list[FoundPrize]


class OpsSearch(OperatorInterface, path="/ops/search", method="POST"):
    """Search for people, treasures and prizes. Searching by a phone needs at least the role `act`.

    It is a POST, because proxies log queries, and no phone or pasted token must get into a log.
    """

    async def answer(self, request: OpsSearchRequest) -> OpsSearchReply:
        """Raises BadRequest for one character. If the text is an operators' token, nothing is found."""
        query = request.query
        store = self.context.store
        now_ms = self.context.clock.now_ms()
        if len("".join(query.split())) < LEAST:
            raise BadRequest(f"“搜索内容”至少 {LEAST} 个字", param="query")
        if operator_of(self.context, query) is not None:
            # Search for another text, so that no store's log gets the token, and no reply tells that this was
            # a token.
            query = secrets.token_hex(len(query))[: len(query)]
        found, tasks, named = await asyncio.gather(
            self._by_number(query),
            store.task_lists.search(query, LISTED_TASKS, now_ms),
            store.people.search(query, LISTED_PEOPLE, now_ms),
        )
        ids, codes, prizes = found
        is_id = len(query) == PERSON_ID_CHARACTERS
        numbered = await store.people.find(query) if is_id else None
        those = {person["_id"]: person for person in await store.people.find_all(sorted(set(ids)))}
        people = [*([numbered] if numbered else []), *(those[each] for each in ids if each in those), *named]
        codes += [prize["code"] for _, prize in prizes]
        first = {task["_id"]: task for task in await store.tasks.find_many(sorted(set(codes)))}
        names = {code: task["name"] for code, task in first.items()}
        coded = [task for task in tasks if task["_id"] == query]
        numbers = [first[each] for each in codes if each in first]
        listed = {task["_id"]: task for task in [*coded, *numbers, *tasks]}
        return OpsSearchReply(
            data=board_tasks(self.context, list(listed.values())[:LISTED_TASKS]),
            people=self._shown(people),
            prizes=[
                of_document(FoundPrize, prize, name=names.get(prize["code"], ""), by=by)
                for by, prize in prizes[:LISTED_PRIZES]
            ],
        )

    async def _by_number(self, query: str) -> tuple[list[str], list[str], list[tuple[FoundBy, Prize]]]:
        """Return the people's ids, tasks' codes and prizes that this number belongs to.

        What only one can have comes first: an order, a bill or a refund. Many prizes may have one phone, or
        be in one parcel.
        """
        store = self.context.store
        prizes = list[tuple[FoundBy, Prize]]()
        # A search by name looks for no number. An order's number may happen to have no digit.
        named = len(query) < ORDER_CHARACTERS and not any(map(str.isdigit, query))
        if named or not query.isascii():
            return [], [], prizes
        digits = phone_digits(query) if self.session.operator.may("act") else ""
        publishers = list[str]()
        codes = list[str]()
        if store.books is not None:
            order, bill, refund = await asyncio.gather(
                store.books.orders.find_either(query),
                store.books.bills.find(query),
                store.books.refunds.find(query),
            )
            paid = None if bill is None else await store.prizes.find(bill["prize"])
            prizes += [("bill", paid)] if paid is not None else []
            publishers = [order["publisher"]] if order is not None else []
            codes = [each["code"] for each in (order, refund) if each is not None]
        parcels = await store.prizes.found_by("number", [query], LISTED_PRIZES)
        if digits:
            hashes = self.context.keys.phone_hashes(digits)
            phones = await store.prizes.found_by("phone_hash", hashes, LISTED_PRIZES)
            prizes += [("phone", prize) for prize in phones]
        prizes += [("parcel", prize) for prize in parcels]
        return [*publishers, *(prize["person_id"] for _, prize in prizes)], codes, prizes

    def _shown(self, people: list[Person]) -> list[FoundPerson]:
        """Return the rows of these people, each person once."""
        now_ms = self.context.clock.now_ms()
        once = {person["_id"]: person for person in people}
        return [
            FoundPerson(
                key_of(person),
                shown_name(person),
                person["created_at"],
                int(ban_of(person, now_ms) is not None),
            )
            for person in once.values()
        ][:LISTED_PEOPLE]
