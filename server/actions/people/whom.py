"""Whom an operator means. Operators see no ids of WeChat's, so they name a person by what the person did."""

from dataclasses import dataclass

import msgspec

from server.actions.prizes.freeze import find_target
from server.context import Context
from server.errors import BadRequest
from server.security.random_codes import PERSON_ID_CHARACTERS
from server.store.people.people import Person, shown_name

SHOWN_SHARERS = 10
# The id of a review. After an edit of a task, the number of the edit stands at the end of the review's id.
_REVIEW = r"(?:task:[0-9A-Za-z]{12}(?::[1-9][0-9]{0,8})?|profile:[0-9A-Za-z]{12})"
REVIEW_PATTERN = rf"\A{_REVIEW}\Z"
# What a `Whom.key` may be.
KEY_PATTERN = rf"\A(?:{_REVIEW}|person:[0-9A-Za-z]{{{PERSON_ID_CHARACTERS}}})\Z"


@dataclass(frozen=True, slots=True)
class Whom:
    """The person who dug `depth` of a task (0: its publisher) or, with `key`, another person.

    `key` is what `key_of` returned; or it is the id of a review, and means the author of the reviewed task or
    profile.
    """

    code: str = ""
    depth: int = 0
    key: str = ""

    def __str__(self) -> str:
        """Return the target as the audit log names it."""
        return self.key or (f"{self.code}:{self.depth}" if self.depth else self.code)


class BroughtBy(msgspec.Struct):
    """Through whose share a person came to a task. `key` names the sharer for `/ops/person`."""

    code: str
    name: str
    key: str
    wxname: str


def key_of(person: Person) -> str:
    """Return the key by which a `Whom` names a person."""
    return f"person:{person['_id']}"


async def find_person(context: Context, whom: Whom) -> Person:
    """Return whom an operator means. Raises NoSuchTask, BadRequest."""
    store = context.store
    (kind, _, number) = whom.key.partition(":")
    if kind == "person":
        found = await store.people.find(number)
        if found is None:
            raise BadRequest("没有这个编号的人，或者已经注销", param="key")
        return found
    if whom.key:
        review = await store.reviews.find(whom.key)
        if review is None:
            raise BadRequest("这一条已经处理过了，或者已经删除，请刷新", param="key")
        person_id = review["person_id"]
    else:
        person_id = await find_target(context, "person", whom.code, whom.depth)
    person = await store.people.find(person_id)
    if person is None:
        raise BadRequest("这个账号已经注销")
    return person


async def brought_by(context: Context, person_id: str) -> list[BroughtBy]:
    """Return some of the people whose shares brought a person to tasks."""
    store = context.store
    sharers = await store.visits.sharers_of(person_id, SHOWN_SHARERS)
    found = await store.people.find_all(sorted({sharer for _, sharer in sharers}))
    people = {person["_id"]: person for person in found}
    names = await store.tasks.names(code for code, _ in sharers)
    return [
        BroughtBy(code, names.get(code, ""), key_of(people[sharer]), shown_name(people[sharer]))
        for code, sharer in sharers
        if sharer in people
    ]
