"""What runs in the background once an operator asks for it: a rotation, a release, a person's erasure."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from handlers.base import Reply
from handlers.ops.acts import Reason
from handlers.ops.operators import OperatorAct, OperatorInterface
from handlers.ops.person import Named
from handlers.parameters import NoParameters
from server.actions.runs import ask_erasure, ask_run
from server.store.runs import Outcome, What

SHOWN_RUNS = 20


class OpsRunRequest(msgspec.Struct):
    """`rotate`: seal anew what is sealed under older secrets. `release`: build missing indexes."""

    what: Annotated[
        Literal["rotate", "release"], Meta(title="做什么", description="重新密封或准备数据库两种之一")
    ]
    reason: Reason


class OpsRun(OperatorAct):
    """Let the leader seal stored secrets anew, or prepare the database for this version."""

    path = "/ops/run"
    role = "money"

    async def answer(self, request: OpsRunRequest) -> None:
        """Raises BadRequest if such a run is under way."""
        await ask_run(self.context, self.actor, request.what, request.reason)


class OpsEraseRequest(Named, kw_only=True):
    """The person to erase."""

    reason: Reason


class OpsErase(OperatorAct):
    """Let the leader erase a person who asks for it, for good."""

    path = "/ops/erase"
    role = "money"

    async def answer(self, request: OpsEraseRequest) -> None:
        """Raises NoSuchTask, BadRequest. The run tells what stops an erasure."""
        await ask_erasure(self.context, self.actor, request.whom(), request.reason)


class ShownRun(msgspec.Struct):
    """A run: `done` of `total` steps, 0 while that is not known; `outcome` is "" until it has ended.

    `said` describes its progress and result as codes with values. `target` is a fingerprint or a pseudonym.
    """

    what: What
    at: int
    operator: str
    reason: str
    target: str
    done: int
    total: int
    said: list[list[str]]
    outcome: Outcome | Literal[""] = ""


class OpsRunsReply(Reply, kw_only=True):
    """The 20 newest runs, the last one first.

    `sealing` has the fingerprints of this process's secrets in their order; `older` has those of
    further secrets that stored values or other servers may still need.
    """

    data: list[ShownRun]
    sealing: list[str]
    older: list[str]


class OpsRuns(OperatorInterface):
    """What was started here, and how far it has come."""

    path = "/ops/runs"

    async def answer(self, request: NoParameters) -> OpsRunsReply:
        store, keys = self.context.store, self.context.keys
        about = await store.meta.find()
        known = set() if about is None else about["keys"].keys()
        return OpsRunsReply(
            data=msgspec.convert(await store.runs.newest(SHOWN_RUNS), list[ShownRun]),
            sealing=[keys.fingerprint, *sorted(keys.fingerprints - {keys.fingerprint})],
            older=sorted(known - {keys.fingerprint}),
        )
