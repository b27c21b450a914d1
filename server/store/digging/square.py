"""The square as a query of `tasks`: which tasks are listed, in which order, and the indexes in that order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pymongo
from pymongo import IndexModel

from server.game.amounts import DAY_MS
from server.game.ranks import GivenAs
from server.store.digging.terms import asked_terms
from server.store.pipelines import Document

PAGE_SIZE = 20
MOST_OF_ONE = 3  # The most cards of one publisher on a page.
# This many tasks are arranged in pages, and the list ends with them: nobody scrolls further. If more tasks
# than this have not started yet, a search by name does not begin with the task that starts soonest; a search
# in 预告 does.
ARRANGED = 1000
LISTED_MS = 7 * DAY_MS
# A sweep ends expired tasks. If all servers were down, a task may end this late.
SWEPT_LATE_MS = 7 * DAY_MS

_PUBLIC = (("is_public", 1), ("hidden", 1), ("open", 1))
# Lists are sorted by _id last: tasks that opened in the same millisecond need an order too, or pages would
# overlap. `ended_at` is there so that tasks that ended long ago are passed over without being read, and
# `publisher`, so that no task is read for its place.
_NEWEST = (("opened_at", -1), ("_id", 1), ("ended_at", 1))
LISTED_KEYS = (*_PUBLIC, ("status", 1), *_NEWEST)
_PLACED = (*_NEWEST, ("publisher", 1))
INDEXES = [
    IndexModel([*_PUBLIC, ("status", 1), *_PLACED], name="placed"),
    IndexModel([*_PUBLIC, ("kinds", 1), ("status", 1), *_PLACED], name="placed_by_kinds"),
    # Operators search all tasks by this index, so the fields that only the square asks for come last.
    IndexModel([("terms", 1), ("status", 1), *_PLACED, *_PUBLIC], name="placed_by_term"),
]


class Wanted(NamedTuple):
    """What somebody looks for: all tasks, one kind, a text in the name or signature, or a kind and a text.

    With `upcoming`, only tasks that have not started are found. Otherwise such a task is found only by its
    name.
    """

    kind: GivenAs | None = None
    name: str = ""
    upcoming: bool = False


ALL = Wanted()


def listed(wanted: Wanted, now_ms: int, lasts_ms: int) -> tuple[list[Document], list[tuple[str, int]]]:
    """Return the conditions of the square's parts, and the order within each: running tasks, then tasks that
    ended within 7 days.

    The newest come first; among tasks that have not started, the soonest. `lasts_ms` is how long a task may
    run: it bounds how far back ended tasks are looked for.
    """
    public: Document = {"is_public": 1, "hidden": 0, "open": 1}
    order = [("opened_at", pymongo.DESCENDING), ("_id", pymongo.ASCENDING)]
    if wanted.kind is not None:
        public["kinds"] = wanted.kind
    if wanted.name:
        # The longest term, which is the rarest, is matched by equality, because some servers use an index
        # only for that. A text without visible characters finds nothing: no task has the term "".
        public["terms"], *rest = sorted(asked_terms(wanted.name), key=len, reverse=True) or [""]
        public |= {"$and": [{"terms": {"$all": rest}}]} if rest else {}
    if wanted.upcoming:
        upcoming = {**public, "status": 0, "opened_at": {"$gt": now_ms}}
        soonest = [(name, -direction) for name, direction in [("status", pymongo.ASCENDING), *order]]
        return [upcoming], soonest
    ended = {
        "opened_at": {"$gte": now_ms - LISTED_MS - SWEPT_LATE_MS - lasts_ms},
        "ended_at": {"$gte": now_ms - LISTED_MS},
    }
    begun: Document = {} if wanted.name else {"opened_at": {"$lte": now_ms}}
    parts: list[Document] = [{**public, "status": 0, **begun}, {**public, "status": 1, **ended}]
    return parts, [("status", pymongo.ASCENDING), *order]


class Place(NamedTuple):
    """The facts that decide on which page a task stands. Tasks that have not started are `turned`: their
    order is reversed."""

    code: str
    publisher: str
    status: int
    turned: bool = False


def arranged(places: Iterable[Place]) -> list[list[str]]:
    """Return pages of codes: each task is on the first page that has room for it, in the order given.

    A page has room for PAGE_SIZE tasks, and for MOST_OF_ONE of a publisher. Running tasks come before ended
    ones, so a page may be short although other pages follow. The place of a task depends only on the tasks
    before it, so tasks that follow never change a full page.
    """
    pages: list[list[str]] = []
    first, over = 0, False  # the first page with room, and whether the ended tasks have begun
    own: dict[str, tuple[int, int]] = {}  # by publisher: their last page, and how many tasks they have on it
    for code, publisher, status, _ in places:
        if status and not over:
            first, over = max(first, len(pages) - 1), True
        page, number = own.get(publisher, (0, 0))
        if number == MOST_OF_ONE:
            page, number = page + 1, 0
        if page < first:
            page, number = first, 0
        while page < len(pages) and len(pages[page]) == PAGE_SIZE:
            page, number = page + 1, 0
        while page >= len(pages):
            pages.append([])
        pages[page].append(code)
        own[publisher] = page, number + 1
        while first < len(pages) and len(pages[first]) == PAGE_SIZE:
            first += 1
    return pages
