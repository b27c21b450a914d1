"""The square: which of `tasks` are listed, in which order, on which page, and the indexes in that order."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypedDict

import pymongo
from pymongo import IndexModel

from server.game.amounts import DAY_MS
from server.game.ranks import GivenAs
from server.game.review import IN_REVIEW
from server.game.task import Task
from server.store.digging.terms import asked_terms
from server.store.documents import Documents
from server.store.driver import aggregate
from server.store.pipelines import SEEDLESS, Document, look_up

PAGE_SIZE = 20
MOST_OF_ONE = 3  # The most cards of one publisher on a page.
# This many tasks are arranged in pages, and the list ends with them: nobody scrolls further. If more tasks
# than this have not started yet, a search by name does not begin with the task that starts soonest; a search
# in 预告 does.
ARRANGED = 1000
LISTED_MS = 7 * DAY_MS
# A sweep ends expired tasks. If all servers were down, a task may end this late.
SWEPT_LATE_MS = 7 * DAY_MS
# How many more places are read for a page of the square, since some stand on later pages.
SPARE = 40
# The condition for a task in strangers' lists. An edit is reviewed while its task stays open.
LISTED: Document = {"is_public": 1, "hidden": 0, "open": 1, "review": {"$nin": list(IN_REVIEW)}}

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
        # The longest term, which is the rarest, is matched by equality, so that the index finds it. A text
        # without visible characters finds nothing: no task has the term "".
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
    first = 0  # the first page with room, and whether the ended tasks have begun
    over = False
    own: dict[str, tuple[int, int]] = {}  # by publisher: their last page, and how many tasks they have on it
    for code, publisher, status, _ in places:
        if status and not over:
            first = max(first, len(pages) - 1)
            over = True
        page, number = own.get(publisher, (0, 0))
        if number == MOST_OF_ONE:
            page = page + 1
            number = 0
        if page < first:
            page = first
            number = 0
        while page < len(pages) and len(pages[page]) == PAGE_SIZE:
            page = page + 1
            number = 0
        while page >= len(pages):
            pages.append([])
        pages[page].append(code)
        own[publisher] = page, number + 1
        while first < len(pages) and len(pages[first]) == PAGE_SIZE:
            first += 1
    return pages


class Winner(TypedDict):
    """A winner, as a page of the square needs it."""

    person_id: str


class ListedTask(Task):
    """A task of the square. `winners` is empty once the task has ended, since nobody can dig it then."""

    winners: list[Winner]


class Square(Documents[Task]):
    """The tasks that strangers' lists show."""

    NAME = "tasks"

    async def page(
        self, page: int, now_ms: int, lasts_ms: int, wanted: Wanted = ALL, featured: Sequence[str] = ()
    ) -> list[ListedTask]:
        """Return a page of the square, as `listed` orders it and `arranged` arranges it.

        If all tasks are wanted, the running tasks among the `featured` come first on the first page, and on
        no other page. Running tasks come with their winners.
        """
        top = featured if wanted == ALL else ()
        codes = await self._codes_on(page, *listed(wanted, now_ms, lasts_ms), now_ms, top)
        asked = [*(top if page == 1 else ()), *codes]
        if not asked:
            return []
        some_won = {"$and": [{"$eq": ["$status", 0]}, {"$lt": ["$prizes_left", "$prize_num"]}]}
        pipeline: list[Document] = [
            # Since the codes were read, a task may have been hidden, or an edit of it submitted to review.
            {"$match": {"_id": {"$in": asked}, **LISTED}},
            {"$unset": "seed_box"},
            # No prize has the code "".
            {"$set": {"won_in": {"$cond": [some_won, "$_id", ""]}}},
            look_up("prizes", "won_in", "winners", {"$project": {"_id": 0, "person_id": 1}}, field="code"),
            {"$unset": "won_in"},
        ]
        # All in one trip: a cursor knows that it has ended if the batch has room for one more.
        found = await aggregate(self.rows, pipeline, len(asked), batchSize=len(asked) + 1)
        rows: dict[str, ListedTask] = {row["_id"]: row for row in found}  # type: ignore[misc]  # plain documents
        shown = dict.fromkeys(code for code in top if code in rows and _runs(rows[code], now_ms))
        return [rows[code] for code in shown | dict.fromkeys(codes) if code in rows]

    async def _codes_on(
        self,
        page: int,
        parts: list[Document],
        order: list[tuple[str, int]],
        now_ms: int,
        top: Sequence[str],
    ) -> list[str]:
        """Return the codes on a page of the square. Mostly, it reads only few more tasks than it returns."""
        for limit in (min(page * PAGE_SIZE + SPARE, ARRANGED), ARRANGED):
            places = await self._places(parts, order, now_ms, limit)
            if limit < ARRANGED and len(places) == limit and places[-1].turned:
                continue  # what starts soonest is still to come
            pages = arranged(place for place in places if place.status or place.code not in top)
            on_page = pages[page - 1] if page <= len(pages) else []
            if len(on_page) == PAGE_SIZE or len(places) < limit:
                break
        return on_page

    async def _places(
        self, parts: list[Document], order: list[tuple[str, int]], now_ms: int, limit: int
    ) -> list[Place]:
        """Return this many places of the parts, one part after the other, each in this order; but among the
        tasks that have not started, the soonest come first.

        Tasks of the same time stay in the index's order, so that the order does not depend on the limit.
        """
        rows: list[Document] = []
        for condition in parts:
            left = limit - len(rows)
            found = self.rows.find(
                condition,
                {"publisher": 1, "status": 1, "opened_at": 1},
                sort=order,
                limit=left,
                batch_size=left,  # all in one trip
            )
            rows += await found.to_list(left)
            if len(rows) == limit:
                break
        # Tasks that have not started have the newest `opened_at`, so they come first. A list of only such
        # tasks needs no sorting here: its `order` begins with the soonest.
        newest_first = dict(order)["opened_at"] == pymongo.DESCENDING
        later = [row for row in rows if newest_first and row["opened_at"] > now_ms and not row["status"]]
        rows[: len(later)] = sorted(later, key=lambda row: row["opened_at"])
        return [
            Place(row["_id"], row["publisher"], row["status"], turned=number < len(later))
            for number, row in enumerate(rows)
        ]

    async def public_of(self, publisher: str, skip: int, limit: int) -> list[Task]:
        """Return the tasks of a person that the square lists or listed: first those that have not ended.

        Within both groups the newest come first, so a task that has not started comes before a task that
        runs.
        """
        listed = {"publisher": publisher, **LISTED}
        return await self.on_page(listed, "status -opened_at _id", skip, limit, SEEDLESS)


def _runs(task: Task, now_ms: int) -> bool:
    return not task["status"] and task["opened_at"] <= now_ms
