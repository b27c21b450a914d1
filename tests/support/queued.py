"""A message and a review as they are stored, for what counts them."""

from __future__ import annotations

import time
from typing import Any

from server.store.messages.messages import Message
from server.store.reviews.reviews import Review

NOW = int(time.time() * 1000)


def a_message(number: int, **fields: Any) -> Message:
    """Return a message that tells somebody of a prize."""
    code = f"Check{number:07}"
    message = Message(
        _id=f"won:{code}:1",
        kind="won",
        code=code,
        unionid="winner",
        prize=f"{code}:1",
        state="waiting",
        tries=0,
        until=NOW,
        created_at=NOW,
        ended_at=0,
        alarm="",
        due_at=NOW,
    )
    message.update(fields)  # type: ignore[typeddict-item]  # some of its fields
    return message


def a_review(key: str, code: str) -> Review:
    """Return what is checked: a task, or a profile if `code` is ""."""
    return Review(
        _id=key,
        code=code,
        unionid="publisher",
        openid="publisher",
        text="check",
        picture="",
        state="checking",
        text_said="",
        picture_said="",
        risks=[],
        traces=[],
        asked_at=0,
        why="",
        created_at=NOW,
        due_at=NOW,
    )
