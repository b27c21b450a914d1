"""What is held until an operator has looked at it: the queue, and the decision."""

from typing import Annotated

import msgspec

from handlers.base import Reply, of_document
from handlers.ops.acts import Reason
from handlers.ops.operators import OperatorAct, OperatorInterface
from handlers.parameters import NoParameters
from handlers.pictures.operators import operators_picture
from server.actions.operate import decide_review
from server.actions.people.whom import REVIEW_PATTERN
from server.decoding import named
from server.game.amounts import total_fen

LISTED = 200

Key = Annotated[str, named("哪一条", "待审列表中的一条", pattern=REVIEW_PATTERN)]


class HeldReview(msgspec.Struct):
    """A task or, if `code` is "", a name and picture that somebody chose. `pic` is "" if there is none.

    `name` is the task's, `wxname` that of the person who submitted it, both as others see them now.

    `more` are the unchecked pictures of its kinds of prizes.

    `why` says why it is held; `created_at` is when it began to wait, unix ms.
    """

    key: str
    code: str
    name: str
    wxname: str
    text: str
    pic: str
    more: list[str]
    why: str
    created_at: int


class OpsReviewsReply(Reply, kw_only=True):
    """What is held, the oldest first, at most 200. `checks` is 1 if WeChat checks contents."""

    data: list[HeldReview]
    checks: int


class OpsReviews(OperatorInterface, path="/ops/reviews"):
    """What an operator has to look at."""

    async def answer(self, request: NoParameters) -> OpsReviewsReply:
        store = self.context.store
        held = await store.reviews.held(LISTED)
        names = await store.tasks.names(review["code"] for review in held)
        wxnames = await store.people.names(review["person_id"] for review in held)
        return OpsReviewsReply(
            data=[
                of_document(
                    HeldReview,
                    review,
                    key=review["_id"],
                    name=names.get(review["code"], ""),
                    wxname=wxnames.get(review["person_id"], ""),
                    pic=operators_picture(review["picture"]),
                    more=[operators_picture(path) for path in review.get("more", [])],
                )
                for review in held
            ],
            checks=int(self.context.settings.checks_content),
        )


class OpsDecideRequest(msgspec.Struct):
    """`shown` 1 lets everybody see it, 0 refuses it. The publisher reads the reason of a refusal."""

    key: Key
    shown: Annotated[int, named("是否展示", "0 或 1", ge=0, le=1)]
    reason: Reason


class OpsDecide(OperatorAct, path="/ops/decide"):
    """Decide about what is held."""

    async def answer(self, request: OpsDecideRequest) -> None:
        """Raises BadRequest if the review is not held any more, NotAllowed if the decision moves money."""
        kind, code, *_ = request.key.split(":")
        if kind == "task" and not request.shown:
            task = await self.context.store.tasks.find(code)
            if task is not None and total_fen(task):
                self.need("money")
        await decide_review(self.context, self.actor, request.key, request.reason, shown=bool(request.shown))
