"""What operators do: each act asks for a role and a reason, and is logged."""

from typing import Annotated

import msgspec

from handlers.ops.operators import OperatorAct
from handlers.ops.person import Named
from handlers.parameters import Code
from server.actions.operate import (
    ban,
    end_task,
    feature_task,
    hide_task,
    lift_ban,
    log_out_person,
    set_daily,
    trust_person,
)
from server.decoding import named
from server.game.amounts import total_fen
from server.security.plain_text import ONE_LINE

Reason = Annotated[str, named("理由", "1 到 200 个字", min_length=1, max_length=200, extra=ONE_LINE)]


class OpsEndRequest(msgspec.Struct):
    """The reason is shown to everybody. `fraud` 1 also freezes the prizes that were won."""

    code: Code
    reason: Reason
    fraud: Annotated[int, named("是否欺诈", "0 或 1", ge=0, le=1)] = 0


class OpsEnd(OperatorAct, path="/ops/end"):
    """End a task."""

    async def answer(self, request: OpsEndRequest) -> None:
        """Raises NoSuchTask, Ended, and NotAllowed if that would move money."""
        task = await self.context.store.tasks.find(request.code)
        if request.fraud or (task is not None and total_fen(task)):
            self.need("money")
        await end_task(self.context, self.actor, request.code, request.reason, fraud=bool(request.fraud))


class OpsHideRequest(msgspec.Struct):
    """`hidden` 1 hides the task from all but its publisher and its winners, 0 shows it again."""

    code: Code
    hidden: Annotated[int, named("是否隐藏", "0 或 1", ge=0, le=1)]
    reason: Reason


class OpsHide(OperatorAct, path="/ops/hide"):
    """Hide a task from all but its publisher and its winners, or show it again."""

    async def answer(self, request: OpsHideRequest) -> None:
        """Raises what `hide_task` raises."""
        await hide_task(self.context, self.actor, request.code, request.reason, hidden=bool(request.hidden))


class OpsFeatureRequest(msgspec.Struct):
    """`featured` 1 puts the task on top of the square, 0 takes it from there."""

    code: Code
    featured: Annotated[int, named("是否精选", "0 或 1", ge=0, le=1)]
    reason: Reason


class OpsFeature(OperatorAct, path="/ops/feature"):
    """Put a task on top of the square, or take it from there; at most five are there."""

    async def answer(self, request: OpsFeatureRequest) -> None:
        """Raises what `feature_task` raises."""
        await feature_task(
            self.context, self.actor, request.code, request.reason, featured=bool(request.featured)
        )


class OpsDailyRequest(msgspec.Struct):
    """`daily` 1 makes the task the daily one (每日一挖) of the day on which it starts, 0 takes that back."""

    code: Code
    daily: Annotated[int, named("是否每日一挖", "0 或 1", ge=0, le=1)]
    reason: Reason


class OpsDaily(OperatorAct, path="/ops/daily"):
    """Make a task the daily one of its day, or take that back."""

    async def answer(self, request: OpsDailyRequest) -> None:
        """Raises what `set_daily` raises."""
        await set_daily(self.context, self.actor, request.code, request.reason, daily=bool(request.daily))


class OpsSignOutRequest(Named, kw_only=True):
    """The person to log out."""

    reason: Reason


class OpsSignOut(OperatorAct, path="/ops/signout"):
    """End all sessions of a person."""

    async def answer(self, request: OpsSignOutRequest) -> None:
        """Raises NoSuchTask, BadRequest."""
        await log_out_person(self.context, self.actor, request.whom(), request.reason)


class OpsBanRequest(Named, kw_only=True):
    """The person to ban. With `days` 0 the ban lasts until it is lifted."""

    days: Annotated[int, named("天数", "0（直到解除）到 3650 的整数", ge=0, le=3650)]
    reason: Reason


class OpsBan(OperatorAct, path="/ops/ban"):
    """Ban a person, and tell them why: they can no longer publish, upload, dig or report."""

    async def answer(self, request: OpsBanRequest) -> None:
        """Raises NoSuchTask, BadRequest, Unavailable."""
        await ban(self.context, self.actor, request.whom(), request.days, request.reason)


class OpsUnbanRequest(Named, kw_only=True):
    """The person whose ban is lifted."""

    reason: Reason


class OpsUnban(OperatorAct, path="/ops/unban"):
    """Lift a person's ban."""

    async def answer(self, request: OpsUnbanRequest) -> None:
        """Raises NoSuchTask, BadRequest."""
        await lift_ban(self.context, self.actor, request.whom(), request.reason)


class OpsTrustRequest(Named, kw_only=True):
    """The publisher whom an operator trusts (1), or no longer (0)."""

    trusted: Annotated[int, named("是否信任", "0 或 1", ge=0, le=1)]
    reason: Reason


class OpsTrust(OperatorAct, path="/ops/trust", role="money"):
    """Exempt a publisher from the limit of what all their red packets pay a day, or limit it again."""

    async def answer(self, request: OpsTrustRequest) -> None:
        """Raises NoSuchTask, BadRequest."""
        whom = request.whom()
        trusted = bool(request.trusted)
        await trust_person(self.context, self.actor, whom, request.reason, trusted=trusted)
