"""The part of the walk that is about reviews; see `walk.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from server.game.amounts import DAY_MS
from server.operation.check.seeds import NOW, a_review, code_of, person_of
from server.store import Store
from server.store.reviews import Part, Reviews

_ONE, _NEXT = code_of(1), code_of(2)


async def _all(reviews: Reviews) -> None:
    parts: tuple[Part | None, ...] = (None, "text", "picture")
    for part in parts:
        async for _ in reviews.lease_due_for(part, lambda: NOW, NOW):
            pass


REVIEWS: tuple[Callable[[Store], Awaitable[Any]], ...] = (
    lambda store: store.reviews.add(a_review("check", _ONE)),
    lambda store: store.reviews.add(a_review("profile", "")),
    lambda store: store.reviews.checking_number(NOW),
    lambda store: store.reviews.held_number(NOW),
    lambda store: store.reviews.delete_of_task(_NEXT),
    lambda store: store.reviews.find("check"),
    lambda store: store.reviews.of_profile(person_of(2)),
    lambda store: store.reviews.pictures_among([f"/files/{1:032x}.png"]),
    lambda store: store.reviews.replace_profiles(a_review("newer", "")),
    lambda store: store.reviews.note_said("check", "text", "review", "check"),
    lambda store: store.reviews.note_asked("check", "trace", NOW, NOW),
    lambda store: store.reviews.postpone("check", NOW),
    lambda store: store.reviews.wake("trace"),
    lambda store: store.reviews.lease("check"),
    lambda store: _all(store.reviews),
    lambda store: store.reviews.conclude("check", "held", "check"),
    lambda store: store.reviews.held(20),
    lambda store: store.reviews.decide("check", "refused", "check"),
    lambda store: store.reviews.finish(a_review("check", _ONE)),
    lambda store: store.media_checks.add({"_id": "trace", "said": "pass", "risk": ""}, NOW),
    lambda store: store.media_checks.find_first(["trace"]),
    lambda store: store.shown_tasks.set_hidden(_ONE, hidden=True, note="check"),
    lambda store: store.shown_tasks.set_hidden(_ONE, hidden=False),
    lambda store: store.shown_tasks.hide_reported(_ONE, 2, "check"),
    lambda store: store.shown_tasks.reported_number(),
    lambda store: store.shown_tasks.long_reported(NOW, 20),
    lambda store: store.shown_tasks.unhide_reported(_ONE, DAY_MS),
    lambda store: store.shown_tasks.is_hidden(_ONE),
    lambda store: store.shown_tasks.hold(_ONE, "check"),
    lambda store: store.shown_tasks.note_prepaid(_ONE),
    lambda store: store.shown_tasks.show(_ONE, 1000),
    lambda store: store.shown_tasks.end_taken_down(_NEXT, "check"),
    lambda store: store.shown_tasks.refuse(_NEXT, "check"),
)
