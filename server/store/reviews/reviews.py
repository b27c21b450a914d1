"""What is checked before others see it: `reviews`, a task or a name and picture that somebody chose.

Their lifecycle is `game/review.py`.
"""

from collections.abc import AsyncIterator, Callable
from typing import NotRequired, TypedDict

from server.game.lifecycle import Moved
from server.game.review import IN_REVIEW, Part, ReviewState
from server.game.review import review as lifecycle
from server.store.documents import index
from server.store.due import DUE_INDEX, DueDocuments
from server.store.pipelines import Document


class Review(TypedDict):
    """Times are unix ms. `code` is "" for a profile; `text` and `picture` (a path) are "" if there is none.

    `text_said` and `picture_said` are WeChat's `suggest`, "" until it is known, and `risks` the kinds of risk
    it named. `traces` are the trace_ids of the requests to check the picture; the last request was sent at
    `asked_at`. `why` says in words why it is held or refused. `look` is there if its goods are sent by mail,
    and says why an operator has to look at it, whatever WeChat says of it; "" if none has to. The review of a
    profile has the chosen name and picture in `wxname` and `wxheadpic`. `choice` numbers the choices of a
    person; it is absent if name and picture came from WeChat's data. `more` are the pictures that are checked
    once `picture` has passed, one after the other. `edited` is the number that the task's field of that name
    had at the submission; it is absent for 0.
    """

    _id: str
    code: str
    person_id: str
    openid: str
    text: str
    picture: str
    state: ReviewState
    text_said: str
    picture_said: str
    risks: list[str]
    traces: list[str]
    asked_at: int
    why: str
    created_at: int
    more: NotRequired[list[str]]
    edited: NotRequired[int]
    look: NotRequired[str]
    wxname: NotRequired[str]
    wxheadpic: NotRequired[str]
    choice: NotRequired[int]
    due_at: NotRequired[int]
    history: NotRequired[list[Moved]]


def _waiting_for(part: Part | None, asked_before_ms: int) -> Document:
    """Return the query that finds what `Reviews.lease_due_for` yields."""
    no_text = {"text": {"$ne": ""}, "text_said": ""}
    text: Document = {"state": "checking", **no_text}
    picture: Document = {
        "state": "checking",
        "picture": {"$ne": ""},
        "picture_said": "",
        "asked_at": {"$lte": asked_before_ms},
        "text_said": {"$ne": "risky"},
        "$nor": [no_text],
    }
    others: Document = {"$nor": [text, picture]}
    return text if part == "text" else picture if part == "picture" else others


def new_review(key: str, person_id: str, openid: str, text: str, now_ms: int) -> Review:
    """Return a new review of a profile without a picture. The caller may then set other fields."""
    return Review(
        _id=key,
        code="",
        person_id=person_id,
        openid=openid,
        text=text,
        picture="",
        state="checking",
        text_said="",
        picture_said="",
        risks=[],
        traces=[],
        asked_at=0,
        why="",
        created_at=now_ms,
        due_at=now_ms,
    )


class Reviews(DueDocuments[Review]):
    """Reads and writes of `reviews`. Its changes are the rows of `game/review.py`."""

    NAME = "reviews"
    TABLE = lifecycle
    INDEXES = (
        index("queue", "state created_at"),
        index("of_trace", "traces"),
        index("of_person", "person_id code -created_at"),
        DUE_INDEX,
    )

    def lease_due_for(
        self, part: Part | None, now_ms: Callable[[], int], asked_before_ms: int
    ) -> AsyncIterator[Review]:
        """Lease and yield the due reviews whose `part` WeChat has to check.

        With None, yields the reviews for which WeChat need not be asked. WeChat is asked about a picture
        again if it was last asked before `asked_before_ms` (unix ms).
        """
        return self.lease_due(now_ms, _waiting_for(part, asked_before_ms))

    async def of_profile(self, person_id: str) -> Review | None:
        """Return the review of the name and picture that a person chose last."""
        # There may be several such reviews until `replace_profiles` has run. Their times are by different
        # clocks, so `choice` decides.
        found = await self.in_order({"person_id": person_id, "code": ""}, "-created_at", 10)
        return max(found, key=lambda review: review.get("choice", 0), default=None)

    async def of_task(self, publisher: str, code: str) -> list[Review]:
        """Return the reviews of a task that are under way or held: at most one, but for a moment after an
        edit."""
        return await self.in_order({"person_id": publisher, "code": code}, "-created_at")

    async def replace_profiles(self, review: Review) -> None:
        """Delete the reviews of what the person chose before this review's choice."""
        before = [{"choice": {"$lt": review.get("choice", 0)}}, {"choice": {"$exists": False}}]
        await self.collection.delete_many({"person_id": review["person_id"], "code": "", "$or": before})

    async def pictures_among(self, paths: list[str]) -> set[str]:
        """Return which of these paths are pictures in reviews: checked, held, or about to be shown."""
        looked_at = {"state": {"$in": [*IN_REVIEW, "shown"]}, "picture": {"$in": paths}}
        return set(await self.collection.distinct("picture", looked_at))

    async def number(self, state: ReviewState, before_ms: int) -> int:
        """Return how many reviews from before a time (unix ms) are in this state."""
        return await self.rows.count_documents({"state": state, "created_at": {"$lt": before_ms}})

    async def delete_of_task(self, publisher: str, code: str, edited: int | None = None) -> None:
        """Delete a task's remaining reviews; with `edited`, only those from before that edit."""
        before = {} if edited is None else {"edited": {"$not": {"$gte": edited}}}
        await self.collection.delete_many({"person_id": publisher, "code": code, **before})

    async def delete(self, review: Review) -> None:
        """Delete a review that ended, unless its state has changed."""
        await self.collection.delete_one({"_id": review["_id"], "state": review["state"]})

    async def held(self, limit: int) -> list[Review]:
        """Return the held reviews, the oldest first."""
        return await self.in_order({"state": "held"}, "created_at", limit)
