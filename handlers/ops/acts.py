"""What operators do: each act asks for a role and a reason, and is logged."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from handlers.base import Reply
from handlers.ops.operators import OperatorInterface
from handlers.ops.person import Named
from handlers.parameters import ONE_LINE, Code
from server.actions.operate import (
    ban,
    disconnect_watchers,
    end_task,
    feature_task,
    hide_task,
    lift_ban,
    log_out_person,
)
from server.game.amounts import total_fen

Reason = Annotated[
    str, Meta(min_length=1, max_length=200, extra=ONE_LINE, title="理由", description="1 到 200 个字")
]


class OpsEndRequest(msgspec.Struct):
    """The reason is shown to everybody. `fraud` 1 also freezes the prizes that were won."""

    code: Code
    reason: Reason
    fraud: Annotated[int, Meta(ge=0, le=1, title="是否欺诈", description="0 或 1")] = 0


class OpsEnd(OperatorInterface):
    """End a task."""

    path = "/ops/end"
    method = "POST"
    role = "act"

    async def answer(self, request: OpsEndRequest) -> Reply:
        """Raises NoSuchTask, Ended, and NotAllowed if that would move money."""
        task = await self.context.store.tasks.find(request.code)
        if request.fraud or (task is not None and total_fen(task)):
            self.need("money")
        await end_task(self.context, self.actor, request.code, request.reason, fraud=bool(request.fraud))
        return Reply()


class OpsHideRequest(msgspec.Struct):
    """`hidden` 1 hides the task from all but its publisher and its winners, 0 shows it again."""

    code: Code
    hidden: Annotated[int, Meta(ge=0, le=1, title="是否隐藏", description="0 或 1")]
    reason: Reason


class OpsHide(OperatorInterface):
    """Hide a task from all but its publisher and its winners, or show it again."""

    path = "/ops/hide"
    method = "POST"
    role = "act"

    async def answer(self, request: OpsHideRequest) -> Reply:
        """Raises what `hide_task` raises."""
        await hide_task(self.context, self.actor, request.code, request.reason, hidden=bool(request.hidden))
        return Reply()


class OpsFeatureRequest(msgspec.Struct):
    """`featured` 1 puts the task on top of the square, 0 takes it from there."""

    code: Code
    featured: Annotated[int, Meta(ge=0, le=1, title="是否精选", description="0 或 1")]
    reason: Reason


class OpsFeature(OperatorInterface):
    """Put a task on top of the square, or take it from there; at most five are there."""

    path = "/ops/feature"
    method = "POST"
    role = "act"

    async def answer(self, request: OpsFeatureRequest) -> Reply:
        """Raises what `feature_task` raises."""
        await feature_task(
            self.context, self.actor, request.code, request.reason, featured=bool(request.featured)
        )
        return Reply()


class OpsDisconnectRequest(msgspec.Struct):
    """`process` is the name of a process in the feed."""

    process: Annotated[str, Meta(pattern=r"\A[0-9a-f]{12}\Z", title="进程", description="12 位的标识")]
    reason: Reason


class OpsDisconnect(OperatorInterface):
    """Send a process's watchers to the others."""

    path = "/ops/disconnect"
    method = "POST"
    role = "act"

    async def answer(self, request: OpsDisconnectRequest) -> Reply:
        """Raises Unavailable if Redis does not answer."""
        await disconnect_watchers(self.context, self.actor, request.process, request.reason)
        return Reply()


class OpsSignOutRequest(Named, kw_only=True):
    """Who is logged out."""

    reason: Reason


class OpsSignOut(OperatorInterface):
    """End all sessions of a person."""

    path = "/ops/signout"
    method = "POST"
    role = "act"

    async def answer(self, request: OpsSignOutRequest) -> Reply:
        """Raises NoSuchTask, BadRequest."""
        await log_out_person(self.context, self.actor, request.whom(), request.reason)
        return Reply()


class OpsBanRequest(Named, kw_only=True):
    """Who is banned. `days` 0: until the ban is lifted."""

    days: Annotated[int, Meta(ge=0, le=3650, title="天数", description="0（直到解除）到 3650 的整数")]
    reason: Reason


class OpsBan(OperatorInterface):
    """Ban a person, and tell them why: they can no longer publish, upload, dig or report."""

    path = "/ops/ban"
    method = "POST"
    role = "act"

    async def answer(self, request: OpsBanRequest) -> Reply:
        """Raises NoSuchTask, BadRequest, Unavailable."""
        await ban(self.context, self.actor, request.whom(), request.days, request.reason)
        return Reply()


class OpsUnbanRequest(Named, kw_only=True):
    """Whose ban is lifted."""

    reason: Reason


class OpsUnban(OperatorInterface):
    """Lift a person's ban."""

    path = "/ops/unban"
    method = "POST"
    role = "act"

    async def answer(self, request: OpsUnbanRequest) -> Reply:
        """Raises NoSuchTask, BadRequest."""
        await lift_ban(self.context, self.actor, request.whom(), request.reason)
        return Reply()
