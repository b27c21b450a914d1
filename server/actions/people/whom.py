"""Whom an operator means. Operators see no ids of people, so they name a person by what the person did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.actions.digging.visit import visiting_of
from server.actions.money.freeze import find_target
from server.context import Context
from server.errors import BadRequest
from server.security.random_codes import derived_code
from server.store.digging.visits import SHARE_CHARACTERS
from server.store.people.people import PUBLIC_CHARACTERS, Person
from server.store.reviews.reports import Report

READ_REPORTS = 1000
SHOWN_SHARERS = 10
# What a `Whom.key` may be.
KEY_PATTERN = (
    r"\A(?:(?:task|profile):[0-9A-Za-z]{12}|report:[0-9A-Za-z]{12}:[0-9A-Za-z]{12}"
    rf"|share:[0-9A-Za-z]{{{SHARE_CHARACTERS}}}|person:[0-9A-Za-z]{{{PUBLIC_CHARACTERS}}})\Z"
)


@dataclass(frozen=True, slots=True)
class Whom:
    """The person who dug `depth` of a task (0: its publisher) or, with `key`, who did something else.

    `key` is the id of a review, `report:CODE:NUMBER` (see `report_key`), `share:TOKEN` for the owner of a
    share token, or `person:PUBLIC_ID`.
    """

    code: str = ""
    depth: int = 0
    key: str = ""

    def __str__(self) -> str:
        """Return the target as the audit log names it."""
        return self.key or (f"{self.code}:{self.depth}" if self.depth else self.code)


@dataclass(frozen=True, slots=True)
class Sharer:
    """A person who brought another to a task: the key of a `Whom`, and their name."""

    code: str
    key: str
    wxname: str


async def find_person(context: Context, whom: Whom) -> Person:
    """Return whom an operator means. Raises NoSuchTask, BadRequest."""
    unionid = await _id_of(context, whom)
    person = await context.store.people.find(unionid)
    if person is None:
        raise BadRequest("这个账号已经注销")
    return person


async def _id_of(context: Context, whom: Whom) -> str:
    if not whom.key:
        return await find_target(context, "person", whom.code, whom.depth)
    store, (kind, _, rest) = context.store, whom.key.partition(":")
    found: Mapping[str, Any] | None
    if kind == "person":
        person = await store.people.with_public_id(rest)
        found = person and {"unionid": person["_id"]}
    elif kind == "share":
        found = (await store.visits.of_tokens([rest])).get(rest)
    elif kind == "report":
        code = rest.partition(":")[0]
        # Look in the queue first: among the task's newest reports, a storm of reports that do not count may
        # bury the reports that the queue shows.
        reports = [each for each in await store.reports.queue(READ_REPORTS) if each["code"] == code]
        reports += await store.reports.of_task(code, READ_REPORTS)
        found = next((each for each in reports if report_key(context, each) == whom.key), None)
    else:
        found = await store.reviews.find(whom.key)
    if found is None:
        if kind == "person":
            raise BadRequest("没有这个编号的人，或者已经注销", param="key")
        raise BadRequest("这一条已经处理过了，或者已经删除，请刷新", param="key")
    unionid: str = found["unionid"]
    return unionid


def report_key(context: Context, report: Report) -> str:
    """Return a key that stands for a report's author and does not tell who they are."""
    return f"report:{report['code']}:{derived_code(context.keys.share_key, 'report:' + report['_id'])}"


async def brought_by(context: Context, unionid: str) -> list[Sharer]:
    """Return some of the people whose shares brought a person to tasks, keyed by their share tokens."""
    sharers = await context.store.shares.sharers_of(unionid, SHOWN_SHARERS)
    names = await context.store.people.names(sharer for _, sharer in sharers)
    return [
        Sharer(code, f"share:{visiting_of(context).token(code, sharer)}", names[sharer])
        for code, sharer in sharers
        if sharer in names
    ]
